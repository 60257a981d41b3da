"""HTTP requests: redirects are followed within HTTP only, and every response has a deadline."""

import io
import os
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, Final, cast
from urllib import request
from urllib.error import HTTPError
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from eventcli.reading.remote.connections import Connections, Lease
from eventcli.redaction import redacted_text
from eventcli.text import printable

_REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))

_MOST_REDIRECTS: Final = 10

_SHOWN: Final = 80

_ASCII: Final = "".join(map(chr, range(128)))


class RefusedError(OSError):
    """The server asks for something unsupported, or its response makes no sense; a retry is pointless."""


class LateError(TimeoutError):
    """The time for the whole source has run out."""


class Deadline:
    """The time limit for everything done for one source: `total` seconds, None for no limit."""

    def __init__(self, total: float | None) -> None:
        """Begin now."""
        self.total = total
        self._end = None if total is None else time.monotonic() + total

    def left(self, most: float) -> float:
        """Return the remaining time to wait, at most `most`; LateError if the time is over."""
        if self._end is None:
            return most
        left = self._end - time.monotonic()
        if left <= 0:
            raise LateError(f"not done within {self.total:g} s")
        return min(most, left)

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the deadline."""
        time.sleep(self.left(seconds))


class Requests:
    """Sends requests for one source. With `connections`, these are kept from one request to the next."""

    def __init__(self, deadline: Deadline, silence: float, connections: Connections | None = None) -> None:
        """Treat a connection as cut if nothing arrives on it for `silence` seconds."""
        self._opener = _opener(lambda: deadline.left(silence), connections)
        self._silence = silence
        self.deadline = deadline

    def send(self, url: str, headers: dict[str, str]) -> HTTPResponse:
        """Return the response; HTTPError for an error status, RefusedError for a redirect that must not be followed.

        No body is read on the way, and no header is sent to another host except the given ones.
        """
        for _ in range(_MOST_REDIRECTS):
            try:
                sent = request.Request(url, headers=headers)  # noqa: S310  # the opener only knows HTTP
                timeout = self.deadline.left(self._silence)
                return cast("HTTPResponse", self._opener.open(sent, timeout=timeout))
            except HTTPError as error:
                location = error.headers.get("Location")
                if error.code not in _REDIRECTS or location is None:
                    raise
                error.close()
                code = error.code
            except HTTPException:
                raise
            except UnicodeError:
                raise RefusedError("the host name is not valid") from None
            except ValueError as error:
                raise RefusedError(f"not a URL: {_shown(str(error))}") from error
            url = _target(url, location, code)
        raise RefusedError(f"HTTP {code} {_phrase(code)}, too many redirects")


def quoted(url: str) -> str:
    """Return an HTTP URL in the form that is sent: without fragment, with bytes that URLs do not allow escaped."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise RefusedError(f"not a URL: {error}") from error
    if not host:
        raise RefusedError("not a URL: no host is named")
    if parts.username is not None:
        raise RefusedError("a user name or a password in a URL is not supported")
    return urlunsplit((parts.scheme, parts.netloc, _quoted_part(parts.path or "/"), _quoted_part(parts.query), ""))


def _quoted_part(text: str) -> str:
    # The original bytes, even if they are not valid text.
    return quote(os.fsencode(text), "%/:=&?~+!$,;'@()*[]")


def _target(url: str, location: str, code: int) -> str:
    """Return the target of a redirect."""
    words = f"HTTP {code} {_phrase(code)}, a redirect to {_shown(location)!r}"
    try:
        # A header is decoded as Latin-1, whatever it was: this recovers its bytes.
        target = urljoin(url, quote(location.encode("latin-1"), _ASCII))
        scheme = urlsplit(target).scheme.lower()
        if scheme not in ("http", "https"):
            raise RefusedError(f"{words}, which is not followed")
        return quoted(target)
    except (ValueError, RefusedError) as error:
        if isinstance(error, RefusedError) and str(error).startswith(words):
            raise
        raise RefusedError(f"{words}: {_shown(str(error))}") from error


def _phrase(code: int) -> str:
    from http import HTTPStatus  # noqa: PLC0415  # for errors only

    return HTTPStatus(code).phrase


def _shown(text: str) -> str:
    text = printable(redacted_text(text))
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _opener(patience: Callable[[], float], connections: Connections | None) -> request.OpenerDirector:
    """Return an opener that knows the proxies of the environment, and no scheme but HTTP."""

    class Http(request.HTTPHandler):
        def http_open(self, req: request.Request) -> Any:
            return self.do_open(cast("Any", _connector(_Plain, patience, connections)), req)

    class Https(request.HTTPSHandler):
        def https_open(self, req: request.Request) -> Any:
            return self.do_open(cast("Any", _connector(_Secure, patience, connections)), req)

    opener = request.OpenerDirector()
    handlers = (
        request.ProxyHandler(),
        request.UnknownHandler(),
        Http(),
        Https(),
        request.HTTPDefaultErrorHandler(),
        request.HTTPErrorProcessor(),
    )
    for handler in handlers:
        opener.add_handler(handler)
    opener.addheaders = [("User-Agent", "eventstats")]
    return opener


def _connector(
    kind: "type[_Plain | _Secure]", patience: Callable[[], float], connections: Connections | None
) -> Callable[..., HTTPConnection | Lease]:
    def connect(host: str, **options: Any) -> HTTPConnection | Lease:
        def make() -> HTTPConnection:
            connection = kind(host, **options)
            connection.patience = patience
            return connection

        return make() if connections is None else Lease(connections, make, f"{kind.__name__} {host}")

    return connect


class _Plain(HTTPConnection):
    patience: Callable[[], float]

    def connect(self) -> None:
        super().connect()
        self.sock = cast("Any", _Patient(self.sock, self.patience))


class _Secure(HTTPSConnection):
    patience: Callable[[], float]

    def connect(self) -> None:
        super().connect()
        self.sock = cast("Any", _Patient(self.sock, self.patience))


class _Patient:
    """A socket with a patience limit for its response, which is recomputed at every read.

    The timeout of a socket itself starts again with each byte.
    """

    def __init__(self, sock: Any, patience: Callable[[], float]) -> None:
        self._sock = sock
        self._patience = patience

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_PatientReader(self._sock, self._sock.makefile(mode, buffering=0), self._patience))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _PatientReader(io.RawIOBase):
    def __init__(self, sock: Any, raw: io.RawIOBase, patience: Callable[[], float]) -> None:
        super().__init__()
        self._sock = sock
        self._raw = raw
        self._patience = patience

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        patience = self._patience()
        # To set it is a call of the system.
        if patience != self._sock.gettimeout():
            self._sock.settimeout(patience)
        return cast("int | None", cast("Any", self._raw).readinto(buffer))

    def close(self) -> None:
        self._raw.close()
        super().close()
