"""Merges files of results into one Summary: saved summaries, ledgers and printed results.

Each is read once, and only its sum is held.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

import eventcli.ledger
from eventcli.lines.query import Calendar
from eventcli.pipeline.opened import status_of
from eventcli.readable import Readable, read_into
from eventcli.reading.source import identity, open_source
from eventcli.summary import saved
from eventcli.summary.asked import Asked
from eventcli.summary.kinship import Kinship, MixedError, Result
from eventcli.summary.sources import SourceReport, Status
from eventcli.summary.summary import CalendarError, Summary, overlaps
from eventcli.text import STDIN, is_url, name_of, printable

_DATABASE: Final = b"SQLite format 3\0"

_ALLOW_MIXED: Final = "--allow-mixed adds them up all the same"

_ALLOW_OVERLAP: Final = "--allow-overlap adds them up all the same"

OnSource = Callable[[SourceReport], object]

OnDoubt = Callable[[str], object]


class Merged(NamedTuple):
    """All results together, and the question they answer; None if it is unknown for any."""

    summary: Summary
    asked: Asked | None


class Merge:
    """One merge of files of results. A file counts whole or not at all; MixedError if two do not belong together."""

    def __init__(
        self, *, allow_overlap: bool, allow_mixed: bool, on_source: OnSource, on_doubt: OnDoubt = lambda _: None
    ) -> None:
        """Call `on_source` for every incomplete source, and `on_doubt` for what may count twice."""
        self._allow_overlap = allow_overlap
        self._allow_mixed = allow_mixed
        self._on_source = on_source
        self._on_doubt = on_doubt
        self._kinship = Kinship()
        self._total = _Gathering()
        self._files: dict[tuple[int, int], str] = {}
        self._seen: dict[int, str] = {}
        self._names: list[str] = []
        self._reports: list[Summary] = []
        self._is_mixed = False

    def run(self, paths: Iterable[str]) -> Merged:
        """Read all files, and return their sum."""
        for path in paths:
            self._add_file(path)
        if not self._allow_overlap:
            for place, source, other_place, other in overlaps(self._reports):
                raise MixedError(
                    f"{self._names[place]} and {self._names[other_place]} cover the same lines:"
                    f" {_stretch(source)} and {_stretch(other)} ({_ALLOW_OVERLAP})"
                )
        total = self._total.summary()
        calendar = None if self._is_mixed else self._kinship.calendar
        if calendar is not None:
            total = _with_calendar(total, calendar)
        return Merged(total, None if self._is_mixed else self._kinship.asked or Asked())

    def _add_file(self, path: str) -> None:
        name = printable(name_of(path))
        self._check_file(path, name)
        of_file = _Gathering()
        results: list[tuple[str, Result, int]] = []
        try:
            for number, result in enumerate(_results(path), 1):
                # The kinship compares the calendars, and names the files.
                of_file.add(_with_calendar(result.summary, None))
                named = name if number == 1 else f"{name} (result {number})"
                # Results that were gathered need not be held, only the facts they are compared by.
                results.append((named, _facts(result), _key(result)))
        except (OSError, saved.SavedError) as error:
            status = status_of(error) if isinstance(error, OSError) else Status.UNREADABLE
            message = (error.strerror if isinstance(error, OSError) else None) or str(error)
            report = SourceReport(name_of(path), 0, 0, status, message)
            self._on_source(report)
            self._total.add(Summary(sources=(report,)))
            return
        for named, result, key in results:
            for source in result.summary.sources:
                if source.status is not Status.COMPLETE:
                    self._on_source(source)
            self._take(named, result)
            if key and not self._allow_overlap:
                self._check_content(named, result, key)
        self._total.add(of_file.summary())

    def _take(self, name: str, result: Result) -> None:
        try:
            self._kinship.add(name, result)
        except (MixedError, CalendarError) as error:
            if not self._allow_mixed:
                hint = f" ({_ALLOW_MIXED})" if isinstance(error, MixedError) else ""
                raise MixedError(f"{error}{hint}") from None
            self._is_mixed = True
        if any(source.stretch.head for source in result.summary.sources):
            self._names.append(name)
            self._reports.append(Summary(sources=result.summary.sources))

    def _check_content(self, name: str, result: Result, key: int) -> None:
        """Raise MixedError if a saved summary occurs twice; for a printed result, only report it."""
        other = self._seen.get(key)
        if other is None:
            self._seen[key] = name
            return
        if not result.is_printed and any(source.lines for source in result.summary.sources):
            raise MixedError(f"{other} and {name} cover the same lines: they hold the same summary ({_ALLOW_OVERLAP})")
        self._on_doubt(
            f"{other} and {name} hold equal results, and both count: is one a copy? (--allow-overlap if not)"
        )

    def _check_file(self, path: str, name: str) -> None:
        """Raise MixedError if a file is given twice, under any names."""
        if self._allow_overlap or is_url(path) or path == STDIN:
            return
        try:
            key = identity(os.stat(path))
        except (OSError, ValueError):
            return
        if key in self._files:
            raise MixedError(
                f"{self._files[key]} and {name} cover the same lines: they are one file ({_ALLOW_OVERLAP})"
            )
        if key is not None:
            self._files[key] = name


class _Gathering:
    """Summaries that are added up in rounds, so that many small ones do not each cost a copy of the whole."""

    def __init__(self) -> None:
        self._total = Summary()
        self._waiting: list[Summary] = []
        self._weight = 0
        self._limit = 1000

    def add(self, summary: Summary) -> None:
        self._waiting.append(summary)
        self._weight += _weight(summary)
        if self._weight > self._limit:
            self.summary()

    def summary(self) -> Summary:
        """Return the sum of all summaries."""
        self._total = Summary.union([self._total, *self._waiting])
        self._waiting, self._weight = [], 0
        self._limit = max(1000, _weight(self._total))
        return self._total


def _weight(summary: Summary) -> int:
    return 1 + len(summary.types) + sum(map(len, summary.buckets.values())) + len(summary.sources)


def _facts(result: Result) -> Result:
    """Return the facts a result is compared by: those of a saved summary do not include its sums."""
    if result.is_printed:
        return result
    summary = result.summary
    return result._replace(summary=Summary(sources=summary.sources, calendar=summary.calendar))


def _key(result: Result) -> int:
    """Return a key that equal results share, and others very likely do not; 0 if nothing could count twice."""
    summary = result.summary
    if not any(stats.count for _, _, stats in summary.rows()):
        return 0
    account = () if result.is_printed else (summary.account.lines, summary.account.filtered, tuple(summary.sources))
    return hash((result.is_printed, account, tuple(summary.rows())))


def _with_calendar(summary: Summary, calendar: Calendar | None) -> Summary:
    if summary.calendar == calendar:
        return summary
    return summary.replace(terms=summary.terms.replace(calendar=calendar))


def _stretch(source: SourceReport) -> str:
    return f"bytes {source.stretch.start} to {source.stretch.end} of {printable(source.name)}"


def _results(path: str) -> Iterator[Result]:
    """Yield the results in a file. Raises OSError or SavedError on failure."""
    with open_source(path) as stream:
        head = _Headed(stream, len(_DATABASE))
        if head.head != _DATABASE:
            yield from saved.results(head)
            return
    try:
        yield eventcli.ledger.totals.load_result(path)
    except (eventcli.ledger.store.hold.LedgerError, eventcli.ledger.store.hold.BusyError) as error:
        raise saved.SavedError(str(error)) from error


class _Headed:
    """A stream whose first bytes are known before it is read."""

    def __init__(self, stream: Readable, size: int) -> None:
        self._stream = stream
        view = memoryview(bytearray(size))
        filled = 0
        while filled < size and (got := read_into(stream, view[filled:])):
            filled += got
        self.head = self._rest = bytes(view[:filled])

    def readinto(self, buffer: memoryview, /) -> int:
        """Read up to the length of the buffer; 0 at the end."""
        if not self._rest:
            return read_into(self._stream, buffer)
        got = min(len(buffer), len(self._rest))
        buffer[:got], self._rest = self._rest[:got], self._rest[got:]
        return got
