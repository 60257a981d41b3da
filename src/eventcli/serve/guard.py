"""Who may ask: the Host, the Origin and the token of a request, and the headers of every answer.

It stands before the application, and answers by itself what it refuses.
"""

import hashlib
import hmac
import ipaddress
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

from eventcli.serve.problems import EXPECTED, Problem, problem_of

COOKIE: Final = "eventstats"

OPEN: Final = frozenset(("/healthz", "/readyz"))
"""What probes ask, without a token; the answer is one word."""

_PAGE: Final = frozenset(("/", "/page.css", "/page.js", "/favicon.ico", "/login"))
"""What a browser needs to ask people for the token."""

_LOCAL: Final = frozenset(("localhost", "localhost.localdomain"))

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'{}; img-src 'self' data:; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    # Not no-referrer: browsers would hide the origin of the form, too.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
)

_OWN: Final = (*_HEADERS, (b"content-security-policy", _POLICY.format("").encode()))

# Swagger UI writes styles into the elements that it makes.
_DOCS: Final = (*_HEADERS, (b"content-security-policy", _POLICY.format(" 'unsafe-inline'").encode()))

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Token:
    """The secret that requests must show; compared in a time that says nothing about it."""

    def __init__(self, text: str) -> None:
        self._digest = _digest(text)
        self.cookie = hashlib.sha256(b"eventstats cookie " + text.encode()).hexdigest()
        """What the page gets in place of the token, which no browser needs to keep."""
        self._cookie_digest = _digest(self.cookie)

    def is_shown(self, text: str) -> bool:
        """Whether a text is the token."""
        return hmac.compare_digest(_digest(text), self._digest)

    def is_held(self, cookie: str) -> bool:
        """Whether a cookie is the one that the token gives."""
        return hmac.compare_digest(_digest(cookie), self._cookie_digest)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def token_in(text: str) -> Token:
    """Return the token in a file's text; ValueError if it is none."""
    text = text.strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("a token is printable ASCII without spaces")
    return Token(text)


class Guard:
    """Refuses requests that must not reach the application, and answers what the application fails to."""

    def __init__(
        self,
        application: Application,
        *,
        token: Token | None,
        hosts: Iterable[str],
        is_local: bool,
        on_bug: Callable[[Exception], object],
    ) -> None:
        """`hosts` are names that the server may be called by; `is_local` says that it listens on loopback only."""
        self._application = application
        self._token = token
        self._hosts = _LOCAL | {host.lower().rstrip(".") for host in hosts}
        self._is_local = is_local
        self._on_bug = on_bug
        self._known: dict[bytes, bool] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        own = _DOCS if path.startswith("/docs") else _OWN
        has_begun = False

        async def guarded(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                message["headers"] = [*message["headers"], *own]
            await send(message)

        headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            # Two of one name: neither is right.
            headers[name] = b"\0" if name in headers and name in (b"host", b"authorization", b"origin") else value
        problem = self._refusal(path, headers, scope)
        if problem is not None:
            await _answer(guarded, problem)
            return
        try:
            await self._application(scope, receive, guarded)
        except EXPECTED as error:
            if not has_begun:
                await _answer(guarded, problem_of(error))
        except Exception as error:  # noqa: BLE001  # the last resort, which users should never need
            self._on_bug(error)
            if not has_begun:
                await _answer(guarded, Problem(500, f"internal error: {type(error).__name__}"))

    def _refusal(self, path: str, headers: dict[bytes, bytes], scope: Scope) -> Problem | None:
        host = headers.get(b"host", b"")
        if not self._is_known(host):
            return Problem(400, "this is not a name of this server (--allow-host adds one)")
        origin = headers.get(b"origin")
        if origin is not None and origin.lower().partition(b"://")[2] != host.lower():
            return Problem(403, "a page of another site cannot use this server")
        scope["is_known"] = is_known = self._is_allowed(headers)
        if is_known or path in OPEN or path in _PAGE:
            return None
        return Problem(401, "a token is needed: Authorization: Bearer TOKEN")

    def _is_allowed(self, headers: dict[bytes, bytes]) -> bool:
        if self._token is None:
            return True
        scheme, _, text = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() == "bearer" and self._token.is_shown(text.strip()):
            return True
        for part in headers.get(b"cookie", b"").decode("latin-1").split(";"):
            name, _, value = part.strip().partition("=")
            if name == COOKIE and self._token.is_held(value):
                return True
        return False

    def _is_known(self, host: bytes) -> bool:
        """Whether the server may be called so. Anything else is a page that has its own name lead here."""
        known = self._known.get(host)
        if known is None:
            known = self._is_own(host.decode("latin-1"))
            if len(self._known) < 100:  # noqa: PLR2004  # nobody fills the memory with names
                self._known[host] = known
        return known

    def _is_own(self, host: str) -> bool:
        if host.startswith("["):
            name, _, rest = host[1:].partition("]")
            is_port = not rest or (rest.startswith(":") and rest[1:].isdigit())
        else:
            name, colon, port = host.partition(":")
            is_port = not colon or port.isdigit()
        name = name.lower().rstrip(".")
        if not is_port or not name:
            return False
        if name in self._hosts:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        # No other site can have a number for its name.
        return address.is_loopback or not self._is_local


async def _answer(send: Send, problem: Problem) -> None:
    body = json.dumps({"detail": problem.detail}, ensure_ascii=False).encode() + b"\n"
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if problem.retry is not None:
        headers.append((b"retry-after", str(problem.retry).encode()))
    if problem.status == 401:  # noqa: PLR2004  # which must name a scheme
        headers.append((b"www-authenticate", b'Bearer realm="eventstats"'))
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
