"""Aligns a part of a stream to lines while it is read forwards: who owns the first byte of a line owns the line.

Unlike `ranges`, it needs no seeking, so it also takes what a store sends; and it reads no further than necessary: a
part in the middle of a very long line is skipped, and owns nothing.
"""

import os
from typing import BinaryIO, Final, cast

from eventcli.readable import Readable, read_into

_STEP: Final = 64 * 1024
"""Bytes read at a time in search of a newline."""


def before(start: int) -> int:
    """Return where the stream of a part must begin: the byte before it shows whether a line begins with it."""
    return max(0, start - 1)


def end_of_lines(descriptor: int, end: int, size: int) -> int:
    """Return where the first line begins after a part of a file that ends at `end`; the position stays what it is."""
    at = before(end)
    while at < size:
        piece = os.pread(descriptor, min(_STEP, size - at), at)
        newline = piece.find(b"\n") + 1
        at += newline or len(piece)
        if newline or not piece:
            return at
    return size


class AlignedLines:
    """The lines that begin in `[start, end)`, of a stream that begins at `before(start)`."""

    def __init__(self, stream: Readable, start: int, end: int) -> None:
        """Read up to the first newline, unless the part is the beginning."""
        self._stream = stream
        self._end = end
        self._waiting = memoryview(b"")
        self._at = before(start)
        if start:
            self._skip()
        self.start: Final = self._at
        """Where the first line begins; the end of the part or more if there is none."""
        self._is_over = self._at >= end

    def readinto(self, buffer: memoryview, /) -> int:
        """Read at least one byte; 0 at the end of the last line."""
        if self._is_over:
            return 0
        # A newline before the last byte of the part does not end it.
        certain = self._end - 1 - self._at
        got = self._next(buffer[: certain if certain > 0 else _STEP])
        if certain <= 0 and (newline := bytes(buffer[:got]).find(b"\n") + 1):
            self._is_over = True
            got = newline
        self._at += got
        return got

    def seek(self, offset: int) -> int:
        """Go on at an offset in the part, where a line begins or the part ends; the stream must be able to."""
        self._waiting = memoryview(b"")
        self._at = cast("BinaryIO", self._stream).seek(offset)
        self._is_over = offset >= self._end
        return offset

    def fileno(self) -> int:
        """Return the descriptor of the stream, which must have one."""
        return cast("BinaryIO", self._stream).fileno()

    def _next(self, buffer: memoryview) -> int:
        if not self._waiting:
            return read_into(self._stream, buffer)
        got = min(len(buffer), len(self._waiting))
        buffer[:got] = self._waiting[:got]
        self._waiting = self._waiting[got:]
        return got

    def _skip(self) -> None:
        scratch = memoryview(bytearray(_STEP))
        while self._at < self._end:
            got = read_into(self._stream, scratch)
            newline = bytes(scratch[:got]).find(b"\n") + 1
            self._at += newline or got
            if newline:
                self._waiting = scratch[newline:got]
            if newline or not got:
                return
