"""The ledger counts every line exactly once, or says what it cannot prove."""

import bz2
import gzip
import io
import itertools
import os
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

import laws
import outcome
from eventcli import Account, Reason, Summary, summarize
from eventcli.ledger.ingest import Ingest
from eventcli.ledger.meaning import meaning_of
from eventcli.ledger.recorder import COMMIT_BYTES, KEEP_REJECTS
from eventcli.ledger.store.database import Database
from eventcli.ledger.streams.content import Content, File
from eventcli.ledger.totals import totals
from eventcli.ledger.verify import check_sums, verify
from eventcli.lines.query import Timing
from eventcli.lines.rejected import Repair
from eventcli.reading.blocks import BYTE_ORDER_MARK
from eventcli.summary.sources import Status
from eventcli.summary.summary import overlaps
from histories import HISTORIES
from logbook import BAD, LINES, Held, Logbook
from simulation import Simulation, ingest, replay
from world import line


def test_history(body: str) -> None:
    """Whatever happens to the files of a log and to the runs, every line is counted once, or its loss is said."""
    assert body
    # A history that fails is said as it is: looking for a shorter one takes minutes.
    phases = [phase for phase in Phase if phase is not Phase.shrink]
    run_state_machine_as_test(Simulation, settings=settings(stateful_step_count=25, phases=phases))


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES.keys())
def test_fixed_histories(body: str, history: str) -> None:
    """Histories that failed once, or that are rarely drawn, pass."""
    assert body
    replay(history)


# ------------------------------------------------------------------------------------------------- single runs


def _line(number: int) -> bytes:
    return line(number)


def _totals(ledger: Path) -> dict[str, int]:
    with Database.open_to_read(str(ledger)) as database:
        check_sums(database)
        return {name: stats.count for name, stats in totals(database).types.items()}


def _change_while_reading(monkeypatch: pytest.MonkeyPatch, change: Callable[[], object]) -> None:
    """Let something happen to a log after its first block was read."""
    original = Content.readinto
    is_done: list[bool] = []

    def readinto(content: Content, buffer: memoryview) -> int | None:
        got = original(content, buffer[:100])
        if not is_done:
            is_done.append(True)
            change()
        return got

    monkeypatch.setattr(Content, "readinto", readinto)


@pytest.mark.parametrize("lines", [0, 3, 500])
def test_a_log_that_is_cut_back_while_it_is_read(lines: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that is copied and cut back in the middle of a run, and filled again, is counted once."""
    log, ledger = tmp_path / "app.log", tmp_path / "ledger"
    log.write_bytes(b"".join(map(_line, range(100))))

    def rotate() -> None:
        shutil.copyfile(log, tmp_path / "app.log.1")
        os.truncate(log, 0)
        log.write_bytes(b"".join(map(_line, range(1000, 1000 + lines))))

    _change_while_reading(monkeypatch, rotate)
    ingest(ledger, [log])
    monkeypatch.undo()
    ingest(ledger, [log, tmp_path / "app.log.1"])
    assert _totals(ledger) == {str(number): 1 for number in (*range(100), *range(1000, 1000 + lines))}


def test_a_log_that_grows_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written during a run is left to the next one, also where the last line was torn."""
    log, ledger = tmp_path / "app.log", tmp_path / "ledger"
    log.write_bytes(_line(1) + _line(2) + _line(3)[:9])

    def write() -> None:
        with log.open("ab") as file:
            file.write(_line(3)[9:] + _line(4))

    _change_while_reading(monkeypatch, write)
    ingest(ledger, [log])
    monkeypatch.undo()
    assert _totals(ledger) == {"1": 1, "2": 1}
    ingest(ledger, [log])
    assert _totals(ledger) == {str(number): 1 for number in range(1, 5)}


@pytest.mark.parametrize("encoding", [gzip.compress, bz2.compress, lambda data: data], ids=["gzip", "bzip2", "plain"])
@pytest.mark.parametrize("commit_bytes", [1, 100, COMMIT_BYTES])
def test_steps_change_nothing(encoding: Callable[[bytes], bytes], commit_bytes: int, tmp_path: Path, body: str) -> None:
    """However often a run commits, it comes to the same, for logs of any encoding, with rejects where they are."""
    assert body
    log, ledger = tmp_path / "log", tmp_path / "ledger"
    data = b"".join((*map(_line, range(50)), b"bad\n", *map(_line, range(50, 100))))
    log.write_bytes(encoding(data + b"torn"))
    said = ingest(ledger, [log], commit_bytes=commit_bytes)
    assert said == []
    assert _totals(ledger) == {str(number): 1 for number in range(100)}
    with Database.open_to_read(str(ledger)) as database:
        (stream,) = database.streams()
        # What is compressed does not grow: its last line is there, newline or not.
        is_ended = stream.raw_size > 0
        at = (len(data) + 4, 0, 102) if is_ended else (len(data), 4, 101)
        assert (stream.offset, stream.pending, stream.lines) == at
        (_, reject), *others = database.rejects()
        assert (reject.offset, reject.line) == (data.index(b"bad"), 51)
        assert [(one.offset, one.line, one.raw) for _, one in others] == [(len(data), 102, b"torn")] * is_ended
        assert [verdict for _, verdict, _ in verify(database, [])] == ["proved"]


def test_a_truncated_archive_goes_on_when_it_is_whole(tmp_path: Path) -> None:
    """Of a compressed log that breaks off, what is there counts; the rest counts when it is whole."""
    log, ledger = tmp_path / "log.gz", tmp_path / "ledger"
    lines = [_line(number) for number in random.Random(0).sample(range(10**6), 5000)]
    data = gzip.compress(b"".join(lines))
    log.write_bytes(data[: len(data) // 2])
    assert [one.status for one in ingest(ledger, [log])] == [Status.TRUNCATED]
    assert 0 < len(_totals(ledger)) < 5000
    log.write_bytes(data)
    assert ingest(ledger, [log]) == []
    assert sorted(_totals(ledger).values()) == [1] * 5000


def test_byte_order_marks_at_the_start_of_lines_are_skipped(tmp_path: Path) -> None:
    """A byte-order mark is no part of a line that it precedes, whether a log or a later line begins with it."""
    log, ledger = tmp_path / "log", tmp_path / "ledger"
    log.write_bytes(BYTE_ORDER_MARK)
    ingest(ledger, [log])
    log.write_bytes(BYTE_ORDER_MARK + _line(1))
    ingest(ledger, [log])
    with log.open("ab") as file:
        file.write(BYTE_ORDER_MARK + _line(2) + _line(3))
    ingest(ledger, [log])
    assert _totals(ledger) == {"1": 1, "2": 1, "3": 1}


def test_long_lines_are_skipped_and_never_half_read(tmp_path: Path) -> None:
    """A line that is too long is a reject once it is ended, and pending before."""
    log, ledger = tmp_path / "log", tmp_path / "ledger"
    log.write_bytes(_line(1) + b"x" * 500)
    with Database.open_to_write(str(ledger), create=True) as database:
        Ingest(database, meaning_of(database, {"max_line": 200})).run([str(log)])
    assert _totals(ledger) == {"1": 1}
    with log.open("ab") as file:
        file.write(b"\n" + _line(2))
    ingest(ledger, [log])
    with Database.open_to_read(str(ledger)) as database:
        assert database.account().rejected == {Reason.LINE_TOO_LONG: 1}
    assert _totals(ledger) == {"1": 1, "2": 1}


def test_the_same_file_twice_counts_once(tmp_path: Path) -> None:
    """Links, and a path that is given twice, are one file."""
    log, ledger = tmp_path / "log", tmp_path / "ledger"
    log.write_bytes(_line(1))
    (tmp_path / "soft").symlink_to(log)
    (tmp_path / "hard").hardlink_to(log)
    ingest(ledger, [log, log, tmp_path / "soft", tmp_path / "hard"])
    assert _totals(ledger) == {"1": 1}


def test_a_link_that_leads_to_another_log(tmp_path: Path) -> None:
    """A name that is a link to the present log: when it leads elsewhere, the rest of the old log is read first."""
    link, ledger = tmp_path / "current", tmp_path / "ledger"
    (tmp_path / "first").write_bytes(_line(1))
    link.symlink_to(tmp_path / "first")
    ingest(ledger, [link])
    with (tmp_path / "first").open("ab") as file:
        file.write(_line(2))
    (tmp_path / "second").write_bytes(_line(3))
    link.unlink()
    link.symlink_to(tmp_path / "second")
    assert ingest(ledger, [link]) == []
    assert _totals(ledger) == {"1": 1, "2": 1, "3": 1}


def test_a_possible_copy_of_what_cannot_be_read(tmp_path: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that begins like another one, which is not asked for and cannot be read, waits for that one and says so."""
    assert body
    (tmp_path / "elsewhere").mkdir()
    log, copy, ledger = tmp_path / "elsewhere" / "app.log", tmp_path / "app.log", tmp_path / "ledger"
    log.write_bytes(b"".join(map(_line, range(5))))
    assert ingest(ledger, [log]) == []
    copy.write_bytes(b"".join(map(_line, range(9))))
    original = File._open  # noqa: SLF001  # where every file is opened

    def refuse(file: File) -> int:
        if file.path == str(log):
            with file._failing():  # noqa: SLF001  # as its own errors
                raise PermissionError(13, "Permission denied")
        return original(file)

    with monkeypatch.context() as patch:
        patch.setattr(File, "_open", refuse)
        for _ in range(2):
            assert [(one.name, one.status) for one in ingest(ledger, [copy])] == [(str(log), Status.UNREADABLE)]
            assert _totals(ledger) == {str(number): 1 for number in range(5)}
    assert ingest(ledger, [copy]) == []
    assert _totals(ledger) == {str(number): 1 for number in range(9)}


def test_a_lost_stream_that_comes_back(tmp_path: Path) -> None:
    """A stream that was lost goes on where it was when it is found again, and its discontinuity is settled."""
    log, ledger = tmp_path / "log", tmp_path / "ledger"
    log.write_bytes(_line(1))
    ingest(ledger, [log])
    log.rename(tmp_path / "hidden")
    log.write_bytes(_line(2))
    assert [one.status for one in ingest(ledger, [log])] == [Status.DISCONTINUITY]
    with (tmp_path / "hidden").open("ab") as file:
        file.write(_line(3))
    assert ingest(ledger, [log, tmp_path / "hidden"]) == []
    assert _totals(ledger) == {"1": 1, "2": 1, "3": 1}
    with Database.open_to_read(str(ledger)) as database:
        assert totals(database).complete


# ------------------------------------------------------------------------------------------------------- laws


def _summarized(lines: Sequence[bytes], max_types: int) -> tuple[dict[str, bytes], dict[str, bytes], Account]:
    """Return what is printed of one run over all lines, also by hour, and its account."""
    data = b"".join(lines)
    whole = summarize(io.BytesIO(data), max_types=max_types)
    hourly = summarize(io.BytesIO(data), max_types=max_types, timing=Timing(by="hour", optional=True))
    return outcome.printed(whole), outcome.printed(hourly), whole.account


LIMIT: Final = st.integers(1, 5)
STEPS: Final = st.lists(st.lists(LINES, max_size=5), min_size=1, max_size=5)
COMMIT: Final = st.sampled_from((1, 100, COMMIT_BYTES))


@given(steps=STEPS, max_types=LIMIT, commit_bytes=COMMIT)
def test_totals_are_those_of_one_run(body: str, steps: list[list[bytes]], max_types: int, commit_bytes: int) -> None:
    """A log that was read step by step comes to what one run over all of it comes to, and so does what was added."""
    assert body
    with Logbook(max_types=max_types) as book:
        added = []
        for lines in steps:
            book.append(lines)
            added.append(book.ingest(commit_bytes=commit_bytes).summary)
        whole = _summarized([line for lines in steps for line in lines], max_types)
        assert book.held()[:3] == whole
    assert (outcome.printed(Summary.union(added)), Summary.union(added).account) == (whole[0], whole[2])


@given(logs=st.lists(st.lists(LINES, max_size=5), max_size=4), max_types=LIMIT, data=st.data())
def test_ingesting_is_idempotent_and_free_of_order(
    body: str, logs: list[list[bytes]], max_types: int, data: st.DataObject
) -> None:
    """Logs come to the same in whatever order and in however many runs they are named, and named again."""
    assert body

    def run(parts: list[list[int]]) -> Held:
        with Logbook(max_types=max_types) as book:
            for number, lines in enumerate(logs):
                # No two logs begin alike, so none is taken for a copy of another one.
                book.append([b'{"type":"a","value":%d}\n' % number, *lines], f"log {number}")
            for part in parts:
                book.ingest(*(f"log {number}" for number in part or range(len(logs))))
            return book.held()

    laws.check_repetition(run, range(len(logs)), data)


@given(
    lines=st.lists(st.tuples(LINES, LINES), max_size=8),
    keep=st.sampled_from((0, 100, KEEP_REJECTS)),
    max_types=LIMIT,
    at_once=st.booleans(),
    data=st.data(),
)
def test_replaying_is_idempotent_and_free_of_order(
    body: str,
    lines: list[tuple[bytes, bytes]],
    keep: int,
    max_types: int,
    at_once: bool,  # noqa: FBT001  # drawn by hypothesis
    data: st.DataObject,
) -> None:
    """Repaired lines come to the same in any order, files and replays, and repeated: as if they had been so at once."""
    assert body
    was = [line for line, _ in lines]
    with Logbook() as book:
        book.append(was)
        book.ingest()
        repairs = book.repairs([new for line, new in lines if line in BAD])

    def run(parts: list[list[Repair]]) -> Held:
        with Logbook(max_types=max_types) as book:
            book.append(was)
            book.ingest(keep_rejects=keep)
            key = book.key()
            own = [[repair._replace(stream=key) for repair in part] for part in parts]
            for files in [own] if at_once else [[part] for part in own]:
                book.replay(*files)
            return book.held()

    held = laws.check_repetition(run, repairs, data)
    repaired = [new if line in BAD and new not in BAD else line for line, new in lines]
    assert held[:3] == _summarized(repaired, max_types)


@given(steps=STEPS, max_types=LIMIT, commit_bytes=COMMIT)
def test_verifying_only_looks(body: str, steps: list[list[bytes]], max_types: int, commit_bytes: int) -> None:
    """Verifying proves what is there, changes nothing, and gives the same again, before and after further runs."""
    assert body
    read: list[bytes] = []
    with Logbook(max_types=max_types) as book:
        for lines in steps:
            book.append(lines)
            book.ingest(commit_bytes=commit_bytes)
            laws.check_only_looks(book.verify, book.ledger.read_bytes)
            book.replay(book.repairs([b'{"type":"b","value":1}\n']))
            verdicts = laws.check_only_looks(book.verify, book.ledger.read_bytes)
            read += lines
            too_many = bool(summarize(io.BytesIO(b"".join(read)), max_types=max_types).other)
            assert {verdict for _, verdict in verdicts} <= {"unproved" if too_many else "proved"}


@given(
    logs=st.lists(st.lists(st.lists(LINES, min_size=1, max_size=5), min_size=1, max_size=4), min_size=1, max_size=2),
    data=st.data(),
)
def test_overlaps_are_told_in_any_order(body: str, logs: list[list[list[bytes]]], data: st.DataObject) -> None:
    """Two stretches of a log overlap if they have a byte in common, whatever order they come in; all others add up."""
    assert body
    runs: list[tuple[int, int, int, Summary]] = []
    for number, steps in enumerate(logs):
        steps[0].insert(0, b'{"type":"a","value":%d}\n' % number)
        for _ in range(2):
            with Logbook() as book:
                at = 0
                for lines in steps:
                    book.append(lines)
                    if data.draw(st.booleans(), label="ingest"):
                        end = book.log().stat().st_size
                        runs.append((number, at, end, book.ingest().summary))
                        at = end
    chosen = data.draw(st.permutations(runs), label="order")[: data.draw(st.integers(0, 4), label="number")]
    alike = [
        (one, other)
        for (one, first), (other, second) in itertools.combinations(enumerate(chosen), 2)
        if first[0] == second[0] and max(first[1], second[1]) < min(first[2], second[2])
    ]
    found = [(one, other) for one, _, other, _ in overlaps(summary for *_, summary in chosen)]
    assert sorted(tuple(sorted(pair)) for pair in found) == alike


# ------------------------------------------------------------------------------------------- the last line


TORN: Final = _line(3)[:-1]


def _rotated(folder: Path) -> list[Path]:
    (folder / "app.log").rename(folder / "app.log.1")
    (folder / "app.log").write_bytes(_line(4))
    return [folder / "app.log"]


@pytest.mark.parametrize("encoding", [gzip.compress, bz2.compress], ids=["gzip", "bzip2"])
def test_the_last_line_of_what_is_compressed_counts(encoding: Callable[[bytes], bytes], tmp_path: Path) -> None:
    """A last line without a newline counts once in compressed data, also beside the file that it was made of."""
    log, ledger = tmp_path / "app.log.gz", tmp_path / "ledger"
    log.write_bytes(encoding(_line(1) + TORN))
    for _ in range(2):
        assert ingest(ledger, [log]) == []
        assert _totals(ledger) == {"1": 1, "3": 1}
    with Database.open_to_read(str(ledger)) as database:
        assert [verdict for _, verdict, _ in verify(database, [])] == ["proved"]


def test_the_last_line_of_a_rotated_log_counts(tmp_path: Path) -> None:
    """A last line without a newline waits in a log, and counts as soon as the next log was written to."""
    log, ledger = tmp_path / "app.log", tmp_path / "ledger"
    log.write_bytes(_line(1) + TORN)
    ingest(ledger, [log])
    log.rename(tmp_path / "app.log.1")
    log.touch()
    ingest(ledger, [log])
    assert _totals(ledger) == {"1": 1}
    log.write_bytes(_line(4))
    assert ingest(ledger, [log]) == []
    assert _totals(ledger) == {"1": 1, "3": 1, "4": 1}
    (tmp_path / "app.log.1").unlink()
    assert ingest(ledger, [log]) == []  # nothing of it was left


@pytest.mark.parametrize(
    ("rest", "is_said"), [(b"\n", False), (b"\r\n", False), (b" \n" + _line(5), False), (b"x\n", True)]
)
def test_a_line_that_goes_on_after_it_was_counted(rest: bytes, is_said: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """What is added to a line that was counted does not count, and is said; what comes after it counts."""
    log, ledger = tmp_path / "app.log", tmp_path / "ledger"
    log.write_bytes(_line(1) + TORN)
    ingest(ledger, [log])
    ingest(ledger, _rotated(tmp_path))
    with (tmp_path / "app.log.1").open("ab") as file:
        file.write(rest + _line(6))
    assert bool(ingest(ledger, [log])) is is_said
    expected = {"1": 1, "3": 1, "4": 1, "6": 1} | ({"5": 1} if _line(5) in rest else {})
    assert _totals(ledger) == expected
    with Database.open_to_read(str(ledger)) as database:
        assert totals(database).complete is not is_said


@pytest.mark.parametrize("day", ["2026-01-02", "20260102"])
def test_the_last_line_of_a_day_counts_when_the_next_day_was_begun(day: str, tmp_path: Path) -> None:
    """Logs that have the day in their names wait for their last line until there is one of a later day."""
    ledger = tmp_path / "ledger"
    first, second = tmp_path / f"app-{day}.log", tmp_path / f"app-{day[:-1]}3.log"
    first.write_bytes(_line(1) + TORN)
    ingest(ledger, [first])
    assert _totals(ledger) == {"1": 1}
    second.write_bytes(_line(4) + _line(5)[:-1])
    assert ingest(ledger, [first, second]) == []
    assert _totals(ledger) == {"1": 1, "3": 1, "4": 1}


def test_numbers_that_are_no_days_have_no_order(tmp_path: Path) -> None:
    """Logs that have other numbers in their names may all be written to, so a last line waits."""
    ledger = tmp_path / "ledger"
    logs = [tmp_path / f"app-{number}.log" for number in (10000001, 10000002)]
    for log in logs:
        log.write_bytes(_line(1) + TORN + log.name.encode())
    ingest(ledger, logs)
    with Database.open_to_read(str(ledger)) as database:
        assert all(stream.pending for stream in database.streams())
