"""The new content of a stream, in steps that end with a line."""

import time
from typing import Final

from eventcli.ledger.streams.content import Content
from eventcli.reading.fingerprints import WINDOW

_NEWLINE: Final = 10

_SKIP: Final = 64 * 1024


class Steps:
    """The new content of a stream, in steps that end with a line, and the last window that was handed out."""

    def __init__(self, content: Content, length: int | None, window: bytes, *, is_ended: bool = False) -> None:
        """Hand out `length` bytes (None: all); `window` is what precedes them.

        With `is_ended`, a last line without a newline gets one.
        """
        self._content = content
        self._left = length
        self._is_ended = is_ended
        self.added = 0
        """Bytes of a newline that was handed out but is not in the file."""
        self._carry = memoryview(b"")
        self._room = 0
        self._deadline = 0.0
        self._is_paused = False
        self._is_torn = False
        self.is_at_end = False
        self.last = window

    def skip_line(self) -> tuple[int, bool]:
        """Skip everything up to and including the next newline; return its length, and whether it is blank."""
        view = memoryview(bytearray(_SKIP))
        length, is_blank = 0, True
        while got := self._more(view):
            part = bytes(view[:got])
            newline = part.find(b"\n")
            end = got if newline < 0 else newline + 1
            length += end
            is_blank = is_blank and not part[:end].strip(b" \t\r\n")
            self.last = (self.last + part[:end])[-WINDOW:]
            if newline >= 0:
                self._carry = memoryview(part[end:] + bytes(self._carry))
                break
        return length, is_blank

    def begin(self, size: int, seconds: float) -> None:
        """Begin a step of about this many bytes or seconds."""
        self._room = size
        self._deadline = time.monotonic() + seconds
        self._is_paused = False

    def readinto(self, buffer: memoryview) -> int | None:
        """Fill the buffer; 0 at the end of a step."""
        if self._is_paused:
            return 0
        got = self._more(buffer)
        if not got:
            self.is_at_end = got == 0
            if got == 0 and self._is_ended and not self.added and self._is_torn:
                self.added = 1
                buffer[:1] = b"\n"
                return 1
            return got
        self._is_torn = buffer[got - 1] != _NEWLINE
        self._room -= got
        if self._room <= 0 or time.monotonic() >= self._deadline:
            newline = bytes(buffer[:got]).rfind(b"\n")
            if newline >= 0:
                self._is_paused = True
                self._carry = memoryview(bytes(buffer[newline + 1 : got]) + bytes(self._carry))
                got = newline + 1
        self.last = (b"" if got >= WINDOW else self.last) + bytes(buffer[max(0, got - WINDOW) : got])
        self.last = self.last[-WINDOW:]
        return got

    def _more(self, buffer: memoryview) -> int | None:
        if self._carry:
            carried = min(len(buffer), len(self._carry))
            buffer[:carried] = self._carry[:carried]
            self._carry = self._carry[carried:]
            return carried
        if self._left is None:
            return self._content.readinto(buffer)
        if not self._left:
            return 0
        got = self._content.readinto(buffer[: self._left])
        self._left -= got or 0
        return got
