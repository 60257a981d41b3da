"""`TypeStats`, `Account`, `Summary`: the state of a fold as a commutative monoid.

Each has an empty value and an associative, commutative `merge`; threads, files, later runs and other machines all
use that one operation. The values are immutable: merging creates new ones.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self

import eventcli.lines
from eventcli.errors import ExitCode
from eventcli.lines.query import Bucket, Calendar, Query
from eventcli.summary.account import Account, AccountError, Value
from eventcli.summary.aggregates.registry import COLUMNS, DEFAULT_STATS, NUMBERS, Stat
from eventcli.summary.sources import LazyReports, SourceReport, are_complete
from eventcli.summary.stats import LazyTypes, Types, TypeStats, add, add_all, count_of, in_order, sum_of

if TYPE_CHECKING:
    from datetime import datetime
    from typing import TypedDict, Unpack

    class _Terms(TypedDict, total=False):
        """The parts of `Terms` by name."""

        max_types: int | None
        calendar: Calendar | None
        max_type_bytes: int | None


OTHER_LABEL: Final = "(other)"
"""Default label for the row of all types beyond the limit."""


Row = tuple[Bucket | None, str | None, TypeStats]
"""The bucket (None: events outside any bucket), the type (None: all types beyond the limit), and the stats."""


class CalendarError(ValueError):
    """Buckets of different sizes or time zones cannot be merged."""


class Terms(Value):
    """What a query says of its result as a whole: which types have rows of their own, and how buckets are cut.

    At most `max_types` types have rows, the first ones in code-point order (None: no limit); all others share one. So
    do types once the names before them have `max_type_bytes` bytes (UTF-8). A `calendar` of None is unknown.
    """

    __slots__ = ("max_types", "calendar", "max_type_bytes")  # noqa: RUF023  # the order of the arguments

    max_types: int | None
    calendar: Calendar | None
    max_type_bytes: int | None

    def __init__(
        self, max_types: int | None = None, calendar: Calendar | None = None, max_type_bytes: int | None = None
    ) -> None:
        self._set(max_types=max_types, calendar=calendar, max_type_bytes=max_type_bytes)

    @classmethod
    def of(cls, query: Query) -> Self:
        """Return the terms of a query."""
        timing = query.timing
        calendar = None if timing is None or timing.by is None else Calendar(timing.by, timing.zone)
        return cls(query.max_types, calendar, query.max_type_bytes)

    def join(self, other: "Terms") -> "Terms":
        """Return the narrower limits, and the calendar of both; CalendarError if their buckets are cut differently."""
        ours, theirs = self.calendar, other.calendar
        if ours and theirs and ours != theirs:
            raise CalendarError(
                f"buckets by {ours.by} ({ours.zone}) and by {theirs.by} ({theirs.zone}) cannot be merged"
            )
        most, most_bytes = self.max_types, self.max_type_bytes
        return Terms(_least(most, other.max_types), ours or theirs, _least(most_bytes, other.max_type_bytes))


def _least(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)


_ANY: Final = Terms()


class Rows:
    """Rows that add up, each with its bucket, its type (None: all others) and its stats."""

    __slots__ = ("buckets", "other", "types")

    def __init__(self) -> None:
        self.types: dict[str, TypeStats] = {}
        self.buckets: dict[Bucket, dict[str, TypeStats]] = {}
        self.other: dict[Bucket | None, TypeStats] = {}

    def __len__(self) -> int:
        return len(self.other) + len(self.types) + sum(map(len, self.buckets.values()))

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Self:
        """Add up rows in any order."""
        total = cls()
        for row in rows:
            total.add(*row)
        return total

    def add(self, bucket: Bucket | None, name: str | None, stats: TypeStats) -> None:
        """Add a row."""
        if name is None:
            add(self.other, bucket, stats)
        else:
            add(self.types if bucket is None else self.buckets.setdefault(bucket, {}), name, stats)


class Summary(Value):
    """The whole state of a run: stats by type, the account, and the sources.

    `types` are the stats of events outside any bucket of time: all of them, unless buckets were requested. `buckets`
    are those of the others, in time order. `other` is what the types beyond the limits add up to, by bucket; None is
    for events outside any bucket. `terms` has the limits and the calendar, which may also be given by name:
    `max_types`, `max_type_bytes`, `calendar`.

    >>> from decimal import Decimal
    >>> Summary({"purchase": TypeStats(2, Decimal(5))}).types["purchase"].count
    2
    """

    __slots__ = ("types", "account", "sources", "buckets", "other", "terms")  # noqa: RUF023  # as above

    types: Types
    account: Account
    sources: Sequence[SourceReport]
    buckets: Mapping[Bucket, Types]
    other: Mapping[Bucket | None, TypeStats]
    terms: Terms

    def __init__(
        self,
        types: Types = MappingProxyType({}),
        account: Account = Account(),  # noqa: B008  # immutable
        sources: Iterable[SourceReport] = (),
        buckets: Mapping[Bucket, Types] = MappingProxyType({}),
        other: Mapping[Bucket | None, TypeStats] = MappingProxyType({}),
        terms: Terms = _ANY,
        **given: "Unpack[_Terms]",
    ) -> None:
        if given:
            terms = terms.replace(**given)
        types, buckets, other = _limited(types, buckets, other, terms)
        # In order, so that equal summaries look equal.
        self._set(
            types=in_order(types),
            account=account,
            sources=sources if isinstance(sources, LazyReports) else tuple(sorted(sources)),
            buckets={bucket: in_order(buckets[bucket]) for bucket in sorted(buckets) if buckets[bucket]},
            other={bucket: other[bucket] for bucket in sorted(other, key=_bucket_key) if other[bucket].count},
            terms=terms,
        )

    @classmethod
    def of_rows(
        cls,
        rows: Iterable[Row] | Rows,
        account: Account = Account(),  # noqa: B008  # immutable
        sources: Iterable[SourceReport] = (),
        terms: Terms = _ANY,
    ) -> Self:
        """Return the Summary of rows in any order; those of one type and bucket add up."""
        gathered = rows if isinstance(rows, Rows) else Rows.of(rows)
        return cls(gathered.types, account, sources, gathered.buckets, gathered.other, terms)

    @property
    def max_types(self) -> int | None:
        """How many types have rows of their own at most; None for no limit."""
        return self.terms.max_types

    @property
    def max_type_bytes(self) -> int | None:
        """How many bytes the names of these types have at most; None for no limit."""
        return self.terms.max_type_bytes

    @property
    def calendar(self) -> Calendar | None:
        """How the buckets are cut; None if that is unknown."""
        return self.terms.calendar

    @property
    def complete(self) -> bool:
        """Whether every source was read to its end."""
        sources = self.sources
        return sources.complete if isinstance(sources, LazyReports) else are_complete(sources)

    @property
    def is_all_rejected(self) -> bool:
        """Whether there were lines, and all that are not blank were rejected: the wrong input, most likely."""
        account = self.account
        return account.rejects > 0 and account.rejects == account.lines - account.blank

    @property
    def exit_code(self) -> ExitCode:
        """The exit status of a run of the command with this result and without a budget for rejected lines."""
        if not self.complete:
            return ExitCode.INCOMPLETE
        return ExitCode.DATA if self.is_all_rejected else ExitCode.OK

    @property
    def total(self) -> TypeStats:
        """The stats of all types together."""
        return sum_of(stats for _, _, stats in self.rows())

    def parts(self) -> Iterator[tuple[Bucket | None, Types, TypeStats | None]]:
        """Yield each bucket (None: events outside any bucket), its types, and the stats of all others, if any."""
        for bucket in (None, *sorted({*self.buckets, *(bucket for bucket in self.other if bucket is not None)})):
            yield bucket, self.types if bucket is None else self.buckets.get(bucket, {}), self.other.get(bucket)

    def rows(self) -> Iterator[Row]:
        """Yield the bucket, the type (None: all others) and the stats of every row, in output order."""
        for bucket, types, other in self.parts():
            for name, stats in types.items():
                yield bucket, name, stats
            if other is not None:
                yield bucket, None, other

    def records(self, stats: Sequence[str] = DEFAULT_STATS, *, other_label: str = OTHER_LABEL) -> list[dict[str, Any]]:
        """Return a dict for every row, as data frames take them: those of pandas and polars, for example.

        Each has the `type` and the statistics of the command's option `--stats`: the count is an int, all others are
        exact Decimals, or None if there is no answer. With buckets of time, `start` comes first: an aware datetime in
        the zone of the buckets; None for events outside any bucket. `other_label` is the type of all types beyond the
        limit. UnknownStatError if an input lacks a statistic.

        >>> from decimal import Decimal
        >>> Summary({"purchase": TypeStats(2, Decimal(5))}).records()
        [{'type': 'purchase', 'count': 2, 'sum': Decimal('5')}]
        """
        wanted = [(str(stat), COLUMNS[stat].text, NUMBERS[stat]) for stat in map(Stat, stats)]
        is_timed = self.calendar is not None or bool(self.buckets)
        found: list[dict[str, Any]] = []
        for bucket, types, other in self.parts():
            head = {"start": None if bucket is None else self._moment(bucket)} if is_timed else {}
            rows = chain(types.items(), () if other is None else ((other_label, other),))
            for name, one in rows:
                texts = ((stat, text(one), number) for stat, text, number in wanted)
                cells = {stat: None if text is None else number(text) for stat, text, number in texts}
                found.append({**head, "type": name, **cells})
        return found

    def _moment(self, bucket: Bucket) -> "datetime":
        """Return the start of a bucket in the zone of the calendar, or with the offset of the bucket."""
        return eventcli.lines.zones.moment(bucket.start, self.calendar.zone if self.calendar else None, bucket.offset)

    def in_form(self) -> Self:
        """Return the same summary with numbers in their printed digits, whatever body computed them."""

        def formed(stats: Types) -> Types:
            # The kernel's columns are in this form already.
            return stats if isinstance(stats, LazyTypes) else {name: one.in_form() for name, one in stats.items()}

        types = formed(self.types)
        other = {bucket: one.in_form() for bucket, one in self.other.items()}
        buckets = {bucket: formed(stats) for bucket, stats in self.buckets.items()}
        return type(self)(types, self.account, self.sources, buckets, other, self.terms)

    @property
    def crowd(self) -> str:
        """Which limit moved types into `other`, as part of a sentence with its option; empty if none did."""
        if not self.other:
            return ""
        count = len(set(self.types).union(*self.buckets.values())) if self.buckets else len(self.types)
        if self.max_types is not None and count >= self.max_types:
            return f"more than {self.max_types} types (--max-types)"
        return f"names of types have more than {self.max_type_bytes} bytes (--max-type-bytes)"

    def check(self) -> None:
        """Raise `AccountError` unless every line is accounted for, and the types hold the accepted ones."""
        self.account.check()
        events = sum(count_of(types) + (other.count if other else 0) for _, types, other in self.parts())
        if events != self.account.accepted:
            raise AccountError(f"{self.account.accepted} lines were accepted, but the types hold {events} events")

    def __contains__(self, name: object) -> bool:
        """Whether a type occurred or was requested, in any bucket."""
        return any(name in types for types in (self.types, *self.buckets.values()))

    def __iter__(self) -> Iterator[str]:
        """Yield the types in code-point order, each once."""
        return iter(sorted(set(self.types).union(*self.buckets.values())) if self.buckets else self.types)

    def __getitem__(self, name: str) -> TypeStats:
        """Return the stats of one type over all buckets; KeyError if it neither occurred nor was requested."""
        if not self.buckets:
            return self.types[name]
        found = [types[name] for types in (self.types, *self.buckets.values()) if name in types]
        if not found:
            raise KeyError(name)
        return sum_of(found)

    def merge(self, other: Self) -> Self:
        """Return the summary of both sets of lines together; CalendarError if their buckets are cut differently."""
        return type(self).union((self, other))

    __add__ = merge

    @classmethod
    def union(cls, summaries: Iterable[Self], reports: Iterable[SourceReport] = ()) -> Self:
        """Return the merge of any number of summaries and reports, in time linear in the number of types."""
        single: Mapping[str, TypeStats] = {}
        types: dict[str, TypeStats] = {}
        account = Account()
        sources: list[SourceReport] = []
        buckets: dict[Bucket, Types] = {}
        joined: dict[Bucket, dict[str, TypeStats]] = {}
        other: dict[Bucket | None, TypeStats] = {}
        terms = _ANY
        for summary in summaries:
            account += summary.account
            sources += summary.sources
            # A single one with types, as after most runs, is passed on unchanged; so is that of a bucket.
            if not single:
                single = summary.types
            elif summary.types:
                types = types or dict(single)
                add_all(types, summary.types)
            for bucket, stats in summary.buckets.items():
                if bucket not in buckets:
                    buckets[bucket] = stats
                    continue
                if bucket not in joined:
                    buckets[bucket] = joined[bucket] = dict(buckets[bucket])
                add_all(joined[bucket], stats)
            add_all(other, summary.other)
            if summary.terms is not terms:
                terms = terms.join(summary.terms)
        if sources:
            reports = [*reports, *sources]
        return cls(types or single, account, reports, buckets, other, terms)


def _bucket_key(bucket: Bucket | None) -> tuple[int, ...]:
    return () if bucket is None else bucket


def bytes_of(names: Iterable[str]) -> int:
    """Return the size of names in UTF-8 bytes."""
    return sum(len(name) if name.isascii() else len(name.encode("utf-8", "surrogatepass")) for name in names)


def _bytes_at_most(types: Types) -> int:
    """Return an upper bound of the size of names in bytes; for very many types, that costs next to nothing."""
    if isinstance(types, LazyTypes):
        return types.columns.name_bytes()[0]
    # No character has more than four bytes.
    return 4 * sum(map(len, types))


def _limited(
    types: Types,
    buckets: Mapping[Bucket, Types],
    other: Mapping[Bucket | None, TypeStats],
    terms: Terms,
) -> tuple[Types, Mapping[Bucket, Types], Mapping[Bucket | None, TypeStats]]:
    """Move all types into `other` except the first `most` in code-point order, and those beyond `most_bytes` of names.

    The choice does not depend on the order of merging: a type that is among the first of all is among the first of any
    part. The names that a part keeps before one that it moved have at least `most_bytes` together, and so they have in
    the whole. That would not hold if a name that does not fit counted itself.
    """
    most, most_bytes = terms.max_types, terms.max_type_bytes
    every = [types, *buckets.values()]
    are_few = most is None or sum(map(len, every)) <= most
    if are_few and (most_bytes is None or sum(map(_bytes_at_most, every)) < most_bytes):
        return types, buckets, other
    if are_few and isinstance(types, LazyTypes) and not buckets and types.columns.name_bytes()[1] < (most_bytes or 0):
        return types, buckets, other
    names = set(types).union(*buckets.values())
    are_few = most is None or len(names) <= most
    if are_few and (most_bytes is None or bytes_of(names) < most_bytes):
        return types, buckets, other
    kept = set()
    before = 0
    for name in islice(sorted(names), most):
        if most_bytes is not None and before >= most_bytes:
            break
        before += bytes_of((name,))
        kept.add(name)
    if len(kept) == len(names):
        return types, buckets, other
    rest = dict(other)

    def part(bucket: Bucket | None, stats: Types) -> Types:
        add_all(rest, {bucket: sum_of(one for name, one in stats.items() if name not in kept)})
        return {name: one for name, one in stats.items() if name in kept}

    return part(None, types), {bucket: part(bucket, stats) for bucket, stats in buckets.items()}, rest


def overlaps(summaries: Iterable[Summary]) -> Iterator[tuple[int, SourceReport, int, SourceReport]]:
    """Yield pairs of sources of different summaries that cover the same stretch of the same stream.

    Each source comes with the index of its summary. Lines that both cover would count twice in a merge.
    """
    by_mark: dict[str, list[tuple[int, SourceReport]]] = {}
    by_last: dict[str, list[tuple[int, SourceReport]]] = {}
    for place, summary in enumerate(summaries):
        for source in summary.sources:
            head = source.stretch.head
            if not head:
                continue
            # One of two heads is a prefix of the other: the last mark of the shorter one is among the other's.
            earlier = [*by_mark.get(head[-1], ()), *(one for mark in head[:-1] for one in by_last.get(mark, ()))]
            for other_place, other in earlier:
                if other_place != place and source.stretch.overlaps(other.stretch):
                    yield other_place, other, place, source
            for mark in head:
                by_mark.setdefault(mark, []).append((place, source))
            by_last.setdefault(head[-1], []).append((place, source))
