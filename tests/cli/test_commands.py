"""The tool among other processes: signals, pipes, terminals, permissions, full disks, little memory, shells."""

import fcntl
import json
import os
import pty
import random
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import termios
import threading
import time
import tty
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, Any, Final

import click
import pytest

from eventcli import body as body_module
from eventcli.cli import commands
from eventcli.cli import process as process_module
from eventcli.cli.sinks import written_to
from eventcli.errors import OutputError
from process import GOOD, PATIENCE, TOOL, Ended, end, environment, give_up_privileges, measure, run, start

EVERY_BODY: Final = pytest.mark.usefixtures("body")

JSONL: Final = b'{"type":"a","count":1,"sum":1}\n'
"""What is printed of one `GOOD` line in jsonl."""

MANY: Final = 20_000
MANY_TYPES: Final = b"".join(b'{"type":"t%06d","value":1}\n' % number for number in range(MANY))
MANY_ROWS: Final = b"".join(b'{"type":"t%06d","count":1,"sum":1}\n' % number for number in range(MANY))
"""More than a pipe holds."""


def _sent(process: subprocess.Popen[bytes], data: bytes) -> None:
    """Send input, and wait until it is folded: the bad line behind it is shown on stderr after that."""
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(data + b"bad\n")
    assert b"invalid_json" in process.stderr.readline()


def _wait(condition: Callable[[], object]) -> None:
    """Wait for something that another process does."""
    patience = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < patience, "it did not happen"
        time.sleep(0.001)


def _pending(pipe: IO[bytes] | None) -> int:
    """Return how many bytes a pipe holds that nobody has read yet."""
    assert pipe is not None
    return int.from_bytes(fcntl.ioctl(pipe.fileno(), termios.FIONREAD, b"\0\0\0\0"), "little")


# ---------------------------------------------------------------------------------------------------- signals


@EVERY_BODY
def test_sigint_shows_partial_totals(tmp_path: Path) -> None:
    """SIGINT in the middle of a pipe: totals so far on stderr, marked partial, nothing elsewhere; died by SIGINT."""
    (tmp_path / "out.json").write_text("old")
    with start("-o", "out.json", "--save", "saved.json", "--rejects", "rejects.jsonl", cwd=tmp_path) as process:
        _sent(process, 3 * GOOD)
        process.send_signal(signal.SIGINT)
        ended = end(process)
    assert ended.status == -signal.SIGINT
    assert ended.stdout == b""
    assert "partial" in ended.stderr
    assert "4 lines = 3 accepted + 1 rejected + 0 filtered + 0 blank" in ended.stderr
    assert re.search(r"^a +3 +3$", ended.stderr, re.MULTILINE)
    assert "Traceback" not in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]
    assert (tmp_path / "out.json").read_text() == "old"


@EVERY_BODY
def test_sigint_in_a_pipeline_leaves_stdout_empty() -> None:
    """A reader of stdout gets nothing from an interrupted run, so that it cannot take a part for the whole."""
    with start("-f", "jsonl") as process:
        _sent(process, GOOD)
        process.send_signal(signal.SIGINT)
        ended = end(process)
    assert ended.stdout == b""
    assert ended.status == -signal.SIGINT


@EVERY_BODY
def test_sigterm_is_silent(tmp_path: Path) -> None:
    """SIGTERM ends the run by the signal itself, says nothing, and leaves no temporary file."""
    (tmp_path / "out.json").write_text("old")
    with start("-o", "out.json", "--save", "saved.json", "--rejects", "rejects.jsonl", cwd=tmp_path) as process:
        _sent(process, 3 * GOOD)
        process.send_signal(signal.SIGTERM)
        ended = end(process)
    assert ended == Ended(-signal.SIGTERM, b"", "")
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]
    assert (tmp_path / "out.json").read_text() == "old"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("args", [("-f", "jsonl"), ("generate", "--events", "1000000000")], ids=lambda args: args[0])
def test_signals_while_writing(args: tuple[str, ...], number: signal.Signals) -> None:
    """A signal ends a run also while it waits for a slow reader, without a traceback."""
    with start(*args) as process:
        if args[0] == "-f":
            assert process.stdin is not None
            process.stdin.write(MANY_TYPES)
            process.stdin.close()
            process.stdin = None
        _wait(lambda: _pending(process.stdout) >= 65536)
        process.send_signal(number)
        process.wait(PATIENCE)
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read().decode()
        assert process.returncode == -number


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_while_merging(number: signal.Signals) -> None:
    """A signal ends a merge that waits for its input, without a traceback."""
    with start("merge") as process:
        assert process.stdin is not None
        process.stdin.write(JSONL)
        _wait(lambda: not _pending(process.stdin))
        process.send_signal(number)
        ended = end(process)
    assert "Traceback" not in ended.stderr
    assert ended.stdout == b""
    assert ended.status == -number


def test_sigterm_that_is_ignored_stays_ignored() -> None:
    """A run that was started with SIGTERM ignored is not ended by it."""
    with start("-f", "jsonl", before=lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN)) as process:
        _sent(process, GOOD)
        process.send_signal(signal.SIGTERM)
        ended = end(process, GOOD)
    assert (ended.status, ended.stdout) == (0, b'{"type":"a","count":2,"sum":2}\n')


# ----------------------------------------------------------------------------------------- standard descriptors


@contextmanager
def _broken_pipe() -> Iterator[int]:
    """Give the writing end of a pipe that nobody reads any more."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@contextmanager
def _full_device() -> Iterator[int]:
    full = os.open("/dev/full", os.O_WRONLY)
    yield full
    os.close(full)


WRITERS: Final = pytest.mark.parametrize(
    "args",
    [("summarize",), ("merge",), ("generate",), ("--version",), ("--help",), ("summarize", "--help")],
    ids=" ".join,
)


@WRITERS
def test_reader_of_stdout_gone(args: tuple[str, ...]) -> None:
    """Where nobody reads stdout any more the tool ends silently, with a status that says so."""
    with _broken_pipe() as pipe:
        assert run(*args, stdout=pipe) == Ended(141, b"", "")


@EVERY_BODY
def test_reader_of_stdout_leaves_early() -> None:
    """A reader that has seen enough is no failure to make noise about."""
    with start("-f", "jsonl") as process:
        assert process.stdin is not None
        process.stdin.write(MANY_TYPES)
        process.stdin.close()
        process.stdin = None
        assert process.stdout is not None
        assert process.stdout.read(7) == MANY_ROWS[:7]
        process.stdout.close()
        process.stdout = None
        assert end(process) == Ended(141, b"", "")


@WRITERS
def test_stdout_full(args: tuple[str, ...]) -> None:
    """A full disk behind stdout is reported in one line."""
    with _full_device() as full:
        ended = run(*args, stdout=full)
    assert ended == Ended(4, b"", "eventstats: <stdout>: cannot be written: No space left on device\n")


@WRITERS
def test_stdout_closed(args: tuple[str, ...]) -> None:
    """A run that is started without stdout says in one line that it cannot write."""
    ended = run(*args, before=lambda: os.close(1))
    assert ended == Ended(4, b"", "eventstats: <stdout>: cannot be written: Bad file descriptor\n")


def test_stdout_closed_but_not_needed(tmp_path: Path) -> None:
    """With --output no stdout is needed."""
    ended = run("-o", "out.jsonl", "-f", "jsonl", stdin=GOOD, cwd=tmp_path, before=lambda: os.close(1))
    assert ended == Ended(0, b"", "")
    assert (tmp_path / "out.jsonl").read_bytes() == JSONL


def test_stdin_closed() -> None:
    """Standard input that is closed is an input that cannot be read, not an empty one."""
    ended = run(before=lambda: os.close(0))
    assert (ended.status, ended.stdout) == (3, b"[]\n")
    assert ended.stderr.startswith("eventstats: <stdin>: unreadable: ")


def test_stdin_closed_but_not_needed(tmp_path: Path) -> None:
    """With a file no stdin is needed, and the file is not taken for stdin."""
    (tmp_path / "in.jsonl").write_bytes(GOOD)
    ended = run("in.jsonl", "-f", "jsonl", cwd=tmp_path, before=lambda: os.close(0))
    assert ended == Ended(0, JSONL, "")


def test_all_standard_descriptors_closed(tmp_path: Path) -> None:
    """Without stdin, stdout and stderr, diagnostics do not end up in the files that are written."""
    (tmp_path / "in.jsonl").write_bytes(b"bad\n" + GOOD)
    args = ("in.jsonl", "-f", "jsonl", "-o", "out.jsonl", "--rejects", "rejects.jsonl")
    ended = run(*args, cwd=tmp_path, before=lambda: os.closerange(0, 3))
    assert ended == Ended(0, b"", "")
    assert (tmp_path / "out.jsonl").read_bytes() == JSONL
    assert json.loads((tmp_path / "rejects.jsonl").read_bytes())["line"] == 1


@pytest.mark.parametrize("stderr", [_broken_pipe, _full_device])
def test_stderr_that_cannot_be_written(stderr: Callable[[], Any]) -> None:
    """Where diagnostics cannot be written the result and the status are the same."""
    with stderr() as descriptor:
        ended = run("-f", "jsonl", stdin=b"bad\n" + GOOD, stderr=descriptor)
    assert ended == Ended(0, JSONL, "")


@EVERY_BODY
@pytest.mark.parametrize("command", ["summarize", "merge"])
def test_non_blocking_stdin(command: str) -> None:
    """A pipe that some other process made non-blocking is read to its end, however slowly it is filled."""
    line = GOOD if command == "summarize" else JSONL
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with start(command, "-f", "jsonl", stdin=reading) as process, os.fdopen(writing, "wb", buffering=0) as pipe:
        for _ in range(3):
            pipe.write(line)
            _wait(lambda: not _pending(pipe) or process.poll() is not None)
        pipe.close()
        ended = end(process)
    os.close(reading)
    assert ended == Ended(0, b'{"type":"a","count":3,"sum":3}\n', "")


@EVERY_BODY
@pytest.mark.parametrize("blocking", [True, False])
def test_big_result_into_a_slow_reader(blocking: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """100,000 types arrive whole, also through a pipe that is read in small steps or that does not block."""
    events = b"".join(b'{"type":"t%06d","value":1}\n' % number for number in range(100_000))
    reading, writing = os.pipe()
    os.set_blocking(writing, blocking)
    with start("-f", "jsonl", stdout=writing) as process, os.fdopen(reading, "rb", buffering=0) as pipe:
        os.close(writing)
        assert process.stdin is not None
        process.stdin.write(events)
        process.stdin.close()
        process.stdin = None
        printed = b"".join(iter(lambda: pipe.read(10_000), b""))
        ended = end(process)
    assert ended == Ended(0, b"", "")
    assert printed.count(b"\n") == 100_000
    assert printed.startswith(b'{"type":"t000000","count":1,"sum":1}\n')
    assert printed.endswith(b'{"type":"t099999","count":1,"sum":1}\n')


# ---------------------------------------------------------------------------------------------------- sources


@EVERY_BODY
def test_fifo_as_a_file(tmp_path: Path) -> None:
    """A named pipe is read like a file."""
    os.mkfifo(tmp_path / "fifo")
    with start("-f", "jsonl", "fifo", cwd=tmp_path) as process:
        with (tmp_path / "fifo").open("wb") as fifo:
            fifo.write(GOOD)
        assert end(process) == Ended(0, JSONL, "")


def test_process_substitution(tmp_path: Path) -> None:
    """What a shell puts in place of `<(...)` can be read, and of `>(...)` written."""
    script = f"""
        {TOOL} <(printf '%s\\n' '{{"type":"a","value":1}}' bad) -f jsonl --show-rejects 0 \
            -o >(cat > out) --rejects >(cat > rejects) 2> log
        for _ in {{1..500}}; do [ -s out ] && [ -s rejects ] && break; sleep 0.01; done
    """
    subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment(), check=True, timeout=PATIENCE)
    assert (tmp_path / "log").read_text() == (
        "eventstats: 2 lines = 1 accepted + 1 rejected + 0 filtered + 0 blank (invalid_json 1)\n"
    )
    assert (tmp_path / "out").read_bytes() == JSONL
    assert json.loads((tmp_path / "rejects").read_bytes())["raw"] == "bad"


@EVERY_BODY
def test_file_that_is_appended_to(tmp_path: Path) -> None:
    """A log that grows while it is read is read to some end, and at most the line that is being written is torn."""
    log = tmp_path / "growing.jsonl"
    lines = 200_000
    log.write_bytes(lines * GOOD)
    with log.open("ab", buffering=0) as writer, start("-f", "jsonl", "growing.jsonl", cwd=tmp_path) as process:
        written = lines
        while process.poll() is None and written < 10 * lines:
            writer.write(100 * GOOD)
            written += 100
        ended = end(process)
    result = json.loads(ended.stdout)
    assert ended.status == 0
    assert lines <= result["count"] <= written
    assert ended.stderr.count("growing.jsonl:") <= 1


def test_file_without_read_permission(tmp_path: Path) -> None:
    """A file that may not be read is named, the rest is summarised, and the status is 3."""
    for name in ("a.jsonl", "secret.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes(GOOD)
    (tmp_path / "secret.jsonl").chmod(0)
    args = ("a.jsonl", "secret.jsonl", "b.jsonl", "-f", "jsonl")
    ended = run(*args, cwd=tmp_path, before=give_up_privileges)
    assert ended == Ended(
        3,
        b'{"type":"a","count":2,"sum":2}\n',
        "eventstats: secret.jsonl: unreadable: Permission denied\n"
        "eventstats: 2 lines = 2 accepted + 0 rejected + 0 filtered + 0 blank; incomplete\n",
    )


def test_read_error_in_a_file(tmp_path: Path) -> None:
    """A file that opens but cannot be read is reported, with the reason of the system."""
    (tmp_path / "a.jsonl").write_bytes(GOOD)
    ended = run("/proc/self/mem", "a.jsonl", "-f", "jsonl", cwd=tmp_path)
    assert (ended.status, ended.stdout) == (3, JSONL)
    assert ended.stderr.startswith("eventstats: /proc/self/mem: unreadable: Input/output error\n")


def test_symbolic_links_as_files(tmp_path: Path) -> None:
    """A link is read as what it points to; one that points to itself or to nothing is reported."""
    (tmp_path / "a.jsonl").write_bytes(GOOD)
    (tmp_path / "link.jsonl").symlink_to("a.jsonl")
    (tmp_path / "loop.jsonl").symlink_to("loop.jsonl")
    (tmp_path / "dangling.jsonl").symlink_to("nowhere")
    ended = run("link.jsonl", "loop.jsonl", "dangling.jsonl", "-f", "jsonl", cwd=tmp_path)
    assert (ended.status, ended.stdout) == (3, JSONL)
    assert "eventstats: loop.jsonl: unreadable: " in ended.stderr
    assert "eventstats: dangling.jsonl: missing: " in ended.stderr


@EVERY_BODY
def test_file_name_that_is_no_text(tmp_path: Path) -> None:
    """A file whose name is not UTF-8 is read, and named in valid text everywhere."""
    name = b"caf\xe9.jsonl"
    (tmp_path / os.fsdecode(name)).write_bytes(GOOD + b"bad\n")
    args = (name, b"-f", b"jsonl", b"--rejects", b"rejects.jsonl", b"--save", b"saved.json")
    ended = run(*args, cwd=tmp_path)
    assert (ended.status, ended.stdout) == (0, JSONL)
    assert ended.stderr.startswith("eventstats: caf\\xe9.jsonl:2: invalid_json: ")
    assert json.loads((tmp_path / "rejects.jsonl").read_bytes())["source"] == "caf\\xe9.jsonl"
    assert json.loads((tmp_path / "saved.json").read_bytes())["sources"][0]["name"] == "caf\\xe9.jsonl"


# ---------------------------------------------------------------------------------------------------- outputs


def test_output_folder_without_write_permission(tmp_path: Path) -> None:
    """An output in a folder that may not be written is refused before any work, and an earlier file stays."""
    folder = tmp_path / "locked"
    folder.mkdir()
    (folder / "out.json").write_text("old")
    folder.chmod(0o555)
    for name in ("out.json", "new.json"):
        ended = run("-o", f"locked/{name}", stdin=b"bad\n", cwd=tmp_path, before=give_up_privileges)
        assert ended == Ended(4, b"", f"eventstats: locked/{name}: cannot be written: Permission denied\n")
    folder.chmod(0o755)
    assert [path.name for path in folder.iterdir()] == ["out.json"]
    assert (folder / "out.json").read_text() == "old"


def _limit_file_size() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))


@pytest.mark.parametrize("option", ["-o", "--save", "--rejects"])
def test_output_that_can_be_written_in_part_only(option: str, tmp_path: Path) -> None:
    """Where writing fails in the middle the earlier file is untouched, nothing is left beside it, stdout is empty."""
    (tmp_path / "out").write_text("old")
    stdin = MANY_TYPES if option != "--rejects" else MANY_TYPES.replace(b"value", b"other") + GOOD
    ended = run(option, "out", "--show-rejects", "0", stdin=stdin, cwd=tmp_path, before=_limit_file_size)
    assert ended.status == 4
    assert ended.stdout == b""
    assert ended.stderr.splitlines()[-1] == "eventstats: out: cannot be written: File too large"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out").read_text() == "old"


@pytest.mark.parametrize("is_writable", [True, False], ids=["folder writable", "folder read-only"])
def test_mounted_target(is_writable: bool, tmp_path: Path) -> None:  # noqa: FBT001  # a parameter
    """A file that is a mount point, as in a container, is written in place with a word, whatever its folder allows."""
    (tmp_path / "in.jsonl").write_bytes(GOOD + b"bad\n")
    (tmp_path / "disk").mkdir()
    for name in ("out a.csv", "bad"):
        (tmp_path / "disk" / name).touch()
        (tmp_path / name).write_bytes(b"old" * 1000)
    script = f"""
        mount --bind disk disk && mount --bind "out a.csv" "disk/out a.csv" && mount --bind bad disk/bad || exit 99
        {"" if is_writable else "mount -o remount,bind,ro disk || exit 99"}
        {TOOL} in.jsonl -o "disk/out a.csv" --rejects disk/bad --show-rejects 0
        echo "status $?"
        ls -A disk
        cat "disk/out a.csv"
        echo | {TOOL} -o "disk/out a.csv" --rejects disk/bad 2> /dev/null
        wc -c < disk/bad
    """
    namespaces = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    done = subprocess.run(
        ["unshare", *namespaces, "--mount", "sh", "-c", script],
        cwd=tmp_path,
        env=environment(TMPDIR=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode == 99 or done.stderr.startswith("unshare:"):
        pytest.skip("file systems cannot be mounted here")
    word = "is a mount point and was written in place: a reader may have seen part of it"
    assert [line for line in done.stderr.splitlines() if "mount" in line] == [
        f"eventstats: disk/bad: {word}",
        f"eventstats: disk/out a.csv: {word}",
    ]
    assert done.stdout.splitlines() == ["status 0", "bad", "out a.csv", "type,count,sum", "a,1,1", "0"]
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "disk", "out a.csv", "bad"}


def test_full_disk(tmp_path: Path) -> None:
    """A disk that is full keeps the old file whole, and nothing beside it."""
    (tmp_path / "in.jsonl").write_bytes(MANY_TYPES)
    (tmp_path / "disk").mkdir()
    script = f"""
        mount -t tmpfs -o size=64k tmpfs disk || exit 99
        echo old > disk/out
        {TOOL} in.jsonl -o disk/out
        echo "status $?"
        ls -A disk
        cat disk/out
    """
    # The mount is seen by this shell only, and ends with it.
    namespaces = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    done = subprocess.run(
        ["unshare", *namespaces, "--mount", "sh", "-c", script],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode == 99 or done.stderr.startswith("unshare:"):
        pytest.skip("file systems cannot be mounted here")
    assert done.stderr == "eventstats: disk/out: cannot be written: No space left on device\n"
    assert done.stdout == "status 4\nout\nold\n"


def test_kill_at_any_moment_during_output(tmp_path: Path) -> None:
    """After kill -9 at any moment the old or the new file is there, whole, and a second run removes the litter."""
    (tmp_path / "in.jsonl").write_bytes(MANY_TYPES)
    args = ("in.jsonl", "-f", "jsonl", "-o", "out.jsonl")
    out = tmp_path / "out.jsonl"
    began = time.monotonic()
    assert run(*args, cwd=tmp_path).status == 0
    whole = time.monotonic() - began
    assert out.read_bytes() == MANY_ROWS
    moments = random.Random(2)
    killed = 0
    for _ in range(15):
        out.write_bytes(b"old")
        with start(*args, cwd=tmp_path) as process:
            time.sleep(moments.uniform(0.2, 1.1) * whole)
            process.kill()
            process.wait()
            killed += process.returncode == -signal.SIGKILL
        assert out.read_bytes() in (b"old", MANY_ROWS)
    assert killed
    assert run(*args, cwd=tmp_path) == Ended(0, b"", "")
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "out.jsonl"}
    assert out.read_bytes() == MANY_ROWS


def test_litter_of_a_killed_run_is_removed(tmp_path: Path) -> None:
    """A run that is killed while it writes leaves the old file; the next run that succeeds leaves nothing else."""
    (tmp_path / "log").write_bytes(b"old")
    with start("generate", "--events", "1000000000", "-o", "log", cwd=tmp_path) as process:
        _wait(lambda: any(path.stat().st_size > 4096 for path in tmp_path.iterdir()))
        process.kill()
        process.wait()
    assert (tmp_path / "log").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 2
    assert run("generate", "--events", "1", "-o", "log", cwd=tmp_path) == Ended(0, b"", "")
    assert [path.name for path in tmp_path.iterdir()] == ["log"]
    assert (tmp_path / "log").read_bytes().count(b"\n") == 1


@EVERY_BODY
def test_rejects_can_be_repaired_and_fed_again(tmp_path: Path) -> None:
    """The raw lines that --rejects keeps are those of the input, so that repaired ones complete the result."""
    good = [b'{"type":"a","value":%d}' % number for number in range(100)]
    log = [line.replace(b"value", b"val") if number % 3 == 0 else line for number, line in enumerate(good)]
    (tmp_path / "log").write_bytes(b"\n".join(log))
    first = run("log", "--rejects", "rejects", "--save", "first", "--show-rejects", "0", cwd=tmp_path)
    assert first.status == 0
    records = [json.loads(line) for line in (tmp_path / "rejects").read_bytes().splitlines()]
    content = (tmp_path / "log").read_bytes()
    for record in records:
        raw = record["raw"].encode()
        assert content[record["offset"] : record["offset"] + record["length"]] == raw == log[record["line"] - 1]
    (tmp_path / "repaired").write_text("".join(record["raw"].replace("val", "value") + "\n" for record in records))
    assert run("repaired", "--save", "second", cwd=tmp_path).status == 0
    merged = run("merge", "first", "second", "--stats", "count,sum,min,max", "-f", "jsonl", cwd=tmp_path)
    assert merged.stdout == b'{"type":"a","count":100,"sum":4950,"min":0,"max":99}\n'


@EVERY_BODY
@pytest.mark.parametrize("form", ["--save", "json", "jsonl"])
def test_merging_any_split_prints_what_one_run_prints(form: str, tmp_path: Path) -> None:
    """Parts of a log, summarised apart and merged, print the same bytes as one run over the whole."""
    log = run("generate", "--events", "600", "--bad-rate", "0.1", "--seed", "3").stdout
    log += b'{"type":"tiny","value":0.0000001}\n{"type":"long","value":123456789012345678901234567890}\n'
    lines = log.splitlines(keepends=True)
    names = []
    for number, (begin, stop) in enumerate([(0, 0), (0, 1), (1, 300), (300, 601), (601, 602)]):
        names.append(f"part{number}")
        part = b"".join(lines[begin:stop])
        args = ("--save", names[-1]) if form == "--save" else ("-f", form, "-o", names[-1])
        assert run(*args, stdin=part, cwd=tmp_path, stderr=subprocess.DEVNULL).status == 0
    merged = run("merge", *names, cwd=tmp_path)
    assert merged.stdout == run(stdin=log).stdout
    assert merged.status == 0


# ----------------------------------------------------------------------------------------------------- memory


def _one_line(size: int) -> bytes:
    return b'{"type":"a","value":1,"pad":"%b"}' % (b"x" * size)


def _long_line_in_the_middle(log: IO[bytes]) -> tuple[int, int]:
    log.write(GOOD + _one_line(40_000_000) + b"\n" + GOOD)
    return 2, 1


def _ordinary_events(log: IO[bytes]) -> tuple[int, int]:
    lines = b'{"type":"page_view","value":1,"occurred_at":"2020-10-06 10:02:05"}\n' * 500
    lines += b'{"type":"purchase","value":19.99,"occurred_at":"2020-10-06 10:02:05"}\n' * 500
    times = 60_000_000 // len(lines)
    log.writelines(lines for _ in range(times))
    return 1000 * times, 0


def _no_newline(log: IO[bytes]) -> tuple[int, int]:
    log.writelines(b'{"type":"a","value":1} ' * 1000 for _ in range(2600))
    return 0, 1


def _bad_lines(log: IO[bytes]) -> tuple[int, int]:
    line = b'{"type":"a","value":"%b"}\n' % (b"\\u00e9" * 60)
    times = 30_000_000 // (100 * len(line))
    log.write(GOOD)
    log.writelines(line * 100 for _ in range(times))
    return 1, 100 * times


@pytest.mark.parametrize("content", [_long_line_in_the_middle, _ordinary_events, _no_newline, _bad_lines])
def test_memory_is_bounded(
    content: Callable[[IO[bytes]], tuple[int, int]], tmp_path: Path, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory does not depend on the size of the input, of a line, or of the rejects: it stays below 60 MB."""
    # Each thread has a buffer of its own; how many there are by default depends on the machine.
    monkeypatch.setenv("EVENTSTATS_JOBS", "1" if body == "python" else "2")
    with (tmp_path / "log").open("wb") as log:
        accepted, rejected = content(log)
    measured = measure("log", "--save", "saved", "--rejects", "rejects", "--show-rejects", "0", cwd=tmp_path)
    account = json.loads((tmp_path / "saved").read_bytes())["account"]
    assert (account["accepted"], sum(account["rejected"].values())) == (accepted, rejected)
    assert measured.status == (0 if accepted else 1)
    assert measured.peak < 60


# ------------------------------------------------------------------------------------------------ environments


@contextmanager
def _terminal(columns: int, lines: int = 24) -> Iterator[tuple[int, int]]:
    """Give both ends of a terminal of some size: the user's, and the program's."""
    user, program = pty.openpty()
    termios.tcsetwinsize(program, (lines, columns))
    yield user, program
    os.close(user)
    os.close(program)


@EVERY_BODY
def test_terminal_as_stdin() -> None:
    """Whoever starts the tool at a terminal without a file is told, in one line, what it waits for."""
    with _terminal(80) as (user, program), start("-f", "jsonl", stdin=program) as process:
        assert process.stderr is not None
        assert b"terminal" in process.stderr.readline()
        os.write(user, GOOD + b"\x04")
        ended = end(process)
    assert ended == Ended(0, JSONL, "")


def test_terminal_as_stdin_that_is_not_read(tmp_path: Path) -> None:
    """With a file nothing is said about the terminal."""
    (tmp_path / "a.jsonl").write_bytes(GOOD)
    with _terminal(80) as (_, program):
        ended = run("-f", "jsonl", "a.jsonl", stdin=program, cwd=tmp_path)
    assert ended == Ended(0, JSONL, "")


def _shown(columns: int, events: bytes) -> list[str]:
    """Return the lines of the table that a terminal of some width gets."""
    with _terminal(columns) as (user, program):
        tty.setraw(program)
        with start("-f", "table", stdout=program) as process:
            assert process.stdin is not None
            process.stdin.write(events)
            process.stdin.close()
            process.stdin = None
            shown = b""
            while process.poll() is None or select.select([user], [], [], 0)[0]:
                if select.select([user], [], [], 0.05)[0]:
                    shown += os.read(user, 65536)
            assert end(process) == Ended(0, b"", "")
    return shown.decode().splitlines()


def _width(text: str) -> int:
    """Return the columns of a text on a terminal."""
    zero = ("Mn", "Me", "Cf")
    return sum(
        0 if unicodedata.category(character) in zero else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )


LONG_TYPES: Final = (
    "x" * 200,
    "購入" * 50,
    "a" + "購" * 60,
    "e\u0301" * 80,
    "😀" * 45,
    "ﾊﾝｶｸ" * 30,
    "\u001b" * 30,
    "short",
)


@pytest.mark.parametrize("columns", [80, 79, 40, 30])
def test_table_fits_the_terminal(columns: int) -> None:
    """No line of a table is wider than the terminal, whatever the types are, and short ones are not cut."""
    events = [json.dumps({"type": name, "value": 1234567.5}).encode() + b"\n" for name in LONG_TYPES]
    lines = _shown(columns, b"".join(events))
    assert len(lines) == len(LONG_TYPES) + 4
    assert max(map(_width, lines)) <= columns
    assert len({_width(line) for line in lines}) == 1
    assert any(line.startswith("short ") for line in lines)
    assert sum("…" in line for line in lines) == len(LONG_TYPES) - 1


def test_table_on_a_terminal_of_unknown_size() -> None:
    """A terminal that does not tell its size (0 columns, as in some containers) is no reason to cut types."""
    lines = _shown(0, b'{"type":"a_type_of_some_length","value":1}\n')
    assert lines[2].startswith("a_type_of_some_length ")


@EVERY_BODY
def test_table_in_a_pipe_is_not_cut() -> None:
    """Only for a terminal are types cut: a file or pipe gets them whole."""
    ended = run("-f", "table", stdin=b'{"type":"%b","value":1}\n' % (b"x" * 300), env=environment(COLUMNS="40"))
    assert b"x" * 300 in ended.stdout


def test_environment_of_cron(tmp_path: Path) -> None:
    """Where nothing is set, as under cron, output is UTF-8 all the same, and a clean run is silent."""
    (tmp_path / "größe.jsonl").write_bytes('{"type":"größe 😀","value":1}\n'.encode())
    for env in ({}, {"LANG": "C"}, {"LC_ALL": "POSIX"}):
        for form, expected in (("jsonl", '{"type":"größe 😀","count":1,"sum":1}'), ("csv", "größe 😀,1,1")):
            args = ("größe.jsonl".encode(), b"-f", form.encode(), b"-t", "größe 😀".encode())
            ended = run(*args, cwd=tmp_path, env=env, stdin=subprocess.DEVNULL)
            assert ended.stderr == ""
            assert ended.stdout.decode().splitlines()[-1] == expected
            assert ended.status == 0


def test_diagnostics_where_the_locale_is_ascii(tmp_path: Path) -> None:
    """A name that the locale cannot show is escaped, and does not stop the run."""
    (tmp_path / "größe.jsonl").write_bytes(b"bad\n" + GOOD)
    env = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    ended = run("größe.jsonl".encode(), b"-f", b"jsonl", cwd=tmp_path, env=env)
    assert (ended.status, ended.stdout) == (0, JSONL)
    assert ":1: invalid_json: " in ended.stderr
    assert ended.stderr.count("\n") == 2


def test_missing_home_and_folder(tmp_path: Path) -> None:
    """Neither a home nor a working directory that still exists is needed."""
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"cd {gone} && rmdir {gone} && exec {TOOL} -f jsonl"
    done = subprocess.run(["/bin/sh", "-c", script], input=GOOD, capture_output=True, env={}, check=False)
    assert (done.returncode, done.stdout) == (0, JSONL)
    assert done.stderr == b""


@EVERY_BODY
def test_clean_run_is_quiet_in_development_mode(tmp_path: Path) -> None:
    """Python's development mode finds no file that was left open and nothing deprecated."""
    (tmp_path / "a.jsonl").write_bytes(GOOD)
    args = ("a.jsonl", "-", "-f", "jsonl", "-o", "out", "--save", "saved", "--rejects", "rejects")
    for command in (args, ("merge", "saved", "-"), ("generate",), ("--version",), ("--help",)):
        ended = run(*command, cwd=tmp_path, env=environment(PYTHONDEVMODE="1", PYTHONWARNINGS="error"))
        assert (ended.status, ended.stderr) == (0, "")


# ---------------------------------------------------------------------------------------- options, completion


def test_version_names_the_body(body: str) -> None:
    """--version prints the version, the body of the fold in use, and why it is the slow one."""
    ended = run("--version")
    assert ended == Ended(0, ended.stdout, "")
    why = {"python": ": EVENTSTATS_KERNEL=python forces it", "rust": ": level (portable|ssse3|avx2|avx512)"}[body]
    assert re.fullmatch(rf"eventstats [0-9]+\.[0-9]+\.[0-9]+\S* \({body} body\){why}\n", ended.stdout.decode())


def test_absent_body_is_a_usage_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the Rust body was not built, asking for it is refused in one line."""
    monkeypatch.setattr(body_module, "kernel", None)
    monkeypatch.setenv(body_module.BODY_VARIABLE, "rust")
    with pytest.raises(body_module.BodyError, match="without the Rust body"):
        body_module.body()
    monkeypatch.setattr(sys, "argv", ["eventstats", "summarize", os.devnull])
    with pytest.raises(SystemExit, match=r"^2$"):
        process_module.main()
    assert "without the Rust body" in capsys.readouterr().err


OPTIONS: Final = [
    (name, option)
    for name in commands.commands.list_commands(click.Context(commands.commands))
    for command in [commands.commands.get_command(click.Context(commands.commands), name)]
    if command is not None
    for option in command.params
    if isinstance(option, click.Option) and option.name != "help"
]


@pytest.mark.parametrize(("name", "option"), OPTIONS, ids=lambda part: part if isinstance(part, str) else part.opts[-1])
def test_every_option_has_a_variable_and_help(name: str, option: click.Option) -> None:
    """Each option of each command can be set as EVENTSTATS_ and its name, and says what it is for."""
    long_name = max(option.opts, key=len)
    assert option.envvar == "EVENTSTATS_" + long_name.removeprefix("--").replace("-", "_").upper()
    assert option.help
    assert long_name.encode() in _help_of(name)


@cache
def _help_of(name: str) -> bytes:
    return run(name, "--help").stdout


@cache
def _cases_text() -> str:
    return "".join(path.read_text() for path in sorted((Path(__file__).parents[1] / "cases").glob("*.toml")))


@pytest.mark.parametrize(
    ("name", "option"),
    [(name, option) for name, option in OPTIONS if name in {"generate", "merge", "plan", "summarize"}],
    ids=lambda part: part if isinstance(part, str) else part.opts[-1],
)
def test_every_option_has_a_case(name: str, option: click.Option) -> None:
    """Each option and each variable of a command that needs neither ledger nor server is used by a case."""
    cases = _cases_text()
    assert f'"{name}"' in cases or name == "summarize"
    assert any(f'"{spelling}' in cases for spelling in option.opts)
    assert re.search(rf"\b{option.envvar} = ", cases)


@pytest.mark.parametrize(("shell", "mark"), [("bash", "complete -o"), ("zsh", "#compdef"), ("fish", "complete ")])
def test_completion_scripts(shell: str, mark: str, tmp_path: Path) -> None:
    """The variable in docs/install.md gives a script for each shell, which that shell accepts."""
    ended = run(env=environment(_EVENTSTATS_COMPLETE=f"{shell}_source"))
    assert (ended.status, ended.stderr) == (0, "")
    assert mark in ended.stdout.decode()
    (tmp_path / "script").write_bytes(ended.stdout)
    if shutil.which(shell):
        subprocess.run([shell, "-n", "script"], cwd=tmp_path, check=True)


COMPLETED: Final = [
    ("eventstats summarize --ty", "--type"),
    ("eventstats summarize --type-", "--type-field"),
    ("eventstats summarize --format js", "jsonl"),
    ("eventstats merge --sa", "--save"),
    ("eventstats generate --ev", "--events"),
    ("eventstats --ty", "--type"),
    ("eventstats mer", "merge"),
]


@pytest.mark.parametrize(("line", "expected"), COMPLETED)
def test_completion_in_bash(line: str, expected: str) -> None:
    """Options, their values and commands are offered where bash asks for them."""
    script = f"""
        eval "$(_EVENTSTATS_COMPLETE=bash_source {TOOL})"
        COMP_WORDS=({line})
        COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
        _eventstats_completion {TOOL}
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], env=environment(), capture_output=True, text=True, check=True)
    assert expected in done.stdout.split()


@pytest.mark.parametrize("shell", ["zsh", "fish"])
@pytest.mark.parametrize(("line", "expected"), COMPLETED)
def test_completion_in_other_shells(shell: str, line: str, expected: str) -> None:
    """What the scripts of zsh and fish ask for is answered."""
    words = line.split()
    last = str(len(words) - 1) if shell == "zsh" else words[-1]
    variables = {"_EVENTSTATS_COMPLETE": f"{shell}_complete", "COMP_WORDS": line, "COMP_CWORD": last}
    ended = run(env=environment(**variables))
    assert (ended.status, ended.stderr) == (0, "")
    assert expected in re.split(r"[\s,]", ended.stdout.decode())


# -------------------------------------------------------------------------------------------------------- bugs


class _BrokenRun:
    """Stands for a bug in the pipeline."""

    def __init__(self, *_: object, **__: object) -> None:
        raise RuntimeError("the moon is in the wrong quarter")


@pytest.mark.parametrize("args", [["summarize"], ["summarize", "-o", "out"]], ids=" ".join)
def test_bug_without_debug(
    args: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A bug is one line and status 70, writes nothing, and says how to see more."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(commands, "Run", _BrokenRun)
    assert commands.commands.main(args, standalone_mode=False) == 70
    out, err = capsys.readouterr()
    assert out == ""
    assert err == ("eventstats: internal error: RuntimeError: the moon is in the wrong quarter (--debug shows where)\n")
    assert list(tmp_path.iterdir()) == []


def test_bug_with_debug(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With --debug the traceback is shown, too."""
    monkeypatch.setattr(commands, "Run", _BrokenRun)
    assert commands.commands.main(["summarize", "--debug"], standalone_mode=False) == 70
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Traceback (most recent call last):\n")
    assert "RuntimeError: the moon is in the wrong quarter\n" in err


@EVERY_BODY
def test_many_runs_at_once(tmp_path: Path) -> None:
    """Runs that write the same output at the same time leave one whole result and nothing else."""
    (tmp_path / "in.jsonl").write_bytes(1000 * GOOD)
    expected = b'{"type":"a","count":1000,"sum":1000}\n'
    statuses: list[int] = []

    def runs() -> None:
        statuses.extend(run("in.jsonl", "-f", "jsonl", "-o", "out", cwd=tmp_path).status for _ in range(4))

    threads = [threading.Thread(target=runs) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == 12 * [0]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "in.jsonl": 1000 * GOOD,
        "out": expected,
    }


@pytest.mark.parametrize("ends", ["well", "badly"])
def test_the_handlers_of_the_process_are_put_back(ends: str, tmp_path: Path) -> None:
    """SIGTERM means what it meant before once all outputs are done or given up; one that is ignored stays so."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        for handler in (signal.SIG_DFL, signal.SIG_IGN, signal.default_int_handler):
            signal.signal(signal.SIGTERM, handler)
            with suppress(ZeroDivisionError), written_to(str(tmp_path / "a")), written_to(str(tmp_path / "b")) as write:
                taken = signal.getsignal(signal.SIGTERM)
                assert (taken == handler) == (handler != signal.SIG_DFL)
                write(b"" if ends == "well" else b"%d" % (1 // 0))
            assert signal.getsignal(signal.SIGTERM) == handler
        with pytest.raises(OutputError):
            written_to(str(tmp_path / "none" / "a")).__enter__()
        assert signal.getsignal(signal.SIGTERM) == handler
    finally:
        signal.signal(signal.SIGTERM, before)
    assert sorted(os.listdir(tmp_path)) == (["a", "b"] if ends == "well" else [])
