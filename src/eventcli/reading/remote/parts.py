"""Parts of objects, read only as long as the object is the one that was listed.

A request names the version that it wants (If-Match), so a part is never of two versions.
"""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from typing import Final, Protocol, Self
from urllib.error import HTTPError

from eventcli.readable import ReplacedError, TruncatedError
from eventcli.reading.remote import failures
from eventcli.reading.remote.failures import SECRETS, http_failure, in_words
from eventcli.reading.remote.http import BUSY, SILENCE, check_coding
from eventcli.reading.remote.requests import Deadline, LateError, RefusedError, Requests, quoted
from eventcli.reading.remote.stores import AHEAD, RANGE, Object, failure_of
from eventcli.reading.remote.urls import is_http
from eventcli.redaction import secrets

_STEP: Final = 64 * 1024
"""Bytes requested first after the end of a part, where its last line ends; then twice as many, and so on."""

_CHANGED: Final = "the object was changed after it was listed"


class Fetching(Protocol):
    """An object of which any bytes can be had."""

    size: int

    def fetch(self, start: int, length: int) -> bytes:
        """Return some bytes; any thread may call this. Raises OSError on failure, ReplacedError after a change."""

    def check(self) -> None:
        """Raise ReplacedError if what was fetched may be of another version."""

    def close(self) -> None:
        """Close what is open."""


class Part:
    """The bytes of an object from `start` on: those before `end` are requested ahead, more as they are needed."""

    def __init__(self, source: Fetching, start: int, end: int) -> None:
        """Request nothing yet."""
        self._source = source
        self._threads = ThreadPoolExecutor(AHEAD, "eventstats-part")
        self._under_way: deque[Future[bytes]] = deque()
        self._waiting = memoryview(b"")
        self._asked = self._begin = start
        self._end = min(end, source.size)
        self._step = _STEP
        self.position = start
        self.size = source.size
        self.name = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Cancel the requests in flight."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._source.close()

    def check(self) -> None:
        """Raise ReplacedError if what was read may be of another version: not every store compares it by itself."""
        self._source.check()

    def head(self, length: int) -> bytes:
        """Return the first bytes of the object, wherever the part begins."""
        try:
            return self._source.fetch(0, min(length, self.size)) if self.size else b""
        except Exception as error:
            raise _failure(error) from error

    def readinto(self, buffer: memoryview, /) -> int:
        """Hand out the rest of the current range, or the next one."""
        try:
            if not self._waiting:
                self._waiting = memoryview(self._next())
        except Exception as error:
            failure = _failure(error)
            if self.position == self._begin or isinstance(failure, ReplacedError):
                raise failure from error
            raise TruncatedError(failure.strerror or str(failure), self.position) from error
        got = min(len(buffer), len(self._waiting))
        buffer[:got] = self._waiting[:got]
        self._waiting = self._waiting[got:]
        self.position += got
        return got

    def _next(self) -> bytes:
        self._ask()
        if self._under_way:
            data = self._under_way.popleft().result()
            self._ask()
            return data
        length = min(self._step, self.size - self._asked)
        self._step = min(2 * self._step, RANGE)
        self._asked += length
        return self._source.fetch(self._asked - length, length) if length else b""

    def _ask(self) -> None:
        while len(self._under_way) < AHEAD and self._asked < self._end:
            length = min(RANGE, self._end - self._asked)
            self._under_way.append(self._threads.submit(self._source.fetch, self._asked, length))
            self._asked += length


def open_part(url: str, listed: tuple[int, str], part: tuple[int, int], timeout: float | None, storage: str) -> Part:
    """Open the bytes `[start, end)` of an object that had this size and version, and can be read on after the end.

    Raises OSError on failure, ReplacedError if the object has been replaced.
    """
    SECRETS.update(secrets(url))
    size, version = listed
    deadline = Deadline(timeout)
    if is_http(url):
        return Part(_OverHttp(url, deadline, size, version), *part)
    source = Object(url, deadline, storage)
    if (source.size, str(source.version)) != (size, version):
        source.close()
        raise ReplacedError(_CHANGED)
    return Part(source, *part)


def state_over_http(url: str, deadline: Deadline) -> tuple[int | None, str | None, str]:
    """Return the size and the version of an object, and why no part of it can be read by itself, if that is so.

    Raises OSError on failure. The version is the ETag, or the time of the last change if there is no strong one.
    """
    try:
        with _answer(url, {"Range": "bytes=0-0"}, deadline) as response:
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
        self._url = url
        self._deadline = deadline
        self.size = size
        self._version = version

    def check(self) -> None:
        """Do nothing: each request names the version."""

    def close(self) -> None:
        pass

    def fetch(self, start: int, length: int) -> bytes:
        data = b""
        tries = 0
        while len(data) < length:
            try:
                with self._response(start + len(data), start + length) as response:
                    while piece := response.read1(length - len(data)):
                        data += piece
                failure: Exception = OSError("closed by the server")
            except HTTPError as error:
                error.close()
                raise http_failure(error) from error
            except (ReplacedError, RefusedError, LateError):
                raise
            except (OSError, HTTPException, ValueError) as error:
                failure = error
            if len(data) < length:
                if tries == failures.TRIES:
                    raise OSError(f"connection lost ({in_words(failure)}), gave up after {tries} tries")
                self._deadline.pause(failures.PAUSE * 2**tries)
                tries += 1
        return data

    def _response(self, start: int, end: int) -> HTTPResponse:
        is_etag = self._version.startswith('"')
        condition = {"If-Match" if is_etag else "If-Unmodified-Since": self._version}
        try:
            response = _answer(self._url, {"Range": f"bytes={start}-{end - 1}", **condition}, self._deadline)
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


def _answer(url: str, headers: dict[str, str], deadline: Deadline) -> HTTPResponse:
    """Send a request, again while the server is busy or the connection fails. HTTPError for what it refuses."""
    tries = 0
    while True:
        try:
            return Requests(deadline, SILENCE).send(quoted(url), {"Accept-Encoding": "identity", **headers})
        except HTTPError as error:
            if error.code not in BUSY or tries == failures.TRIES:
                raise
            error.close()
        except (RefusedError, LateError) as error:
            raise OSError(in_words(error)) from error
        except (OSError, HTTPException) as error:
            reason = failures.reason_of(error)
            is_cut = isinstance(reason, (ConnectionResetError, TimeoutError, HTTPException))
            if not is_cut or tries == failures.TRIES:
                raise OSError(f"cannot connect: {in_words(error)}") from error
        deadline.pause(failures.PAUSE * 2**tries)
        tries += 1
