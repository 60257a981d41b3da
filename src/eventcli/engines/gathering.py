"""The last step, on the client: partials in order become one Summary, and the calls that one machine makes.

The plan is reconciled: every split came once, and the bytes that the splits own add up to each source.
"""

import os
from collections.abc import Sequence
from typing import Final

from eventcli.engines.partial import Partial, Piece
from eventcli.engines.plan import Plan
from eventcli.lines.query import Query
from eventcli.pipeline.options import Callbacks
from eventcli.pipeline.reports import Reports
from eventcli.readable import ReplacedError, TruncatedError
from eventcli.summary.account import AccountError
from eventcli.summary.sources import SourceReport, Status, Stretch
from eventcli.summary.stats import TypeStats
from eventcli.summary.summary import Summary, Terms

_TOGETHER: Final = 16
"""Summaries that are merged at a time: each merge copies all types."""


class Gathering:
    """Takes the partials of a plan in order."""

    def __init__(self, plan: Plan, query: Query, callbacks: Callbacks) -> None:
        """Begin without partials; rejects and problems are passed on as one machine does."""
        self._plan = plan
        self._query = query
        self._callbacks = callbacks
        self._left = callbacks.reject_limit
        self._reports = Reports()
        self._summaries: list[Summary] = []
        self._open: Piece | None = None
        self._next_split = self._next_source = self._next_said = 0

    def add(self, partial: Partial) -> None:
        """Take the next partial; AccountError if it is another one."""
        if partial.first != self._next_split:
            raise AccountError(f"splits up to {self._next_split} are followed by those from {partial.first} on")
        self._next_split = partial.end
        rejects, at = partial.rejects, 0
        for piece in partial.pieces:
            before = self._begin(piece)
            name = self._plan.listed.names[piece.source]
            while at < len(rejects) and int(rejects[at].source) == piece.source:
                if self._callbacks.on_reject is not None and self._left != 0:
                    self._left = None if self._left is None else self._left - 1
                    self._callbacks.on_reject(rejects[at]._replace(line=rejects[at].line + before, source=name))
                at += 1
        if at < len(rejects):
            raise AccountError(f"a split returned rejects of sources that it does not have: {rejects[at]}")
        self._summaries.append(partial.summary)
        if len(self._summaries) == _TOGETHER:
            self._summaries = [Summary.union(self._summaries)]

    def finish(self) -> Summary:
        """Return the Summary of all partials; AccountError unless every split of the plan was added."""
        plan = self._plan
        if self._next_split != len(plan.cuts):
            raise AccountError(f"{self._next_split} of {len(plan.cuts)} splits were folded")
        self._close()
        if self._next_source != len(plan.listed.sources):
            raise AccountError(f"{self._next_source} of {len(plan.listed.sources)} sources were read")
        self._say(self._next_source)
        return self._checked(Summary.union(self._summaries))

    def partial(self, partials: Sequence[Partial]) -> Summary:
        """Return the Summary of some partials of an interrupted run, whatever is missing between them."""
        lines = sum(piece.lines for partial in partials for piece in partial.pieces)
        self._reports.add(SourceReport("", 0, lines, Status.INTERRUPTED))
        return self._checked(Summary.union(partial.summary for partial in partials))

    def _begin(self, piece: Piece) -> int:
        """Go on with a source, or begin it after the end of the one before; return the lines before the piece."""
        if self._open is not None and self._open.source == piece.source:
            before = self._open.lines
            self._open = self._open.join(piece)
            return before
        self._close()
        if (piece.source, piece.start) != (self._next_source, 0):
            raise AccountError(f"source {self._next_source} is followed by {piece}")
        self._say(self._next_source)
        self._next_source += 1
        self._open = piece
        return 0

    def _close(self) -> None:
        """Report on the source whose last piece has come."""
        piece, self._open = self._open, None
        if piece is None:
            return
        source, name = self._plan.listed.sources[piece.source], self._plan.listed.names[piece.source]
        is_short = piece.is_stored and piece.status is Status.COMPLETE and piece.bytes != source.size
        if piece.end != (source.size or 0) or is_short:
            raise AccountError(f"{name}: {source.size} bytes were planned, but the splits have {piece}")
        stretch = Stretch(piece.marks, 0, piece.bytes) if piece.marks else Stretch()
        self._report(SourceReport(name, piece.bytes, piece.lines, piece.status, piece.message, stretch=stretch))

    def _say(self, ended: int) -> None:
        """Report on the names that lead to nothing, before the next source after so many begins."""
        said = self._plan.listed.said
        while self._next_said < len(said) and said[self._next_said][0] <= ended:
            about = said[self._next_said][1]
            self._next_said += 1
            if isinstance(about, SourceReport):
                self._report(about)
            elif self._callbacks.on_repeat is not None:
                self._callbacks.on_repeat(about.name, about.other)

    def _report(self, report: SourceReport) -> None:
        self._reports.add(report)
        if report.status is not Status.COMPLETE:
            if self._callbacks.on_problem is None:
                raise _error_of(report)
            self._callbacks.on_problem(report)

    def _checked(self, folded: Summary) -> Summary:
        query = self._query
        reports = self._reports.all()
        terms = Terms.of(query)
        # As on one machine: with buckets, a type that never occurred has none.
        asked_for = Summary(dict.fromkeys(() if terms.calendar else query.types or (), TypeStats()))
        summary = Summary.union([asked_for, Summary(terms=terms), folded], reports)
        summary.check()
        if summary.account.lines != reports.lines:
            raise AccountError(f"the sources have other lines than the splits: {summary.sources}, {summary.account}")
        return summary.in_form()


def _error_of(report: SourceReport) -> OSError:
    """Return the error of a source for a caller who does not take reports."""
    text = f"{report.name}: {report.message}"
    if report.status is Status.MISSING:
        return FileNotFoundError(text)
    if report.status in (Status.TRUNCATED, Status.DAMAGED):
        return TruncatedError(text, report.bytes)
    return ReplacedError(text) if report.status is Status.REPLACED else OSError(os.strerror(5), text)
