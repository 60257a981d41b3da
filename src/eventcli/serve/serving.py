"""What the routes share: the views of the ledger, the thread that reads it, and whether the end has come."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from eventcli.ledger.store.database import Database
from eventcli.serve.guard import Token
from eventcli.serve.questions import Question
from eventcli.serve.turns import Turns
from eventcli.serve.views import View, Views

_Read = TypeVar("_Read")


class Serving:
    """One ledger that is served."""

    def __init__(self, path: str, *, token: Token | None = None) -> None:
        """Serve the ledger at a path."""
        self.path = path
        self.token = token
        self.turns = Turns()
        self.views = Views(path, self.turns)
        self.stopping = asyncio.Event()
        """Set when a signal arrives: whoever waits for something answers at once."""
        # One: the ledger is used in turns, and the event loop never waits for it.
        self._reader = ThreadPoolExecutor(1, "reader")

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

    async def _on_thread(self, function: Callable[[], _Read]) -> _Read:
        return await asyncio.get_running_loop().run_in_executor(self._reader, function)

    def close(self) -> None:
        """End the thread, and close the ledger."""
        self._reader.shutdown(cancel_futures=True)
        self.views.close()
