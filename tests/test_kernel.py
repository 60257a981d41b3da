"""The structure of the Rust body, and what its compiler has made of it."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

import eventcli
from process import LONG

KERNEL: Final = Path(__file__).parent.parent / "kernel"

SOURCES: Final = {path.relative_to(KERNEL / "src").as_posix(): path for path in sorted((KERNEL / "src").rglob("*.rs"))}
"""The files of the kernel, by their place in it."""

UNSAFE: Final = {"buffer.rs", *(f"wide/{name}.rs" for name in ("avx2", "avx512", "lanes", "sixteen", "ssse3"))}
"""The files that have unsafe code: the bytes of Python's buffers, and what needs instructions of the processor."""

_INSTRUCTION: Final = r"\S*core_arch\S*?\d(?:_mm\d*|_pdep|_pext)_\w+"
_METHOD: Final = r"\S*4wide\S*(?<!detect)(?<!all)(?<!run)(?<!apart)(?<!fastest)(?<!name)17h\w+"
CALL: Final = re.compile(rf"\bcall\b.*<(?:{_INSTRUCTION}|{_METHOD})>")
"""A call of an instruction, or of a method of a level that should have become a part of its caller."""

pytestmark = pytest.mark.skipif(not SOURCES, reason="a source distribution without the Rust body")


def manifest(name: str) -> dict[str, Any]:
    """Return what a TOML file of the kernel says."""
    return tomllib.loads((KERNEL / name).read_text(encoding="utf-8"))


def code_of(name: str) -> str:
    """Return the code of a file without its tests and comments."""
    code = SOURCES[name].read_text(encoding="utf-8").partition("#[cfg(test)]\nmod tests")[0]
    return re.sub(r"//.*", "", code)


def test_versions_agree() -> None:
    """The Rust body has the version of the package."""
    assert manifest("Cargo.toml")["package"]["version"] == eventcli.__version__


def test_files_are_short() -> None:
    """No file has more than 500 lines."""
    assert {name: lines for name in SOURCES if (lines := len(SOURCES[name].read_text().splitlines())) > 500} == {}


def test_functions_have_few_parameters() -> None:
    """The compiler's linter refuses a function of more than six parameters, and no function is exempt."""
    assert manifest("clippy.toml")["too-many-arguments-threshold"] == 6
    assert [name for name in SOURCES if "too_many_arguments" in code_of(name)] == []


def test_modules_form_no_circle() -> None:
    """No file or folder needs one that needs it, but for tests."""
    uses: dict[str, set[str]] = {}
    for name in SOURCES:
        module = name.partition("/")[0].removesuffix(".rs")
        if Path(name).stem not in {"lib", "tests"}:
            uses.setdefault(module, set()).update(set(re.findall(r"\bcrate::(\w+)", code_of(name))) - {module})
    while free := {module for module, used in uses.items() if not used & uses.keys()}:
        uses = {module: used for module, used in uses.items() if module not in free}
    assert uses == {}


def test_unsafe_code_is_where_it_must_be() -> None:
    """The compiler refuses unsafe code but in two places, and a block there that does not say why it is sound."""
    lints = manifest("Cargo.toml")["lints"]
    assert lints["rust"]["unsafe_code"] == lints["clippy"]["undocumented_unsafe_blocks"] == "deny"
    assert {name for name in SOURCES if re.search(r"\bunsafe\b", code_of(name))} == UNSAFE
    assert {name for name in SOURCES if "(unsafe_code)" in code_of(name)} == {"buffer.rs", "wide/mod.rs"}


def test_no_instruction_is_called_as_a_function() -> None:
    """In the built library nothing is compiled without the instructions that it uses: it would call each of them."""
    line = "  call   50380 <_ZN4core9core_arch3x864avx220_mm256_movemask_epi817h32e12ecdd0a781d8E>"
    assert CALL.search(line), "the pattern finds what it looks for"
    library = Path(eventcli.__file__).parent / "_kernel.abi3.so"
    if not library.exists() or not (objdump := shutil.which("objdump")):
        pytest.skip("no Rust body here, or no objdump")
    listed = subprocess.run([objdump, "-d", "--no-show-raw-insn", library], check=True, capture_output=True, text=True)
    assert listed.stdout.count("17eventstats_kernel4fold") > 10, "the library has names"
    assert [line for line in listed.stdout.splitlines() if CALL.search(line)] == []


@pytest.mark.skipif(not LONG, reason="compiles the Rust body and tests it for minutes; HYPOTHESIS_PROFILE=long")
@pytest.mark.skipif(shutil.which("cargo") is None, reason="no Rust toolchain")
def test_the_sanitizer_finds_nothing() -> None:
    """Rust's own tests touch no memory that is not theirs, and no number overflows, at any level of this processor."""
    ended = subprocess.run(["bash", KERNEL / "tests" / "sanitize.sh"], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-10_000:] + ended.stderr[-10_000:]
    assert re.search(r"test result: ok\. [1-9]\d* passed", ended.stdout)
