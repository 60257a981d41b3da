"""Empty buckets of a Summary become rows of count 0, so that a series has no gaps."""

from collections.abc import Collection
from typing import Final

from eventcli.event import Timing
from eventcli.summary import Summary, TypeStats

MOST_ROWS: Final = 1_000_000
"""Rows that are filled in at most: one event of a wrong year must not fill the memory."""


class GapsError(Exception):
    """There are too many empty buckets."""


def fill(summary: Summary, timing: Timing, types: Collection[str] | None) -> Summary:
    """Return the Summary with every type in every bucket.

    The buckets are those from `timing.since` to `timing.until`, or where these are not given, from the first to the
    last one that has an event. `types` have rows even if they were never seen. GapsError where that makes too many.
    """
    if timing.by is None:
        raise ValueError("gaps are between buckets")
    from eventcli.times import NANOS, Buckets  # noqa: PLC0415  # start-up of all runs that ask for no time

    buckets = Buckets(timing.by, timing.zone)
    seen = [bucket.start for bucket in summary.buckets] + [bucket.start for bucket in summary.other if bucket]
    if (timing.since is None and not seen) or (timing.until is None and not seen):
        return summary
    since = min(seen) if timing.since is None else timing.since // NANOS
    until = max(seen) + 1 if timing.until is None else -(-timing.until // NANOS)
    names = sorted(set(types or ()).union(*summary.buckets.values()))
    filled = dict(summary.buckets)
    rows = 0
    for bucket in buckets.between(since, until):
        rows += len(names)
        if rows > MOST_ROWS:
            raise GapsError(f"gaps take more than {MOST_ROWS} rows from the first to the last bucket")
        filled[bucket] = dict.fromkeys(names, TypeStats()) | dict(filled.get(bucket, {}))
    return Summary(
        summary.types, summary.account, summary.sources, filled, summary.other, summary.max_types, summary.calendar
    )
