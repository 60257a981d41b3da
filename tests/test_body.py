"""`eventcli.body`: the body in use is the fastest one that is there, or the one that was asked for, and it says why."""

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest

import eventcli
from eventcli import BodyError, Query
from eventcli import body as body_module
from eventcli.body import BODY_VARIABLE, kernel
from eventcli.folding.bodies import new_fold
from process import GOOD, Ended, environment

HAS_RUST: Final = importlib.util.find_spec("eventcli._kernel") is not None
EXTENSION: Final = "_kernel.abi3.so"
NEEDS_RUST: Final = pytest.mark.skipif(not HAS_RUST, reason="built without the Rust body")


def test_the_body_in_use_is_the_one_asked_for(body: str) -> None:
    """The environment chooses the body."""
    assert body_module.body() == body


def test_the_fastest_body_is_used_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a wish, or with an empty one, the Rust body is used where there is one."""
    assert body_module.body() == ("rust" if HAS_RUST else "python")
    monkeypatch.setenv(BODY_VARIABLE, "")
    assert body_module.body() == ("rust" if HAS_RUST else "python")


@pytest.mark.parametrize("wish", ["Python", "c", " rust", "rust-", "rust-AVX2", "python-avx2"])
def test_an_unknown_body_is_refused(wish: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wish for a body that does not exist is an error that names what there is."""
    monkeypatch.setenv(BODY_VARIABLE, wish)
    with pytest.raises(BodyError, match="python or rust"):
        new_fold(Query())


def test_an_absent_body_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wish for the Rust body where it was not built is an error: no silent fallback."""
    monkeypatch.setattr(body_module, "kernel", None)
    monkeypatch.setenv(BODY_VARIABLE, "rust")
    with pytest.raises(BodyError, match="without the Rust body"):
        new_fold(Query())


# ------------------------------------------------------------------------------------- why, in a copy of the package


class Copy:
    """A copy of the package, whose extension a test may take away or break."""

    def __init__(self, folder: Path) -> None:
        """Copy it into a folder."""
        self._folder = folder
        self.package = folder / "eventcli"
        shutil.copytree(Path(eventcli.__file__).parent, self.package)
        self.extension = self.package / EXTENSION
        self.reason = self.package / "_unbuilt.txt"
        self.reason.unlink(missing_ok=True)

    def run(self, *args: str, stdin: bytes = b"", variables: Mapping[str, str] = {}) -> Ended:
        """Run the copy's command line."""
        env = environment(PYTHONPATH=str(self._folder), PYTHONDONTWRITEBYTECODE="1", **variables)
        command = [sys.executable, "-m", "eventcli", *args]
        done = subprocess.run(command, input=stdin, capture_output=True, env=env, cwd=self._folder, check=False)
        return Ended(done.returncode, done.stdout, done.stderr.decode())

    def version(self, **variables: str) -> str:
        """Return what --version says behind name, version and body of a Python body."""
        ended = self.run("--version", variables=variables)
        assert (ended.status, ended.stderr) == (0, "")
        match = re.fullmatch(r"eventstats \S+ \(python body\): (.+)\n", ended.stdout.decode())
        assert match is not None, ended.stdout
        return match[1]


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """Return a copy of the package as it is installed here."""
    return Copy(tmp_path / "a copy")


def test_version_says_that_the_python_body_was_asked_for(copy: Copy) -> None:
    """A forced Python body is called that, whether or not there is another."""
    assert copy.version(EVENTSTATS_KERNEL="python") == "EVENTSTATS_KERNEL=python forces it"
    copy.extension.unlink(missing_ok=True)
    assert copy.version(EVENTSTATS_KERNEL="python") == "EVENTSTATS_KERNEL=python forces it"


@NEEDS_RUST
def test_version_has_nothing_to_explain_about_the_rust_body(copy: Copy) -> None:
    """Where the Rust body is in use, forced or not, --version ends with its name and its level, the fastest one."""
    for wish in ("", "rust"):
        ended = copy.run("--version", variables={BODY_VARIABLE: wish})
        assert ended.stdout.endswith(f" (rust body): level {kernel.levels()[-1]}\n".encode())


def test_version_says_why_the_rust_body_was_not_built(copy: Copy) -> None:
    """What the build wrote down is shown, or that it wrote nothing down; also where the body is demanded."""
    copy.extension.unlink(missing_ok=True)
    assert copy.version() == "this installation is without the Rust body, and no build left a reason"
    copy.reason.write_text("cargo not found\n")
    assert copy.version() == "this installation was built without the Rust body: cargo not found"
    ended = copy.run("--version", variables={BODY_VARIABLE: "rust"})
    assert (ended.status, ended.stdout) == (2, b"")
    assert ended.stderr == (
        "eventstats: EVENTSTATS_KERNEL=rust, but this installation was built without the Rust body: cargo not found\n"
    )


def test_a_reason_from_outside_is_one_line_without_terminal_codes(copy: Copy) -> None:
    """Whatever bytes are found where the build left its reason, --version is one printable line."""
    copy.extension.unlink(missing_ok=True)
    copy.reason.write_bytes(b"\x1b[31merror\xff: \xe2\x80\xae\x00" + b"x" * 100_000 + b"\nsecond line\n")
    said = copy.version()
    assert said.isprintable()
    assert "error" in said
    assert "second line" not in said
    assert len(said) < 2000


def _cut(share: float) -> Callable[[Path], None]:
    def cut(extension: Path) -> None:
        whole = extension.read_bytes()
        extension.write_bytes(whole[: int(len(whole) * share)])

    return cut


def _link(extension: Path) -> None:
    extension.unlink(missing_ok=True)
    extension.symlink_to("/dev/null")


def _other_machine(extension: Path) -> None:
    whole = bytearray(extension.read_bytes())
    machine = slice(18, 20)
    whole[machine] = (21).to_bytes(2, "little")  # a PowerPC, which runs no test of ours in this order of bytes
    extension.write_bytes(whole)


def _other_word(extension: Path) -> None:
    whole = bytearray(extension.read_bytes())
    whole[4] = 1  # 32 bits
    extension.write_bytes(whole)


BREAKS: Final[dict[str, Callable[[Path], object]]] = {
    "empty": lambda extension: extension.write_bytes(b""),
    "text": lambda extension: extension.write_text("version https://git-lfs.github.com/spec/v1\n"),
    "magic": lambda extension: extension.write_bytes(b"\x7fELF\x02\x01"),
    "link": _link,
}
CUTS: Final[dict[str, Callable[[Path], object]]] = {
    "a-page": lambda extension: extension.write_bytes(extension.read_bytes()[:4096]),
    "three-tenths": _cut(0.3),
    "half": _cut(0.5),
    "nine-tenths": _cut(0.87),
    "other-machine": _other_machine,
    "other-word": _other_word,
}


@pytest.mark.parametrize("breaks", [*BREAKS, *(pytest.param(name, marks=NEEDS_RUST) for name in CUTS)])
def test_a_broken_extension_gives_the_python_body_and_says_so(breaks: str, copy: Copy) -> None:
    """An extension that cannot be loaded is no crash and no traceback: totals are right, --version has the cause."""
    (BREAKS | CUTS)[breaks](copy.extension)
    if not copy.extension.is_file():
        assert copy.version().startswith("this installation is without the Rust body")
    else:
        assert re.fullmatch(r"the Rust body failed to load: .*\S.*", copy.version())
        assert copy.version(EVENTSTATS_KERNEL="python") == "EVENTSTATS_KERNEL=python forces it"
    assert copy.run("-f", "jsonl", stdin=GOOD) == Ended(0, b'{"type":"a","count":1,"sum":1}\n', "")
    for args in (("--version",), ("-f", "jsonl")):
        ended = copy.run(*args, stdin=GOOD, variables={BODY_VARIABLE: "rust"})
        assert (ended.status, ended.stdout) == (2, b"")
        assert re.fullmatch(r"eventstats: EVENTSTATS_KERNEL=rust, but .*Rust body.*\n", ended.stderr)


@NEEDS_RUST
def test_an_extension_without_its_last_bytes_may_be_whole(copy: Copy) -> None:
    """An extension that lacks only what no loader needs, the table of its sections, is the Rust body."""
    whole = copy.extension.read_bytes()
    sections = int.from_bytes(whole[40:48], "little")
    if whole[:6] != b"\x7fELF\x02\x01" or sections < len(whole) * 0.9:
        pytest.skip("the extension is laid out otherwise")
    copy.extension.write_bytes(whole[:sections])
    assert b" (rust body): level " in copy.run("--version").stdout


@NEEDS_RUST
def test_the_cause_of_a_failure_is_one_line_without_terminal_codes(tmp_path: Path) -> None:
    """The loader's words hold the path of the package, which is text from outside."""
    copy = Copy(tmp_path / "evil\x1b[31m\nfolder")
    _cut(0.5)(copy.extension)
    assert r"evil\x1b[31m\nfolder" in copy.version()


@NEEDS_RUST
def test_a_level_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each level of the processor is used where it is asked for, is told by --version, and gives the same answer."""
    log = b'{"type":"a","value":1.5,"text":"\xe6\x97\xa5"}\n' * 9
    for level in kernel.levels():
        monkeypatch.setenv(BODY_VARIABLE, f"rust-{level}")
        assert (body_module.body(), body_module.why()) == ("rust", f"level {level}")
        fold = new_fold(Query())
        fold.add(log)
        assert fold.summary().types["a"].sum == Decimal("13.5")


@NEEDS_RUST
@pytest.mark.parametrize("wish", ["rust-avx512", "rust-ssse3"])
def test_a_level_that_the_processor_lacks_is_refused(wish: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wish for instructions that are not there is an error that names those that are."""
    monkeypatch.setattr(body_module, "kernel", SimpleNamespace(levels=lambda: ["portable", "avx2"]))
    monkeypatch.setenv(BODY_VARIABLE, wish)
    with pytest.raises(BodyError, match="this processor has rust-portable, rust-avx2"):
        body_module.body()


@NEEDS_RUST
def test_all_levels_have_names() -> None:
    """The names that the variable takes are those of the kernel, and what it lacks it refuses itself, too."""
    assert {f"rust-{level}" for level in kernel.levels()} <= set(body_module.LEVELS)
    with pytest.raises(ValueError, match="is no level here"):
        kernel.Fold(_NOTHING, level="avx1024")
    with pytest.raises(ValueError, match="is no level here"):
        kernel.Cutter(path=[], most=9, atomic=False, resumed=False, level="avx1024")
    with pytest.raises(ValueError, match="is no level here"):
        kernel.Unwrapper(skip_prefix=False, bulk=False, ways=[], in_place=False, most=9, level="avx1024")
    with pytest.raises(ValueError, match="a cache that is none"):
        kernel.Fold(_NOTHING, caches=["skeletons"])


_NOTHING: Final[Any] = {
    "type_ways": [["type"]],
    "value_ways": [["value"]],
    "absent": None,
    "numeric_strings": False,
    "salvage": False,
    "types": None,
    "max_types": 9,
    "max_type_bytes": 999,
    "time": None,
    "shape": (False, False, []),
    "aggregates": [],
}


def test_the_page_explains_each_reason() -> None:
    """docs/install.md has a row for every beginning of what --version says of a Python body."""
    page = (Path(__file__).parent.parent / "docs" / "install.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| `\(python body\): (.*?)(?: \.\.\.)?` \|", page, re.MULTILINE)
    sources = Path(body_module.__file__).read_text(encoding="utf-8").replace("{BODY_VARIABLE}", BODY_VARIABLE)
    assert len(explained) == 3
    assert all(text in sources for text in explained)
