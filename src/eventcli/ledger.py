"""Totals over many runs: every line of a stream is counted once, whatever happens to its files and to the runs.

A run finds out which file holds which stream, reads what is new, and commits totals and cursors in one transaction.
What it cannot prove it says: a rest of a stream that is not found any more is a discontinuity.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol

from eventcli import timeless, times
from eventcli.asked import Asked
from eventcli.birth import is_momentary
from eventcli.blocks import MAX_LINE, read_into
from eventcli.cells import CHECKSUM_PRIME, Gathered, by_type, checksum, checksums, rows_of
from eventcli.content import Content, File, Spools, note_content, note_place
from eventcli.database import (
    DOUBT,
    LOST,
    Database,
    Discontinuity,
    KeptReject,
    LedgerError,
    Replayed,
    Setting,
)
from eventcli.database import Run as RunRecord
from eventcli.event import MAX_TYPE_BYTES, MAX_TYPES, Bucket, Fields, Query, Reason, Reject, Timing
from eventcli.fold import new_fold
from eventcli.kinship import Result
from eventcli.marks import WINDOW
from eventcli.parse import explain
from eventcli.pipeline import BLOCK_SIZE, Portion, Run
from eventcli.planner import Loss, Plan, Planner, Reading
from eventcli.registry import Registry
from eventcli.repairs import Problems, Repair
from eventcli.schema import PRUNED
from eventcli.search import candidates
from eventcli.source import name_of
from eventcli.streams import UNCOUNTED, State, Stream
from eventcli.summary import Account, AccountError, Calendar, SourceReport, Status, Stretch, Summary, TypeStats, add_all

KEEP_REJECTS: Final = 16 * 1024 * 1024
"""Bytes of rejected lines that are kept for repair, unless told otherwise."""

COMMIT_BYTES: Final = 512 * 1024 * 1024
COMMIT_SECONDS: Final = 10.0
"""A long run commits whenever it has read that much, or for that long."""

GRANULARITIES: Final = ("minute", "hour", "day", "none")

_TRIES: Final = 10
_PAUSE: Final = 0.02
"""How often a file that changes while it is read is looked at again, and after how many seconds."""

_NEWLINE: Final = 10
_SKIP: Final = 64 * 1024

_SMALL: Final = 256 * 1024
"""Up to so many bytes are folded before another thread would have started: 0.36 ms for a small log, and not 0.6."""

_REJECT_COST: Final = 64
"""Bytes that a kept reject takes beside its line, about."""

_MOST_UNSHOWN: Final = 100_000
"""Types up to which each commit of a long run keeps what was added so far: more take longer than reading."""

_SAMPLE: Final = 64 * 1024
_SAMPLE_LINES: Final = 100
"""So much is looked at to find out why events have no time."""

Types = dict[str | None, TypeStats]
"""Stats by type (None: all types beyond the limit)."""


class MeaningError(ValueError):
    """Something was asked for that does not go with what is in the ledger; the message says what."""


_LATER: Final = frozenset({"time_format"})
"""Settings that ledgers of earlier versions do not have; their defaults are what those versions did."""


class Meaning(NamedTuple):
    """What gives the numbers of a ledger their meaning; it is set when the ledger is begun.

    A `value_field` of None counts events that have none. `granularity` is the size of the buckets that are kept, in
    UTC.
    """

    type_field: str = "type"
    value_field: str | None = "value"
    time_field: str = "occurred_at"
    default_value: str | None = None
    numeric_strings: bool = False
    salvage: bool = False
    input_tz: str = "UTC"
    granularity: str = "hour"
    max_types: int = MAX_TYPES
    max_type_bytes: int = MAX_TYPE_BYTES
    max_line: int = MAX_LINE
    time_format: str | None = None

    @property
    def query(self) -> Query:
        """What a line means."""
        timing = None
        if self.granularity != "none":
            timing = Timing(self.input_tz, by=self.granularity, optional=True, time_format=self.time_format)
        fields = Fields(self.type_field, self.value_field, self.time_field)
        most = self.max_types, self.max_type_bytes
        return Query(fields, None, self.default_value, self.numeric_strings, self.salvage, timing, *most)


_LATER_SETTINGS: Final = {"max_type_bytes": MAX_TYPE_BYTES}
"""Settings that ledgers of earlier versions do not have, and what they mean there."""


def meaning_of(database: Database, given: Mapping[str, Any]) -> Meaning:
    """Return the meaning of a ledger, or that of a new one; MeaningError where `given` is something else.

    Where no line was ever accepted, numbers have no meaning yet, and what is given is taken.
    """
    if database.is_new:
        return Meaning(**given)
    # Ledgers of earlier versions do not have all.
    stored = _LATER_SETTINGS | database.settings()
    try:
        known_settings = [name for name in Meaning._fields if name in stored or name not in _LATER]
        meaning = Meaning(**{name: stored[name] for name in known_settings})  # type: ignore[arg-type]
    except KeyError as error:
        raise LedgerError(f"{name_of(database.path)}: damaged: no setting {error}") from None
    except TypeError as error:
        raise LedgerError(f"{name_of(database.path)}: damaged: {error}") from None
    if any(value != getattr(meaning, name) for name, value in given.items()) and not database.account().accepted:
        return meaning._replace(**given)
    for name, value in given.items():
        known = getattr(meaning, name)
        if value != known:
            option = f"--{name.replace('_', '-')}"
            raise MeaningError(
                f"{option} {_shown(value)}: the ledger was begun with {option} {_shown(known)};"
                " numbers of different meaning are not added up: begin a new ledger, or take out all that was added"
                " with `eventstats forget`"
            )
    return meaning


def _shown(value: object) -> str:
    return (
        {None: "none", True: "on", False: "off"}.get(value, str(value))
        if isinstance(value, bool | None)
        else str(value)
    )


# --------------------------------------------------------------------------------------------------- ingesting


class Outcome(NamedTuple):
    """What a run came to: what it added, without buckets, and whether it was committed."""

    summary: Summary
    record: RunRecord
    is_committed: bool
    useless: str = ""
    """Why it was not committed: the ledger would hold no event, or no time, and settings or input look wrong."""
    is_first: bool = False
    """Whether the ledger held no event before."""
    timeless: int = 0
    """How many of the accepted events have no usable time, where times are kept."""


class Display(Protocol):
    """Whoever shows what a run adds, so that nothing is added that is shown nowhere."""

    def prepare(self, outcome: Outcome) -> None:
        """Make the output, within the transaction of the last commit: what this raises keeps it from being added."""

    def keep(self, summary: Summary) -> bytes:
        """Return as bytes what a run added so far, in case that it does not get to show it."""


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

        `olddirs` are folders that rotated files are moved to, beside those that earlier runs were told.

        `may_commit` is asked at the end whether the lines of this run are good enough to be added; with it, and with
        `require_continuity`, all is committed at the end or not at all. With `is_cautious`, nothing is committed to a
        ledger that holds no event before there is one, if lines were rejected or could not be read.
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
        # Whether it holds no event: no setting is fixed.
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
        # What was added by this run, and what of it is not committed yet.
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
        """Read these files: MeaningError, LedgerError, BusyError or OutputError where that fails."""
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
                    # Known from the first commit on, so that it is missed if it vanishes before it is read.
                    self._locate(stream, file)
            unsteady = [reading.file.name for reading in plan.readings if not self._read(reading, planner)]
            if not unsteady or last:
                break
            time.sleep(_PAUSE)
        # Not before: what is a copy does not count only because what it is a copy of was read.
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
        """Find out what is to be read. What seems to be lost is looked for again: files may just be being renamed."""
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
        """Read what is new in one file; return False where it changed meanwhile, and nothing was taken of it."""
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
        """Note that a stream is where nothing was written to it."""
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
                steps = _Steps(content, None if end is None else end - start, window, is_ended=is_ended)
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
        # Not before: a rotated stream that was not read to its end is not to vanish silently.
        stream.state = reading.state
        self._changed[stream.key] = stream
        self._report(stream, file, start, lines, status, message)
        return True

    def _end_line(self, reading: Reading, steps: "_Steps") -> None:
        """Leave out the rest of a line that was counted when it seemed to be ended."""
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
        """Fold a step of a stream; its rejects wait until it is known that nothing changed meanwhile."""
        self._step_rejects = []
        # So many rejects are wanted, to be shown or kept; the others need not be put into words.
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

    def _take(self, reading: Reading, portion: Portion, steps: "_Steps", summary: Summary) -> None:
        """Add what was read of a stream."""
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
        if summary.account.lines:  # not only a byte-order mark
            self._bytes += portion.end - stream.offset
            self._since_commit += portion.end - stream.offset
            stream.lines += summary.account.lines
            stream.offset = portion.end
        self._settle(reading, portion.pending, None if portion.pending else steps.last)
        if self._is_due():
            self._commit(is_last=False)

    def _settle(self, reading: Reading, pending: int, window: bytes | None) -> None:
        """Remember where a stream is, and what proves it; `window` ends there, if it is at hand."""
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
            return  # in an earlier look of this run
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
        """Return why nothing is to be begun with what was found; empty if it is as good as what can be expected."""
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
        """Return why the lines of a run without a single time look as if they had times all the same."""
        return timeless.suspicion(self._sample, self._meaning.query)

    def _is_due(self) -> bool:
        if self._require_continuity or self._may_commit is not None:
            return False
        if self._is_cautious and self._is_bare and self._timeless == self._account.accepted:
            return False
        return self._since_commit >= self._commit_bytes or time.monotonic() - self._committed_at >= self._commit_seconds

    def _commit(self, *, is_last: bool) -> None:
        """Write totals and cursors at once."""
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
        """Let what was added be shown; as long as it is not, the ledger keeps it for the next run."""
        if is_last:
            self._database.put_unshown(None)
            display.prepare(self._outcome(types, is_committed=True))
        elif len(types) <= _MOST_UNSHOWN:
            self._database.put_unshown(display.keep(assemble(types, self._account, [], self._meaning)))

    def note_failure(self, status: int, *, is_added: bool, patience: float | None = None) -> None:
        """Record, as far as that is possible, that this run failed, and keep what it added and could not show."""
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
            (0 if is_complete else 3) if is_last else None,
        )

    def _added(self) -> Types:
        """Return what was added by this run, and what of it is not committed yet."""
        types = dict(self._types)
        for gathered in self._delta.values():
            add_all(types, by_type(gathered.rows()))
        return types

    def _outcome(self, types: Types | None = None, *, is_committed: bool, reason: str = "") -> Outcome:
        types = self._added() if types is None else types
        summary = assemble(types, self._account, self._sources, self._meaning)
        return Outcome(summary, self._record(is_last=True), is_committed, reason, self._is_bare, self._timeless)


def _first_lines(file: File, start: int) -> list[bytes]:
    """Return some lines from a place on."""
    view = memoryview(bytearray(_SAMPLE))
    try:
        with file.open(start) as content:
            got = read_into(content, view)
    except OSError:
        return []
    return bytes(view[:got]).split(b"\n")[:_SAMPLE_LINES]


def read_anew(stream: Stream) -> None:
    """Let nothing be read of a stream of which nothing counts."""
    stream.account = Account()
    stream.checksum = stream.start = stream.offset = stream.lines = stream.pending = 0
    if stream.state not in UNCOUNTED:
        stream.seen, stream.head, stream.tail = 0, (), ""
    # Its size would say that it was read.
    stream.raw_size, stream.raw_proof, stream.raw_length = 0, "", 0


def _unsteady(name: str) -> SourceReport:
    return SourceReport(name, 0, 0, Status.UNREADABLE, "it changed whenever it was read")


def _cost(reject: KeptReject) -> int:
    return len(reject.raw) + _REJECT_COST


def _is_steady(file: File, portion: Portion, before: bytes, last: bytes) -> bool:
    """Whether what was read is the content of one file at one time: it was not cut back, nor filled again, meanwhile.

    `before` and `last` are the windows that ended where it began and where it ended.
    """
    if file.is_compressed:
        return file.is_unchanged()
    return not portion.pending and (
        file.window(portion.start) == before
        and file.window(portion.end) == last
        and file.is_head_unchanged(portion.end)
    )


class _Steps:
    """The new content of a stream, in steps that end with a line, and the last window of what was handed out."""

    def __init__(self, content: Content, length: int | None, window: bytes, *, is_ended: bool = False) -> None:
        """Hand out `length` bytes (None: all); `window` is what comes before them.

        What `is_ended` gets a newline where its last line has none.
        """
        self._content = content
        self._left = length
        self._is_ended = is_ended
        self.added = 0
        """Bytes of a newline that was handed out, and is not there."""
        self._carry = memoryview(b"")
        self._room = 0
        self._deadline = 0.0
        self._is_paused = False
        self._is_torn = False
        self.is_at_end = False
        self.last = window

    def skip_line(self) -> tuple[int, bool]:
        """Leave out what comes up to the next newline, with it; return its length, and whether it is blank."""
        view = memoryview(bytearray(_SKIP))
        length, is_blank = 0, True
        while got := self._more(view):
            part = bytes(view[:got])
            newline = part.find(b"\n")
            end = got if newline < 0 else newline + 1
            length += end
            is_blank = is_blank and not part[:end].strip(b" \t\r\n")
            self.last = (self.last + part[:end])[-WINDOW:]
            if newline >= 0:
                self._carry = memoryview(part[end:] + bytes(self._carry))
                break
        return length, is_blank

    def begin(self, size: int, seconds: float) -> None:
        """Begin a step of about that many bytes, or seconds."""
        self._room = size
        self._deadline = time.monotonic() + seconds
        self._is_paused = False

    def readinto(self, buffer: memoryview) -> int | None:
        """Fill the buffer; 0 at the end of a step."""
        if self._is_paused:
            return 0
        got = self._more(buffer)
        if not got:
            self.is_at_end = got == 0
            if got == 0 and self._is_ended and not self.added and self._is_torn:
                self.added = 1
                buffer[:1] = b"\n"
                return 1
            return got
        self._is_torn = buffer[got - 1] != _NEWLINE
        self._room -= got
        if self._room <= 0 or time.monotonic() >= self._deadline:
            newline = bytes(buffer[:got]).rfind(b"\n")
            if newline >= 0:
                self._is_paused = True
                self._carry = memoryview(bytes(buffer[newline + 1 : got]) + bytes(self._carry))
                got = newline + 1
        self.last = (b"" if got >= WINDOW else self.last) + bytes(buffer[max(0, got - WINDOW) : got])
        self.last = self.last[-WINDOW:]
        return got

    def _more(self, buffer: memoryview) -> int | None:
        if self._carry:
            carried = min(len(buffer), len(self._carry))
            buffer[:carried] = self._carry[:carried]
            self._carry = self._carry[carried:]
            return carried
        if self._left is None:
            return self._content.readinto(buffer)
        if not self._left:
            return 0
        got = self._content.readinto(buffer[: self._left])
        self._left -= got or 0
        return got


# ----------------------------------------------------------------------------------------------------- totals


def assemble(types: Types, account: Account, sources: Iterable[SourceReport], meaning: Meaning) -> Summary:
    """Return the Summary of stats by type, as many as a ledger of this meaning has."""
    other: dict[Bucket | None, TypeStats] = {None: types[None]} if None in types else {}
    named = {name: stats for name, stats in types.items() if name is not None}
    return Summary(named, account, sources, {}, other, meaning.max_types, None, meaning.max_type_bytes)


def _summary(
    rows: Iterable[tuple[Bucket | None, str | None, TypeStats]],
    account: Account,
    sources: Iterable[SourceReport],
    calendar: Calendar | None,
    meaning: Meaning,
) -> Summary:
    types: dict[str, TypeStats] = {}
    buckets: dict[Bucket, dict[str, TypeStats]] = {}
    other: dict[Bucket | None, TypeStats] = {}
    for bucket, name, stats in rows:
        if name is None:
            other[bucket] = other[bucket].merge(stats) if bucket in other else stats
        else:
            group = types if bucket is None else buckets.setdefault(bucket, {})
            group[name] = group[name].merge(stats) if name in group else stats
    return Summary(types, account, sources, buckets, other, meaning.max_types, calendar, meaning.max_type_bytes)


class Places:
    """Which of the kept buckets go into which bucket that was asked for."""

    def __init__(
        self,
        starts: Iterable[str],
        granularity: str | None,
        *,
        calendar: Calendar | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> None:
        """Sort the starts. `since` and `until` are in nanoseconds of the epoch, as in `Timing`.

        MeaningError where a kept bucket would have to be cut: only known with its `granularity`.
        """
        self.buckets: list[Bucket | None] = [None]
        self.numbers: dict[str, int] = {}
        """The place in `buckets` of each start that is wanted."""
        numbers: dict[Bucket | None, int] = {None: 0}
        target = times.Buckets(calendar.by, calendar.zone) if calendar else None
        kept = times.Buckets(granularity, "UTC") if granularity not in (None, "none") else None
        is_limited = since is not None or until is not None
        if is_limited and kept is None:
            raise MeaningError("--since and --until: the ledger was begun with --granularity none, and keeps no times")
        if target is not None and granularity == "none":
            raise MeaningError("--by: the ledger was begun with --granularity none, and keeps no times")
        for start in starts:
            if not start:
                if not is_limited:
                    self.numbers[start] = 0
                continue
            bucket = times.from_label(start)
            if bucket is None:
                raise LedgerError(f"damaged: {start!r} is not the start of a bucket")
            first = bucket.start
            last = first if kept is None else _end(kept, first) - 1
            for name, limit in (("--since", since), ("--until", until)):
                if limit is not None and first * times.NANOS < limit <= last * times.NANOS:
                    raise MeaningError(
                        f"{name} lies within a bucket: the ledger keeps whole {_plural(granularity)} (UTC)"
                    )
            if (since is not None and first * times.NANOS < since) or (
                until is not None and first * times.NANOS >= until
            ):
                continue
            place = None
            # What has no bucket in a zone, because its year is none there, has no usable time.
            if target is not None and not target.lacks(first):
                place = target.bucket(first)
                if target.bucket(last) != place:
                    raise MeaningError(
                        f"--by {calendar.by} --tz {calendar.zone}: its buckets begin within those of the ledger,"  # type: ignore[union-attr]
                        f" which keeps whole {_plural(granularity)} (UTC)"
                    )
            if place not in numbers:
                numbers[place] = len(self.buckets)
                self.buckets.append(place)
            self.numbers[start] = numbers[place]


def _end(buckets: "times.Buckets", start: int) -> int:
    region = buckets.region(start)
    return start + region.size


def whole(database: Database, instant: int, *, up: bool) -> int:
    """Return an instant, in nanoseconds, moved to the start or the end of the bucket that the ledger keeps of it."""
    granularity = meaning_of(database, {}).granularity
    if granularity == "none":
        return instant
    buckets = times.Buckets(granularity, "UTC")
    start = buckets.bucket(instant // times.NANOS).start
    moved = start if not up or start * times.NANOS == instant else _end(buckets, start)
    return moved * times.NANOS


def _plural(granularity: str | None) -> str:
    return f"{granularity}s"


def totals(
    database: Database,
    *,
    types: tuple[str, ...] | None = None,
    since: int | None = None,
    until: int | None = None,
    calendar: Calendar | None = None,
    extremes: bool = True,
) -> Summary:
    """Return the totals over all runs, from the database alone.

    `types`, `since` and `until` are those of a `Query`: what they leave out is counted as filtered. MeaningError where
    the ledger does not keep what is asked for. Without `extremes`, min and max are not known.
    """
    with database.snapshot():
        database.check_totals()
        return _totals(database, types, since, until, calendar, extremes=extremes)


def _totals(
    database: Database,
    types: tuple[str, ...] | None,
    since: int | None,
    until: int | None,
    calendar: Calendar | None,
    *,
    extremes: bool,
) -> Summary:
    meaning = meaning_of(database, {})
    numbers: Mapping[str, int] | None = None
    buckets: list[Bucket | None] = [None]
    if calendar is not None or since is not None or until is not None:
        places = Places(database.starts(), meaning.granularity, calendar=calendar, since=since, until=until)
        numbers, buckets = places.numbers, places.buckets
    rows: list[tuple[Bucket | None, str | None, TypeStats]] = [
        (buckets[number], name, stats) for number, name, stats in database.totals(numbers, types, extremes=extremes)
    ]
    if types is None:
        rows += [(buckets[number], None, stats) for number, stats in database.other_totals(numbers, extremes=extremes)]
    account = database.account()
    shown = sum(stats.count for _, _, stats in rows)
    left_out = account.accepted - shown
    account = Account(
        account.lines,
        shown,
        account.rejected,
        account.filtered + left_out,
        account.blank,
        min(account.salvaged, shown),
    )
    if calendar is None:
        rows += [(None, name, TypeStats()) for name in types or ()]
    summary = _summary(rows, account, sources_of(database), calendar, meaning)
    try:
        summary.check()
    except AccountError as error:
        raise LedgerError(f"{name_of(database.path)}: damaged: {error}") from error
    return summary


def sources_of(database: Database) -> list[SourceReport]:
    """Return what the ledger holds of each stream, and the discontinuities of which nobody took note."""
    reports = [
        SourceReport(
            stream.label,
            stream.offset - stream.start,
            stream.account.lines,
            Status.COMPLETE,
            "",
            stream.pending,
            Stretch(stream.head, stream.start, stream.offset),
        )
        for stream in database.streams()
        if stream.state not in UNCOUNTED
    ]
    return reports + [report_of(one) for one in database.discontinuities() if not one.settled]


def report_of(one: Discontinuity) -> SourceReport:
    """Return a discontinuity as the report of a source."""
    if one.kind == DOUBT:
        message = f"{one.message} ({one.noticed_at})"
    else:
        message = f"what followed byte {one.offset} may be lost ({one.noticed_at}): {one.message}"
    return SourceReport(one.name, 0, 0, Status.DISCONTINUITY, message)


# --------------------------------------------------------------------------------------------- rejects, replay


def rejects(database: Database) -> Iterator[Reject]:
    """Yield the rejected lines that are kept for repair."""
    meaning = meaning_of(database, {})
    for name, one in database.rejects():
        if one.reason is Reason.LINE_TOO_LONG:
            message = f"{one.length} bytes, more than {meaning.max_line}"
        else:
            message = explain(one.raw, one.reason, meaning.query)
        yield Reject(one.reason, message, one.raw, one.length, one.line, one.offset, name, one.stream)


class Replay(NamedTuple):
    """What came of repaired lines: what they added, how many had been replayed before, and what is said of others."""

    summary: Summary
    repeated: int
    problems: Problems


def replay(database: Database, repairs: Iterable[Repair], on_reject: Callable[[Reject], object]) -> Replay:
    """Move rejects that were repaired to what they are now, each at most once, in one transaction."""
    meaning = meaning_of(database, {})
    query = meaning.query
    added: dict[int, Gathered] = {}
    account = Account()
    repeated, problems = 0, Problems()
    moment = now()
    with database.transaction():
        for repair in repairs:
            number = database.id_of(repair.stream)
            if number is None:
                problems.add(f"{repair.place}: the ledger knows no stream {repair.stream!r}")
                continue
            if database.is_replayed(number, repair.offset):
                repeated += 1
                continue
            reason = database.reject_at(number, repair.offset)
            if reason is None and database.unkept(number, repair.reason) > 0:
                reason = repair.reason
            if reason is None:
                problems.add(f"{repair.place}: no line at byte {repair.offset} of this stream was rejected")
                continue
            raw = repair.raw.removesuffix(b"\n")
            fold = new_fold(query)
            part = fold.add(raw + b"\n") if b"\n" not in raw else None
            if part is None or part.marks:
                why = part.marks[0].reason if part else Reason.INVALID_JSON
                message = explain(raw, why, query) if part else "one line was rejected, and several stand in its place"
                on_reject(Reject(why, message, raw, len(raw), 0, repair.offset, repair.place, repair.stream))
                account += Account(1, 0, {why: 1})
                continue
            summary = fold.summary()
            account += summary.account
            rows = rows_of(summary)
            added.setdefault(number, Gathered()).add(rows)
            if not rows:
                database.put_replayed(Replayed(number, repair.offset, reason, "blank", None, None, None, None), moment)
            for name, start, _, value, integral, *_ in rows:
                database.put_replayed(
                    Replayed(number, repair.offset, reason, "accepted", name, start, value, integral), moment
                )
        database.add_totals_of((number, gathered.rows()) for number, gathered in added.items())
    types: Types = {}
    for gathered in added.values():
        add_all(types, by_type(gathered.rows()))
    summary = assemble(types, account, [], meaning)
    return Replay(summary, repeated, problems)


# ----------------------------------------------------------------------------------------------------- verify


class Verdict(NamedTuple):
    """What can be said of a stream: `proved`, `gone` (it is not on disk any more), `different`, or `unproved`.

    The last one has more types than have rows of their own. Which of them shared one row depends on what each run saw,
    so that only its account can be compared.
    """

    stream: Stream
    verdict: str
    message: str


def verify(database: Database, paths: Iterable[str], jobs: int | None = None) -> Iterator[Verdict]:
    """Read again what is still on disk, and yield what that proves; LedgerError where the ledger contradicts itself."""
    database.check_integrity()
    with database.snapshot():
        check_sums(database)
    meaning = meaning_of(database, {})
    for stream, file in candidates(database.streams(), paths):
        if stream.state not in UNCOUNTED and (stream.account.lines or stream.pending):
            yield _verify(stream, file, meaning, jobs)


def check_sums(database: Database) -> None:
    """Raise LedgerError unless the totals are what the streams and the repaired lines added."""
    database.check_totals()
    wanted: dict[int, int] = {PRUNED: database.pruned_checksum()}
    apart = database.attributed()

    def place(stream: int | None) -> int:
        return stream if stream is not None and stream in apart else PRUNED

    for stream in database.streams():
        number = place(database.id_of(stream.key))
        wanted[number] = wanted.get(number, 0) + stream.checksum
    repaired = (
        (place(one.stream), (one.type, one.start or "", 1, one.value or "0", bool(one.integral), "", ""))
        for one in database.replays()
        if one.outcome == "accepted"
    )
    try:
        for number, added in checksums(repaired).items():
            wanted[number] = wanted.get(number, 0) + added
        held = checksums((place(number), row) for number, row in database.rows_of_streams())
    except ValueError as error:
        raise LedgerError(f"{name_of(database.path)}: damaged: {error}") from None
    if any((held.get(one, 0) - wanted.get(one, 0)) % CHECKSUM_PRIME for one in {*held, *wanted}):
        raise LedgerError(f"{name_of(database.path)}: damaged: the totals are not what the streams added")


def _verify(stream: Stream, file: File | None, meaning: Meaning, jobs: int | None) -> Verdict:
    if file is None:
        if not stream.account.lines and os.path.exists(stream.path):
            return Verdict(stream, "proved", stream.path)  # nothing of it was counted yet
        return Verdict(stream, "gone", "no file holds it any more")
    try:
        with file.open(stream.start) as content:
            steps = _Steps(content, stream.offset - stream.start, b"", is_ended=True)
            steps.begin(stream.offset + 1, float("inf"))
            run = Run(
                [Portion(stream.label, steps, stream.start)],
                query=meaning.query,
                max_line=meaning.max_line,
                block_size=BLOCK_SIZE,
                jobs=jobs,
                on_reject=None,
                reject_limit=0,
                on_problem=lambda _: None,
            )
            summary = run.complete()
    except OSError as error:
        return Verdict(stream, "gone", f"{file.path} cannot be read: {error.strerror or error}")
    finally:
        file.close(forget=True)
    if summary.account != stream.account:
        return Verdict(stream, "different", f"{file.path} has {summary.account}; counted were {stream.account}")
    if summary.other:
        why = f"{file.path}: {summary.crowd}: only its account could be compared"
        return Verdict(stream, "unproved", why)
    if (checksum(rows_of(summary)) - stream.checksum) % CHECKSUM_PRIME:
        return Verdict(stream, "different", f"the events in {file.path} are others than those that were counted")
    return Verdict(stream, "proved", file.path)


def prune(database: Database, verdicts: Iterable[Verdict], days: float) -> int:
    """Forget the streams that are gone, or were never counted, and were not seen for so many days; return how many.

    Their lines stay in the totals. Should one of them come back, it is taken for a new one.
    """
    gone = {stream.key for stream, verdict, _ in verdicts if verdict == "gone"}
    streams = [
        stream
        for stream in database.streams()
        if stream.key in gone or (not stream.account.lines and not os.path.exists(stream.path))
    ]
    old = gone_for(streams, days)
    if old:
        with database.transaction():
            database.prune(old, now())
    return len(old)


def acknowledge(database: Database) -> None:
    """Take note of all discontinuities."""
    with database.transaction():
        database.settle_discontinuities(now())


def load(path: str) -> Summary:
    """Return the totals of a ledger, without buckets: OSError or LedgerError where that fails."""
    return load_result(path).summary


def load_result(path: str) -> Result:
    """Return the same with what it was asked for, as a result that can be merged."""
    with Database.open_to_read(path) as database:
        summary = totals(database)
        return Result(summary, asked(meaning_of(database, {})), is_plain=bool(summary.types or summary.other))


def asked(meaning: Meaning, types: tuple[str, ...] | None = None, timing: Timing | None = None) -> Asked:
    """Return what totals of certain types and times are asked for; their buckets are not those of the ledger."""
    query = meaning.query._replace(types=types)
    if timing is not None:
        timing = timing._replace(input_zone=meaning.input_tz, time_format=meaning.time_format)
    return Asked.of(query._replace(timing=timing))


def gone_for(streams: Iterable[Stream], days: float) -> list[Stream]:
    """Return those of the streams that were not seen for so many days; none while the clock stands before that."""
    return [one for one in streams if _age(one.last_seen) >= days * 86_400]


def _age(moment: str) -> float:
    try:
        return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    except (ValueError, TypeError):  # no proof covers it: nothing is forgotten by a moment that is none
        return 0.0


def now() -> str:
    """Return the present moment as a ledger writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _new_key() -> str:
    return os.urandom(8).hex()
