"""Whether a fold that runs on a worker should end early: the engine knows, and the fold asks now and then.

A thread cannot be ended from outside, and the rest of a large compressed file may take minutes. So where an engine
folds on threads of a worker that others use, too, a job that was cancelled or whose client died would go on there.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final


class StoppedError(Exception):
    """A fold ended early, because nobody wants its result any more."""


def _never() -> bool:
    return False


_is_unwanted: Final[ContextVar[Callable[[], bool]]] = ContextVar("_is_unwanted", default=_never)


@contextmanager
def stopping_if(is_unwanted: Callable[[], bool]) -> Iterator[None]:
    """Have `is_unwanted` say whether what this thread folds should end early."""
    token = _is_unwanted.set(is_unwanted)
    try:
        yield
    finally:
        _is_unwanted.reset(token)


def check() -> None:
    """Raise StoppedError if nobody wants the result of what this thread folds; takes microseconds."""
    if _is_unwanted.get()():
        raise StoppedError
