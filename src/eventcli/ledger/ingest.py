"""Totals across many runs: every line of a stream counts once, whatever happens to its files and to the runs.

A run finds out which file holds which stream, reads what is new, and commits totals and positions in one transaction.
It reports what it cannot prove: an unread tail of a stream that is no longer found is a discontinuity.
"""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, Protocol

from eventcli.ledger import timeless
from eventcli.ledger.cursor import Cursor
from eventcli.ledger.meaning import Meaning
from eventcli.ledger.recorder import Options, Recorder, new_key
from eventcli.ledger.store.database import Database
from eventcli.ledger.store.records import Run as RunRecord
from eventcli.ledger.streams.birth import is_momentary
from eventcli.ledger.streams.content import File, note_place
from eventcli.ledger.streams.cursor import FileCursor
from eventcli.ledger.streams.plan import Loss, Plan, Reading
from eventcli.ledger.streams.planner import Planner
from eventcli.ledger.streams.registry import Registry
from eventcli.ledger.streams.stored import Descriptors
from eventcli.ledger.streams.stream import State, Stream
from eventcli.ledger.totals import Types, assemble
from eventcli.readable import read_into
from eventcli.summary.account import Account
from eventcli.summary.sources import SourceReport, Status
from eventcli.summary.summary import Summary

_TRIES: Final = 10

_PAUSE: Final = 0.02
"""How many times a file that changes during reading is retried, and the delay in seconds."""

_MOST_UNSHOWN: Final = 100_000
"""Up to this many types, each commit of a long run stores all that was added so far; more take longer than reading."""

_SAMPLE: Final = 64 * 1024

_SAMPLE_LINES: Final = 100
"""How much is examined to find out why events have no time."""


class Outcome(NamedTuple):
    """The result of a run: what it added, without buckets, and whether it was committed."""

    summary: Summary
    record: RunRecord
    is_committed: bool
    useless: str = ""
    """Why it was not committed: the ledger would hold no events or no times, and settings or input look wrong."""
    is_first: bool = False
    """Whether the ledger held no events before."""
    timeless: int = 0
    """How many accepted events have no usable time, if times are kept."""


class Display(Protocol):
    """Shows what a run adds, so that nothing is added without being shown."""

    def prepare(self, outcome: Outcome) -> None:
        """Write the output inside the transaction of the last commit: an exception here rolls it back."""

    def keep(self, summary: Summary) -> bytes:
        """Return what a run has added so far as bytes, in case the run fails before it can show it."""


class Policy(NamedTuple):
    """What a run may add, and what else it does.

    With `may_commit`, which decides at the end whether the lines of the run are good enough to be added, or with
    `require_continuity`, the run commits everything at the end or nothing. With `is_cautious`, a run that had rejected
    or unreadable lines commits nothing to a ledger without events until there is one.
    """

    require_continuity: bool = False
    may_commit: Callable[[Account], bool] | None = None
    is_cautious: bool = False
    olddirs: Iterable[str] = ()
    """Folders that rotated files are moved to, in addition to those given to earlier runs."""
    on_copy: Callable[[str, str], object] = lambda _file, _other: None
    display: Display | None = None


class Ingest:
    """One run: reads what is new in some files, adds it, and commits."""

    def __init__(
        self,
        database: Database,
        meaning: Meaning,
        options: Options = Options(),  # noqa: B008  # immutable
        policy: Policy = Policy(),  # noqa: B008  # immutable
        *,
        started_at: str | None = None,
    ) -> None:
        """Take a ledger, what its numbers mean, how to read, and what may be added."""
        self._database = database
        self._meaning = meaning
        self._policy = policy
        # Whether it holds no events, so that no setting is fixed.
        self._is_bare = database.is_new or not database.account().accepted
        self._known_olddirs = database.olddirs()
        self._olddirs = list(dict.fromkeys((*self._known_olddirs, *map(os.path.abspath, policy.olddirs))))
        self._descriptors = Descriptors()
        self._recorder = Recorder(database, meaning, options, started_at=started_at)
        self._registry = Registry(stream for stream in self._recorder.streams if stream.position is None)
        self._sample: list[bytes] = []
        self._said: set[tuple[str, str]] = set()

    @property
    def has_committed(self) -> bool:
        """Whether anything was committed in this run."""
        return self._recorder.committed is not None

    def run(self, paths: Sequence[str], problems: Iterable[SourceReport] = ()) -> Outcome:
        """Read these files; `problems` are those of other sources.

        Raises MeaningError, LedgerError, BusyError or OutputError on failure.
        """
        for problem in problems:
            self._recorder.say(problem)
        try:
            return self._run(paths)
        finally:
            self._descriptors.close()

    def _run(self, paths: Sequence[str]) -> Outcome:
        recorder = self._recorder
        for last in (*[False] * (_TRIES - 1), True):
            planner, plan = self._planned(paths)
            self._note_plan(plan)
            if recorder.batch.losses and self._policy.require_continuity:
                return self._outcome(is_committed=False)
            unsteady = [reading.file.name for reading in plan.readings if not self._read(reading, planner)]
            if not unsteady or last:
                break
            time.sleep(_PAUSE)
        # Not earlier: the lines of a copy are left out only because the original was read.
        for stream in plan.missed:
            stream.device = stream.inode = stream.born = 0
        for stream in (*plan.noted, *plan.missed):
            recorder.batch.note(stream)
        for problem in (*plan.problems, *map(_unsteady, unsteady)):
            recorder.say(problem)
        for name, other in plan.copies:
            self._policy.on_copy(name, other)
        if self._policy.may_commit is not None and not self._policy.may_commit(recorder.tally.account):
            return self._outcome(is_committed=False)
        reason = self._is_useless()
        if reason:
            return self._outcome(is_committed=False, reason=reason)
        self._commit(is_last=True)
        return self._outcome(is_committed=True)

    def _planned(self, paths: Sequence[str]) -> tuple[Planner, Plan]:
        """Find out what is to be read. Apparent losses are checked again: files may be in the middle of a rename."""
        before: object = None
        for last in (*[False] * (_TRIES - 1), True):
            planner = Planner(self._registry, new_key, descriptors=self._descriptors, olddirs=self._olddirs)
            plan = planner.plan(paths)
            seen = [(loss.stream.name, loss.offset, loss.message) for loss in plan.losses]
            if last or not seen or seen == before:
                break
            before = seen
            planner.undo()
            time.sleep(_PAUSE)
        return planner, plan

    def _note_plan(self, plan: Plan) -> None:
        """Record what a plan found out before anything is read."""
        batch = self._recorder.batch
        for loss in plan.losses:
            self._note_loss(loss)
        for stream, state in plan.retired:
            stream.state = state
            batch.note(stream)
        for stream in plan.settled:
            self._note_seen(stream)
        for stream in plan.noted:
            if stream.state is not State.COPY:
                batch.note(stream)
        if batch.losses and self._policy.require_continuity:
            return
        for stream, file, *_ in plan.readings:
            if stream.is_new:
                # Recorded from the first commit on, so that it is missed if it vanishes before it is read.
                note_place(stream, file)
                self._registry.locate(stream)
                batch.note(stream)

    def _note_seen(self, stream: Stream) -> None:
        started_at = self._recorder.tally.started_at
        if stream.last_seen[:10] != started_at[:10]:  # once a day is enough for --prune
            stream.last_seen = started_at
            self._recorder.batch.note(stream)

    def _note_loss(self, loss: Loss) -> None:
        if (loss.stream.key, loss.message) not in self._said:  # in an earlier attempt of this run
            self._said.add((loss.stream.key, loss.message))
            self._recorder.note_loss(loss.stream, loss.offset, loss.message, is_doubt=loss.is_doubt)

    # ---- one stream

    def _read(self, reading: Reading, planner: Planner) -> bool:
        """Read what is new in one file; return False if it changed during reading and nothing of it was added."""
        try:
            with FileCursor(reading.stream, reading.file, planner.is_ended, self._meaning.lines.form) as cursor:
                if reading.is_quiet and (not reading.stream.pending or cursor.is_growing):
                    self._note_quiet(reading, cursor)
                    return True
                return self._read_new(reading, cursor)
        except OSError as error:
            if is_momentary(error):
                return False
            message = error.strerror or str(error)
            self._recorder.say(SourceReport(reading.file.name, 0, 0, Status.UNREADABLE, message))
            return True

    def _note_quiet(self, reading: Reading, cursor: Cursor) -> None:
        """Record that a stream is in its place and has nothing new."""
        stream, file = reading.stream, reading.file
        if stream.state is not reading.state or file.path != stream.path:
            self._note_found(stream)
            stream.state = reading.state
            stream.path = file.real
            self._recorder.batch.note(stream)
        self._note_seen(stream)
        self._recorder.report(cursor, stream.offset, stream.lines, Status.COMPLETE, "")

    def _note_found(self, stream: Stream) -> None:
        if stream.state is State.LOST:
            self._recorder.batch.found.append(stream)

    def _read_new(self, reading: Reading, cursor: FileCursor) -> bool:
        stream = reading.stream
        self._note_found(stream)
        if not cursor.open():
            return False
        skipped = cursor.skip_rest()
        if skipped:
            message = (
                f"its last line had no newline and was counted as it was; it has {skipped} more bytes, which"
                " are not counted"
            )
            self._note_loss(Loss(stream, stream.offset - skipped, message, is_doubt=True))
        try:
            if not self._recorder.read(cursor, lambda start: self._after_step(reading.file, start)):
                return False
        finally:
            self._registry.locate(stream)
        # Not earlier: a rotated stream that has not been read to its end must not vanish silently.
        stream.state = reading.state
        stream.last_seen = self._recorder.tally.started_at
        self._recorder.batch.note(stream)
        return True

    def _after_step(self, file: File, start: int) -> None:
        is_timeless = self._is_bare and self._policy.is_cautious and self._recorder.tally.timeless > 0
        if is_timeless and not self._sample:
            self._sample = _first_lines(file, start)
        if self._may_commit_early() and self._recorder.is_due:
            self._commit(is_last=False)

    # ---- the transaction

    def _is_useless(self) -> str:
        """Return why the run should not start a ledger; empty if its result is as good as can be expected."""
        tally = self._recorder.tally
        account = tally.account
        if not self._policy.is_cautious or not self._is_bare:
            return ""
        if account.accepted:
            is_timeless = tally.timeless == account.accepted
            return timeless.suspicion(self._sample, self._meaning.query) if is_timeless else ""
        if account.rejects:
            return "every line was rejected"
        is_unread = any(source.status is not Status.COMPLETE for source in tally.sources) and not account.lines
        return "no source could be read" if is_unread else ""

    def _may_commit_early(self) -> bool:
        policy, tally = self._policy, self._recorder.tally
        if policy.require_continuity or policy.may_commit is not None:
            return False
        return not (policy.is_cautious and self._is_bare and tally.timeless == tally.account.accepted)

    def _commit(self, *, is_last: bool) -> None:
        """Write totals and positions in one transaction."""
        for stream in self._registry:
            if stream.is_renamed or (stream.is_new and stream.state is State.IGNORED):
                self._recorder.batch.note(stream)
        self._recorder.commit(is_last=is_last, inside=lambda types: self._finish(types, is_last=is_last))
        self._known_olddirs = self._olddirs

    def _finish(self, types: Types, *, is_last: bool) -> None:
        """Write what else belongs to a commit, and show what was added."""
        if self._olddirs and (self._olddirs != self._known_olddirs or not self._database.olddirs()):
            self._database.put_olddirs(self._olddirs)
        if self._policy.display is not None:
            self._show(self._policy.display, types, is_last=is_last)

    def _show(self, display: Display, types: Types, *, is_last: bool) -> None:
        """Show what was added; until that succeeds, the ledger keeps it for the next run."""
        if is_last:
            self._database.put_unshown(None)
            display.prepare(self._outcome(types, is_committed=True))
        elif len(types) <= _MOST_UNSHOWN:
            account = self._recorder.tally.account
            self._database.put_unshown(display.keep(assemble(types, account, [], self._meaning)))

    def note_failure(self, status: int, *, is_added: bool, patience: float | None = None) -> None:
        """Record, as far as possible, that this run failed, and keep what it added but could not show."""
        database, recorder = self._database, self._recorder
        if database.is_new:
            return
        with database.transaction(patience):
            if is_added and self._policy.display is not None:
                types, account = recorder.committed or ({}, Account())
                database.put_unshown(self._policy.display.keep(assemble(types, account, [], self._meaning)))
            database.put_run(recorder.tally.record(is_last=True)._replace(status=status))

    def _outcome(self, types: Types | None = None, *, is_committed: bool, reason: str = "") -> Outcome:
        tally = self._recorder.tally
        types = self._recorder.added() if types is None else types
        summary = assemble(types, tally.account, tally.sources, self._meaning)
        return Outcome(summary, tally.record(is_last=True), is_committed, reason, self._is_bare, tally.timeless)


def _first_lines(file: File, start: int) -> list[bytes]:
    """Return some lines from an offset on."""
    view = memoryview(bytearray(_SAMPLE))
    try:
        with file.open(start) as content:
            got = read_into(content, view)
    except OSError:
        return []
    return bytes(view[:got]).split(b"\n")[:_SAMPLE_LINES]


def _unsteady(name: str) -> SourceReport:
    return SourceReport(name, 0, 0, Status.UNREADABLE, "it changed whenever it was read")
