"""The ledger counts every line exactly once, or says what it cannot prove."""

import bz2
import gzip
import os
import random
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

import faults
import outcome
from eventcli import Reason, summarize
from eventcli.blocks import BYTE_ORDER_MARK
from eventcli.database import Database
from eventcli.event import Timing
from eventcli.generate import generate
from eventcli.ledger import (
    COMMIT_BYTES,
    Ingest,
    Repair,
    check_sums,
    meaning_of,
    replay,
    totals,
    verify,
)
from eventcli.streams import Content
from eventcli.summary import Calendar, SourceReport, Status
from world import LOG, World


def ingest(ledger: Path, paths: Sequence[Path], **options: object) -> list[SourceReport]:
    """Run once, and return what was said of sources."""
    said: list[SourceReport] = []
    with Database.open_to_write(str(ledger), create=True) as database:
        meaning = meaning_of(database, {})
        run = Ingest(database, meaning, jobs=1, on_problem=said.append, **options)  # type: ignore[arg-type]
        run.run([str(path) for path in paths]).summary.check()
    return said


FAST: Final = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  # mkdtemp makes a folder there
"""Memory, where there is such a folder: syncing to a disk is what a run waits for most."""


class Simulation(RuleBasedStateMachine):
    """A history of a log, with runs in between, some of which are killed."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(mkdtemp(dir=FAST))
        self.world = World(self.folder / "first")
        self.ledger = self.folder / "ledger.db"
        self.is_glob = False
        self.recorded = 0

    def teardown(self) -> None:
        """Remove all files."""
        shutil.rmtree(self.folder)

    def paths(self) -> list[Path]:
        """Return what is asked for: the log, or all files."""
        return sorted(self.world.folder.glob(f"{LOG}*")) if self.is_glob else [self.world.log]

    @initialize(is_glob=st.booleans(), lines=st.integers(0, 3))
    def begin(self, is_glob: bool, lines: int) -> None:  # noqa: FBT001  # drawn by hypothesis
        """Begin with some lines, and run."""
        self.is_glob = is_glob
        self.world.append(lines)
        self.run()

    @rule(lines=st.integers(1, 4), old=st.booleans())
    def append(self, lines: int, old: bool) -> None:  # noqa: FBT001  # drawn by hypothesis
        """Write lines."""
        self.world.append(lines, old=old)

    @rule()
    def append_much(self) -> None:
        """Write more than 4 KiB."""
        self.world.append(80)

    @rule(length=st.integers(0, 19))
    def tear(self, length: int) -> None:
        """Write the beginning of a line."""
        self.world.tear(length)

    @rule()
    def rename(self) -> None:
        """Rotate by renaming."""
        self.world.rename()

    @rule()
    def copytruncate(self) -> None:
        """Rotate by copying."""
        self.world.copytruncate()

    @rule()
    def regrow(self) -> None:
        """Rotate by copying, and fill the log again past its old size."""
        self.world.copytruncate()
        self.world.append(len(self.world.generations[-2].lines) + 1)

    @rule()
    def copy(self) -> None:
        """Copy the log."""
        self.world.half_copytruncate()

    @rule(encoding=st.sampled_from((".gz", ".bz2")))
    def compress(self, encoding: str) -> None:
        """Compress a rotated file."""
        self.world.compress(encoding)

    @rule()
    def move(self) -> None:
        """Move everything to another folder."""
        self.world.move()

    @rule(reuse_inode=st.booleans())
    def cut_back(self, reuse_inode: bool) -> None:  # noqa: FBT001  # drawn by hypothesis
        """Lose the log."""
        self.world.cut_back(reuse_inode=reuse_inode)

    @rule(index=st.integers(0, 3))
    def delete(self, index: int) -> None:
        """Delete a rotated file."""
        self.world.delete(index)

    @rule()
    def run(self) -> None:
        """Run, and compare with the oracle: every line that is or was to be seen, once."""
        said = ingest(self.ledger, self.paths())
        assert [str(one) for one in said if one.status is not Status.DISCONTINUITY] == []
        self.check()

    def check(self) -> None:
        """Compare what a run committed with what the oracle knows."""
        world = self.world
        assert self.counted() == world.visible
        with Database.open_to_read(str(self.ledger)) as database:
            recorded = len(database.discontinuities())
        is_said = recorded > self.recorded
        self.recorded = recorded
        assert is_said or not world.is_lost
        assert not is_said or world.may_be_lost
        world.note_run()

    @rule(at=st.integers(1, 60), torn=st.booleans(), commit_bytes=st.sampled_from((COMMIT_BYTES, 100)))
    def killed(self, at: int, torn: bool, commit_bytes: int) -> None:  # noqa: FBT001  # drawn by hypothesis
        """Kill a run at a system call that writes: what is there is of before or after one of its commits."""
        if not faults.is_possible():
            return

        def run() -> int:
            with suppress(OSError):
                os.close(2)
            ingest(self.ledger, self.paths(), commit_bytes=commit_bytes)
            return 0

        before = self.counted()
        status = faults.in_child(run, kill_at=at, torn=torn)
        after = self.counted()
        assert status in (0, -9)
        assert before <= after <= self.world.visible
        if after != before:
            self.world.note_partial(after)
        if status == 0:
            self.check()

    def counted(self) -> set[int]:
        """Return the lines that the ledger has counted, and that it counted none twice."""
        if not self.ledger.exists() or not self.ledger.stat().st_size:
            return set()
        with Database.open_to_read(str(self.ledger)) as database:
            summary = totals(database)
            check_sums(database)
        assert all(stats.count == 1 for stats in summary.types.values())
        return {int(name) for name in summary.types}


def test_history(body: str) -> None:
    """Whatever happens to the files of a log and to the runs, every line is counted once, or its loss is said."""
    assert body
    # A history that fails is said as it is: looking for a shorter one takes minutes.
    phases = [phase for phase in Phase if phase is not Phase.shrink]
    run_state_machine_as_test(Simulation, settings=settings(stateful_step_count=25, phases=phases))


# ------------------------------------------------------------------------------------------------- single runs


def _line(number: int) -> bytes:
    return World.text(number)


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
        assert (stream.offset, stream.pending, stream.lines) == (len(data), 4, 101)
        ((_, reject),) = database.rejects()
        assert (reject.offset, reject.line) == (data.index(b"bad"), 51)
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


def test_a_byte_order_mark_is_skipped_only_at_the_start(tmp_path: Path) -> None:
    """A byte-order mark at the very start of a log is no part of its first line; later ones are not skipped."""
    log, ledger = tmp_path / "log", tmp_path / "ledger"
    log.write_bytes(BYTE_ORDER_MARK)
    ingest(ledger, [log])
    log.write_bytes(BYTE_ORDER_MARK + _line(1))
    ingest(ledger, [log])
    with log.open("ab") as file:
        file.write(BYTE_ORDER_MARK + _line(2) + _line(3))
    ingest(ledger, [log])
    assert _totals(ledger) == {"1": 1, "3": 1}


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


@given(st.permutations(range(6)), st.integers(0, 6))
def test_replaying_is_idempotent_and_free_of_order(order: list[int], cut: int) -> None:
    """Repaired lines come to the same in any order, in one replay or two, and repeated."""
    folder = Path(mkdtemp(dir=FAST))
    try:
        log, ledger = folder / "log", folder / "ledger"
        log.write_bytes(b"".join(b'{"type":"%d","value":"x"}\n' % number for number in range(6)) + _line(9))
        ingest(ledger, [log])
        with Database.open_to_write(str(ledger), create=False) as database:
            key = database.streams()[0].key
            repairs = [
                Repair(key, one.offset, one.reason, _line(number), "")
                for number, (_, one) in enumerate(database.rejects())
            ]
            for part in (order[:cut], order[cut:], order):
                replay(database, [repairs[number] for number in part], lambda _: None)
            assert str(database.account()) == "7 lines = 7 accepted + 0 rejected + 0 filtered + 0 blank"
        assert _totals(ledger) == {str(number): 1 for number in (*range(6), 9)}
    finally:
        shutil.rmtree(folder)


def test_totals_are_those_of_one_run_over_everything(tmp_path: Path, body: str) -> None:
    """A ledger that read a log bit by bit prints the same bytes as `summarize` over the whole, by hour, too."""
    assert body
    log, ledger = tmp_path / "log", tmp_path / "ledger"
    lines = list(generate(400, seed=1, bad_rate=0.1))
    for start in range(0, 400, 57):
        with log.open("ab") as file:
            file.write(b"".join(lines[start : start + 57]))
        ingest(ledger, [log])
    timing = Timing(by="hour", optional=True)
    with Database.open_to_read(str(ledger)) as database:
        assert outcome.printed(totals(database)) == outcome.printed(summarize(log))
        by_hour = totals(database, calendar=Calendar("hour", "UTC"))
        assert outcome.printed(by_hour) == outcome.printed(summarize(log, timing=timing))
        assert totals(database).account == summarize(log).account
