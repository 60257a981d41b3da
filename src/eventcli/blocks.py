"""A stream becomes blocks that hold whole lines, in a caller's buffer.

Lines end at a newline byte and nowhere else. A line that is longer than the limit is skipped in bounded memory and
handed out as a `LongLine`, so no line in a block is longer than the limit.
"""

from typing import BinaryIO, Final, NamedTuple, Protocol, cast

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

MAX_LINE: Final = 16 * 1024 * 1024
"""Longest line that is looked at, in bytes without its newline, unless told otherwise."""

_NEWLINE: Final = b"\n"


class Block(NamedTuple):
    """Whole lines: `data` is a view of the caller's buffer, valid until the buffer is used again.

    `offset` is where they begin, in bytes from the start of the stream. Only the last line of a stream may lack its
    newline.
    """

    data: memoryview
    offset: int


class LongLine(NamedTuple):
    """A line that is longer than the limit, which was skipped: its offset and its length in bytes."""

    offset: int
    length: int


class Readable(Protocol):
    """A stream that fills a buffer: what `open(path, "rb", buffering=0)` gives."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Read up to the length of the buffer; 0 at the end of the stream, None if nothing is there yet."""


class Buffer:
    """The memory of one reader of blocks, used again for every block and grown only for a long line."""

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError("a block holds at least one byte")
        self.size = size
        self.memory = bytearray(size)
        self.view = memoryview(self.memory)

    def resize(self, size: int, kept: int = 0) -> None:
        """Give the buffer `size` bytes, of which the first `kept` stay as they are."""
        memory = bytearray(size)
        memory[:kept] = self.view[:kept]
        self.memory = memory
        self.view = memoryview(memory)


class Blocks:
    """The blocks of one stream, in order. Not thread-safe: callers take turns.

    No block is longer than `max_line` + 1 bytes; that is what keeps lines within the limit without measuring each.
    """

    def __init__(self, stream: Readable | BinaryIO, *, max_line: int = MAX_LINE) -> None:
        self._stream = cast("Readable", stream) if hasattr(stream, "readinto") else _Reader(stream)
        self._max_line = max_line
        self._ended = False
        self._pushed_back = b""
        self._rest = b""
        self.offset = 0
        """Bytes handed out so far, a byte-order mark included."""
        self._skip_byte_order_mark()

    def next(self, buffer: Buffer) -> Block | LongLine | None:
        """Fill `buffer` with whole lines; None at the end of the stream. Errors of the stream pass through.

        After an error `offset` tells where the lines that were handed out end.
        """
        limit = self._max_line + 1
        room = min(max(buffer.size, 2 * len(self._rest)), limit)
        if len(buffer.memory) != room:
            buffer.resize(room)
        filled = len(self._rest)
        buffer.view[:filled] = self._rest
        searched = 0
        while True:
            newline = buffer.memory.rfind(_NEWLINE, searched, filled)
            if newline >= 0:
                self._rest = bytes(buffer.view[newline + 1 : filled])
                return self._block(buffer, newline + 1)
            searched = filled
            if filled == limit:
                self._rest = b""
                return self._skip_line(buffer, filled)
            if filled == len(buffer.memory):
                buffer.resize(min(2 * filled, limit), kept=filled)
            got = self._fill(buffer.view[filled:])
            if not got:
                self._rest = b""
                return self._block(buffer, filled) if filled else None
            filled += got

    def _block(self, buffer: Buffer, length: int) -> Block:
        block = Block(buffer.view[:length], self.offset)
        self.offset += length
        return block

    def _skip_line(self, buffer: Buffer, length: int) -> LongLine:
        start = self.offset
        buffer.resize(min(buffer.size, self._max_line + 1))
        while got := self._fill(buffer.view):
            newline = buffer.memory.find(_NEWLINE, 0, got)
            if newline >= 0:
                length += newline
                self._rest = bytes(buffer.view[newline + 1 : got])
                self.offset = start + length + 1
                return LongLine(start, length)
            length += got
        self.offset = start + length
        return LongLine(start, length)

    def _fill(self, view: memoryview) -> int:
        """Read at least one byte into `view`, and return how many; 0 at the end of the stream, again and again."""
        if self._pushed_back:
            got = min(len(view), len(self._pushed_back))
            view[:got] = self._pushed_back[:got]
            self._pushed_back = self._pushed_back[got:]
            return got
        while not self._ended:
            read = self._stream.readinto(view)
            if read is not None:
                self._ended = not read
                return read
            # A terminal or pipe that some other process made non-blocking: nothing is there yet, but this is not the
            # end.
            import select  # noqa: PLC0415  # a millisecond of start-up for what hardly ever happens

            select.select([cast("BinaryIO", self._stream)], [], [])
        return 0

    def _skip_byte_order_mark(self) -> None:
        head = b""
        byte = memoryview(bytearray(1))
        while len(head) < len(BYTE_ORDER_MARK) and BYTE_ORDER_MARK.startswith(head) and self._fill(byte):
            head += bytes(byte)
        if head == BYTE_ORDER_MARK:
            self.offset = len(head)
        else:
            self._pushed_back = head


class _Reader:
    """Gives `readinto` to a stream that has only `read`."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readinto(self, buffer: memoryview, /) -> int:
        data = self._stream.read(len(buffer))
        if not isinstance(data, bytes):
            raise TypeError(f"a stream of bytes is needed, not of {type(data).__name__}")
        buffer[: len(data)] = data
        return len(data)
