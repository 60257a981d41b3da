"""Parts of objects, read only as long as the object is the one that was listed.

A request names the version that it wants (If-Match), so a part is never of two versions.
"""

from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from typing import Final
from urllib.error import HTTPError

from eventcli.readable import ReplacedError
from eventcli.reading.remote import failures
from eventcli.reading.remote.connections import Connections
from eventcli.reading.remote.failures import SECRETS, http_failure, in_words
from eventcli.reading.remote.http import SILENCE, answer, check_coding
from eventcli.reading.remote.ranges import Ranges
from eventcli.reading.remote.requests import Deadline, LateError, RefusedError, Requests, quoted
from eventcli.reading.remote.stores import Object, failure_of
from eventcli.reading.remote.urls import is_http
from eventcli.redaction import secrets

_PIECE: Final = 256 * 1024
"""Bytes of a response that are waited for at a time: at most so many are lost with a connection."""

_CHANGED: Final = "the object was changed after it was listed"


def open_part(url: str, listed: tuple[int, str], part: tuple[int, int], timeout: float | None, storage: str) -> Ranges:
    """Open the bytes `[start, end)` of an object that had this size and version, and can be read on after the end.

    Raises OSError on failure, ReplacedError if the object has been replaced.
    """
    SECRETS.update(secrets(url))
    size, version = listed
    deadline = Deadline(timeout)
    if is_http(url):
        return Ranges(_OverHttp(url, deadline, size, version), part, deadline, _failure)
    source = Object(url, deadline, storage)
    if (source.size, str(source.version)) != (size, version):
        source.close()
        raise ReplacedError(_CHANGED)
    return Ranges(source, part, deadline, _failure)


def state_over_http(url: str, deadline: Deadline) -> tuple[int | None, str | None, str]:
    """Return the size and the version of an object, and why no part of it can be read by itself, if that is so.

    Raises OSError on failure. The version is the ETag, or the time of the last change if there is no strong one.
    """
    try:
        with answer(Requests(deadline, SILENCE), quoted(url), {"Range": "bytes=0-0"}) as response:
            check_coding(response)
            headers = response.headers
            version = _strong(headers.get("ETag")) or headers.get("Last-Modified")
            total = headers.get("Content-Range", "").rpartition("/")[2]
            if response.status == HTTPStatus.PARTIAL_CONTENT and total.isdecimal():
                return int(total), version, "" if version else "the server tells no version of it"
            length = headers.get("Content-Length", "")
            return int(length) if length.isdecimal() else None, None, "the server does not give parts of it"
    except HTTPError as error:
        error.close()
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return 0, None, "the server does not give parts of it"  # it is empty
        raise http_failure(error) from error


def _strong(etag: str | None) -> str | None:
    return None if etag is None or etag.startswith("W/") else etag


def _failure(error: Exception) -> OSError:
    return error if isinstance(error, ReplacedError) else failure_of(error)


class _OverHttp:
    """An object on an HTTP server."""

    def __init__(self, url: str, deadline: Deadline, size: int, version: str) -> None:
        self._url = quoted(url)
        self._deadline = deadline
        self._connections = Connections()
        self._requests = Requests(deadline, SILENCE, self._connections)
        self.size = size
        self._version = version

    def check(self) -> None:
        """Do nothing: each request names the version."""

    def close(self) -> None:
        self._connections.close()

    def fetch(self, start: int, length: int) -> bytearray:
        data = bytearray(length)
        view, got, tries = memoryview(data), 0, 0
        while got < length:
            try:
                with self._response(start + got, start + length) as response:
                    while size := response.readinto(view[got : got + _PIECE]):
                        got += size
                failure: Exception = OSError("closed by the server")
            except HTTPError as error:
                error.close()
                raise http_failure(error) from error
            except (ReplacedError, RefusedError, LateError):
                raise
            except (OSError, HTTPException, ValueError) as error:
                failure = error
            if got < length:
                if tries == failures.TRIES:
                    raise OSError(f"connection lost ({in_words(failure)}), gave up after {tries} tries")
                self._deadline.pause(failures.PAUSE * 2**tries)
                tries += 1
        return data

    def _response(self, start: int, end: int) -> HTTPResponse:
        is_etag = self._version.startswith('"')
        condition = {"If-Match" if is_etag else "If-Unmodified-Since": self._version}
        try:
            response = answer(self._requests, self._url, {"Range": f"bytes={start}-{end - 1}", **condition})
        except HTTPError as error:
            if error.code in {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE}:
                error.close()
                raise ReplacedError(_CHANGED) from error
            raise
        headers = response.headers
        place, _, total = headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        version = _strong(headers.get("ETag")) if is_etag else headers.get("Last-Modified")
        # Not every server knows the condition.
        if version not in (None, self._version) or (total.isdecimal() and int(total) != self.size):
            response.close()
            raise ReplacedError(_CHANGED)
        if response.status != HTTPStatus.PARTIAL_CONTENT or not place.startswith(f"{start}-"):
            response.close()
            raise RefusedError("the server does not give parts of objects any more")
        return response
