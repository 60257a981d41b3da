"""The totals of all events as they grow: read from the ledger now and then, and in between added to.

A page looks after each commit. Measured on a busy machine, reading 67,200 cells for that takes 69 ms of a processor and
proving them 210, while a commit of this very server changes a few. What it added is known, and a merge is exact: so the
totals of a version are those of an earlier one and what each commit from one to the other added. A version that another
program wrote has no such way to it, and is read.
"""

import time
from collections import deque
from typing import Final, NamedTuple

from eventcli.ledger.store.database import Database
from eventcli.ledger.store.watch import Version
from eventcli.ledger.totals import Types
from eventcli.serve.questions import Question
from eventcli.summary.summary import Summary

SHARE: Final = 50
"""Reading and proving all cells takes at most a fiftieth of the time."""

_QUICK: Final = 0.01
"""Seconds: a ledger that is read faster is read each time."""

_MOST: Final = 100_000
"""Types of all commits that wait to be added; beyond, reading takes no longer."""


class _Commit(NamedTuple):
    before: Version
    after: Version
    types: Types


class Growth:
    """The totals of all events of one ledger. Whoever uses it holds the lock of the ledger."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._commits: deque[_Commit] = deque()
        self._held = 0
        self._version: Version | None = None
        self._whole = Summary()
        self._until = 0.0
        self.reads = 0
        """How often all cells were read."""

    def note(self, before: Version | None, after: Version | None, types: Types) -> None:
        """Note what a commit added to a version of the ledger, and the version that it left."""
        if self._version is None or before is None or after is None or not _is_next(before, after):
            self._version = None  # it was not known, or somebody else wrote, too
            self._commits.clear()
            self._held = 0
            return
        self._commits.append(_Commit(before, after, types))
        self._held += len(types)
        if self._held > _MOST:
            self._version = None

    def whole(self, database: Database, version: Version) -> Summary:
        """Return the totals of a version of the ledger, which the database shows: without account and sources."""
        began = time.monotonic()
        summary = self._grown(database, version) if began < self._until else None
        if summary is None:
            read, _, _ = Question().answer(database, is_checked=True)
            summary = Summary(read.types, other=read.other, terms=read.terms)
            self.reads += 1
            took = time.monotonic() - began
            self._until = 0.0 if took < _QUICK else began + SHARE * took
        self._version, self._whole = version, summary
        self._commits.clear()
        self._held = 0
        return summary

    def _grown(self, database: Database, version: Version) -> Summary | None:
        """Return what is known, and what the commits from it to a version added; None unless they lead there."""
        here, parts = self._version, [self._whole]
        for before, after, types in self._commits:
            if before != here:
                return None
            here = after
            parts.append(Summary.of_rows(((None, *row) for row in types.items()), terms=self._whole.terms))
        if here != version:
            return None
        summary = parts[0] if len(parts) == 1 else Summary.union(parts)
        # The totals hold the accepted lines, no more and no fewer.
        return summary if sum(stats.count for _, _, stats in summary.rows()) == database.account().accepted else None


def _is_next(before: Version, after: Version) -> bool:
    """Whether one commit leads from a version to another one."""
    return after == before._replace(counter=before.counter + 1, size=after.size, modified=after.modified)
