"""Fills the empty buckets of a Summary with rows of count 0, so that a series has no gaps."""

from collections.abc import Collection
from itertools import islice
from typing import TYPE_CHECKING, Final

import eventcli.lines
from eventcli.errors import GapsError
from eventcli.lines.query import Timing
from eventcli.summary.stats import TypeStats
from eventcli.summary.summary import Summary

if TYPE_CHECKING:
    from eventcli.lines.times import Buckets


MOST_ROWS: Final = 1_000_000
"""Maximum rows that are filled in: one event with a wrong year must not fill the memory."""

FEW_ROWS: Final = 10_000

TIMES_SEEN: Final = 10
"""Without explicit bounds, there are at most this many rows, or this many times those with events: a placeholder time,
such as the year 1 or 1970, must not print the centuries that follow."""


def fill(summary: Summary, timing: Timing, types: Collection[str] | None) -> Summary:
    """Return the Summary with every type in every bucket.

    The buckets are those from `timing.since` to `timing.until`, or, without these bounds, from the first to the last
    that has an event. `types` have rows even if they never occur. Raises GapsError if there would be too many rows, or,
    without bounds, far more than there are rows with events.
    """
    if timing.by is None:
        raise ValueError("gaps are between buckets")
    buckets = eventcli.lines.times.Buckets(timing.by, timing.zone)
    seen = [bucket.start for bucket in summary.buckets] + [bucket.start for bucket in summary.other if bucket]
    if (timing.since is None and not seen) or (timing.until is None and not seen):
        return summary
    since = min(seen) if timing.since is None else timing.since // eventcli.lines.zones.NANOS
    until = max(seen) + 1 if timing.until is None else -(-timing.until // eventcli.lines.zones.NANOS)
    names = sorted(set(types or ()).union(*summary.buckets.values()))
    filled = dict(summary.buckets)
    rows = 0
    is_asked = timing.since is not None and timing.until is not None
    most = MOST_ROWS if is_asked else max(FEW_ROWS, TIMES_SEEN * sum(map(len, summary.buckets.values())))
    if most < MOST_ROWS:
        _check(buckets, since, until, len(names), most)
    for bucket in buckets.between(since, until):
        rows += len(names)
        if rows > MOST_ROWS:
            raise _too_many()
        filled[bucket] = dict.fromkeys(names, TypeStats()) | dict(filled.get(bucket, {}))
    return summary.replace(buckets=filled)


def _check(buckets: "Buckets", since: int, until: int, names: int, most: int) -> None:
    """Refuse too many rows; they are counted only as far as the message needs."""
    rows = sum(names for _ in islice(buckets.between(since, until), MOST_ROWS // max(names, 1) + 1))
    if rows > MOST_ROWS:
        raise _too_many()
    if rows > most:
        first, last = (
            eventcli.lines.times.shown(buckets.bucket(since)),
            eventcli.lines.times.shown(buckets.bucket(until - 1)),
        )
        raise GapsError(f"gaps take {rows} rows from {first} to {last}, most of them empty")


def _too_many() -> GapsError:
    return GapsError(f"gaps take more than {MOST_ROWS} rows from the first to the last bucket")
