"""`TypeStats`, `Account`, `Summary`: the state of a fold as a commutative monoid.

Each has an empty value and an associative, commutative `merge`; threads, files, later runs and other machines all
use that one operation. The values are immutable: merging makes new ones.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from functools import partial
from itertools import chain, islice, repeat
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol, Self, TypeVar, overload

from eventcli import exact
from eventcli.event import Bucket, Reason


class TypeStats(NamedTuple):
    """What the accepted values of one type add up to.

    `count` events; `sum`, `min` and `max` are exact. `integral` is True as long as every value was written as an
    integer. `min` and `max` are None for a count of 0, and also where they are not known because the stats were read
    from a printed result that did not hold them.
    """

    count: int = 0  # type: ignore[assignment]  # takes the place of a method that tuples have
    sum: Decimal = exact.ZERO
    integral: bool = True
    min: Decimal | None = None
    max: Decimal | None = None

    def merge(self, other: Self) -> Self:
        """Return the stats of both sets of events together.

        >>> one = TypeStats(1, Decimal("0.1"), False, Decimal("0.1"), Decimal("0.1"))
        >>> (one + one).sum
        Decimal('0.2')
        """
        if not self.count:
            return other
        if not other.count:
            return self
        return type(self)(
            self.count + other.count,
            exact.add(self.sum, other.sum),
            self.integral and other.integral,
            None if self.min is None or other.min is None else min(self.min, other.min),
            None if self.max is None or other.max is None else max(self.max, other.max),
        )

    def __add__(self, other: Self) -> Self:  # type: ignore[override]  # takes the place of joining tuples
        """Return the stats of both sets of events together."""
        return self.merge(other)

    def in_form(self) -> Self:
        """Return the same stats, each number with the digits that it is printed with: equal ones then look equal.

        >>> TypeStats(2, Decimal("3.50"), False, Decimal("1E+0"), Decimal("2.50")).in_form()[1:]
        (Decimal('3.5'), False, Decimal('1.0'), Decimal('2.5'))
        """
        numbers = (self.sum, self.min, self.max)
        written = (None if number is None else exact.plain(number, integral=self.integral) for number in numbers)
        total, low, high = (None if text is None else Decimal(text) for text in written)
        assert total is not None
        return type(self)(self.count, total, self.integral, low, high)

    @property
    def mean(self) -> Decimal | None:
        """The exact quotient sum / count, rounded once to 17 significant digits; None for a count of 0."""
        return exact.mean(self.sum, self.count) if self.count else None


class Columns(Protocol):
    """Stats by type, in code-point order, one list for each statistic; numbers as they are printed."""

    def __len__(self) -> int:
        """Return how many types there are."""

    def rows(self, start: str) -> list[tuple[str, str, int, str, bool, str, str]]:
        """Return one tuple for each type: its name, `start`, and what the other methods give."""

    def text(self, literals: Sequence[str], columns: Sequence[str], around: tuple[str, str, str]) -> bytes:
        """Return all rows in JSON: the literals, between them the columns.

        A column is "type", "count", "sum", "min" or "max". `around` is what comes first, between two types, and last.
        """

    def name_bytes(self) -> tuple[int, int]:
        """Return how many bytes the types have in UTF-8: all of them, and all but the last."""

    def names(self) -> list[str]:
        """Return the types."""

    def counts(self) -> list[int]:
        """Return the counts, none of which is 0."""

    def integral(self) -> list[bool]:
        """Return whether all values were written as integers."""

    def sums(self) -> list[str]:
        """Return the sums."""

    def mins(self) -> list[str]:
        """Return the smallest values."""

    def maxs(self) -> list[str]:
        """Return the largest values."""


class LazyTypes(Mapping[str, TypeStats]):
    """Stats by type that are made of columns when they are first asked for; equal to the dict of them.

    A hundred thousand `TypeStats` take longer to make than as many events take to fold, and most runs only print a
    column or two.
    """

    __slots__ = ("_made", "columns")

    columns: Columns
    """All there is to know, for whoever can do without `TypeStats`."""

    def __init__(self, columns: Columns) -> None:
        """Take columns that do not change any more."""
        self.columns = columns
        self._made: dict[str, TypeStats] | None = None

    def __getitem__(self, name: str) -> TypeStats:
        return self._stats()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns.names() if self._made is None else self._made)

    def __len__(self) -> int:
        return len(self.columns)

    def __eq__(self, other: object) -> bool:
        return self._stats() == (other._stats() if isinstance(other, LazyTypes) else other)

    __hash__ = None  # type: ignore[assignment]  # as of a dict

    def __reduce__(self) -> tuple[type, tuple[dict[str, TypeStats]]]:
        return dict, (self._stats(),)

    def __repr__(self) -> str:
        return repr(self._stats())

    def _stats(self) -> dict[str, TypeStats]:
        if self._made is None:
            columns = self.columns
            texts = columns.sums(), columns.mins(), columns.maxs()
            sums, mins, maxs = (map(Decimal, column) for column in texts)
            stats = map(TypeStats, columns.counts(), sums, columns.integral(), mins, maxs)
            self._made = dict(zip(columns.names(), stats, strict=True))
        return self._made


class AccountError(Exception):
    """The lines do not add up: a bug in eventstats, never a property of the input."""


class _Value:
    """An immutable value with slots, equal to another with equal ones.

    What a frozen dataclass gives, without the code that one generates: it was a tenth of the start-up.
    """

    __slots__: tuple[str, ...] = ()

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be deleted")

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if type(other) is type(self) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as of a dict, which they hold

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return type(self), self._values()

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__name__}({values})"


class Account(_Value):
    """Where every line went: lines = accepted + rejected + filtered + blank.

    `salvaged` of the accepted lines were damaged, and their event was recovered.
    """

    __slots__ = ("lines", "accepted", "rejected", "filtered", "blank", "salvaged")  # noqa: RUF023  # the order of the arguments

    lines: int
    accepted: int
    rejected: Mapping[Reason, int]
    filtered: int
    blank: int
    salvaged: int

    def __init__(
        self,
        lines: int = 0,
        accepted: int = 0,
        rejected: Mapping[Reason, int] = MappingProxyType({}),
        filtered: int = 0,
        blank: int = 0,
        salvaged: int = 0,
    ) -> None:
        # Only the reasons that occurred, in their order, so that equal accounts look equal.
        rejected = {reason: rejected[reason] for reason in Reason if rejected.get(reason)} if rejected else {}
        self._set(lines=lines, accepted=accepted, rejected=rejected, filtered=filtered, blank=blank, salvaged=salvaged)

    @property
    def rejects(self) -> int:
        """Rejected lines of all reasons."""
        return sum(self.rejected.values())

    def merge(self, other: Self) -> Self:
        """Return the account of both sets of lines together."""
        return type(self)(
            self.lines + other.lines,
            self.accepted + other.accepted,
            {reason: self.rejected.get(reason, 0) + other.rejected.get(reason, 0) for reason in Reason},
            self.filtered + other.filtered,
            self.blank + other.blank,
            self.salvaged + other.salvaged,
        )

    __add__ = merge

    def check(self) -> None:
        """Raise `AccountError` unless every line is accounted for."""
        parts = self.accepted + self.rejects + self.filtered + self.blank
        if self.lines != parts:
            raise AccountError(f"{self.lines} lines were read, but {parts} are accounted for: {self}")
        if self.salvaged > self.accepted:
            raise AccountError(f"{self.salvaged} lines were salvaged, but {self.accepted} accepted")

    def __str__(self) -> str:
        """Return the account as one line for people."""
        text = (
            f"{self.lines} lines = {self.accepted} accepted + {self.rejects} rejected"
            f" + {self.filtered} filtered + {self.blank} blank"
        )
        if self.salvaged:
            text += f", {self.salvaged} salvaged"
        reasons = ", ".join(f"{reason} {count}" for reason, count in self.rejected.items())
        return f"{text} ({reasons})" if reasons else text


class Status(StrEnum):
    """How the reading of one source ended."""

    COMPLETE = "complete"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    TRUNCATED = "truncated"
    DAMAGED = "damaged"
    INTERRUPTED = "interrupted"
    DISCONTINUITY = "discontinuity"


class Stretch(NamedTuple):
    """Which part of a stream was read, in bytes, and the marks (see `marks`) of the beginning of the stream."""

    head: tuple[str, ...] = ()
    start: int = 0
    end: int = 0

    def overlaps(self, other: Self) -> bool:
        """Whether both are parts of one stream, and have bytes in common."""
        if not self.head or not other.head or self.start >= other.end or other.start >= self.end:
            return False
        return self.head[-1] in other.head or other.head[-1] in self.head


class SourceReport(NamedTuple):
    """What was read of one source: bytes (decompressed) and lines; `message` says why it is not complete.

    `pending` are the bytes of a last line without its newline that was left, by runs that read it the next time.
    """

    name: str
    bytes: int
    lines: int
    status: Status = Status.COMPLETE
    message: str = ""
    pending: int = 0
    stretch: Stretch = Stretch()

    @classmethod
    def of_whole(cls, names: Iterable[str], sizes: Iterable[int], lines: Iterable[int]) -> list[Self]:
        """Return the reports of sources that were read to their end, in half the time that calls of the class take."""
        rest = map(repeat, (Status.COMPLETE, "", 0, Stretch()))
        return list(map(partial(tuple.__new__, cls), zip(names, sizes, lines, *rest, strict=False)))


class WholeFiles(NamedTuple):
    """Files that were read to their end, of which nothing else is to be said: their names, bytes and lines."""

    names: Sequence[str]
    sizes: Sequence[int]
    lines: Sequence[int]


class LazyReports(Sequence[SourceReport]):
    """Reports in their order, those of whole files not made before one is asked for.

    To make those of ten thousand files takes a fortieth of the time in which these are read and folded, and most runs
    print no report.
    """

    __slots__ = ("_made", "_reports", "_whole")

    def __init__(self, reports: Sequence[SourceReport], whole: Sequence[WholeFiles]) -> None:
        """Take reports, and files that have none, which do not change any more."""
        self._reports = reports
        self._whole = whole
        self._made: tuple[SourceReport, ...] | None = None

    @property
    def complete(self) -> bool:
        """Whether every source was read to its end."""
        return _are_complete(self._reports)

    @property
    def lines(self) -> int:
        """The lines of all sources."""
        return sum(report.lines for report in self._reports) + sum(sum(files.lines) for files in self._whole)

    @overload
    def __getitem__(self, index: int) -> SourceReport: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[SourceReport, ...]: ...
    def __getitem__(self, index: int | slice) -> SourceReport | tuple[SourceReport, ...]:
        return self._all()[index]

    def __iter__(self) -> Iterator[SourceReport]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._reports) + sum(len(files.names) for files in self._whole)

    def __eq__(self, other: object) -> bool:
        return self._all() == (other._all() if isinstance(other, LazyReports) else other)

    __hash__ = None  # type: ignore[assignment]  # as nothing that is made later

    def __reduce__(self) -> tuple[type, tuple[tuple[SourceReport, ...]]]:
        return tuple, (self._all(),)

    def __repr__(self) -> str:
        return repr(self._all())

    def _all(self) -> tuple[SourceReport, ...]:
        if self._made is None:
            made = [SourceReport.of_whole(*files) for files in self._whole]
            self._made = tuple(sorted(chain(self._reports, *made)))
        return self._made


def _are_complete(reports: Iterable[SourceReport]) -> bool:
    return set(map(attrgetter("status"), reports)) <= {Status.COMPLETE}


_EMPTY_STATS: Final = TypeStats()

_Key = TypeVar("_Key")

Types = Mapping[str, TypeStats]
"""Stats by type, in code-point order."""


class Calendar(NamedTuple):
    """How buckets are cut: one of `UNITS`, and the name of a time zone."""

    by: str
    zone: str


class CalendarError(ValueError):
    """Buckets of different sizes or time zones cannot be merged."""


class Summary(_Value):
    """The whole state of a run: stats by type, the account, and the sources.

    `types` are the stats of events that are in no bucket of time: all of them, unless buckets were asked for.
    `buckets` are those of the others, in the order of time; `calendar` says how they were cut (None: not known).
    At most `max_types` types have stats of their own, those that are first in code-point order (None: no limit); all
    others add up in `other`, by bucket, where None stands for events that are in no bucket. So do types
    before which names of types have `max_type_bytes` bytes (UTF-8) already.

    >>> Summary({"purchase": TypeStats(2, Decimal(5))}).types["purchase"].count
    2
    """

    __slots__ = ("types", "account", "sources", "buckets", "other", "max_types", "calendar", "max_type_bytes")  # noqa: RUF023  # as above

    types: Types
    account: Account
    sources: Sequence[SourceReport]
    buckets: Mapping[Bucket, Types]
    other: Mapping[Bucket | None, TypeStats]
    max_types: int | None
    calendar: Calendar | None
    max_type_bytes: int | None

    def __init__(
        self,
        types: Types = MappingProxyType({}),
        account: Account = Account(),  # noqa: B008  # immutable
        sources: Iterable[SourceReport] = (),
        buckets: Mapping[Bucket, Types] = MappingProxyType({}),
        other: Mapping[Bucket | None, TypeStats] = MappingProxyType({}),
        max_types: int | None = None,
        calendar: Calendar | None = None,
        max_type_bytes: int | None = None,
    ) -> None:
        types, buckets, other = _limited(types, buckets, other, max_types, max_type_bytes)
        # In their order, so that equal summaries look equal.
        self._set(
            types=_in_order(types),
            account=account,
            sources=sources if isinstance(sources, LazyReports) else tuple(sorted(sources)),
            buckets={bucket: _in_order(buckets[bucket]) for bucket in sorted(buckets) if buckets[bucket]},
            other={bucket: other[bucket] for bucket in sorted(other, key=_bucket_key) if other[bucket].count},
            max_types=max_types,
            calendar=calendar,
            max_type_bytes=max_type_bytes,
        )

    @property
    def complete(self) -> bool:
        """Whether every source was read to its end."""
        sources = self.sources
        return sources.complete if isinstance(sources, LazyReports) else _are_complete(sources)

    @property
    def total(self) -> TypeStats:
        """The stats of all types together."""
        return _sum(stats for _, _, stats in self.rows())

    def parts(self) -> Iterator[tuple[Bucket | None, Types, TypeStats | None]]:
        """Yield each bucket (None: events that are in none), its types, and the stats of all others, if any."""
        for bucket in (None, *sorted({*self.buckets, *(bucket for bucket in self.other if bucket is not None)})):
            yield bucket, self.types if bucket is None else self.buckets.get(bucket, {}), self.other.get(bucket)

    def rows(self) -> Iterator[tuple[Bucket | None, str | None, TypeStats]]:
        """Yield the bucket, the type (None: all others) and the stats of every row, in the order of output."""
        for bucket, types, other in self.parts():
            for name, stats in types.items():
                yield bucket, name, stats
            if other is not None:
                yield bucket, None, other

    def in_form(self) -> Self:
        """Return the same summary, its numbers with the digits that they are printed with, whatever body added up."""

        def formed(stats: Types) -> Types:
            # The kernel's columns are that already.
            return stats if isinstance(stats, LazyTypes) else {name: one.in_form() for name, one in stats.items()}

        types = formed(self.types)
        other = {bucket: one.in_form() for bucket, one in self.other.items()}
        buckets = {bucket: formed(stats) for bucket, stats in self.buckets.items()}
        most, most_bytes = self.max_types, self.max_type_bytes
        return type(self)(types, self.account, self.sources, buckets, other, most, self.calendar, most_bytes)

    @property
    def crowd(self) -> str:
        """Which limit moved types into `other`, as a part of a sentence and with its option; empty where none did."""
        if not self.other:
            return ""
        count = len(set(self.types).union(*self.buckets.values())) if self.buckets else len(self.types)
        if self.max_types is not None and count >= self.max_types:
            return f"more than {self.max_types} types (--max-types)"
        return f"names of types have more than {self.max_type_bytes} bytes (--max-type-bytes)"

    def check(self) -> None:
        """Raise `AccountError` unless every line is accounted for, and the types hold the accepted ones."""
        self.account.check()
        events = sum(_count(types) + (other.count if other else 0) for _, types, other in self.parts())
        if events != self.account.accepted:
            raise AccountError(f"{self.account.accepted} lines were accepted, but the types hold {events} events")

    def __getitem__(self, name: str) -> TypeStats:
        """Return the stats of one type over all buckets; KeyError where it was neither seen nor asked for."""
        if not self.buckets:
            return self.types[name]
        found = [types[name] for types in (self.types, *self.buckets.values()) if name in types]
        if not found:
            raise KeyError(name)
        return _sum(found)

    def merge(self, other: Self) -> Self:
        """Return the summary of both sets of lines together; CalendarError where their buckets are cut differently."""
        return type(self).union((self, other))

    __add__ = merge

    @classmethod
    def union(cls, summaries: Iterable[Self], reports: Iterable[SourceReport] = ()) -> Self:
        """Return the merge of any number of summaries, and of reports, in time that is linear in their types."""
        single: Mapping[str, TypeStats] = {}
        types: dict[str, TypeStats] = {}
        account = Account()
        sources: list[SourceReport] = []
        buckets: dict[Bucket, Types] = {}
        joined: dict[Bucket, dict[str, TypeStats]] = {}
        other: dict[Bucket | None, TypeStats] = {}
        limits: list[int] = []
        byte_limits: list[int] = []
        calendar: Calendar | None = None
        for summary in summaries:
            account += summary.account
            sources += summary.sources
            # A single one with types, as after most runs, is passed on as it is; so is that of a bucket.
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
            if summary.max_types is not None:
                limits.append(summary.max_types)
            if summary.max_type_bytes is not None:
                byte_limits.append(summary.max_type_bytes)
            if calendar and summary.calendar and calendar != summary.calendar:
                raise CalendarError(
                    f"buckets by {calendar.by} ({calendar.zone}) and by {summary.calendar.by}"
                    f" ({summary.calendar.zone}) cannot be merged"
                )
            calendar = calendar or summary.calendar
        if sources:
            reports = [*reports, *sources]
        most, most_bytes = min(limits, default=None), min(byte_limits, default=None)
        return cls(types or single, account, reports, buckets, other, most, calendar, most_bytes)


def _count(types: Types) -> int:
    return sum(types.columns.counts() if isinstance(types, LazyTypes) else [stats.count for stats in types.values()])


def _in_order(types: Types) -> Types:
    if isinstance(types, LazyTypes):
        return types
    names = sorted(types)
    return dict(types) if names == list(types) else {name: types[name] for name in names}


def _bucket_key(bucket: Bucket | None) -> tuple[int, ...]:
    return () if bucket is None else bucket


def _sum(several: Iterable[TypeStats]) -> TypeStats:
    total = _EMPTY_STATS
    for stats in several:
        total = total.merge(stats)
    return total


def add_all(total: dict[_Key, TypeStats], more: Mapping[_Key, TypeStats]) -> None:
    """Add stats to those of a dict, key by key."""
    if not total:
        total.update(more)
        return
    for key, stats in more.items():
        known = total.get(key)
        total[key] = stats if known is None else known.merge(stats)


def bytes_of(names: Iterable[str]) -> int:
    """Return how many bytes names have in UTF-8."""
    return sum(len(name) if name.isascii() else len(name.encode("utf-8", "surrogatepass")) for name in names)


def _bytes_at_most(types: Types) -> int:
    """Return how many bytes names can have; for very many types, that costs next to nothing."""
    if isinstance(types, LazyTypes):
        return types.columns.name_bytes()[0]
    # No character has more than four.
    return 4 * sum(map(len, types))


def _limited(
    types: Types,
    buckets: Mapping[Bucket, Types],
    other: Mapping[Bucket | None, TypeStats],
    most: int | None,
    most_bytes: int | None,
) -> tuple[Types, Mapping[Bucket, Types], Mapping[Bucket | None, TypeStats]]:
    """Move all types into `other` but the first `most` in code-point order, and those after `most_bytes` of names.

    Whatever is kept so is kept in every order of merging: a type that is among the first of all is among the first of
    any part. Before one that a part has moved, the names that the part keeps have `most_bytes` at least, and so they
    have in the whole. That would not hold if a name counted that itself does not fit.
    """
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
        add_all(rest, {bucket: _sum(one for name, one in stats.items() if name not in kept)})
        return {name: one for name, one in stats.items() if name in kept}

    return part(None, types), {bucket: part(bucket, stats) for bucket, stats in buckets.items()}, rest


def overlaps(summaries: Iterable[Summary]) -> Iterator[tuple[int, SourceReport, int, SourceReport]]:
    """Yield pairs of sources of different summaries that cover the same stretch of the same stream.

    Each source comes with the place of its summary. Lines that both cover would count twice in a merge.
    """
    by_mark: dict[str, list[tuple[int, SourceReport]]] = {}
    by_last: dict[str, list[tuple[int, SourceReport]]] = {}
    for place, summary in enumerate(summaries):
        for source in summary.sources:
            head = source.stretch.head
            if not head:
                continue
            # One of two heads is the beginning of the other: the last mark of the shorter one is among the other's.
            earlier = [*by_mark.get(head[-1], ()), *(one for mark in head[:-1] for one in by_last.get(mark, ()))]
            for other_place, other in earlier:
                if other_place != place and source.stretch.overlaps(other.stretch):
                    yield other_place, other, place, source
            for mark in head:
                by_mark.setdefault(mark, []).append((place, source))
            by_last.setdefault(head[-1], []).append((place, source))
