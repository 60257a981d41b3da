"""Takes sources in: opens them in order, and cuts them into tasks, or passes small files on as one."""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import Final

from eventcli.pipeline.opened import Reading, failed
from eventcli.pipeline.opening import Opening, leads_to
from eventcli.pipeline.options import Options
from eventcli.pipeline.reordering import ReorderBuffer
from eventcli.pipeline.tasks import Piece, Queue, Small, Task, TaskSlot, tasks_begun
from eventcli.reading.blocks import Buffer
from eventcli.reading.discovery import Found, Listing
from eventcli.reading.small_files import Known
from eventcli.record import Record
from eventcli.summary.sources import SourceReport
from eventcli.text import name_of

_MOST_FILES: Final = 512
"""Files that one thread takes at a time. Measured: fewer would cost turns."""

FEW_FILES: Final = 8
"""The minimum it takes: the number shrinks towards the end, so that all threads finish together."""


class Place(Record):
    """How far a run is, in bytes of the sources as stored."""

    ended: int
    """How many sources have ended."""
    before: int
    """The bytes read of those."""
    position: int
    """The bytes read of the source that is open."""
    size: int | None
    """The size of that source, if known."""


class Intake:
    """Sources in, tasks out, one at a time: the thread that takes one has read it into its own buffer."""

    def __init__(self, sources: Iterable[Found | Listing], opening: Opening, options: Options, jobs: int) -> None:
        """Nothing is opened before the first task is taken."""
        self._opening = opening
        self._options = options
        self._jobs = jobs
        # The reader holds this lock, possibly for as long as a pipe is silent. It guards all of this but the order.
        self._lock = threading.Lock()
        # A worker with a mapped block must not wait: this has its own lock.
        self.order: ReorderBuffer[Queue, list[Piece]] = ReorderBuffer(tasks_begun(self._tasks(sources)))
        self._ended = 0
        self._bytes_of_ended = 0
        self._open: Reading | None = None

    def take(self, buffer: Buffer, on_end: Callable[[], object]) -> tuple[TaskSlot, Task] | None:
        """Return the next task; None if there is none, which may be known only when another thread has finished.

        `on_end` is called after the end of each queue: results may be ready then.
        """
        while True:
            with self._lock:
                queue = self.order.queue()
                if queue is not None and queue.queue is not None:
                    try:
                        task = queue.queue.send(buffer)
                    except StopIteration:
                        self.order.close(queue)
                    else:
                        # Data read after the stop is not taken: the caller is already merging the folds.
                        slot = self.order.take(queue, may_split=task is not None and task.files is not None)
                        return None if task is None or slot is None else (slot, task)
            if queue is not None:
                on_end()
            elif not self.order.wait():
                return None

    def place(self) -> Place:
        """Return how far the reading is."""
        position, size = (0, None) if self._open is None else self._open.position()
        return Place(self._ended, self._bytes_of_ended, position, size)

    def shared(self, reading: Reading) -> Queue:
        """Yield the tasks of a file that turned out to be large."""
        with closing(reading.stream):  # even if it is closed before its first block
            buffer = yield None
            yield from self._blocks(reading, buffer)

    def _tasks(self, sources: Iterable[Found | Listing]) -> Queue:
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
                share = (end - start + found.files.left) // (2 * self._jobs)
                stop = start + max(FEW_FILES, min(_MOST_FILES, share))
                some = self._claimed(found, start, stop)
                if some.files.paths:
                    buffer = yield Task(files=some)
                start = stop

    def _joined(self, sources: Iterable[Found | Listing]) -> Iterator[Found | Listing | list[SourceReport]]:
        """Join small files that are named one by one; no name is looked at before a large file ahead of it is read.

        Reports of names that lead to nothing are joined, too.
        """
        small = self._options.small
        paths: list[str] = []
        inodes: list[int] = []
        origins: list[int] = []
        unread: list[SourceReport] = []
        device = 0
        for found in sources:
            status = found.status if isinstance(found, Found) else None
            error = None if isinstance(found, Listing) or self._opening.strict else found.error
            if unread and (error is None or len(unread) == _MOST_FILES):
                yield unread
                unread = []
            is_small = status is not None and status.st_size <= small
            is_next = status is not None and is_small and status.st_dev == device and len(paths) < _MOST_FILES
            if paths and not is_next:
                yield Listing(Known(paths, device, inodes), origins, named=True)
                paths, inodes, origins = [], [], []
            if isinstance(found, Listing):
                yield found
            elif error is not None:
                unread.append(failed(name_of(found.source), error))
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
            yield Listing(Known(paths, device, inodes), origins, named=True)

    def _claimed(self, found: Listing, start: int, end: int) -> Small:
        """Return the files that count, and those whose repetition must be reported."""
        claims, left_out = self._opening.claims, self._options.left_out
        files = found.files.part(start, end)
        files = files._replace(paths=list(files.paths))
        some = Small(files, claims.places(files.paths, found.origins[start:end]), found.named, {})
        if not found.named and left_out:
            some = some.chosen([(files.device, inode) not in left_out for inode in files.inodes])
        first = claims.claim_all(files.device, some.files.inodes, some.places)
        # The work per file is minimal, as there may be many.
        if first != list(some.places):
            paths = list(some.files.paths)  # the claims keep the other list
            for index, (mine, other, inode) in enumerate(zip(some.places, first, some.files.inodes, strict=True)):
                if other != mine:
                    if leads_to(paths[index], (files.device, inode)):
                        some.repeats[mine] = claims.name_instead(mine, other)
                    paths[index] = ""
            some = some._replace(files=some.files._replace(paths=paths))
        return some

    def _alone(self, found: Found, buffer: Buffer) -> Generator[Task, Buffer, Buffer]:
        """Yield the tasks of one source; return the buffer that was sent last."""
        opened = self._opening.source(found)
        if isinstance(opened, Reading):
            return (yield from self._blocks(opened, buffer))
        self._ended += 1
        name = name_of(found.source)
        if isinstance(opened, SourceReport):
            return (yield Task(name, report=opened))
        return (yield Task(name, repeats=opened)) if opened else buffer

    def _blocks(self, reading: Reading, buffer: Buffer) -> Generator[Task, Buffer, Buffer]:
        """Yield the blocks of one source, and its report; return the buffer that was sent last."""
        # In a directory, another one may have begun.
        before, self._open = self._open, reading
        with closing(reading.stream):
            try:
                while not isinstance(block := reading.next(buffer), SourceReport):
                    buffer = yield Task(reading.name, block)
            finally:
                position, _ = reading.position()
                self._open, self._bytes_of_ended = before, self._bytes_of_ended + position
        self._ended += 1
        return (yield Task(reading.name, report=block))
