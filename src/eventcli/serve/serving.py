"""What the routes share: the views of the ledger, the thread that reads it, and whether the end has come."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from eventcli.ledger.store.database import Database
from eventcli.ledger.store.watch import Version
from eventcli.serve.fair_lock import FairLock
from eventcli.serve.growth import SHARE, Growth
from eventcli.serve.guard import Token
from eventcli.serve.intake import Outcome
from eventcli.serve.questions import Question
from eventcli.serve.scene import Scene, scene
from eventcli.serve.views import View, Views

_Read = TypeVar("_Read")


class Serving:
    """One ledger that is served."""

    def __init__(self, path: str, *, token: Token | None = None) -> None:
        """Serve the ledger at a path."""
        self.path = path
        self.token = token
        self.lock = FairLock()
        self.views = Views(path, self.lock)
        self.growth = Growth()
        self.stopping = asyncio.Event()
        """Set when a signal arrives: whoever waits for something answers at once."""
        self.committed = asyncio.Event()
        """Set when this server has added something."""
        self.on_stop: list[Callable[[], object]] = []
        self._loop: asyncio.AbstractEventLoop = None  # type: ignore[assignment]  # until it begins
        self._limits: set[asyncio.Timeout] = set()
        # One: the ledger is used in turns, and the event loop never waits for it.
        self._reader = ThreadPoolExecutor(1, "reader")

    def begin(self) -> None:
        """Begin to serve, on the event loop."""
        self._loop = asyncio.get_running_loop()

    def deliver(self, outcomes: Sequence[tuple[Callable[[Outcome], object], Outcome]]) -> None:
        """Give the outcomes of a transaction to the event loop, from another thread."""

        def deliver() -> None:
            for take, outcome in outcomes:
                take(outcome)
            self.committed.set()

        # A loop that has ended needs no outcomes.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(deliver)

    async def view(self, question: Question) -> View:
        """Return an answer; at once if the ledger has not changed."""
        view = self.views.current(question)
        if view is None:
            view = await self._on_thread(lambda: self.views.view(question))
        return view

    async def read(self, function: Callable[[Database], _Read]) -> _Read:
        """Read something else from the ledger."""

        def proved(database: Database, _: object) -> _Read:
            self.views.prove(database)
            return function(database)

        return await self._on_thread(lambda: self.views.read(proved))

    async def scene(self, question: Question) -> Scene:
        """Return what the page shows."""

        def shown(database: Database, version: Version) -> Scene:
            if question.since is not None or question.until is not None:
                self.views.prove(database)
                return scene(database, question)
            self.views.prove(database, SHARE)
            return scene(database, question, self.growth.whole(database, version))

        return await self._on_thread(lambda: self.views.read(shown))

    async def _on_thread(self, function: Callable[[], _Read]) -> _Read:
        return await asyncio.get_running_loop().run_in_executor(self._reader, function)

    @asynccontextmanager
    async def interruptible(self, limit: asyncio.Timeout) -> AsyncIterator[None]:
        """Let the end of the server be the end of a limit in time."""
        self._limits.add(limit)
        try:
            yield
        finally:
            self._limits.discard(limit)

    def stop(self) -> None:
        """End whatever waits."""
        self.stopping.set()
        for call in self.on_stop:
            call()
        now = asyncio.get_running_loop().time()
        for limit in self._limits:
            limit.reschedule(now)

    def close(self) -> None:
        """End the thread, and close the ledger."""
        # A connection belongs to the thread that made it.
        self._reader.submit(self.views.close)
        self._reader.shutdown()
