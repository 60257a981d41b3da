"""HTTP connections that are kept for the next request of a source.

urllib closes a connection after one response, so each range of an object would begin with handshakes. What urllib takes
for a connection is a lease here, which ends with the response.
"""

import threading
from collections.abc import Callable
from http.client import HTTPConnection, HTTPResponse
from typing import Any, Final, cast


class Connections:
    """The connections of one source that wait for a request. Any thread may lease one."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = threading.Lock()
        self._idle: dict[object, list[HTTPConnection]] = {}
        self._is_closed = False

    def take(self, key: object) -> HTTPConnection | None:
        """Return a connection to a place, if one waits."""
        with self._lock:
            idle = self._idle.get(key)
            return idle.pop() if idle else None

    def give(self, key: object, connection: HTTPConnection) -> None:
        """Keep a connection whose last response was read to its end."""
        with self._lock:
            if not self._is_closed:
                self._idle.setdefault(key, []).append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close the connections that wait, and from now on each one after its response."""
        with self._lock:
            self._is_closed = True
            closing = [connection for idle in self._idle.values() for connection in idle]
            self._idle.clear()
        for connection in closing:
            connection.close()


class Lease:
    """A connection for one request, which goes back afterwards. It has the methods that urllib calls."""

    sock: Final = None
    """urllib closes it after the headers of the response, if there is one."""

    def __init__(self, connections: Connections, make: Callable[[], HTTPConnection], host: str) -> None:
        """Take a connection only for the request, when it is known whether there is a proxy."""
        self._connections = connections
        self._make = make
        self._host = host
        self._tunnel: tuple[str, dict[str, str]] | None = None
        self._connection: HTTPConnection | None = None
        self._is_kept = False
        self._send: Callable[[HTTPConnection], object] = lambda _: None

    def set_debuglevel(self, level: int) -> None:
        """Do nothing: nobody sets one."""

    def set_tunnel(self, host: str, headers: dict[str, str]) -> None:
        """Go through a proxy."""
        self._tunnel = host, headers

    def request(self, method: str, url: str, body: Any, headers: dict[str, str], **options: Any) -> None:
        """Send a request."""
        # urllib asks for the end of the connection.
        headers = {name: value for name, value in headers.items() if name != "Connection"}
        self._send = lambda connection: connection.request(method, url, body, headers, **options)
        connection = self._connections.take(self._key)
        self._is_kept = connection is not None
        if connection is None:
            connection = self._make()
            connection.response_class = _Response
            if self._tunnel is not None:
                host, its_headers = self._tunnel
                connection.set_tunnel(host, headers=its_headers)
        self._connection = connection
        try:
            self._send(connection)
        except ConnectionError:
            if not self._is_kept:
                raise
            self._renew(connection)

    def getresponse(self) -> HTTPResponse:
        """Return the response; the connection goes back when that is closed."""
        connection = cast("HTTPConnection", self._connection)
        try:
            response = connection.getresponse()
        except ConnectionError:
            if not self._is_kept:
                raise
            self._renew(connection)
            response = connection.getresponse()
        cast("_Response", response).on_close = self._give_back
        return response

    def close(self) -> None:
        """Close the connection after a failure."""
        if self._connection is not None:
            self._connection.close()

    @property
    def _key(self) -> object:
        return self._host, None if self._tunnel is None else self._tunnel[0]

    def _renew(self, connection: HTTPConnection) -> None:
        """Send the request again: the server may close a connection at any time after a response."""
        self._is_kept = False
        connection.close()
        # It connects by itself.
        self._send(connection)

    def _give_back(self, is_usable: bool) -> None:  # noqa: FBT001  # called by one place
        connection = cast("HTTPConnection", self._connection)
        if is_usable:
            self._connections.give(self._key, connection)
        else:
            connection.close()


class _Response(HTTPResponse):
    """A response that says when it is closed, and whether all of it was read."""

    on_close: Callable[[bool], object] | None = None

    def close(self) -> None:
        is_usable = self.length == 0 and not self.will_close
        super().close()
        on_close, self.on_close = self.on_close, None
        if on_close is not None:
            on_close(is_usable)
