"""`reading.aligned`: however a stream is cut, each line is in one part; and no part is read further than needed."""

import io
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from eventcli.reading.aligned import AlignedLines, before

LINES = st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=10)


def part(data: bytes, start: int, end: int, block: int) -> tuple[int, bytes, int]:
    """Return where a part begins, its bytes, and how far the stream was read for it."""
    stream = io.BytesIO(data)
    stream.seek(before(start))
    lines = AlignedLines(stream, start, end)
    found = b""
    view = memoryview(bytearray(block))
    while got := lines.readinto(view):
        found += view[:got]
    return lines.start, found, stream.tell()


@given(lines=LINES, is_ended=st.booleans(), data=st.data(), block=st.integers(1, 40))
def test_any_cutting_gives_each_line_once(
    lines: list[bytes],
    is_ended: bool,  # noqa: FBT001  # drawn
    data: st.DataObject,
    block: int,
) -> None:
    """A part has the lines that begin in it, whole, at their offsets; together the parts have all bytes, in order."""
    text = b"\n".join(lines) + b"\n" * is_ended
    inner = data.draw(st.lists(st.integers(0, len(text)), max_size=6), "cuts")
    ends = list(pairwise(sorted({0, *inner, len(text)})))
    parts = [part(text, start, end, block) for start, end in ends]
    assert b"".join(found for _, found, _ in parts) == text
    for (begin, found, _), (start, end) in zip(parts, ends, strict=True):
        assert not found or (start <= begin < end and text[begin:].startswith(found))
        assert not found or begin == 0 or text[begin - 1 : begin] == b"\n"


def test_a_part_in_a_long_line_is_read_to_its_end_only() -> None:
    """Thousands of parts in the middle of one line are not each read to the end of the line."""
    text = b"x" * 10_000_000 + b"\n"
    _, found, read = part(text, 1000, 200_000, 4096)
    assert found == b""
    assert read < 300_000
