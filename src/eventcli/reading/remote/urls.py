"""Turns a URL into a byte stream: over HTTP with the standard library, from object stores and HDFS with fsspec.

An object is read as it arrives, or in large ranges, some of which are in flight while earlier ones are folded. A cut
connection is resumed where it ended, if the object is still the same; if it cannot be resumed, that is a
`TruncatedError`, never an end of file. This module is imported only when a URL is given.
"""

import errno
from typing import Final, Protocol, Self

from eventcli.reading.remote.failures import SECRETS
from eventcli.reading.remote.http import Download
from eventcli.reading.remote.requests import Deadline
from eventcli.reading.remote.stores import Whole, failure_of, file_system
from eventcli.redaction import secrets

_PATTERN: Final = frozenset("*?[")


class RemoteStream(Protocol):
    """An open object: a byte stream that must be closed."""

    @property
    def size(self) -> int | None:
        """The size of the object in bytes, None if unknown."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Read up to the length of the buffer; 0 at the end. TruncatedError if the rest is unavailable."""

    def close(self) -> None:
        """Close the connections of the stream."""

    def __enter__(self) -> Self:
        """Return the stream itself."""

    def __exit__(self, *exception: object) -> None:
        """Close the stream."""


def open_url(url: str, timeout: float | None = None) -> RemoteStream:
    """Open the object that a URL names. Raises OSError on failure, FileNotFoundError if there is no such object.

    With `timeout`, all of it must be read within so many seconds from now.
    """
    SECRETS.update(secrets(url))
    deadline = Deadline(timeout)
    return Download(url, deadline) if is_http(url) else Whole(url, deadline)


def expand(url: str) -> list[str]:
    """Return the sorted URLs of the objects that match a pattern (`*`, `?`, `[...]`, `**`); else the URL itself.

    An HTTP URL is never a pattern: servers do not list, and `?` begins a query. Raises OSError like `open_url`.
    """
    if is_http(url) or not _PATTERN & set(url):
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


def is_http(url: str) -> bool:
    """Whether a URL is of HTTP, without a client of a store."""
    return url.partition("://")[0].lower() in {"http", "https"}
