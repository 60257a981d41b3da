"""A path, standard input or a stream of the caller becomes a named stream of bytes."""

import io
import os
import stat
import sys
from contextlib import suppress
from typing import BinaryIO, Final

from eventcli.blocks import Readable, read_into, readable
from eventcli.compression import Decompressed

STDIN: Final = "-"
"""The path that means standard input."""

PIPE_SIZE: Final = 1024 * 1024
"""Bytes that a pipe may hold: the most that Linux gives to everyone."""

STDIN_NAME: Final = "<stdin>"

Source = str | os.PathLike[str] | BinaryIO
"""What can be read: a path (`-` is standard input) or a binary stream, which stays open."""


def name_of(source: Source) -> str:
    """Return the name of a source for people and reports: always valid text, also for a path that is not UTF-8."""
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        return STDIN_NAME if path == STDIN else _text(path)
    name = getattr(source, "name", None)
    return _text(name) if isinstance(name, str) else f"<{type(source).__name__}>"


def _text(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def is_url(path: str) -> bool:
    """Whether a path is a URL: a scheme and `://`. A file of such a name is given as `./s3://...`."""
    scheme, mark, _ = path.partition("://")
    return bool(mark) and scheme.isascii() and scheme.isalnum()


def open_source(source: Source, *, ahead: bool = False) -> Decompressed:
    """Open a source for reading; what is compressed is decompressed, with `ahead` in a thread of its own.

    OSError where that fails; also for a directory, which cannot be read. The stream is to be closed; one of the caller
    stays open all the same.
    """
    if not isinstance(source, (str, os.PathLike)):
        return Decompressed(readable(source), ahead=ahead)
    if os.fspath(source) == STDIN:
        # Unbuffered, and not closed at the end: the descriptor belongs to the process.
        stream = _prepared(io.FileIO(_standard_input(), closefd=False))
    elif isinstance(source, str) and is_url(source):
        from eventcli import remote  # noqa: PLC0415  # start-up of all runs on files

        download = remote.open_url(source)
        return Decompressed(download, ahead=ahead, close=download.close)
    else:
        stream = _prepared(io.FileIO(source))
    return Decompressed(stream, ahead=ahead, close=stream.close)


def size_of(path: str) -> int | None:
    """Return the bytes of a source as they are stored, without opening it; None where that is not known."""
    if is_url(path):
        return None
    try:
        return _size(_standard_input() if path == STDIN else path)
    except OSError:
        return 0  # what cannot be read adds nothing


def stored(source: Decompressed) -> tuple[int | None, int | None]:
    """Return how many bytes of an open source were read, as they are stored, and its size; None what is not known."""
    stream = source.raw
    if not isinstance(stream, io.FileIO):
        return getattr(stream, "position", None), getattr(stream, "size", None)
    try:
        return stream.tell(), _size(stream.fileno())
    except (OSError, ValueError):
        return None, None  # a pipe, or closed by now


def _size(file: str | int) -> int | None:
    about = os.stat(file)
    return about.st_size if stat.S_ISREG(about.st_mode) else None


def _prepared(stream: io.FileIO) -> io.FileIO:
    """Refuse what holds no log; let a pipe hold more, so that its writer and the fold wait less for each other."""
    mode = os.fstat(stream.fileno()).st_mode
    if stat.S_ISBLK(mode):
        stream.close()
        raise OSError("Is a block device")
    if stat.S_ISFIFO(mode):
        import fcntl  # noqa: PLC0415  # start-up of all runs on files

        if hasattr(fcntl, "F_SETPIPE_SZ"):
            with suppress(OSError):
                fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, PIPE_SIZE)
    return stream


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
