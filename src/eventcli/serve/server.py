"""The process that listens: its socket, its signals, its end."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn

from eventcli.interruption import SignalError
from eventcli.serve.guard import Application

_BACKLOG: Final = 1024

_GRACE: Final = 1
"""Seconds that a request may still take when a signal has arrived."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; OSError if it cannot."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.setblocking(False)  # noqa: FBT003  # its only parameter
    except BaseException:
        listener.close()
        raise
    return listener


def url_of(listener: socket.socket) -> str:
    """Return where a browser finds a listening socket."""
    host, port, *_ = listener.getsockname()
    if host in ("0.0.0.0", "::"):  # noqa: S104  # compared, not bound
        host = "localhost"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


class Server(uvicorn.Server):
    """Ends within a second of a signal, whoever is still connected, and says nothing about it."""

    def __init__(
        self, application: Application, *, on_ready: Callable[[], object], on_stop: Callable[[], object]
    ) -> None:
        """`on_ready` is called on the event loop as soon as requests are served, `on_stop` when a signal arrives."""
        config = uvicorn.Config(
            application,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE,
            timeout_keep_alive=75,
        )
        # Messages about broken requests and late clients are for nobody.
        for name in ("uvicorn", "uvicorn.error", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        super().__init__(config)
        self._on_ready = on_ready
        self._on_stop = on_stop
        self.signal: int | None = None
        """The signal that ended it."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup(sockets)
        self._on_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle the signals that end the process."""
        loop = asyncio.get_running_loop()
        earlier = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        mine = [number for number, handler in earlier.items() if handler is not signal.SIG_IGN]
        for number in mine:
            loop.add_signal_handler(number, self._stop, number)
        try:
            yield
        finally:
            for number in mine:
                loop.remove_signal_handler(number)
                signal.signal(number, earlier[number])

    def _stop(self, number: int) -> None:
        if self.signal is not None:
            os._exit(SignalError(number).status)  # a second one does not wait for anything
        self.signal = number
        self.should_exit = True
        self._on_stop()


def run(server: Server, listener: socket.socket) -> int | None:
    """Serve until a signal arrives, and return it."""
    loop_factory: Any = server.config.get_loop_factory()
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(server.serve(sockets=[listener]))
    return server.signal
