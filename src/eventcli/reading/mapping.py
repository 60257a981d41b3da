"""Lines of a large regular file straight from the page cache, without a copy, while nobody can change them.

Bytes that change while they are looked at must not be: what the Rust body takes for granted would not hold. And a file
that is cut while it is mapped ends the process. So there is no mapping without a read lease, see `fcntl(2)`. Linux
grants one only while nobody has the file open for writing, or mapped for it, and whoever then wants to open it for
writing, or to cut it, waits until the lease is given up; while somebody waits there is no new one. A lease belongs to
an open file description, so each mapping opens the file once more: no other descriptor of ours, and nobody who closes
one, has to do with it. It is held while one block is folded, for milliseconds, and never while something is waited for.

Where the kernel does not know of all who write, as in network file systems, nothing is mapped. What is not in memory
is not mapped either: `read` waits for a disk without the lock of the interpreter.

What is not promised: a process that is stopped for longer than `/proc/sys/fs/lease-break-time` (45 seconds) while
somebody waits for it loses the lease. Then it ends with `LostError`, or, if the file was cut, by SIGBUS; and by that,
too, where a page leaves the memory while its block is folded, and the disk then fails. No result is printed.
"""

import io
import mmap
import os
from typing import Final

ROOM: Final = 16 * 1024 * 1024
"""Most bytes that are mapped at a time: giving a mapping back costs all threads. Half of it is a twentieth slower."""

SMALLEST: Final = 32 * 1024 * 1024
"""Bytes from which on a file is mapped. Measured: with less, less than a millisecond is gained."""

_LOCAL: Final = frozenset({b"btrfs", b"ext2", b"ext3", b"ext4", b"f2fs", b"xfs"})
"""File systems whose files are changed through the kernel that grants the lease, and in no other way."""

_STEP: Final = 2 * 1024 * 1024
"""Bytes between two places of which it is asked whether they are in memory."""

_POPULATE_READ: Final = 22
"""MADV_POPULATE_READ, since Linux 5.14: what cannot be read is an error at once. Python has no name for it."""


class LostError(OSError):
    """A lease was lost while its lines were folded, so they may have changed meanwhile."""


class LeasedLines:
    """Lines of a file, which nobody can change until they are closed. One thread at a time."""

    def __init__(self, descriptor: int, start: int, end: int) -> None:
        """Take the whole lines between two places; none if no newline is there.

        OSError or ValueError where the file cannot be leased or mapped, or is shorter.
        """
        import _signal  # type: ignore[import-not-found]  # noqa: PLC0415  # as in progress
        import fcntl  # noqa: PLC0415  # keeps start-up fast for runs that map nothing

        first = start - start % mmap.ALLOCATIONGRANULARITY
        self._lease = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            # That somebody waits is told by a signal: by one that is ignored, since the usual one ends the process.
            fcntl.fcntl(self._lease, fcntl.F_SETSIG, _signal.SIGURG)
            fcntl.fcntl(self._lease, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            # Looks at the size of the file first, which cannot become less any more.
            self._pages = mmap.mmap(self._lease, end - first, mmap.MAP_SHARED, mmap.PROT_READ, offset=first)
            self._pages.madvise(_POPULATE_READ)
        except BaseException:
            os.close(self._lease)
            raise
        with memoryview(self._pages) as pages:
            self.view = pages[start - first : max(start - first, self._pages.rfind(b"\n") + 1)]

    def close(self) -> None:
        """Give up the lines, and then the lease; LostError where that is gone.

        Where somebody still has a part of the view, both stay for as long as that does.
        """
        import fcntl  # noqa: PLC0415  # as above

        self.view.release()
        try:
            self._pages.close()
        except BufferError:
            # The mapping holds on to the description, and so to the lease.
            os.close(self._lease)
            return
        try:
            fcntl.fcntl(self._lease, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        except OSError as error:
            message = "a file was opened for writing while it was read, and this process was stopped for too long"
            raise LostError(message) from error
        finally:
            os.close(self._lease)


class MappedFile:
    """A file that stands to be mapped, one piece after the other."""

    def __init__(self, file: io.FileIO, size: int) -> None:
        """Take an open file; no more than the first `size` bytes are mapped."""
        self._file = file
        self._size = size

    def lines(self, start: int) -> LeasedLines | None:
        """Return the whole lines from `start` on; None where they have to be read. Then reading goes on behind them.

        None at the end of the file, too, and for a last line without its newline.
        """
        behind, lines = start, None
        end = min(start + ROOM, self._size)
        descriptor = self._file.fileno()
        try:
            if start < end and _is_in_memory(descriptor, start, end):
                lines = LeasedLines(descriptor, start, end)
        except (AttributeError, OSError, ValueError):
            pass  # not known to this Python, not granted, not there: reading tells
        if lines is not None:
            behind += len(lines.view)
            if behind == start:
                lines.close()
                lines = None
        self._file.seek(behind)
        return lines


def mapped(file: io.FileIO, size: int) -> MappedFile | None:
    """Return a file that is to be mapped; None where it is to be read: it is small, or others may change it unseen."""
    return MappedFile(file, size) if size >= SMALLEST and _file_system(file.fileno()) in _LOCAL else None


def _is_in_memory(descriptor: int, start: int, end: int) -> bool:
    """Whether some bytes of a file seem to be in memory; BlockingIOError where they are not."""
    byte = [bytearray(1)]
    return all(os.preadv(descriptor, byte, place, os.RWF_NOWAIT) for place in (*range(start, end, _STEP), end - 1))


def _file_system(descriptor: int) -> bytes:
    """Return the type of the file system of an open file, as far as it is known.

    The mount says it: the number of a device can be that of a layer below.
    """
    try:
        with open(f"/proc/self/fdinfo/{descriptor}", "rb") as about:
            mount = next(line.split()[1] for line in about if line.startswith(b"mnt_id:"))
        with open("/proc/self/mountinfo", "rb") as mounts:
            words = next(line.split() for line in mounts if line.startswith(mount + b" "))
        return words[words.index(b"-") + 1]
    except (OSError, ValueError, StopIteration):
        return b""
