"""The connection to a cluster of Dask. All that is asked there is waited for in short turns, which a cancellation ends.

Nothing is asked by the blocking calls of the client: they wait for ever where a scheduler or a worker stands still.
"""

import asyncio
import threading
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from eventcli.engines.engine import EngineLostError, NoWorkersError, Watch

if TYPE_CHECKING:
    from concurrent.futures import Future as Answer

    from distributed import Client

_TURN: Final = 0.05
"""Seconds between two looks at what is waited for."""

_EVERY: Final = 1.0
"""Seconds between two questions for the workers; less where there is less patience."""


class StopNow(Exception):  # noqa: N818  # not an error
    """The caller wants the job to end."""


class Connection:
    """A client of Dask, and whether its user still wants an answer."""

    def __init__(self, client: "Client", name: str) -> None:
        """Use a client that is connected."""
        self.client: Any = client
        self.name = name
        self._wake = threading.Event()

    def begin(self) -> None:
        """Forget a cancellation that came when nothing was waited for."""
        self._wake.clear()

    def cancel(self) -> None:
        """Have the call that waits raise StopNow."""
        self._wake.set()

    def turn(self, watch: Watch | None, seconds: float = _TURN) -> None:
        """Wait a little. StopNow if the caller wants to stop; EngineLostError if the scheduler is gone."""
        if watch is not None:
            watch.heartbeat()
        if self._wake.wait(seconds) or (watch is not None and watch.is_cancelled):
            self._wake.clear()
            raise StopNow
        if self.client.status != "running":
            raise EngineLostError(f"{self.name}: the connection to the scheduler is lost")

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> "Answer[Any]":
        """Let the client ask something."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.client.loop.asyncio_loop)

    def ask(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Return the answer to a question, however long it takes."""
        answer = self.start(coroutine)
        try:
            while not answer.done():
                self.turn(None, 0.005)
            return answer.result()
        except OSError as error:
            raise EngineLostError(f"{self.name}: {error}") from None
        finally:
            answer.cancel()

    def ask_briefly(self, coroutine: Coroutine[Any, Any, Any], seconds: float) -> Any:
        """Return the answer if it comes in time, else None; nothing is raised. For what is done at an end."""
        try:
            answer = self.start(coroutine)
        except RuntimeError:  # the loop is closed
            coroutine.close()
            return None
        with suppress(Exception, asyncio.CancelledError):
            return answer.result(seconds)
        answer.cancel()
        return None


class Roster:
    """The workers as the scheduler knows them, and how long there have been none."""

    def __init__(self, connection: Connection, patience: float) -> None:
        """Report it once there were no workers for `patience` seconds."""
        self._connection = connection
        self._patience = patience
        self._answer: Answer[Any] | None = None
        self._asked_at = self._seen_at = time.monotonic()
        self._has_told = self._knows_of_none = False
        self.threads: dict[str, int] = {}

    def look(self, watch: Watch, timeout: float | None) -> None:
        """Ask now and then. NoWorkersError or EngineLostError after `timeout` seconds."""
        now = time.monotonic()
        if self._answer is None and now - self._asked_at >= min(_EVERY, self._patience / 2):
            self._asked_at = now
            self._answer = self._connection.start(self._connection.client.nthreads(asynchronous=True))
        elif self._answer is not None and self._answer.done():
            answer, self._answer = self._answer, None
            # Where the scheduler is gone, the client notices, too.
            if answer.exception() is None:
                self.threads = answer.result()
                self._knows_of_none = not self.threads
                if self.threads:
                    self._seen_at, self._has_told = now, False
        if now - self._seen_at < self._patience:
            return
        what = "there are no workers" if self._knows_of_none else "the scheduler does not answer"
        what = f"{self._connection.name}: {what}"
        if timeout is not None and now - self._seen_at >= timeout:
            raise (NoWorkersError if self._knows_of_none else EngineLostError)(f"{what} (waited {timeout:g} s)")
        if not self._has_told:
            self._has_told = True
            watch.message(f"{what}; waiting{'' if timeout is None else f' up to {timeout:g} s'}")

    def close(self) -> None:
        """Ask nothing more."""
        if self._answer is not None:
            self._answer.cancel()


class Silence:
    """Workers that stand still, looked for only while nothing is done: Dask gives them minutes before it gives up."""

    def __init__(self, connection: Connection, patience: float) -> None:
        """After `patience` seconds in which nothing was done, workers are asked about, and so long after that again."""
        self._connection = connection
        self._patience = patience
        self._answer: Answer[Any] | None = None
        self._next = time.monotonic() + patience
        self._heard: dict[str, float] = {}
        self._told: set[str] = set()

    def end(self) -> None:
        """Something was done."""
        self._next = time.monotonic() + self._patience
        self._heard = {}

    def look(self, watch: Watch) -> None:
        """Tell people once about each worker that the scheduler has not heard of between two questions."""
        now = time.monotonic()
        if self._answer is None and now >= self._next:
            self._next = now + self._patience
            self._answer = self._connection.start(self._connection.client.scheduler.identity(n_workers=-1))
        elif self._answer is not None and self._answer.done():
            answer, self._answer = self._answer, None
            # An earlier version of Dask may not know the question.
            if answer.exception() is None:
                before, workers = self._heard, answer.result().get("workers", {})
                self._heard = {name: about.get("last_seen", 0.0) for name, about in workers.items()}
                for name in sorted(self._heard.keys() & before.keys() - self._told):
                    if self._heard[name] == before[name]:
                        self._told.add(name)
                        watch.message(f"{self._connection.name}: worker {name} does not answer; Dask waits for it")

    def close(self) -> None:
        """Ask nothing more."""
        if self._answer is not None:
            self._answer.cancel()
