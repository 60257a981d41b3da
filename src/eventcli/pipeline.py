"""Sources to blocks to folds to one Summary.

Each worker thread takes turns to read the next block into a buffer of its own, and folds it while the others read:
what a thread has just read is what its core has at hand, and there are never more blocks in flight than threads.
Results are delivered in the order of the input, so line numbers and the order of rejects do not depend on the number
of threads.
"""

import os
import sys
import threading
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final, NamedTuple, cast

from eventcli import cores, paths
from eventcli.blocks import MAX_LINE, Block, Blocks, Buffer, DamagedError, LongLine, TruncatedError
from eventcli.compression import Decompressed
from eventcli.event import MAX_TYPES, Fields, Mark, Query, Reason, Reject, Timing
from eventcli.fold import Fold, body, new_fold
from eventcli.parse import explain, is_number
from eventcli.source import Source, name_of, open_source, stored
from eventcli.summary import Account, AccountError, SourceReport, Status, Summary, TypeStats

BLOCK_SIZE: Final = 1024 * 1024
"""Bytes read at a time. Measured: smaller blocks cost turns, larger ones memory, and neither is faster."""

_AHEAD: Final = 2
"""Results a thread may be ahead of the slowest one, per thread, before it waits: bounds the rejects held in memory."""

_HEARTBEAT: Final = 0.5
"""Seconds after which the main thread looks for signals that it slept through."""

_FIRST_HEARTBEAT: Final = 0.05
"""Seconds of a run after which somebody may want to look after it."""


class Place(NamedTuple):
    """How far a run is, in bytes of the sources as they are stored."""

    ended: int
    """How many sources are ended."""
    before: int
    """The bytes read of those."""
    position: int
    """The bytes read of the source that is open."""
    size: int | None
    """The size of that one, where it is known."""


OnReject = Callable[[Reject], object]
OnProblem = Callable[[SourceReport], object]


def summarize(
    *sources: Source | Iterable[Source],
    fields: Fields = Fields(),  # noqa: B008  # immutable
    types: Collection[str] | None = None,
    default_value: str | None = None,
    numeric_strings: bool = False,
    salvage: bool = False,
    timing: Timing | None = None,
    max_types: int = MAX_TYPES,
    max_line: int = MAX_LINE,
    block_size: int = BLOCK_SIZE,
    jobs: int | None = None,
    on_reject: OnReject | None = None,
    reject_limit: int | None = None,
    on_problem: OnProblem | None = None,
) -> Summary:
    r"""Read paths (`-` is standard input) or binary streams, and return the Summary of their events.

    `types` keeps those types only, and each is in the result even if it was never seen. `default_value`,
    `numeric_strings`, `salvage`, `timing` and `max_types` are those of `Query`. `on_reject` is called with
    every rejected line, or with the first `reject_limit` ones, one at a time and in the order of the input.
    `on_problem` is called with every source that could not be read to its end, and reading goes on with the next;
    without it, the OSError is raised. `max_line` and `block_size` are in bytes. `jobs` is the number of threads (None:
    the cores this process may use with the Rust body, one with the Python body, which is bound to one core). Neither
    `block_size` nor `jobs` changes the result.

    >>> import io
    >>> log = io.BytesIO(b'{"type":"sale","value":0.1}\n' * 10)
    >>> summary = summarize(log)
    >>> summary["sale"].sum, summary.account.accepted, summary.complete
    (Decimal('1.0'), 10, True)
    """
    if types is not None:
        types = (types,) if isinstance(types, str) else tuple(types)
    run = Run(
        _flat(sources),
        query=Query(fields, types, default_value, numeric_strings, salvage, timing, max_types),
        max_line=max_line,
        block_size=block_size,
        jobs=jobs,
        on_reject=on_reject,
        reject_limit=reject_limit,
        on_problem=on_problem,
    )
    return run.complete()


class _Task(NamedTuple):
    """What a worker took to fold: its place in the order of the input, and a block or a long line of a source.

    Neither is there at the end of a source; then `report` is, which does not know the number of lines yet.
    """

    place: int
    name: str
    block: Block | LongLine | None
    report: SourceReport | None = None


class _Result(NamedTuple):
    """What came of a task: how many lines, and the rejects among them, with positions from the start of the block."""

    lines: int
    rejects: list[Reject]
    report: SourceReport | None


class Run:
    """One reading of some sources: `complete` does it, `partial` tells what was folded before an interruption."""

    def __init__(
        self,
        sources: Iterable[Source],
        *,
        query: Query,
        max_line: int,
        block_size: int,
        jobs: int | None,
        on_reject: OnReject | None,
        reject_limit: int | None,
        on_problem: OnProblem | None,
    ) -> None:
        """See `summarize`; ValueError where the query cannot be."""
        if jobs is None:
            jobs = cores.usable() if body() == "rust" else 1
        if max_line < 1 or block_size < 1 or jobs < 1:
            raise ValueError("max_line, block_size and jobs must be at least 1")
        check_query(query)
        self._query = query
        self._max_line = max_line
        self._block_size = block_size
        self._on_reject = on_reject
        self._rejects_wanted = (sys.maxsize if reject_limit is None else reject_limit) if on_reject else 0
        self._on_problem = on_problem
        self._jobs = jobs
        self._folds = [new_fold(query)]
        # Each fold is held while it is folding, so that its account can be asked for between two blocks.
        self._folding = [threading.Lock()]
        # Whoever reads holds this lock, possibly for as long as a pipe is silent.
        self._reading = threading.Lock()
        self._tasks = self._read(sources)
        next(self._tasks)
        # This one guards all that follows, and is held only briefly. Workers wait for a turn, the caller for the end.
        self._delivering = threading.Lock()
        self._turn = threading.Condition(self._delivering)
        self._end = threading.Condition(self._delivering)
        self._stopped = False
        self._failure: BaseException | None = None
        self._working = 0
        self._taken = 0
        self._delivered = 0
        self._waiting: dict[int, tuple[_Task, _Result]] = {}
        self._lines = 0
        self._long_lines = 0
        self._reports: list[SourceReport] = []
        self._ended = 0
        self._bytes_of_ended = 0
        self._open: tuple[Decompressed, Blocks] | None = None

    def complete(self, on_heartbeat: Callable[[], object] = lambda: None) -> Summary:
        """Read all sources to their end, and return their Summary.

        `on_heartbeat` is called soon after the start, and then twice a second.
        """
        with self._delivering:
            self._start_worker()
        pause = _FIRST_HEARTBEAT
        while self._goes_on(pause):
            pause = _HEARTBEAT
            on_heartbeat()
        if self._failure is not None:
            raise self._failure
        return self._summary()

    def _goes_on(self, pause: float) -> bool:
        """Wait for the end; whether it did not come within so many seconds."""
        with self._delivering:
            # Not join: a failure must be raised at once, even while a worker waits for a pipe that is silent. And not
            # without end: Python can miss a signal that arrives just before the main thread goes to sleep.
            return not self._end.wait_for(lambda: not self._working or self._failure is not None, pause)

    def account(self) -> Account:
        """Return the account of the blocks that were folded so far, while `complete` goes on."""
        account = Account(lines=self._long_lines, rejected={Reason.LINE_TOO_LONG: self._long_lines})
        for fold, folding in zip(self._folds, self._folding, strict=False):
            with folding:
                account += fold.account()
        return account

    def place(self) -> Place:
        """Return how far the reading is, while `complete` goes on."""
        position, size = self._position()
        return Place(self._ended, self._bytes_of_ended, position, size)

    def _position(self) -> tuple[int, int | None]:
        if self._open is None:
            return 0, None
        stream, blocks = self._open
        position, size = stored(stream)
        return blocks.offset if position is None else position, size

    @contextmanager
    def _reading_from(self, stream: Decompressed, blocks: Blocks) -> Iterator[None]:
        self._open = (stream, blocks)
        try:
            yield
        finally:
            read, _ = self._position()
            self._open, self._bytes_of_ended = None, self._bytes_of_ended + read

    def partial(self) -> Summary:
        """Stop, and return the Summary of the lines that were folded; for use when `complete` was interrupted."""
        with self._delivering:
            self._stopped = True
            self._turn.wait_for(lambda: self._delivered == self._taken or self._failure is not None)
            self._reports.append(SourceReport("", 0, self._lines, Status.INTERRUPTED))
            return self._summary()

    def _summary(self) -> Summary:
        is_in_buckets = self._query.timing is not None and self._query.timing.by is not None
        # With buckets, a type that was never seen has none.
        asked_for = Summary(dict.fromkeys(() if is_in_buckets else self._query.types or (), TypeStats()))
        unfolded = Summary(
            account=Account(lines=self._long_lines, rejected={Reason.LINE_TOO_LONG: self._long_lines}),
            sources=tuple(self._reports),
        )
        folded, *others = self._folds
        for other in others:
            folded.merge(other)
        summary = Summary.union([asked_for, unfolded, folded.summary()])
        summary.check()
        if summary.account.lines != sum(report.lines for report in self._reports):
            raise AccountError(f"the sources have other lines than the folds: {summary.sources}, {summary.account}")
        return summary

    def _start_worker(self) -> None:
        self._working += 1
        threading.Thread(target=self._work, args=(self._folds[-1], self._folding[-1]), daemon=True).start()

    def _start_other_workers(self) -> None:
        with self._delivering:
            for _ in range(self._jobs - len(self._folds)):
                self._folds.append(new_fold(self._query))
                self._folding.append(threading.Lock())
                self._start_worker()

    def _work(self, fold: Fold, folding: threading.Lock) -> None:
        failure: BaseException | None = None
        try:
            buffer = Buffer(self._block_size, self._max_line)
            while (task := self._take(buffer)) is not None:
                # A small input is folded before another thread would have started.
                if task.place and task.block is not None and len(self._folds) < self._jobs:
                    self._start_other_workers()
                with folding:
                    self._fold(fold, task)
        except BaseException as raised:  # noqa: BLE001  # handed to the thread that waits, which raises it
            failure = raised
        with self._delivering:
            self._working -= 1
            self._failure = self._failure or failure
            self._stopped = self._stopped or failure is not None
            self._turn.notify_all()
            self._end.notify()

    def _take(self, buffer: Buffer) -> _Task | None:
        with self._reading:
            try:
                task = None if self._stopped else self._tasks.send(buffer)
            except StopIteration:
                return None
            with self._delivering:
                # What was read after the stop is not taken: whoever stopped is adding up the folds by now.
                if task is None or self._stopped:
                    return None
                self._taken += 1
                return task

    def _read(self, sources: Iterable[Source]) -> Generator[_Task | None, Buffer, None]:
        """Yield the tasks of all sources in order, each read into the buffer that was sent for it."""
        buffer = yield None
        place = count()
        for source in sources:
            name = name_of(source)
            blocks = None
            status, message = Status.COMPLETE, ""
            try:
                with open_source(source, ahead=self._jobs == 1) as stream:
                    blocks = Blocks(stream, max_line=self._max_line)
                    with self._reading_from(stream, blocks):
                        while (block := blocks.next(buffer)) is not None:
                            buffer = yield _Task(next(place), name, block)
            except OSError as error:
                if self._on_problem is None:
                    raise
                status, message = status_of(error), error.strerror or str(error)
                if blocks is not None and blocks.unfinished:
                    message += f"; {blocks.unfinished} bytes of an unfinished line before that do not count"
            self._ended += 1
            report = SourceReport(name, blocks.offset if blocks else 0, 0, status, message)
            buffer = yield _Task(next(place), name, None, report)

    def _fold(self, fold: Fold, task: _Task) -> None:
        block = task.block
        if block is None:
            self._deliver(task, _Result(0, [], task.report))
        elif isinstance(block, LongLine):
            message = f"{block.length} bytes, more than {self._max_line}"
            self._deliver(task, _Result(1, [Reject(Reason.LINE_TOO_LONG, message, b"", block.length)], None))
        else:
            lines = 0
            rejects: list[Reject] = []
            for part in fold.add_in_parts(block.data, marks=self._rejects_wanted > 0):
                if rejects:
                    self._deliver_early(task, rejects)
                # Most runs show a few rejects only; the others need not be put into words.
                rejects = [self._reject(mark, block) for mark in part.marks] if self._rejects_wanted else []
                lines += part.lines
            self._deliver(task, _Result(lines, rejects, None))

    def _reject(self, mark: Mark, block: Block) -> Reject:
        """Return the reject with positions from the start of the block."""
        raw = bytes(block.data[mark.start : mark.end])
        return Reject(mark.reason, explain(raw, mark.reason, self._query.fields), raw, len(raw), mark.line, mark.start)

    def _deliver(self, task: _Task, result: _Result) -> None:
        """Hand on what came of a task, after all earlier tasks."""
        with self._delivering:
            self._turn.wait_for(lambda: task.place < self._delivered + _AHEAD * self._jobs or self._stopped)
            self._waiting[task.place] = (task, result)
            while (in_turn := self._waiting.pop(self._delivered, None)) is not None:
                self._emit(*in_turn)
                self._delivered += 1
            self._turn.notify_all()

    def _deliver_early(self, task: _Task, rejects: list[Reject]) -> None:
        """Hand on rejects of a task that is not at its end, so that they need not be held."""
        with self._delivering:
            self._turn.wait_for(lambda: task.place == self._delivered or self._failure is not None)
            self._emit(task, _Result(0, rejects, None))

    def _emit(self, task: _Task, result: _Result) -> None:
        for reject in result.rejects:
            self._long_lines += reject.reason is Reason.LINE_TOO_LONG
            if self._rejects_wanted and self._on_reject is not None and task.block is not None:
                self._rejects_wanted -= 1
                line, offset = self._lines + reject.line + 1, task.block.offset + reject.offset
                self._on_reject(reject._replace(line=line, offset=offset, source=task.name))
        self._lines += result.lines
        if result.report is not None:
            report = result.report._replace(lines=self._lines)
            self._reports.append(report)
            self._lines = 0
            if report.status is not Status.COMPLETE and self._on_problem is not None:
                self._on_problem(report)


def status_of(error: OSError) -> Status:
    """Return how the reading of a source ended that failed."""
    if isinstance(error, DamagedError):
        return Status.DAMAGED
    if isinstance(error, TruncatedError):
        return Status.TRUNCATED
    return Status.MISSING if isinstance(error, FileNotFoundError) else Status.UNREADABLE


def check_query(query: Query) -> None:
    """Raise ValueError where a field is no JSON Pointer, a default value no number, a zone or a unit unknown."""
    for field in query.fields:
        if field is not None:
            paths.parts(field)
    if query.default_value is not None and not is_number(query.default_value):
        raise ValueError(f"{query.default_value!r} is not a JSON number within the bounds of a value")
    if query.max_types < 1:
        raise ValueError("max_types must be at least 1")
    if query.timing is not None:
        from eventcli import times  # noqa: PLC0415  # start-up of all runs that ask for no time

        times.zone(query.timing.input_zone)
        if query.timing.by is not None:
            times.Buckets(query.timing.by, query.timing.zone)


def _flat(sources: Iterable[Source | Iterable[Source]]) -> Iterator[Source]:
    for source in sources:
        if isinstance(source, (str, os.PathLike)) or hasattr(source, "read"):
            yield cast("Source", source)
        else:
            yield from source
