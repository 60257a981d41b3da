"""`pipeline.run`: the answer depends on the lines alone, failures surface, and an interrupted run stays whole."""

import bz2
import errno
import gzip
import io
import os
import resource
import signal
import stat
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from socket import AF_UNIX
from socket import socket as unix_socket
from typing import Any, BinaryIO, Final, cast

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import oracle
from eventcli import Account, Fields, Query, Reason, Reject, SourceReport, Status, Summary, summarize, testing
from eventcli.folding.bodies import new_fold
from eventcli.folding.fold import Part
from eventcli.lines.query import MAX_TYPE_BYTES, MAX_TYPES, Timing
from eventcli.pipeline import intake, options
from eventcli.pipeline.intake import Place
from eventcli.pipeline.options import Callbacks, Options
from eventcli.pipeline.run import Run
from eventcli.readable import TruncatedError
from eventcli.reading import walking
from eventcli.reading.blocks import MAX_LINE
from eventcli.reading.claims import Claims
from eventcli.reading.compression.encodings import is_plain
from eventcli.reading.listing import Entries, entries
from eventcli.text import Source
from outcome import printed, run
from process import open_descriptors

SIZES = st.one_of(st.integers(1, 64), st.sampled_from([100, 1000, 65536]))
JOBS = st.integers(1, 4)
TYPES = st.sampled_from([None, None, (), ("purchase",), ("purchase", "", "never seen")])


# A byte-order mark is skipped at the start of a file only, so such a line means something else where it stands first.
LINES = st.lists(testing.lines().filter(lambda line: not line.startswith(b"\xef\xbb\xbf")), max_size=12)

FEW_TYPES = st.sampled_from(["a", "b"])
NUMBERS = st.one_of(testing.ordinary_numbers(), testing.unusual_numbers())

few = settings(max_examples=max(1, settings().max_examples // 2))
"""For properties that start many threads."""


def log_of(lines: list[bytes]) -> bytes:
    """Return the file that holds these lines."""
    return b"".join(line + b"\n" for line in lines)


def event(number: int) -> bytes:
    """Return a line with an event."""
    return b'{"type":"a","value":%d}\n' % number


# ---------------------------------------------------------------------------------------------- meaning


@given(log=testing.logs(), types=TYPES)
@example(log=b"", types=None)
@example(log=b"\xef\xbb\xbf", types=None)
@example(log=b"\xef\xbb\xbf\n", types=None)
@example(log=b"\n" * 5, types=None)
@example(log=b'{"type":"a","value":0.1}\n' * 10, types=None)
def test_a_log_means_what_the_standard_library_says(body: str, log: bytes, types: tuple[str, ...] | None) -> None:
    """Counts, exact sums, extremes, the account and every reject are those of an independent slow reader."""
    check_meaning(log, types, body)


@given(
    log=st.one_of(
        st.binary(max_size=200), st.lists(st.sampled_from(list(b'{}[]":,\\u0 \n\r15.e-"typevalu\xff\0'))).map(bytes)
    )
)
def test_arbitrary_bytes_are_accounted_for(body: str, log: bytes) -> None:
    """Whatever the bytes, every line is accounted for once, as an independent slow reader does it."""
    assume(is_plain(log))
    check_meaning(log, None, body)


@given(log=testing.logs(line=testing.good_lines(types=FEW_TYPES, numbers=NUMBERS), max_lines=25))
def test_sums_of_arbitrary_numbers_are_exact(body: str, log: bytes) -> None:
    """Sums, minima and maxima of any numbers are those of exact fractions."""
    check_meaning(log, None, body)


def check_meaning(log: bytes, types: tuple[str, ...] | None, body: str) -> None:
    """Assert that a log means what the oracle says."""
    rejects: list[Reject] = []
    summary = summarize(io.BytesIO(log), types=types, on_reject=rejects.append)
    expected = oracle.meaning(log, types=types)
    found = {
        name: oracle.Stats(stats.count, Fraction(stats.sum), stats.integral, _fraction(stats.min), _fraction(stats.max))
        for name, stats in summary.types.items()
    }
    assert found == expected.types, body
    assert [(bad.reason, bad.line, bad.offset, bad.length, bad.raw) for bad in rejects] == expected.rejects
    account = summary.account
    account.check()
    assert (account.lines, account.accepted, account.filtered, account.blank) == (
        expected.lines,
        expected.accepted,
        expected.filtered,
        expected.blank,
    )
    assert dict(account.rejected) == expected.rejected
    assert summary.sources == (SourceReport("<BytesIO>", len(log), expected.lines),)


def _fraction(value: object) -> Fraction | None:
    return None if value is None else Fraction(str(value))


@given(log=testing.logs(fields=Fields("event name", "Value")))
def test_fields_can_be_chosen(body: str, log: bytes) -> None:
    """With other fields, a log means what an independent slow reader of those fields says."""
    summary = summarize(io.BytesIO(log), fields=Fields("event name", "Value"))
    expected = oracle.meaning(log, "event name", "Value")
    assert {name: (stats.count, Fraction(stats.sum)) for name, stats in summary.types.items()} == {
        name: (stats.count, stats.sum) for name, stats in expected.types.items()
    }, body
    assert dict(summary.account.rejected) == expected.rejected


# --------------------------------------------------------------------------------- the same bytes, always


@given(lines=LINES, data=st.data())
def test_the_order_of_lines_does_not_matter(body: str, lines: list[bytes], data: st.DataObject) -> None:
    """Any permutation of the lines gives the same bytes in every format, and the same account."""
    shuffled = data.draw(st.permutations(lines))
    original, other = run(log_of(lines)), run(log_of(shuffled))
    assert other.printed == original.printed, body
    assert other.account == original.account
    assert sorted(bad.raw for bad in other.rejects) == sorted(bad.raw for bad in original.rejects)


@given(lines=LINES, cuts=st.lists(st.integers(0, 12), max_size=3), jobs=JOBS)
def test_the_split_into_files_does_not_matter(body: str, lines: list[bytes], cuts: list[int], jobs: int) -> None:
    """Any split of a log into files gives the same bytes in every format, and the same account."""
    edges = [0, *sorted(cuts), len(lines)]
    files = [log_of(lines[start:end]) for start, end in pairwise(edges)]
    whole, split = run(log_of(lines)), run(*files, jobs=jobs)
    assert split.printed == whole.printed, body
    assert split.account == whole.account
    assert [bad.raw for bad in split.rejects] == [bad.raw for bad in whole.rejects]


@given(log=testing.logs(), size=SIZES, types=TYPES)
def test_the_size_of_blocks_does_not_matter(body: str, log: bytes, size: int, types: tuple[str, ...] | None) -> None:
    """Any size of blocks gives the same bytes, account and rejects, with the same lines and offsets."""
    assert run(log, block_size=size, types=types) == run(log, types=types), body


@few
@given(logs=st.lists(testing.logs(max_lines=8), max_size=3), size=st.integers(1, 200), jobs=st.integers(2, 4))
def test_the_number_of_threads_does_not_matter(body: str, logs: list[bytes], size: int, jobs: int) -> None:
    """Any number of threads gives the same bytes and account, and the same rejects in the order of the input."""
    assert run(*logs, block_size=size, jobs=jobs) == run(*logs), body


@given(
    logs=st.lists(testing.logs(max_lines=6), min_size=1, max_size=4),
    types=TYPES,
)
def test_merging_runs_is_one_run(body: str, logs: list[bytes], types: tuple[str, ...] | None) -> None:
    """Summaries of files, merged, print the same bytes as one run over all of them."""
    one = summarize([io.BytesIO(log) for log in logs], types=types)
    merged = Summary.union(summarize(io.BytesIO(log), types=types) for log in logs)
    assert merged == one, body
    assert printed(merged) == printed(one)


@given(log=testing.logs(), size=SIZES, max_line=st.one_of(st.integers(1, 200), st.just(MAX_LINE)))
def test_the_bytes_of_a_reject_are_where_it_says(body: str, log: bytes, size: int, max_line: int) -> None:
    """Offset and length of a reject give its bytes in the file, and its line number counts the newlines before."""
    for reject in run(log, block_size=size, max_line=max_line).rejects:
        end = reject.offset + reject.length
        assert log[reject.offset : end] == reject.raw or reject.reason is Reason.LINE_TOO_LONG, body
        assert log[end : end + 1] in {b"\n", b""}
        assert log[: reject.offset].count(b"\n") == reject.line - 1
        assert reject.source == "<BytesIO>"


@given(log=testing.logs(), max_line=st.integers(1, 200), size=SIZES, jobs=st.sampled_from([1, 1, 3]))
@example(log=b"x" * 10, max_line=9, size=1, jobs=1)
@example(log=b" " * 10 + b"\n" + b" " * 9 + b"\r\n", max_line=10, size=64, jobs=1)
def test_exactly_the_lines_over_the_limit_are_too_long(
    body: str, log: bytes, max_line: int, size: int, jobs: int
) -> None:
    """A line is `line_too_long` exactly if it is longer than the limit, whatever else is true of it."""
    outcome = run(log, max_line=max_line, block_size=size, jobs=jobs)
    expected = oracle.meaning(log, max_line=max_line)
    found = [(bad.reason, bad.line, bad.offset, bad.length, bad.raw) for bad in outcome.rejects]
    assert found == expected.rejects, body
    assert outcome == run(log, max_line=max_line)
    assert (outcome.account.accepted, outcome.account.blank) == (expected.accepted, expected.blank)


# ------------------------------------------------------------------------------------------- arguments


def test_a_type_that_was_never_seen_is_there(body: str) -> None:
    """A type that was asked for is in the result with a count of 0; others are filtered, not rejected."""
    log = io.BytesIO(event(1) + b'{"type":"b","value":2}\n')
    summary = summarize(log, types=["b", "c"])
    assert {name: stats.count for name, stats in summary.types.items()} == {"b": 1, "c": 0}, body
    assert summary.account == Account(lines=2, accepted=1, filtered=1)


def test_one_type_may_be_given_as_text(body: str) -> None:
    """A single type is a type, and not a collection of letters."""
    assert list(summarize(io.BytesIO(event(1)), types="ab").types) == ["ab"], body


def test_sources_may_be_given_one_by_one_or_together(body: str, tmp_path: Path) -> None:
    """Paths, Paths and streams are taken as arguments or as an iterable of them, in that order."""
    first, second = tmp_path / "first", tmp_path / "second"
    for path in (first, second):
        path.write_bytes(event(1))
    assert summarize(first, str(second), io.BytesIO(event(1)))["a"].count == 3, body
    assert summarize(path for path in (first, str(second)))["a"].count == 2
    assert summarize([first], io.BytesIO(event(1)), [])["a"].count == 2
    assert summarize([]) == Summary(max_types=MAX_TYPES, max_type_bytes=MAX_TYPE_BYTES)


def test_a_stream_stays_open(body: str) -> None:
    """A stream of the caller is not closed."""
    stream = io.BytesIO(event(1))
    assert summarize(stream).complete, body
    assert not stream.closed


@pytest.mark.parametrize("option", ["max_line", "block_size", "jobs"])
def test_sizes_below_one_are_refused(option: str) -> None:
    """A limit, block size or number of threads below 1 is a ValueError."""
    with pytest.raises(ValueError, match="at least 1"):
        summarize(io.BytesIO(), **{option: 0})  # type: ignore[arg-type]


def test_streams_of_text_are_refused(body: str, tmp_path: Path) -> None:
    """A stream of text, in memory or of a file, is a TypeError that says what is needed."""
    with pytest.raises(TypeError, match="a stream of bytes is needed, not of str"):
        summarize(cast("BinaryIO", io.StringIO("{}\n")))
    path = tmp_path / body
    path.write_bytes(event(1))
    with path.open(encoding="utf-8") as stream, pytest.raises(TypeError, match="a stream of bytes is needed"):
        summarize(cast("BinaryIO", stream))


@pytest.mark.parametrize("jobs", [1, 4])
@pytest.mark.parametrize("limit", [0, 1, 7, 100, None])
def test_only_the_first_rejects_are_handed_on(body: str, limit: int | None, jobs: int) -> None:
    """With a limit, the first rejects in the order of the input are handed on, and all are counted."""
    log = b"".join(b"bad%d\n" % number + event(number) for number in range(20))
    rejects: list[Reject] = []
    summary = summarize(io.BytesIO(log), block_size=32, jobs=jobs, on_reject=rejects.append, reject_limit=limit)
    assert [bad.raw for bad in rejects] == [
        b"bad%d" % number for number in range(20 if limit is None else min(limit, 20))
    ]
    assert summary.account.rejected == {Reason.INVALID_JSON: 20}, body


# -------------------------------------------------------------------------------------- things that fail


class BrokenStream(io.RawIOBase):
    """A stream that gives its pieces one by one, and then fails."""

    def __init__(self, pieces: list[bytes], failure: BaseException) -> None:
        self._pieces = iter(pieces)
        self._failure = failure

    def readable(self) -> bool:
        """Say that this is a stream to read from."""
        return True

    def readinto(self, buffer: object) -> int:
        """Give the next piece, a byte at a time where the buffer is that small, or fail."""
        view = memoryview(cast("bytearray", buffer))
        piece = next(self._pieces, None)
        if piece is None:
            raise self._failure
        self._pieces = iter([rest for rest in (piece[len(view) :], *self._pieces) if rest])
        view[: len(piece)] = piece[: len(view)]
        return min(len(piece), len(view))


def broken(pieces: list[bytes], failure: BaseException) -> BinaryIO:
    """Return a stream that gives its pieces one by one, and then fails."""
    return cast("BinaryIO", BrokenStream(pieces, failure))


IO_ERROR = OSError(errno.EIO, "Input/output error")


@given(
    lines=st.lists(testing.good_lines(), min_size=1, max_size=6),
    rest=testing.torn_lines(),
    size=SIZES,
    jobs=st.sampled_from([1, 1, 4]),
)
def test_whole_lines_before_a_failure_are_counted(
    body: str, lines: list[bytes], rest: bytes, size: int, jobs: int
) -> None:
    """Where a stream fails midway, the lines that ended before are counted, and the source is unreadable."""
    log = log_of(lines)
    problems: list[SourceReport] = []
    stream = broken([log + rest], IO_ERROR)
    summary = summarize(stream, block_size=size, jobs=jobs, on_problem=problems.append)
    assert summary.account.lines == summary.account.accepted == len(lines), body
    message = "Input/output error"
    if rest:
        message += f"; {len(rest)} bytes of an unfinished line before that do not count"
    report = SourceReport("<BrokenStream>", len(log), len(lines), Status.UNREADABLE, message)
    assert problems == [report]
    assert summary.sources == (report,)
    assert not summary.complete


def test_a_stream_that_ends_too_early_is_truncated(body: str) -> None:
    """A stream that knows that its end is missing marks its source truncated, and says where."""
    problems: list[SourceReport] = []
    stream = broken([event(1) + b"{"], TruncatedError("the connection was lost", 24))
    summary = summarize(stream, on_problem=problems.append)
    message = "the connection was lost, at byte 24; 1 bytes of an unfinished line before that do not count"
    assert problems == [SourceReport("<BrokenStream>", len(event(1)), 1, Status.TRUNCATED, message)], body
    assert not summary.complete


@pytest.mark.parametrize("jobs", [1, 4])
def test_reading_goes_on_with_the_next_source(body: str, jobs: int, tmp_path: Path) -> None:
    """Missing and unreadable sources among good ones are reported in their order, and the good ones are counted."""
    good = tmp_path / "good"
    good.write_bytes(event(1) * 3)
    problems: list[SourceReport] = []
    (tmp_path / "better").write_bytes(event(1) * 3)
    missing, socket = str(tmp_path / "missing"), str(tmp_path / "socket")
    with closing(unix_socket(AF_UNIX)) as listener:
        listener.bind(socket)
    sources = (missing, good, socket, broken([event(5)], IO_ERROR), tmp_path / "better")
    summary = summarize(*sources, jobs=jobs, block_size=30, on_problem=problems.append)
    assert [(report.name, report.status, report.lines) for report in problems] == [
        (missing, Status.MISSING, 0),
        (socket, Status.UNREADABLE, 0),
        ("<BrokenStream>", Status.UNREADABLE, 1),
    ]
    assert [report.message for report in problems] == [
        os.strerror(errno.ENOENT),
        "Is a socket",
        "Input/output error",
    ]
    assert (summary["a"].count, int(summary["a"].sum), len(summary.sources)) == (7, 11, 5), body


@pytest.mark.parametrize("jobs", [1, 4])
def test_without_on_problem_an_os_error_is_raised(body: str, jobs: int, tmp_path: Path) -> None:
    """Whoever does not ask for problems gets them as exceptions: no partial answer passes as a whole one."""
    with pytest.raises(FileNotFoundError):
        summarize(io.BytesIO(event(1)), tmp_path / body, jobs=jobs)
    with pytest.raises(FileNotFoundError, match="no file in this directory"):
        summarize(tmp_path, jobs=jobs)
    with pytest.raises(OSError, match="Input/output error"):
        summarize(broken([event(1)], IO_ERROR), jobs=jobs, block_size=1)


@pytest.mark.parametrize("jobs", [1, 4])
def test_other_failures_of_a_stream_surface(body: str, jobs: int) -> None:
    """What a stream raises, other than an OSError, is raised, also where problems are asked for."""
    with pytest.raises(ZeroDivisionError, match=body):
        summarize(broken([event(1)] * 50, ZeroDivisionError(body)), jobs=jobs, on_problem=print)


@pytest.mark.parametrize("jobs", [1, 4])
def test_failures_of_the_callers_functions_surface(body: str, jobs: int) -> None:
    """What `on_reject` and `on_problem` raise is raised, and neither is called again."""
    calls: list[object] = []

    def fail(argument: object) -> None:
        calls.append(argument)
        raise ZeroDivisionError(body)

    with pytest.raises(ZeroDivisionError, match=body):
        summarize(io.BytesIO(b"bad\n" * 1000), jobs=jobs, block_size=8, on_reject=fail)
    assert len(calls) == 1
    with pytest.raises(ZeroDivisionError, match=body):
        summarize("/missing", "/missing too", jobs=jobs, on_problem=fail)
    assert len(calls) == 2


def test_failures_of_the_iterable_of_sources_surface(body: str) -> None:
    """What an iterable of sources raises is raised."""

    def sources() -> Iterator[BinaryIO]:
        yield io.BytesIO(event(1))
        raise ZeroDivisionError(body)

    with pytest.raises(ZeroDivisionError, match=body):
        summarize(sources())


def test_a_failure_does_not_wait_for_a_silent_stream(body: str) -> None:
    """A failure is raised at once, also while another thread waits for a stream that says nothing."""
    silent = threading.Event()

    class Silent(io.BytesIO):
        def readinto(self, buffer: object) -> int:
            got = super().readinto(cast("bytearray", buffer))
            if not got:
                silent.wait()
            return got

    def fail(_reject: Reject) -> None:
        raise ZeroDivisionError(body)

    before = set(threading.enumerate())
    with pytest.raises(ZeroDivisionError, match=body):
        summarize(Silent(b"bad\n"), jobs=2, on_reject=fail)
    silent.set()
    for thread in set(threading.enumerate()) - before:
        thread.join()


@pytest.mark.parametrize("jobs", [1, 4])
def test_rejects_come_in_the_order_of_the_input(body: str, jobs: int) -> None:
    """Rejects are handed on one at a time, in the order of files and lines, with line numbers of their own file."""
    logs = [b"".join(b"bad %d\n" % number + event(1) * (number % 3) for number in range(200)) for _ in range(3)]
    rejects: list[Reject] = []
    busy = threading.Lock()

    def on_reject(reject: Reject) -> None:
        assert busy.acquire(blocking=False), "two at a time"
        rejects.append(reject)
        busy.release()

    summarize([io.BytesIO(log) for log in logs], jobs=jobs, block_size=40, on_reject=on_reject)
    assert [bad.raw for bad in rejects] == [b"bad %d" % number for number in range(200)] * 3, body
    assert [bad.line for bad in rejects] == [
        number for log in logs for number, line in enumerate(log.splitlines(), 1) if line.startswith(b"bad")
    ]


# ---------------------------------------------------------------------------------------- interruptions


class Interruption:
    """Sends SIGINT to the thread that made it, which gets one KeyboardInterrupt however often it was sent."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self.arrived = threading.Event()
        signal.signal(signal.SIGINT, self._arrive)

    def _arrive(self, _number: int, _frame: object) -> None:
        if not self.arrived.is_set():
            self.arrived.set()
            raise KeyboardInterrupt

    def send(self) -> None:
        """Send the signal, unless it has arrived."""
        if not self.arrived.is_set():
            signal.pthread_kill(self._thread, signal.SIGINT)

    def send_until_it_arrives(self) -> None:
        """Send the signal again and again: Python may miss one in the moment before it begins to wait for a lock."""
        self.send()
        while not self.arrived.wait(0.1):
            self.send()


@pytest.fixture
def interruption() -> Iterator[Interruption]:
    """Give a way to interrupt this thread, and put the usual handler back."""
    handler = signal.getsignal(signal.SIGINT)
    yield Interruption()
    signal.signal(signal.SIGINT, handler)


def run_of(*streams: Source, jobs: int, block_size: int) -> Run:
    """Return a run that has not begun."""
    return Run(streams, Options(block_size=block_size, jobs=jobs))


@pytest.mark.parametrize("jobs", [1, 4])
def test_a_run_tells_how_far_it_is_while_it_goes_on(body: str, jobs: int, tmp_path: Path) -> None:
    """While a run is on, its account adds up, and its place counts the bytes of all sources as they are stored."""
    first = tmp_path / "first"
    first.write_bytes(event(1) * 100 + b"bad\n")
    released = threading.Event()
    seen: list[tuple[Account, Place]] = []

    class Silent(io.BytesIO):
        def readinto(self, buffer: object) -> int:
            got = super().readinto(cast("bytearray", buffer))
            if not got:
                assert released.wait(60)
            return got

    def on_heartbeat() -> None:
        seen.append((reading.account(), reading.place()))
        if seen[-1][0].lines == 103:
            released.set()

    reading = run_of(str(first), Silent(event(2) * 2 + b"{"), jobs=jobs, block_size=64)
    summary = reading.complete(on_heartbeat)
    for account, _ in seen:
        account.check()
    account, place = seen[-1]
    assert (account.accepted, account.rejects) == (102, 1), body
    size = first.stat().st_size
    assert place == Place(1, size, 2 * len(event(2)), None)
    assert summary.account.lines == 104
    assert reading.place() == Place(2, size + 2 * len(event(2)) + 1, 0, None)


def test_a_run_that_is_over_before_has_no_heartbeat(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks after a run of a moment, so that it costs nothing."""
    monkeypatch.setattr("eventcli.pipeline.run._FIRST_HEARTBEAT", 60)  # a moment on a busy machine
    reading = run_of(io.BytesIO(event(1)), jobs=1, block_size=64)
    summary = reading.complete(lambda: pytest.fail("called"))
    assert summary.account.lines == 1, body


@pytest.mark.parametrize("jobs", [1, 4])
@pytest.mark.parametrize("count", [0, 1, 10, 500])
def test_an_interrupted_run_can_tell_what_it_has(body: str, interruption: Interruption, jobs: int, count: int) -> None:
    """After an interruption the partial summary holds whole lines only, adds up, and says that it is not complete."""
    released = threading.Event()

    class Interrupting(io.BytesIO):
        def readinto(self, buffer: object) -> int:
            got = super().readinto(cast("bytearray", buffer))
            if not got:
                interruption.send_until_it_arrives()
                released.wait()
            return got

    log = (event(2) + b"bad\n" + b"\n") * count + b'{"type":"a","val'
    before = set(threading.enumerate())
    reading = run_of(io.BytesIO(event(3)), Interrupting(log), jobs=jobs, block_size=64)
    with pytest.raises(KeyboardInterrupt):
        reading.complete()
    partial = reading.partial()
    released.set()
    for thread in set(threading.enumerate()) - before:
        thread.join()
    partial.account.check()
    assert partial.account == Account(3 * count + 1, count + 1, {Reason.INVALID_JSON: count}, 0, count), body
    assert partial["a"].sum == 2 * count + 3
    assert not partial.complete
    assert sorted(source.status for source in partial.sources) == [Status.COMPLETE, Status.INTERRUPTED]


@pytest.mark.parametrize("jobs", [1, 4])
def test_an_interruption_in_the_middle_of_work_stays_whole(body: str, interruption: Interruption, jobs: int) -> None:
    """However many blocks are being folded at the moment of an interruption, the partial summary adds up."""

    class Endless(io.RawIOBase):
        lines = 0
        line = b""

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: object) -> int:
            view = memoryview(cast("bytearray", buffer))
            if not self.line:
                self.lines += 1
                self.line = event(self.lines)
                if self.lines % 300 == 0:
                    interruption.send()
            piece, self.line = self.line[: len(view)], self.line[len(view) :]
            view[: len(piece)] = piece
            return len(piece)

    before = set(threading.enumerate())
    reading = run_of(cast("BinaryIO", Endless()), jobs=jobs, block_size=4096)
    with pytest.raises(KeyboardInterrupt):
        reading.complete()
    partial = reading.partial()
    for thread in set(threading.enumerate()) - before:
        thread.join()
    count = partial.account.lines
    assert count >= 290
    assert partial.account == Account(lines=count, accepted=count), body
    assert partial["a"].count == count
    assert partial["a"].sum == count * (count + 1) // 2
    assert partial["a"].max == count


def test_a_fifo_is_read_to_its_end(body: str, tmp_path: Path) -> None:
    """A named pipe is a source like any file."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    assert stat.S_ISFIFO(path.stat().st_mode)
    writer = threading.Thread(target=path.write_bytes, args=(event(1) * 1000,))
    writer.start()
    summary = summarize(path)
    writer.join()
    assert summary["a"].count == 1000, body


# ------------------------------------------------------------------------------------------------- many files

KINDS: Final = ["plain", "plain", "plain", "marked", "gzip", "bzip2", "named twice"]
SMALL: Final = st.lists(st.tuples(testing.logs(max_lines=4), st.sampled_from(KINDS)), min_size=1, max_size=12)
MARK: Final = b"\xef\xbb\xbf"


@few
@given(files=SMALL, size=st.sampled_from([1, 50, 1000, 1 << 20]), jobs=JOBS, told=st.booleans(), timed=st.booleans())
def test_files_mean_what_streams_of_the_same_bytes_mean(
    body: str,
    files: list[tuple[bytes, str]],
    size: int,
    jobs: int,
    told: bool,  # noqa: FBT001  # whether the rejects are
    timed: bool,  # noqa: FBT001  # the kernel asks where buckets begin
) -> None:
    """Small files, read many at a time, give the types, the account, the rejects and the reports that streams give."""
    timing = Timing(by="hour", optional=True) if timed else None
    with tempfile.TemporaryDirectory() as folder:
        paths, logs, repeats = [], [], []
        for number, (log, kind) in enumerate(files):
            path = os.path.join(folder, f"{number:02}")
            logs.append(MARK + log if kind == "marked" else log)
            data = {"gzip": gzip.compress(log), "bzip2": bz2.compress(log)}.get(kind, logs[-1])
            Path(path).write_bytes(data)
            paths.append(path)
            if kind == "named twice":
                os.symlink(path, f"{path}-link")
                paths.append(f"{path}-link")
                repeats.append((f"{path}-link", path))
        rejects: list[Reject] = []
        repeated: list[tuple[str, str]] = []
        summary = summarize(
            paths,
            timing=timing,
            jobs=jobs,
            block_size=size,
            on_reject=rejects.append if told else None,
            on_repeat=lambda name, other: repeated.append((name, other)),
            stretches=True,
        )
        listed = summarize(folder, include=["*"], timing=timing, jobs=jobs, block_size=size, stretches=True)
    expected_rejects: list[Reject] = []
    streams = [io.BytesIO(log) for log in logs]
    expected = summarize(streams, timing=timing, on_reject=expected_rejects.append, stretches=True)
    assert printed(summary) == printed(listed) == printed(expected), body
    assert summary.account == listed.account == expected.account
    assert [bad._replace(source="<BytesIO>") for bad in rejects] == (expected_rejects if told else [])
    assert repeated == repeats
    own = [f"{folder}/{number:02}" for number in range(len(files))]
    assert [report.name for report in summary.sources] == [report.name for report in listed.sources] == own
    reports = sorted(report._replace(name="<BytesIO>") for report in summary.sources)
    assert reports == sorted(report._replace(name="<BytesIO>") for report in listed.sources) == list(expected.sources)
    assert summary.complete


class NamedStream(io.BytesIO):
    """A stream in memory that has a name, as files have."""

    def __init__(self, name: str, data: bytes) -> None:
        super().__init__(data)
        self.name = name


ODD: Final = {
    "compressed": gzip.compress(event(1) + b"bad\n"),
    "cut": event(3) * 3,
    "empty": b"",
    "fifo": event(1),
    "fifo later": event(1),
    "foreign": b"PK\x03\x04" + event(1),
    "gone": event(1),
    "gone later": event(1),
    "grown": b"bad\n" + event(1),
    "halved": MARK[:2] + event(1) * 2,
    "large": (event(1) * 40 + b"bad\n") * 1000,
    "link": event(0),
    "mark": MARK,
    "marked": MARK + event(1) + b"bad\n",
    "open": event(1) + b"bad\n" + event(7)[:-1],
    "replaced": event(1) + b"bad\n",
}
"""Contents of files that are not like all others, or become so just before or after they are looked at."""

INSTEAD: Final[dict[str, bytes | Status]] = {
    "compressed": event(1) + b"bad\n",
    "cut": event(3),
    "fifo": Status.UNREADABLE,
    "fifo later": Status.UNREADABLE,
    "foreign": Status.UNREADABLE,
    "gone": Status.MISSING,
    "gone later": Status.MISSING,
    "grown": b"bad\n" + event(1) * 2,
    "replaced": event(1) * 2,
}
"""What is to be found in place of the contents."""


def change(path: Path, *, later: bool) -> None:
    """Do to an odd file what others may do to it, before or after it is looked at."""
    kind = path.stem[4:]
    if kind.removesuffix(" later") in ("fifo", "gone") and later == kind.endswith(" later"):
        path.unlink(missing_ok=True)
        if kind.startswith("fifo"):
            os.mkfifo(path)
    elif later and kind == "cut":
        os.truncate(path, len(event(3)))
    elif later and kind == "grown":
        with path.open("ab") as file:
            file.write(event(1))
    elif later and kind == "replaced":
        path.with_suffix(".new").write_bytes(event(1) * 2)
        path.with_suffix(".new").replace(path)


@pytest.mark.parametrize("jobs", [1, 2, 5])
@pytest.mark.parametrize("listed", [True, False], ids=["directory", "names"])
def test_odd_files_among_many(body: str, jobs: int, listed: bool, tmp_path: Path) -> None:  # noqa: FBT001  # parametrised
    """Files that are compressed, linked, cut, replaced or gone are read or reported, and all others as if alone."""
    before = open_descriptors()
    kinds = [kind for kind in ODD if listed or kind != "fifo"]  # one that is named is waited for
    paths = [tmp_path / f"{number:03}-{kinds[number % len(kinds)] if number % 3 else ''}.log" for number in range(200)]
    streams: list[BinaryIO] = []
    found: list[tuple[str, Status]] = []
    for path in paths:
        kind = path.stem[4:]
        if kind == "link":
            path.hardlink_to(paths[0])
            continue
        path.write_bytes(ODD.get(kind, event(0)))
        content = INSTEAD.get(kind) or ODD.get(kind, event(0))
        if isinstance(content, Status):
            found.append((str(path), content))
        else:
            found.append((str(path), Status.COMPLETE))
            streams.append(NamedStream(str(path), content))

    claim = Claims.claim_all

    def claim_and_change(claims: Claims, device: int, inodes: Sequence[int], places: Sequence[int]) -> list[int]:
        names = [claims.path(place) for place in places]
        for name in names:
            change(Path(name), later=False)
        first = claim(claims, device, inodes, places)
        for name in names:
            change(Path(name), later=True)
        return first

    rejects: list[Reject] = []
    expected_rejects: list[Reject] = []
    problems: list[SourceReport] = []
    repeats: list[tuple[str, str]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Claims, "claim_all", claim_and_change)
        summary = summarize(
            *([tmp_path] if listed else map(str, paths)),
            jobs=jobs,
            on_reject=rejects.append,
            on_problem=problems.append,
            on_repeat=lambda *names: repeats.append(names),
        )
    expected = summarize(streams, on_reject=expected_rejects.append)
    assert printed(summary) == printed(expected), body
    assert summary.account == expected.account
    assert rejects == expected_rejects
    assert [(report.name, report.status) for report in summary.sources] == found
    assert problems == [report for report in summary.sources if report.status is not Status.COMPLETE]
    whole = [
        report for report in summary.sources if report.status is Status.COMPLETE and "compressed" not in report.name
    ]
    own = {report.name: report for report in expected.sources}
    assert whole == [own[report.name] for report in whole]
    links = [path for path in paths if path.stem.endswith("link")]
    assert repeats == ([] if listed else [(str(link), str(paths[0])) for link in links])
    assert open_descriptors() == before


@pytest.mark.parametrize("jobs", [1, 8])
def test_few_files_are_open_at_any_moment(body: str, jobs: int, tmp_path: Path) -> None:
    """However many files there are, a process that may hardly open any reads them all."""
    for number in range(1000):
        (tmp_path / f"{number:03}.log").write_bytes(event(1) if number % 7 else gzip.compress(event(1)))
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    least = max(map(int, os.listdir("/dev/fd"))) + 1
    resource.setrlimit(resource.RLIMIT_NOFILE, (least + jobs + 2, limits[1]))
    try:
        summary = summarize(tmp_path, jobs=jobs)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert summary.account.accepted == len(summary.sources) == 1000, body


@pytest.mark.parametrize("jobs", [1, 4])
def test_logs_that_are_rotated_while_they_are_read(body: str, jobs: int, tmp_path: Path) -> None:
    """Where small files change their names after they were listed, each is read once, under the name it then has."""
    paths = [tmp_path / f"app.log.{number:02}" for number in range(40)]
    for number, path in enumerate(paths):
        path.write_bytes(event(number))

    claim = Claims.claim_all

    def claim_and_rotate(claims: Claims, device: int, inodes: Sequence[int], places: Sequence[int]) -> list[int]:
        first = claim(claims, device, inodes, places)
        if 0 in places:
            for path, older in reversed(list(pairwise(paths))):
                path.rename(older)
            paths[0].write_bytes(event(100))
        return first

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Claims, "claim_all", claim_and_rotate)
        patch.setattr(intake, "FEW_FILES", 3)
        summary = summarize(tmp_path, jobs=jobs)
    assert summary["a"].count == 40, body
    assert summary["a"].sum == 100 + sum(range(39))
    assert [report.name for report in summary.sources] == [str(path) for path in paths]


def test_a_large_file_among_small_ones_is_folded_by_all_threads(body: str, tmp_path: Path) -> None:
    """Whoever finds that a file of a directory is large shares it, and the files behind it, with the other threads."""
    for number in range(20):
        (tmp_path / f"{number:02}.log").write_bytes(event(number) * (5000 if number in {3, 4, 19} else 1))
    together, met = threading.Barrier(2, timeout=60), threading.Event()
    fold = type(new_fold(Query()))
    in_parts = fold.add_in_parts

    def wait_for_another(self: Any, block: memoryview, *, marks: bool = True) -> Iterator[Part]:
        if len(block) > 1000 and not met.is_set():
            together.wait()
            met.set()
        return in_parts(self, block, marks=marks)

    rejects: list[Reject] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fold, "add_in_parts", wait_for_another)
        summary = summarize(tmp_path, jobs=2, block_size=8192, on_reject=rejects.append)
    assert met.is_set(), body
    assert summary["a"].count == 17 + 3 * 5000
    assert [report.lines for report in summary.sources] == [5000 if n in {3, 4, 19} else 1 for n in range(20)]
    assert not rejects


@pytest.mark.parametrize("jobs", [1, 4])
def test_how_far_a_run_is_in_a_directory(body: str, jobs: int, tmp_path: Path) -> None:
    """In the end of a run all files have ended, with all their bytes as they are stored, however each was read."""
    contents = [event(1), b"", gzip.compress(event(2)), event(3) * 9999, gzip.compress(event(4) * 99999), event(5)] * 9
    for number, data in enumerate(contents):
        (tmp_path / f"{number:02}.log").write_bytes(data)
    os.link(tmp_path / "00.log", tmp_path / "99.log")
    reading = run_of(str(tmp_path), jobs=jobs, block_size=10_000)
    reading.complete()
    assert reading.place() == Place(len(contents) + 1, sum(map(len, contents)), 0, None), body


@pytest.mark.parametrize("jobs", [1, 4])
def test_an_interruption_among_files_stays_whole(
    body: str, interruption: Interruption, jobs: int, tmp_path: Path
) -> None:
    """Wherever a run over small and large files is interrupted, what it tells adds up, each line in a source."""
    for number in range(40):
        (tmp_path / f"{number:02}.log").write_bytes((event(number) * 9 + b"bad\n") * (400 if number % 7 == 3 else 1))
    before = set(threading.enumerate())

    def interrupt(reject: Reject) -> None:
        if reject.line == 2000 and reject.source.endswith("24.log"):
            interruption.send_until_it_arrives()

    reading = Run([str(tmp_path)], Options(block_size=4096, jobs=jobs), Callbacks(interrupt))
    with pytest.raises(KeyboardInterrupt):
        reading.complete()
    partial = reading.partial()
    for thread in set(threading.enumerate()) - before:
        thread.join()
    partial.account.check()
    assert partial.account.lines == sum(report.lines for report in partial.sources) >= 2000, body
    ended = [report for report in partial.sources if report.status is Status.COMPLETE]
    assert all(report.lines == (4000 if int(Path(report.name).stem) % 7 == 3 else 10) for report in ended)
    assert {Path(report.name).stem for report in ended} >= {f"{number:02}" for number in range(24)}
    assert {report.status for report in partial.sources} == {Status.COMPLETE, Status.INTERRUPTED}


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_directory_that_tells_other_inodes(body: str, jobs: int, tmp_path: Path) -> None:
    """Whatever inodes a directory tells of its files, each file is read once, under its first name."""
    for number in range(30):
        (tmp_path / f"{number:02}.log").write_bytes(event(number))
    for number in range(0, 30, 9):
        os.link(tmp_path / f"{number:02}.log", tmp_path / f"{number:02}.log.1")

    def told(directory: str) -> Entries:
        listed = entries(directory)
        inodes = list(listed.inodes)
        for at in range(3, len(inodes), 2):
            inodes[at] = inodes[at - 1] if at % 3 else inodes[at] + 1_000_000
        return listed._replace(inodes=inodes)

    expected = summarize(tmp_path, jobs=jobs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walking, "entries", told)
        summary = summarize(tmp_path, jobs=jobs)
    assert (summary["a"].count, int(summary["a"].sum)) == (30, sum(range(30))), body
    assert summary.sources == expected.sources
    assert [Path(report.name).name for report in summary.sources] == [f"{number:02}.log" for number in range(30)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_names_that_are_no_text(body: str, jobs: int, tmp_path: Path) -> None:
    """Files are read whatever bytes their names have, in the order of these, and are reported with valid names."""
    names = [b"a.log", b"b\xff.log", "caf\u00e9.log".encode(), b"z.log"]
    for number, name in enumerate(names):
        Path(tmp_path, os.fsdecode(name)).write_bytes(event(number) + b"bad\n")
    rejects: list[Reject] = []
    summary = summarize(tmp_path, jobs=jobs, on_reject=rejects.append)
    shown = ["a.log", "b\\xff.log", "caf\u00e9.log", "z.log"]
    assert [Path(bad.source).name for bad in rejects] == shown, body
    assert [Path(report.name).name for report in summary.sources] == sorted(shown)
    assert summary["a"].sum == sum(range(len(names)))


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_small_file_that_is_broken_is_one_of_many(body: str, jobs: int, tmp_path: Path) -> None:
    """A truncated file among small ones is reported in its place, and no file stays open."""
    before, threads = open_descriptors(), set(threading.enumerate())
    for number in range(200):
        data = event(number) + b"bad\n"
        (tmp_path / f"{number:03}.log").write_bytes(gzip.compress(data)[:-1] if number == 77 else data)
    problems: list[SourceReport] = []
    rejects: list[Reject] = []
    summary = summarize(tmp_path, jobs=jobs, on_problem=problems.append, on_reject=rejects.append)
    assert [(Path(problem.name).name, problem.status, problem.lines) for problem in problems] == [
        ("077.log", Status.TRUNCATED, 2)
    ], body
    assert [Path(bad.source).name for bad in rejects] == [f"{number:03}.log" for number in range(200)]
    assert {(bad.line, bad.raw) for bad in rejects} == {(2, b"bad")}
    assert summary["a"].count == 200
    assert open_descriptors() == before
    with pytest.raises(OSError, match="break off"):
        summarize(tmp_path, jobs=jobs)
    for thread in set(threading.enumerate()) - threads:
        thread.join()
    assert open_descriptors() == before


def test_lines_of_a_small_file_are_numbered_over_all_its_parts(body: str, tmp_path: Path) -> None:
    """Where a file is folded in several parts, its bad lines have the numbers that they have in the file."""
    odd = (b'{"type":"a","value":%d}\n' % 10**60) * 5000  # the Rust body is not certain of such lines
    log = odd + b"bad\n" + odd + b"bad\n"
    (tmp_path / "log").write_bytes(log)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(options, "SMALL", len(log))
        rejects: list[Reject] = []
        summary = summarize(tmp_path / "log", on_reject=rejects.append, block_size=len(log))
    assert [(bad.line, bad.offset) for bad in rejects] == [(5001, len(odd)), (10002, 2 * len(odd) + 4)], body
    assert summary.account.lines == 10002


def test_a_file_counts_once(body: str, tmp_path: Path) -> None:
    """A file under several names, also of links, counts once; links within one directory are not worth a word."""
    log, hard, soft = (tmp_path / name for name in ("a.log", "hard.log", "soft.log"))
    log.write_bytes(event(1))
    hard.hardlink_to(log)
    soft.symlink_to(log)
    repeats: list[tuple[str, str]] = []
    summary = summarize(tmp_path, str(soft), log, on_repeat=lambda *names: repeats.append(names))
    assert summary["a"].count == 1, body
    assert repeats == [(str(soft), str(log)), (str(log), str(log))]
    assert [report.name for report in summary.sources] == [str(log)]


def test_a_fifo_is_opened_once(body: str, tmp_path: Path) -> None:
    """A named pipe that is named twice is not waited for a second time."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(event(1),))
    writer.start()
    repeats: list[tuple[str, str]] = []
    summary = summarize(path, path, on_repeat=lambda *names: repeats.append(names))
    writer.join()
    assert summary["a"].count == 1, body
    assert repeats == [(str(path), str(path))]


# ------------------------------------------------------------------------------------------ files that change


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_file_that_grows_comes_to_an_end(body: str, jobs: int, tmp_path: Path) -> None:
    """A file that grows with every line that is read is read up to the size that it had in the beginning."""
    path = tmp_path / "log"
    path.write_bytes((event(1) + b"bad\n") * 1000)
    size = path.stat().st_size

    def grow(_reject: Reject) -> None:
        with path.open("ab") as file:
            file.write((event(1) + b"bad\n") * 3)

    summary = summarize(path, jobs=jobs, block_size=1000, on_reject=grow)
    assert summary.account.lines == 2000, body
    assert summary.sources == (SourceReport(str(path), size, 2000),)


def test_a_file_that_is_replaced_is_read_as_it_was_opened(body: str, tmp_path: Path) -> None:
    """When another file takes the name of one that is being read, the old one is read to its end."""
    path = tmp_path / "log"
    path.write_bytes((event(1) + b"bad\n") * 1000)

    def replace(_reject: Reject) -> None:
        (tmp_path / "new").write_bytes(event(5))
        (tmp_path / "new").replace(path)

    summary = summarize(path, jobs=1, block_size=1000, on_reject=replace)
    assert (summary["a"].count, str(summary["a"].max), summary.complete) == (1000, "1", True), body


def test_a_file_that_is_cut_while_it_is_read_is_truncated(body: str, tmp_path: Path) -> None:
    """What could be read of a file that loses its end counts, and the source is truncated, as by copytruncate."""
    path = tmp_path / "log"
    path.write_bytes((event(1) + b"bad\n") * 1000)
    size = path.stat().st_size
    problems: list[SourceReport] = []
    summary = summarize(
        path, jobs=1, block_size=1000, on_reject=lambda _: os.truncate(path, 0), on_problem=problems.append
    )
    [problem] = problems
    assert problem.status is Status.TRUNCATED, body
    assert problem.message.startswith(f"the file had {size} bytes when it was opened, and was cut while it was read")
    assert 0 < summary.account.lines < 2000
