"""The tasks that threads take turns at: a block, small files, a queue of more."""

from collections.abc import Generator, Sequence
from itertools import compress
from typing import NamedTuple, Self, TypeAlias

from eventcli.lines.event import Reject
from eventcli.pipeline.reordering import Slot
from eventcli.reading.blocks import Block, Buffer, LongLine
from eventcli.reading.small_files import Known
from eventcli.summary.sources import SourceReport, WholeFiles


class Small(NamedTuple):
    """Regular files, not open yet, that are most likely small: see `Known`, and their places among all sources.

    Some have an empty path, because their inode counts already: `repeats` says by place under which name, or nothing
    where nothing is to be said of that; it is silent on those that have another inode by now. `named` says that they
    were named themselves, and do not come from a glob or a directory.
    """

    places: Sequence[int]
    paths: list[str]
    device: int
    inodes: Sequence[int]
    named: bool
    repeats: dict[int, str]

    def chosen(self, kept: Sequence[bool]) -> Self:
        """Return those files that are kept."""
        places, paths, inodes = compress(self.places, kept), compress(self.paths, kept), compress(self.inodes, kept)
        return self._replace(places=list(places), paths=list(paths), inodes=list(inodes))

    def behind(self, at: int) -> Self:
        """Return the files behind one."""
        start = at + 1
        return self._replace(places=self.places[start:], paths=self.paths[start:], inodes=self.inodes[start:])


class Files(NamedTuple):
    """Regular files that may be read together, from which argument each comes, and how many more there may be.

    See `_Small` and `Listing`.
    """

    files: Known
    origins: list[int]
    named: bool
    left: int = 0


class Task(NamedTuple):
    """What a worker took to fold: a block or a long line of a source.

    Neither is there at the end of a source; then `report` is, which does not know the number of lines yet. Or `files`
    are, which the worker opens and reads itself, one after the other. Or there are sources that cannot be read.
    """

    name: str = ""
    block: Block | LongLine | None = None
    report: SourceReport | None = None
    repeats: str = ""
    files: Small | None = None
    unread: Sequence[SourceReport] = ()


class Piece(NamedTuple):
    """What came of a part of a block: how many lines, and the rejects among them.

    Their lines count from the beginning of the part, their offsets from that of the block, which is at `offset`.
    `report` is there at the end of a source, `repeats` for one that is not read again. Of many small files there are
    `reports`, or `whole`; `ended` is how many of them came to their end, `stored` are their bytes. `unread` are
    reports of sources that cannot be read.
    """

    name: str
    offset: int = 0
    lines: int = 0
    rejects: Sequence[Reject] = ()
    report: SourceReport | None = None
    repeats: str = ""
    reports: Sequence[SourceReport] = ()
    whole: WholeFiles | None = None
    ended: int = 0
    stored: int = 0
    unread: Sequence[SourceReport] = ()


Queue: TypeAlias = Generator[Task | None, Buffer, None]
"""The tasks of some sources in order, each read into the buffer that was sent for it."""

TaskSlot: TypeAlias = Slot[Queue, list[Piece]]


def tasks_left(files: Small) -> Queue:
    """Yield the task that is left of one."""
    yield None
    yield Task(files=files)


def tasks_begun(queue: Queue) -> Queue:
    """Return a queue that a buffer can be sent to."""
    next(queue)
    return queue
