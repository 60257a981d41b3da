"""`summary.elements`: a stream of JSON texts comes apart into the same values, however long it is, in any pieces."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli.summary import elements
from eventcli.summary.elements import Begin, DocumentError, End, Member

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


class Trickle(io.RawIOBase):
    """A stream that gives a few bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        """Give `size` bytes of the data at most."""
        super().__init__()
        self._data = io.BytesIO(data)
        self._size = size

    def readinto(self, buffer: Any, /) -> int:
        """Give the next bytes."""
        return self._data.readinto(memoryview(buffer)[: self._size])


def plain(value: Any) -> Any:
    """Return a value with numbers as `json` reads them."""
    if isinstance(value, elements.Number):
        return json.loads(value)
    if isinstance(value, list):
        return list(map(plain, value))
    return {key: plain(one) for key, one in value.items()} if isinstance(value, dict) else value


@given(st.lists(VALUES, max_size=4), st.integers(1, 9), st.sampled_from([None, 1]))
def test_values_come_out_as_they_went_in(values: list[Any], size: int, indent: int | None) -> None:
    """Each document comes out once, the elements of an outermost array one by one."""
    text = "\n".join(json.dumps(value, indent=indent) for value in values)
    expected = [one for value in values for one in (value if isinstance(value, list) else [value])]
    assert list(map(plain, elements.elements(Trickle(text.encode(), size)))) == expected


@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=5), st.integers(1, 9))
def test_an_object_that_is_too_long_comes_in_parts(value: dict[str, Any], size: int) -> None:
    """The members of an object longer than the limit come one by one, and so do the elements of its arrays."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(elements, "LONGEST", 2_000_000)
        padded = value | {"long": ["x" * 1_500_000, "y" * 1_500_000]}
        found = list(elements.elements(Trickle(json.dumps(padded).encode(), 100_000 * size)))
    assert isinstance(found[0], Begin)
    assert isinstance(found[-1], End)
    members = [(one.key, plain(one.value)) for one in found[1:-1] if isinstance(one, Member)]
    assert members == [
        (key, one) for key, held in padded.items() for one in (held if isinstance(held, list) else [held])
    ]


def test_a_value_that_is_too_long_is_refused() -> None:
    """One text longer than the limit is refused with the limit, and not held."""
    endless = Trickle(b'["' + b"x" * (elements.LONGEST * 3), 1 << 20)
    with pytest.raises(DocumentError, match=f"one value has more than {elements.LONGEST} characters"):
        list(elements.elements(endless))


@pytest.mark.parametrize("data", [b"[1,]", b"[1 2]", b"{}{}", b"[] []", b"[1", b'{"a":1', b"[NaN]", b"nul", b"\x00"])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    """A text that is cut, or is no JSON, or follows another one on its line, is a DocumentError."""
    with pytest.raises(DocumentError):
        list(elements.elements(io.BytesIO(data)))


def test_a_byte_order_mark_is_left_out() -> None:
    """A byte-order mark at the very start is no part of the text."""
    assert list(elements.elements(io.BytesIO(b"\xef\xbb\xbf[1]"))) == ["1"]
