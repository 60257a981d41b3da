"""`eventcli.reading.discovery`: which files globs, directories and lists of names stand for."""

import glob
import io
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

import process
from eventcli.reading import walking
from eventcli.reading.discovery import Choice, Found, discover, names
from eventcli.reading.listing import Entries, entries

TREE: Final = (
    "app.log",
    "app.log.1",
    "app.log.2.gz",
    "app.log-20201006",
    "app.log.2020-10-06.zst",
    "2020/10/events.jsonl",
    "2020/10/events.jsonl.xz",
    "2020/11/events.ndjson",
    "2020/notes.txt",
    "archive/old.json.bz2",
    "archive/old.json.lz4",
    "archive/readme.md",
    "not-a-log.tar.gz",
    "logs",
    ".hidden.log",
    ".hidden/a.log",
    "[1].log",
    "1.log",
)

DEFAULT: Final = [
    "1.log",
    "2020/10/events.jsonl",
    "2020/10/events.jsonl.xz",
    "2020/11/events.ndjson",
    "[1].log",
    "app.log",
    "app.log-20201006",
    "app.log.1",
    "app.log.2.gz",
    "app.log.2020-10-06.zst",
    "archive/old.json.bz2",
    "archive/old.json.lz4",
]
"""What looks like a log, in the order in which it is read."""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a tree of files, and work in it."""
    for name in TREE:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(*paths: str, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> list[str]:
    """Return the paths that were found; all of them can be read."""
    results = list(discover(paths, Choice(include, exclude)))
    assert all(result.error is None for result in results)
    return [str(result.source) for result in results]


def nothing(*paths: str, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> str:
    """Return what is said of an argument that leads to nothing."""
    [result] = discover(paths, Choice(include, exclude))
    assert isinstance(result.error, FileNotFoundError)
    return str(result.error.strerror)


@pytest.mark.usefixtures("tree")
def test_a_directory_is_the_logs_in_it() -> None:
    """Of a directory, all files that look like logs are read, below it as well, in the order of their names."""
    assert found(".") == [f"./{name}" for name in DEFAULT]
    assert found("2020") == [f"2020/{name}" for name in ("10/events.jsonl", "10/events.jsonl.xz", "11/events.ndjson")]
    assert found("2020/") == found("2020")


@pytest.mark.usefixtures("tree")
def test_patterns_choose_the_files_of_a_directory() -> None:
    """Patterns to include take the place of the default ones; what is excluded is left out, whole directories, too."""
    assert found(".", include=["*.txt", "*.md"]) == ["./2020/notes.txt", "./archive/readme.md"]
    assert found(".", include=["*.log"], exclude=["app*"]) == ["./1.log", "./[1].log"]
    assert found(".", exclude=["2020", "archive", "app.log*"]) == ["./1.log", "./[1].log"]
    assert found(".", include=["2020/10/*"]) == ["./2020/10/events.jsonl", "./2020/10/events.jsonl.xz"]
    assert found(".", exclude=["*.log*", "2020/10/*.xz", "archive/*"]) == [
        "./2020/10/events.jsonl",
        "./2020/11/events.ndjson",
    ]
    assert nothing(".", include=["*.none"]) == "no file in this directory looks like a log (see --include)"


@pytest.mark.usefixtures("tree")
def test_a_glob_is_the_files_that_match_it() -> None:
    """A glob stands for the files that match, of whatever name, hidden ones not; ** for any number of directories."""
    assert found("20??/*.txt") == ["2020/notes.txt"]
    assert found("app.log*") == sorted(name for name in TREE if name.startswith("app"))
    assert found("**/*.jsonl") == found("./**/**/*.jsonl") == ["2020/10/events.jsonl"]
    assert found("2020/**/events.*") == found("2020", include=["events.*"])
    assert found("**/10/**/*.xz") == ["2020/10/events.jsonl.xz"]
    assert found(".*.log", ".hidden/*") == [".hidden.log", ".hidden/a.log"]
    assert found("archive/**") == ["archive/old.json.bz2", "archive/old.json.lz4", "archive/readme.md"]
    assert found("archive/*", exclude=["*.md"]) == ["archive/old.json.bz2", "archive/old.json.lz4"]
    assert found("2020/../[1]*.log") == ["2020/../1.log"]
    assert found(f"{Path.cwd()}/**/notes.*") == [f"{Path.cwd()}/2020/notes.txt"]
    for pattern in ("*.none", "none/*", "**/none", "app.log/*", "logs*/x"):
        assert nothing(pattern) == "no file matches"


@pytest.mark.usefixtures("tree")
def test_a_path_that_exists_is_no_glob() -> None:
    """A file whose name looks like a glob is that file; where there is none, the glob is meant."""
    assert found("[1].log") == ["[1].log"]
    os.remove("[1].log")
    assert found("[1].log") == ["1.log"]
    assert nothing("none.log") == os.strerror(2)


@given(
    st.lists(
        st.lists(st.sampled_from(["a", "b", "ab", "a.b", "[a]"]), min_size=1, max_size=4).map("/".join), max_size=6
    ),
    st.lists(st.sampled_from(["*", "**", "a", "a*", "?", "[ab]", "*b", "[!a]*"]), min_size=1, max_size=4),
)
def test_globs_mean_what_the_standard_library_says(paths: list[str], parts: list[str]) -> None:
    """A glob finds the files that `glob` of the standard library finds."""
    pattern = "/".join(parts)
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            try:
                os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
                Path(folder, path).touch()
            except (NotADirectoryError, FileExistsError, IsADirectoryError):
                continue
        matches = glob.glob(f"{folder}/{pattern}", recursive=True)
        expected = {os.path.normpath(path) for path in matches if os.path.isfile(path)}
        if os.path.lexists(f"{folder}/{pattern}"):
            return  # a path that exists is itself
        results = [result for result in discover([f"{folder}/{pattern}"]) if result.error is None]
    assert {str(result.source) for result in results} == expected


def test_links_lead_to_files_but_not_to_directories(tree: Path) -> None:
    """Links to files are files; those to directories are not followed, so loops do no harm; broken ones are nothing."""
    (tree / "loop").symlink_to(tree, target_is_directory=True)
    (tree / "2020" / "loop").symlink_to("..", target_is_directory=True)
    (tree / "link.log").symlink_to("app.log")
    (tree / "broken.log").symlink_to("nowhere")
    os.mkfifo(tree / "fifo.log")
    assert found(".") == [f"./{name}" for name in sorted([*DEFAULT, "link.log"])]
    assert found("**/*.jsonl") == ["2020/10/events.jsonl"]
    assert found("loop") == [f"loop/{name}" for name in sorted([*DEFAULT, "link.log"])]
    assert found("loop/2020/10/*.jsonl") == ["loop/2020/10/events.jsonl"]


@pytest.mark.parametrize("argument", ["", "/**/*", "/**", "/20*/*/*"])
def test_a_directory_that_cannot_be_listed_is_an_error(
    argument: str, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the place of a directory that cannot be listed there is the error with its name, and all others are listed."""
    before = [str(result.source) for result in discover([f"{tree}{argument}"])]

    def list_all_but_one(path: str) -> Entries:
        if path.endswith("2020/10/"):
            raise PermissionError(13, "Permission denied", path)
        return entries(path)

    monkeypatch.setattr(walking, "entries", list_all_but_one)
    results = list(discover([f"{tree}{argument}"]))
    failed = [result for result in results if result.error is not None]
    assert [(type(result.error), result.source) for result in failed] == [(PermissionError, f"{tree}/2020/10/")]
    others = [str(result.source) for result in results if result.error is None]
    assert others == [path for path in before if "/2020/10/" not in path]
    assert results.index(failed[0]) == before.index(next(path for path in before if "/2020/10/" in path))


def test_links_that_lead_nowhere_are_left_out(body: str, tree: Path) -> None:
    """A link to nothing, to itself or to below a file is none of the files of a directory; one to a file is."""
    for name, target in {"loop": "loop.log", "none": "nothing", "below": "app.log/x", "good": "app.log"}.items():
        (tree / f"{name}.log").symlink_to(target)
    assert found(".", include=["*.log"]) == ["./1.log", "./[1].log", "./app.log", "./good.log"], body
    assert found("*.log") == ["1.log", "[1].log", "app.log", "good.log"]


def test_other_sources_are_themselves(tmp_path: Path) -> None:
    """Streams, standard input, and what is missing or no regular file, are handed on; each knows its argument."""
    stream = cast("BinaryIO", io.BytesIO())
    os.mkfifo(tmp_path / "fifo")
    results = list(
        discover([stream, "-", tmp_path / "fifo", "https://example.org/a*b", str(tmp_path / "none"), "a\0b"])
    )
    assert results[:4] == [
        Found(stream, 0),
        Found("-", 1),
        Found(str(tmp_path / "fifo"), 2),
        Found("https://example.org/a*b", 3),
    ]
    assert [type(result.error) for result in results[4:]] == [FileNotFoundError, FileNotFoundError]
    assert [result.origin for result in results[4:]] == [4, 5]


@given(st.lists(st.binary(min_size=1, max_size=10).filter(lambda path: not set(path) & set(b"\0\n"))))
def test_a_list_of_names_is_read(paths: list[bytes]) -> None:
    """Names one a line, or each ended by NUL, are what was written, whatever their bytes; the last end may lack."""
    expected = [os.fsdecode(path) for path in paths]
    for end in (b"\n", b"\0"):
        data = b"".join(path + end for path in paths)
        assert names(data, null=end == b"\0") == expected
        assert names(data.removesuffix(end), null=end == b"\0") == expected
    assert names(b"a\nb\0c", null=True) == ["a\nb", "c"]
    with pytest.raises(ValueError, match="--null"):
        names(b"a\0b\0")


def test_a_list_of_names_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is too long, or more names than can be held, are refused with the bound; ends take none."""
    assert names(b"\n" * 5_000_000 + b"a\n\n") == ["a"]
    with pytest.raises(ValueError, match="a name has more than 65536 bytes: is this a list of files"):
        names(b"a\n" + b"x" * 70_000)
    monkeypatch.setattr("eventcli.reading.discovery.MOST_NAMES", 1000)
    assert len(names(b"a\n" * 1000)) == 1000
    with pytest.raises(ValueError, match="more than 1000 names"):
        names(b"a\n" * 1001)


GLOBBED = ("d/caf?.log",)


@pytest.mark.parametrize("arguments", [("d",), ("--files-from", "list"), GLOBBED, ("d", "--include", "café.log")])
def test_names_are_bytes_in_every_locale(body: str, arguments: tuple[str, ...], tmp_path: Path) -> None:
    """What is read, and every byte that is kept of it, does not depend on the locale."""
    names = [b"d/caf\xc3\xa9.log", b"d/caf\xe9.log"]
    (tmp_path / "d").mkdir()
    for number, name in enumerate(names):
        (tmp_path / os.fsdecode(name)).write_bytes(b'{"type":"%d","value":1}\nbad\n' % number)
    (tmp_path / "list").write_bytes(b"\n".join(names))
    found = set()
    for variables in ({"LC_ALL": "C.UTF-8"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}):
        args = [argument.encode() for argument in arguments]
        env = process.environment(**variables)
        ended = process.run(*args, "--save", "saved", "--rejects", "rejects", cwd=tmp_path, env=env)
        assert ended.status == 0, (body, ended)
        found.add((ended.stdout, (tmp_path / "saved").read_bytes(), (tmp_path / "rejects").read_bytes()))
    assert len(found) == 1
