"""Summaries as text: writes a Summary as a saved summary, and reads that or a printed result as a Summary."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeGuard

import eventcli.lines
import eventcli.summary
from eventcli.lines.event import Reason
from eventcli.lines.query import MAX_TYPE_BYTES, MAX_TYPES, Bucket, Calendar, Query
from eventcli.readable import Readable
from eventcli.summary.account import Account, AccountError
from eventcli.summary.aggregates.aggregate import Kind
from eventcli.summary.aggregates.registry import AGGREGATES
from eventcli.summary.asked import Asked, NewerError
from eventcli.summary.kinship import Result
from eventcli.summary.sources import SourceReport, Status, Stretch
from eventcli.summary.stats import TypeStats
from eventcli.summary.summary import Rows, Summary, Terms

if TYPE_CHECKING:
    from eventcli.summary.elements import Number


SCHEMA: Final = "eventstats.summary"

VERSION: Final = 1

_LONGEST: Final = 2_000
"""Maximum digits of a number; the sums that `exact` computes without rounding are far longer."""

_PLAIN = r"-?[0-9]+(?:\.[0-9]+)?"


class SavedError(Exception):
    """The text is neither a saved summary nor a printed result; the message says what is wrong."""


def dump(summary: Summary, asked: Query | Asked | None = Asked()) -> bytes:  # noqa: B008  # immutable
    """Return the whole Summary as one JSON object on one line; sums are decimal text, so that no reader rounds them.

    `asked` is the question it answers, which a merge compares (None: unknown); a query's default settings are not
    written.
    """
    import json  # noqa: PLC0415  # keeps start-up fast for nearly all runs

    account = summary.account
    question = Asked.of(asked) if isinstance(asked, Query) else asked
    query = None if question is None else question.row()
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
        **({} if summary.max_type_bytes == MAX_TYPE_BYTES else {"max_type_bytes": summary.max_type_bytes}),
        **({} if summary.calendar is None else {"by": summary.calendar.by, "tz": summary.calendar.zone}),
        **({} if query == {} else {"query": query}),
    }
    # orjson does not write integers beyond 64 bits, which a merge of merges could hold.
    return json.dumps(saved, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def load(data: bytes) -> Summary:
    """Return the Summary of a saved summary, of several with one per line, or of a printed result (json or jsonl).

    A printed result contains only what it shows: its account counts only accepted lines, and min and max are unknown
    unless they were printed. Raises SavedError if the text is anything else.
    """
    import io  # noqa: PLC0415  # already loaded anyway

    return Summary.union(result.summary for result in results(io.BytesIO(data)))


def results(stream: Readable) -> Iterator[Result]:
    """Yield the saved summaries in a stream one by one, and all printed rows as one result at the end.

    Only one row is held at a time, and the sum of the rows. Raises SavedError if the text is anything else; then the
    results yielded before are invalid, too. OSError of the stream propagates.
    """
    printed = _Printed()
    part: _Part | None = None
    try:
        for document in eventcli.summary.elements.elements(stream):
            if isinstance(document, eventcli.summary.elements.Begin):
                part = _Part()
            elif isinstance(document, eventcli.summary.elements.Member):
                assert part is not None
                part.add(document.key, document.value)
            elif isinstance(document, eventcli.summary.elements.End):
                assert part is not None
                yield part.result()
            elif not isinstance(document, dict):
                raise SavedError("neither a saved summary nor a printed result: not an object")
            elif "schema" in document:
                yield _saved(document)
            else:
                printed.add(document)
    except eventcli.summary.elements.DocumentError as error:
        raise SavedError(f"neither a saved summary nor a printed result (json or jsonl): {error}") from None
    except UnicodeDecodeError:
        raise SavedError("not UTF-8") from None
    except NewerError as error:
        raise SavedError(f"a summary that was written by a newer eventstats: {error}") from None
    except KeyError as error:
        raise SavedError(f"neither a saved summary nor a printed result: no key {error}") from None
    except (TypeError, ValueError, AttributeError, AccountError) as error:
        raise SavedError(f"a damaged summary: {error}") from None
    if printed.rows:
        yield printed.result()


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
    start = {} if bucket is None else {"start": _label(bucket)}
    return {
        **start,
        # null: all types beyond the limit
        "type": name,
        **{
            one.name: one.to_text(state, integral=stats.integral)
            for one, state in stats.states()
            # A point in a number shows what the flag says.
            if one.kind is not Kind.FLAG and not (one.is_optional and state is None)
        },
    }


class _Printed:
    """The rows of printed results: those of one type add up, as one file may contain several results."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = Rows()
        self._events = 0
        self._is_timed = self._is_plain = False

    def add(self, row: Mapping[str, Any]) -> None:
        start, stats = row.get("start"), _stats(row)
        self._sum.add(None if start is None else _bucket(_text(start)), _text(row["type"]), stats)
        self.rows += 1
        self._events += stats.count
        self._is_timed = self._is_timed or "start" in row
        self._is_plain = self._is_plain or "start" not in row

    def result(self) -> Result:
        summary = Summary.of_rows(self._sum, Account(self._events, self._events))
        return Result(summary, is_printed=True, is_timed=self._is_timed, is_plain=self._is_plain)


class _Part:
    """A saved summary, read member by member: memory is bounded by the longest row, whatever it contains."""

    def __init__(self) -> None:
        self._sum = Rows()
        self._rows = 0
        self._document: dict[str, Any] = {"types": (), "sources": ()}
        self._sources: list[SourceReport] = []

    def add(self, key: str, value: Any) -> None:
        """Add a member, or an element of a member that is an array."""
        if key == "types":
            self.add_row(value)
        elif key == "sources":
            self._sources.append(_source(value))
        elif key in _MEMBERS:
            self._document[key] = value

    def add_row(self, row: Mapping[str, Any]) -> None:
        """Add the stats of one type."""
        start, stats = row.get("start"), _stats(row)
        bucket = None if start is None else _bucket(_text(start))
        self._sum.add(bucket, None if row["type"] is None else _text(row["type"]), stats)
        self._rows += 1

    def result(self) -> Result:
        """Return the whole; raises SavedError, or whatever a wrong value raises, if it is damaged."""
        document = self._document
        if document["schema"] != SCHEMA:
            raise SavedError(f"a saved {document['schema']!r}, not {SCHEMA!r}")
        version = _count(document["version"])
        if version != VERSION:
            newer = ": a newer eventstats wrote it" if version > VERSION else ""
            raise SavedError(f"version {version} of {SCHEMA}; this program reads version {VERSION}{newer}")
        if self._rows != len(self._sum):
            raise ValueError("a type occurs twice")
        account = document["account"]
        rejected = {_reason(reason): _count(number) for reason, number in account["rejected"].items()}
        lines, accepted, filtered, blank = (_count(account[key]) for key in ("lines", "accepted", "filtered", "blank"))
        most, most_bytes = document.get("max_types", ""), document.get("max_type_bytes", "")
        summary = Summary.of_rows(
            self._sum,
            Account(lines, accepted, rejected, filtered, blank, _optional_count(account, "salvaged")),
            self._sources,
            Terms(
                MAX_TYPES if most == "" else None if most is None else _count(most),
                Calendar(_text(document["by"]), _text(document["tz"])) if document.get("by") else None,
                MAX_TYPE_BYTES if most_bytes == "" else None if most_bytes is None else _count(most_bytes),
            ),
        )
        summary.check()
        if document["complete"] is not summary.complete:
            raise ValueError("its sources contradict its claim to be complete")
        query = document.get("query", {})
        asked = None if query is None else Asked.from_row(query)
        is_timed = summary.calendar is not None or bool(summary.buckets)
        return Result(summary, asked, is_timed=is_timed, is_plain=not is_timed and bool(summary.types or summary.other))


_MEMBERS: Final = frozenset(
    ("schema", "version", "complete", "account", "max_types", "max_type_bytes", "by", "tz", "query")
)


def _saved(document: Mapping[str, Any]) -> Result:
    part = _Part()
    for key, value in document.items():
        part.add(key, value) if key in _MEMBERS else None
    if document["schema"] == SCHEMA and _is_count(document["version"]) and int(document["version"]) == VERSION:
        for source in document["sources"]:
            part.add("sources", source)
        for row in document["types"]:
            part.add_row(row)
    return part.result()


def _reason(code: object) -> Reason:
    text = _text(code)
    if text not in set(Reason) and re.fullmatch("[a-z][a-z0-9_]*", text):
        raise NewerError(f"it holds lines that were rejected as {text!r}")
    return Reason(text)


def _status(code: object) -> Status:
    text = _text(code)
    if text not in set(Status) and re.fullmatch("[a-z][a-z0-9_]*", text):
        raise NewerError(f"it holds a source that is {text!r}")
    return Status(text)


def _label(bucket: Bucket) -> str:
    return eventcli.lines.times.shown(bucket)


def _bucket(label: str) -> Bucket:
    bucket = eventcli.lines.times.from_label(label)
    if bucket is None:
        raise ValueError(f"{label!r} is not the start of a bucket")
    return bucket


def _stats(row: Mapping[str, Any]) -> TypeStats:
    states: list[Any] = []
    for one in AGGREGATES:
        if one.kind is Kind.FLAG:
            # The number before it shows by its point how all were written.
            states.append("." not in row[AGGREGATES[len(states) - 1].name])
        elif not one.is_known and row.get(one.name) is None:
            states.append(None)
        else:
            states.append((_count if one.kind is Kind.COUNT else _number)(row[one.name]))
    stats = TypeStats.of(states)
    if stats.count:
        return stats
    if stats != TypeStats(integral=stats.integral):
        raise ValueError("a type without events has a sum, a min or a max")
    return TypeStats()


def _number(text: object) -> Decimal:
    """Return a number, which a saved summary stores as text."""
    if not isinstance(text, str) or len(text) > _LONGEST or not re.fullmatch(_PLAIN, text):
        raise ValueError(f"{str(text)[:40]!r} is not a number in plain notation")
    return Decimal(text)


def _count(number: object) -> int:
    if not _is_count(number):
        raise ValueError(f"{str(number)[:40]!r} is not a count")
    return int(number)


def _is_count(number: object) -> "TypeGuard[Number]":
    return isinstance(number, eventcli.summary.elements.Number) and len(number) <= _LONGEST and number.isdigit()


def _optional_count(holder: Mapping[str, Any], key: str) -> int:
    """Return a count that may be missing."""
    return _count(holder[key]) if key in holder else 0


def _text(text: object) -> str:
    if type(text) is not str:
        raise ValueError(f"{str(text)[:40]!r} is not text")
    text.encode("utf-8")  # UnicodeEncodeError, a ValueError, if an escape is a lone surrogate
    return text


def _source(source: Mapping[str, Any]) -> SourceReport:
    from eventcli.redaction import redacted, redacted_text  # noqa: PLC0415  # keeps start-up fast for nearly all runs

    stretch = source.get("stretch")
    return SourceReport(
        redacted(_text(source["name"])),
        _count(source["bytes"]),
        _count(source["lines"]),
        _status(source["status"]),
        redacted_text(_text(source["message"])),
        _optional_count(source, "pending"),
        Stretch() if stretch is None else _stretch(stretch),
    )


def _stretch(stretch: Mapping[str, Any]) -> Stretch:
    head = tuple(_text(stretch["head"]).split())
    start, end = _count(stretch["start"]), _count(stretch["end"])
    if start > end:
        raise ValueError("a stretch ends before it begins")
    return Stretch(head, start, end)
