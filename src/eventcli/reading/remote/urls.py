"""A URL becomes a stream of bytes: over HTTP by the standard library, from object stores and HDFS by fsspec.

An object is read as it arrives or in large ranges, some of which are under way while earlier ones are folded. A
connection that was cut is taken up again where it ended, if the object is still the same one; what cannot be taken up
is a `TruncatedError`, never an end. This module is imported only when a URL is given.
"""

import errno
from typing import Final, Protocol, Self

from eventcli.reading.remote.failures import SECRETS
from eventcli.reading.remote.http import Download
from eventcli.reading.remote.requests import Deadline
from eventcli.reading.remote.stores import Object, failure_of, file_system
from eventcli.redaction import secrets

_PATTERN: Final = frozenset("*?[")


class RemoteStream(Protocol):
    """An open object: a stream of bytes to be closed at its end."""

    @property
    def size(self) -> int | None:
        """The bytes of the object, None where they are not known."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Read up to the length of the buffer; 0 at the end. TruncatedError where the rest is not to be had."""

    def close(self) -> None:
        """Close the connections of the stream."""

    def __enter__(self) -> Self:
        """Return the stream itself."""

    def __exit__(self, *exception: object) -> None:
        """Close the stream."""


def open_url(url: str, timeout: float | None = None) -> RemoteStream:
    """Open the object that a URL names. OSError where that fails, FileNotFoundError where there is no such object.

    All of it is to be read within `timeout` seconds from now, if that is given.
    """
    SECRETS.update(secrets(url))
    deadline = Deadline(timeout)
    return Download(url, deadline) if _is_http(url) else Object(url, deadline)


def expand(url: str) -> list[str]:
    """Return the URLs of the objects that match a pattern (`*`, `?`, `[...]`, `**`), sorted; else the URL itself.

    A URL of HTTP is never a pattern: servers do not list, and `?` begins a query. OSError as for `open_url`.
    """
    if _is_http(url) or not _PATTERN & set(url):
        return [url]
    SECRETS.update(secrets(url))
    try:
        system, pattern = file_system(url)
        found = system.glob(pattern, detail=True)
    except Exception as error:
        raise failure_of(error) from error
    if not found:
        raise FileNotFoundError(errno.ENOENT, "no object matches")
    prefix = url.removesuffix(pattern)
    return sorted(prefix + path for path, details in found.items() if details["type"] == "file")


def _is_http(url: str) -> bool:
    return url.partition("://")[0].lower() in {"http", "https"}
