"""When a file was created. Together with the inode, this tells a file from a later one with the same inode.

A file system gives the inode of a deleted file to the next new file, often at once. Only the creation time, to the
nanosecond, distinguishes the two. Linux reports it in statx(2), which Python does not offer before 3.15; an unknown
time is 0.
"""

import errno
import os
import struct
from functools import cache
from typing import Any, Final, NamedTuple

from eventcli.reading import deep

_AT_FDCWD: Final = -100

_AT_EMPTY_PATH: Final = 0x1000

_WANTED: Final = 0x800
"""STATX_BTIME: the only field requested."""

_SIZE: Final = 256

_MASK: Final = struct.Struct("I")

_BIRTH: Final = struct.Struct("qI")

_BIRTH_AT: Final = 80

_SECOND: Final = 1_000_000_000


class Look(NamedTuple):
    """Everything that can be known about a file without opening it; times are in nanoseconds since the epoch."""

    mode: int
    device: int
    inode: int
    size: int
    modified: int
    born: int
    """When it was created; 0 if unknown."""

    @property
    def key(self) -> tuple[int, int]:
        """The identity that all links to a file share."""
        return self.device, self.inode


def look(path: str | int) -> Look:
    """Look at a file by path or descriptor; OSError on failure."""
    if isinstance(path, str) and deep.is_deep(path):
        descriptor = deep.open_at(path, os.O_PATH | os.O_CLOEXEC)
        try:
            return look(descriptor)
        finally:
            os.close(descriptor)
    # The creation time comes first: if another file takes this one's place between the two calls, the record has the
    # old file's time and the new file's inode, and so matches neither.
    born = _born(path)
    status = os.stat(path)
    if born is None:
        born = int(getattr(status, "st_birthtime", 0) * _SECOND)
    return Look(status.st_mode, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, born)


def _born(path: str | int) -> int | None:
    """Return when the file was created, 0 if the file system does not record it, None if the system cannot tell."""
    functions = _statx()
    if functions is None:
        return None
    statx, new_buffer = functions
    buffer = new_buffer(_SIZE)
    folder, name, flags = (path, b"", _AT_EMPTY_PATH) if isinstance(path, int) else (_AT_FDCWD, os.fsencode(path), 0)
    if statx(folder, name, flags, _WANTED, buffer):
        return 0
    (mask,) = _MASK.unpack_from(buffer, 0)
    if not mask & _WANTED:
        return 0
    seconds, nanoseconds = _BIRTH.unpack_from(buffer, _BIRTH_AT)
    return int(seconds * _SECOND + nanoseconds)


@cache
def _statx() -> tuple[Any, Any] | None:
    try:
        import ctypes  # noqa: PLC0415  # keeps start-up fast for runs without a ledger

        function = ctypes.CDLL(None, use_errno=True).statx
        function.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]
    except (AttributeError, ImportError, OSError, TypeError):
        return None
    return function, ctypes.create_string_buffer


def is_momentary(error: OSError) -> bool:
    """Whether an error only means that a file was renamed, removed or replaced since it was looked at."""
    return error.errno in (errno.ENOENT, errno.ESTALE)
