"""Tasks and merges as futures of Dask, in a tree whose leaves are in the order of the tasks.

A result is kept until the merge that takes it is done. So at any moment, the highest results that are done are all
that was folded.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from eventcli import __version__
from eventcli.engines.dask_task import path_of
from eventcli.engines.engine import EngineError, EngineLostError, Job, TaskLostError

if TYPE_CHECKING:
    from distributed import Client

_TASK: Final = "__import__('eventcli.engines.dask_task', fromlist=['fold']).fold(call, run, task, payload)"
"""What a worker evaluates, and not a function: the scheduler, too, loads functions, and need not have the package."""

_MERGE: Final = "__import__('eventcli.engines.dask_task', fromlist=['merge']).merge(call, parts)"

_TRIES: Final = 3
"""How often a task is tried that raises. A worker that dies with it is another matter: there Dask counts."""

_FAN_IN: Final = 8
"""Results that are merged at once: few, as they may be large, and a worker holds them all."""

_BATCH: Final = 256
"""Tasks that are submitted at once."""

_BATCH_BYTES: Final = 4_000_000

_REASON: Final = 300
"""Characters of a reason that people can use."""


class Node:
    """A result to come: of a task, or of a merge of neighbours."""

    __slots__ = ("children", "first", "future", "is_done", "last")

    def __init__(self, future: Any, first: int, last: int, children: Sequence["Node"] = ()) -> None:
        """`first` and `last` are the tasks whose results it merges."""
        self.future = future
        self.first = first
        self.last = last
        self.children = children
        self.is_done = False

    def done(self) -> Iterator["Node"]:
        """Yield what is done, in the order of the tasks; each as much as possible."""
        if self.is_done:
            yield self
        else:
            for child in self.children:
                yield from child.done()

    def release(self) -> None:
        """Let go of the result, and of those that it is made of."""
        self.future.release()
        for child in self.children:
            child.release()

    def culprit(self) -> "Node":
        """Return what failed first: a failure goes on to all that wait for it."""
        failed = next((child for child in self.children if child.future.status == "error"), None)
        return self if failed is None else failed.culprit()


class Submission:
    """What one job has submitted."""

    def __init__(self, client: "Client", job: Job) -> None:
        """Nothing is submitted yet."""
        self._client: Any = client
        self._job = job
        self.run = uuid.uuid4().hex
        self._top = 1 + max((task.rank for task in job.tasks), default=0)
        self.pending: list[Node] = []
        self.tops: list[Node] = []
        """The highest nodes: the root of all, once there is one."""

    def submit(self, tasks: Sequence[int]) -> None:
        """Submit some tasks, in the order in which they should begin."""
        nodes: list[Node] = []
        call = (path_of(self._job.fold), path_of(self._job.note), __version__)
        for rank, group in groupby(tasks, lambda task: self._job.tasks[task].rank):
            some = list(group)
            values = [
                {"call": call, "run": self.run, "task": task, "payload": self._job.tasks[task].payload} for task in some
            ]
            # What Dask knows of a kind of tasks, it knows by the first part of their keys.
            keys = [(f"eventstats-fold-{self.run}", task) for task in some]
            nodes += map(Node, self._map(_TASK, values, keys, rank), some, some)
        self.pending += nodes
        self.tops += nodes

    def merge(self) -> Iterator[None]:
        """Submit a level of merges after the other over `tops`, in batches; yield after each. Then there is one top."""
        call = (path_of(self._job.merge), __version__)
        level = sorted(self.tops, key=attrgetter("first"))
        while len(level) > 1:
            groups = [level[start : start + _FAN_IN] for start in range(0, len(level), _FAN_IN)]
            level = []
            for start in range(0, len(groups), _BATCH):
                some = groups[start : start + _BATCH]
                values = [{"call": call, "parts": [node.future for node in group]} for group in some]
                keys = [(f"eventstats-merge-{self.run}", group[0].first, group[-1].last) for group in some]
                # Before other tasks: what can be merged takes memory on the workers.
                futures = self._map(_MERGE, values, keys, self._top)
                merges = [
                    Node(future, group[0].first, group[-1].last, group)
                    for future, group in zip(futures, some, strict=True)
                ]
                self.pending += merges
                level += merges
                yield
        self.tops = level

    def _map(self, source: str, values: Sequence[Mapping[str, Any]], keys: Sequence[Any], rank: int) -> list[Any]:
        sources = [source] * len(values)
        futures: list[Any] = self._client.map(
            eval, sources, list(values), key=list(keys), pure=False, retries=_TRIES - 1, priority=rank
        )
        return futures

    def look(self) -> list[int]:
        """Find out what is done, and return the tasks among it. TaskLostError if one failed for good."""
        pending, tasks = [], []
        for node in self.pending:
            status = node.future.status
            if status == "finished":
                node.is_done = True
                if node.first == node.last and not node.children:
                    tasks.append(node.first)
                node.children = ()
            elif status == "error":
                raise self._failure(node.culprit())
            elif status == "cancelled":
                raise EngineLostError("the scheduler no longer knows the tasks: it or its workers were restarted")
            else:
                pending.append(node)
        self.pending = pending
        return tasks

    def done(self) -> list[Node]:
        """Return the highest nodes that are done, in the order of the tasks."""
        return [node for top in sorted(self.tops, key=attrgetter("first")) for node in top.done()]

    def release(self) -> None:
        """Let go of all results, done or not: the scheduler takes back what runs, and forgets the rest."""
        nodes, self.tops, self.pending = [*self.tops, *self.pending], [], []
        for node in nodes:
            node.release()

    def _failure(self, node: Node) -> EngineError:
        error = node.future.exception(timeout=1)
        first, last = node.first, node.last
        if type(error).__name__ == "KilledWorker":
            # It may be a task whose result was lost with a worker, and that others wait for again.
            if str(error.task[0]).endswith(self.run):
                first, last = error.task[1], error.task[-1]
            reason = f"the worker died, {error.allowed_failures + 1} times"
        else:
            reason = reason_of(error)
        label = self._job.tasks[first].label
        return TaskLostError(label if first == last else f"{label} up to {self._job.tasks[last].label}", reason)


def reason_of(error: BaseException) -> str:
    """Return why something failed, on one line."""
    name = type(error).__name__
    text = " ".join(str(error).split())
    return (f"{name}: {text}" if text else name)[:_REASON]


def batches(job: Job, tasks: Sequence[int]) -> Iterator[Sequence[int]]:
    """Divide tasks into what is submitted at once."""
    start = size = 0
    for number, task in enumerate(tasks):
        size += len(job.tasks[task].payload)
        if number + 1 - start >= _BATCH or size >= _BATCH_BYTES:
            yield tasks[start : number + 1]
            start, size = number + 1, 0
    if start < len(tasks):
        yield tasks[start:]
