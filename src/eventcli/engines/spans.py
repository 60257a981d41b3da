"""Spans: neighbouring tasks that are one task of a cluster, whose tasks each take as long as the fold of a split."""

from collections.abc import Iterator, Sequence
from typing import Final

MOST: Final = 64
"""Tasks in a span of equal ones, at most: what the death of a worker may cost."""

_SHARE: Final = 2
"""Spans for each worker, so that all finish at about the same time. Four on a new session were a tenth slower."""


def spans_of(places: Sequence[int], ranks: Sequence[int], slots: int | None) -> list[list[int]]:
    """Return the indices of `places`, which ascend, in equal spans; those of high rank first, each alone.

    Neighbours without a rank make spans of equal length, as many for each of `slots` workers: 69 splits on two of them
    took a sixth longer where one had five spans and the other four. None: each span is one task.

    >>> spans_of([3, 4, 5, 6, 7, 9], [0, 0, 0, 0, 5, 0], None)
    [[4], [0], [1], [2], [3], [5]]
    >>> [len(span) for span in spans_of(range(69), [0] * 69, 2)]
    [17, 17, 17, 18]
    """
    most = 1 if slots is None else max(1, min(MOST, -(-len(places) // (_SHARE * slots))))
    spans: list[list[int]] = []
    for run in _runs(places, ranks):
        count = -(-len(run) // most)
        if slots is not None and count > slots:
            count = min(len(run), -(-count // slots) * slots)
        spans.extend(run[len(run) * at // count : len(run) * (at + 1) // count] for at in range(count))
    return sorted(spans, key=lambda span: -ranks[span[0]])


def shrinking(ranks: Sequence[int], slots: int, limit: int) -> list[list[int]]:
    """Return all tasks in spans of at most `limit`; those of high rank first, each alone.

    A span of neighbours is at most half of what is left for each of `slots` workers. So the spans get shorter towards
    the end, and all workers finish at about the same time. For 0 slots, each span is one task.

    >>> [len(span) for span in shrinking([0] * 40, 2, 8)]
    [8, 8, 6, 4, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1]
    """
    spans: list[list[int]] = []
    left = len(ranks)
    for run in _runs(range(len(ranks)), ranks):
        at = 0
        while at < len(run):
            spans.append(run[at : at + max(1, min(limit, left // (2 * slots) if slots else 1))])
            at += len(spans[-1])
            left -= len(spans[-1])
    return sorted(spans, key=lambda span: -ranks[span[0]])


def _runs(places: Sequence[int], ranks: Sequence[int]) -> Iterator[list[int]]:
    """Yield the indices of neighbours without a rank, and of each other place."""
    run: list[int] = []
    for at, place in enumerate(places):
        if run and (place != places[at - 1] + 1 or ranks[at] or ranks[at - 1]):
            yield run
            run = []
        run.append(at)
    if run:
        yield run
