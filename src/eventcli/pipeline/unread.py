"""Sources that could not be read at all: the first ones have reports of their own, the others are counted."""

from collections import Counter
from typing import Final

from eventcli.summary.sources import SourceReport, Status

MOST: Final = 10_000
"""Sources with reports of their own. A wrong list can hold a million names, and a saved summary holds all reports."""


class Unread:
    """The reports of sources that could not be opened, in memory that does not grow with their number."""

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
