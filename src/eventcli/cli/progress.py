"""Reports on a run while it is running: a bar on a terminal, and the account so far when a signal requests it.

The library that formats the bar is loaded only when one is shown.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Final, Protocol, Self

from eventcli.interruption import answering
from eventcli.pipeline.intake import Place
from eventcli.summary.account import Account

DELAY: Final = 1.0
"""Seconds before the bar of a run is shown: a shorter run shows none."""

_COLUMNS: Final = 80
"""The width of a terminal that does not report it."""

_SIZE_IS_KNOWN: Final = "{percentage:3.0f}%|{bar}| {n_fmt}B/{total_fmt}B, {rate_fmt}, {remaining} left{postfix}"

_SIZE_IS_NOT_KNOWN: Final = "{n_fmt}B, {rate_fmt}, {elapsed}{postfix}"


class Watched(Protocol):
    """A run that reports its progress."""

    def account(self) -> Account:
        """Return the account so far."""

    def place(self) -> Place:
        """Return how far the run is."""

    def workers(self) -> int | None:
        """Return how many workers an engine has; None if this machine does the work."""


def total(place: Place, sizes: Sequence[int | None]) -> int | None:
    """Return the bytes that a run will have read at its end, or None if the size of a source is unknown.

    `sizes` are those of all sources, as far as they are known before the sources are opened.

    >>> total(Place(ended=1, before=500, position=20, size=None), [700, 300, 200])
    1000
    """
    sizes = [place.size if place.size is not None else size for size in sizes[place.ended : place.ended + 1]] + [
        *sizes[place.ended + 1 :]
    ]
    known = [size for size in sizes if size is not None]
    return place.before + sum(known) if len(known) == len(sizes) else None


class Watch:
    """Watches a run: the thread that waits for its end must call `tick` regularly."""

    def __init__(
        self,
        run: Watched,
        *,
        started: float,
        say: Callable[[str], object],
        sizes: Callable[[], Sequence[int | None]] | None,
    ) -> None:
        """Report the account with `say`; show a bar if `sizes`, called once, returns the sizes of the sources.

        `started` is the start time of the run, by `time.monotonic`.
        """
        self._run = run
        self._started = started
        self._say = say
        self._sizes_of = sizes
        self._sizes: Sequence[int | None] | None = None
        self._asked = False
        self._stack = ExitStack()
        self._drawing = threading.Lock()
        self._width = 0

    def __enter__(self) -> Self:
        """Handle the signals, unless the parent process had them ignored."""
        self._stack.enter_context(answering(self._ask))
        return self

    def __exit__(self, *exception: object) -> None:
        """Restore the signals, and remove the bar."""
        self._stack.close()
        with self.hidden():
            self._sizes_of = None

    def tick(self) -> None:
        """Report the account if a signal requested it, and redraw the bar."""
        if self._asked:
            self._asked = False
            self._say(f"so far: {self._so_far()}")
        if self._sizes_of is not None and time.monotonic() - self._started >= DELAY and _is_in_foreground():
            if self._sizes is None:
                self._sizes = self._sizes_of()
            self._draw(self._sizes)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Remove the bar while something else is written; any thread may call this."""
        with self._drawing:
            if self._width:
                _write("\r" + " " * self._width + "\r")
                self._width = 0
            yield

    def _ask(self, *_: object) -> None:
        # The thread that waits for the run may be anywhere; it checks this at the next tick.
        self._asked = True

    def _so_far(self) -> str:
        account, place, workers = self._run.account(), self._run.place(), self._run.workers()
        if workers is None:
            return str(account)
        return f"{account}; {place.position:,} bytes of {place.size or 0:,}, {workers} workers"

    def _draw(self, sizes: Sequence[int | None]) -> None:
        from tqdm.std import tqdm  # noqa: PLC0415  # 60 ms, only for runs that are watched

        place, rejects = self._run.place(), self._run.account().rejects
        size = total(place, sizes)
        read = place.before + place.position
        workers = self._run.workers()
        # On a cluster, the size is that of the plan, and it may take long until a first split is done.
        is_known = size is not None and read <= size and (read > 0 or workers is not None)
        more = [f"{rejects:,} rejected"] if rejects else []
        more += [] if workers is None else [f"{workers} workers"]
        text = tqdm.format_meter(
            n=read,
            total=size if is_known else None,
            elapsed=time.monotonic() - self._started,
            # A terminal wraps to the next line when its last column is written.
            ncols=max(1, _columns() - 1),
            ascii=not (sys.stderr.encoding or "").lower().startswith("utf"),
            unit="B",
            unit_scale=True,
            bar_format=_SIZE_IS_KNOWN if is_known else _SIZE_IS_NOT_KNOWN,
            postfix=", ".join(more),
        )
        with self._drawing:
            line = text.ljust(self._width)
            # Before it is written: an interruption may follow, and then the bar must be removed.
            self._width = len(line)
            _write("\r" + line)
            self._width = len(text)


def _columns() -> int:
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        columns = 0
    return columns or _COLUMNS


def _is_in_foreground() -> bool:
    """Whether this process may draw on the terminal: a shell may have put it in the background."""
    try:
        return os.tcgetpgrp(sys.stderr.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return True  # not the controlling terminal, or no terminal at all


def _write(text: str) -> None:
    with suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()
