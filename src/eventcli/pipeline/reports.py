"""The reports of all sources that a run has read, in memory that does not grow with the number of unreadable ones."""

from collections import Counter
from typing import Final

from eventcli.pipeline.tasks import Piece
from eventcli.summary.sources import LazyReports, SourceReport, Status, WholeFiles

MOST: Final = 10_000
"""Unreadable sources with reports of their own. A wrong list can hold a million names, and a saved summary holds all
reports."""


class Unread:
    """The reports of sources that could not be opened: the first ones are kept, the others counted."""

    def __init__(self) -> None:
        """Begin without reports."""
        self._reports: list[SourceReport] = []
        self._more: Counter[Status] = Counter()

    def add(self, report: SourceReport) -> None:
        """Add the report of a source without bytes and lines."""
        if len(self._reports) < MOST:
            self._reports.append(report)
        else:
            self._more[report.status] += 1

    def reports(self) -> list[SourceReport]:
        """Return the first reports, and for each status one that covers all others."""
        more = [
            SourceReport(f"<{count} more>", 0, 0, status, f"{count} more sources are {status}")
            for status, count in sorted(self._more.items())
        ]
        return [*self._reports, *more]


class Reports:
    """The reports of the sources that have ended, and the number and size of the small files among them."""

    def __init__(self) -> None:
        """Begin without reports."""
        self._read: list[SourceReport] = []
        self._unread = Unread()
        self._whole: list[WholeFiles] = []
        self.small_files = 0
        self.bytes_of_small = 0

    @property
    def is_interrupted(self) -> bool:
        """Whether there are lines of a source whose end was not reached."""
        return any(report.status is Status.INTERRUPTED for report in self._read)

    def add(self, report: SourceReport) -> None:
        """Add the report of one source."""
        if report.bytes or report.lines or report.status in (Status.COMPLETE, Status.INTERRUPTED):
            self._read.append(report)
        else:
            self._unread.add(report)

    def add_unread(self, report: SourceReport) -> None:
        """Add the report of a source that could not be opened."""
        self._unread.add(report)

    def add_small(self, piece: Piece) -> None:
        """Add the reports of small files."""
        self._read += piece.reports
        if piece.whole is not None:
            self._whole.append(piece.whole)
        self.small_files += piece.ended
        self.bytes_of_small += piece.stored

    def all(self) -> LazyReports:
        """Return all reports."""
        return LazyReports([*self._read, *self._unread.reports()], self._whole)
