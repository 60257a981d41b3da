"""Folds what cursors read, and writes it to a ledger: rows, rejects and positions in one transaction.

This is the one way into a ledger, for files as for queues: `read` a cursor, then `commit`. Either all steps that were
read since the last commit are in the ledger, together with the positions after them, or none.
"""

import functools
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Final, NamedTuple, Self

from eventcli.errors import ExitCode
from eventcli.ledger.batch import Batch
from eventcli.ledger.cursor import Cursor, Read, Step
from eventcli.ledger.meaning import Meaning, meaning_of
from eventcli.ledger.pieces import Pieces
from eventcli.ledger.store.database import DOUBT, LOST, Database
from eventcli.ledger.store.positions import Key
from eventcli.ledger.store.records import Discontinuity, KeptReject, Setting, now
from eventcli.ledger.store.records import Run as RunRecord
from eventcli.ledger.store.rejects_table import REJECT_COST
from eventcli.ledger.store.rows import checksum, rows_of
from eventcli.ledger.streams.cursor import FileCursor
from eventcli.ledger.streams.stream import UNCOUNTED, Stream
from eventcli.ledger.totals import Types, report_of
from eventcli.lines.event import Reject
from eventcli.pipeline.options import Callbacks
from eventcli.pipeline.options import Options as RunOptions
from eventcli.pipeline.run import Run
from eventcli.reading.portions import Portion
from eventcli.summary.account import Account
from eventcli.summary.sources import SourceReport, Status, Stretch
from eventcli.summary.summary import Summary
from eventcli.text import name_of

KEEP_REJECTS: Final = 16 * 1024 * 1024
"""Bytes of rejected lines that are kept for repair by default."""

COMMIT_BYTES: Final = 512 * 1024 * 1024

COMMIT_SECONDS: Final = 10.0
"""A long run commits after this many bytes or seconds."""

_SMALL: Final = 256 * 1024
"""Up to this many bytes are folded without another thread: 0.36 ms for a small log instead of 0.6."""


class Options(NamedTuple):
    """How to read. `jobs`, `on_reject`, `reject_limit` and `on_problem` are those of `summarize`."""

    jobs: int | None = None
    on_reject: Callable[[Reject], object] | None = None
    reject_limit: int | None = None
    on_problem: Callable[[SourceReport], object] | None = None
    keep_rejects: int = KEEP_REJECTS
    commit_bytes: int = COMMIT_BYTES
    commit_seconds: float = COMMIT_SECONDS


class Tally:
    """What a run has come to so far, committed or not."""

    def __init__(self, started_at: str) -> None:
        """Begin empty."""
        self.started_at = started_at
        self._started = time.monotonic()
        self.account = Account()
        self.bytes = 0
        self.timeless = 0
        """How many accepted events have no usable time, if times are kept."""
        self.pending = 0
        """How many sources end with a line that waits for its end."""
        self.losses = 0
        self.sources: list[SourceReport] = []

    def copy(self) -> Self:
        """Return the same, to go back to if what follows is not committed."""
        copied = copy(self)
        copied.sources = self.sources.copy()
        return copied

    def condense(self) -> None:
        """Add up the reports of each source that has several: a run may last for months."""
        complete: dict[str, SourceReport] = {}
        others = []
        for one in self.sources:
            if one.status is not Status.COMPLETE:
                others.append(one)
                continue
            so_far = complete.get(one.name, SourceReport(one.name, 0, 0))
            complete[one.name] = so_far._replace(bytes=so_far.bytes + one.bytes, lines=so_far.lines + one.lines)
        self.sources = [*complete.values(), *others]

    def record(self, *, is_last: bool) -> RunRecord:
        """Return the record of the run."""
        is_complete = all(source.status is Status.COMPLETE for source in self.sources)
        return RunRecord(
            self.started_at,
            round(time.monotonic() - self._started, 6),
            self.bytes,
            self.account.accepted,
            self.account.rejects,
            self.account.filtered,
            self.account.blank,
            self.pending,
            self.losses,
            (ExitCode.OK if is_complete else ExitCode.INCOMPLETE) if is_last else None,
        )


class Recorder:
    """Reads cursors, and writes what they add."""

    def __init__(
        self,
        database: Database,
        meaning: Meaning,
        options: Options = Options(),  # noqa: B008  # immutable
        *,
        started_at: str | None = None,
    ) -> None:
        """Take a ledger, what its numbers mean, and perhaps when the run began."""
        self.database = database
        self.meaning = meaning
        self._options = options
        self.tally = Tally(started_at or now())
        self.batch = Batch()
        self.streams = database.streams()
        """All streams that the ledger knows."""
        self._is_new = database.is_new
        # Not the stored settings themselves: ledgers of earlier versions lack some.
        self._is_renewed = not self._is_new and meaning_of(database, {}) != meaning
        if self._is_renewed:
            for stream in self.streams:
                read_anew(stream)
                self.batch.note(stream)
        self._kept = 0 if self._is_new else database.kept()
        self._committed_at = time.monotonic()
        self.committed: tuple[Types, Account] | None = None
        """The result that this run committed, if any."""

    # ---- queues

    def queue(self, name: str) -> Stream:
        """Return the stream of a queue by its name, at the position where the last run left it, or a new one."""
        for stream in self.streams:
            if stream.name == name and stream.position is not None:
                return stream
        stream = Stream(new_key(), name)
        stream.position = ""
        self.streams.append(stream)
        return stream

    def counted(self, stream: Stream, keys: Iterable[Key]) -> set[Key]:
        """Return which messages of a queue without positions are counted, here or in the ledger."""
        wanted = set(keys)
        here = wanted & self.batch.messages.get(stream.key, set())
        return here | self.database.messages.counted(stream.key, wanted)

    def counted_texts(self, stream: Stream, first: int, texts: Sequence[str]) -> set[str]:
        """Return which of these texts are those of keys of a day or a later one, here or in the ledger."""
        here = {text for day, text in self.batch.messages.get(stream.key, ()) if day >= first}
        return here.intersection(texts) | self.database.messages.counted_since(stream.key, first, texts)

    def note_messages(self, stream: Stream, keys: Iterable[Key]) -> None:
        """Note messages of a queue without positions as counted, from the next commit on."""
        self.batch.note(stream)
        self.batch.messages.setdefault(stream.key, set()).update(keys)

    def forget_messages(self, stream: Stream, day: int) -> None:
        """Forget messages of a queue that were sent before a day: nobody will deliver them again."""
        self.batch.forgettable[stream.key] = day

    # ---- one source

    def read(self, cursor: Cursor, after_step: Callable[[int], object] = lambda _: None) -> bool:
        """Read all that a cursor has; call `after_step` with the offset of each step that counts.

        Return False, with nothing of the last step counted, if what was read is not what the source holds.
        """
        stream = cursor.stream
        start, lines, position = stream.offset, stream.lines, stream.position
        status, message = Status.COMPLETE, ""
        while status is Status.COMPLETE:
            step = cursor.read_on(self._options.commit_bytes, self._options.commit_seconds)
            if step is None:
                break
            rejects: list[KeptReject] = []
            summary, read = self._fold(cursor, step, rejects)
            if not cursor.is_proved(read):
                self._kept -= sum(map(_cost, rejects))
                return False
            status, message = summary.sources[0].status, summary.sources[0].message
            self._take(cursor, read, summary, rejects, Account(0, 0, {}, step.repeats, -step.repeats))
            after_step(read.start)
        if stream.position != position:
            self.batch.note(stream)
        self.report(cursor, start, lines, status, message)
        return True

    def _fold(self, cursor: Cursor, step: Step, rejects: list[KeptReject]) -> tuple[Summary, Read]:
        """Fold a step; its rejects wait until it is certain that the source did not change during reading."""
        stream, options = cursor.stream, self._options
        portion = Portion(cursor.name, step.content, stream.offset)
        before = functools.cache(cursor.newlines if isinstance(cursor, FileCursor) else lambda: stream.lines)
        is_small = step.size is not None and step.size <= _SMALL
        # Only this many rejects will be shown or kept; the others need no message.
        room = max(0, options.keep_rejects - self._kept) // REJECT_COST
        run = Run(
            [portion],
            RunOptions(self.meaning.query, self.meaning.max_line, jobs=1 if is_small else options.jobs),
            Callbacks(
                on_reject=lambda reject: self._note_reject(
                    stream, reject._replace(line=reject.line + before()), rejects
                ),
                reject_limit=None if options.reject_limit is None else max(options.reject_limit, room),
                on_problem=lambda _: None,
            ),
        )
        summary = run.complete_here() if is_small else run.complete()
        return summary, Read(portion.start, portion.end, summary.account.lines, portion.pending)

    def _note_reject(self, stream: Stream, reject: Reject, rejects: list[KeptReject]) -> None:
        reject = reject._replace(stream=stream.key)
        if self._options.on_reject is not None:
            self._options.on_reject(reject)
        self._keep(reject, rejects)

    def _keep(self, reject: Reject, rejects: list[KeptReject]) -> bool:
        """Keep a reject if there is room for it; return whether there is room for any other."""
        one = KeptReject(reject.stream, reject.offset, reject.line, reject.length, reject.reason, reject.raw)
        if self._kept + _cost(one) <= self._options.keep_rejects:
            self._kept += _cost(one)
            rejects.append(one)
        return self._kept + REJECT_COST <= self._options.keep_rejects

    def _take(
        self, cursor: Cursor, read: Read, summary: Summary, rejects: list[KeptReject], correction: Account
    ) -> None:
        """Add a step, and move the cursor past it."""
        stream = cursor.stream
        self._add(stream, summary, rejects, correction)
        cursor.advance(read)
        stream.last_seen = self.tally.started_at
        self.batch.bytes += stream.offset - read.start
        self.tally.bytes += stream.offset - read.start

    def _add(self, stream: Stream, summary: Summary, rejects: list[KeptReject], correction: Account) -> None:
        rows = rows_of(summary)
        if self.meaning.granularity != "none":
            self.tally.timeless += sum(row[2] for row in rows if not row[1])
        self.batch.add(stream, rows, rejects)
        account = summary.account + correction
        self.tally.account += account
        stream.account += account
        stream.checksum += checksum(rows)

    # ---- many small pieces

    def fits(self, longest: int) -> bool:
        """Whether whole lines of at most so many bytes can be added as `pieces`."""
        return Pieces.fit(self.meaning, longest)

    @contextmanager
    def pieces(self, stream: Stream) -> Iterator[Pieces]:
        """Fold many pieces of whole lines, and add all of them at the end of the block, or none after an exception."""
        rejects: list[KeptReject] = []
        before = self._kept
        pieces = Pieces(
            stream,
            self.meaning,
            lambda reject: self._keep(reject, rejects),
            examples=self._options.reject_limit or 0,
        )
        try:
            yield pieces
            summary = pieces.summary()
        except BaseException:
            self._kept = before
            raise
        if not pieces.bytes:
            return
        self._add(stream, summary, rejects, Account())
        stream.offset, stream.lines = stream.offset + pieces.bytes, stream.lines + summary.account.lines
        stream.last_seen = self.tally.started_at
        self.batch.bytes += pieces.bytes
        self.tally.bytes += pieces.bytes

    # ---- what is reported

    def report(self, cursor: Cursor, start: int, lines: int, status: Status, message: str) -> None:
        """Report what was read of a source from an offset and a number of lines on, if there is anything to report."""
        stream = cursor.stream
        self.tally.pending += bool(stream.pending)
        if stream.offset == start and not stream.pending and status is Status.COMPLETE:
            return
        stretch = Stretch(stream.head, start, stream.offset)
        read = stream.offset - start, stream.lines - lines
        self.say(SourceReport(cursor.name, *read, status, message, stream.pending, stretch))

    def say(self, report: SourceReport) -> None:
        """Report a source; only one that is not complete is a problem."""
        self.tally.sources.append(report)
        if report.status is not Status.COMPLETE and self._options.on_problem is not None:
            self._options.on_problem(report)

    def note_loss(self, stream: Stream, offset: int, message: str, *, is_doubt: bool) -> None:
        """Record and report a discontinuity: what follows an offset may be lost, or it is in doubt what counts."""
        kind = DOUBT if is_doubt else LOST
        one = Discontinuity(name_of(stream.name), offset, now(), message, "", kind)
        self.batch.losses.append((stream, one))
        self.batch.note(stream)
        self.tally.losses += 1
        self.say(report_of(one))

    # ---- the transaction

    def pending(self) -> Types:
        """Return what this run will add with the next commit."""
        return self.batch.add_to({})

    def added(self) -> Types:
        """Return what this run has added, including the part that is not committed yet."""
        return self.batch.add_to(self.committed[0] if self.committed else {})

    @property
    def is_due(self) -> bool:
        """Whether enough was read, or enough time has passed, for a commit."""
        is_long = time.monotonic() - self._committed_at >= self._options.commit_seconds
        return self.batch.bytes >= self._options.commit_bytes or is_long

    def commit(self, *, is_last: bool, inside: Callable[[Types], object] = lambda _: None) -> None:
        """Write everything that was read; `inside` the transaction, a function gets what this run has added."""
        database, batch, types = self.database, self.batch, self.added()
        with database.transaction():
            if self._is_renewed:
                database.clear()
            if self._is_new or self._is_renewed:
                database.create(Setting(name, value) for name, value in self.meaning.settings().items())
            batch.write(database, now())
            database.put_run(self.tally.record(is_last=is_last))
            inside(types)
        for stream in batch.streams.values():
            stream.is_new = stream.is_renamed = False
        self._is_new = self._is_renewed = False
        self.committed = types, self.tally.account
        self.batch = Batch()
        self._committed_at = time.monotonic()


def read_anew(stream: Stream) -> None:
    """Reset an uncounted stream to unread."""
    stream.account = Account()
    stream.checksum = stream.start = stream.offset = stream.lines = stream.pending = 0
    if stream.position is not None:
        stream.position = ""
    if stream.state not in UNCOUNTED:
        stream.seen, stream.head, stream.tail = 0, (), ""
    # Its size would imply that it was read.
    stream.raw_size, stream.raw_proof, stream.raw_length = 0, "", 0


def new_key() -> str:
    """Return a key for a new stream."""
    return os.urandom(8).hex()


def _cost(reject: KeptReject) -> int:
    return len(reject.raw) + REJECT_COST
