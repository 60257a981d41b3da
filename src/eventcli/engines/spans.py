"""Spans: neighbouring tasks that are one task of a cluster, whose tasks each take as long as the fold of a split."""

from collections.abc import Iterator, Sequence
from typing import Final

MOST: Final = 64
"""Tasks in a span, at most, unless it is said: what the death of a worker may cost."""

_SHARE: Final = 4
"""Spans for each worker, if there are enough tasks, so that all finish at about the same time."""


def spans_of(places: Sequence[int], ranks: Sequence[int], slots: int | None, limit: int = MOST) -> list[list[int]]:
    """Return the indices of `places`, which ascend, in spans of at most `limit`; those of high rank first, each alone.

    Neighbours without a rank make spans of equal length, as many for each of `slots` workers: 69 splits on two of them
    took a sixth longer where one had five spans and the other four. None: each span is one task.

    >>> spans_of([3, 4, 5, 6, 7, 9], [0, 0, 0, 0, 5, 0], None)
    [[4], [0], [1], [2], [3], [5]]
    >>> [len(span) for span in spans_of(range(69), [0] * 69, 2)]
    [6, 7, 7, 7, 7, 7, 7, 7, 7, 7]
    """
    most = 1 if slots is None else max(1, min(limit, len(places) // (_SHARE * slots)))
    spans: list[list[int]] = []
    for run in _runs(places, ranks):
        count = -(-len(run) // most)
        if slots is not None and count > slots:
            count = min(len(run), -(-count // slots) * slots)
        spans.extend(run[len(run) * at // count : len(run) * (at + 1) // count] for at in range(count))
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
