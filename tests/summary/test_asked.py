"""`eventcli.summary.asked`: what results were asked for is kept, and told apart."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli import Fields, Query, Timing
from eventcli.summary.asked import Asked, NewerError

INSTANTS = st.none() | st.integers(-(10**18), 4 * 10**18)
QUERIES = st.builds(
    Query,
    st.builds(Fields, st.text(max_size=3), st.none() | st.text(max_size=3), st.text(max_size=3)),
    st.none() | st.lists(st.text(max_size=3), max_size=3).map(tuple),
    st.none() | st.sampled_from(["0", "1.5"]),
    st.booleans(),
    st.booleans(),
    st.none()
    | st.builds(Timing, st.just("UTC"), INSTANTS, INSTANTS, st.sampled_from([None, "day", "hour"]), st.just("UTC")),
)
DAY = 86_400 * 10**9


@given(QUERIES)
def test_what_was_asked_for_reads_back(query: Query) -> None:
    """A question is equal when it is read again, and goes with itself."""
    asked = Asked.of(query)
    assert Asked.from_row(json.loads(json.dumps(asked.row()))) == asked
    assert asked.difference(asked) is None


def test_a_plain_question_needs_no_words() -> None:
    """Of a question by default nothing is kept."""
    assert Asked.of(Query()).row() == {}


@given(QUERIES, QUERIES)
def test_a_difference_is_one_in_both_directions(one: Query, other: Query) -> None:
    """Whether two questions go together does not depend on their order, and nor does their join."""
    a, b = Asked.of(one), Asked.of(other)
    assert (a.difference(b) is None) == (b.difference(a) is None)
    if a.difference(b) is None:
        assert a.join(b).windows == b.join(a).windows


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fields": Fields(type="kind")}, "--type-field 'type' and --type-field 'kind'"),
        ({"fields": Fields(value=None)}, "--value-field 'value' and --value-field none"),
        ({"types": ("a", "b")}, "--type all types and --type 'a', 'b'"),
        ({"default_value": "0"}, "--default-value none and --default-value '0'"),
        ({"numeric_strings": True}, "--numeric-strings off and --numeric-strings on"),
        ({"salvage": True}, "--salvage off and --salvage on"),
        ({"timing": Timing(since=0)}, "times without bounds and times since 1970-01-01T00:00:00Z, which overlap"),
        ({"timing": Timing(by="day")}, "--by none and --by 'day'"),
    ],
)
def test_the_difference_is_named(changes: dict[str, Any], words: str) -> None:
    """The words name the option and both values."""
    assert words in (Asked().difference(Asked.of(Query()._replace(**changes))) or "")


def test_forms_of_times_are_told_apart() -> None:
    """Results whose times were read in different forms do not add up, unless one of them looks at no time."""
    plain, described = (Asked.of(Query(timing=Timing(time_format=form))) for form in (None, "%F"))
    assert plain.difference(described) == "--time-format none and --time-format '%F'"
    assert Asked.of(Query()).difference(described) is None
    assert Asked.of(Query()).join(described).settings()["time_format"] == "%F"


def test_days_that_do_not_overlap_go_together() -> None:
    """Windows of time that have no instant in common add up, in any order, and know afterwards what they cover."""
    first, second, third = (Asked.of(Query(timing=Timing(since=at * DAY, until=(at + 1) * DAY))) for at in range(3))
    assert first.difference(third) is None
    assert first.join(third).join(second) == first.join(second).join(third)
    assert first.join(third).join(second).windows == ((0, 3 * DAY),)
    assert first.join(third).difference(second._replace(windows=((1, DAY),))) is not None


def test_what_is_not_known_is_newer() -> None:
    """A key that a later version has written is told as that; a wrong value is an error."""
    with pytest.raises(NewerError, match="moon"):
        Asked.from_row({"moon": "full"})
    for row in ({"type_field": 5}, {"salvage": "yes"}, {"types": [1]}, {"windows": [["x", None]]}, {"windows": [1]}):
        with pytest.raises((TypeError, ValueError)):
            Asked.from_row(row)
