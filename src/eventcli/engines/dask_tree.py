"""Spans of tasks, and merges, as futures of Dask, in a tree whose leaves are in the order of the tasks.

A result is kept until the merge that takes it is done. So at any moment, the highest results that are done are all
that was folded.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from eventcli import __version__
from eventcli.engines.dask_task import SpanError, path_of, reason_of
from eventcli.engines.engine import EngineError, EngineLostError, Job, Task, TaskLostError
from eventcli.engines.spans import shrinking

if TYPE_CHECKING:
    from distributed import Client

_TASK: Final = "__import__('eventcli.engines.dask_task', fromlist=['fold']).fold(call, run, tasks, payloads)"
"""What a worker evaluates, and not a function: the scheduler, too, loads functions, and need not have the package."""

_MERGE: Final = "__import__('eventcli.engines.dask_task', fromlist=['merge']).merge(call, parts)"

_TRIES: Final = 3
"""How often a task is tried that raises. A worker that dies with it is another matter: there Dask counts."""

_FAN_IN: Final = 8
"""Results that are merged at once: few, as they may be large, and a worker holds them all."""

_SPAN: Final = 8
"""Tasks in a span, at most. Measured with 62 splits that take 14 ms each, on two workers: 1.38 times the time of
threads on one machine where each split was a task of Dask, and 1.2 times in spans."""

_BATCH: Final = 256
"""Tasks that are submitted at once."""

_BATCH_BYTES: Final = 4_000_000


Span = Sequence[int]
"""Neighbouring tasks, by their numbers."""


class Node:
    """A result to come: of a span of tasks, or of a merge of neighbours."""

    __slots__ = ("children", "first", "future", "is_done", "is_merge", "last", "place")

    def __init__(self, future: Any, first: int, last: int, place: int, children: Sequence["Node"] = ()) -> None:
        """`first` and `last` are the tasks that it has; its `place` is among all on its level of the tree."""
        self.future = future
        self.first = first
        self.last = last
        self.place = place
        self.children = children
        self.is_merge = bool(children)
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
        self._places: dict[int, int] = {}
        self._groups: dict[tuple[int, int], list[Node]] = {}
        self.pending: list[Node] = []
        self.tops: dict[int, Node] = {}
        """The highest nodes, each by its first task: the root of all, in the end."""

    def spans(self, threads: int) -> Sequence[Span]:
        """Return all tasks in spans for so many threads, those of high rank first, and lay out the tree for them."""
        ranks = self._job.ranks()
        spans = shrinking(ranks, threads, _SPAN)
        self._places = {span[0]: place for place, span in enumerate(sorted(spans))}
        return spans

    def submit(self, spans: Sequence[Sequence[tuple[int, Task]]]) -> list[Node]:
        """Submit some spans, in the order in which they should begin."""
        nodes: list[Node] = []
        job = self._job
        call = (path_of(job.fold), path_of(job.note), path_of(job.merge), __version__)
        for rank, group in groupby(spans, lambda span: span[0][1].rank):
            some = list(group)
            ends = [(span[0][0], span[-1][0]) for span in some]
            values = [
                {
                    "call": call,
                    "run": self.run,
                    "tasks": [number for number, _ in span],
                    "payloads": [task.payload for _, task in span],
                }
                for span in some
            ]
            # What Dask knows of a kind of tasks, it knows by the first part of their keys.
            keys = [(f"eventstats-fold-{self.run}", *pair) for pair in ends]
            futures = self._map(_TASK, values, keys, rank)
            nodes += [
                Node(future, *pair, self._places.get(pair[0], 0)) for future, pair in zip(futures, ends, strict=True)
            ]
        self.pending += nodes
        self.tops |= {node.first: node for node in nodes}
        return nodes

    def grow(self, nodes: Sequence[Node]) -> None:
        """Submit the merges of submitted spans whose neighbours are all submitted, and of these merges."""
        size, level = len(self._places), 0
        while nodes and size > 1:
            level += 1
            ready: list[list[Node]] = []
            for node in nodes:
                node.place //= _FAN_IN
                group = self._groups.setdefault((level, node.place), [])
                group.append(node)
                if len(group) == min(_FAN_IN, size - node.place * _FAN_IN):
                    ready.append(sorted(self._groups.pop((level, node.place)), key=attrgetter("first")))
            size = -(-size // _FAN_IN)
            nodes = [*(group[0] for group in ready if len(group) == 1), *self._merge([g for g in ready if len(g) > 1])]

    def _merge(self, groups: Sequence[Sequence[Node]]) -> list[Node]:
        call = (path_of(self._job.merge), __version__)
        values = [{"call": call, "parts": [node.future for node in group]} for group in groups]
        keys = [(f"eventstats-merge-{self.run}", group[0].first, group[-1].last) for group in groups]
        # Before other tasks: what can be merged takes memory on the workers.
        futures = self._map(_MERGE, values, keys, self._top) if groups else []
        merges = [
            Node(future, group[0].first, group[-1].last, group[0].place, group)
            for future, group in zip(futures, groups, strict=True)
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
        pending: list[Node] = []
        tasks: list[int] = []
        for node in self.pending:
            status = node.future.status
            if status == "finished":
                node.is_done = True
                if not node.is_merge:
                    tasks += range(node.first, node.last + 1)
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
        elif isinstance(error, SpanError):
            first = last = error.task
            reason = error.reason
        else:
            reason = reason_of(error)
        label = self._job.tasks[first].label
        return TaskLostError(label if first == last else f"{label} up to {self._job.tasks[last].label}", reason)


def batches(job: Job, spans: Iterable[Span]) -> Iterator[list[list[tuple[int, Task]]]]:
    """Yield spans of tasks with their numbers, as many as are submitted at once. A task is made only when it is due."""
    some: list[list[tuple[int, Task]]] = []
    count = size = 0
    for numbers in spans:
        span = [(number, job.tasks[number]) for number in numbers]
        some.append(span)
        count += len(span)
        size += sum(len(task.payload) for _, task in span)
        if count >= _BATCH or size >= _BATCH_BYTES:
            yield some
            some, count, size = [], 0, 0
    if some:
        yield some
