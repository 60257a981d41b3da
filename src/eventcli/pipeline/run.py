"""Sources to blocks to folds to one Summary.

Each worker thread takes turns to read the next block into a buffer of its own, and folds it while the others read:
what a thread has just read is what its core has at hand, and there are never more blocks in flight than threads.
Results are delivered in the order of the input, so line numbers and the order of rejects do not depend on the number
of threads.
"""

import os
import stat
import sys
import threading
from bisect import bisect
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from itertools import accumulate, groupby
from typing import Final, NamedTuple, cast

import eventcli.lines
from eventcli.body import body
from eventcli.folding.bodies import new_fold
from eventcli.folding.fold import MOST_MARKS, Fold, Mark, Part
from eventcli.lines.check import check_query
from eventcli.lines.event import Reason, Reject
from eventcli.lines.query import Query
from eventcli.pipeline import cores
from eventcli.pipeline.delivery import AHEAD, OnProblem, OnReject, OnRepeat
from eventcli.pipeline.intake import Reading, failed, leads_to, stretch_of
from eventcli.pipeline.reordering import ReorderBuffer
from eventcli.pipeline.tasks import Files, Piece, Queue, Small, Task, TaskSlot, tasks_begun, tasks_left
from eventcli.pipeline.unread import Unread
from eventcli.pipeline.work import ENOUGH
from eventcli.reading import deep
from eventcli.reading.blocks import BYTE_ORDER_MARK, Block, Blocks, Buffer, LongLine
from eventcli.reading.claims import Claims, Key
from eventcli.reading.compression.decompressed import Decompressed
from eventcli.reading.discovery import Choice, Found, Listing, discover_many
from eventcli.reading.fingerprints import WINDOW
from eventcli.reading.portions import Portion
from eventcli.reading.small_files import FLAGS, Known, Read
from eventcli.reading.source import identity, open_path, open_source, stored, stream_of
from eventcli.summary.account import Account, AccountError
from eventcli.summary.sources import LazyReports, SourceReport, Status, WholeFiles
from eventcli.summary.stats import TypeStats
from eventcli.summary.summary import Summary
from eventcli.text import STDIN, Source, is_url, name_of, names_of

_SMALL: Final = 1024 * 1024
"""The thread that folds files of up to this many bytes reads them whole, with others: opening dominates their cost."""

_SHARED: Final = 8 * 1024 * 1024
"""Files from this many bytes on are folded by all threads together: turns dominate the cost of files in between."""

_MOST_FILES: Final = 512
"""Files that one thread takes at a time. Measured: fewer would cost turns."""

_FEW_FILES: Final = 8
"""The minimum it takes: the number shrinks towards the end, so that all threads finish together."""

_HEARTBEAT: Final = 0.5
"""Seconds after which the main thread checks for signals that it missed while asleep."""

_FIRST_HEARTBEAT: Final = 0.05
"""Seconds before the first progress tick."""


class Place(NamedTuple):
    """How far a run is, in bytes of the sources as stored."""

    ended: int
    """How many sources have ended."""
    before: int
    """The bytes read of those."""
    position: int
    """The bytes read of the source that is open."""
    size: int | None
    """The size of that source, if known."""


class Run:
    """One reading of some sources: `complete` runs it, `partial` returns what was folded before an interruption."""

    def __init__(
        self,
        sources: Iterable[Source | Portion],
        *,
        query: Query,
        max_line: int,
        block_size: int,
        jobs: int | None,
        on_reject: OnReject | None,
        reject_limit: int | None,
        on_problem: OnProblem | None,
        choice: Choice = Choice(),  # noqa: B008  # immutable
        on_repeat: OnRepeat | None = None,
        left_out: Iterable[Key] = (),
        stretches: bool = False,
        mmap: bool = True,
        timeout: float | None = None,
    ) -> None:
        """See `summarize`; ValueError if the query is invalid.

        Files whose `identity` is in `left_out` are skipped silently, unless they are named.
        """
        if jobs is None:
            jobs = cores.usable() if body() == "rust" else 1
        if max_line < 1 or block_size < 1 or jobs < 1:
            raise ValueError("max_line, block_size and jobs must be at least 1")
        check_query(query)
        self._query = query
        self._max_line = max_line
        self._block_size = block_size
        self._small = min(_SMALL, block_size, max_line)
        self._most_alone = min(_SHARED, 8 * self._small)
        self._on_reject = on_reject
        self._rejects_wanted = (sys.maxsize if reject_limit is None else reject_limit) if on_reject else 0
        # If a block may have more rejects than are held, the first ones are delivered before the whole block is folded.
        # The receiver may be slow, and nothing may stay mapped while a thread waits. The Python body does not map
        # either: it takes so long per block that writers would notice, and would gain nothing.
        self._may_map = mmap and body() == "rust" and self._rejects_wanted <= MOST_MARKS
        self._on_problem = on_problem
        self._on_repeat = on_repeat
        self._stretches = stretches
        self._timeout = timeout
        self._jobs = jobs
        self._folds = [new_fold(query)]
        # Each fold is locked while it folds, so that its account can be read between two blocks.
        self._folding = [threading.Lock()]
        # The reader holds this lock, possibly for as long as a pipe is silent.
        self._reading = threading.Lock()
        self._left_out = frozenset(left_out)
        self._claims = Claims()
        # A worker with a mapped block must not wait: this has its own lock.
        self._order: ReorderBuffer[Queue, list[Piece]] = ReorderBuffer(
            tasks_begun(self._read(discover_many(cast("Iterable[Source]", sources), choice)))
        )
        # This lock guards everything below. It is held only briefly, except during the caller's callbacks. Workers wait
        # for a turn; the caller waits for the bell, which is not a condition, so that a signal handler can ring it.
        self._delivering = threading.Lock()
        self._turn = threading.Condition(self._delivering)
        self._bell = threading.Lock()
        self._bell.acquire()
        self._is_interrupted = False
        self._failure: BaseException | None = None
        self._is_here = False
        self._working = 0
        self._lines = 0
        self._long_lines = 0
        self._reports: list[SourceReport] = []
        self._unread = Unread()
        self._whole: list[WholeFiles] = []
        self._ended_small = 0
        self._bytes_of_small = 0
        # The reading lock guards these.
        self._ended = 0
        self._bytes_of_ended = 0
        self._open: tuple[Decompressed | Portion, Blocks] | None = None

    def complete(self, on_heartbeat: Callable[[], object] = lambda: None) -> Summary:
        """Read all sources to their end, and return their Summary.

        `on_heartbeat` is called soon after the start, and then twice a second. Raises KeyboardInterrupt after
        `interrupt`.
        """
        with self._delivering:
            is_started = self._start_worker()
        if not is_started:
            self._work_here()
        pause = _FIRST_HEARTBEAT
        while self._goes_on(pause):
            if self._is_interrupted:
                raise KeyboardInterrupt
            pause = _HEARTBEAT
            on_heartbeat()
        if self._failure is not None:
            raise self._failure
        summary = self._summary()
        if self._is_interrupted:
            raise KeyboardInterrupt
        return summary

    def interrupt(self) -> None:
        """Make `complete` end; for a signal handler, which may run anywhere in this thread, whatever locks are held."""
        self._is_interrupted = True
        self._ring()

    def _ring(self) -> None:
        with suppress(RuntimeError):  # it is already ringing
            self._bell.release()

    def complete_here(self) -> Summary:
        """Do the same in this thread, for a source that is folded before another thread could start."""
        self._working += 1
        self._work(self._folds[0], self._folding[0])
        if self._failure is not None:
            raise self._failure
        return self._summary()

    def _goes_on(self, pause: float) -> bool:
        """Wait for the end; return whether it did not come within `pause` seconds."""
        # Not join: a failure must be raised at once, even while a worker waits for a silent pipe. The wait has a
        # timeout, since Python can miss a signal that arrives just before the main thread goes to sleep.
        self._bell.acquire(timeout=pause)
        with self._delivering:
            return self._working > 0 and self._failure is None

    def account(self) -> Account:
        """Return the account of the blocks folded so far, while `complete` is running."""
        account = Account(lines=self._long_lines, rejected={Reason.LINE_TOO_LONG: self._long_lines})
        for fold, folding in zip(self._folds, self._folding, strict=False):
            with folding:
                account += fold.account()
        return account

    def place(self) -> Place:
        """Return how far the reading is, while `complete` is running."""
        position, size = self._position()
        return Place(self._ended + self._ended_small, self._bytes_of_ended + self._bytes_of_small, position, size)

    def _position(self) -> tuple[int, int | None]:
        if self._open is None:
            return 0, None
        stream, blocks = self._open
        position, size = (None, None) if isinstance(stream, Portion) else stored(stream)
        return blocks.offset if position is None else position, size

    @contextmanager
    def _reading_from(self, stream: Decompressed | Portion, blocks: Blocks) -> Iterator[None]:
        # In a directory, another one may have begun.
        behind, self._open = self._open, (stream, blocks)
        try:
            yield
        finally:
            self._open = (stream, blocks)
            read, _ = self._position()
            self._open, self._bytes_of_ended = behind, self._bytes_of_ended + read

    def partial(self) -> Summary:
        """Stop, and return the Summary of the lines folded so far; for use after `complete` was interrupted."""
        with self._delivering:
            self._order.stop()
            self._deliver_ready()
            self._turn.wait_for(lambda: self._order.is_empty() or self._failure is not None)
            if not any(report.status is Status.INTERRUPTED for report in self._reports):
                self._interrupted()
            return self._summary()

    def _summary(self) -> Summary:
        is_in_buckets = self._query.timing is not None and self._query.timing.by is not None
        # With buckets, a type that never occurred has none.
        asked_for = Summary(dict.fromkeys(() if is_in_buckets else self._query.types or (), TypeStats()))
        unfolded = Summary(account=Account(lines=self._long_lines, rejected={Reason.LINE_TOO_LONG: self._long_lines}))
        folded, *others = self._folds
        # An interruption may come in the middle, and this is repeated: what was merged counts once.
        for other in others:
            folded.merge(other)
        reports = LazyReports([*self._reports, *self._unread.reports()], self._whole)
        summary = Summary.union([asked_for, unfolded, folded.summary()], reports)
        summary.check()
        if summary.account.lines != reports.lines:
            raise AccountError(f"the sources have other lines than the folds: {summary.sources}, {summary.account}")
        return summary.in_form()

    def _start_worker(self) -> bool:
        """Start a thread for the last fold; return whether that is possible."""
        self._working += 1
        try:
            threading.Thread(target=self._work, args=(self._folds[-1], self._folding[-1]), daemon=True).start()
        except RuntimeError:
            self._working -= 1
            return False
        return True

    def _work_here(self) -> None:
        """Work in the caller's thread, as no thread can be started."""
        self._is_here = True
        self._working += 1
        self._work(self._folds[0], self._folding[0])

    def _start_other_workers(self) -> None:
        with self._delivering:
            for _ in range(self._jobs - len(self._folds)):
                self._folds.append(new_fold(self._query))
                self._folding.append(threading.Lock())
                if not self._start_worker():
                    # The existing ones have to do.
                    self._folds.pop()
                    self._folding.pop()
                    self._jobs = len(self._folds)
                    break

    def _work(self, fold: Fold, folding: threading.Lock) -> None:
        failure: BaseException | None = None
        buffer: Buffer | None = None
        try:
            buffer = Buffer(self._block_size, self._max_line)
            with buffer:
                while (taken := self._take(buffer)) is not None:
                    slot, task = taken
                    # A small input is folded before another thread could start. Only the first thread starts others:
                    # any other would make them wait for it, perhaps with a mapped block.
                    is_more = self._order.taken > 1 and (task.block or task.files)
                    is_many = task.files is not None and len(task.files.paths) > 4 * _FEW_FILES
                    if (is_more or is_many) and fold is self._folds[0] and len(self._folds) < self._jobs:
                        self._start_other_workers()
                    with folding, _undisturbed() if self._is_here else nullcontext():
                        self._fold(fold, buffer, slot, task)
        except BaseException as raised:  # noqa: BLE001  # passed to the waiting thread, which raises it
            # A thread that never had any memory is not missed.
            if not (isinstance(raised, MemoryError) and buffer is None and fold is not self._folds[0]):
                failure = raised
        with self._delivering:
            self._working -= 1
            self._failure = self._failure or failure
            if failure is not None:
                self._order.stop()
            if not self._working:
                for queue in self._order.queues:
                    with suppress(OSError):
                        queue.close()
            self._turn.notify_all()
            if not self._working or failure is not None:
                self._ring()

    def _take(self, buffer: Buffer) -> tuple[TaskSlot, Task] | None:
        """Return the next task; None if there is none, which may be known only when another thread has finished."""
        while True:
            with self._reading:
                queue = self._order.queue()
                if queue is not None and queue.queue is not None:
                    try:
                        task = queue.queue.send(buffer)
                    except StopIteration:
                        self._order.close(queue)
                    else:
                        # Data read after the stop is not taken: the caller is already merging the folds.
                        slot = self._order.take(queue, may_split=task is not None and task.files is not None)
                        return None if task is None or slot is None else (slot, task)
            if queue is not None:
                with self._delivering:
                    self._deliver_ready()
            elif not self._order.wait():
                return None

    def _read(self, sources: Iterable[Found | Listing]) -> Queue:
        """Yield the tasks of all sources."""
        buffer = yield None
        for found in self._joined(sources):
            if isinstance(found, list):
                self._ended += len(found)
                buffer = yield Task(unread=found)
                continue
            if isinstance(found, Found):
                buffer = yield from self._alone(found, buffer)
                continue
            start, end = 0, len(found.files.paths)
            while start < end:
                share = (end - start + found.left) // (2 * self._jobs)
                some = slice(start, start + max(_FEW_FILES, min(_MOST_FILES, share)))
                files = self._small_of(found, some)
                if files.paths:
                    buffer = yield Task(files=files)
                start = some.stop

    def _joined(self, sources: Iterable[Found | Listing]) -> Iterator[Found | Files | list[SourceReport]]:
        """Join small files that are named one by one; no name is looked at before a large file ahead of it is read.

        Reports of names that lead to nothing are joined, too.
        """
        paths: list[str] = []
        inodes: list[int] = []
        origins: list[int] = []
        unread: list[SourceReport] = []
        device = 0
        for found in sources:
            status = found.status if isinstance(found, Found) else None
            is_unread = isinstance(found, Found) and found.error is not None and self._on_problem is not None
            if unread and (not is_unread or len(unread) == _MOST_FILES):
                yield unread
                unread = []
            is_small = status is not None and status.st_size <= self._small
            is_next = status is not None and is_small and status.st_dev == device and len(paths) < _MOST_FILES
            if paths and not is_next:
                yield Files(Known(paths, device, inodes), origins, named=True)
                paths, inodes, origins = [], [], []
            if isinstance(found, Found) and found.error is not None and self._on_problem is not None:
                unread.append(failed(name_of(found.source), found.error))
            elif isinstance(found, Listing):
                yield Files(found.files, [found.origin] * len(found.files.paths), named=False, left=found.left)
            elif status is not None and is_small:
                device = status.st_dev
                paths.append(str(found.source))
                inodes.append(status.st_ino)
                origins.append(found.origin)
            else:
                yield found
        if unread:
            yield unread
        if paths:
            yield Files(Known(paths, device, inodes), origins, named=True)

    def _small_of(self, found: Files, some: slice) -> Small:
        """Return the files that count, and those whose repetition must be reported."""
        paths, device, inodes = list(found.files.paths[some]), found.files.device, found.files.inodes[some]
        places = self._claims.places(paths, found.origins[some])
        files = Small(places, paths, device, inodes, found.named, {})
        if not found.named and self._left_out:
            files = files.chosen([(device, inode) not in self._left_out for inode in inodes])
        first = self._claims.claim_all(device, files.inodes, files.places)
        # The work per file is minimal, as there may be many.
        if first != list(files.places):
            files = files._replace(paths=files.paths.copy())  # the claims keep the other list
            for index, (mine, other, inode) in enumerate(zip(files.places, first, files.inodes, strict=True)):
                if other != mine:
                    if leads_to(files.paths[index], (device, inode)):
                        files.repeats[mine] = self._claims.name_instead(mine, other)
                    files.paths[index] = ""
        return files

    def _alone(self, found: Found, buffer: Buffer) -> Generator[Task, Buffer, Buffer]:
        """Yield the tasks of one source; return the buffer that was sent last."""
        name = name_of(found.source)
        opened = self._opened(found, name)
        if isinstance(opened, Reading):
            return (yield from self._blocks(name, opened, buffer))
        self._ended += 1
        if isinstance(opened, SourceReport):
            return (yield Task(name, report=opened))
        return (yield Task(name, repeats=opened)) if opened else buffer

    def _blocks(self, name: str, reading: Reading, buffer: Buffer) -> Generator[Task, Buffer, Buffer]:
        """Yield the blocks of one source, and its report; return the buffer that was sent last."""
        with closing(reading.stream), self._reading_from(reading.stream, reading.blocks):
            while not isinstance(block := reading.next(buffer), SourceReport):
                buffer = yield Task(name, block)
        self._ended += 1
        return (yield Task(name, report=block))

    def _shared(self, name: str, reading: Reading) -> Queue:
        """Yield the tasks of a file that turned out to be large."""
        with closing(reading.stream):  # even if it is closed before its first block
            buffer = yield None
            yield from self._blocks(name, reading, buffer)

    def _opened(self, found: Found, name: str) -> Reading | SourceReport | str:
        """Open a source by itself; if it was read before, return the other name, or '' if it need not be reported."""
        source, origin, error, status = found
        (mine,) = self._claims.places([source if isinstance(source, str) else name], [origin])
        ahead = self._jobs == 1
        try:
            if error is not None:
                raise error
            if isinstance(source, Portion):
                return self._reader(name, source)
            if not isinstance(source, str):
                return self._reader(name, open_source(source, ahead=ahead))
            if status is None and is_url(source):
                if (first := self._claims.claim((None, source), mine)) != mine:
                    return self._claims.name_instead(mine, first)
                return self._reader(name, open_source(source, ahead=ahead, timeout=self._timeout))
            if source != STDIN:
                key = identity(deep.stat(source))
                if key is not None and (holder := self._claims.holder(key)) is not None:
                    # A pipe that is opened twice waits for a second writer.
                    return self._claims.name_instead(mine, holder)
            descriptor, status = open_path(source)
            key = identity(status)
            if key is None or (first := self._claims.claim(key, mine)) == mine:
                stream = stream_of(descriptor, status, ahead=ahead, close=source != STDIN)
                return self._reader(name, stream, may_map=self._may_map)
            if source != STDIN:
                os.close(descriptor)
            return self._claims.name_instead(mine, first)
        except OSError as failure:
            return self._failed(name, failure)

    def _failed(self, name: str, error: OSError) -> SourceReport:
        """Return the report of a source that could not be opened, or raise the error if nobody handles reports."""
        if self._on_problem is None:
            raise error
        return failed(name, error)

    def _reader(self, name: str, stream: Decompressed | Portion, *, may_map: bool = False) -> Reading:
        return Reading(
            name,
            stream,
            max_line=self._max_line,
            strict=self._on_problem is None,
            stretches=self._stretches,
            may_map=may_map,
            salvage=self._query.salvage,
        )

    def _fold(self, fold: Fold, buffer: Buffer, slot: TaskSlot, task: Task) -> None:
        held: list[Piece] = []
        rejects = 0
        for piece in self._pieces(fold, buffer, slot, task):
            if piece.rejects:
                if rejects + len(piece.rejects) > MOST_MARKS and rejects:
                    self._deliver_early(slot, held)
                    held, rejects = [], 0
                rejects += len(piece.rejects)
            held.append(piece)
        buffer.release()
        self._deliver(slot, held)

    def _pieces(self, fold: Fold, buffer: Buffer, slot: TaskSlot, task: Task) -> Iterator[Piece]:
        if task.block is not None:
            yield from self._block(fold, task.name, task.block)
        elif task.files is not None:
            yield from self._small_files(fold, buffer, slot, task.files)
        else:
            yield Piece(task.name, report=task.report, repeats=task.repeats, unread=task.unread)

    def _small_files(self, fold: Fold, buffer: Buffer, slot: TaskSlot, files: Small) -> Iterator[Piece]:
        """Read and fold files up to the first that is not small after all."""
        enough = min(self._block_size, ENOUGH)
        # There is room for any small file, but no more, so that large ones are not read here.
        memory = buffer.view[: enough + self._small + 1]
        at, span = 0, len(files.paths)
        while at < len(files.paths):
            marks = self._rejects_wanted > 0
            some = Known(files.paths[at : at + span], files.device, files.inodes[at : at + span])
            folded = fold.add_files(some, memory, enough, marks=marks, once=self._stretches)
            whole, behind = len(folded.lines), len(folded.lines) + len(folded.read.ends)
            names = names_of(files.paths[at : at + behind])
            if whole:
                read_files = WholeFiles(names[:whole], folded.sizes, folded.lines)
                yield Piece("", whole=read_files, ended=whole, stored=sum(folded.sizes))
            if behind > whole:
                yield from self._together(memory, names[whole:], folded.read, folded.parts)
            if not behind:
                mine = files.places[at]
                if mine in files.repeats:
                    yield Piece(name_of(self._claims.path(mine)), repeats=files.repeats[mine], ended=1)
                elif (yield from self._by_itself(fold, buffer, slot, files, at)):
                    return
            at += max(1, behind)
            # After one that is read by itself, the next one may be, too.
            span = 2 * span if behind else 1

    def _together(self, memory: memoryview, names: list[str], read: Read, parts: Iterator[Part]) -> Iterator[Piece]:
        """Fold the small files in the buffer, in order."""
        starts, ends, skipped, lines, sizes = read
        before = list(accumulate(lines, initial=0))
        block = Block(memory[: ends[-1]], 0)
        for _, wanted in self._parts(parts):
            for at, group in groupby(wanted, lambda mark: bisect(starts, mark.start) - 1):
                rejects = [self._reject(mark, block, before[at]) for mark in group]
                yield Piece(names[at], skipped[at] - starts[at], 0, rejects)
        whole, ended, stored = WholeFiles(names, sizes, lines), len(names), sum(sizes)
        if not self._stretches:
            yield Piece("", whole=whole, ended=ended, stored=stored)
            return
        reports = SourceReport.of_whole(*whole)
        for at, report in enumerate(reports):
            head = BYTE_ORDER_MARK[: skipped[at]] + block.data[starts[at] : min(starts[at] + WINDOW, ends[at])]
            stretch = stretch_of(head[: min(WINDOW, report.bytes)], report.bytes)
            reports[at] = report._replace(stretch=stretch)
        yield Piece("", reports=reports, ended=ended, stored=stored)

    def _by_itself(
        self, fold: Fold, buffer: Buffer, slot: TaskSlot, files: Small, at: int
    ) -> Generator[Piece, None, bool]:
        """Read and fold a file that is empty, compressed, replaced since its key was read, or not small.

        Return whether the files after it are left to other threads: those after a file that is not small. A large file
        is itself left to all threads.
        """
        mine, key = files.places[at], (files.device, files.inodes[at])
        path = self._claims.path(mine)
        name = name_of(path)
        try:
            descriptor = deep.open_at(path, FLAGS)
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                os.close(descriptor)
                raise OSError("Is no regular file any more")
        except OSError as error:
            self._claims.give_up(key, mine)
            yield Piece(name, report=self._failed(name, error), ended=1)
            return False
        with ExitStack() as stack:
            is_small, is_shared = status.st_size <= self._small, status.st_size > self._most_alone
            stream = stream_of(descriptor, status, ahead=is_shared and self._jobs == 1)
            stack.enter_context(closing(stream))
            if identity(status) != key or self._claims.holder(key) != mine:
                first = self._replaced(slot, files, at, (status.st_dev, status.st_ino))
                if first != mine:
                    repeats = "" if first is None else self._claims.name_instead(mine, first)
                    yield Piece(name, repeats=repeats, ended=1)
                    return False
            reading = self._reader(name, stream, may_map=is_shared and self._may_map)
            if not is_small and (behind := files.behind(at)).paths:
                self._order.split(slot, tasks_begun(tasks_left(behind)))
            if is_shared:
                stack.pop_all()
                self._order.split(slot, tasks_begun(self._shared(name, reading)))
                return True
            while not isinstance(block := reading.next(buffer), SourceReport):
                yield from self._block(fold, name, block)
        yield Piece(name, report=block, ended=1, stored=status.st_size)
        return not is_small

    def _replaced(self, slot: TaskSlot, files: Small, at: int, key: Key) -> int | None:
        """Return which source counts if a file has replaced another one; None if it is skipped."""
        mine = files.places[at]
        # During log rotation, this may be the target of an earlier name, whose task must look first.
        with self._delivering:
            self._turn.wait_for(lambda: self._order.is_first(slot) or self._failure is not None)
        self._claims.give_up((files.device, files.inodes[at]), mine)
        if not files.named and key in self._left_out:
            return None
        first = self._claims.claim(key, mine)
        if first > mine and not leads_to(self._claims.path(first), key):
            # Nobody has read it under that name, and nobody will: it was renamed, or is a new file.
            return self._claims.pass_on(key, mine)
        return first

    def _block(self, fold: Fold, name: str, block: Block | LongLine) -> Iterator[Piece]:
        if isinstance(block, LongLine):
            message = f"{block.length} bytes, more than {self._max_line}"
            yield Piece(name, block.offset, 1, [Reject(Reason.LINE_TOO_LONG, message, b"", block.length)])
            return
        lines = 0
        for part, wanted in self._parts(fold.add_in_parts(block.data, marks=self._rejects_wanted > 0)):
            rejects = [self._reject(mark, block, lines) for mark in wanted] if wanted else ()
            yield Piece(name, block.offset, part.lines, rejects)
            lines += part.lines

    def _parts(self, parts: Iterator[Part]) -> Iterator[tuple[Part, Sequence[Mark]]]:
        """Yield the parts of a block, and the positions of the wanted rejects."""
        left = self._rejects_wanted
        for part in parts:
            # Most runs show only a few rejects; the others need no message.
            left = min(left, self._rejects_wanted)
            yield part, part.marks[:left]
            left -= min(left, len(part.marks))

    def _reject(self, mark: Mark, block: Block, lines: int) -> Reject:
        """Return the reject: its offset is relative to the block, its line to the part that follows `lines`."""
        raw = bytes(block.data[mark.start : mark.end])
        message = eventcli.lines.parse.explain(raw, mark.reason, self._query)
        return Reject(mark.reason, message, raw, len(raw) + block.closed, mark.line - lines, mark.start)

    def _deliver(self, slot: TaskSlot, pieces: list[Piece]) -> None:
        """Deliver the result of a task, after those of all earlier tasks."""
        with self._delivering:
            most = AHEAD * self._jobs
            order = self._order
            self._turn.wait_for(lambda: order.waiting < most or order.is_first(slot) or order.stopped)
            order.done(slot, pieces)
            self._deliver_ready()

    def _deliver_ready(self) -> None:
        """Deliver the results whose turn has come."""
        for pieces in self._order.ready():
            if pieces is None and self._lines:
                self._interrupted()
            for piece in pieces or ():
                self._emit(piece)
        self._turn.notify_all()

    def _interrupted(self) -> None:
        self._reports.append(SourceReport("", 0, self._lines, Status.INTERRUPTED))
        self._lines = 0

    def _deliver_early(self, slot: TaskSlot, pieces: list[Piece]) -> None:
        """Deliver the first pieces of a task, so that their rejects need not be held."""
        with self._delivering:
            self._turn.wait_for(lambda: self._order.is_first(slot) or self._failure is not None)
            for piece in pieces:
                self._emit(piece)

    def _emit(self, piece: Piece) -> None:
        for reject in piece.rejects:
            self._long_lines += reject.reason is Reason.LINE_TOO_LONG
            if self._rejects_wanted and self._on_reject is not None:
                self._rejects_wanted -= 1
                line, offset = self._lines + reject.line + 1, piece.offset + reject.offset
                self._on_reject(reject._replace(line=line, offset=offset, source=piece.name))
        self._lines += piece.lines
        if piece.repeats and self._on_repeat is not None:
            self._on_repeat(piece.name, piece.repeats)
        self._reports += piece.reports
        for report in piece.unread:
            self._unread.add(report)
            if self._on_problem is not None:
                self._on_problem(report)
        if piece.whole is not None:
            self._whole.append(piece.whole)
        self._ended_small += piece.ended
        self._bytes_of_small += piece.stored
        if piece.report is not None:
            report, status = piece.report, piece.report.status
            if report.lines != self._lines:
                report = report._replace(lines=self._lines)
            if report.bytes or report.lines or status is Status.COMPLETE:
                self._reports.append(report)
            else:
                self._unread.add(report)
            self._lines = 0
            if status is not Status.COMPLETE and self._on_problem is not None:
                self._on_problem(report)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let no signal interrupt the main thread, which would leave a block half folded."""
    import signal  # noqa: PLC0415  # only needed where no thread can be started

    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
