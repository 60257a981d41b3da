"""Failures of remote objects, in words, and when to retry."""

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
"""How many times a connection is retried, with pauses of `PAUSE` seconds, twice, four times ... that.
After `STRETCH` further bytes, all retries are available again."""

PAUSE: Final = 0.25

_MESSAGE: Final = 200
"""Maximum characters of a library's message that are shown."""

SECRETS: set[str] = set()
"""Parts of URLs that must not be shown: libraries mention them in their own words."""


def status_words(code: int) -> str:
    """Return an HTTP status with its phrase."""
    with suppress(ValueError):
        return f"HTTP {code} {HTTPStatus(code).phrase}"
    return f"HTTP {code}"


def http_failure(error: HTTPError) -> OSError:
    """Return the OSError that corresponds to a server's response."""
    text = status_words(error.code)
    if error.code in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return FileNotFoundError(errno.ENOENT, text)
    if error.code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return PermissionError(errno.EACCES, text)
    return OSError(text)


def reason_of(error: Exception) -> object:
    """Return the cause of a urllib error."""
    return error.reason if isinstance(error, URLError) else error


def in_words(error: Exception) -> str:
    """Return an error as text on one line."""
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
