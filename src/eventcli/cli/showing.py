"""Shows what a run of the ledger adds: rendered before the commit, and kept by the ledger if it cannot be shown.

A run that fails also reports that in its metrics, if these are requested.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

import eventcli.reporting
from eventcli.cli.messages import say
from eventcli.cli.settings import PROMETHEUS, Settings
from eventcli.cli.sinks import Sinks, open_output
from eventcli.errors import OutputError, ReaderGoneError
from eventcli.ledger import totals
from eventcli.ledger.ingest import Outcome
from eventcli.ledger.store.database import Database
from eventcli.ledger.store.hold import BusyError, LedgerError
from eventcli.ledger.store.records import Run as RunRecord
from eventcli.summary import saved
from eventcli.summary.aggregates.registry import needed
from eventcli.summary.summary import Summary

HASTE: Final = 2.0
"""Seconds that a failed run waits for others so that it can record its failure."""


class Showing:
    """The display of one run: rendered before the last commit, and including what earlier runs could not show."""

    def __init__(
        self,
        database: Database,
        sinks: Sinks,
        wants_totals: Callable[[], Summary] | None,
        renderer: Callable[[RunRecord | None], Callable[[Summary], bytes] | None],
    ) -> None:
        """`wants_totals` returns the totals to show instead of what was added, if they are requested."""
        self._sinks = sinks
        self._wants_totals = wants_totals
        self._renderer = renderer
        kept = database.unshown()
        self._inherited = None if kept is None else saved.load(kept)
        self.shown: Summary | None = None
        """The shown summary, as soon as it exists."""

    def prepare(self, outcome: Outcome) -> None:
        """Render the output, and write whatever stays invisible until it is put in its place."""
        self.prepare_of(outcome.summary, outcome.record)

    def prepare_of(self, summary: Summary, record: RunRecord | None) -> None:
        """Do the same for what was added, and the record of the last run."""
        if self._wants_totals is not None:
            shown = self._wants_totals()
        else:
            shown = self._with_inherited(summary)
            if self._inherited is not None:
                say("also shows what an earlier run added and could not show")
        self._sinks.prepare(shown, render=self._renderer(record))
        self.shown = shown

    def keep(self, summary: Summary) -> bytes:
        """Return what a run has added so far, together with what it had still to show."""
        return saved.dump(self._with_inherited(summary))

    def _with_inherited(self, summary: Summary) -> Summary:
        return summary if self._inherited is None else Summary.union([self._inherited, summary])


def say_failure(settings: Settings, path: str, labels: Mapping[str, str], started_at: str, status: int) -> None:
    """Report in the metrics that a run failed, whatever the reason: at least its start time, and no success.

    The totals are those in the ledger, as far as it is readable.
    """
    if settings.format != PROMETHEUS or not settings.output:
        return
    record = RunRecord(started_at, 0, 0, 0, 0, 0, 0, 0, 0, status)
    summary = None
    with suppress(LedgerError, BusyError, OSError), Database.open_to_read(path) as database:
        last = database.last_run()
        if last is not None and last.started_at == started_at:
            record = last._replace(status=status)
        summary = totals.totals(database, aggregates=needed(eventcli.reporting.prometheus.STATS))
    text = eventcli.reporting.prometheus.metrics_of(summary, record, settings.other_label, labels)
    # The failure of the output was reported already.
    with suppress(OutputError, ReaderGoneError), open_output(settings.output) as output:
        output.write(text)
        output.commit()


def labels_of(given: Sequence[tuple[str, str]], path: str) -> dict[str, str]:
    """Return the labels of all metrics: the ledger's location, to distinguish two on one host, and the given ones."""
    where = os.fsencode(os.path.realpath(path)).decode("utf-8", "backslashreplace")
    return {name: value for name, value in {"ledger": where, **dict(given)}.items() if value}
