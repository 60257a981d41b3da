"""Totals across many runs: every line of a stream counts once, whatever happens to its files and to the runs.

A run finds out which file holds which stream, reads what is new, and commits totals and cursors in one transaction.
It reports what it cannot prove: an unread tail of a stream that is no longer found is a discontinuity.
"""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, Protocol

from eventcli.errors import ExitCode
from eventcli.ledger import timeless
from eventcli.ledger.meaning import Meaning
from eventcli.ledger.steps import Steps
from eventcli.ledger.store.database import DOUBT, LOST, Database
from eventcli.ledger.store.records import Discontinuity, KeptReject, Setting, now
from eventcli.ledger.store.records import Run as RunRecord
from eventcli.ledger.store.rows import Gathered, by_type, checksum, rows_of
from eventcli.ledger.streams.birth import is_momentary
from eventcli.ledger.streams.content import File, Spools, note_content, note_place
from eventcli.ledger.streams.planner import Loss, Plan, Planner, Reading
from eventcli.ledger.streams.registry import Registry
from eventcli.ledger.streams.stream import UNCOUNTED, State, Stream
from eventcli.ledger.totals import Types, assemble, report_of
from eventcli.lines.event import Reject
from eventcli.pipeline.run import Run
from eventcli.pipeline.summarize import BLOCK_SIZE
from eventcli.readable import read_into
from eventcli.reading.portions import Portion
from eventcli.summary.account import Account
from eventcli.summary.sources import SourceReport, Status, Stretch
from eventcli.summary.stats import add_all
from eventcli.summary.summary import Summary
from eventcli.text import name_of

KEEP_REJECTS: Final = 16 * 1024 * 1024
"""Bytes of rejected lines that are kept for repair by default."""

COMMIT_BYTES: Final = 512 * 1024 * 1024

COMMIT_SECONDS: Final = 10.0
"""A long run commits after this many bytes or seconds."""

_TRIES: Final = 10

_PAUSE: Final = 0.02
"""How many times a file that changes during reading is retried, and the delay in seconds."""

_SMALL: Final = 256 * 1024
"""Up to this many bytes are folded without another thread: 0.36 ms for a small log instead of 0.6."""

_REJECT_COST: Final = 64
"""Approximate overhead of a kept reject, in bytes, beyond its line."""

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


class Ingest:
    """One run: reads what is new in some files, adds it, and commits."""

    def __init__(
        self,
        database: Database,
        meaning: Meaning,
        *,
        jobs: int | None = None,
        on_reject: Callable[[Reject], object] | None = None,
        reject_limit: int | None = None,
        on_problem: Callable[[SourceReport], object] | None = None,
        on_copy: Callable[[str, str], object] | None = None,
        keep_rejects: int = KEEP_REJECTS,
        commit_bytes: int = COMMIT_BYTES,
        commit_seconds: float = COMMIT_SECONDS,
        require_continuity: bool = False,
        olddirs: Iterable[str] = (),
        may_commit: Callable[[Account], bool] | None = None,
        is_cautious: bool = False,
        display: Display | None = None,
        started_at: str | None = None,
    ) -> None:
        """`on_reject`, `reject_limit`, `on_problem` and `jobs` are those of `summarize`.

        `olddirs` are folders that rotated files are moved to, in addition to those given to earlier runs.

        `may_commit` decides at the end whether the lines of this run are good enough to be added. With it, or with
        `require_continuity`, the run commits everything at the end or nothing. With `is_cautious`, a run that had
        rejected or unreadable lines commits nothing to a ledger without events until there is one.
        """
        self._database = database
        self._meaning = meaning
        self._jobs = jobs
        self._on_reject = on_reject
        self._reject_limit = reject_limit
        self._on_problem = on_problem or (lambda _: None)
        self._on_copy = on_copy or (lambda _file, _other: None)
        self._known_olddirs = database.olddirs()
        self._olddirs = list(dict.fromkeys((*self._known_olddirs, *map(os.path.abspath, olddirs))))
        self._spools = Spools()
        self._keep = keep_rejects
        self._commit_bytes = commit_bytes
        self._commit_seconds = commit_seconds
        self._require_continuity = require_continuity
        self._may_commit = may_commit
        self._is_new = database.is_new
        # Whether it holds no events, so that no setting is fixed.
        self._is_bare = self._is_new or not database.account().accepted
        self._is_cautious = is_cautious
        self._display = display
        self._is_renewed = not self._is_new and database.settings() != meaning._asdict()
        streams = database.streams()
        if self._is_renewed:
            for stream in streams:
                read_anew(stream)
        self._registry = Registry(streams)
        self._started = time.monotonic()
        self._started_at = started_at or now()
        self._committed_at = self._started
        # What this run has added, and the part of it that is not committed yet.
        self._types: Types = {}
        self._delta: dict[str, Gathered] = {}
        self._account = Account()
        self._committed = Account()
        self.has_committed = False
        self._timeless = 0
        self._sample: list[bytes] = []
        self._bytes = 0
        self._changed = {stream.key: stream for stream in streams} if self._is_renewed else {}
        self._rejects: list[KeptReject] = []
        self._step_rejects: list[KeptReject] = []
        self._losses: list[tuple[Stream, Discontinuity]] = []
        self._found: list[Stream] = []
        self._said: set[tuple[str, str]] = set()
        self._all_losses = 0
        self._sources: list[SourceReport] = []
        self._pending = 0
        self._since_commit = 0
        self._kept = 0 if self._is_new else database.kept()

    def run(self, paths: Sequence[str]) -> Outcome:
        """Read these files. Raises MeaningError, LedgerError, BusyError or OutputError on failure."""
        try:
            return self._run(paths)
        finally:
            self._spools.close()

    def _run(self, paths: Sequence[str]) -> Outcome:
        for last in (*[False] * (_TRIES - 1), True):
            planner, plan = self._planned(paths)
            for loss in plan.losses:
                self._note_loss(loss)
            for stream, state in plan.retired:
                self._retire(stream, state)
            for stream in plan.settled:
                self._note_seen(stream)
            for stream in plan.noted:
                if stream.state is not State.COPY:
                    self._changed[stream.key] = stream
            if self._losses and self._require_continuity:
                return self._outcome(is_committed=False)
            for stream, file, *_ in plan.readings:
                if stream.is_new:
                    # Recorded from the first commit on, so that it is missed if it vanishes before it is read.
                    self._locate(stream, file)
            unsteady = [reading.file.name for reading in plan.readings if not self._read(reading, planner)]
            if not unsteady or last:
                break
            time.sleep(_PAUSE)
        # Not earlier: the lines of a copy are left out only because the original was read.
        self._changed.update((stream.key, stream) for stream in plan.noted)
        for problem in (*plan.problems, *map(_unsteady, unsteady)):
            self._sources.append(problem)
            self._on_problem(problem)
        for name, other in plan.copies:
            self._on_copy(name, other)
        if self._may_commit is not None and not self._may_commit(self._account):
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
            planner = Planner(self._registry, _new_key, spools=self._spools, olddirs=self._olddirs)
            plan = planner.plan(paths)
            seen = [(loss.stream.name, loss.offset, loss.message) for loss in plan.losses]
            if last or not seen or seen == before:
                break
            before = seen
            planner.undo()
            time.sleep(_PAUSE)
        return planner, plan

    def _note_seen(self, stream: Stream) -> None:
        if stream.last_seen[:10] != self._started_at[:10]:  # once a day is enough for --prune
            stream.last_seen = self._started_at
            self._changed[stream.key] = stream

    def _locate(self, stream: Stream, file: File) -> None:
        note_place(stream, file)
        self._registry.locate(stream)
        self._changed[stream.key] = stream

    # ---- one stream

    def _read(self, reading: Reading, planner: Planner) -> bool:
        """Read what is new in one file; return False if it changed during reading and nothing of it was added."""
        file = reading.file
        try:
            if reading.is_quiet and not (reading.stream.pending and planner.is_ended(file)):
                self._note_quiet(reading)
                return True
            return self._read_new(reading, planner)
        except OSError as error:
            if is_momentary(error):
                return False
            report = SourceReport(file.name, 0, 0, Status.UNREADABLE, error.strerror or str(error))
            self._sources.append(report)
            self._on_problem(report)
            return True
        finally:
            file.close(forget=True)

    def _note_quiet(self, reading: Reading) -> None:
        """Record that a stream is in its place and has nothing new."""
        stream, file = reading.stream, reading.file
        if stream.state is not reading.state or file.path != stream.path:
            if stream.state is State.LOST:
                self._found.append(stream)
            stream.state = reading.state
            stream.path = file.real
            self._changed[stream.key] = stream
        self._note_seen(stream)
        self._report(stream, file, stream.offset, stream.lines, Status.COMPLETE, "")

    def _read_new(self, reading: Reading, planner: Planner) -> bool:
        stream, file = reading.stream, reading.file
        start, lines = stream.offset, stream.lines
        if stream.state is State.LOST:
            self._found.append(stream)
        window = file.window(start)
        if window is None:
            return False
        end = None if file.is_compressed else file.whole_lines(start)
        is_ended = end != file.size and planner.is_ended(file)
        if is_ended and end is not None:
            end = file.size
        status, message = Status.COMPLETE, ""
        if end == start or file.is_read_up(stream):
            self._settle(reading, stream.pending if file.is_compressed else file.size - start, None)
        else:
            with file.open(start, ahead=True) as content:
                steps = Steps(content, None if end is None else end - start, window, is_ended=is_ended)
                if start > stream.start and not window.endswith(b"\n"):
                    self._end_line(reading, steps)
                while not steps.is_at_end and status is Status.COMPLETE:
                    before = steps.last
                    steps.begin(self._commit_bytes, self._commit_seconds)
                    portion = Portion(file.name, steps, stream.offset)
                    is_small = end is not None and end - stream.offset <= _SMALL
                    summary = self._fold(portion, stream, is_small=is_small)
                    portion.end -= steps.added
                    if not _is_steady(file, portion, before, steps.last):
                        self._kept -= sum(map(_cost, self._step_rejects))
                        return False
                    status, message = summary.sources[0].status, summary.sources[0].message
                    self._take(reading, portion, steps, summary)
                if not file.is_compressed:
                    stream.pending = file.size - stream.offset
                elif status is Status.COMPLETE:
                    stream.raw_length = stream.offset + stream.pending
        # Not earlier: a rotated stream that has not been read to its end must not vanish silently.
        stream.state = reading.state
        self._changed[stream.key] = stream
        self._report(stream, file, start, lines, status, message)
        return True

    def _end_line(self, reading: Reading, steps: "Steps") -> None:
        """Skip the rest of a line that was counted when it seemed complete."""
        stream = reading.stream
        length, is_blank = steps.skip_line()
        if not is_blank:
            message = (
                f"its last line had no newline and was counted as it was; it goes on, and {length} bytes of it"
                " are not counted"
            )
            self._note_loss(Loss(stream, stream.offset, message, is_doubt=True))
        stream.offset += length
        stream.pending = 0

    def _fold(self, portion: Portion, stream: Stream, *, is_small: bool) -> Summary:
        """Fold a step of a stream; its rejects wait until it is certain that the file did not change during reading."""
        self._step_rejects = []
        # Only this many rejects will be shown or kept; the others need no message.
        room = max(0, self._keep - self._kept) // _REJECT_COST
        run = Run(
            [portion],
            query=self._meaning.query,
            max_line=self._meaning.max_line,
            block_size=BLOCK_SIZE,
            jobs=1 if is_small else self._jobs,
            on_reject=lambda reject: self._note_reject(stream, reject),
            reject_limit=None if self._reject_limit is None else max(self._reject_limit, room),
            on_problem=lambda _: None,
        )
        return run.complete_here() if is_small else run.complete()

    def _note_reject(self, stream: Stream, reject: Reject) -> None:
        reject = reject._replace(line=reject.line + stream.lines, stream=stream.key)
        if self._on_reject is not None:
            self._on_reject(reject)
        one = KeptReject(stream.key, reject.offset, reject.line, reject.length, reject.reason, reject.raw)
        if self._kept + _cost(one) <= self._keep:
            self._kept += _cost(one)
            self._step_rejects.append(one)

    def _take(self, reading: Reading, portion: Portion, steps: "Steps", summary: Summary) -> None:
        """Add what this run read of a stream."""
        stream = reading.stream
        self._rejects += self._step_rejects
        rows = rows_of(summary)
        if self._meaning.granularity != "none":
            self._timeless += sum(row[2] for row in rows if not row[1])
            if self._is_bare and self._is_cautious and self._timeless and not self._sample:
                self._sample = _first_lines(reading.file, stream.offset)
        self._delta.setdefault(stream.key, Gathered()).add(rows)
        self._account += summary.account
        stream.account += summary.account
        stream.checksum += checksum(rows)
        if summary.account.lines:  # not just a byte-order mark
            self._bytes += portion.end - stream.offset
            self._since_commit += portion.end - stream.offset
            stream.lines += summary.account.lines
            stream.offset = portion.end
        self._settle(reading, portion.pending, None if portion.pending else steps.last)
        if self._is_due():
            self._commit(is_last=False)

    def _settle(self, reading: Reading, pending: int, window: bytes | None) -> None:
        """Record the position of a stream and its proof; `window` ends at that position, if it is available."""
        stream, file = reading.stream, reading.file
        stream.pending = pending
        stream.last_seen = self._started_at
        if stream.seen != stream.offset:
            note_content(stream, file, stream.offset, window)
        self._locate(stream, file)

    def _report(self, stream: Stream, file: File, start: int, lines: int, status: Status, message: str) -> None:
        self._pending += bool(stream.pending)
        if stream.offset == start and not stream.pending and status is Status.COMPLETE:
            return
        report = SourceReport(
            file.name,
            stream.offset - start,
            stream.lines - lines,
            status,
            message,
            stream.pending,
            Stretch(stream.head, start, stream.offset),
        )
        self._sources.append(report)
        if status is not Status.COMPLETE:
            self._on_problem(report)

    def _note_loss(self, loss: Loss) -> None:
        stream = loss.stream
        if (stream.key, loss.message) in self._said:
            return  # in an earlier attempt of this run
        self._said.add((stream.key, loss.message))
        kind = DOUBT if loss.is_doubt else LOST
        one = Discontinuity(name_of(stream.name), loss.offset, now(), loss.message, "", kind)
        self._losses.append((stream, one))
        self._all_losses += 1
        self._changed[stream.key] = stream
        report = report_of(one)
        self._sources.append(report)
        self._on_problem(report)

    def _retire(self, stream: Stream, state: State) -> None:
        stream.state = state
        self._changed[stream.key] = stream

    # ---- the transaction

    def _is_useless(self) -> str:
        """Return why the run should not start a ledger; empty if its result is as good as can be expected."""
        account = self._account
        if not self._is_cautious or not self._is_bare:
            return ""
        if account.accepted:
            return self._is_wrongly_timed() if self._timeless == account.accepted else ""
        if account.rejects:
            return "every line was rejected"
        is_unread = any(source.status is not Status.COMPLETE for source in self._sources) and not account.lines
        return "no source could be read" if is_unread else ""

    def _is_wrongly_timed(self) -> str:
        """Return why the lines of a run without any times look as if they had times after all."""
        return timeless.suspicion(self._sample, self._meaning.query)

    def _is_due(self) -> bool:
        if self._require_continuity or self._may_commit is not None:
            return False
        if self._is_cautious and self._is_bare and self._timeless == self._account.accepted:
            return False
        return self._since_commit >= self._commit_bytes or time.monotonic() - self._committed_at >= self._commit_seconds

    def _commit(self, *, is_last: bool) -> None:
        """Write totals and cursors in one transaction."""
        database, moment = self._database, now()
        types, changes = self._added(), self._changes()
        with database.transaction():
            if self._is_renewed:
                database.clear()
            if self._is_new or self._is_renewed:
                database.create(Setting(name, value) for name, value in self._meaning._asdict().items())
            if self._olddirs and (self._olddirs != self._known_olddirs or self._is_renewed):
                database.put_olddirs(self._olddirs)
            database.put_streams(changes, moment)
            database.add_totals_of((key, gathered.rows()) for key, gathered in self._delta.items())
            database.put_rejects(self._rejects)
            for stream, one in self._losses:
                database.put_discontinuity(stream.key, one)
            for stream in self._found:
                database.settle_discontinuities(moment, stream.key)
            database.put_run(self._record(is_last=is_last))
            if self._display is not None:
                self._show(self._display, types, is_last=is_last)
        for stream in changes:
            stream.is_new = stream.is_renamed = False
        self._is_new = self._is_renewed = False
        self._known_olddirs = self._olddirs
        self._types, self._committed, self.has_committed = types, self._account, True
        self._delta = {}
        self._rejects, self._changed = [], {}
        self._losses, self._found = [], []
        self._since_commit = 0
        self._committed_at = time.monotonic()

    def _show(self, display: Display, types: Types, *, is_last: bool) -> None:
        """Show what was added; until that succeeds, the ledger keeps it for the next run."""
        if is_last:
            self._database.put_unshown(None)
            display.prepare(self._outcome(types, is_committed=True))
        elif len(types) <= _MOST_UNSHOWN:
            self._database.put_unshown(display.keep(assemble(types, self._account, [], self._meaning)))

    def note_failure(self, status: int, *, is_added: bool, patience: float | None = None) -> None:
        """Record, as far as possible, that this run failed, and keep what it added but could not show."""
        database = self._database
        if database.is_new:
            return
        with database.transaction(patience):
            if is_added and self._display is not None:
                added = assemble(self._types, self._committed, [], self._meaning)
                database.put_unshown(self._display.keep(added))
            database.put_run(self._record(is_last=True)._replace(status=status))

    def _changes(self) -> list[Stream]:
        others = (one for one in self._registry if one.is_renamed or (one.is_new and one.state is State.IGNORED))
        return list({**self._changed, **{one.key: one for one in others}}.values())

    def _record(self, *, is_last: bool) -> RunRecord:
        account = self._account
        is_complete = all(source.status is Status.COMPLETE for source in self._sources)
        return RunRecord(
            self._started_at,
            round(time.monotonic() - self._started, 6),
            self._bytes,
            account.accepted,
            account.rejects,
            account.filtered,
            account.blank,
            self._pending,
            self._all_losses,
            (ExitCode.OK if is_complete else ExitCode.INCOMPLETE) if is_last else None,
        )

    def _added(self) -> Types:
        """Return what this run has added, including the part that is not committed yet."""
        types = dict(self._types)
        for gathered in self._delta.values():
            add_all(types, by_type(gathered.rows()))
        return types

    def _outcome(self, types: Types | None = None, *, is_committed: bool, reason: str = "") -> Outcome:
        types = self._added() if types is None else types
        summary = assemble(types, self._account, self._sources, self._meaning)
        return Outcome(summary, self._record(is_last=True), is_committed, reason, self._is_bare, self._timeless)


def _first_lines(file: File, start: int) -> list[bytes]:
    """Return some lines from an offset on."""
    view = memoryview(bytearray(_SAMPLE))
    try:
        with file.open(start) as content:
            got = read_into(content, view)
    except OSError:
        return []
    return bytes(view[:got]).split(b"\n")[:_SAMPLE_LINES]


def read_anew(stream: Stream) -> None:
    """Reset an uncounted stream to unread."""
    stream.account = Account()
    stream.checksum = stream.start = stream.offset = stream.lines = stream.pending = 0
    if stream.state not in UNCOUNTED:
        stream.seen, stream.head, stream.tail = 0, (), ""
    # Its size would imply that it was read.
    stream.raw_size, stream.raw_proof, stream.raw_length = 0, "", 0


def _unsteady(name: str) -> SourceReport:
    return SourceReport(name, 0, 0, Status.UNREADABLE, "it changed whenever it was read")


def _cost(reject: KeptReject) -> int:
    return len(reject.raw) + _REJECT_COST


def _is_steady(file: File, portion: Portion, before: bytes, last: bytes) -> bool:
    """Whether what was read is the content of one file at one moment: it was neither truncated nor refilled meanwhile.

    `before` and `last` are the windows that end where the reading began and ended.
    """
    if file.is_compressed:
        return file.is_unchanged()
    return not portion.pending and (
        file.window(portion.start) == before
        and file.window(portion.end) == last
        and file.is_head_unchanged(portion.end)
    )


def _new_key() -> str:
    return os.urandom(8).hex()
