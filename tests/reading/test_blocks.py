"""`eventcli.reading.blocks`: a stream becomes blocks of whole lines, whatever the sizes of reads, blocks and lines."""

import errno
import io
import os
import re
import threading
from typing import BinaryIO, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eventcli.readable import readable
from eventcli.reading.blocks import BYTE_ORDER_MARK, MAX_LINE, Block, Blocks, Buffer, LongLine

SIZES = st.one_of(st.integers(1, 64), st.sampled_from([100, 1000, 65536]))
READS = st.lists(st.integers(1, 20), max_size=40)

# Short lines over a small alphabet, so that newlines, and bytes of a byte-order mark, often meet the edge of a block.
STREAMS = st.one_of(
    st.lists(st.sampled_from([b"\n", b"\n", b"a", b"bc", b"\r", b"\0", b"\xef", b"\xef\xbb", BYTE_ORDER_MARK])).map(
        b"".join
    ),
    st.binary(max_size=200),
    st.lists(st.integers(0, 90), max_size=8).map(lambda lengths: b"\n".join(b"x" * length for length in lengths)),
)


class ShortReads(io.RawIOBase):
    """A stream that gives some bytes at a time, as a pipe does, and may fail in the end."""

    def __init__(self, data: bytes, sizes: list[int], failure: OSError | None = None) -> None:
        self._data = data
        self._sizes = iter(sizes)
        self._failure = failure

    def readable(self) -> bool:
        """Say that this is a stream to read from."""
        return True

    def readinto(self, buffer: object) -> int:
        """Give at most as many bytes as the next size says."""
        view = memoryview(cast("bytearray", buffer))
        length = min(len(view), next(self._sizes, len(view)), len(self._data))
        if not self._data and self._failure is not None:
            raise self._failure
        view[:length], self._data = self._data[:length], self._data[length:]
        return length


Part = tuple[int, bytes | int]
"""The offset of a block and its bytes, or of a line that is too long and its length."""


def hand_out(blocks: Blocks, buffer: Buffer, parts: list[Part]) -> None:
    """Append all that the blocks of a stream are to `parts`."""
    while (part := blocks.next(buffer)) is not None:
        parts.append((part.offset, bytes(part.data) if isinstance(part, Block) else part.length))


def read(stream: BinaryIO | io.RawIOBase, size: int, max_line: int = MAX_LINE) -> list[Part]:
    """Return all that the blocks of a stream are."""
    parts: list[Part] = []
    hand_out(Blocks(readable(cast("BinaryIO", stream)), max_line=max_line), Buffer(size, max_line), parts)
    return parts


def lines_of(parts: list[Part]) -> list[Part]:
    """Return offset and bytes (or, where too long, the length) of every line without its newline."""
    lines: list[Part] = []
    for start, part in parts:
        if isinstance(part, int):
            lines.append((start, part))
            continue
        offset = start
        for line in _split(part):
            lines.append((offset, line.removesuffix(b"\n")))
            offset += len(line)
    return lines


def _split(part: bytes) -> list[bytes]:
    pieces = part.split(b"\n")
    return [piece + b"\n" for piece in pieces[:-1]] + [piece for piece in pieces[-1:] if piece]


def expected_lines(data: bytes, max_line: int) -> list[Part]:
    """Return what `lines_of` must give for a whole stream."""
    offset = len(BYTE_ORDER_MARK) if data.startswith(BYTE_ORDER_MARK) else 0
    lines: list[Part] = []
    for line in _split(data[offset:]):
        text = line.removesuffix(b"\n")
        lines.append((offset, text if len(text) <= max_line else len(text)))
        offset += len(line)
    return lines


@given(STREAMS, SIZES, READS)
@example(b"a\r\nb", 1, [])
@example(BYTE_ORDER_MARK, 1, [1, 1, 1])
@example(BYTE_ORDER_MARK * 2 + b"\n", 2, [])
def test_blocks_are_the_stream_cut_behind_newlines(data: bytes, size: int, reads: list[int]) -> None:
    """Blocks put together are the stream without its byte-order mark; every block but the last ends with a newline."""
    parts = [(offset, part) for offset, part in read(ShortReads(data, reads), size) if isinstance(part, bytes)]
    assert b"".join(part for _, part in parts) == data.removeprefix(BYTE_ORDER_MARK)
    assert all(part.endswith(b"\n") for _, part in parts[:-1])
    assert all(part and data[offset : offset + len(part)] == part for offset, part in parts)


@given(STREAMS, SIZES, READS, st.integers(1, 80))
@example(b"x" * 6 + b"\n", 1, [], 5)
@example(b"x" * 6, 64, [], 5)
@example(b"x" * 5 + b"\n" + b"y" * 6, 64, [], 5)
def test_long_lines_are_told_from_others(data: bytes, size: int, reads: list[int], max_line: int) -> None:
    """Exactly the lines that are longer than the limit are handed out as such, with their offsets and lengths."""
    assert lines_of(read(ShortReads(data, reads), size, max_line)) == expected_lines(data, max_line)


@given(STREAMS, SIZES, st.integers(1, 80))
def test_no_block_is_longer_than_a_line_may_be(data: bytes, size: int, max_line: int) -> None:
    """A block is at most one byte longer than the longest line allowed."""
    parts = [part for _, part in read(io.BytesIO(data), size, max_line) if isinstance(part, bytes)]
    assert all(len(part) <= max_line + 1 for part in parts)


@given(STREAMS, READS, st.integers(1, 64), st.integers(1, 80))
def test_a_failing_stream_loses_no_whole_line(data: bytes, reads: list[int], size: int, max_line: int) -> None:
    """All lines that end before a stream fails are handed out; offset and rest tell where they end, and what is not."""
    stream = ShortReads(data, reads, OSError(errno.EIO, "Input/output error"))
    blocks = Blocks(readable(cast("BinaryIO", stream)), max_line=max_line)
    parts: list[Part] = []
    with pytest.raises(OSError, match="Input/output error"):
        hand_out(blocks, Buffer(size, max_line), parts)
    whole = data[: data.rfind(b"\n") + 1]
    assert lines_of(parts) == expected_lines(whole, max_line)
    assert blocks.offset == max(len(whole), 3 if data.startswith(BYTE_ORDER_MARK) else 0)
    assert blocks.offset + blocks.unfinished == len(data)


def test_a_buffer_serves_several_streams() -> None:
    """What is left in a buffer by one stream does not show in the next."""
    buffer = Buffer(8, 100)
    for data in (b"long line " * 5 + b"\n", b"a\nb\n", b"c"):
        blocks = Blocks(io.BytesIO(data))
        found = b""
        while (part := blocks.next(buffer)) is not None:
            assert isinstance(part, Block)
            found += bytes(part.data)
        assert found == data


def test_several_buffers_serve_one_stream() -> None:
    """Readers that take turns, each with a buffer of its own, get one block after the other."""
    blocks = Blocks(io.BytesIO(b"".join(b"%d\n" % number for number in range(100))))
    buffers = [Buffer(10), Buffer(7), Buffer(1)]
    found = b""
    for turn in range(1000):
        part = blocks.next(buffers[turn % 3])
        if part is None:
            break
        assert isinstance(part, Block)
        assert part.offset == len(found)
        found += bytes(part.data)
    assert found == b"".join(b"%d\n" % number for number in range(100))


def test_the_end_is_the_end() -> None:
    """At the end of a stream there is no next block, however often one is asked for."""
    blocks = Blocks(io.BytesIO(b"a"))
    buffer = Buffer(10)
    assert blocks.next(buffer) is not None
    assert blocks.next(buffer) is None
    assert blocks.next(buffer) is None


def test_a_stream_that_only_reads_will_do() -> None:
    """A stream with `read` but without `readinto` is read all the same."""

    class OnlyRead:
        def __init__(self) -> None:
            self._stream = io.BytesIO(b"a\nb\n")

        def read(self, size: int) -> bytes:
            return self._stream.read(min(size, 3))

    blocks = Blocks(readable(cast("BinaryIO", OnlyRead())))
    buffer = Buffer(100)
    found = b""
    while (part := blocks.next(buffer)) is not None:
        assert isinstance(part, Block)
        found += bytes(part.data)
    assert found == b"a\nb\n"


def test_a_stream_of_text_is_refused() -> None:
    """A stream of text is a TypeError that says what is needed."""
    with pytest.raises(TypeError, match="a stream of bytes is needed, not of str"):
        Blocks(readable(cast("BinaryIO", io.StringIO("a\n")))).next(Buffer(10))


def test_a_pipe_that_has_nothing_yet_is_waited_for() -> None:
    """Where a pipe was made non-blocking, having nothing to read is not the end of it."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    started = threading.Event()

    def write() -> None:
        started.wait()
        for piece in (b"\xef", b"\xbb\xbfa", b"b\nc", b"d"):
            os.write(writing, piece)
        os.close(writing)

    writer = threading.Thread(target=write)
    writer.start()
    with open(reading, "rb", buffering=0) as stream:
        started.set()
        parts = read(stream, 4)
    writer.join()
    assert b"".join(part for _, part in parts if isinstance(part, bytes)) == b"ab\ncd"


@pytest.mark.parametrize(("size", "max_line"), [(0, 1), (1, 0), (-1, 1)])
def test_sizes_are_at_least_one(size: int, max_line: int) -> None:
    """A block or line of less than a byte is a ValueError."""
    with pytest.raises(ValueError, match="at least one byte"):
        Buffer(size, max_line)


def test_a_skipped_line_is_not_kept_in_memory() -> None:
    """A line of 100 times the limit is skipped through the same small buffer."""
    stream = ShortReads(b"x" * 100_000 + b"\nnext", [])
    blocks = Blocks(readable(cast("BinaryIO", stream)), max_line=1000)
    buffer = Buffer(10, 1000)
    assert blocks.next(buffer) == LongLine(0, 100_000)
    assert len(buffer.memory) == 1001
    part = blocks.next(buffer)
    assert isinstance(part, Block)
    assert (bytes(part.data), part.offset) == (b"next", 100_001)


@given(
    st.lists(st.sampled_from([b"\n", b"\0", b"\0\0\0\0\0", b"a", b"bc" * 4]), max_size=30).map(b"".join),
    READS,
    st.integers(1, 12),
    st.integers(1, 12),
    st.booleans(),
)
@example(b"a" + b"\0" * 50 + b"bc\n\0\0\0x\n", [], 64, 4, False)  # noqa: FBT003  # drawn
@example(b"\0" * 50, [3], 2, 4, True)  # noqa: FBT003  # drawn
def test_holes_are_closed(data: bytes, sizes: list[int], size: int, max_line: int, whole: bool) -> None:  # noqa: FBT001  # drawn
    """With holes closed, a line is too long if it is that with one NUL byte for each run; its place is the same."""
    expected: list[Part] = []
    offset = 0
    lines = data.split(b"\n")
    rest = lines.pop()
    for line in [*(line + b"\n" for line in lines), rest]:
        text = line.removesuffix(b"\n")
        short = re.sub(rb"\0+", b"\0", text)
        if not line or (whole and line is rest):
            continue
        if len(short) > max_line:
            expected.append((offset, len(text)))
        else:
            expected.append((offset, short + line[len(text) :] if len(text) > max_line else line))
        offset += len(line)
    with Buffer(size, max_line) as buffer:
        blocks = Blocks(ShortReads(data, sizes), max_line=max_line, whole=whole, close_holes=True)
        parts: list[Part] = []
        while (part := blocks.next(buffer)) is not None:
            if isinstance(part, LongLine):
                parts.append((part.offset, part.length))
                continue
            assert part.closed == 0 or bytes(part.data).find(b"\n") in (-1, len(part.data) - 1)
            at = part.offset
            for line in bytes(part.data).splitlines(keepends=True):
                parts.append((at, line))
                at += len(line) + part.closed
        assert parts == expected
        assert blocks.offset == offset
        assert blocks.pending == (len(rest) if whole else 0)
