"""A path, standard input or a stream of the caller becomes a named stream of bytes."""

import io
import os
import stat
import sys
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import BinaryIO, Final, cast

from eventcli.blocks import Readable, read_into

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


def open_source(source: Source) -> AbstractContextManager[Readable]:
    """Open a source for reading. OSError where that fails; also for a directory, which cannot be read."""
    if not isinstance(source, (str, os.PathLike)):
        return nullcontext(cast("Readable", source))
    if os.fspath(source) == STDIN:
        # Unbuffered, and not closed at the end: the descriptor belongs to the process.
        return _prepared(open(_standard_input(), "rb", buffering=0, closefd=False))
    if isinstance(source, str) and is_url(source):
        from eventcli import remote  # noqa: PLC0415  # start-up of all runs on files

        return remote.open_url(source)
    stream = open(source, "rb", buffering=0)  # noqa: SIM115  # the caller's with statement closes it
    return _prepared(stream)


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
