"""Parts of sources that consist of whole lines: a byte range of a file, and the rest of a stream from an offset on."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from eventcli.readable import Readable

if TYPE_CHECKING:
    from eventcli.reading.mapping import MappedFile


class ByteRange:
    """A byte range `[start, end)` of a file as a source: the lines whose first byte is in it.

    Without `end`, it extends to the end of the file. Wherever a file is cut into ranges, each of its lines is in one.
    """

    def __init__(self, path: str, start: int = 0, end: int | None = None) -> None:
        """Name a range; ValueError if there is no such range in any file."""
        if start < 0 or (end is not None and end < start):
            raise ValueError(f"there are no bytes from {start} to {end}")
        self.path: Final = path
        self.name: Final = path
        self.start: Final = start
        self.end: Final = end

    def __repr__(self) -> str:
        return f"ByteRange({self.path!r}, {self.start}, {self.end})"


class LineRange:
    """Whole lines of a longer source, which begin at `start`, as a source.

    After the run, `end` is the offset up to which lines were read, and `pending` is how many bytes were left. The
    report counts bytes from `origin` on.
    """

    leaves_rest = False
    """Whether a last line without a newline is left unread."""

    def __init__(
        self,
        name: str,
        stream: Readable,
        start: int,
        close: Callable[[], object],
        mapped: "Callable[[], MappedFile | None]" = lambda: None,
    ) -> None:
        """Take a stream that begins at `start` of the longer one, and a function that closes it.

        `mapped` returns the part as a file to be mapped up to its end; None if it must be read.
        """
        self.name = name
        self.start = self.end = self.origin = start
        self.pending = 0
        self.mapped = mapped
        self.readinto = stream.readinto
        self.close = close


class Portion(LineRange):
    """The lines from `start` on that are complete: a last line without a newline is left unread.

    Closing the stream is left to whoever opened it. The report counts bytes from the beginning of the longer stream.
    """

    leaves_rest = True

    def __init__(self, name: str, stream: Readable, start: int) -> None:
        """Take a stream that begins at `start` of the longer one."""
        super().__init__(name, stream, start, close=lambda: None)
        self.origin = 0
