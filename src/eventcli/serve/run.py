"""Puts the parts together, and serves a ledger until a signal arrives."""

import socket
from collections.abc import Callable, Iterable
from typing import NamedTuple

from eventcli.serve import api
from eventcli.serve.assets import add_assets
from eventcli.serve.guard import Guard, Token
from eventcli.serve.repeated import Repeated
from eventcli.serve.server import Server, listen, run, url_of
from eventcli.serve.serving import Serving


class Access(NamedTuple):
    """Where the server listens, and who may use it."""

    host: str
    port: int
    token: Token | None
    hosts: tuple[str, ...] = ()
    """Names that it is called by, besides localhost and that of the machine."""
    is_local: bool = True
    """Whether it listens on loopback only."""
    is_read_only: bool = False


def serve(
    path: str, access: Access, *, on_ready: Callable[[str], object], on_bug: Callable[[Exception], object]
) -> int | None:
    """Serve a ledger, and return the signal that ended it; OSError if it cannot listen.

    `on_ready` gets the URL as soon as requests are answered.
    """
    listener = listen(access.host, access.port)
    serving = Serving(path, token=access.token)
    try:
        app = api.application(serving)
        add_assets(app, serving)
        front = Repeated(app, serving.views)
        guard = Guard(front, token=access.token, hosts=_names(access), is_local=access.is_local, on_bug=on_bug)
        url = url_of(listener)
        server = Server(guard, on_ready=lambda: on_ready(url), on_stop=serving.stopping.set)
        return run(server, listener)
    finally:
        serving.close()
        listener.close()


def _names(access: Access) -> Iterable[str]:
    names = {access.host, *access.hosts}
    if not access.is_local:
        names |= {socket.gethostname(), socket.getfqdn()}
    return names
