"""What can go wrong with a remote object, in words, and when to try again."""

import errno
from contextlib import suppress
from http import HTTPStatus
from http.client import IncompleteRead
from typing import Final
from urllib.error import HTTPError, URLError

from eventcli.reading.remote.requests import LateError
from eventcli.redaction import HIDDEN, redacted_text
from eventcli.text import printable

TRIES: Final = 5
"""How often a connection is taken up again before it is given up, with pauses of `PAUSE` seconds, twice, four times ...
A stretch of `STRETCH` bytes that arrived gives all tries back."""

PAUSE: Final = 0.25

_MESSAGE: Final = 200
"""Characters of a library's message that are shown at most."""

SECRETS: set[str] = set()
"""What was not to be shown of any URL: libraries tell of parts of it in words of their own."""


def status_words(code: int) -> str:
    """Return a status of HTTP with its phrase."""
    with suppress(ValueError):
        return f"HTTP {code} {HTTPStatus(code).phrase}"
    return f"HTTP {code}"


def http_failure(error: HTTPError) -> OSError:
    """Return the OSError that an answer of a server amounts to."""
    text = status_words(error.code)
    if error.code in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return FileNotFoundError(errno.ENOENT, text)
    if error.code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return PermissionError(errno.EACCES, text)
    return OSError(text)


def reason_of(error: Exception) -> object:
    """Return what an error of urllib was caused by."""
    return error.reason if isinstance(error, URLError) else error


def in_words(error: Exception) -> str:
    """Return an error as words on one line."""
    if isinstance(error, HTTPError):
        return str(http_failure(error).strerror or http_failure(error))
    reason = reason_of(error)
    if isinstance(reason, IncompleteRead):
        return "closed by the server"
    if isinstance(reason, TimeoutError):
        return str(reason) if isinstance(reason, LateError) else "timed out"
    text = (reason.strerror if isinstance(reason, OSError) else None) or str(reason) or type(reason).__name__
    # It may come from a server, or list all the places where a library was looked for.
    text = redacted_text(" ".join(text.split()))
    for secret in sorted(SECRETS, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = printable(text)
    return text if len(text) <= _MESSAGE else text[: _MESSAGE - 1] + "…"
