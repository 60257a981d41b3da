"""A source that is being read: its blocks, and finally its report."""

from typing import TYPE_CHECKING, TypeAlias

import eventcli.pipeline
import eventcli.reading
from eventcli.pipeline.options import Options
from eventcli.readable import DamagedError, ReplacedError, TruncatedError
from eventcli.reading.blocks import Block, Blocks, Buffer, LongLine
from eventcli.reading.compression.decompressed import Decompressed
from eventcli.reading.portions import LineRange
from eventcli.reading.source import mapped_of, stored
from eventcli.summary.sources import SourceReport, Status, Stretch

if TYPE_CHECKING:
    from eventcli.reading.framing.cuts import Misfit
    from eventcli.reading.framing.framed import FramedBlocks

Stream: TypeAlias = Decompressed | LineRange
"""A whole source, or a part of one."""


class Reading:
    """A source that is being read: its blocks, and finally its report."""

    def __init__(self, name: str, stream: Stream, options: Options, *, strict: bool, may_map: bool = False) -> None:
        """Read from a stream; with `strict`, its errors propagate instead of going into the report.

        With `may_map`, mappable files are mapped.
        """
        self.name = name
        self.stream = stream
        self._options = options
        self._strict = strict
        self._may_map = may_map
        self._part = stream if isinstance(stream, LineRange) else None
        self.blocks = self._blocks()
        self._is_begun = False
        self.size = 0
        """The size of a regular file that was claimed as a small one, when it was opened."""

    def _blocks(self) -> "Blocks | FramedBlocks":
        """Return the place where a stream of bytes becomes blocks of whole lines."""
        options, start = self._options, self._part.start if self._part else 0
        whole = self._part is not None and self._part.leaves_rest
        keep = eventcli.reading.fingerprints.WINDOW if options.stretches else 0
        max_line, form = options.max_line, options.query.form
        if not form.is_framed:
            salvage = options.query.salvage
            return Blocks(self.stream, max_line=max_line, start=start, whole=whole, keep=keep, close_holes=salvage)
        fields = options.query.fields
        cutter = eventcli.pipeline.framing.cutter_of(form, fields, max_line, is_resumed=start > 0, atomic=whole)
        return eventcli.reading.framing.framed.FramedBlocks(
            self.stream, cutter, max_line=max_line, start=start, whole=whole, keep=keep
        )

    def next(self, buffer: Buffer) -> "Block | LongLine | Misfit | SourceReport":
        """Return the next block, or the report, which does not know the number of lines."""
        try:
            block = self.blocks.next(buffer)
        except OSError as error:
            if self._strict:
                raise
            report = failed(self.name, error)
            message = report.message
            if self.blocks.unfinished:
                message += f"; {self.blocks.unfinished} bytes of an unfinished line before that do not count"
            return self._report(report.status, message, self.blocks.unfinished)
        if not self._is_begun:
            # The first block has been read, so the kind of file is known.
            self._is_begun = True
            if self._may_map and isinstance(self.blocks, Blocks):
                self.blocks.mapped = mapped_of(self.stream, self._options.max_line)
            # Decompression is the bottleneck: measured, gzip is a thirtieth faster with half the turns.
            self.blocks.is_large = isinstance(self.stream, Decompressed) and not self.stream.is_raw
        return self._report(Status.COMPLETE, "", self.blocks.pending) if block is None else block

    def position(self) -> tuple[int, int | None]:
        """Return how many stored bytes have been read, and of how many; None if that is unknown."""
        position, size = stored(self.stream) if isinstance(self.stream, Decompressed) else (None, None)
        return self.blocks.offset if position is None else position, size

    def _report(self, status: Status, message: str, pending: int) -> SourceReport:
        end = self.blocks.offset
        if self._part is not None:
            self._part.end, self._part.pending = end, pending
            end -= self._part.origin
        # A part is no beginning of a stream, by which its lines could be recognised.
        is_recognised = self._options.stretches and (self._part is None or not self._part.origin)
        stretch = stretch_of(self.blocks.head, end) if is_recognised else Stretch()
        return SourceReport(self.name, end, 0, status, message, stretch=stretch)


def failed(name: str, error: OSError) -> SourceReport:
    """Return the report of a source that could not be opened or read to its end."""
    return SourceReport(name, 0, 0, status_of(error), error.strerror or str(error))


def status_of(error: OSError) -> Status:
    """Return the status of a source whose reading failed."""
    if isinstance(error, DamagedError):
        return Status.DAMAGED
    if isinstance(error, TruncatedError):
        return Status.TRUNCATED
    if isinstance(error, ReplacedError):
        return Status.REPLACED
    return Status.MISSING if isinstance(error, FileNotFoundError) else Status.UNREADABLE


def stretch_of(head: bytes, end: int) -> Stretch:
    """Return the stretch of a source that was read, from its beginning."""
    return Stretch(eventcli.reading.fingerprints.marks(head[:end]), 0, end)
