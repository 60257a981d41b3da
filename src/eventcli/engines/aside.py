"""Waits for what takes time and knows nothing of signals, such as listing a store: an interruption ends the wait."""

import threading
from collections.abc import Callable
from typing import Final, TypeVar

_TICK: Final = 0.1

_T = TypeVar("_T")


def aside(work: Callable[[], _T], pause: Callable[[], object]) -> _T:
    """Return what `work` returns, or raise what it raises; meanwhile call `pause`, whose error ends the wait.

    `work` is then left alone, in its thread, which ends with the process.
    """
    results: list[_T] = []
    errors: list[BaseException] = []
    is_done = threading.Event()

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001  # passed to the waiting thread, which raises it
            errors.append(error)
        is_done.set()

    threading.Thread(target=run, daemon=True, name="eventstats-aside").start()
    while not is_done.wait(_TICK):
        pause()
    if errors:
        raise errors[0]
    return results[0]
