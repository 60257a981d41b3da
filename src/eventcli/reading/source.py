"""Turns a path, standard input or a stream of the caller into a named byte stream."""

import errno
import io
import os
import stat
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import eventcli.reading
from eventcli.readable import Readable, TruncatedError, read_into, readable
from eventcli.reading import deep
from eventcli.reading.compression.decompressed import Decompressed
from eventcli.reading.portions import LineRange
from eventcli.text import STDIN, Source, is_url

if TYPE_CHECKING:
    from eventcli.reading.mapping import MappedFile


PIPE_SIZE: Final = 1024 * 1024
"""Capacity of a pipe in bytes: the most that Linux grants without privileges."""


def expand_url(url: str) -> list[str]:
    """Return the sorted URLs of the objects that match a pattern; else the URL itself. Raises OSError on failure."""
    return eventcli.reading.remote.urls.expand(url)


def open_source(source: Source, *, ahead: bool = False, timeout: float | None = None) -> Decompressed:
    """Open a source for reading; compressed data is decompressed, in a separate thread with `ahead`.

    Raises OSError on failure, including for a directory, which cannot be read. The caller must close the stream; a
    stream that the caller passed in stays open all the same. A regular file is read up to its present size, so a
    growing log comes to an end; TruncatedError if it has become shorter when it is read. A URL fails after `timeout`
    seconds.
    """
    if not isinstance(source, (str, os.PathLike)):
        return Decompressed(readable(source), ahead=ahead)
    path = os.fspath(source)
    if is_url(path):
        download = eventcli.reading.remote.urls.open_url(path, timeout)
        return Decompressed(download, ahead=ahead, close=download.close)
    descriptor, status = open_path(path)
    return stream_of(descriptor, status, ahead=ahead, close=path != STDIN)


def open_path(path: str) -> tuple[int, os.stat_result]:
    """Open a file, or standard input, and return its descriptor and its status. OSError if it cannot be read.

    A file is examined first, because opening may block, or affect a device.
    """
    if path == STDIN:
        descriptor = _standard_input()
    else:
        refuse(deep.stat(path).st_mode)
        descriptor = deep.open_at(path, os.O_RDONLY | os.O_CLOEXEC)
    return descriptor, os.fstat(descriptor)


def refuse(mode: int) -> None:
    """Raise OSError for a kind of file that cannot hold a log."""
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if stat.S_ISBLK(mode):
        raise OSError("Is a block device")
    if stat.S_ISSOCK(mode):
        raise OSError("Is a socket")


def identity(status: os.stat_result) -> tuple[int, int] | None:
    """Return what a file and all links to it share; None for a device: reading it twice gives different bytes."""
    if stat.S_ISREG(status.st_mode) or stat.S_ISFIFO(status.st_mode):
        return status.st_dev, status.st_ino
    return None


def stream_of(descriptor: int, status: os.stat_result, *, ahead: bool = False, close: bool = True) -> Decompressed:
    """Return a stream on an open file, which it finally closes if `close` is set."""
    if stat.S_ISFIFO(status.st_mode):
        _enlarge(descriptor)
    # Files in /proc report 0. Unbuffered, as blocks are large.
    size = status.st_size if stat.S_ISREG(status.st_mode) else 0
    stream = Snapshot(descriptor, size, closefd=close) if size else io.FileIO(descriptor, closefd=close)
    return Decompressed(stream, ahead=ahead, close=stream.close)


class Snapshot(io.FileIO):
    """A regular file, up to the size it had when it was opened."""

    def __init__(self, descriptor: int, size: int, *, closefd: bool) -> None:
        super().__init__(descriptor, closefd=closefd)
        self.size = size

    def readinto(self, buffer: Any, /) -> int:
        """Read up to the length of the buffer; TruncatedError if the file has become shorter."""
        position = self.tell()
        if position >= self.size:
            return 0
        got = super().readinto(memoryview(buffer)[: self.size - position])
        if not got:
            raise shrunk(position, self.size)
        return got


def mapped_of(source: Decompressed | LineRange, max_line: int) -> "MappedFile | None":
    """Return a partly read source as a file to be mapped; None if it must be read on.

    Only plain files that were opened here qualify: the position of any other may be shared. A block must not be longer
    than a line.
    """
    if isinstance(source, LineRange):
        found = source.mapped()
        return found if found is not None and max_line >= eventcli.reading.mapping.ROOM else None
    file = source.raw
    if isinstance(file, Snapshot) and file.closefd and source.is_raw and max_line >= eventcli.reading.mapping.ROOM:
        return eventcli.reading.mapping.mapped(file, file.size)
    return None


def shrunk(position: int, size: int) -> TruncatedError:
    """Return the error for a file that ends at a position before the size it had when it was opened."""
    return TruncatedError(f"the file had {size} bytes when it was opened, and was cut while it was read", position)


def _enlarge(descriptor: int) -> None:
    """Enlarge a pipe, so that its writer and the fold wait less for each other."""
    import fcntl  # noqa: PLC0415  # keeps start-up fast for runs on local files

    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_SIZE)


def size_of(path: str) -> int | None:
    """Return the stored size of a source in bytes, without opening it; None if unknown."""
    if is_url(path):
        return None
    try:
        return _size(_standard_input() if path == STDIN else path)
    except OSError:
        return 0  # an unreadable source adds nothing


def stored(source: Decompressed) -> tuple[int | None, int | None]:
    """Return how many stored bytes of an open source have been read, and its size; None for either if unknown."""
    stream = source.raw
    if not isinstance(stream, io.FileIO):
        return getattr(stream, "position", None), getattr(stream, "size", None)
    try:
        return stream.tell(), _size(stream.fileno())
    except (OSError, ValueError):
        return None, None  # a pipe, or already closed


def _size(file: str | int) -> int | None:
    about = os.stat(file)
    return about.st_size if stat.S_ISREG(about.st_mode) else None


def read_all(stream: Readable) -> bytes:
    """Return all bytes of a small input."""
    data = bytearray()
    view = memoryview(bytearray(1 << 16))
    while got := read_into(stream, view):
        data += view[:got]
    return bytes(data)


def _standard_input() -> int:
    if sys.stdin is None:
        raise OSError("Standard input is closed")
    return sys.stdin.fileno()
