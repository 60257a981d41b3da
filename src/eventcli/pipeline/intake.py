"""Opens sources in order, cuts them into blocks or passes them on as small files."""

from eventcli.readable import DamagedError, TruncatedError
from eventcli.reading import deep
from eventcli.reading.blocks import Block, Blocks, Buffer, LongLine
from eventcli.reading.claims import Key
from eventcli.reading.compression.decompressed import Decompressed
from eventcli.reading.fingerprints import WINDOW, marks
from eventcli.reading.portions import Portion
from eventcli.reading.source import identity, mapped_of
from eventcli.summary.sources import SourceReport, Status, Stretch


class Reading:
    """A source that is being read: its blocks, and finally its report."""

    def __init__(
        self,
        name: str,
        stream: "Decompressed | Portion",
        *,
        max_line: int,
        strict: bool,
        stretches: bool = False,
        may_map: bool = False,
        salvage: bool = False,
    ) -> None:
        """Read from a stream; with `strict`, its errors propagate instead of going into the report.

        With `may_map`, mappable files are mapped; with `salvage`, holes in overlong lines are closed.
        """
        self.stream = stream
        self._portion = stream if isinstance(stream, Portion) else None
        start, keep = self._portion.start if self._portion else 0, WINDOW if stretches else 0
        self.blocks = Blocks(
            stream,
            max_line=max_line,
            start=start,
            whole=self._portion is not None,
            keep=keep,
            close_holes=salvage,
        )
        self._name = name
        self._strict = strict
        self._stretches = stretches
        self._max_line = max_line
        self._may_map = may_map
        self._is_begun = False

    def next(self, buffer: Buffer) -> Block | LongLine | SourceReport:
        """Return the next block, or the report, which does not know the number of lines."""
        try:
            block = self.blocks.next(buffer)
        except OSError as error:
            if self._strict:
                raise
            report = failed(self._name, error)
            message = report.message
            if self.blocks.unfinished:
                message += f"; {self.blocks.unfinished} bytes of an unfinished line before that do not count"
            return self._report(report.status, message, self.blocks.unfinished)
        if not self._is_begun and isinstance(self.stream, Decompressed):
            # The first block has been read, so the kind of file is known.
            self._is_begun = True
            if self._may_map:
                self.blocks.mapped = mapped_of(self.stream, self._max_line)
            # Decompression is the bottleneck: measured, gzip is a thirtieth faster with half the turns.
            self.blocks.is_large = not self.stream.is_raw
        return self._report(Status.COMPLETE, "", self.blocks.pending) if block is None else block

    def _report(self, status: Status, message: str, pending: int) -> SourceReport:
        end = self.blocks.offset
        if self._portion is not None:
            self._portion.end, self._portion.pending = end, pending
        stretch = stretch_of(self.blocks.head, end) if self._stretches else Stretch()
        return SourceReport(self._name, end, 0, status, message, stretch=stretch)


def leads_to(path: str, key: Key) -> bool:
    """Whether the file at a path is still the one with this identity."""
    try:
        return identity(deep.stat(path)) == key
    except OSError:
        return False


def failed(name: str, error: OSError) -> SourceReport:
    """Return the report of a source that could not be opened or read to its end."""
    return SourceReport(name, 0, 0, status_of(error), error.strerror or str(error))


def status_of(error: OSError) -> Status:
    """Return the status of a source whose reading failed."""
    if isinstance(error, DamagedError):
        return Status.DAMAGED
    if isinstance(error, TruncatedError):
        return Status.TRUNCATED
    return Status.MISSING if isinstance(error, FileNotFoundError) else Status.UNREADABLE


def stretch_of(head: bytes, end: int) -> Stretch:
    """Return the stretch of a source that was read, from its beginning."""
    return Stretch(marks(head[:end]), 0, end)
