"""Splits a stream into blocks of whole lines, in a caller's buffer.

Lines end at a newline byte and nowhere else. A line that is longer than the limit is skipped in bounded memory and
handed out as a `LongLine`, so no line in a block is longer than the limit.
"""

import mmap
from typing import TYPE_CHECKING, Final, Self

from eventcli.readable import Readable, read_into
from eventcli.record import Record

if TYPE_CHECKING:
    from eventcli.reading.mapping import LeasedLines, MappedFile

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

MAX_LINE: Final = 16 * 1024 * 1024
"""Default for the longest line that is read, in bytes without its newline."""

_PRIVATE: Final = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
"""Of memory that no child process shares; without POSIX, none does anyway."""

_NEWLINE: Final = b"\n"

_NULS: Final = bytes(2 * 1024 * 1024)
"""For comparison: ten times as fast as checking each byte."""


class Texts(Record):
    """Where the lines of a block are in a stream that has other framings: what stands there, and on which line.

    `places` has three numbers of 64 bits for each line: where its text begins and ends in `raw`, and how many newlines
    of `raw` are before it. `line` newlines are before `raw`, which is valid as long as the buffer that it is in.
    """

    raw: memoryview
    places: bytes
    line: int

    def at(self, index: int) -> tuple[int, int, int]:
        """Return where a text begins and ends in `raw`, and the newlines before it in the stream."""
        start, end, newlines = memoryview(self.places).cast("Q")[3 * index : 3 * index + 3]
        return start, end, self.line + newlines


class Block(Record):
    """Whole lines: `data` is a view of the caller's buffer, valid until the buffer is used again or released.

    `offset` is where they begin, in bytes from the start of the stream. Only the last line of a stream may lack its
    newline. A line whose holes were closed is alone in its block; `closed` is the number of NUL bytes missing from
    `data`. `texts` says where the lines are if the stream has other framings.
    """

    data: memoryview
    offset: int
    closed: int = 0
    texts: Texts | None = None


class LongLine(Record):
    """A line longer than the limit, which was skipped: its offset and its length in bytes."""

    offset: int
    length: int


class Buffer:
    """The memory of one reader of blocks, reused for every block.

    It has room for the longest line, but only as an address range: memory is used where data is written, which is the
    first `size` bytes unless a line is longer. A mapped block uses none of it.
    """

    def __init__(self, size: int, max_line: int = MAX_LINE) -> None:
        """Make room for blocks of `size` bytes and for lines of `max_line` bytes."""
        if size < 1 or max_line < 1:
            raise ValueError("a block and a line have at least one byte")
        self.size = min(size, max_line + 1)
        # A byte-order mark must fit, too, even if lines are short.
        try:
            self.memory = mmap.mmap(-1, max(max_line + 1, len(BYTE_ORDER_MARK)), **_PRIVATE)
        except OSError as error:
            raise MemoryError from error
        self.view = memoryview(self.memory)
        self.leased: LeasedLines | None = None
        """The block, if it is mapped."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()

    def release(self) -> None:
        """Release a mapped block; LostError if it may have changed meanwhile."""
        if self.leased is not None:
            leased, self.leased = self.leased, None
            leased.close()

    def trim(self) -> None:
        """Free the memory that a long line took."""
        page = -(-self.size // mmap.PAGESIZE) * mmap.PAGESIZE
        if page < len(self.memory) and hasattr(mmap, "MADV_DONTNEED"):
            self.memory.madvise(mmap.MADV_DONTNEED, page)


class Input:
    """The bytes of a stream, some of which can be put back; the first ones are kept."""

    def __init__(self, stream: Readable, keep: int) -> None:
        self._stream = stream
        self._left = keep
        self._ended = False
        self.put_back = b""
        """Bytes that come before those of the stream."""
        self.head = b""
        """The first `keep` bytes, as far as they have been read."""

    @property
    def is_kept(self) -> bool:
        """Whether the next bytes are kept."""
        return self._left > 0

    def fill(self, view: memoryview) -> int:
        """Read at least one byte into `view`, and return how many; 0 at the end of the stream, even repeatedly."""
        if self.put_back:
            got = min(len(view), len(self.put_back))
            view[:got] = self.put_back[:got]
            self.put_back = self.put_back[got:]
            return got
        if self._ended:
            return 0
        got = read_into(self._stream, view)
        self._ended = not got
        if self._left:
            kept = bytes(view[: min(got, self._left)])
            self.head += kept
            self._left -= len(kept)
        return got


class Blocks:
    """The blocks of one stream, in order. Not thread-safe: callers take turns.

    No block is longer than `max_line` + 1 bytes, which keeps lines within the limit without measuring each.
    """

    def __init__(
        self,
        stream: Readable,
        *,
        max_line: int = MAX_LINE,
        start: int = 0,
        whole: bool = False,
        keep: int = 0,
        close_holes: bool = False,
    ) -> None:
        """Nothing is read until the first block is requested.

        `start` is the offset of the stream in a longer one. With `whole`, a last line without a newline is left unread.
        The first `keep` bytes are kept in `head`. With `close_holes`, a line counts as too long only if it still is
        with each run of NUL bytes reduced to one: a crash can leave gigabytes of them.
        """
        self._input = Input(stream, keep)
        self._limit = max_line + 1
        # Only the start of a stream has a byte-order mark.
        self._begun = bool(start)
        self._rest = b""
        self._whole = whole
        self._close_holes = close_holes
        self.mapped: MappedFile | None = None
        """The stream as a file to be mapped, as soon as it is known to be one; None again once it must be read."""
        self.is_large = False
        """Whether blocks are twice as large as the buffer specifies."""
        self.offset = start
        """Bytes handed out so far, including a byte-order mark."""
        self.unfinished = 0
        """After an error of the stream: bytes that were read of an incomplete line, which is not handed out."""
        self.pending = 0
        """Bytes of a last line that was left unread."""

    @property
    def head(self) -> bytes:
        """The bytes that are kept."""
        return self._input.head

    def next(self, buffer: Buffer) -> Block | LongLine | None:
        """Fill `buffer` with whole lines; None at the end of the stream. Errors of the stream propagate.

        The buffer must have room for lines of `max_line`. After an error, `offset` is the end of the lines that were
        handed out.
        """
        buffer.release()
        if (
            self.mapped is not None
            and not self._input.is_kept
            and (block := self._map(self.mapped, buffer)) is not None
        ):
            return block
        filled = len(self._rest)
        buffer.view[:filled] = self._rest
        if not self._begun:
            filled = self._begin(buffer)
        searched = 0
        room = min(max(buffer.size << self.is_large, 2 * filled), self._limit)
        while True:
            newline = buffer.memory.rfind(_NEWLINE, searched, filled)
            if newline >= 0:
                self._rest = bytes(buffer.view[newline + 1 : filled])
                return self._block(buffer, newline + 1)
            searched = filled
            if filled == self._limit:
                self._rest = b""
                return self._close(buffer) if self._close_holes else self._skip_line(buffer, filled)
            if filled == room:
                room = min(2 * filled, self._limit)
            self.unfinished = filled
            got = self._input.fill(buffer.view[filled:room])
            if not got:
                self._rest = b""
                if self._whole:
                    self.pending = filled
                    return None
                return self._block(buffer, filled) if filled else None
            filled += got

    def _map(self, file: "MappedFile", buffer: Buffer) -> Block | None:
        """Map a block, or stop mapping and leave the stream after the last one."""
        self._rest = self._input.put_back = b""
        buffer.leased = file.lines(self.offset)
        if buffer.leased is None:
            self.mapped = None
            return None
        block = Block(buffer.leased.view, self.offset)
        self.offset += len(block.data)
        return block

    def _block(self, buffer: Buffer, length: int, closed: int = 0) -> Block:
        block = Block(buffer.view[:length], self.offset, closed)
        self.offset += length + closed
        return block

    def _close(self, buffer: Buffer) -> Block | LongLine | None:
        """Read more of a line that fills the buffer, with each run of NUL bytes reduced to one."""
        length, line = self._limit, _closed(bytes(buffer.view[: self._limit]), b"")
        filled = len(line)
        buffer.view[:filled] = line
        if filled <= buffer.size:
            buffer.trim()
        while filled < self._limit:
            self.unfinished = length
            view = buffer.view[filled : min(filled + buffer.size, self._limit)]
            got = self._input.fill(view)
            piece, newline, rest = bytes(view[:got]).partition(_NEWLINE)
            length += len(piece)
            piece = _closed(piece, bytes(buffer.view[filled - 1 : filled]))
            buffer.view[filled : filled + len(piece)] = piece
            filled += len(piece)
            if newline and filled < self._limit:
                self._rest = rest
                buffer.view[filled] = newline[0]
                return self._block(buffer, filled + 1, length - filled)
            if newline:
                self._input.put_back = newline + rest + self._input.put_back
            elif not got:
                if self._whole:
                    self.pending = length
                    return None
                return self._block(buffer, filled, length - filled)
        return self._skip_line(buffer, length)

    def _skip_line(self, buffer: Buffer, length: int) -> LongLine | None:
        start = self.offset
        buffer.trim()
        view = buffer.view[: min(buffer.size, self._limit)]
        self.unfinished = length
        while got := self._input.fill(view):
            newline = buffer.memory.find(_NEWLINE, 0, got)
            if newline >= 0:
                length += newline
                self._rest = bytes(view[newline + 1 : got])
                self.offset = start + length + 1
                return LongLine(start, length)
            length += got
            self.unfinished = length
        if self._whole:
            self.pending = length
            return None
        self.offset = start + length
        return LongLine(start, length)

    def _begin(self, buffer: Buffer) -> int:
        """Read the first bytes of the stream, without a byte-order mark; return how many are in the buffer."""
        self._begun = True
        room, mark = min(buffer.size, self._limit), len(BYTE_ORDER_MARK)
        view = buffer.view[: max(room, mark)]
        filled = 0
        while filled < mark and BYTE_ORDER_MARK.startswith(bytes(view[:filled])):
            self.unfinished = filled
            got = self._input.fill(view[filled:])
            if not got:
                break
            filled += got
        if bytes(view[:mark]) == BYTE_ORDER_MARK and filled >= mark:
            self.offset = mark
            filled -= mark
            view[:filled] = bytes(view[mark : mark + filled])
        self._input.put_back = bytes(view[room:filled])
        return min(room, filled)


def _closed(data: bytes, before: bytes) -> bytes:
    """Return bytes with each run of NUL bytes reduced to one, whose first byte may be in `before`."""
    if len(data) <= len(_NULS) and data == _NULS[: len(data)]:
        return b"" if before == b"\0" else data[:1]
    while b"\0\0" in data:
        data = data.replace(b"\0\0", b"\0")
    return data.removeprefix(b"\0") if before == b"\0" else data
