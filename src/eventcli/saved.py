"""Summaries kept as text: a Summary becomes a saved summary, and that or a printed result becomes a Summary again."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from eventcli import exact
from eventcli.event import MAX_TYPES, Bucket, Reason
from eventcli.summary import Account, AccountError, Calendar, SourceReport, Status, Stretch, Summary, TypeStats

SCHEMA: Final = "eventstats.summary"
VERSION: Final = 1

_LONGEST: Final = 2_000
"""Digits of a number; what `exact` adds up without rounding is far longer."""

_PLAIN = r"-?[0-9]+(?:\.[0-9]+)?"


class SavedError(Exception):
    """The text is neither a saved summary nor a printed result; the message says what is wrong with it."""


def dump(summary: Summary) -> bytes:
    """Return the whole Summary as one JSON object on one line; sums are decimal text, so that no reader rounds them."""
    import json  # noqa: PLC0415  # start-up of nearly all runs

    account = summary.account
    saved = {
        "schema": SCHEMA,
        "version": VERSION,
        "complete": summary.complete,
        "account": {
            "lines": account.lines,
            "accepted": account.accepted,
            "rejected": {str(reason): count for reason, count in account.rejected.items()},
            "filtered": account.filtered,
            "blank": account.blank,
            **({"salvaged": account.salvaged} if account.salvaged else {}),
        },
        "sources": [_source_row(source) for source in summary.sources],
        "types": [_row(*row) for row in summary.rows()],
        **({} if summary.max_types == MAX_TYPES else {"max_types": summary.max_types}),
        **({} if summary.calendar is None else {"by": summary.calendar.by, "tz": summary.calendar.zone}),
    }
    # orjson writes no integer beyond 64 bits, which a merge of merges could hold.
    return json.dumps(saved, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def load(data: bytes) -> Summary:
    """Return the Summary of a saved summary, of several on a line each, or of a printed result (json or jsonl).

    A printed result holds no more than it shows: its account counts accepted lines only, and min and max are unknown
    unless they were printed. SavedError where the text is something else.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise SavedError("not UTF-8") from None
    documents = _documents(text)
    return Summary.union(_summary(document) for document in documents)


def _source_row(source: SourceReport) -> dict[str, object]:
    row: dict[str, object] = {
        "name": source.name,
        "bytes": source.bytes,
        "lines": source.lines,
        "status": source.status,
        "message": source.message,
    }
    if source.pending:
        row["pending"] = source.pending
    if source.stretch.head:
        row["stretch"] = source.stretch._asdict() | {"head": " ".join(source.stretch.head)}
    return row


def _row(bucket: Bucket | None, name: str | None, stats: TypeStats) -> dict[str, object]:
    extremes = {
        key: None if value is None else exact.plain(value, integral=stats.integral)
        for key, value in (("min", stats.min), ("max", stats.max))
    }
    start = {} if bucket is None else {"start": _label(bucket)}
    return {
        **start,
        # null: all types beyond the limit
        "type": name,
        "count": stats.count,
        "sum": exact.plain(stats.sum, integral=stats.integral),
        **extremes,
    }


def _documents(text: str) -> list[Any]:
    try:
        document = _read_json(text)
    except ValueError:
        pass
    else:
        return document if isinstance(document, list) else [document]
    try:
        return [_read_json(line) for line in text.split("\n") if line.strip()]
    except ValueError as error:
        raise SavedError(f"neither a saved summary nor a printed result (json or jsonl): {error}") from None


class _Number(str):
    """A number as it is written: orjson would turn a decimal sum, or one beyond 64 bits, into a float."""

    __slots__ = ()


# What a saved summary need not say.
_NONE: Final = _Number(0)
_USUAL: Final = _Number(MAX_TYPES)


def _read_json(text: str) -> Any:
    import json  # noqa: PLC0415  # start-up of nearly all runs

    try:
        return json.loads(text, parse_float=_Number, parse_int=_Number, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _summary(document: Any) -> Summary:
    if not isinstance(document, dict):
        raise SavedError("neither a saved summary nor a printed result: not an object")
    try:
        if "schema" not in document:
            summary = _of_rows([document], is_printed=True)
            return summary.merge(Summary(account=Account(events := summary.total.count, events)))
        if document["schema"] != SCHEMA:
            raise SavedError(f"a saved {document['schema']!r}, not {SCHEMA!r}")
        if _count(document["version"]) != VERSION:
            raise SavedError(f"version {document['version']} of {SCHEMA}; this program reads version {VERSION}")
        account = document["account"]
        rejected = {Reason(reason): _count(number) for reason, number in account["rejected"].items()}
        lines, accepted, filtered, blank = (_count(account[key]) for key in ("lines", "accepted", "filtered", "blank"))
        salvaged = _count(account.get("salvaged", _NONE))
        most = document.get("max_types", _USUAL)
        rest = Summary(
            account=Account(lines, accepted, rejected, filtered, blank, salvaged),
            sources=tuple(_source(source) for source in document["sources"]),
            max_types=None if most is None else _count(most),
            calendar=Calendar(_text(document["by"]), _text(document["tz"])) if document.get("by") else None,
        )
        summary = _of_rows(document["types"]).merge(rest)
        summary.check()
        if document["complete"] is not summary.complete:
            raise ValueError("its sources contradict what it says of being complete")
    except KeyError as error:
        raise SavedError(f"neither a saved summary nor a printed result: no key {error}") from None
    except (TypeError, ValueError, AttributeError, AccountError) as error:
        raise SavedError(f"a damaged summary: {error}") from None
    return summary


def _of_rows(rows: Iterable[Mapping[str, Any]], *, is_printed: bool = False) -> Summary:
    """Return the Summary of rows, each with its type, its stats and, where there are buckets, the start of its own."""
    types: dict[str, TypeStats] = {}
    buckets: dict[Bucket, dict[str, TypeStats]] = {}
    other: dict[Bucket | None, TypeStats] = {}
    for row in rows:
        start = row.get("start")
        bucket = None if start is None else _bucket(_text(start))
        stats = _stats(row)
        if row["type"] is None and not is_printed:
            other[bucket] = stats
        elif bucket is None:
            types[_text(row["type"])] = stats
        else:
            buckets.setdefault(bucket, {})[_text(row["type"])] = stats
    return Summary(types, buckets=buckets, other=other)


def _label(bucket: Bucket) -> str:
    from eventcli import times  # noqa: PLC0415  # start-up of all runs that ask for no time

    return times.label(bucket)


def _bucket(label: str) -> Bucket:
    from eventcli import times  # noqa: PLC0415  # start-up of all runs that ask for no time

    bucket = times.from_label(label)
    if bucket is None:
        raise ValueError(f"{label!r} is not the start of a bucket")
    return bucket


def _stats(row: Mapping[str, Any]) -> TypeStats:
    count = _count(row["count"])
    total, integral = _number(row["sum"])
    low, high = (None if row.get(key) is None else _number(row[key])[0] for key in ("min", "max"))
    if count:
        return TypeStats(count, total, integral, low, high)
    if total or low is not None or high is not None:
        raise ValueError("a type without events has a sum, a min or a max")
    return TypeStats()


def _number(text: object) -> tuple[Decimal, bool]:
    """Return a number, which a saved summary holds as text, and whether it is written as an integer."""
    if not isinstance(text, str) or len(text) > _LONGEST or not re.fullmatch(_PLAIN, text):
        raise ValueError(f"{str(text)[:40]!r} is not a number in plain notation")
    return Decimal(text), "." not in text


def _count(number: object) -> int:
    if not isinstance(number, _Number) or len(number) > _LONGEST or not number.isdigit():
        raise ValueError(f"{str(number)[:40]!r} is not a count")
    return int(number)


def _text(text: object) -> str:
    if type(text) is not str:
        raise ValueError(f"{str(text)[:40]!r} is not text")
    text.encode("utf-8")  # UnicodeEncodeError, a ValueError, where an escape stands for half a character
    return text


def _source(source: Mapping[str, Any]) -> SourceReport:
    stretch = source.get("stretch")
    return SourceReport(
        _text(source["name"]),
        _count(source["bytes"]),
        _count(source["lines"]),
        Status(source["status"]),
        _text(source["message"]),
        _count(source.get("pending", _NONE)),
        Stretch() if stretch is None else _stretch(stretch),
    )


def _stretch(stretch: Mapping[str, Any]) -> Stretch:
    head = tuple(_text(stretch["head"]).split())
    start, end = _count(stretch["start"]), _count(stretch["end"])
    if start > end:
        raise ValueError("a stretch ends before it begins")
    return Stretch(head, start, end)
