"""`eventcli.record`: records do what named tuples do."""

import copy
import inspect
import pickle
from collections.abc import Callable
from typing import Any, NamedTuple, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli.record import Record


class Point(Record):
    """A record."""

    x: int
    y: int = 2
    label: str | None = None

    @property
    def total(self) -> int:
        """Both numbers together."""
        return self.x + self.y


class Dot(Point):
    """A record with the fields of another one, which it checks."""

    __slots__ = ()

    def __new__(cls, x: int, y: int = 5) -> Self:
        """Take no label."""
        return super().__new__(cls, abs(x), y, "dot")


class Expected(NamedTuple):
    """The same as a named tuple."""

    x: int
    y: int = 2
    label: str | None = None


NAMES = st.sampled_from(("x", "y", "label", "z"))
GIVEN = st.tuples(st.lists(st.integers(0, 3), max_size=4), st.dictionaries(NAMES, st.integers(0, 3), max_size=3))


def outcome(do: Callable[[], Any]) -> Any:
    """Return a result as a plain tuple, or the class of the exception."""
    try:
        return tuple(do())
    except (TypeError, ValueError) as error:
        return type(error)


@given(GIVEN)
def test_values_are_taken_as_by_a_named_tuple(given: tuple[list[int], dict[str, int]]) -> None:
    """By position or by name, with defaults, and a TypeError for what is missing, unknown, too much or given twice."""
    values, named = given
    made: Any = [outcome(lambda kind=kind: kind(*values, **named)) for kind in (Point, Expected)]  # type: ignore[misc]
    assert made[0] == made[1]


@given(GIVEN)
def test_values_are_replaced_as_by_a_named_tuple(given: tuple[list[int], dict[str, int]]) -> None:
    """Fields are replaced by name, a record is made of a sequence, and an unknown field or wrong number is an error."""
    values, named = given
    kinds: list[Any] = [Point, Expected]
    replaced = [outcome(lambda kind=kind: kind(0)._replace(**named)) for kind in kinds]  # type: ignore[misc]
    made = [outcome(lambda kind=kind: kind._make(values)) for kind in kinds]  # type: ignore[misc]
    assert replaced[0] == replaced[1]
    assert made[0] == made[1]


def test_a_record_is_a_tuple_with_names() -> None:
    """It is equal to a tuple, shows its fields, and has no others; its class has the facts of a named tuple."""
    one = Point(1, label="a")
    assert tuple(one) == (1, 2, "a")
    assert hash(one) == hash((1, 2, "a"))
    assert (one.x, one.y, one.label, one.total, one._asdict()) == (1, 2, "a", 3, {"x": 1, "y": 2, "label": "a"})
    assert repr(one) == "Point(x=1, y=2, label='a')"
    assert (Point._fields, Point._field_defaults) == (Expected._fields, Expected._field_defaults)
    assert Point.__match_args__ == Expected._fields
    assert str(inspect.signature(Point)) == "(x, y=2, label=None)"
    with pytest.raises(AttributeError):
        setattr(one, "z", 1)  # noqa: B010
    with pytest.raises(AttributeError):
        setattr(one, "x", 1)  # noqa: B010  # type checkers know


def test_a_record_of_a_subclass() -> None:
    """A subclass has the fields of its base, and may make its records itself."""
    assert (Dot(-3), Dot._fields) == ((3, 5, "dot"), Point._fields)
    assert repr(Dot(1)._replace(label=None)) == "Dot(x=1, y=5, label=None)"


def test_records_can_be_copied_and_sent() -> None:
    """A record is equal to its copies and to itself after pickling, and of the same class."""
    for one in (copy.copy(Point(1)), copy.deepcopy(Point(1)), pickle.loads(pickle.dumps(Point(1)))):  # noqa: S301
        assert (one, type(one)) == (Point(1), Point)
