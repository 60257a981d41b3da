"""Objects over HTTP: read as they arrive, resumed when a connection is cut."""

from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Final, Self
from urllib.error import HTTPError

from eventcli.readable import TruncatedError
from eventcli.reading.remote import failures
from eventcli.reading.remote.failures import http_failure, in_words, reason_of, status_words
from eventcli.reading.remote.requests import Deadline, LateError, RefusedError, Requests, quoted
from eventcli.text import printable

STRETCH: Final = 1024 * 1024

SILENCE: Final = 60.0
"""Seconds without a byte after which an HTTP connection counts as cut."""

_CODINGS: Final = frozenset(("", "identity", "gzip", "x-gzip", "zstd", "aws-chunked"))
"""Harmless content encodings: compressed data is recognised by its first bytes."""

_BUSY: Final = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
"""Status codes that are worth a retry."""


class Download:
    """An object on an HTTP server, read as it arrives."""

    def __init__(self, url: str, deadline: Deadline) -> None:
        """Send the request, and take the properties of the object from the response headers."""
        self._url = quoted(url)
        self._deadline = deadline
        self._requests = Requests(deadline, SILENCE)
        self.position = 0
        self._tries = 0
        self._taken_up = 0
        self._lost: Exception | None = None
        self._response = self._first_response()
        headers = self._response.headers
        try:
            _check_whole(self._response)
        except OSError:
            self._response.close()
            raise
        self.size: int | None = self._response.length
        self._etag = headers.get("ETag")
        self._modified = headers.get("Last-Modified")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._response.close()

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the buffer; less only at the end, or before a cut."""
        while True:
            got = self._receive(buffer)
            if got or (self._lost is None and self.size in {None, self.position}):
                return got
            self._take_up()

    def _receive(self, buffer: memoryview) -> int:
        got = 0
        # Data that arrived before a failure must be folded, so the failure is kept for the next call.
        while got < len(buffer) and self._lost is None:
            try:
                # Not readinto: it waits for a full buffer, and discards what arrived before a failure.
                piece = self._response.read1(len(buffer) - got)
            except (OSError, HTTPException, ValueError) as error:
                self._lost = error
            else:
                if not piece:
                    break
                buffer[got : got + len(piece)] = piece
                got += len(piece)
                self.position += len(piece)
        return got

    def _first_response(self) -> HTTPResponse:
        try:
            return answer(self._requests, self._url, {})
        except HTTPError as error:
            error.close()
            raise http_failure(error) from error

    def _take_up(self) -> None:
        """Request the bytes after the last one that arrived. TruncatedError if they are unavailable."""
        self._response.close()
        failure = self._lost or IncompleteRead(b"")
        try:
            self._deadline.left(failures.PAUSE)
        except LateError as late:
            raise TruncatedError(str(late), self.position) from failure
        if self.position - self._taken_up >= STRETCH:
            self._tries = 0
        self._taken_up = self.position
        strong = self._etag if self._etag and not self._etag.startswith("W/") else None
        same = strong or self._modified
        if same is None:
            raise self._truncated(failure, "the server gives neither ETag nor Last-Modified to go on by")
        while self._tries < failures.TRIES:
            try:
                self._deadline.pause(failures.PAUSE * 2**self._tries)
                self._tries += 1
                response = _send(self._requests, self._url, {"Range": f"bytes={self.position}-", "If-Range": same})
            except HTTPError as error:
                error.close()
                if error.code not in _BUSY:
                    raise self._truncated(failure, f"resuming failed with {in_words(error)}") from error
                failure = error
            except (RefusedError, LateError) as error:
                raise self._truncated(failure, in_words(error)) from error
            except (OSError, HTTPException) as error:
                failure = error
            else:
                self._check(response, failure)
                self._response, self._lost = response, None
                return
        raise self._truncated(failure, f"gave up after {self._tries} tries")

    def _check(self, response: HTTPResponse, failure: Exception) -> None:
        """Refuse a response that is not the rest of the same object."""
        etag, modified = response.headers.get("ETag"), response.headers.get("Last-Modified")
        changed = (self._etag and etag and etag != self._etag) or (
            self._modified and modified and modified != self._modified
        )
        place, _, total = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        partial = response.status == HTTPStatus.PARTIAL_CONTENT and place.startswith(f"{self.position}-")
        if self.size is None and total.isdecimal():
            self.size = int(total)
        if changed or (partial and total not in {"*", str(self.size)}):
            response.close()
            raise TruncatedError("the object was changed while it was read", self.position)
        if not partial:
            response.close()
            raise self._truncated(failure, "the server does not give parts of objects")

    def _truncated(self, failure: Exception, why: str) -> TruncatedError:
        return TruncatedError(f"connection lost ({in_words(failure)}), {why}", self.position)


def _check_whole(response: HTTPResponse) -> None:
    """Raise TruncatedError for a partial response, OSError for one that cannot be read."""
    if response.status != HTTPStatus.OK:
        raise TruncatedError(f"{status_words(response.status)} is not the whole object", 0)
    lengths = set(response.headers.get_all("Content-Length", ()))
    if not response.chunked and (len(lengths) > 1 or not all(map(str.isdecimal, map(str.strip, lengths)))):
        raise OSError("the server contradicts itself about the length of the object")
    check_coding(response)


def check_coding(response: HTTPResponse) -> None:
    """Raise OSError for an object that is sent in a form that is not read."""
    codings = response.headers.get("Content-Encoding", "").lower().split(",")
    unknown = [coding.strip() for coding in codings if coding.strip() not in _CODINGS]
    if unknown:
        raise OSError(f"sent with Content-Encoding {printable(unknown[0][:40])!r}, which is not supported")


def answer(requests: Requests, url: str, headers: dict[str, str]) -> HTTPResponse:
    """Return the response to a request, which is repeated while the server is busy or the connection fails.

    Raises HTTPError for what the server refuses, OSError for what cannot be had.
    """
    tries = 0
    while True:
        try:
            return _send(requests, url, headers)
        except HTTPError as error:
            if error.code not in _BUSY or tries == failures.TRIES:
                raise
            error.close()
        except (RefusedError, LateError) as error:
            raise OSError(in_words(error)) from error
        except (OSError, HTTPException) as error:
            is_cut = isinstance(reason_of(error), (ConnectionResetError, TimeoutError, HTTPException))
            if not is_cut or tries == failures.TRIES:
                raise OSError(f"cannot connect: {in_words(error)}") from error
        requests.deadline.pause(failures.PAUSE * 2**tries)
        tries += 1


def _send(requests: Requests, url: str, headers: dict[str, str]) -> HTTPResponse:
    # As stored: the reader recognises compressed objects, and offsets are those of the store.
    return requests.send(url, {"Accept-Encoding": "identity", **headers})
