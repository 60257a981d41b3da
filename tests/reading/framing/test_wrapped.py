"""Events in strings, behind prefixes and between action lines are found, by both bodies, in pieces of any size."""

import json
import os
from collections.abc import Callable
from typing import Any, Final
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cutting import LEVELS, NEEDS_RUST, OBJECTS, VALUES, WAYS, cut, difference_of_lines
from eventcli.body import BODY_VARIABLE
from eventcli.reading.framing.kernel import KernelUnwrapper
from eventcli.reading.framing.wrapped import LineUnwrapper, Wrapping

Unwrapper = KernelUnwrapper | LineUnwrapper

DOCKER: Final = '{"log":"{\\"a\\":","stream":"stdout","time":"t"}\n'

SOUP: Final = st.lists(
    st.sampled_from(
        [
            *'{}[]",:\n\x1e \\\r\ufeffx',
            "\n",
            "\n",
            DOCKER,
            DOCKER.replace("stdout", "stderr"),
            DOCKER.replace('{\\"a\\":', "1}\\n"),
            DOCKER.replace('{\\"a\\":', '{\\"b\\":2}'),
            DOCKER.replace('{\\"a\\":', "text"),
            '{"index":{}}\n',
            '{"delete":{"_id":"1"}}\n',
            '{"type":"a"}\n',
            "2020 stdout P {\n",
            "2020 stderr P:1 x\n",
            "2020 stdout F }\n",
            "web_1 | ",
            '{"log":{"a":1}}\n',
            '{"log":"\\ud83d"}',
        ]
    ),
    max_size=16,
).map("".join)

FLAT: Final = st.dictionaries(st.text(max_size=5), st.integers() | st.none() | st.lists(st.booleans()), max_size=3)

WRAPPINGS: Final = st.builds(Wrapping, st.booleans(), st.booleans(), st.sampled_from(WAYS), st.booleans())


@pytest.fixture
def unwrapper(body: str) -> Callable[[Wrapping], Unwrapper]:
    """Return what makes an unwrapper of the body, for lines of any usual length."""
    return lambda wrapping: (KernelUnwrapper if body == "rust" else LineUnwrapper)(wrapping, 100_000)


def texts_of(unwrapper: Unwrapper, stream: bytes, size: int = 100_000) -> list[bytes]:
    """Return the lines that are made of a stream."""
    texts, misfits = cut(unwrapper, stream, most=100_000, size=size, is_same=False)
    assert not misfits
    return [text for text, *_ in texts]


@given(
    outer=st.dictionaries(st.sampled_from(["log", "stream", "type", "x"]), VALUES, max_size=3),
    inner=OBJECTS | st.dictionaries(st.sampled_from(["type", "value", "x"]), VALUES, max_size=3),
    end=st.sampled_from(["", "\n", "\r\n"]),
    indent=st.sampled_from([None, 2]),
    in_place=st.booleans(),
)
def test_a_string_is_read_as_the_standard_library_reads_it(
    unwrapper: Callable[[Wrapping], Unwrapper],
    outer: dict[str, Any],
    inner: dict[str, Any],
    end: str,
    indent: int | None,
    in_place: bool,  # noqa: FBT001
) -> None:
    """The members of the object in a string join those of the line, and win over those of the same name."""
    line = json.dumps({**outer, "log": json.dumps(inner, indent=indent) + end}).encode()

    (text,) = texts_of(unwrapper(Wrapping(ways=(("log",),), in_place=in_place)), line)

    assert json.loads(text) == {**outer, "log": inner if in_place else None, **inner}


@given(
    # No object is inside of another one: a part that is one by itself would not be joined.
    st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), FLAT, st.integers(1, 40)), min_size=1, max_size=5),
    st.integers(1, 200),
)
def test_cut_strings_are_joined(
    unwrapper: Callable[[Wrapping], Unwrapper], events: list[tuple[str, dict[str, Any], int]], size: int
) -> None:
    """What Docker has cut into lines is one event, in pieces of any size, wherever it was cut."""
    lines = []
    for stream, event, length in events:
        text = json.dumps({"key": "value", **event}) + "\n"
        parts = [text[at : at + length] for at in range(0, len(text), length)]
        if parts[-1] == "\n":
            parts[-2:] = ["".join(parts[-2:])]
        lines += [json.dumps({"log": part, "stream": stream}) for part in parts]

    texts = texts_of(unwrapper(Wrapping(ways=(("log",),))), "\n".join(lines).encode(), size=size)

    expected = [{"log": None, "stream": stream, "key": "value", **event} for stream, event, _ in events]
    assert [json.loads(text) for text in texts] == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'web_1  | {"a":1}', b'{"a":1}'),
        (b'[pod/web-1/app] {"a":{}}', b'{"a":{}}'),
        (b"no object", b"no object"),
        (b'2020-10-06T10:02:05.1Z stdout F {"a":1}', b'{"a":1}'),
        (b'2020 stdout P {"a":\n2020 stderr P {"b":\n2020 stdout F 1}\n2020 stderr F 2}', b'{"a":1}\n{"b":2}'),
        (b'2020 stdout P {"a":', b'{"a":'),
        (b" \n", b" "),
    ],
)
def test_prefixes_are_skipped(unwrapper: Callable[[Wrapping], Unwrapper], line: bytes, expected: bytes) -> None:
    """What is before the first brace is ignored, and what a container runtime has cut is joined by its stream."""
    assert b"\n".join(texts_of(unwrapper(Wrapping(skip_prefix=True)), line)) == expected


def test_action_lines_are_left_out(unwrapper: Callable[[Wrapping], Unwrapper]) -> None:
    """Of a bulk file the documents are read, also one that looks like an action."""
    lines = [
        b'{"index":{"_index":"shop"}}',
        b'{"a":1}',
        b'{ "delete" : {"_id":"1"} }',
        b'{"create":{}}',
        b'{"index":{}}',
    ]

    assert texts_of(unwrapper(Wrapping(bulk=True)), b"\n".join(lines)) == [lines[1], lines[4]]


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (b'"text\\n"', b"text\r"),
        (b'" \\n"', b" \r"),
        (b'"[1]"', b"[1]"),
        (b'"{} {}"', b"{} {}"),
        (b'"{\\"a\\":1},\\"b\\":{}"', b'{"a":1},"b":{}'),
        (b"1", b'{"log":1}'),
        (b'"\\ud83d"', b'{"log":"\\ud83d"}'),
        (b'"\xff"', b'{"log":"\xff"}'),
        (b'{"b":2}', b'{"log":null,"b":2}'),
    ],
)
def test_other_strings_are_left_to_the_fold(
    unwrapper: Callable[[Wrapping], Unwrapper], log: bytes, expected: bytes
) -> None:
    """A string without an object stands for itself, and a line without a string is as it was."""
    assert texts_of(unwrapper(Wrapping(ways=(("log",),))), b'{"log":%s}' % log) == [expected]


@NEEDS_RUST
@given(
    stream=SOUP,
    wrapping=WRAPPINGS,
    most=st.integers(1, 200),
    size=st.integers(1, 60),
    level=st.sampled_from(LEVELS),
)
@example(stream="x" * 9 + "\n{}", wrapping=Wrapping(skip_prefix=True), most=5, size=3, level="portable")
def test_bodies_are_the_same(stream: str, wrapping: Wrapping, most: int, size: int, level: str) -> None:
    """Whatever a stream holds, both bodies make the same of it in equal pieces, and of lines by themselves."""
    with mock.patch.dict(os.environ, {BODY_VARIABLE: f"rust-{level}"}):
        assert difference_of_lines(stream.encode(), wrapping, most, size) is None


@given(stream=SOUP, wrapping=WRAPPINGS, size=st.integers(1, 60))
def test_pieces_make_no_difference(
    unwrapper: Callable[[Wrapping], Unwrapper], stream: str, wrapping: Wrapping, size: int
) -> None:
    """A stream means the same in pieces of any size, but for the order of texts that were cut."""
    whole = cut(unwrapper(wrapping), stream.encode(), most=100_000, size=100_000, is_same=False)
    pieces = cut(unwrapper(wrapping), stream.encode(), most=100_000, size=size, is_same=False)
    assert (sorted(pieces[0]), pieces[1]) == (sorted(whole[0]), whole[1])
