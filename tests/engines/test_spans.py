"""The spans of tasks that a cluster sees as one task."""

from hypothesis import given
from hypothesis import strategies as st

from eventcli.engines.spans import MOST, spans_of

STEPS = st.lists(st.tuples(st.integers(1, 2), st.sampled_from((0, 0, 0, 7, 9))), max_size=300)
"""How far each place is from the one before it, and its rank."""


@given(STEPS, st.one_of(st.none(), st.integers(1, 40)), st.sampled_from((1, 8, MOST)))
def test_each_task_is_in_one_span_of_neighbours(steps: list[tuple[int, int]], slots: int | None, limit: int) -> None:
    """Spans must hold each task once and neighbours only; what has a rank goes alone, and the highest goes first."""
    places = [sum(step for step, _ in steps[: at + 1]) for at in range(len(steps))]
    ranks = [rank for _, rank in steps]
    spans = spans_of(places, ranks, slots, limit)
    assert sorted(at for span in spans for at in span) == list(range(len(places)))
    for span in spans:
        assert [places[at] for at in span] == list(range(places[span[0]], places[span[0]] + len(span)))
        assert len(span) == 1 or not any(ranks[at] for at in span)
        assert len(span) <= (1 if slots is None else limit)
    first = [ranks[span[0]] for span in spans]
    assert first == sorted(first, reverse=True)


@given(st.integers(0, 5000), st.integers(1, 40))
def test_all_workers_get_as_many_spans_of_one_length(tasks: int, slots: int) -> None:
    """Neighbours must be shared equally: no worker has a span more, and no span is longer by two tasks."""
    lengths = [len(span) for span in spans_of(range(tasks), [0] * tasks, slots)]
    assert len(lengths) <= slots or len(lengths) % slots == 0 or len(lengths) == tasks
    assert not lengths or max(lengths) - min(lengths) <= 1
