"""What runs on a worker of Dask: a function by its name, with bytes in and bytes out."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final

from distributed import get_worker

from eventcli import __version__
from eventcli.engines.stopping import stopping_if

TOPIC: Final = "eventstats"
"""Where workers tell how far they are. One topic for all runs: the scheduler keeps the last events of each for ever."""


_REASON: Final = 300
"""Characters of a reason that people can use."""


class VersionError(Exception):
    """A worker has another version of the package than the client."""


class SpanError(Exception):
    """One of several tasks failed: its number, and why."""

    def __init__(self, task: int, reason: str) -> None:
        super().__init__(task, reason)
        self.task = task
        self.reason = reason


def reason_of(error: BaseException) -> str:
    """Return why something failed, on one line."""
    name = type(error).__name__
    text = " ".join(str(error).split())
    return (f"{name}: {text}" if text else name)[:_REASON]


def path_of(function: Callable[..., Any]) -> str:
    """Return the name of a function of a module."""
    return f"{function.__module__}:{function.__qualname__}"


def function_of(path: str) -> Callable[..., Any]:
    """Return the function of that name."""
    module, _, name = path.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function


def fold(call: tuple[str, str, str, str], run: str, tasks: Sequence[int], payloads: Sequence[bytes]) -> bytes:
    """Fold neighbouring tasks, tell the note of each, and return their one result.

    `call` names the fold, the note, the merge and the version of the client.
    """
    path, note, path_of_merge, version = call
    _check(version)
    worker = get_worker()
    results: list[bytes] = []
    for task, payload in zip(tasks, payloads, strict=True):
        try:
            with stopping_if(_is_unwanted):
                results.append(function_of(path)(payload))
            worker.log_event(TOPIC, [run, task, function_of(note)(results[-1])])
        except Exception as error:
            if len(tasks) == 1:
                raise
            raise SpanError(task, reason_of(error)) from None
    if len(results) == 1:
        return results[0]
    result: bytes = function_of(path_of_merge)(results)
    return result


def merge(call: tuple[str, str], parts: list[bytes]) -> bytes:
    """Merge results. `call` names the function and the version of the client."""
    path, version = call
    _check(version)
    result: bytes = function_of(path)(parts)
    return result


def answer(path: str, argument: bytes) -> tuple[bool, bytes | str]:
    """Return what a function answers, or why it failed: an exception would look like one of the connection."""
    try:
        return True, function_of(path)(argument)
    except Exception as error:  # noqa: BLE001  # whatever it is, the client says it
        return False, f"{type(error).__name__}: {error}"


def _check(version: str) -> None:
    """Raise VersionError unless the client has this version: workers may have come after the others were checked."""
    if version != __version__:
        raise VersionError(f"a worker has eventcli {__version__}, the client {version}")


def _is_unwanted() -> bool:
    """Whether the scheduler took back the task of this thread: it was cancelled, or its client is gone."""
    worker = get_worker()
    state = worker.state.tasks.get(worker.get_current_task())
    return (
        state is None
        or state.state == "cancelled"
        or worker.status.name not in ("running", "paused", "closing_gracefully")
    )
