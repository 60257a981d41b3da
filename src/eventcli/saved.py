"""Summaries kept as text: a Summary becomes a saved summary, and that or a printed result becomes a Summary again."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from eventcli import exact
from eventcli.event import Reason
from eventcli.summary import Account, AccountError, SourceReport, Status, Summary, TypeStats

SCHEMA: Final = "eventstats.summary"
VERSION: Final = 1

_LONGEST: Final = 2_000
"""Digits of a number; what `exact` adds up without rounding is far longer."""

_PLAIN = r"-?[0-9]+(?:\.[0-9]+)?"


class SavedError(Exception):
    """The text is neither a saved summary nor a printed result; the message says what is wrong with it."""


def dump(summary: Summary) -> bytes:
    """Return the whole Summary as one JSON object on one line; sums are decimal text, so that no reader rounds them."""
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
        },
        "sources": [source._asdict() for source in summary.sources],
        "types": [_row(name, stats) for name, stats in summary.types.items()],
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


def _row(name: str, stats: TypeStats) -> dict[str, object]:
    extremes = {
        key: None if value is None else exact.plain(value, integral=stats.integral)
        for key, value in (("min", stats.min), ("max", stats.max))
    }
    return {
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


def _read_json(text: str) -> Any:
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
            name, stats = _stats(document)
            return Summary({name: stats}, Account(stats.count, stats.count))
        if document["schema"] != SCHEMA:
            raise SavedError(f"a saved {document['schema']!r}, not {SCHEMA!r}")
        if _count(document["version"]) != VERSION:
            raise SavedError(f"version {document['version']} of {SCHEMA}; this program reads version {VERSION}")
        account = document["account"]
        rejected = {Reason(reason): _count(number) for reason, number in account["rejected"].items()}
        lines, accepted, filtered, blank = (_count(account[key]) for key in ("lines", "accepted", "filtered", "blank"))
        summary = Summary(
            dict(_stats(row) for row in document["types"]),
            Account(lines, accepted, rejected, filtered, blank),
            tuple(_source(source) for source in document["sources"]),
        )
        summary.check()
        if document["complete"] is not summary.complete:
            raise ValueError("its sources contradict what it says of being complete")
    except KeyError as error:
        raise SavedError(f"neither a saved summary nor a printed result: no key {error}") from None
    except (TypeError, ValueError, AttributeError, AccountError) as error:
        raise SavedError(f"a damaged summary: {error}") from None
    return summary


def _stats(row: Mapping[str, Any]) -> tuple[str, TypeStats]:
    name, count = _text(row["type"]), _count(row["count"])
    total, integral = _number(row["sum"])
    low, high = (None if row.get(key) is None else _number(row[key])[0] for key in ("min", "max"))
    if count:
        return name, TypeStats(count, total, integral, low, high)
    if total or low is not None or high is not None:
        raise ValueError("a type without events has a sum, a min or a max")
    return name, TypeStats()


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
    return SourceReport(
        _text(source["name"]),
        _count(source["bytes"]),
        _count(source["lines"]),
        Status(source["status"]),
        _text(source["message"]),
    )
