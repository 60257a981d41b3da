"""`lines.grammar`: JSON is followed as far as it goes, whatever stops orjson; torn texts are found to be torn."""

import json

import orjson
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from eventcli.lines.grammar import is_json, is_torn, shape, torn_at

_VALUES = st.recursive(
    st.one_of(
        st.sampled_from(
            ["null", "true", "false", "0", "-1.5", "12e3", "-0.5E-2", '""', '"x"', '"\\u00e9{"', '"a\\\\"']
        ),
        st.text(max_size=4).map(json.dumps),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda values: f"[{', '.join(values)}]"),
        st.lists(inner, max_size=3).map(
            lambda values: "{" + ",".join(f'"k{at}" :{value}' for at, value in enumerate(values)) + "}"
        ),
    ),
    max_leaves=6,
).map(str.encode)
"""Texts of JSON values, none of which overflows a double."""

_CONTAINERS = _VALUES.filter(lambda text: text[:1] in (b"{", b"["))

_TEXTS = st.one_of(
    _VALUES,
    st.lists(
        st.sampled_from([b"[", b"]", b"{", b"}", b":", b",", b'"a"', b"1", b" ", b"tru", b"null", b"\\", b'"'])
    ).map(b"".join),
)


@given(text=_TEXTS, depth=st.sampled_from([0, 1, 1023, 1024, 1025, 3000]), key=st.booleans())
@example(text=b"[]", depth=1023, key=False)
@example(text=b"]", depth=1025, key=False)
@example(text=b"1e99911.8e308", depth=0, key=False)
@example(text=b"1e999-1", depth=0, key=False)
def test_any_depth_and_any_number_is_followed(text: bytes, depth: int, *, key: bool) -> None:
    """A text is JSON if it is that without what stops orjson: too many levels around it, or too large a number."""
    try:
        value = orjson.loads(text)
    except ValueError:
        value = orjson
    opening, closing = (b'{"a":', b"}") if key else (b"[", b"]")
    found = shape(opening * depth + text + closing * depth)
    assert (found is not None) == (value is not orjson or (text.strip() == b"" and depth > 0 and not key))
    large = shape(b'["1e999",-1e999,' + text + b"," + b"9" * 400 + b"]")
    assert (large is not None) == (value is not orjson)
    if large is not None:
        assert orjson.loads(large.finite) == ["1e999", 0, value, 0]


@pytest.mark.parametrize("depth", [1025, 1_000_000])
def test_depth_is_told(depth: int) -> None:
    """How deep a text nests is told where that is deeper than orjson reads, in time that is linear in it."""
    found = shape(b"[" * depth + b"]" * depth)
    assert found is not None
    assert found.depth == depth
    assert shape(b"[" * depth + b"]" * (depth - 1) + b"}") is None
    assert shape(b"[" * depth) is None


@given(_CONTAINERS)
def test_every_head_is_torn(text: bytes) -> None:
    """Every beginning of an array or object is torn, the whole is not, nor is what goes on behind it."""
    for cut in range(1, len(text)):
        assert is_torn(text[:cut]), cut
    for whole in (text, text + b" ", text + b"[", b""):
        assert not is_torn(whole)


@given(_CONTAINERS, st.sampled_from([b'{"type":"a"}', b'{ "a":[1,{"b":{}}]}', b'{"":"","}":1}']))
@example(b'["a\\\\"]', b'{"type":"a"}')
def test_a_record_behind_a_torn_one_is_found(text: bytes, record: bytes) -> None:
    """An object behind a head begins where the head ends, unless it may be an object of the torn one."""
    for cut in range(1, len(text)):
        head = text[:cut]
        at = torn_at(head + record)
        may_be_inside = head.rstrip()[-1:] in (b":", b"[", b",")
        assert at == cut or (at is None and may_be_inside), cut


@given(_TEXTS, _CONTAINERS)
@example(b"]", rb'["\u00e9{"]')
def test_what_is_not_torn_has_no_record_behind_it(text: bytes, record: bytes) -> None:
    """After a text that is not the head of an array or object, no record is found.

    Within a string of a whole record a brace may look like the beginning of one, but no JSON text follows there.
    """
    assume(text.strip()[:1] not in (b"{", b"["))
    assert torn_at(text + b" x " + record) is None
    line = record + text + record
    at = torn_at(line)
    assert at is None or not is_json(line[at:])
