"""Puts the parts together, and serves a ledger until a signal arrives."""

import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, closing
from typing import Any, Final, NamedTuple

from eventcli.ledger.recorder import KEEP_REJECTS
from eventcli.serve import api
from eventcli.serve.assets import add_assets
from eventcli.serve.events import Posts, describe_events, refuse_events
from eventcli.serve.guard import Application, Guard, Token
from eventcli.serve.intake import Intake
from eventcli.serve.live import add_live
from eventcli.serve.repeated import Repeated
from eventcli.serve.server import Server, listen, run, url_of
from eventcli.serve.serving import Serving

MAX_BODY: Final = 16 * 1024 * 1024


class Access(NamedTuple):
    """Where the server listens, and who may use it."""

    host: str
    port: int
    token: Token | None
    hosts: tuple[str, ...] = ()
    """Names that it is called by, besides localhost and that of the machine."""
    is_local: bool = True
    """Whether it listens on loopback only."""


class Taking(NamedTuple):
    """How events are taken: what a line means, how long a body may be, and how much of bad lines is kept."""

    given: Mapping[str, Any]
    """Settings for the ledger."""
    max_body: int = MAX_BODY
    keep_rejects: int = KEEP_REJECTS


def serve(
    path: str,
    access: Access,
    taking: Taking | None,
    *,
    on_ready: Callable[[str], object],
    on_bug: Callable[[Exception], object],
) -> int | None:
    """Serve a ledger, and return the signal that ended it; `taking` says how to take events (None: not at all).

    `on_ready` gets the URL as soon as requests are answered. Raises OSError if the server cannot listen, and what
    opening the ledger raises.
    """
    listener = listen(access.host, access.port)
    with listener, closing(Serving(path, token=access.token)) as serving, ExitStack() as stack:
        app = api.application(serving)
        add_assets(app, serving)
        front: Application = app
        if taking is None:
            refuse_events(app)
        else:
            intake = Intake(path, serving.lock, taking.given, serving.deliver, taking.keep_rejects)
            stack.callback(intake.close)
            intake.on_commit = serving.growth.note
            intake.begin()
            serving.on_stop.append(intake.hurry)
            describe_events(app)
            front = Posts(app, serving, intake, taking.max_body)
        add_live(app, serving)
        front = Repeated(front, serving.views)
        guard = Guard(front, token=access.token, hosts=_names(access), is_local=access.is_local, on_bug=on_bug)

        def ready() -> None:
            serving.begin()
            on_ready(url_of(listener))

        return run(Server(guard, on_ready=ready, on_stop=serving.stop), listener)


def _names(access: Access) -> Iterable[str]:
    names = {access.host, *access.hosts}
    if not access.is_local:
        names |= {socket.gethostname(), socket.getfqdn()}
    return names
