"""`eventcli.lines.paths`: a field is found where a plain walk finds it."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli import Event, Fields, Query, parse
from eventcli.lines import paths

NAMES = st.sampled_from(["a", "b", "a.b", "0", "1", "01", "", "a/b", "~"])
DOCUMENTS = st.recursive(
    st.one_of(st.none(), st.integers(-9, 9), st.sampled_from([0.5, 1.25]), st.text("ab", max_size=2)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)
OBJECTS = st.dictionaries(NAMES, DOCUMENTS, max_size=3)


def plain_walk(document: Any, keys: list[str]) -> list[Any]:
    """Return what stands under the keys in a list, or an empty list."""
    for key in keys:
        if isinstance(document, dict) and key in document:
            document = document[key]
        elif isinstance(document, list) and key in [str(index) for index in range(len(document))]:
            document = document[int(key)]
        else:
            return []
    return [document]


def pointer(keys: list[str]) -> str:
    """Return the JSON Pointer of keys."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)


@given(document=OBJECTS, keys=st.lists(NAMES, min_size=1, max_size=3))
def test_pointers_lead_where_a_walk_does(document: dict[str, Any], keys: list[str]) -> None:
    """A JSON Pointer finds what stands under its parts, and nothing else."""
    found = paths.find(document, pointer(keys))
    assert ([] if found is paths.MISSING else [found]) == plain_walk(document, keys)


@given(document=OBJECTS, keys=st.lists(st.sampled_from(["a", "b", "0", "1", ""]), min_size=2, max_size=3))
def test_dotted_paths_lead_where_a_walk_does(document: dict[str, Any], keys: list[str]) -> None:
    """A dotted path finds the key of that name, or else what stands under its parts."""
    field = ".".join(keys)
    found = paths.find(document, field)
    expected = [document[field]] if field in document else plain_walk(document, keys)
    assert ([] if found is paths.MISSING else [found]) == expected


@given(document=OBJECTS, keys=st.lists(NAMES, min_size=1, max_size=3))
def test_values_on_a_path_are_exact(body: str, document: dict[str, Any], keys: list[str]) -> None:
    """The literal of a nested number is taken as it is written, also among others of the same key."""
    field = pointer(keys)
    found = plain_walk(document, keys)
    # Written with one more digit, so that a float would be another number.
    line = orjson.dumps({**document, "type": "t"}).replace(b"0.5", b"0.50000000000000000001")
    outcome = parse(line, Query(Fields(value=field)))
    if found and isinstance(found[0], float) and keys[0] != "type":
        assert isinstance(outcome, Event), body
        assert str(outcome.value) == {0.5: "0.50000000000000000001", 1.25: "1.25"}[found[0]]
    else:
        assert isinstance(outcome, Event) == (bool(found) and type(found[0]) is int)


@pytest.mark.parametrize("field", ["/~", "/a~2", "/~~", "/a/b~"])
def test_wrong_pointers(field: str) -> None:
    """A tilde that does not begin an escape is an error."""
    with pytest.raises(paths.PathError):
        paths.parts(field)


@pytest.mark.parametrize(("field", "is_key"), [("type", True), ("", True), ("a.b", False), ("/type", False)])
def test_plain_keys(field: str, is_key: bool) -> None:  # noqa: FBT001  # a parameter of the table
    """A field without dots that does not begin with a slash is a key and nothing else."""
    assert paths.is_key(field) == is_key
