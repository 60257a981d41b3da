"""What the page shows of a ledger, as texts: no number of it passes through a binary float, here or in a browser."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from eventcli.ledger.meaning import MeaningError
from eventcli.ledger.store.database import Database
from eventcli.ledger.totals import sources_of
from eventcli.lines import times
from eventcli.reporting.columns import OTHER_LABEL, cells_of
from eventcli.serve.questions import Question
from eventcli.serve.shown import fields_of, list_of_sources
from eventcli.summary.sources import SourceReport, Status
from eventcli.summary.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Iterable

HOURS: Final = 48
"""Buckets of the chart: the last ones that are in the ledger."""

_LINES: Final = 6
"""Types that have a line of their own in the chart: those with the most events."""

_FORMAT: Final = "%Y-%m-%dT%H:%M:%S"

Rows = dict[str, tuple[str, str]]
"""Count and sum by type."""


class Scene(NamedTuple):
    """All of it. `parts` are compared and sent whole, `rows` one by one."""

    parts: dict[str, Any]
    rows: Rows


def scene(database: Database, question: Question, whole: Summary | None = None) -> Scene:
    """Return what the page shows; the caller has proved all rows. `whole` are the totals if it knows them."""
    if whole is None:
        summary, _, _ = question.answer(database, is_checked=True)
        sources: Iterable[SourceReport] = summary.sources
    else:
        summary, sources = whole, sources_of(database)
    rows: Rows = {}
    names, counts, sums = (list(column) for column in cells_of(summary.types, question.stats))
    rows = {str(name): (str(count), str(total)) for name, count, total in zip(names, counts, sums, strict=True)}
    for stats in summary.other.values():
        _, (count,), (total,) = (list(column) for column in cells_of({OTHER_LABEL: stats}, question.stats))
        rows[OTHER_LABEL] = str(count), str(total)
    parts = {
        "account": _texts(fields_of(database.account())),
        "sources": _texts(list_of_sources(database)),
        "missing": [f"{one.name}: {one.message}" for one in sources if one.status is not Status.COMPLETE],
        "hours": _hours(database, question, rows),
    }
    return Scene(parts, rows)


def _hours(database: Database, question: Question, rows: Rows) -> dict[str, Any]:
    """Return the last hours: their starts, the events in all of them, and those of the most frequent types."""
    last = database.last_start()
    if not last:
        return {"starts": [], "lines": []}
    by = "day" if _is_by_day(database) else "hour"
    step = timedelta(days=1) if by == "day" else timedelta(hours=1)
    first = _first(last, step)
    frequent = sorted((name for name in rows if name != OTHER_LABEL), key=lambda name: -int(rows[name][0]))[:_LINES]
    asked = Question(tuple(frequent), since=first, by=by, tz=question.tz)
    try:
        summary, _, timing = asked.answer(database, is_checked=True)
    except MeaningError as error:
        return {"starts": [], "lines": [], "why": str(error)}
    assert timing is not None
    buckets = times.Buckets(by, timing.zone)
    events: dict[str, int] = {}
    for start, count in database.events_since(first):
        bucket = times.from_label(start)
        if bucket is not None and not buckets.lacks(bucket.start):
            label = times.shown(buckets.bucket(bucket.start))
            events[label] = events.get(label, 0) + count
    found = {times.shown(bucket): types for bucket, types in summary.buckets.items()}
    starts = sorted(events)
    lines: list[dict[str, Any]] = [{"type": None, "counts": [str(events[start]) for start in starts]}]
    for name in frequent:
        counts = [found[start][name].count if name in found.get(start, {}) else 0 for start in starts]
        lines.append({"type": name, "counts": [str(count) for count in counts]})
    return {"starts": starts, "lines": lines, "by": by}


def _is_by_day(database: Database) -> bool:
    return database.settings().get("granularity") == "day"


def _first(last: str, step: timedelta) -> str:
    """Return the start of the first bucket of the chart, as ledgers write it."""
    try:
        moment = datetime.strptime(last[:19], _FORMAT) - (HOURS - 1) * step  # noqa: DTZ007  # in UTC, as all of them
    except (ValueError, OverflowError):
        return last  # a year that Python does not have
    return moment.strftime(_FORMAT).rjust(19, "0") + last[19:]


def _texts(value: Any) -> Any:
    """Return the same with texts in place of numbers."""
    if isinstance(value, dict):
        return {name: _texts(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_texts(one) for one in value]
    return str(value) if isinstance(value, int) else value
