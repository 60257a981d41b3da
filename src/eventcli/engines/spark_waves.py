"""A wave: neighbouring tasks that are one job of Spark, which folds them and merges their results in a tree.

The tasks of a run go out wave by wave, two at a time: the client then has few results, and some when it is interrupted;
no plan of Spark gets large; and what a lost worker takes with it is little.
"""

import threading
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from eventcli import __version__
from eventcli.engines import spark_tasks
from eventcli.engines.engine import Job
from eventcli.engines.spans import spans_of
from eventcli.engines.spark_failures import Failure, environment_of, error_of, failure_of
from eventcli.engines.spark_session import Cluster, Progress, without_warnings
from eventcli.engines.spark_tasks import Row

_FAN: Final = 32
"""Results that are merged at a time, at most."""

_INTERRUPT: Final = 0.5
"""Seconds between two interruptions: a job may not have begun at the first one."""


class UnclearError(Exception):
    """A span of many tasks failed too often, and it is not known which of them is the reason."""


class Wave:
    """A job of Spark, on a thread that waits for it."""

    def __init__(self, cluster: Cluster, work: "Work") -> None:
        """Start it."""
        self.tag: Final = f"eventstats-{uuid.uuid4().hex}"
        self.work: Final = work
        self._cluster = cluster
        self._rows: list[Any] | None = None
        self._error: BaseException | None = None
        self._interrupted = float("-inf")
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def is_done(self) -> bool:
        """Whether it has ended, in whatever way."""
        return not self._thread.is_alive()

    def wait(self, seconds: float) -> None:
        """Wait for its end, at most for so long."""
        self._thread.join(seconds)

    def progress(self) -> Progress:
        """Return how far it is, as far as the driver answers."""
        with suppress(Exception):
            return self._cluster.progress(self.tag)
        return Progress()

    def rows(self) -> list[Any]:
        """Return what it gave; EngineError or UnclearError if it failed."""
        if self._error is not None:
            failure = failure_of(self._error)
            label = None if failure is None else self.work.label(failure, self.progress().stage)
            if failure is not None and label is None and environment_of(self._error) is None:
                raise UnclearError
            raise error_of(self._error, self._cluster.name, label) from None
        assert self._rows is not None
        return self._rows

    def interrupt(self) -> None:
        """End it on the cluster."""
        if not self.is_done and time.monotonic() > self._interrupted + _INTERRUPT:
            self._interrupted = time.monotonic()
            with suppress(Exception):
                self._cluster.interrupt(self.tag)

    def _run(self) -> None:
        try:
            self._cluster.begin(self.tag)
            with without_warnings():
                self._rows = self.work.rows_on(self._cluster.session)
        except BaseException as error:  # noqa: BLE001  # it is raised on the thread that asks
            self._error = error


class Work:
    """What a wave does: here, a function once on each worker, which gives the rows of its answers."""

    def __init__(self, probe: str, argument: bytes, nap: float) -> None:
        """Call a function of a module by its name."""
        self._function = spark_tasks.probing(probe, argument, nap)

    def rows_on(self, session: Any) -> list[Any]:
        """Return the rows: one for each part into which Spark cuts a range, which are as many as there are cores."""
        table = session.range(1 << 13).mapInArrow(self._function, spark_tasks.ANSWERS).toArrow()
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True))

    def label(self, failure: Failure, folds: int | None) -> str | None:  # noqa: ARG002  # for all probes alike
        """Return the name of what failed for messages. `folds` is the number of the stage of the folds, if known."""
        return "a look at the workers"


class Folding(Work):
    """Folds of tasks, and merges of neighbours among their results. What Spark sees as a task is a span of them."""

    def __init__(self, job: Job, places: Sequence[int], slots: int | None, *, is_merged: bool = True) -> None:
        """Fold the tasks at these places of the job, in ascending order; those with the highest rank begin first.

        Spans are made so that each of `slots` workers gets a few; None: each span is one task.
        """
        self.job: Final = job
        self.places: Final = places
        self._is_merged = is_merged
        tasks = [job.tasks[place] for place in places]
        self._labels = {place: task.label for place, task in zip(places, tasks, strict=True)}
        spans = spans_of(places, [task.rank for task in tasks], slots)
        self.spans: Final = [[places[at] for at in span] for span in spans]
        self._packed = [spark_tasks.packed([(places[at], tasks[at].payload) for at in span]) for span in spans]

    @property
    def is_apart(self) -> bool:
        """Whether each span is one task."""
        return len(self.spans) == len(self.places)

    def rows_on(self, session: Any) -> list[Row]:
        """Return the rows of the results, in order."""
        job, count = self.job, len(self.spans)
        names = _path(job.fold), _path(job.note), _path(job.merge)
        fold = spark_tasks.folding(names, self._packed, __version__)
        frame = session.range(0, count, 1, count).mapInArrow(fold, spark_tasks.ROWS)
        if self._is_merged:
            # Spans are not all of one length.
            base, size = self.places[0], self.places[-1] + 1 - self.places[0]
            for groups in levels(count):
                width = -(-size // groups)
                # Of its own kind of columns: functions of PySpark look for the session of the process. The last level
                # needs none, which saves 20 ms.
                group = [((frame["first"] - base) / width).cast("bigint")] if groups > 1 else []
                merge = spark_tasks.merging(names[2], base, width)
                frame = frame.repartition(groups, *group).mapInArrow(merge, spark_tasks.ROWS)
        return sorted(spark_tasks.rows_of(frame.toArrow()))

    def label(self, failure: Failure, folds: int | None) -> str | None:
        """Return the name of a task, or of a merge, for messages; None if nothing shows which task failed."""
        if failure.task is not None:
            return self._labels[failure.task]
        if failure.place < len(self.spans) and folds in (None, failure.stage):
            return self._labels[self.spans[failure.place][0]] if self.is_apart else None
        return f"{self._labels[self.places[0]]} and those after it, merged"


def levels(count: int) -> list[int]:
    """Return how many results each level of the tree over so many results has.

    >>> levels(1)
    []
    >>> levels(32)
    [1]
    >>> levels(100)
    [10, 1]
    >>> levels(4096)
    [256, 16, 1]
    """
    depth = 0
    while _FAN**depth < count:
        depth += 1
    fan = 2
    while fan**depth < count:
        fan += 1
    return [-(-count // fan**level) for level in range(1, depth + 1)]


def _path(function: Any) -> str:
    """Return the name by which a worker finds a function of a module."""
    return f"{function.__module__}:{function.__qualname__}"
