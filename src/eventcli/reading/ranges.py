"""Opens byte ranges of files, aligned to lines: who owns the first byte owns the line.

A range begins after the first newline at or after the byte before it, and ends where the next one begins. So any
cutting of a file gives each line once, whatever its length, and no range needs to know of another.
"""

import io
import os
import stat
from typing import Final

from eventcli.readable import TruncatedError
from eventcli.reading import deep
from eventcli.reading.compression.encodings import HEAD, Encoding, UnsupportedError, identify
from eventcli.reading.portions import ByteRange, LineRange
from eventcli.reading.small_files import FLAGS
from eventcli.reading.source import Snapshot, refuse
from eventcli.text import name_of

_STEP: Final = 64 * 1024
"""Bytes read at a time in search of a newline."""


def open_range(part: ByteRange) -> tuple[LineRange, tuple[int, int]]:
    """Open a byte range, and return it and the identity of its file. Raises OSError on failure.

    TruncatedError if the file ends before the range does. A compressed file has no ranges.
    """
    # Opening a pipe would wait for its writer.
    descriptor = deep.open_at(part.path, FLAGS)
    try:
        status = os.fstat(descriptor)
        refuse(status.st_mode)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("Is no regular file, so it has no byte ranges")
        encoding = identify(os.pread(descriptor, HEAD, 0), ended=True)
        if encoding is not Encoding.PLAIN:
            raise UnsupportedError(f"compressed with {encoding}: a byte range of it has no lines")
        last = max(part.start, part.end or 0)
        if last > status.st_size:
            raise TruncatedError(f"the file ends before the range does ({last})", status.st_size)
    except BaseException:
        os.close(descriptor)
        raise
    file = Snapshot(descriptor, status.st_size, closefd=True)
    try:
        lines = _Lines(file, part.start, part.end)
    except BaseException:
        file.close()
        raise
    return LineRange(name_of(part.path), lines, lines.start, file.close), (status.st_dev, status.st_ino)


class _Lines:
    """The bytes of a range, from where its first line begins to where the first line of the next range does."""

    def __init__(self, file: io.FileIO, start: int, end: int | None) -> None:
        self._file = file
        self.start = _first_line(file, start)
        # A newline before the last byte of the range ends no range.
        self._certain = None if end is None else end - 1 - self.start
        self._is_over = end is not None and self.start >= end

    def readinto(self, buffer: memoryview, /) -> int:
        """Read at least one byte; 0 at the end of the range."""
        if self._is_over:
            return 0
        if self._certain is None:
            return self._file.readinto(buffer)
        if self._certain > 0:
            got = self._file.readinto(buffer[: self._certain])
            self._certain -= got
            return got
        got = self._file.readinto(buffer[:_STEP])
        end = bytes(buffer[:got]).find(b"\n") + 1
        self._is_over = end > 0
        return end or got


def _first_line(file: io.FileIO, start: int) -> int:
    """Seek to where the first line of a range begins, and return that."""
    place = max(0, start - 1)
    file.seek(place)
    view = memoryview(bytearray(_STEP))
    while start and (got := file.readinto(view)):
        newline = bytes(view[:got]).find(b"\n")
        if newline >= 0:
            place += newline + 1
            break
        place += got
    return file.seek(place)
