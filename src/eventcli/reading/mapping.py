"""Maps lines of a large regular file from the page cache, without a copy, while nobody can change them.

Bytes must not change while they are examined: the Rust body relies on that. And truncating a mapped file kills the
process. So mapping requires a read lease, see `fcntl(2)`. Linux grants one only while nobody has the file open, or
mapped, for writing, and makes anyone who then wants to open it for writing, or to truncate it, wait until the lease is
released; while somebody waits, no new lease is granted. A lease belongs to an open file description, so each mapping
opens the file again: no other descriptor of ours, and no close of one, affects it. The lease is held while one block is
folded, for milliseconds, and never while anything is waited for.

Where the kernel does not know all writers, as in network file systems, nothing is mapped. Nor is data that is not in
memory: `read` waits for a disk without holding the lock of the interpreter.

There is a limit: a process that is stopped for longer than `/proc/sys/fs/lease-break-time` (45 seconds) while somebody
waits for it loses the lease. Then it ends with `LostError`, or, if the file was truncated, with SIGBUS. It also ends
with SIGBUS if a page leaves the memory while its block is folded, and the disk then fails. No result is printed.
"""

import fcntl
import mmap
import os
import signal
from typing import Final, Protocol

from eventcli.errors import LostError

ROOM: Final = 16 * 1024 * 1024
"""Maximum bytes mapped at a time: unmapping costs all threads. Half of it is a twentieth slower."""

SMALLEST: Final = 32 * 1024 * 1024
"""Bytes from which on a file is mapped. Measured: with less, the gain is less than a millisecond."""

_LOCAL: Final = frozenset({b"btrfs", b"ext2", b"ext3", b"ext4", b"f2fs", b"xfs"})
"""File systems whose files change only through the kernel that grants the lease."""

_STEP: Final = 2 * 1024 * 1024
"""Bytes between two positions at which residency in memory is checked."""

_POPULATE_READ: Final = 22
"""MADV_POPULATE_READ, since Linux 5.14: unreadable data is an error at once. Python has no name for it."""


class LeasedLines:
    """Lines of a file that nobody can change until they are closed. One thread at a time."""

    def __init__(self, descriptor: int, start: int, end: int) -> None:
        """Map the whole lines between two offsets; none if there is no newline.

        Raises OSError or ValueError if the file cannot be leased or mapped, or is shorter.
        """
        first = start - start % mmap.ALLOCATIONGRANULARITY
        self._lease = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            # A signal announces a waiting process: here an ignored signal, since the default one kills this process.
            fcntl.fcntl(self._lease, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(self._lease, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            # This checks the size of the file first, which can no longer shrink.
            self._pages = mmap.mmap(self._lease, end - first, mmap.MAP_SHARED, mmap.PROT_READ, offset=first)
            self._pages.madvise(_POPULATE_READ)
        except BaseException:
            os.close(self._lease)
            raise
        with memoryview(self._pages) as pages:
            self.view = pages[start - first : max(start - first, self._pages.rfind(b"\n") + 1)]

    def close(self) -> None:
        """Release the lines, and then the lease; LostError if the lease is gone.

        While anyone still holds a part of the view, both remain.
        """
        self.view.release()
        try:
            self._pages.close()
        except BufferError:
            # The mapping keeps the description open, and so the lease.
            os.close(self._lease)
            return
        try:
            fcntl.fcntl(self._lease, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        except OSError as error:
            message = "a file was opened for writing while it was read, and this process was stopped for too long"
            raise LostError(message) from error
        finally:
            os.close(self._lease)


class Mappable(Protocol):
    """An open file, read on where nothing is mapped."""

    def fileno(self) -> int:
        """Return its descriptor."""

    def seek(self, offset: int, /) -> int:
        """Go on reading at an offset."""


class MappedFile:
    """A file to be mapped, one piece after the other."""

    def __init__(self, file: Mappable, size: int) -> None:
        """Take an open file; only its first `size` bytes are mapped."""
        self._file = file
        self._size = size

    def lines(self, start: int) -> LeasedLines | None:
        """Return the whole lines from `start` on; None if they must be read. Reading then continues after them.

        Also None at the end of the file, and for a last line without a newline.
        """
        behind, lines = start, None
        end = min(start + ROOM, self._size)
        descriptor = self._file.fileno()
        try:
            if start < end and _is_in_memory(descriptor, start, end):
                lines = LeasedLines(descriptor, start, end)
        except (AttributeError, OSError, ValueError):
            pass  # unknown to this Python, not granted, or missing: reading finds out
        if lines is not None:
            behind += len(lines.view)
            if behind == start:
                lines.close()
                lines = None
        self._file.seek(behind)
        return lines


def mapped(file: Mappable, size: int) -> MappedFile | None:
    """Return a file to be mapped; None if it must be read: it is small, or others may change it unnoticed."""
    return MappedFile(file, size) if size >= SMALLEST and _file_system(file.fileno()) in _LOCAL else None


def _is_in_memory(descriptor: int, start: int, end: int) -> bool:
    """Whether some bytes of a file appear to be in memory; BlockingIOError if they are not."""
    byte = [bytearray(1)]
    return all(os.preadv(descriptor, byte, place, os.RWF_NOWAIT) for place in (*range(start, end, _STEP), end - 1))


def _file_system(descriptor: int) -> bytes:
    """Return the type of the file system of an open file, as far as known.

    The mount provides it: a device number can be that of a lower layer.
    """
    try:
        with open(f"/proc/self/fdinfo/{descriptor}", "rb") as about:
            mount = next(line.split()[1] for line in about if line.startswith(b"mnt_id:"))
        with open("/proc/self/mountinfo", "rb") as mounts:
            words = next(line.split() for line in mounts if line.startswith(mount + b" "))
        return words[words.index(b"-") + 1]
    except (OSError, ValueError, StopIteration):
        return b""
