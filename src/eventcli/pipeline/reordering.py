"""Delivers results in input order, whatever order the tasks finish in.

A worker may find that its task is really several: the rest becomes a queue after it, from which all workers take.
"""

import threading
from collections.abc import Iterator
from typing import Final, Generic, TypeVar

Queue = TypeVar("Queue")

Result = TypeVar("Result")


class Slot(Generic[Queue, Result]):
    """A position in the order: that of a task, or, with a queue, that of all tasks still to come from the queue."""

    __slots__ = ("after", "before", "is_done", "may_split", "queue", "result")

    def __init__(self, queue: Queue | None = None, *, may_split: bool = False) -> None:
        """Create a slot of its own, for a task unless there is a queue."""
        self.queue: Final = queue
        self.may_split: Final = may_split
        self.is_done = False
        self.result: Result | None = None
        self.before: Slot[Queue, Result] = self
        self.after: Slot[Queue, Result] = self


class ReorderBuffer(Generic[Queue, Result]):
    """The slots of all queues, and of all tasks that were taken and not yet delivered; thread-safe.

    Only `wait` blocks for more than a moment.
    """

    def __init__(self, queue: Queue) -> None:
        """Begin with the queue of all tasks."""
        # Each block takes this lock several times, so it is not the condition itself, which is slower.
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._idle = 0
        # Before the first and after the last slot: the slots form a ring.
        self._end: Slot[Queue, Result] = Slot()
        self._put(Slot(queue), self._end)
        self._may_split = 0
        self.queues = [queue]
        """The queues that are not exhausted."""
        self.taken = 0
        """How many tasks have been taken."""
        self.waiting = 0
        """How many results wait for earlier ones."""
        self.stopped = False

    @staticmethod
    def _put(slot: "Slot[Queue, Result]", before: "Slot[Queue, Result]") -> None:
        slot.before, slot.after = before, before.after
        before.after.before = before.after = slot

    @staticmethod
    def _take_out(slot: "Slot[Queue, Result]") -> None:
        slot.before.after, slot.after.before = slot.after, slot.before

    def queue(self) -> "Slot[Queue, Result] | None":
        """Return the slot of the first queue; None if all are exhausted, or after a stop."""
        with self._lock:
            slot = self._end.after
            while slot.queue is None and slot is not self._end:
                slot = slot.after
            return None if slot is self._end or self.stopped else slot

    def wait(self) -> bool:
        """Wait while there is no queue; return False as soon as there will be none."""
        with self._lock:
            self._idle += 1
            while not self.queues and self._may_split and not self.stopped:
                self._changed.wait()
            self._idle -= 1
            return bool(self.queues) and not self.stopped

    def take(self, queue: "Slot[Queue, Result]", *, may_split: bool) -> "Slot[Queue, Result] | None":
        """Return a slot for the next task of a queue; None after a stop, when the task must not be done."""
        with self._lock:
            if self.stopped:
                return None
            slot: Slot[Queue, Result] = Slot(may_split=may_split)
            self._put(slot, queue.before)
            self.taken += 1
            self._may_split += may_split
            return slot

    def close(self, queue: "Slot[Queue, Result]") -> None:
        """Close an exhausted queue; this may make the results after it ready."""
        with self._lock:
            self._take_out(queue)
            if queue.queue is not None:
                self.queues.remove(queue.queue)
            if self._idle:
                self._changed.notify_all()

    def split(self, slot: "Slot[Queue, Result]", queue: Queue) -> None:
        """Insert a queue after an unfinished task: the rest of the task."""
        with self._lock:
            self._put(Slot(queue), slot)
            self.queues.append(queue)
            if self._idle:
                self._changed.notify_all()

    def done(self, slot: "Slot[Queue, Result]", result: Result) -> None:
        """Store the result of a task."""
        with self._lock:
            slot.result = result
            slot.is_done = True
            self.waiting += 1
            self._may_split -= slot.may_split
            if self._idle:
                self._changed.notify_all()

    def is_first(self, slot: "Slot[Queue, Result]") -> bool:
        """Whether no task precedes this one, now or later."""
        return self._end.after is slot

    def is_empty(self) -> bool:
        """Whether all results have been delivered, and no more will come."""
        return self._end.after is self._end

    def ready(self) -> Iterator[Result | None]:
        """Yield the results whose turn has come; after a stop, unexhausted queues are skipped."""
        while True:
            with self._lock:
                slot = self._end.after
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
