"""What runs on a worker of Dask: a function by its name, with bytes in and bytes out."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from distributed import get_worker

from eventcli import __version__
from eventcli.engines.stopping import stopping_if

TOPIC: Final = "eventstats"
"""Where workers tell how far they are. One topic for all runs: the scheduler keeps the last events of each for ever."""


class VersionError(Exception):
    """A worker has another version of the package than the client."""


def path_of(function: Callable[..., Any]) -> str:
    """Return the name of a function of a module."""
    return f"{function.__module__}:{function.__qualname__}"


def function_of(path: str) -> Callable[..., Any]:
    """Return the function of that name."""
    module, _, name = path.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function


def fold(call: tuple[str, str, str], run: str, task: int, payload: bytes) -> bytes:
    """Fold a task and tell its note. `call` names the fold, the note and the version of the client."""
    path, note, version = call
    _check(version)
    with stopping_if(_is_unwanted):
        result: bytes = function_of(path)(payload)
    worker = get_worker()
    worker.log_event(TOPIC, [run, task, function_of(note)(result)])
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
