"""`engines.plan`: every byte of every source is in one split, and there are not too many of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli.engines.listing import COMPRESSED, Listed
from eventcli.engines.plan import MOST_SPLITS, Plan, Tasks
from eventcli.engines.sources import Frozen
from eventcli.engines.split import Split
from eventcli.pipeline.options import Options

SOURCES = st.lists(
    st.builds(
        Frozen,
        st.just("/a.log"),
        st.integers(0, 500) | st.none(),
        st.none(),
        st.sampled_from(["", "", COMPRESSED]),
    ),
    max_size=20,
)


def plan_of(sources: list[Frozen], split_size: int) -> Plan:
    """Return the plan for some sources."""
    whole = [source if source.size is not None else source._replace(whole="unknown") for source in sources]
    return Plan.of(Listed(whole, [f"{number}.log" for number in range(len(whole))], []), split_size)


@given(sources=SOURCES, split_size=st.integers(1, 300))
def test_every_byte_is_in_one_split(sources: list[Frozen], split_size: int) -> None:
    """In order, the parts of all splits are all sources, each from its first byte to its last without gaps."""
    plan = plan_of(sources, split_size)
    expected, at = 0, 0
    for task in Tasks(plan, Options(), 0):
        split = Split.from_bytes(task.payload)
        assert split.parts
        for part in split.parts:
            assert (part.number, part.start) == (expected, at)
            size = sources[part.number].size or 0
            at = part.end
            assert part.is_divided or at == size
            if at == size:
                expected, at = expected + 1, 0
        assert task.size == sum(part.end - part.start for part in split.parts)
    assert (expected, at) == (len(sources), 0)


@given(sources=SOURCES, split_size=st.integers(1, 300))
def test_splits_are_of_the_size_that_was_asked_for(sources: list[Frozen], split_size: int) -> None:
    """No split of plain files is larger; two neighbours that would fit into one are one."""
    plan = plan_of(sources, split_size)
    assert plan.split_size == split_size
    whole = [cut for cut in plan.cuts if not cut.is_part]
    for cut in whole:
        several = cut.behind - cut.first > 1
        assert not several or plan.size_of(cut) <= split_size
    assert all(plan.size_of(cut) <= split_size for cut in plan.cuts if cut.is_part)


@pytest.mark.parametrize(
    ("count", "size", "whole"), [(1, 10**13, ""), (50_000, 10**6, ""), (30_000, 10**9, COMPRESSED), (3, 10**13, "")]
)
def test_no_plan_has_too_many_splits(count: int, size: int, whole: str) -> None:
    """Splits become larger, and compressed files are put together, before there are more than 20,000."""
    plan = plan_of([Frozen("/a.log", size, None, whole)] * count, 1)
    assert 1 <= len(plan.cuts) <= MOST_SPLITS
    assert plan.size == count * size


def test_small_files_are_put_together() -> None:
    """Files that fit into one split are in one; not more than a thousand, as each costs a request."""
    plan = plan_of([Frozen("/a.log", 10, None)] * 100_000, 64 * 1024 * 1024)
    assert len(plan.cuts) == 100
    assert plan.label(plan.cuts[1]) == "1000.log to 1999.log"


def test_what_takes_long_begins_first() -> None:
    """A large compressed file has a rank by its size; what is divided has none."""
    plan = plan_of([Frozen("/a", 500, None), Frozen("/b", 90, None, COMPRESSED), Frozen("/c", 300, None, "json")], 100)
    ranks = {plan.label(cut): cut.rank for cut in plan.cuts}
    assert ranks["1.log"] == 90
    assert ranks["2.log"] == 300
    assert ranks["0.log, bytes 100 to 200"] == 0
