"""The order of the input, in which results are handed on, however the tasks are found, taken and done.

Whoever has a task may find that it is more than one: what is left of it becomes a queue behind it, from which all take.
"""

import threading
from collections.abc import Iterator
from typing import Final, Generic, TypeVar

Queue = TypeVar("Queue")

Result = TypeVar("Result")


class Slot(Generic[Queue, Result]):
    """One place in the order: that of a task, or, if it has a queue, of all tasks that are still to come from that."""

    __slots__ = ("before", "behind", "is_done", "may_split", "queue", "result")

    def __init__(self, queue: Queue | None = None, *, may_split: bool = False) -> None:
        """Make one of its own; of a task unless there is a queue."""
        self.queue: Final = queue
        self.may_split: Final = may_split
        self.is_done = False
        self.result: Result | None = None
        self.before: Slot[Queue, Result] = self
        self.behind: Slot[Queue, Result] = self


class ReorderBuffer(Generic[Queue, Result]):
    """The slots of all tasks that were taken and whose results are not handed on, and of the queues; thread-safe.

    No method waits for more than a moment but `wait`.
    """

    def __init__(self, queue: Queue) -> None:
        """Begin with the queue of all tasks."""
        # Each block takes it some times, so not the condition itself, which is slower.
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._idle = 0
        # Before the first one and behind the last one: the slots are a ring.
        self._end: Slot[Queue, Result] = Slot()
        self._put(Slot(queue), self._end)
        self._may_split = 0
        self.queues = [queue]
        """Those that are not exhausted."""
        self.taken = 0
        """How many tasks were taken."""
        self.waiting = 0
        """How many results wait for earlier ones."""
        self.stopped = False

    @staticmethod
    def _put(slot: "Slot[Queue, Result]", before: "Slot[Queue, Result]") -> None:
        slot.before, slot.behind = before, before.behind
        before.behind.before = before.behind = slot

    @staticmethod
    def _take_out(slot: "Slot[Queue, Result]") -> None:
        slot.before.behind, slot.behind.before = slot.behind, slot.before

    def queue(self) -> "Slot[Queue, Result] | None":
        """Return the slot of the first queue; None if all are exhausted, or after a stop."""
        with self._lock:
            slot = self._end.behind
            while slot.queue is None and slot is not self._end:
                slot = slot.behind
            return None if slot is self._end or self.stopped else slot

    def wait(self) -> bool:
        """Wait where there is no queue; return False as soon as there will be none."""
        with self._lock:
            self._idle += 1
            while not self.queues and self._may_split and not self.stopped:
                self._changed.wait()
            self._idle -= 1
            return bool(self.queues) and not self.stopped

    def take(self, queue: "Slot[Queue, Result]", *, may_split: bool) -> "Slot[Queue, Result] | None":
        """Return a slot for the next task of a queue; None if it is not to be done, after a stop."""
        with self._lock:
            if self.stopped:
                return None
            slot: Slot[Queue, Result] = Slot(may_split=may_split)
            self._put(slot, queue.before)
            self.taken += 1
            self._may_split += may_split
            return slot

    def close(self, queue: "Slot[Queue, Result]") -> None:
        """Give up a queue that is exhausted; results behind it may be ready by that."""
        with self._lock:
            self._take_out(queue)
            if queue.queue is not None:
                self.queues.remove(queue.queue)
            if self._idle:
                self._changed.notify_all()

    def split(self, slot: "Slot[Queue, Result]", queue: Queue) -> None:
        """Put a queue behind a task that is not done: its rest."""
        with self._lock:
            self._put(Slot(queue), slot)
            self.queues.append(queue)
            if self._idle:
                self._changed.notify_all()

    def done(self, slot: "Slot[Queue, Result]", result: Result) -> None:
        """Take the result of a task."""
        with self._lock:
            slot.result = result
            slot.is_done = True
            self.waiting += 1
            self._may_split -= slot.may_split
            if self._idle:
                self._changed.notify_all()

    def is_first(self, slot: "Slot[Queue, Result]") -> bool:
        """Whether nothing comes before a task, or will."""
        return self._end.behind is slot

    def is_empty(self) -> bool:
        """Whether all results were handed on, and none will come."""
        return self._end.behind is self._end

    def ready(self) -> Iterator[Result | None]:
        """Yield the results that have their turn; after a stop, nothing in place of a queue that is not exhausted."""
        while True:
            with self._lock:
                slot = self._end.behind
                if not (slot.is_done or (slot.queue is not None and self.stopped)):
                    return
                self._take_out(slot)
                self.waiting -= slot.is_done
            yield slot.result

    def stop(self) -> None:
        """Let no more tasks be taken."""
        with self._lock:
            self.stopped = True
            if self._idle:
                self._changed.notify_all()
