"""What tests of cutters share: JSON values, and a stream that is cut in pieces."""

from typing import Final

from hypothesis import strategies as st

from eventcli.reading.framing.cuts import Cutter, Misfit

Text = tuple[bytes, int, int]
"""A text as a line, where it begins in the stream, and how many newlines are before it."""

VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)

OBJECTS: Final = st.dictionaries(st.text(max_size=5), VALUES, max_size=3)


def cut(
    cutter: Cutter, stream: bytes, *, most: int, size: int, is_same: bool = True
) -> tuple[list[Text], list[Misfit]]:
    """Return what is cut from a stream that is read in pieces, as `FramedBlocks` reads it.

    If lines are the same as what stands in the stream (`is_same`), but for newlines, that is checked.
    """
    texts: list[Text] = []
    misfits: list[Misfit] = []
    buffer, read, offset, line = b"", 0, 0, 0
    while True:
        room = min(size, most + 1 - len(buffer), len(stream) - read)
        buffer += stream[read : read + room]
        read += room
        at_end = read == len(stream)
        got = cutter.cut(memoryview(buffer), at_end=at_end, is_full=len(buffer) == most + 1)
        places = memoryview(got.places).cast("Q").tolist()
        lines = got.lines.split(b"\n")[:-1]
        for index, text in enumerate(lines):
            start, end, newlines = places[3 * index : 3 * index + 3]
            assert not is_same or buffer[start:end].replace(b"\n", b"\r") == text
            texts.append((text, offset + start, line + newlines))
        misfits += [got.misfit] if got.misfit else []
        offset, line = offset + got.consumed, line + got.newlines
        assert room or got.consumed or got.misfit or at_end, "no progress"
        buffer = buffer[got.consumed :]
        if at_end and got.misfit is None:
            assert not buffer
            assert (offset, line) == (len(stream), stream.count(b"\n"))
            return texts, misfits
