"""What a run reads is never what it writes, whatever names both are given, on every command."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from eventcli.cli import targets
from eventcli.cli.targets import ConflictError, check
from process import GOOD, Ended, run

SAME: Final = ("itself", "hard link", "symbolic link", "through a folder", "from elsewhere")

COMMANDS: Final = {
    "ingest": ("ingest", "--ledger", "ledger", "log"),
    "totals": ("totals", "--ledger", "ledger"),
    "rejects": ("rejects", "--ledger", "ledger"),
    "verify": ("verify", "--ledger", "ledger"),
    "replay": ("replay", "--ledger", "ledger", "rejects"),
}


def _other_name(path: Path, how: str) -> str:
    """Return another name of a file."""
    other = path.parent / "other"
    if how == "hard link":
        os.link(path, other)
    elif how == "symbolic link":
        other.symlink_to(path.name)
    elif how == "through a folder":
        (path.parent / "folder").symlink_to(".")
        return f"folder/{path.name}"
    elif how == "from elsewhere":
        return str(path)
    return path.name if how == "itself" else "other"


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def _refused(ended: Ended, folder: Path, before: dict[str, bytes]) -> None:
    assert ended.status == 2, ended
    assert ended.stdout == b""
    assert ended.stderr.count("\n") == 1
    assert _contents(folder) == before


@pytest.mark.parametrize("how", SAME)
@pytest.mark.parametrize("option", ["-o", "--save", "--rejects"])
@pytest.mark.parametrize("given", ["named", "listed", "list", "standard input"])
def test_inputs_stay(option: str, how: str, given: str, tmp_path: Path) -> None:
    """An output that is an input by any of its names is refused before anything is written."""
    (tmp_path / "log").write_bytes(GOOD)
    (tmp_path / "list").write_text("log\n")
    name = _other_name(tmp_path / ("list" if given == "list" else "log"), how)
    before = _contents(tmp_path)
    args = {"named": ("log",), "listed": ("--files-from", "list"), "list": ("--files-from", "list")}.get(given, ())
    with (tmp_path / "log").open("rb") as log:
        ended = run(*args, option, name, stdin=log, cwd=tmp_path)
    _refused(ended, tmp_path, before)


@pytest.mark.parametrize("how", SAME)
@pytest.mark.parametrize("command", COMMANDS)
def test_the_ledger_stays(command: str, how: str, tmp_path: Path) -> None:
    """An output that is the ledger is refused by every command that has one."""
    (tmp_path / "log").write_bytes(GOOD + b"bad\n")
    assert run(*COMMANDS["ingest"], cwd=tmp_path).status == 0
    (tmp_path / "rejects").write_bytes(run(*COMMANDS["rejects"], cwd=tmp_path).stdout)
    name = _other_name(tmp_path / "ledger", how)
    before = _contents(tmp_path)
    for option in ("-o", "--save", "--rejects"):
        if option == "-o" or (command, option) in {("ingest", "--save"), ("ingest", "--rejects"), ("totals", "--save")}:
            _refused(run(*COMMANDS[command], option, name, cwd=tmp_path), tmp_path, before)
    with (tmp_path / name).open("ab") as ledger:
        _refused(run(*COMMANDS[command], stdout=ledger, cwd=tmp_path), tmp_path, before)


@pytest.mark.parametrize("name", ["ledger", "ledger-journal", "ledger-lock", "ledger-wal", "link-journal", "link"])
def test_a_ledger_to_be(name: str, tmp_path: Path) -> None:
    """A ledger that is not there yet, and what is written beside it, is no output."""
    (tmp_path / "log").write_bytes(GOOD)
    (tmp_path / "link").symlink_to("ledger")
    before = _contents(tmp_path)
    ended = run("ingest", "--ledger", "link", "log", "-o", name, cwd=tmp_path)
    _refused(ended, tmp_path, before)


@pytest.mark.parametrize(
    "args", [("merge", "in"), ("in",), ("replay", "--ledger", "none", "in")], ids=lambda args: args[0]
)
def test_standard_output_that_is_an_input(args: tuple[str, ...], tmp_path: Path) -> None:
    """What the shell appends to is no input, as for `cat`: it would never be what was there before."""
    (tmp_path / "in").write_bytes(b'{"type":"a","count":1,"sum":1}\n')
    before = _contents(tmp_path)
    with (tmp_path / "in").open("ab") as out:
        ended = run(*args, stdout=out, cwd=tmp_path)
    _refused(ended, tmp_path, before)
    assert "input file is output file" in ended.stderr


@pytest.mark.parametrize(
    "args",
    [
        ("-o", "a", "--save", "./a"),
        ("-o", "a", "--rejects", "link"),
        ("--save", "-"),
        ("-o", "-", "--rejects", "-"),
        ("-o", "there", "--save", "hard"),
    ],
    ids=" ".join,
)
def test_outputs_that_are_one(args: tuple[str, ...], tmp_path: Path) -> None:
    """Two outputs cannot be one file, whether it is there already or not, nor both be standard output."""
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "there").write_bytes(b"old")
    os.link(tmp_path / "there", tmp_path / "hard")
    before = _contents(tmp_path)
    _refused(run(*args, stdin=GOOD, cwd=tmp_path), tmp_path, before)


@pytest.mark.parametrize("option", ["--save", "--rejects"])
def test_an_output_that_is_standard_output(option: str, tmp_path: Path) -> None:
    """A file that standard output leads to takes the result only: replaced, it would have lost it."""
    with (tmp_path / "out").open("wb") as out:
        ended = run(option, "out", stdin=GOOD, stdout=out, cwd=tmp_path)
    _refused(ended, tmp_path, {"out": b""})


def test_what_a_run_writes_is_no_input_in_a_folder(tmp_path: Path) -> None:
    """In a folder, nothing is read that the run itself writes: outputs, standard output, messages."""
    (tmp_path / "a.log").write_bytes(GOOD)
    with (tmp_path / "out.log").open("wb") as out, (tmp_path / "err.log").open("wb") as err:
        err.write(b"earlier\n")
        err.flush()
        for _ in range(2):
            ended = run(".", "-f", "jsonl", "--save", "saved.json", stdout=out, stderr=err, cwd=tmp_path)
            assert ended.status == 0
    assert (tmp_path / "out.log").read_bytes() == 2 * b'{"type":"a","count":1,"sum":1}\n'


@pytest.mark.parametrize("command", [*COMMANDS, "ingest of another"])
def test_what_a_ledger_knows_stays(command: str, tmp_path: Path) -> None:
    """A file that a ledger has read is no output of any of its commands, though it was not named."""
    (tmp_path / "log").write_bytes(GOOD + b"bad\n")
    (tmp_path / "other").write_bytes(b"")
    assert run(*COMMANDS["ingest"], cwd=tmp_path).status == 0
    (tmp_path / "rejects").write_bytes(run(*COMMANDS["rejects"], cwd=tmp_path).stdout)
    os.rename(tmp_path / "log", tmp_path / "moved")
    (tmp_path / "log").symlink_to("moved")
    before = _contents(tmp_path)
    args = COMMANDS.get(command, ("ingest", "--ledger", "ledger", "other"))
    for name in ("moved", "log"):
        _refused(run(*args, "-o", name, cwd=tmp_path), tmp_path, before)
    (tmp_path / "log").unlink()
    if command == "totals":
        assert run(*args, "-o", "moved", cwd=tmp_path).status == 0


@contextmanager
def _case_ignored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let files be found under names in other cases, as on the disks of a Mac."""
    lexists = os.path.lexists

    def found(path: str) -> bool:
        folder, name = os.path.split(path)
        return lexists(path) or name.lower() in {other.lower() for other in os.listdir(folder)}

    with monkeypatch.context() as patch:
        patch.setattr(os.path, "lexists", found)
        yield


@pytest.mark.parametrize(("one", "other"), [("a", "A"), ("straße", "STRASSE"), ("\u00e9", "e\u0301")])
def test_names_that_differ_in_case(one: str, other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of files to be that differ in case only are two files, unless the folder takes them for one."""
    outputs: dict[str, str | None] = {"--output": str(tmp_path / one), "--save": str(tmp_path / other)}
    check(outputs)
    with _case_ignored(monkeypatch), pytest.raises(ConflictError):
        check(outputs)
    assert not os.listdir(tmp_path)


def test_what_may_be_written_twice(tmp_path: Path) -> None:
    """Devices and pipes are no files: several outputs may go there, and nothing is an input for that."""
    pipe = str(tmp_path / "pipe")
    os.mkfifo(pipe)
    check({"--output": "/dev/null", "--save": "/dev/null"}, inputs=["/dev/null", "s3://bucket/key"], ledger="ledger")
    check({"--output": pipe, "--save": pipe}, stdout=False)
    with pytest.raises(ConflictError):
        check({"--output": pipe}, inputs=[pipe])


def test_missing_inputs_cost_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing input whose name is no output's is not looked for any further: there may be very many."""
    monkeypatch.setattr(targets, "_key", lambda path, _status: pytest.fail(path) if "missing" in path else None)
    check({"--output": "/dev/null"}, inputs=[f"missing{number}" for number in range(10)])


def test_known_by_the_ledger(tmp_path: Path) -> None:
    """A file that the ledger knows under another name is no output."""
    (tmp_path / "log").touch()
    status = (tmp_path / "log").stat()
    known = {(status.st_dev, status.st_ino): "app.log"}
    with pytest.raises(ConflictError, match=r"app\.log"):
        check({"--output": str(tmp_path / "log")}, is_known=lambda device, inode: known.get((device, inode)))


@pytest.mark.parametrize("option", ["-o", "--save", "--rejects"])
def test_permissions(option: str, tmp_path: Path) -> None:
    """What holds lines of the input is for its owner only; an earlier file keeps the permissions that it was given."""
    os.umask(mask := os.umask(0o022))
    run(option, "new", "--show-rejects", "0", stdin=GOOD + b"bad\n", cwd=tmp_path)
    expected = 0o666 & ~mask if option == "-o" else 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == expected
    (tmp_path / "new").chmod(0o640)
    run(option, "new", "--show-rejects", "0", stdin=GOOD + b"bad\n", cwd=tmp_path)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
