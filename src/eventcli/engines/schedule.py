"""What the workers of the engine `processes` do next: spans of tasks, merges of their results, and both again.

A span is folded and merged by one worker, so the client holds few results. When a worker dies, its span is taken
again, without the task that it was at: if that was the reason, no other task suffers for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from eventcli.engines.engine import Job, TaskLostError

TRIES: Final = 4
"""How often a task is tried."""

_SPAN: Final = 64
"""Tasks in a span, at most: what the death of a worker may cost."""

_SHARE: Final = 8
"""Spans for each worker, if there are enough tasks, so that all finish at about the same time."""

_MERGED: Final = 8
"""Results that are merged at a time."""


@dataclass(slots=True)
class Unit:
    """What a worker does at a time: fold the tasks from `first` on and before `end`, or merge results of these."""

    first: int
    end: int
    results: Sequence[bytes] = ()
    tries: int = 0


class Schedule:
    """The units of one job. Not thread-safe."""

    def __init__(self, job: Job, workers: int, window: int | None = None) -> None:
        """Put neighbouring tasks together; with a window, not: then results are taken one by one, in order."""
        self.job: Final = job
        self._window = window
        count = len(job.tasks)
        length = 1 if window else max(1, min(_SPAN, count // (_SHARE * workers)))
        # What takes long begins first.
        ranks = job.ranks() if window is None else [0] * count
        ranked = sorted((task for task in range(count) if ranks[task]), key=lambda task: -ranks[task])
        self._pending = [Unit(task, task + 1) for task in ranked]
        bounds = [-1, *sorted(ranked), count]
        for before, behind in pairwise(bounds):
            self._pending += [Unit(at, min(at + length, behind)) for at in range(before + 1, behind, length)]
        self._pending.reverse()
        self._running: list[Unit] = []
        self._tries = dict[int, int]()
        self._results: dict[int, tuple[int, bytes]] = {}
        self._taken = 0

    @property
    def is_done(self) -> bool:
        """Whether the one result of all tasks is there."""
        return 0 in self._results and self._results[0][0] == len(self.job.tasks)

    @property
    def result(self) -> bytes:
        """The one result of all tasks."""
        return self._results[0][1]

    def parts(self) -> list[bytes]:
        """Return the results that are there, in order."""
        return [self._results[first][1] for first in sorted(self._results)]

    def next(self) -> Unit | None:
        """Return what a worker should do now; None if there is nothing at present."""
        unit = self._merge() if self._window is None else None
        if unit is None and self._pending:
            if self._window is not None and self._pending[-1].first >= self._taken + self._window:
                return None
            unit = self._pending.pop()
        if unit is not None:
            self._running.append(unit)
        return unit

    def done(self, unit: Unit, result: bytes) -> None:
        """Take the result of a unit."""
        self._running.remove(unit)
        self._results[unit.first] = unit.end, result

    def failed(self, unit: Unit, steps: int, reason: str) -> None:
        """Plan a unit again that failed after some of its tasks; TaskLostError after too many tries."""
        self._running.remove(unit)
        at = unit.first + steps
        if unit.results or at >= unit.end:
            unit.tries += 1
            if unit.tries == TRIES:
                raise TaskLostError(f"{self.job.tasks[unit.first].label} and those after it", reason)
            self._pending.append(unit)
            return
        self._tries[at] = self._tries.get(at, 0) + 1
        if self._tries[at] == TRIES:
            raise TaskLostError(self.job.tasks[at].label, reason)
        parts = [Unit(unit.first, at), Unit(at, at + 1), Unit(at + 1, unit.end)]
        self._pending += [part for part in reversed(parts) if part.first < part.end]

    def take(self) -> bytes | None:
        """Return the next result in order, for a schedule with a window; None if it is not there yet."""
        found = self._results.pop(self._taken, None)
        if found is None:
            return None
        self._taken += 1
        return found[1]

    def _merge(self) -> Unit | None:
        """Return neighbouring results to be merged: some, or at the end all that there are."""
        is_last = not self._pending and not self._running
        run: list[int] = []
        for first in sorted(self._results):
            if run and self._results[run[-1]][0] != first:
                run = []
            run.append(first)
            if len(run) == _MERGED:
                break
        if len(run) < (2 if is_last else _MERGED):
            return None
        ends, results = zip(*(self._results.pop(first) for first in run), strict=True)
        return Unit(run[0], ends[-1], results)
