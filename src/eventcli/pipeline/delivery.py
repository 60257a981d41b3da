"""Delivers results in input order, with absolute line numbers and offsets."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from eventcli.lines.event import Reject
from eventcli.pipeline.options import Callbacks
from eventcli.pipeline.reordering import ReorderBuffer
from eventcli.pipeline.reports import Reports
from eventcli.pipeline.tasks import Piece, Queue, TaskSlot
from eventcli.summary.sources import SourceReport, Status

if TYPE_CHECKING:
    from eventcli.lines.event import Reason

AHEAD: Final = 2
"""Results per thread that may wait for an earlier one before threads do: bounds the rejects held in memory."""


class Delivery:
    """Takes the results of all workers, and passes them on in the order of the input."""

    def __init__(
        self, order: ReorderBuffer[Queue, list[Piece]], callbacks: Callbacks, *, rejects_wanted: int, jobs: int
    ) -> None:
        """Begin without results; `rejects_wanted` is how many rejects are reported."""
        # This lock guards everything below. It is held only briefly, except during the caller's callbacks. Workers wait
        # for a turn.
        self.lock = threading.Lock()
        self._turn = threading.Condition(self.lock)
        self._order = order
        self._callbacks = callbacks
        self._most = AHEAD * jobs
        self.rejects_wanted = rejects_wanted
        self.failure: BaseException | None = None
        """Why the run ends without a result; set with the lock held."""
        self.reports = Reports()
        self.unfolded: Counter[Reason] = Counter()
        """Rejected lines that are in no fold, by reason: those that are too long to be held."""
        self._lines = 0

    def deliver(self, slot: TaskSlot, pieces: list[Piece]) -> None:
        """Deliver the result of a task, after those of all earlier tasks."""
        with self.lock:
            order = self._order
            self._turn.wait_for(lambda: order.waiting < self._most or order.is_first(slot) or order.stopped)
            order.done(slot, pieces)
            self._deliver_ready()

    def deliver_early(self, slot: TaskSlot, pieces: list[Piece]) -> None:
        """Deliver the first pieces of a task, so that their rejects need not be held."""
        with self.lock:
            self._wait_for_turn(slot)
            for piece in pieces:
                self._emit(piece)

    def deliver_ready(self) -> None:
        """Deliver the results whose turn has come."""
        with self.lock:
            self._deliver_ready()

    def wait_for_turn(self, slot: TaskSlot) -> None:
        """Wait until the results of all earlier tasks are delivered."""
        with self.lock:
            self._wait_for_turn(slot)

    def stop(self) -> None:
        """Let no more tasks be taken, and deliver the results of those that were. The caller holds the lock."""
        self._order.stop()
        self._deliver_ready()
        self._turn.wait_for(lambda: self._order.is_empty() or self.failure is not None)
        if not self.reports.is_interrupted:
            self._interrupted()

    def end_of_work(self, failure: BaseException | None, on_end: Callable[[], object]) -> None:
        """Note that a thread has ended, and wake the others, which may wait for it; `on_end` is called in between."""
        with self.lock:
            self.failure = self.failure or failure
            if failure is not None:
                self._order.stop()
            on_end()
            self._turn.notify_all()

    def _wait_for_turn(self, slot: TaskSlot) -> None:
        self._turn.wait_for(lambda: self._order.is_first(slot) or self.failure is not None)

    def _deliver_ready(self) -> None:
        for pieces in self._order.ready():
            if pieces is None and self._lines:
                self._interrupted()
            for piece in pieces or ():
                self._emit(piece)
        self._turn.notify_all()

    def _interrupted(self) -> None:
        self.reports.add(SourceReport("", 0, self._lines, Status.INTERRUPTED))
        self._lines = 0

    def _emit(self, piece: Piece) -> None:
        on_reject, _, on_problem, on_repeat = self._callbacks
        before = self._lines if piece.before is None else piece.before
        for reject in piece.rejects:
            if not reject.raw:
                self.unfolded[reject.reason] += 1
            if self.rejects_wanted and on_reject is not None:
                self.rejects_wanted -= 1
                line, offset = before + reject.line + 1, piece.offset + reject.offset
                # Measured: a twentieth of a run in which every other line is rejected, compared to `_replace`.
                on_reject(Reject(*reject[:4], line, offset, piece.name, reject.stream))
        self._lines += piece.lines
        if piece.repeats and on_repeat is not None:
            on_repeat(piece.name, piece.repeats)
        self.reports.add_small(piece)
        problems = list(piece.unread)
        for report in piece.unread:
            self.reports.add_unread(report)
        if piece.report is not None:
            report = piece.report
            if report.lines != self._lines:
                report = report._replace(lines=self._lines)
            self.reports.add(report)
            self._lines = 0
            if report.status is not Status.COMPLETE:
                problems.append(report)
        if on_problem is not None:
            for report in problems:
                on_problem(report)
