"""Signals that end the process: at any moment, by the signal itself, silently, and without leaving anything behind.

With nothing to clean up, they keep their default action, which does all of that. Nothing is raised where the exception
could end up in a callback of the interpreter, which would report it on stderr.
"""

import _signal  # type: ignore[import-not-found]  # signal makes enums of all numbers, a fiftieth of the start-up time
import _thread
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from types import FrameType


LITTER: Final[set[str]] = set()
"""Temporary files to remove before a signal ends the process. A name is added before its file is created."""


def _known(*names: str) -> tuple[int, ...]:
    return tuple(getattr(_signal, name) for name in names if hasattr(_signal, name))


_ENDING: Final = _known("SIGINT", "SIGTERM", "SIGHUP")

_ASKING: Final = _known("SIGUSR1", "SIGINFO")
"""The signals that request the account. SIGINFO, which Ctrl-T sends, exists on BSD and macOS."""

_LATER: Final = 0.002
"""Seconds until a signal that came during an import is sent again. Importing orjson takes about five times as long."""

_ignored_by_us: set[int] = set()


class SignalError(BaseException):
    """A signal arrived that must end the process. It is not an Exception, so that nothing mistakes it for a failure."""

    def __init__(self, number: int) -> None:
        """Record the number of the signal."""
        super().__init__(number)
        self.number = number

    @property
    def status(self) -> int:
        """The exit status that a shell reports for a process that the signal ended."""
        return 128 + self.number


def begin(early: Iterable[int] = ()) -> None:
    """Handle the signals of a process that is about to run a command, before it loads anything slow.

    `early` are those that were already ignored for us. SIGINT ends the process as SIGTERM does, and raises no
    exception. A request for the account that comes too early gets no answer, but does not end the process either.
    Ignored signals stay ignored.
    """
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    if os.getpid() == 1:
        # A default action does not end the first process of a container.
        for number in _ENDING:
            if _signal.getsignal(number) == _signal.SIG_DFL:
                _signal.signal(number, _clean_and_end)
    _ignored_by_us.update(early)
    for number in _ASKING:
        if _signal.getsignal(number) == _signal.SIG_DFL:
            _signal.signal(number, _signal.SIG_IGN)
            _ignored_by_us.add(number)


@contextmanager
def answering(answer: Callable[[int, "FrameType | None"], object]) -> Iterator[None]:
    """Call `answer` when a signal requests the account, unless the parent process had the signal ignored."""
    with _handled(_ASKING, answer, lambda number, handler: handler == _signal.SIG_DFL or number in _ignored_by_us):
        yield


@contextmanager
def cleaning() -> Iterator[None]:
    """Remove `LITTER` before a signal ends the process."""
    with _handled(_ENDING, _clean_and_end, lambda _, handler: handler == _signal.SIG_DFL):
        yield


@contextmanager
def calling(answer: Callable[[], object]) -> Iterator[None]:
    """Call `answer` instead of the action of SIGINT; a second one ends the process."""

    def call(*_: object) -> None:
        _signal.signal(_signal.SIGINT, _clean_and_end)
        answer()

    with _handled(_ENDING[:1], call, _is_ours):
        yield


@contextmanager
def finishing(answer: Callable[[int], object]) -> Iterator[None]:
    """Call `answer` with the number of a signal that should end the process, so that it finishes what it has in hand.

    A second signal ends the process.
    """

    def call(number: int, _frame: object) -> None:
        for each in _ENDING:
            if _signal.getsignal(each) is call:
                _signal.signal(each, _clean_and_end)
        answer(number)

    with _handled(_ENDING, call, _is_ours):
        yield


@contextmanager
def raising() -> Iterator[None]:
    """Raise KeyboardInterrupt for SIGINT and SignalError for the others, so that a transaction is rolled back.

    A second signal ends the process, and so does one whose exception nobody receives.
    """
    hook = sys.unraisablehook

    def end_where_nobody_gets_it(unraisable: Any) -> None:
        if isinstance(unraisable.exc_value, (KeyboardInterrupt, SignalError)):
            end_by(getattr(unraisable.exc_value, "number", _signal.SIGINT))
        hook(unraisable)

    sys.unraisablehook = end_where_nobody_gets_it
    try:
        with _handled(_ENDING, _raise, _is_ours):
            yield
    finally:
        sys.unraisablehook = hook


def end_by(number: int) -> NoReturn:
    """End by the signal itself, so that a waiting shell or make notices and stops, too."""
    for path in tuple(LITTER):
        with suppress(OSError):
            os.unlink(path)
    _signal.signal(number, _signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(SignalError(number).status)  # the signal is blocked


def _is_ours(_number: int, handler: object) -> bool:
    return handler in {_signal.SIG_DFL, _signal.default_int_handler, _clean_and_end, _raise}


def _clean_and_end(number: int, _frame: object) -> NoReturn:
    end_by(number)


def _raise(number: int, frame: "FrameType | None") -> None:
    if _is_importing(frame) and _postpone(number):
        return
    for each in _ENDING:
        if _signal.getsignal(each) is _raise:
            _signal.signal(each, _clean_and_end)
    raise KeyboardInterrupt if number == _signal.SIGINT else SignalError(number)


def _is_importing(frame: "FrameType | None") -> bool:
    """Whether a module is being loaded. orjson 3.13 crashes when an exception comes out of what its start imports."""
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def _postpone(number: int) -> bool:
    """Send a signal again a little later; return whether that is possible."""

    def send() -> None:
        time.sleep(_LATER)
        os.kill(os.getpid(), number)

    try:
        _thread.start_new_thread(send, ())
    except RuntimeError:
        return False
    return True


@contextmanager
def _handled(
    numbers: tuple[int, ...], handler: Callable[..., object], may_take: Callable[[int, object], bool]
) -> Iterator[None]:
    """Handle those signals that may be handled, and restore them."""
    earlier: list[tuple[int, Any]] = []
    try:
        for number in numbers:
            found = _signal.getsignal(number)
            if may_take(number, found):
                with suppress(ValueError):  # only the main thread may
                    _signal.signal(number, handler)
                    earlier.append((number, found))
        yield
    finally:
        for number, found in earlier:
            _signal.signal(number, found)
