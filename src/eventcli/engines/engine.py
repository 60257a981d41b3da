"""The Protocol of engines: what maps opaque bytes on other processes, and merges the results in order.

An engine knows nothing of events. Bad data never raises in `Job.fold`: its outcome is part of the result. So whatever
raises or dies there is a fault of the machinery, and the engine may try again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from eventcli.errors import ExitCode, ExpectedError


class EngineError(ExpectedError):
    """The engine gave no answer; the message says why."""

    status = ExitCode.INCOMPLETE

    def words(self) -> str:
        """Return the message of the run."""
        return f"no result: {self}"


class NoWorkersError(EngineError):
    """There has been no worker for too long."""


class NoWorkersYetError(NoWorkersError):
    """There was no worker to check, but one may come: the check may be repeated."""


class TaskLostError(EngineError):
    """A task failed as often as the engine tries; the message names the task and the last failure."""

    def __init__(self, label: str, reason: str) -> None:
        """Name the task, and why it failed the last time."""
        super().__init__(f"{label}: {reason}")


class EngineLostError(EngineError):
    """The scheduler, the driver or the connection to it is gone."""


class PreflightError(EngineError):
    """A worker cannot do the work; nothing was read."""


class CancelledError(Exception):
    """The job was cancelled: `parts` are the results that were done and at hand, each of neighbours, in task order."""

    def __init__(self, parts: Sequence[bytes] = ()) -> None:
        """Take whatever could be had within a second."""
        super().__init__("cancelled")
        self.parts = parts


class Task(NamedTuple):
    """What one worker folds: an argument of `fold`, a name for messages (`FILE, bytes A to B`), and its size in bytes.

    Tasks with a higher `rank` should begin first, as they take long and cannot be divided.
    """

    payload: bytes
    label: str
    size: int
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """Tasks in the order of the input. `fold` and `merge` are functions of modules, so their names are enough.

    `merge` takes results of neighbours in task order, and gives one of all. It is associative, not commutative. `note`
    makes a few bytes of the result of a task; an engine that can do so at little cost passes them to `Watch.done`.
    After `no_worker_timeout` seconds without any worker, the engine raises NoWorkersError; None: it waits for ever.
    """

    tasks: Sequence[Task]
    fold: Callable[[bytes], bytes]
    merge: Callable[[Sequence[bytes]], bytes]
    note: Callable[[bytes], bytes]
    no_worker_timeout: float | None = None

    def ranks(self) -> Sequence[int]:
        """Return the rank of each task; the tasks themselves may be made only when they are asked for."""
        ranks: Sequence[int] | None = getattr(self.tasks, "ranks", None)
        return [task.rank for task in self.tasks] if ranks is None else ranks


class Watch(Protocol):
    """Whom an engine tells how far it is. Its methods are called in the thread that called the engine."""

    @property
    def is_cancelled(self) -> bool:
        """Whether the job must end: the engine looks several times a second, ends it and raises CancelledError."""

    def done(self, task: int, note: bytes = b"") -> None:
        """Record that a task is folded, by its index, and its note, which may come later; both count once."""

    def message(self, text: str) -> None:
        """Tell people something that does not end the run, such as that there are no workers."""

    def heartbeat(self) -> None:
        """Be called several times a second while the engine waits: the progress is drawn here."""


class Engine(Protocol):
    """Other processes that fold tasks. Only `cancel` may be called from another thread.

    Every method raises an EngineError where the engine cannot go on, and leaves nothing running.
    """

    @property
    def name(self) -> str:
        """The engine as messages name it, without secrets."""

    @property
    def dashboard(self) -> str | None:
        """The address where people can watch the engine, without secrets."""

    def workers(self) -> int:
        """Return the number of workers that can work now, as far as it is known; for people."""

    def ship(self, archive: str) -> None:
        """Make the modules of a local zip file importable on all workers, also on those that come later."""

    def check(self, probe: Callable[[bytes], bytes], argument: bytes) -> Sequence[tuple[str, bytes]]:
        """Run a function of a module on every worker, and return the name and the answer of each.

        A worker that dies meanwhile is left out. If none is left, NoWorkersError is raised. If the function cannot
        even be loaded on a worker, such as for lack of the package, PreflightError names the worker and the reason.
        """

    def reduce(self, job: Job, watch: Watch) -> bytes:
        """Fold all tasks, merge neighbours in a tree on the workers, and return the one result."""

    def stream(self, job: Job, watch: Watch) -> Iterator[bytes]:
        """Fold all tasks, and yield their results in task order; only a bounded number is held."""

    def cancel(self) -> None:
        """End within a second whatever this engine runs; `reduce` and `stream` then raise CancelledError."""

    def close(self) -> None:
        """Give back what this engine holds; what the caller made, such as its client or session, stays open."""
