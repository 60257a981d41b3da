"""A history of a log, with runs in between: what happens to its files, and what every run must come to."""

import ast
import itertools
import os
import resource
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from inspect import cleandoc
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

import faults
import laws
from eventcli.ledger.meaning import MeaningError, meaning_of
from eventcli.ledger.recorder import COMMIT_BYTES
from eventcli.ledger.store.database import LOST, Database
from eventcli.ledger.streams.content import File
from eventcli.ledger.totals import totals
from eventcli.ledger.verify import check_sums, verify
from eventcli.summary.sources import SourceReport, Status
from logbook import FAST, ingest_of
from world import LOG, World

MANY: Final = 20
SPARE: Final = 8
"""Files that are asked for, and how many descriptors a run has to itself where there are fewer than files."""


def ingest(
    ledger: Path, paths: Sequence[Path], *, given: Mapping[str, object] | None = None, **options: object
) -> list[SourceReport]:
    """Run once, and return what was said of sources."""
    said: list[SourceReport] = []
    with Database.open_to_write(str(ledger), create=True) as database:
        meaning = meaning_of(database, given or {})
        ingest_of(database, meaning, on_problem=said.append, **options).run(
            [str(path) for path in paths]
        ).summary.check()
    return said


def open_descriptors() -> set[int]:
    """Return the descriptors that this process has open."""
    names = os.listdir("/dev/fd")  # and that of the listing itself, which is closed by now
    return {int(name) for name in names if os.path.exists(f"/dev/fd/{name}")}


@contextmanager
def few_descriptors(spare: int) -> Iterator[None]:
    """Let this process open no more than so many files beside those that it has open, and leave none of them open."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = open_descriptors()
    # A number that is in use may be higher than the limit.
    free = (number for number in itertools.count() if number not in before)
    highest = next(itertools.islice(free, spare - 1, None))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert open_descriptors() == before


class Simulation(RuleBasedStateMachine):
    """A history of a log, with runs in between, some of which are killed."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(mkdtemp(dir=FAST))
        self.world = World(self.folder / "first")
        self.ledger = self.folder / "ledger.db"
        self.is_glob = False
        self.recorded = 0
        self.is_edited = False
        self.given = {"type_field": "type"}
        self.others = [self.folder / f"other-{number}.log" for number in range(MANY)]

    def teardown(self) -> None:
        """Remove all files."""
        shutil.rmtree(self.folder)

    def paths(self) -> list[Path]:
        """Return what is asked for: the log, or all files."""
        return sorted(self.world.folder.glob(f"{LOG}*")) if self.is_glob else [self.world.log]

    def ingest(self, paths: Sequence[Path], **options: object) -> list[SourceReport]:
        """Run with the right fields."""
        return ingest(self.ledger, paths, given=self.given, **options)

    @initialize(
        is_glob=st.booleans(),
        lines=st.integers(0, 3),
        is_repetitive=st.sampled_from((False, False, True)),
        is_wrong=st.booleans(),
    )
    def begin(self, is_glob: bool, lines: int, is_repetitive: bool = False, is_wrong: bool = False) -> None:  # noqa: FBT001, FBT002  # drawn by hypothesis
        """Begin with some lines, which may be all the same, and run, perhaps with wrong fields first."""
        self.is_glob = is_glob
        self.world.is_repetitive = is_repetitive
        self.world.append(lines)
        if is_wrong:
            self.run_wrongly()
        self.run()

    @rule()
    def run_wrongly(self) -> None:
        """Run with wrong fields: every line is rejected, so nothing is added, or what was added forbids it."""
        before = self.number_counted()
        try:
            ingest(self.ledger, self.paths(), given={"type_field": "kind"}, is_cautious=True)
        except MeaningError:
            assert before
        else:
            assert not before
        assert self.number_counted() == before
        if not before:
            self.world.note_attempt()

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

    @rule(
        length=st.one_of(st.integers(0, 60), st.integers(0, 8000)),
        more=st.integers(0, 200),
        lines=st.integers(0, 4),
        runs=st.integers(0, 31),
        is_cut=st.booleans(),
    )
    def slow_copy(self, length: int, more: int, lines: int, runs: int, is_cut: bool) -> None:  # noqa: FBT001  # drawn by hypothesis
        """Rotate by copying, in parts, while lines are written: each bit of `runs` is a run after a step."""
        world = self.world
        rejected = self.number_rejected()
        steps: Sequence[Callable[[], object]] = (
            lambda: world.begin_copy(length),
            lambda: world.append(lines),
            lambda: world.copy_on(more),
            world.copy_on,
            world.cut if is_cut else lambda: None,
        )
        for number, step in enumerate(steps):
            step()
            if runs & 1 << number:
                # Proofs take longer than the rest, and those of the last run cover what the others counted.
                self._run(is_proved=not runs >> number + 1)
        assert self.number_rejected() == rejected or world.may_be_broken

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
        # Of a log that was lost, and filled again with the same lines, nobody could tell.
        if not self.world.is_repetitive:
            self.world.cut_back(reuse_inode=reuse_inode)

    @rule(index=st.integers(0, 3))
    def delete(self, index: int) -> None:
        """Delete a rotated file."""
        if not self.world.is_repetitive:
            self.world.delete(index)

    @rule(reuse_inode=st.booleans())
    def edit(self, reuse_inode: bool) -> None:  # noqa: FBT001  # drawn by hypothesis
        """Take a line out of the log: the next run says so, and lines count again."""
        if self.world.edit(reuse_inode=reuse_inode):
            said = self.ingest(self.paths())
            assert Status.DISCONTINUITY in {one.status for one in said}
            self.is_edited = True

    @rule(is_beside=st.booleans())
    def run(self, is_beside: bool = False) -> None:  # noqa: FBT001, FBT002  # drawn by hypothesis
        """Run, and compare with the oracle: every line that is or was to be seen, once."""
        self._run(is_beside=is_beside)

    def _run(self, *, is_beside: bool = False, is_proved: bool = True) -> None:
        with self.reader() if is_beside else nullcontext():
            said = self.ingest(self.paths())
        assert [str(one) for one in said if one.status is not Status.DISCONTINUITY] == [], said
        self._compare()
        if is_proved:
            self._prove()

    @rule()
    def run_among_many(self) -> None:
        """Run with more files than descriptors, each of which was written to; none of the others has an event."""
        for other in self.others:
            with other.open("a") as file:
                file.write(f"{other.name} {file.tell()} is no event\n")
        with few_descriptors(SPARE):
            said = self.ingest([*self.others, *self.paths()])
        assert [str(one) for one in said if one.status is not Status.DISCONTINUITY] == [], said
        self.check()
        with Database.open_to_read(str(self.ledger)) as database:
            read = {stream.name: stream.offset for stream in database.streams()}
        assert all(read[str(other)] == other.stat().st_size for other in self.others)

    @contextmanager
    def reader(self) -> Iterator[None]:
        """Let somebody read the totals again and again."""
        failures: list[BaseException] = []
        is_ended = threading.Event()

        def read() -> None:
            try:
                self.number_counted()
                while not is_ended.wait(0.005):
                    self.number_counted()
            except BaseException as error:  # noqa: BLE001  # raised below
                failures.append(error)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_ended.set()
            thread.join()
        assert not failures, failures

    @rule(index=st.integers(0, 5))
    def run_blind(self, index: int) -> None:
        """Run while one of the files cannot be read: nothing counts twice, and nothing is lost for good."""
        world = self.world
        if world.is_repetitive or self.is_edited:
            return
        names = sorted(path.name for path in world.folder.glob(f"{LOG}*"))
        original = File._open  # noqa: SLF001  # where every file is opened

        def refuse(file: File) -> int:
            if os.path.basename(file.path) == names[index % len(names)]:
                with file._failing():  # noqa: SLF001  # as its own errors
                    raise PermissionError(13, "Permission denied")
            return original(file)

        before = self.counted()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(File, "_open", refuse)
            self.ingest(self.paths())
        after = self.counted()
        assert before <= after <= world.visible
        world.note_attempt()
        world.note_partial(after)

    def check(self) -> None:
        """Compare what a run committed with what the oracle knows, and prove it."""
        self._compare()
        self._prove()

    def _compare(self) -> None:
        world = self.world
        with Database.open_to_read(str(self.ledger)) as database:
            recorded = database.discontinuities()
        if world.is_repetitive:
            assert self.number_counted() == len(world.visible) or recorded
        elif self.is_edited:
            assert self.number_counted() >= len(world.visible - world.may_be_broken)
        else:
            counted = self.counted()
            assert counted <= world.visible | world.may_be_broken
            missing = world.visible - counted - world.may_be_broken
            assert missing <= world.may_be_joined
            assert not missing or any("are not counted" in one.message for one in recorded[self.recorded :])
            world.may_be_broken |= missing
        new = [one.message for one in recorded[self.recorded :] if one.kind == LOST]
        doubts = [one.message for one in recorded[self.recorded :] if one.kind != LOST]
        self.recorded = len(recorded)
        assert new or not world.is_lost
        if not world.is_repetitive and not self.is_edited:
            assert not doubts or world.may_be_doubted, doubts
            assert not new or world.may_be_lost, new
        world.note_run()

    def _prove(self) -> None:
        verdicts = {"proved", "gone", *(("different",) if self.world.may_be_broken or self.is_edited else ())}
        assert set(laws.check_only_looks(self.verdicts, self.ledger.read_bytes)) <= verdicts

    def number_counted(self) -> int:
        """Return how many lines the ledger has counted."""
        if not self.ledger.exists() or not self.ledger.stat().st_size:
            return 0
        with Database.open_to_read(str(self.ledger)) as database:
            return sum(stats.count for stats in totals(database).types.values())

    def number_rejected(self) -> int:
        """Return how many lines the ledger has rejected."""
        if not self.ledger.exists() or not self.ledger.stat().st_size:
            return 0
        with Database.open_to_read(str(self.ledger)) as database:
            return database.account().rejects

    def verdicts(self) -> list[str]:
        """Return what can be proved of each stream."""
        with Database.open_to_read(str(self.ledger)) as database:
            return [verdict for _, verdict, _ in verify(database, [], 1)]

    @rule(at=st.integers(1, 60), torn=st.booleans(), commit_bytes=st.sampled_from((COMMIT_BYTES, 100)))
    def killed(self, at: int, torn: bool, commit_bytes: int) -> None:  # noqa: FBT001  # drawn by hypothesis
        """Kill a run at a system call that writes: what is there is of before or after one of its commits."""
        if not faults.is_possible() or self.world.is_repetitive or self.is_edited:
            return

        def run() -> int:
            with suppress(OSError):
                os.close(2)
            self.ingest(self.paths(), commit_bytes=commit_bytes)
            return 0

        self.world.note_attempt()
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


def replay(history: str) -> None:
    """Let a history happen: calls as they are printed of one that failed, but for the name of what is called."""
    simulation = Simulation()
    try:
        for step in ast.parse(cleandoc(history).replace("state.", "")).body:
            assert isinstance(step, ast.Expr)
            call = step.value
            assert isinstance(call, ast.Call)
            assert isinstance(call.func, ast.Name)
            getattr(simulation, call.func.id)(**{str(one.arg): ast.literal_eval(one.value) for one in call.keywords})
    finally:
        simulation.teardown()
