"""What a ledger answers to a question about its totals, and whether anything is missing from the answer."""

from collections.abc import Collection
from typing import NamedTuple

from eventcli.ledger.meaning import check_kept, meaning_of
from eventcli.ledger.store.database import Database
from eventcli.ledger.totals import asked, end, unchecked_totals
from eventcli.lines import times, zones
from eventcli.lines.bounds import is_relative
from eventcli.lines.query import Calendar, Timing
from eventcli.summary.aggregates.registry import Stat, needed, optional
from eventcli.summary.asked import Asked
from eventcli.summary.sources import SourceReport, Status
from eventcli.summary.summary import Summary
from eventcli.text import name_of


class Wanted(NamedTuple):
    """A question to a ledger: the totals of some types (None: all), in a window."""

    types: tuple[str, ...] | None = None
    timing: Timing | None = None
    bounds: tuple[str | None, str | None] = (None, None)
    """Since and until as they were written: one such as 24h is moved to a bound of the ledger's buckets."""
    stats: Collection[str] = ()
    """The columns that the answer is for."""
    further: Collection[str] = tuple(Stat)
    """Columns that it is also for, as far as the ledger keeps what they need."""
    allow_timeless: bool = False
    """Whether an answer about a window is complete without the events that have no time."""


class Answer(NamedTuple):
    """The totals that were asked for; what is missing from them is a source of the summary that is not complete."""

    summary: Summary
    asked: Asked
    timing: Timing | None
    """The window as it was answered: in whole buckets of the ledger."""


def answer(database: Database, wanted: Wanted, *, is_checked: bool = False) -> Answer:
    """Return the totals that are wanted; MeaningError if the ledger does not store them.

    With `is_checked`, the caller has just proved all rows.
    """
    types, stats = wanted.types, wanted.stats
    with database.snapshot():
        timing = _of_whole_buckets(database, wanted.timing, *wanted.bounds)
        meaning = meaning_of(database, {})
        check_kept(meaning, optional(stats))
        since, until = (timing.since, timing.until) if timing else (None, None)
        calendar = Calendar(timing.by, timing.zone) if timing and timing.by else None
        if not is_checked:
            database.check_totals()
        summary = unchecked_totals(
            database,
            types=types,
            since=since,
            until=until,
            calendar=calendar,
            aggregates=needed({*stats, *wanted.further}),
        )
        timeless = 0 if timing is None or wanted.allow_timeless else database.timeless(types)
    # A time whose year the zone of the buckets lacks has no bucket either, as the zero time of Go west of Greenwich.
    is_limited = not since is until is None
    outside = 0 if calendar is None or wanted.allow_timeless else _outside(summary)
    missing = outside + timeless if is_limited or calendar is None else outside
    if missing:
        are_left_out = timeless and (is_limited or calendar is None)
        where = "are " + " or ".join(["left out"] * bool(are_left_out) + ["in no bucket"] * bool(outside))
        why = f'{missing} events without a usable time under "{meaning.lines.fields.time}" {where} (--allow-timeless)'
        summary = Summary.union([summary], [SourceReport(name_of(database.path), 0, 0, Status.UNREADABLE, why)])
    return Answer(summary, asked(meaning, types, timing), timing)


def _outside(summary: Summary) -> int:
    """Return how many events are in no bucket."""
    return sum(stats.count for bucket, _, stats in summary.rows() if bucket is None)


def _of_whole_buckets(database: Database, timing: Timing | None, since: str | None, until: str | None) -> Timing | None:
    """Move bounds such as 24h to the bounds of the ledger's buckets: nobody means them to the second."""
    if timing is None:
        return None
    if timing.since is not None and is_relative(since):
        timing = timing._replace(since=_whole(database, timing.since, up=False))
    if timing.until is not None and is_relative(until):
        timing = timing._replace(until=_whole(database, timing.until, up=True))
    return timing


def _whole(database: Database, instant: int, *, up: bool) -> int:
    """Round an instant, in nanoseconds, down or `up` to a boundary of the ledger's buckets."""
    granularity = meaning_of(database, {}).granularity
    if granularity == "none":
        return instant
    buckets = times.Buckets(granularity, "UTC")
    start = buckets.bucket(instant // zones.NANOS).start
    moved = start if not up or start * zones.NANOS == instant else end(buckets, start)
    return moved * zones.NANOS
