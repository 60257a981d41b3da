"""`reading.mapping`: mapped lines mean what read ones mean, and who writes is let in before anything is at risk."""

import errno
import fcntl
import gc
import mmap
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli import Fields, Query, Reason, Reject, SourceReport, Status, Summary, summarize, testing
from eventcli.body import body as in_use
from eventcli.cli import process
from eventcli.errors import ExitCode, LostError
from eventcli.folding import bodies, fold
from eventcli.folding.fold import MOST_MARKS
from eventcli.lines import parse
from eventcli.lines.parse import explain
from eventcli.pipeline import run as run_module
from eventcli.pipeline.options import Options
from eventcli.readable import TruncatedError
from eventcli.reading import mapping
from eventcli.reading.blocks import MAX_LINE
from eventcli.reading.mapping import LeasedLines, MappedFile, mapped
from outcome import printed
from process import open_descriptors

EVENT: Final = b'{"type":"a","value":1}\n'
PAGE: Final = mmap.PAGESIZE
ROOMS: Final = st.sampled_from([512, 700, PAGE - 1, PAGE, 3 * PAGE + 5])
BLOCK: Final = 600
"""Bytes of the first block, which is always read."""

LOGS: Final = st.tuples(
    st.sampled_from([b"", b"", b"\xef\xbb\xbf"]),
    testing.logs(),
    st.integers(0, 500),
    testing.logs(),
    st.sampled_from([b"", b"\n", b"x" * 400 + b"\n", b"y" * 20_000 + b"\n"]),
    st.integers(0, 300),
    st.sampled_from([b"", b"{", EVENT[:-1], b"z" * 20_000]),
).map(lambda parts: parts[0] + parts[1] + b"\n" + EVENT * parts[2] + parts[3] + parts[4] + EVENT * parts[5] + parts[6])
"""Logs of which some have long lines, and some no newline in the end."""


@contextmanager
def file_of(data: bytes) -> Iterator[str]:
    """Make a file that is in memory, and that nobody has open."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "log")
        Path(path).write_bytes(data)
        yield path


def refusal() -> str:
    """Return why nothing can be mapped here; empty if it can."""
    with file_of(EVENT * 1000) as path, open(path, "rb", buffering=0) as file:
        if mapped(file, mapping.SMALLEST) is None:
            return f"no file system for it: {mapping._file_system(file.fileno())!r}"  # noqa: SLF001
        try:
            LeasedLines(file.fileno(), 0, len(EVENT)).close()
        except OSError as error:
            return str(error)
    return ""


pytestmark = pytest.mark.skipif(bool(REFUSAL := refusal()), reason=f"files cannot be leased here: {REFUSAL}")


class Mapped:
    """What was mapped: where each piece began, whether there were lines, and those that are still there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Look on; and map files of any size."""
        self.starts: list[int] = []
        self.refused: list[int] = []
        self.on_lines: Callable[[int], object] = lambda _start: None
        monkeypatch.setattr(mapping, "SMALLEST", 1)
        # With the Python body nothing would be mapped, but what is means the same to it.
        monkeypatch.setattr(run_module, "body", lambda: "rust")
        original = MappedFile.lines

        def lines(file: MappedFile, start: int) -> LeasedLines | None:
            self.on_lines(start)
            found = original(file, start)
            (self.refused if found is None else self.starts).append(start)
            return found

        monkeypatch.setattr(MappedFile, "lines", lines)

    def room(self, room: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """Map so many bytes at a time, and forget what was mapped."""
        monkeypatch.setattr(mapping, "ROOM", room)
        self.starts.clear()
        self.refused.clear()


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Mapped:
    """Map files of any size, and tell what was mapped."""
    found = Mapped(monkeypatch)
    found.room(PAGE, monkeypatch)
    return found


def is_leased(path: str) -> bool:
    """Whether anybody who opens the file for writing would have to wait."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
    except BlockingIOError:
        return True
    return False


def leases_of(path: str) -> list[int]:
    """Return the descriptors of this process that hold a lease of the file."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.path.realpath(f"/proc/self/fd/{name}") == os.path.realpath(path) and (
                fcntl.fcntl(int(name), fcntl.F_GETLEASE) == fcntl.F_RDLCK
            ):
                found.append(int(name))
        except OSError:
            continue
    return found


def summarized(source: str, rejects: list[Reject], **options: object) -> Summary:
    """Summarise a file, with all rejects; of as many as these it can be mapped."""
    return summarize(
        source,
        on_reject=rejects.append,
        reject_limit=MOST_MARKS,
        stretches=True,
        **{"block_size": BLOCK, **options},  # type: ignore[arg-type]
    )


# ---------------------------------------------------------------------------------------------- the same result


@given(log=LOGS, room=ROOMS, jobs=st.integers(1, 3), max_line=st.sampled_from([600, 4000, 15_000, MAX_LINE]))
def test_a_mapped_file_means_what_a_read_one_means(
    body: str, seen: Mapped, monkeypatch: pytest.MonkeyPatch, log: bytes, room: int, jobs: int, max_line: int
) -> None:
    """Types, account, rejects with their lines and offsets, reports and stretches do not depend on mapping."""
    mapped_rejects: list[Reject] = []
    read_rejects: list[Reject] = []
    with file_of(log) as path:
        seen.room(room, monkeypatch)
        found = summarized(path, mapped_rejects, jobs=jobs, max_line=max_line)
        asked = seen.starts + seen.refused
        monkeypatch.setattr(mapping, "SMALLEST", len(log) + 1)
        expected = summarized(path, read_rejects, jobs=jobs, max_line=max_line)
        monkeypatch.setattr(mapping, "SMALLEST", 1)
        assert not is_leased(path), body
    assert printed(found) == printed(expected)
    assert (found.account, found.sources) == (expected.account, expected.sources)
    assert mapped_rejects == read_rejects
    assert len(asked) == len(seen.starts + seen.refused)
    assert bool(asked) <= (max_line >= room)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("end", [b"", EVENT[:-1], b"x" * 2 * PAGE])
def test_all_but_the_ends_of_a_file_is_mapped(body: str, seen: Mapped, tmp_path: Path, jobs: int, end: bytes) -> None:
    """The first block is read, the lines behind it are mapped one behind the other, a rest without newline is read."""
    path = tmp_path / "log"
    path.write_bytes(EVENT * 10_000 + end)
    summary = summarize(path, jobs=jobs, block_size=BLOCK)
    assert summary["a"].count == 10_000 + (end == EVENT[:-1]), body
    first, step, size = (length // len(EVENT) * len(EVENT) for length in (BLOCK, PAGE, 10_000 * len(EVENT)))
    assert seen.starts == list(range(first, size, step))
    assert seen.refused == [size]


def test_a_line_without_an_end_in_sight_is_read(body: str, seen: Mapped, tmp_path: Path) -> None:
    """A line that is longer than what is mapped at a time is read, and so is all behind it."""
    path = tmp_path / "log"
    path.write_bytes(EVENT * 500 + b"x" * 3 * PAGE + b"\n" + EVENT * 500)
    rejects: list[Reject] = []
    summary = summarized(str(path), rejects)
    assert summary["a"].count == 1000, body
    assert [(bad.line, bad.offset, bad.length) for bad in rejects] == [(501, 500 * len(EVENT), 3 * PAGE)]
    assert seen.starts
    assert seen.refused == [500 * len(EVENT)]


def test_more_rejects_than_are_held_are_read(body: str, seen: Mapped, tmp_path: Path) -> None:
    """Where rejects are handed on before a block is folded, nothing is mapped: whoever takes them may be slow."""
    path = tmp_path / "log"
    path.write_bytes((EVENT + b"bad\n") * 1000)
    for limit in (None, MOST_MARKS + 1):
        summary = summarize(path, block_size=BLOCK, on_reject=lambda _: None, reject_limit=limit)
        assert summary.account.rejects == 1000, body
    assert not seen.starts + seen.refused


def test_only_the_fast_body_maps(body: str, seen: Mapped, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the Python body nothing is mapped: it takes so long for a block that writers would notice."""
    path = tmp_path / "log"
    path.write_bytes(EVENT * 1000)
    monkeypatch.setattr(run_module, "body", in_use)
    assert summarize(path, block_size=BLOCK)["a"].count == 1000
    assert bool(seen.starts) == (body == "rust")


def test_nothing_is_mapped_where_that_is_not_wanted(body: str, seen: Mapped, tmp_path: Path) -> None:
    """Without `mmap` a file is read, and the result is the same."""
    path = tmp_path / "log"
    path.write_bytes(EVENT * 1000)
    read = summarize(path, block_size=BLOCK, mmap=False)
    assert not seen.starts + seen.refused
    assert summarize(path, block_size=BLOCK) == read, body
    assert seen.starts


def test_a_block_hands_on_no_more_rejects_than_are_wanted(
    body: str, seen: Mapped, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """However many lines of a mapped block are bad, its lease is given up before the first of them is handed on."""
    seen.room(1 << 20, monkeypatch)
    path = tmp_path / "log"
    path.write_bytes(EVENT * 1000 + b"bad\n" * 20_000)
    rejects: list[tuple[Reject, int]] = []
    summary = summarize(
        path,
        jobs=1,
        block_size=BLOCK,
        on_reject=lambda bad: rejects.append((bad, len(leases_of(str(path))))),
        reject_limit=9,
    )
    assert [(bad.line, leases) for bad, leases in rejects] == [(number, 0) for number in range(1001, 1010)], body
    assert summary.account.rejects == 20_000
    assert seen.starts


# ------------------------------------------------------------------------------------------------- others write


def test_a_file_that_somebody_writes_is_read(body: str, seen: Mapped, tmp_path: Path) -> None:
    """While a file is open for writing, also by a mapping of somebody who has closed it, nothing is mapped."""
    path = tmp_path / "log"
    path.write_bytes(EVENT * 1000)
    with path.open("ab"):
        assert summarize(path, block_size=BLOCK)["a"].count == 1000, body
    with path.open("r+b") as file:
        pages = mmap.mmap(file.fileno(), 0)
    assert summarize(path, block_size=BLOCK)["a"].count == 1000
    pages.close()
    assert (seen.starts, len(seen.refused)) == ([], 2)
    assert summarize(path, block_size=BLOCK)["a"].count == 1000
    assert seen.starts


CHANGES: Final = {
    "append": "open(sys.argv[1], 'ab').write(b'x' * 100)",
    "cut": "import os; os.truncate(sys.argv[1], 10_000)",
    "empty": "open(sys.argv[1], 'wb')",
}


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("change", CHANGES)
def test_a_writer_is_let_in(body: str, seen: Mapped, tmp_path: Path, jobs: int, change: str) -> None:
    """A process that comes to write or to cut goes on before the next block, and what is left of the file is read."""
    path = tmp_path / "log"
    path.write_bytes(EVENT * 2000)
    size = path.stat().st_size
    wanted = 5 * PAGE
    problems: list[SourceReport] = []
    command = [sys.executable, "-c", f"import sys; sys.stdin.read(); {CHANGES[change]}", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as writer:

        def let_in(start: int) -> None:
            if start > wanted and writer.stdin is not None and not writer.stdin.closed:
                writer.stdin.close()
                # The block before is folded by now, or another thread is at it.
                assert writer.wait(60) == 0

        seen.on_lines = let_in
        summary = summarize(path, jobs=jobs, block_size=BLOCK, on_problem=problems.append)
    if change == "append":
        assert (summary["a"].count, problems) == (2000, []), body
        return
    [problem] = problems
    assert problem.status is Status.TRUNCATED
    assert problem.message.startswith(f"the file had {size} bytes when it was opened, and was cut while it was read")
    assert wanted < problem.bytes < size
    assert summary["a"].count == problem.bytes // len(EVENT)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_writer_waits_for_what_is_folded_only(
    body: str, seen: Mapped, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, jobs: int
) -> None:
    """A writer that comes while a block is folded waits for that block, and from then on the file is read."""
    path = tmp_path / "log"
    path.write_bytes((EVENT * 200 + b"bad\n") * 10)
    writer = threading.Thread(target=os.truncate, args=(path, 10))
    begun, waiting = threading.Lock(), threading.Event()

    def explain_late(raw: bytes, reason: Reason, fields: Fields) -> str:
        # No line of the first block, which is read, comes to this.
        if begun.acquire(blocking=False):
            assert leases_of(str(path)), body
            writer.start()
            # As soon as somebody waits for it, a lease shows as what it has to become: none.
            assert wait_for(lambda: not leases_of(str(path)))
            assert path.stat().st_size > 10
            waiting.set()
        return explain(raw, reason, fields)

    def let_in(_start: int) -> None:
        if begun.locked():
            assert waiting.wait(60)
            writer.join(60)
            assert not writer.is_alive()

    seen.on_lines = let_in
    monkeypatch.setattr(parse, "explain", explain_late)
    problems: list[SourceReport] = []
    rejects: list[Reject] = []
    summarize(path, jobs=jobs, block_size=BLOCK, on_reject=rejects.append, reject_limit=100, on_problem=problems.append)
    assert len(seen.refused) == 1
    assert [problem.status for problem in problems] == [Status.TRUNCATED]
    assert rejects[0].raw == b"bad"


@pytest.mark.parametrize("jobs", [1, 3])
def test_whoever_takes_rejects_may_write(body: str, seen: Mapped, tmp_path: Path, jobs: int) -> None:
    """A callback that writes to the very file that is read does not wait for a thread that waits for it."""
    path = tmp_path / "log"
    path.write_bytes((EVENT * 100 + b"bad\n") * 100)

    def write(_reject: Reject) -> None:
        with path.open("ab") as file:
            file.write(b"x")

    summary = summarize(path, jobs=jobs, block_size=BLOCK, on_reject=write, reject_limit=1000)
    assert (summary["a"].count, summary.account.rejects) == (10_000, 100), body
    assert seen.starts


def test_nobody_who_has_a_lease_waits_for_a_thread_to_start(
    body: str, seen: Mapped, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """While a thread starts the others, the first of them goes on to the end of its block."""
    path = tmp_path / "log"
    path.write_bytes(EVENT * 5000)
    made: list[fold.Fold] = []
    leases: list[int] = []

    def new_fold(query: Query) -> fold.Fold:
        made.append(bodies.new_fold(query))
        leases.append(len(leases_of(str(path))))
        if len(made) == 3:
            # The second one has had a block by now, the first one has one still.
            assert wait_for(lambda: len(seen.starts) > 1 and len(leases_of(str(path))) == leases[1] > 0)
        return made[-1]

    monkeypatch.setattr(run_module, "new_fold", new_fold)
    assert summarize(path, jobs=3, block_size=BLOCK)["a"].count == 5000, body
    assert len(made) == 3


# --------------------------------------------------------------------------------------------- what is left behind


@pytest.mark.parametrize("jobs", [1, 2])
def test_no_lease_is_left_behind(
    body: str, seen: Mapped, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, jobs: int
) -> None:
    """After a run, and after one that failed while a block was folded or a reject taken, writers do not wait."""
    path = tmp_path / "log"
    path.write_bytes((EVENT * 100 + b"bad\n") * 100)
    summarize(path, jobs=jobs, block_size=BLOCK)
    assert not is_leased(str(path)), body
    assert seen.starts
    descriptors = len(os.listdir("/proc/self/fd"))

    def fail(*_arguments: object) -> str:
        raise ZeroDivisionError

    def rejected(_reject: Reject) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        summarize(path, jobs=jobs, block_size=BLOCK, on_reject=rejected, reject_limit=5)
    assert wait_for(lambda: not is_leased(str(path)))
    seen.starts.clear()
    monkeypatch.setattr(parse, "explain", lambda *given: fail() if seen.starts else explain(*given))
    with pytest.raises(ZeroDivisionError) as also_caught:
        summarize(path, jobs=jobs, block_size=BLOCK, on_reject=lambda _: None, reject_limit=5)
    assert seen.starts
    assert wait_for(lambda: not is_leased(str(path)))
    del caught, also_caught
    # A failure and the run that it ended hold on to each other.
    assert wait_for(lambda: gc.collect() >= 0 and len(os.listdir("/proc/self/fd")) <= descriptors)


def wait_for(condition: Callable[[], bool]) -> bool:
    """Whether a condition comes true; other threads may have to end for it."""
    for _ in range(20_000):
        if condition():
            return True
        threading.Event().wait(0.001)
    return False


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_that_is_stopped_holds_no_lease(body: str, seen: Mapped, tmp_path: Path, jobs: int) -> None:
    """When a run is stopped, what was mapped is given up, and the totals are those of the lines that were folded."""
    path = tmp_path / "log"
    path.write_bytes(EVENT * 5000)
    stopped, mapped_some = threading.Event(), threading.Event()

    def hold(start: int) -> None:
        if start > 5 * PAGE:
            mapped_some.set()
            assert stopped.wait(60)

    seen.on_lines = hold
    run = run_module.Run([str(path)], Options(block_size=BLOCK, jobs=jobs))

    class StopError(Exception):
        """Stands for an interruption."""

    def stop() -> None:
        assert mapped_some.wait(60)
        raise StopError

    with pytest.raises(StopError):
        run.complete(stop)
    partial = run.partial()
    assert 0 < partial["a"].count < 5000, body
    stopped.set()
    assert wait_for(lambda: not leases_of(str(path)) and not is_leased(str(path)))


def test_a_view_keeps_its_lease(seen: Mapped, tmp_path: Path) -> None:
    """Where somebody still has a part of closed lines, nobody can change them until that is given back."""
    path = tmp_path / "log"
    path.write_bytes(EVENT * 1000)
    assert not seen.starts
    with path.open("rb", buffering=0) as file:
        lines = LeasedLines(file.fileno(), 5, 5 + 10 * len(EVENT))
    assert bytes(lines.view) == (EVENT * 10)[5:]
    part = lines.view[:10]
    lines.close()
    del lines
    assert is_leased(str(path))
    assert bytes(part) == EVENT[5:15]
    part.release()
    assert not is_leased(str(path))


def test_a_lease_that_is_lost_is_an_error(
    body: str, seen: Mapped, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where a lease is gone before its lines are folded, as in a process that was stopped, there is no result."""
    path = tmp_path / "log"
    path.write_bytes(EVENT * 500 + b"bad\n" + EVENT * 500)

    def lose(raw: bytes, reason: Reason, fields: Fields) -> str:
        for lease in leases_of(str(path)):
            fcntl.fcntl(lease, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        return explain(raw, reason, fields)

    monkeypatch.setattr(parse, "explain", lose)
    with pytest.raises(LostError, match="opened for writing while it was read"):
        summarized(str(path), [], jobs=1)
    assert seen.starts, body


def test_a_lost_lease_ends_the_tool(
    body: str, seen: Mapped, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command line prints no result of lines that may have changed while they were folded: 3, and why."""
    path = tmp_path / "log"
    path.write_bytes(EVENT * 500_000)

    def close(_lines: LeasedLines) -> None:
        raise LostError("a file was opened for writing")

    monkeypatch.setattr(LeasedLines, "close", close)
    monkeypatch.setattr(sys, "argv", ["eventstats", str(path)])
    with pytest.raises(SystemExit) as ended:
        process.main()
    assert ended.value.code == ExitCode.INCOMPLETE, body
    assert capsys.readouterr() == ("", "eventstats: no result: a file was opened for writing\n")
    assert seen.starts
    assert click.get_current_context(silent=True) is None


# ------------------------------------------------------------------------------------------------ what is not mapped


def test_only_what_was_opened_here_is_mapped(body: str, seen: Mapped, tmp_path: Path) -> None:
    """Streams of the caller and compressed files are read, and so are files that are small."""
    import gzip  # noqa: PLC0415  # for this test alone

    path = tmp_path / "log"
    path.write_bytes(EVENT * 1000)
    with path.open("rb") as buffered, path.open("rb", buffering=0) as raw:
        for stream in (buffered, raw):
            assert summarize(stream, block_size=BLOCK)["a"].count == 1000, body
    (tmp_path / "log.gz").write_bytes(gzip.compress(EVENT * 1000))
    assert summarize(tmp_path / "log.gz", block_size=BLOCK)["a"].count == 1000
    assert summarize(path)["a"].count == 1000
    assert not seen.starts + seen.refused


@pytest.mark.parametrize("call", ["open", "fcntl", "mmap", "madvise", "memory", "unknown"])
def test_whatever_is_refused_is_read(
    body: str, seen: Mapped, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: str
) -> None:
    """Where the file cannot be opened again, leased or mapped, or is not in memory, it is read."""
    path = tmp_path / "log"
    path.write_bytes(EVENT * 1000)
    refused: list[str] = []

    def refuse(*_arguments: object, **_options: object) -> int:
        refused.append(call)
        raise OSError(errno.EINVAL, "Invalid argument")

    class Pages(mmap.mmap):
        def madvise(self, *_arguments: object) -> None:
            refuse()

    if call == "open":
        original = os.open
        monkeypatch.setattr(
            os, "open", lambda name, *rest: refuse() if "/proc/self/fd/" in str(name) else original(name, *rest)
        )
    elif call == "fcntl":
        monkeypatch.setattr(fcntl, "fcntl", refuse)
    elif call == "unknown":
        refused.append(call)
        monkeypatch.delattr(os, "RWF_NOWAIT")
    elif call == "memory":
        monkeypatch.setattr(os, "preadv", refuse)
    else:
        monkeypatch.setattr(mmap, "mmap", refuse if call == "mmap" else Pages)
    before = open_descriptors()
    with path.open("rb", buffering=0) as file:
        assert MappedFile(file, path.stat().st_size).lines(len(EVENT)) is None
        assert (file.tell(), refused, seen.refused) == (len(EVENT), [call], [len(EVENT)]), body
    assert open_descriptors() == before
    assert not is_leased(str(path))


def test_a_file_that_became_shorter_is_read(seen: Mapped, tmp_path: Path) -> None:
    """What is not there any more is not mapped: reading tells where the file ends."""
    path = tmp_path / "log"
    path.write_bytes(EVENT * 1000)
    with path.open("rb", buffering=0) as file:
        size = path.stat().st_size
        os.truncate(path, size - 1)
        with pytest.raises(ValueError, match="greater than file size"):
            LeasedLines(file.fileno(), 0, size)
        assert MappedFile(file, size).lines(size - len(EVENT)) is None
    assert seen.refused == [size - len(EVENT)]
    assert not is_leased(str(path))


@pytest.mark.parametrize("system", [b"nfs4", b"overlay", b"fuse.sshfs", b""])
def test_file_systems_that_do_not_know_all_writers_are_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: bytes
) -> None:
    """Nothing is mapped on a file system of which others may change files unseen, or that is not known."""
    path = tmp_path / "log"
    path.write_bytes(EVENT)
    with path.open("rb", buffering=0) as file:
        assert mapped(file, mapping.SMALLEST) is not None
        monkeypatch.setattr(mapping, "_file_system", lambda _: system)
        assert mapped(file, mapping.SMALLEST) is None


def test_the_file_system_is_that_of_the_mount() -> None:
    """The file system of a file of /proc is told, and none of what is not open."""
    with open("/proc/self/stat", "rb", buffering=0) as file:
        assert mapping._file_system(file.fileno()) == b"proc"  # noqa: SLF001
    assert mapping._file_system(1 << 30) == b""  # noqa: SLF001


def test_an_error_of_reading_passes_through(body: str, seen: Mapped, tmp_path: Path) -> None:
    """Without `on_problem`, a file that was cut between two mapped blocks is a TruncatedError that says where."""
    path = tmp_path / "log"
    path.write_bytes(EVENT * 2000)

    def cut(start: int) -> None:
        if start > 5 * PAGE:
            os.truncate(path, 100)

    seen.on_lines = cut
    with pytest.raises(TruncatedError, match="was cut while it was read"):
        summarize(path, jobs=1, block_size=BLOCK)
    assert seen.starts, body
