"""What a run of the ledger adds is shown: made before it is committed, and kept by the ledger where it cannot be.

A run that fails says so in its metrics, too, where these are asked for.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from eventcli.cli.messages import say
from eventcli.cli.settings import Settings
from eventcli.cli.sinks import Sinks, open_output
from eventcli.errors import OutputError, ReaderGoneError
from eventcli.ledger import totals
from eventcli.ledger.ingest import Outcome
from eventcli.ledger.store.database import Database
from eventcli.ledger.store.hold import BusyError, LedgerError
from eventcli.ledger.store.records import Run as RunRecord
from eventcli.summary import saved
from eventcli.summary.summary import Summary

PROMETHEUS: Final = "prometheus"


class Showing:
    """The display of one run: its output is made before the last commit, and holds what earlier runs could not show."""

    def __init__(
        self,
        database: Database,
        sinks: Sinks,
        wants_totals: Callable[[], Summary] | None,
        renderer: Callable[[RunRecord], Callable[[Summary], bytes] | None],
    ) -> None:
        """`wants_totals` returns the totals that are shown in place of what was added, if they are to be."""
        self._sinks = sinks
        self._wants_totals = wants_totals
        self._renderer = renderer
        kept = database.unshown()
        self._inherited = None if kept is None else saved.load(kept)
        self.shown: Summary | None = None
        """What is shown, as soon as it is made."""

    def prepare(self, outcome: Outcome) -> None:
        """Make the output, and write what is not seen before it is put in its place."""
        if self._wants_totals is not None:
            shown = self._wants_totals()
        else:
            shown = self._with_inherited(outcome.summary)
            if self._inherited is not None:
                say("also shows what an earlier run added and could not show")
        self._sinks.prepare(shown, render=self._renderer(outcome.record))
        self.shown = shown

    def keep(self, summary: Summary) -> bytes:
        """Return what a run added so far, with what it was to show beside."""
        return saved.dump(self._with_inherited(summary))

    def _with_inherited(self, summary: Summary) -> Summary:
        return summary if self._inherited is None else Summary.union([self._inherited, summary])


def say_failure(settings: Settings, path: str, labels: Mapping[str, str], started_at: str, status: int) -> None:
    """Let the metrics say that a run failed, whatever the reason: at the least when it began, and no success.

    The totals are those that the ledger holds, as far as it can be read.
    """
    if settings.format != PROMETHEUS or not settings.output:
        return
    from eventcli.reporting import prometheus  # noqa: PLC0415  # keeps start-up fast for other formats

    record = RunRecord(started_at, 0, 0, 0, 0, 0, 0, 0, 0, status)
    summary = None
    with suppress(LedgerError, BusyError, OSError), Database.open_to_read(path) as database:
        last = database.last_run()
        if last is not None and last.started_at == started_at:
            record = last._replace(status=status)
        summary = totals.totals(database, extremes=False)
    text = prometheus.metrics(summary, prometheus.figures_of(record), settings.other_label, labels)
    # That the output cannot be written was said already.
    with suppress(OutputError, ReaderGoneError), open_output(settings.output) as output:
        output.write(text)
        output.commit()


def labels_of(given: Sequence[tuple[str, str]], path: str) -> dict[str, str]:
    """Return the labels of all metrics: where the ledger is, which tells two on one host apart, and what was given."""
    where = os.fsencode(os.path.realpath(path)).decode("utf-8", "backslashreplace")
    return {name: value for name, value in {"ledger": where, **dict(given)}.items() if value}
