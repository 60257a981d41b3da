"""The spans of tasks that a cluster sees as one task."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from eventcli.engines.spans import MOST, shrinking, spans_of

STEPS = st.lists(st.tuples(st.integers(1, 2), st.sampled_from((0, 0, 0, 7, 9))), max_size=300)
"""How far each place is from the one before it, and its rank."""


@given(STEPS, st.one_of(st.none(), st.integers(1, 40)))
def test_each_task_is_in_one_span_of_neighbours(steps: list[tuple[int, int]], slots: int | None) -> None:
    """Spans must hold each task once and neighbours only; what has a rank goes alone, and the highest goes first."""
    places = [sum(step for step, _ in steps[: at + 1]) for at in range(len(steps))]
    ranks = [rank for _, rank in steps]
    check(spans_of(places, ranks, slots), places, ranks, 1 if slots is None else MOST)
    check(shrinking(ranks, slots or 0, 8), range(len(ranks)), ranks, 8 if slots else 1)


def check(spans: list[list[int]], places: Sequence[int], ranks: list[int], limit: int) -> None:
    """Compare spans with what they are made of."""
    assert sorted(at for span in spans for at in span) == list(range(len(places)))
    for span in spans:
        assert [places[at] for at in span] == list(range(places[span[0]], places[span[0]] + len(span)))
        assert len(span) == 1 or not any(ranks[at] for at in span)
        assert len(span) <= limit
    first = [ranks[span[0]] for span in spans]
    assert first == sorted(first, reverse=True)


@given(st.integers(0, 5000), st.integers(1, 40), st.integers(1, 20))
def test_spans_that_shrink_end_with_single_tasks(tasks: int, slots: int, limit: int) -> None:
    """Spans must only get shorter: none is more than half of what is left for a worker, and the last ones are tasks."""
    lengths = [len(span) for span in shrinking([0] * tasks, slots, limit)]
    assert lengths == sorted(lengths, reverse=True)
    for at, length in enumerate(lengths):
        assert length == 1 or length <= sum(lengths[at:]) / (2 * slots)
    assert lengths[-2 * slots :] == [1] * min(len(lengths), 2 * slots)


@given(st.integers(0, 5000), st.integers(1, 40))
def test_all_workers_get_as_many_spans_of_one_length(tasks: int, slots: int) -> None:
    """Neighbours must be shared equally: no worker has a span more, and no span is longer by two tasks."""
    lengths = [len(span) for span in spans_of(range(tasks), [0] * tasks, slots)]
    assert len(lengths) <= slots or len(lengths) % slots == 0 or len(lengths) == tasks
    assert not lengths or max(lengths) - min(lengths) <= 1
