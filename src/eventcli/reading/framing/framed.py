"""Blocks of a stream that is cut into texts: the same interface as `Blocks`, one text a line."""

from eventcli.readable import Readable
from eventcli.reading.blocks import Block, Buffer, Input, Texts
from eventcli.reading.framing.cuts import Cutter, Misfit


class FramedBlocks:
    """The blocks of one stream, in order. Not thread-safe: callers take turns."""

    def __init__(self, stream: Readable, cutter: Cutter, *, max_line: int, start: int, whole: bool, keep: int) -> None:
        """Nothing is read until the first block is requested; `Blocks` has the same parameters.

        With `whole`, a last text that may go on is left unread.
        """
        self._input = Input(stream, keep)
        self._cutter = cutter
        self._limit = max_line + 1
        self._start = start
        self._whole = whole
        self._misfit: Misfit | None = None
        self._rest = b""
        self.is_large = False
        self.offset = start
        """Bytes of the stream before what is handed out next."""
        self.line = 0
        """Newlines before that."""
        self.unfinished = 0
        """After an error of the stream: bytes that were read of an incomplete text, which is not handed out."""

    @property
    def head(self) -> bytes:
        """The first bytes of the stream."""
        return self._input.head

    @property
    def pending(self) -> int:
        """At the end of the stream: bytes of a last text that was left unread."""
        return len(self._rest)

    def next(self, buffer: Buffer) -> Block | Misfit | None:
        """Return the next texts, or what cannot be given as a text; None at the end of the stream."""
        buffer.release()
        if self._misfit is not None:
            misfit, self._misfit = self._misfit, None
            return misfit._replace(offset=self._start + misfit.offset)
        filled, enough = len(self._rest), 0
        buffer.view[:filled] = self._rest
        room = min(max(buffer.size << self.is_large, 2 * filled), self._limit)
        while True:
            self.unfinished = filled
            got = self._input.fill(buffer.view[filled:room]) if filled < room else 0
            at_end = not got and filled < room
            filled += got
            if filled < enough and not at_end:
                continue
            is_full = filled == self._limit
            # A text that is read on must not be looked at again for every few bytes of a pipe.
            enough = room = min(max(room, 2 * filled), self._limit)
            raw = buffer.view[:filled]
            cut = self._cutter.cut(raw, at_end=at_end and not self._whole, is_full=is_full)
            self._rest = bytes(raw[cut.consumed :])
            texts = Texts(raw[: cut.consumed], cut.places, self.line)
            block = Block(memoryview(cut.lines), self.offset, texts=texts)
            self.offset += cut.consumed
            self.line += cut.newlines
            self._misfit = cut.misfit
            if cut.lines:
                return block
            if self._misfit is not None:
                return self.next(buffer)
            if at_end:
                return None
            if cut.consumed:
                filled = len(self._rest)
                buffer.view[:filled] = self._rest
                enough, room = 0, min(max(buffer.size << self.is_large, 2 * filled), self._limit)
