"""The tasks that threads take in turns, and their results: of a block, of small files, of a source that ends."""

from collections.abc import Generator, Sequence
from itertools import compress
from typing import TYPE_CHECKING, Self, TypeAlias

from eventcli.lines.event import Reject
from eventcli.pipeline.reordering import Slot
from eventcli.reading.blocks import Block, Buffer, LongLine
from eventcli.reading.small_files import Known
from eventcli.record import Record
from eventcli.summary.sources import SourceReport, WholeFiles

if TYPE_CHECKING:
    from eventcli.reading.framing.cuts import Misfit


class Small(Record):
    """Regular files, not opened yet, that are most likely small, with their places among all sources.

    Some have an empty path, because their inode already counts: `repeats` maps the place of such a duplicate to the
    name it was counted under, or to '' if it need not be reported; duplicates with a new inode are not in it. `named`
    says that they were named themselves, rather than found by a glob or in a directory.
    """

    files: Known
    places: Sequence[int]
    named: bool
    repeats: dict[int, str]

    def chosen(self, kept: Sequence[bool]) -> Self:
        """Return the files that are kept."""
        paths, inodes = compress(self.files.paths, kept), compress(self.files.inodes, kept)
        files = self.files._replace(paths=list(paths), inodes=list(inodes))
        return self._replace(files=files, places=list(compress(self.places, kept)))

    def after(self, at: int) -> Self:
        """Return the files after one."""
        return self._replace(files=self.files.part(at + 1), places=self.places[at + 1 :])


class Task(Record):
    """What a worker has taken to fold: a block or a long line of a source.

    At the end of a source, neither is set; `report` is, which does not know the number of lines yet. Or `files` are
    set, which the worker opens and reads itself, in order. Or there are sources that cannot be read.
    """

    name: str = ""
    block: "Block | LongLine | Misfit | None" = None
    report: SourceReport | None = None
    repeats: str = ""
    files: Small | None = None
    unread: Sequence[SourceReport] = ()


class Piece(Record):
    """The result of a part of a block: the number of lines, and the rejects among them.

    The line numbers count from the beginning of the part, the offsets from that of the block, which is at `offset`.
    `report` is set at the end of a source, `repeats` for one that is not read again. Many small files have `reports`,
    or `whole`; `ended` is how many of them have ended, `stored` is their size in bytes. `unread` are reports of sources
    that cannot be read. `before` is the number of newlines before the first line of the source that line numbers count
    from, if its lines are texts.
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
    before: int | None = None


Queue: TypeAlias = Generator[Task | None, Buffer, None]
"""The tasks of some sources in order, each read into the buffer that was sent for it."""

TaskSlot: TypeAlias = Slot[Queue, list[Piece]]


def tasks_left(files: Small) -> Queue:
    """Yield the one task that is left."""
    yield None
    yield Task(files=files)


def tasks_begun(queue: Queue) -> Queue:
    """Return a queue that is ready to receive a buffer."""
    next(queue)
    return queue
