"""A partial: what the fold of some neighbouring splits gave, as bytes, and the merge of neighbours.

It is text and numbers only: the client runs nothing that a worker sends. The merge is associative, but its order
counts: lines of a source are numbered from the first split of the source that the partial holds.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, pairwise, repeat, starmap
from typing import Any, Final, NamedTuple

from eventcli.lines.event import Reason, Reject
from eventcli.lines.query import Bucket, Calendar
from eventcli.summary.account import Account, AccountError
from eventcli.summary.aggregates.aggregate import Aggregate, Kind
from eventcli.summary.aggregates.count import COUNT
from eventcli.summary.aggregates.registry import AGGREGATES
from eventcli.summary.sources import Status
from eventcli.summary.stats import LazyTypes, Types, TypeStats
from eventcli.summary.summary import Summary, Terms, bytes_of

_COUNT: Final = AGGREGATES.index(COUNT)

_RAW: Final = "latin-1"
"""How the bytes of a rejected line become text: one character each."""


_ROWS: Final = 1000
"""Rows that become text at a time."""

_NOTHING: Final = Summary()


class _Columns:
    """Stats by type as they travel: lists of names, and of states or of the lines of their texts.

    Nobody makes numbers, or even texts, of them who only prints them. In a client that printed 100,000 types, these
    took 20 MB less than with a text for each number, and that took 91 MB less than with `TypeStats`.
    """

    def __init__(self, names: list[str], columns: Mapping[str, list[Any] | str]) -> None:
        """Take the states of each aggregate, by its name."""
        self._names = names
        self._columns = columns

    def __len__(self) -> int:
        return len(self._names)

    def rows(self, start: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return one tuple per type."""
        return list(zip(self._names, repeat(start), *map(self.column, columns), strict=False))

    def text(self, literals: Sequence[str], columns: Sequence[str], around: tuple[str, str, str]) -> bytes:
        """Return all rows in JSON."""
        cells = [self._escaped() if name == "type" else self._cells(name) for name in columns]
        template = "%s".join(literal.replace("%", "%%") for literal in literals)
        first, between, last = around
        rows = map(template.__mod__, zip(*cells, strict=True))
        # Some at a time: all rows as strings take twice the memory of their text.
        texts = iter(lambda: between.join(islice(rows, _ROWS)), "")
        return b"".join((first.encode(), between.encode().join(map(str.encode, texts)), last.encode()))

    def _escaped(self) -> Iterator[str]:
        import orjson  # noqa: PLC0415  # only for what prints

        return (orjson.dumps(name)[1:-1].decode() for name in self._names)

    def name_bytes(self) -> tuple[int, int]:
        """Return the size of all names in bytes, and of all but the last."""
        size = bytes_of(self._names)
        return size, size - bytes_of(self._names[-1:])

    def names(self) -> list[str]:
        """Return the types."""
        return self._names

    def column(self, name: str) -> list[Any]:
        """Return the states of an aggregate."""
        return _apart(self._columns[name])

    def _cells(self, name: str) -> Iterator[Any]:
        column = self._columns[name]
        return map(re.Match.group, re.finditer("[^\n]+", column)) if isinstance(column, str) else iter(column)


def _together(column: list[Any], one: Aggregate) -> list[Any] | str:
    """Return a column as it travels: exact numbers as one text with a line for each."""
    return "\n".join(column) if one.kind is Kind.NUMBER and column and None not in column else column


def _apart(column: list[Any] | str) -> list[Any]:
    return column.split("\n") if isinstance(column, str) else column


class Piece(NamedTuple):
    """The part of a source that was read, in the bytes `[start, end)` that some splits own of it.

    `bytes` and `lines` are those of the lines that begin there. `is_stored` says that these are bytes as stored, which
    must be as many as the source has. `marks` are those of the beginning of the source, if asked for.
    """

    source: int
    start: int
    end: int
    bytes: int = 0
    lines: int = 0
    status: Status = Status.COMPLETE
    message: str = ""
    is_stored: bool = False
    marks: tuple[str, ...] = ()

    def join(self, right: "Piece") -> "Piece":
        """Return both as one; `right` must be the next of the same source."""
        if (right.source, right.start) != (self.source, self.end):
            raise AccountError(f"of source {self.source}, bytes up to {self.end} are followed by {right}")
        failed = self if self.status is not Status.COMPLETE else right
        return Piece(
            self.source,
            self.start,
            right.end,
            self.bytes + right.bytes,
            self.lines + right.lines,
            failed.status,
            failed.message,
            self.is_stored and right.is_stored,
            self.marks,
        )


class Partial(NamedTuple):
    """The result of the splits from `first` on and before `end`, of all splits of a plan.

    The summary has no sources: these are the pieces, in order. The source of a reject is its number in the plan, and
    its line counts from the beginning of the piece; at most `most` are kept, the first ones.
    """

    first: int
    end: int
    summary: Summary
    pieces: Sequence[Piece]
    rejects: Sequence[Reject]
    most: int


def joined(pieces: Iterable[Piece]) -> list[Piece]:
    """Return pieces in order, with those of the same source as one."""
    whole: list[Piece] = []
    for piece in pieces:
        if whole and whole[-1].source == piece.source:
            whole[-1] = whole[-1].join(piece)
        else:
            whole.append(piece)
    return whole


def merge(partials: Iterable[Partial]) -> Partial:
    """Return one partial for neighbours, in their order; AccountError if they are none.

    Each is used once, so of an iterator, only one summary is held besides that of those before it.
    """
    # All but the summaries, which may be large.
    light: list[Partial] = []

    def summaries() -> Iterator[Summary]:
        for partial in partials:
            light.append(partial._replace(summary=_NOTHING))
            yield partial.summary

    summary = Summary.union(summaries())
    for left, right in pairwise(light):
        if left.end != right.first:
            raise AccountError(f"splits up to {left.end} are followed by those from {right.first} on")
    most = light[0].most
    pieces = joined(piece for partial in light for piece in partial.pieces)
    return Partial(light[0].first, light[-1].end, summary, pieces, list(_first(_renumbered(light), most)), most)


def _first(rejects: Iterator[Reject], most: int) -> Iterator[Reject]:
    for _, reject in zip(range(most), rejects, strict=False):
        yield reject


def _renumbered(partials: Iterable[Partial]) -> Iterator[Reject]:
    """Yield the rejects of neighbours; those of a source that goes on count the lines before them."""
    source, lines = "", 0
    for partial in partials:
        for reject in partial.rejects:
            yield reject._replace(line=reject.line + lines) if lines and reject.source == source else reject
        last = partial.pieces[-1]
        goes_on = len(partial.pieces) == 1 and str(last.source) == source
        source, lines = str(last.source), last.lines + (lines if goes_on else 0)


def merge_bytes(partials: Sequence[bytes]) -> bytes:
    """Merge partials as engines pass them on."""
    return to_bytes(merge(map(from_bytes, partials)))


def account_bytes(partial: bytes) -> bytes:
    """Return the account of a partial, for people who watch."""
    return json.dumps(json.loads(partial)["account"]).encode()


def account_of(note: bytes) -> Account:
    """Return the account that `account_bytes` returned."""
    return _account(json.loads(note))


def to_bytes(partial: Partial) -> bytes:
    """Return a partial as text."""
    summary, account = partial.summary, partial.summary.account
    rows = {
        "first": partial.first,
        "end": partial.end,
        "account": (
            account.lines,
            account.accepted,
            account.rejected,
            account.filtered,
            account.blank,
            account.salvaged,
        ),
        "limits": (summary.max_types, summary.max_type_bytes),
        "calendar": summary.calendar,
        "tables": [
            (bucket, list(types), _columns(types), None if other is None else _columns({"": other}))
            for bucket, types, other in summary.parts()
        ],
        "pieces": partial.pieces,
        "rejects": [
            (reject.reason, reject.message, reject.raw.decode(_RAW), *reject[3:7]) for reject in partial.rejects
        ],
        "most": partial.most,
    }
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def from_bytes(data: bytes) -> Partial:
    """Return the partial that `to_bytes` wrote."""
    rows = json.loads(data.decode("utf-8", "surrogatepass"))
    types: dict[Bucket | None, Types] = {}
    other: dict[Bucket | None, TypeStats] = {}
    for place, names, columns, rest in rows["tables"]:
        bucket = None if place is None else Bucket(*place)
        types[bucket] = _types(names, columns)
        if rest is not None:
            (other[bucket],) = _types([""], rest).values()
    plain = types.pop(None, {})
    calendar = None if rows["calendar"] is None else Calendar(*rows["calendar"])
    most, most_bytes = rows["limits"]
    buckets = {bucket: stats for bucket, stats in types.items() if bucket is not None}
    return Partial(
        rows["first"],
        rows["end"],
        Summary(plain, _account(rows["account"]), (), buckets, other, Terms(most, calendar, most_bytes)),
        list(starmap(_piece, rows["pieces"])),
        list(starmap(_reject, rows["rejects"])),
        rows["most"],
    )


def _columns(types: Types) -> list[list[Any] | str]:
    """Return the states of all types, a column for each aggregate that is kept."""
    if isinstance(types, LazyTypes) and tuple(types.aggregates) == AGGREGATES[: len(types.aggregates)]:
        return [_together(types.columns.column(one.name), one) for one in types.aggregates]
    kept = max(map(len, types.values()), default=0)
    columns: list[list[Any] | str] = []
    for place, one in enumerate(AGGREGATES[:kept]):
        texts = (
            one.to_text(stats[place], integral=stats.integral) if place < len(stats) else None
            for stats in types.values()
        )
        columns.append(_together(list(texts), one))
    return columns


def _types(names: list[str], columns: list[list[Any] | str]) -> Types:
    kept = AGGREGATES[: len(columns)]
    # A type without events has no least value.
    if names and all(columns[_COUNT]) and not any(None in column for column in columns if isinstance(column, list)):
        return LazyTypes(_Columns(names, {one.name: column for one, column in zip(kept, columns, strict=True)}), kept)
    states = [
        column
        if one.kind is not Kind.NUMBER
        else [None if text is None else one.from_text(text) for text in _apart(column)]
        for one, column in zip(AGGREGATES, columns, strict=False)
    ]
    return {name: TypeStats.of(list(row)) for name, row in zip(names, zip(*states, strict=True), strict=True)}


def _account(row: Sequence[Any]) -> Account:
    lines, accepted, rejected, filtered, blank, salvaged = row
    rejected = {Reason(reason): count for reason, count in rejected.items()}
    return Account(lines, accepted, rejected, filtered, blank, salvaged)


def _piece(*row: Any) -> Piece:
    piece = Piece(*row)
    return piece._replace(status=Status(piece.status), marks=tuple(piece.marks))


def _reject(*row: Any) -> Reject:
    reject = Reject(*row)
    return reject._replace(reason=Reason(reject.reason), raw=str(reject.raw).encode(_RAW))
