"""Texts are cut as the standard library reads them, by both bodies, in pieces of any size."""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any, Final
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cutting import LEVELS, NEEDS_RUST, OBJECTS, PATHS, VALUES, cut, difference_of_texts
from eventcli.body import BODY_VARIABLE
from eventcli.reading.framing.cuts import Cutter, Kind
from eventcli.reading.framing.kernel import KernelCutter
from eventcli.reading.framing.scan import Scan
from eventcli.reading.framing.texts import TextCutter

DUMPS: Final = st.sampled_from(
    [
        json.dumps,
        lambda value: json.dumps(value, indent=2),
        lambda value: json.dumps(value, indent=0, ensure_ascii=False),
        lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False),
    ]
)

SOUP: Final = st.lists(
    st.sampled_from(
        [
            *'{}[]"\\,:\n\x1e \t\r\ufeff1x',
            "-0.5e1",
            "true",
            '{"a":1}',
            '{"R":[',
            '"R"',
            '"R":[{"L":[',
            "]}]}",
            '\n  {"a":"',
            '\n{"a":1}',
            "é",
            '"\\u0052"',
            "\n[",
        ]
    ),
    max_size=30,
).map("".join)


@pytest.fixture
def cutter(body: str) -> Callable[..., Cutter]:
    """Return what makes a cutter of the body."""
    return KernelCutter if body == "rust" else TextCutter


def decoded(stream: str) -> Iterator[Any]:
    """Yield the values that the standard library finds in a stream."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(stream):
        if stream[at] in " \t\r\n\x1e\ufeff":
            at += 1
            continue
        value, at = decoder.raw_decode(stream, at)
        yield value


@given(
    values=st.lists(st.tuples(OBJECTS | st.lists(VALUES, min_size=1), DUMPS), max_size=5),
    between=st.sampled_from(["", " ", "\n", "\r\n", "\n\n", "\x1e", "\n\x1e", "\ufeff", "\n\ufeff"]),
    size=st.integers(1, 80),
)
def test_texts_are_those_of_the_standard_library(
    cutter: Callable[..., Cutter], values: list[tuple[Any, Callable[[Any], str]]], between: str, size: int
) -> None:
    """Whatever stands between texts, and however they are printed, they are read as raw_decode reads them."""
    stream = "".join(between + dump(value) for value, dump in values)
    expected = []
    for value in decoded(stream):
        expected += value if isinstance(value, list) else [value]

    texts, misfits = cut(cutter((), 10_000), stream.encode(), most=10_000, size=size)

    assert not misfits
    assert [json.loads(text) for text, *_ in texts] == expected
    assert [line for _, _, line in texts] == [stream.encode()[:start].count(b"\n") for _, start, _ in texts]


def walked(value: Any, path: tuple[str, ...]) -> list[Any]:
    """Return the records at a path of a value."""
    if not path:
        return [value]
    inner = value.get(path[0]) if isinstance(value, dict) else None
    elements = inner if isinstance(inner, list) else [inner] if isinstance(inner, dict) else []
    if len(path) == 1:
        return elements
    return [record for element in elements for record in walked(element, path[1:])]


ENVELOPES: Final = st.recursive(
    VALUES,
    lambda inner: st.dictionaries(st.sampled_from(["R", "L", "x"]), inner | st.lists(inner, max_size=3), max_size=3),
    max_leaves=9,
).filter(lambda value: isinstance(value, dict))


@given(st.lists(st.tuples(ENVELOPES, DUMPS), max_size=3), st.sampled_from([("R",), ("R", "L")]), st.integers(1, 80))
@example([({"R": [{"L": [1]}, {"x": 1}, {"L": {"a": 1}}]}, json.dumps)], ("R", "L"), 1)
def test_records_are_those_at_the_path(
    cutter: Callable[..., Cutter],
    values: list[tuple[Any, Callable[[Any], str]]],
    path: tuple[str, ...],
    size: int,
) -> None:
    """Records are the elements of the arrays that a path leads to, and a text without any is noted."""
    stream = "\n".join(dump(value) for value, dump in values)

    texts, misfits = cut(cutter(path, 10_000), stream.encode(), most=10_000, size=size)

    expected = [record for value, _ in values for record in walked(value, path)]
    assert [json.loads(text) for text, *_ in texts] == expected
    assert {misfit.kind for misfit in misfits} <= {Kind.NO_RECORDS}
    assert len(misfits) >= sum(not walked(value, path) and "R" not in value for value, _ in values)


@NEEDS_RUST
@given(
    stream=SOUP,
    path=st.sampled_from(PATHS),
    most=st.integers(1, 60),
    size=st.integers(1, 20),
    atomic=st.booleans(),
    level=st.sampled_from(LEVELS),
)
@example(stream='{"a":"\n{"a":1}', path=(), most=50, size=3, atomic=False, level="portable")
def test_pieces_and_bodies_are_the_same(  # each shrinks on its own
    stream: str,
    path: tuple[str, ...],
    most: int,
    size: int,
    atomic: bool,  # noqa: FBT001
    level: str,
) -> None:
    """Whatever a stream holds, both bodies cut the same from it, in pieces of any size, with any instructions."""
    with mock.patch.dict(os.environ, {BODY_VARIABLE: f"rust-{level}"}):
        assert difference_of_texts(stream.encode(), path, most, size, atomic=atomic) is None


def test_a_value_is_followed_no_deeper_than_allowed() -> None:
    """Nesting beyond the limit counts as torn, which bounds memory."""
    scan = Scan(3)
    assert scan.go(b"[[[]]]", 0) == ("end", 6)
    scan.reset()
    assert scan.go(b"[[[[]]]]", 0) == ("damage", 3)
