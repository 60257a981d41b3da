"""What tests of cutters share, and their fuzz target: JSON values, a stream that is cut in pieces, two bodies."""

from typing import Final

import pytest
from hypothesis import strategies as st

from eventcli.body import kernel
from eventcli.reading.framing.cuts import Cutter, Misfit
from eventcli.reading.framing.kernel import KernelCutter, KernelUnwrapper
from eventcli.reading.framing.texts import TextCutter
from eventcli.reading.framing.wrapped import LineUnwrapper, Wrapping

Text = tuple[bytes, int, int]
"""A text as a line, where it begins in the stream, and how many newlines are before it."""

LEVELS: Final = ["portable"] if kernel is None else kernel.levels()
"""The instruction sets that the Rust body can be told to use here."""

NEEDS_RUST: Final = pytest.mark.skipif(kernel is None, reason="built without the Rust body")

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


PATHS: Final[tuple[tuple[str, ...], ...]] = ((), ("R",), ("R", "L"))
"""Where records are."""

WAYS: Final[tuple[tuple[tuple[str, ...], ...], ...]] = ((), (("log",),), (("a.b",), ("a", "b")))
"""Where the string with an event is."""


def difference_of_texts(stream: bytes, path: tuple[str, ...], most: int, size: int, *, atomic: bool) -> str | None:
    """Return what is different if both bodies cut a stream into texts, in pieces and at once; or None."""
    expected = cut(TextCutter(path, most, atomic=atomic), stream, most=most, size=len(stream) + 1)
    if (found := cut(TextCutter(path, most, atomic=atomic), stream, most=most, size=size)) != expected:
        return f"python {expected}, in pieces {found}"
    for own in (size, len(stream) + 1):
        if (found := cut(KernelCutter(path, most, atomic=atomic), stream, most=most, size=own)) != expected:
            return f"python {expected}, rust {found} of {own} bytes each"
    return None


def difference_of_lines(stream: bytes, wrapping: Wrapping, most: int, size: int) -> str | None:
    """Return what is different if both bodies make lines of lines, in equal pieces and one by one; or None."""
    for own in (size, len(stream) + 1):
        expected = cut(LineUnwrapper(wrapping, most), stream, most=most, size=own, is_same=False)
        if (found := cut(KernelUnwrapper(wrapping, most), stream, most=most, size=own, is_same=False)) != expected:
            return f"python {expected}, rust {found} of {own} bytes each"
    lines = stream + b"\n"
    python, rust = (unwrapper(wrapping, most).unwrap(lines) for unwrapper in (LineUnwrapper, KernelUnwrapper))
    return None if python == rust else f"python {python!r}, rust {rust!r}"


def difference_of_input(data: bytes) -> str | None:
    """Return the difference for the bytes of a fuzzer: four of them choose what is cut, the rest is the stream."""
    if len(data) < 4:
        return None
    options, way, most, size = data[:4]
    stream = data[4:]
    # Mostly no text is too long, and pieces are neither very short nor all the same.
    most = most + 1 if most < 64 else 10_000
    size += 1
    if options & 1:
        wrapping = Wrapping(bool(options & 2), bool(options & 4), WAYS[way % len(WAYS)], bool(options & 8))
        return difference_of_lines(stream, wrapping, most, size)
    return difference_of_texts(stream, PATHS[way % len(PATHS)], most, size, atomic=bool(options & 2))
