"""The totals of a ledger across all runs, by type and by bucket."""

from collections.abc import Collection, Iterable, Mapping

from eventcli.ledger.meaning import Meaning, MeaningError, meaning_of
from eventcli.ledger.store.database import DOUBT, Database
from eventcli.ledger.store.hold import LedgerError
from eventcli.ledger.store.records import Discontinuity
from eventcli.ledger.streams.stream import UNCOUNTED
from eventcli.lines import times, zones
from eventcli.lines.query import Bucket, Calendar, Timing
from eventcli.summary.account import Account, AccountError
from eventcli.summary.asked import Asked
from eventcli.summary.kinship import Result
from eventcli.summary.sources import SourceReport, Status, Stretch
from eventcli.summary.stats import TypeStats
from eventcli.summary.summary import Row, Summary, Terms
from eventcli.text import name_of

Types = dict[str | None, TypeStats]
"""Stats by type (None: all types beyond the limit)."""


def assemble(types: Types, account: Account, sources: Iterable[SourceReport], meaning: Meaning) -> Summary:
    """Return the Summary of these stats, limited to as many types as the ledger's meaning allows."""
    rows = ((None, name, stats) for name, stats in types.items())
    return Summary.of_rows(rows, account, sources, Terms.of(meaning.lines))


class Places:
    """Maps the stored buckets to the requested ones."""

    def __init__(
        self,
        starts: Iterable[str],
        granularity: str | None,
        *,
        calendar: Calendar | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> None:
        """Sort the starts. `since` and `until` are in nanoseconds since the epoch, as in `Timing`.

        Raises MeaningError if a stored bucket would have to be split, which shows only with its `granularity`.
        """
        self.buckets: list[Bucket | None] = [None]
        self.numbers: dict[str, int] = {}
        """The index in `buckets` for each wanted start."""
        numbers: dict[Bucket | None, int] = {None: 0}
        target = times.Buckets(calendar.by, calendar.zone) if calendar else None
        kept = times.Buckets(granularity, "UTC") if granularity not in (None, "none") else None
        is_limited = since is not None or until is not None
        if is_limited and kept is None:
            raise MeaningError("--since and --until: the ledger was begun with --granularity none, and keeps no times")
        if target is not None and granularity == "none":
            raise MeaningError("--by: the ledger was begun with --granularity none, and keeps no times")
        for start in starts:
            if not start:
                if not is_limited:
                    self.numbers[start] = 0
                continue
            bucket = times.from_label(start)
            if bucket is None:
                raise LedgerError(f"damaged: {start!r} is not the start of a bucket")
            first = bucket.start
            last = first if kept is None else end(kept, first) - 1
            for name, limit in (("--since", since), ("--until", until)):
                if limit is not None and first * zones.NANOS < limit <= last * zones.NANOS:
                    raise MeaningError(
                        f"{name} lies within a bucket: the ledger keeps whole {_plural(granularity)} (UTC)"
                    )
            if (since is not None and first * zones.NANOS < since) or (
                until is not None and first * zones.NANOS >= until
            ):
                continue
            place = None
            # A time whose year does not exist in the zone has no bucket and counts as no usable time.
            if target is not None and not target.lacks(first):
                place = target.bucket(first)
                if target.bucket(last) != place:
                    raise MeaningError(
                        f"--by {calendar.by} --tz {calendar.zone}: its buckets begin within those of the ledger,"  # type: ignore[union-attr]
                        f" which keeps whole {_plural(granularity)} (UTC)"
                    )
            if place not in numbers:
                numbers[place] = len(self.buckets)
                self.buckets.append(place)
            self.numbers[start] = numbers[place]


def end(buckets: "times.Buckets", start: int) -> int:
    """Return the end of the bucket that begins at `start`, in seconds."""
    region = buckets.region(start)
    return start + region.size


def _plural(granularity: str | None) -> str:
    return f"{granularity}s"


def totals(
    database: Database,
    *,
    types: tuple[str, ...] | None = None,
    since: int | None = None,
    until: int | None = None,
    calendar: Calendar | None = None,
    aggregates: Collection[str] | None = None,
) -> Summary:
    """Return the totals across all runs, from the database alone.

    `types`, `since` and `until` work as in a `Query`: events they exclude count as filtered. Raises MeaningError if the
    ledger does not store what is requested. `aggregates` are those to read (None: all).
    """
    with database.snapshot():
        database.check_totals()
        return unchecked_totals(
            database, types=types, since=since, until=until, calendar=calendar, aggregates=aggregates
        )


def unchecked_totals(
    database: Database,
    *,
    types: tuple[str, ...] | None,
    since: int | None,
    until: int | None,
    calendar: Calendar | None,
    aggregates: Collection[str] | None,
) -> Summary:
    """Return the same within a snapshot in which `Database.check_totals` found no damage."""
    meaning = meaning_of(database, {})
    numbers: Mapping[str, int] | None = None
    buckets: list[Bucket | None] = [None]
    if calendar is not None or since is not None or until is not None:
        places = Places(database.starts(types), meaning.granularity, calendar=calendar, since=since, until=until)
        numbers, buckets = places.numbers, places.buckets
    rows: list[Row] = [
        (buckets[number], name, stats) for number, name, stats in database.totals(numbers, types, aggregates=aggregates)
    ]
    if types is None:
        others = database.other_totals(numbers, aggregates=aggregates)
        rows += [(buckets[number], None, stats) for number, stats in others]
    account = database.account()
    shown = sum(stats.count for _, _, stats in rows)
    left_out = account.accepted - shown
    account = Account(
        account.lines,
        shown,
        account.rejected,
        account.filtered + left_out,
        account.blank,
        min(account.salvaged, shown),
    )
    if calendar is None:
        rows += [(None, name, TypeStats()) for name in types or ()]
    terms = Terms.of(meaning.lines).replace(calendar=calendar)
    summary = Summary.of_rows(rows, account, sources_of(database), terms)
    try:
        summary.check()
    except AccountError as error:
        raise LedgerError(f"{name_of(database.path)}: damaged: {error}") from error
    return summary


def sources_of(database: Database) -> list[SourceReport]:
    """Return a report for each stream in the ledger, and the discontinuities that nobody has acknowledged."""
    reports = [
        SourceReport(
            stream.label,
            stream.offset - stream.start,
            stream.account.lines,
            Status.COMPLETE,
            "",
            stream.pending,
            Stretch(stream.head, stream.start, stream.offset),
        )
        for stream in database.streams()
        if stream.state not in UNCOUNTED
    ]
    return reports + [report_of(one) for one in database.discontinuities() if not one.settled]


def report_of(one: Discontinuity) -> SourceReport:
    """Return a discontinuity as a source report."""
    if one.kind == DOUBT:
        message = f"{one.message} ({one.noticed_at})"
    else:
        message = f"what followed byte {one.offset} may be lost ({one.noticed_at}): {one.message}"
    return SourceReport(one.name, 0, 0, Status.DISCONTINUITY, message)


def load(path: str) -> Summary:
    """Return the totals of a ledger, without buckets. Raises OSError or LedgerError on failure."""
    return load_result(path).summary


def load_result(path: str) -> Result:
    """Return the same totals with the question they answer, as a result that can be merged."""
    with Database.open_to_read(path) as database:
        summary = totals(database)
        return Result(summary, asked(meaning_of(database, {})), is_plain=bool(summary.types or summary.other))


def asked(meaning: Meaning, types: tuple[str, ...] | None = None, timing: Timing | None = None) -> Asked:
    """Return the question that totals of these types and times answer; its buckets are not those of the ledger."""
    query = meaning.query._replace(types=types)
    if timing is not None:
        known = meaning.settings()
        timing = timing._replace(input_zone=known["input_tz"], time_format=known["time_format"])
    return Asked.of(query._replace(timing=timing))
