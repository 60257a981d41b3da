"""Tasks and merges as futures of Dask, in a tree whose leaves are in the order of the tasks.

A result is kept until the merge that takes it is done. So at any moment, the highest results that are done are all
that was folded.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from eventcli import __version__
from eventcli.engines.dask_task import path_of
from eventcli.engines.engine import EngineError, EngineLostError, Job, Task, TaskLostError

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
        self._top = 1 + max(job.ranks(), default=0)
        self._groups: dict[tuple[int, int], list[Node]] = {}
        self.pending: list[Node] = []
        self.tops: dict[int, Node] = {}
        """The highest nodes, each by its first task: the root of all, in the end."""

    def submit(self, tasks: Sequence[tuple[int, Task]]) -> list[Node]:
        """Submit some tasks, in the order in which they should begin."""
        nodes: list[Node] = []
        call = (path_of(self._job.fold), path_of(self._job.note), __version__)
        for rank, group in groupby(tasks, lambda pair: pair[1].rank):
            some = list(group)
            values = [{"call": call, "run": self.run, "task": number, "payload": task.payload} for number, task in some]
            # What Dask knows of a kind of tasks, it knows by the first part of their keys.
            keys = [(f"eventstats-fold-{self.run}", number) for number, _ in some]
            futures = self._map(_TASK, values, keys, rank)
            nodes += [Node(future, number, number) for future, (number, _) in zip(futures, some, strict=True)]
        self.pending += nodes
        self.tops |= {node.first: node for node in nodes}
        return nodes

    def grow(self, nodes: Sequence[Node]) -> None:
        """Submit the merges of submitted tasks whose neighbours are all submitted, and of these merges."""
        size, span = len(self._job.tasks), 1
        while nodes and size > 1:
            span *= _FAN_IN
            ready: list[list[Node]] = []
            for node in nodes:
                index = node.first // span
                group = self._groups.setdefault((span, index), [])
                group.append(node)
                if len(group) == min(_FAN_IN, size - index * _FAN_IN):
                    ready.append(sorted(self._groups.pop((span, index)), key=attrgetter("first")))
            size = -(-size // _FAN_IN)
            nodes = [*(group[0] for group in ready if len(group) == 1), *self._merge([g for g in ready if len(g) > 1])]

    def _merge(self, groups: Sequence[Sequence[Node]]) -> list[Node]:
        call = (path_of(self._job.merge), __version__)
        values = [{"call": call, "parts": [node.future for node in group]} for group in groups]
        keys = [(f"eventstats-merge-{self.run}", group[0].first, group[-1].last) for group in groups]
        # Before other tasks: what can be merged takes memory on the workers.
        futures = self._map(_MERGE, values, keys, self._top) if groups else []
        merges = [
            Node(future, group[0].first, group[-1].last, group) for future, group in zip(futures, groups, strict=True)
        ]
        for group in groups:
            for node in group:
                del self.tops[node.first]
        self.pending += merges
        self.tops |= {node.first: node for node in merges}
        return merges

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
        return [node for first in sorted(self.tops) for node in self.tops[first].done()]

    def release(self) -> None:
        """Let go of all results, done or not: the scheduler takes back what runs, and forgets the rest."""
        nodes, self.tops, self.pending, self._groups = [*self.tops.values(), *self.pending], {}, [], {}

        def let_go() -> None:
            for node in nodes:
                node.release()

        # On the thread of the client, which would be woken up for each otherwise.
        self._client.loop.add_callback(let_go)

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


def batches(job: Job, order: Iterable[int]) -> Iterator[list[tuple[int, Task]]]:
    """Yield tasks with their numbers, as many as are submitted at once. Each is made only once, when it is due."""
    some: list[tuple[int, Task]] = []
    size = 0
    for number in order:
        task = job.tasks[number]
        some.append((number, task))
        size += len(task.payload)
        if len(some) >= _BATCH or size >= _BATCH_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some
