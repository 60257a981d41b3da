"""A URL becomes a stream of bytes: over HTTP by the standard library, from object stores and HDFS by fsspec.

An object is read as it arrives or in large ranges, some of which are under way while earlier ones are folded. A
connection that was cut is taken up again where it ended, if the object is still the same one; what cannot be taken up
is a `TruncatedError`, never an end. This module is imported only when a URL is given.
"""

import errno
import logging
import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Any, Final, Protocol, Self, TypeVar, cast
from urllib.error import HTTPError, URLError

from eventcli.blocks import TruncatedError
from eventcli.escape import printable
from eventcli.redaction import HIDDEN, redacted_text, secrets
from eventcli.requests import Deadline, LateError, RefusedError, Requests, quoted

INSTALL: Final = "pip install 'eventcli[remote]'"
"""The command that installs what object stores need."""

RANGE: Final = 2 * 1024 * 1024
"""Bytes that are asked for at a time. Measured: smaller ranges cost round trips, larger ones only memory."""

AHEAD: Final = 4
"""Ranges of an object that are under way at a time."""

TRIES: Final = 5
"""How often a connection is taken up again before it is given up, with pauses of `PAUSE` seconds, twice, four times ...
A stretch of `STRETCH` bytes that arrived gives all tries back."""

PAUSE: Final = 0.25
STRETCH: Final = 1024 * 1024

SILENCE: Final = 60.0
"""Seconds without a byte after which an HTTP connection is taken to be cut."""

_MESSAGE: Final = 200
"""Characters of a library's message that are shown at most."""

_PATTERN: Final = frozenset("*?[")
_CODINGS: Final = frozenset(("", "identity", "gzip", "x-gzip", "zstd", "aws-chunked"))
"""Encodings of an answer that do no harm: what is compressed is recognised by its first bytes."""

_T = TypeVar("_T")

_LIBRARIES: Final = ("aiobotocore", "aiohttp", "asyncio", "botocore", "fsspec", "gcsfs", "google", "s3fs", "urllib3")
_BUSY: Final = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
"""Answers after which it is worth to ask again."""


_secrets: set[str] = set()
"""What was not to be shown of any URL: libraries tell of parts of it in words of their own."""


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
    _secrets.update(secrets(url))
    deadline = Deadline(timeout)
    return _Download(url, deadline) if _is_http(url) else _Object(url, deadline)


def expand(url: str) -> list[str]:
    """Return the URLs of the objects that match a pattern (`*`, `?`, `[...]`, `**`), sorted; else the URL itself.

    A URL of HTTP is never a pattern: servers do not list, and `?` begins a query. OSError as for `open_url`.
    """
    if _is_http(url) or not _PATTERN & set(url):
        return [url]
    _secrets.update(secrets(url))
    try:
        system, pattern = _file_system(url)
        found = system.glob(pattern, detail=True)
    except Exception as error:
        raise _failure(error) from error
    if not found:
        raise FileNotFoundError(errno.ENOENT, "no object matches")
    prefix = url.removesuffix(pattern)
    return sorted(prefix + path for path, details in found.items() if details["type"] == "file")


def _is_http(url: str) -> bool:
    return url.partition("://")[0].lower() in {"http", "https"}


# -------------------------------------------------------------------------------------------------------- HTTP


class _Download:
    """An object of an HTTP server, read as it arrives."""

    def __init__(self, url: str, deadline: Deadline) -> None:
        """Send the request, and take the headers of the answer as what the object is."""
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
        # What arrived before a failure is to be folded, so it is kept for the next call.
        while got < len(buffer) and self._lost is None:
            try:
                # Not readinto: it waits for a whole buffer, and forgets what arrived before a failure.
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
        while True:
            try:
                return self._send({})
            except HTTPError as error:
                error.close()
                failure = _http_failure(error)
                again = error.code in _BUSY
            except (RefusedError, LateError) as error:
                raise OSError(_words(error)) from error
            except (OSError, HTTPException) as error:
                failure = _connection_failure(error)
                again = isinstance(_reason(error), (ConnectionResetError, TimeoutError, HTTPException))
            if not again or self._tries == TRIES:
                raise failure
            self._deadline.pause(PAUSE * 2**self._tries)
            self._tries += 1

    def _take_up(self) -> None:
        """Ask for what follows the last byte that arrived. TruncatedError if that is not to be had."""
        self._response.close()
        failure = self._lost or IncompleteRead(b"")
        try:
            self._deadline.left(PAUSE)
        except LateError as late:
            raise TruncatedError(str(late), self.position) from failure
        if self.position - self._taken_up >= STRETCH:
            self._tries = 0
        self._taken_up = self.position
        strong = self._etag if self._etag and not self._etag.startswith("W/") else None
        same = strong or self._modified
        if same is None:
            raise self._truncated(failure, "the server gives neither ETag nor Last-Modified to go on by")
        while self._tries < TRIES:
            try:
                self._deadline.pause(PAUSE * 2**self._tries)
                self._tries += 1
                response = self._send({"Range": f"bytes={self.position}-", "If-Range": same})
            except HTTPError as error:
                error.close()
                if error.code not in _BUSY:
                    raise self._truncated(failure, f"going on gave {_words(error)}") from error
                failure = error
            except (RefusedError, LateError) as error:
                raise self._truncated(failure, _words(error)) from error
            except (OSError, HTTPException) as error:
                failure = error
            else:
                self._check(response, failure)
                self._response, self._lost = response, None
                return
        raise self._truncated(failure, f"gave up after {self._tries} tries")

    def _check(self, response: HTTPResponse, failure: Exception) -> None:
        """Refuse an answer that is not the rest of the same object."""
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
        return TruncatedError(f"connection lost ({_words(failure)}), {why}", self.position)

    def _send(self, headers: dict[str, str]) -> HTTPResponse:
        # As stored: whoever reads a compressed object recognises it, and offsets are those of the store.
        headers["Accept-Encoding"] = "identity"
        return self._requests.send(self._url, headers)


def _check_whole(response: HTTPResponse) -> None:
    """Raise TruncatedError for an answer that is not all of the object, OSError for one that cannot be read."""
    if response.status != HTTPStatus.OK:
        raise TruncatedError(f"{_status_words(response.status)} is not the whole object", 0)
    lengths = set(response.headers.get_all("Content-Length", ()))
    if not response.chunked and (len(lengths) > 1 or not all(map(str.isdecimal, map(str.strip, lengths)))):
        raise OSError("the server contradicts itself about the length of the object")
    codings = response.headers.get("Content-Encoding", "").lower().split(",")
    unknown = [coding.strip() for coding in codings if coding.strip() not in _CODINGS]
    if unknown:
        raise OSError(f"sent with Content-Encoding {printable(unknown[0][:40])!r}, which is not read here")


def _status_words(code: int) -> str:
    with suppress(ValueError):
        return f"HTTP {code} {HTTPStatus(code).phrase}"
    return f"HTTP {code}"


def _http_failure(error: HTTPError) -> OSError:
    text = _status_words(error.code)
    if error.code in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return FileNotFoundError(errno.ENOENT, text)
    if error.code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return PermissionError(errno.EACCES, text)
    return OSError(text)


def _connection_failure(error: Exception) -> OSError:
    return OSError(f"cannot connect: {_words(error)}")


def _reason(error: Exception) -> object:
    return error.reason if isinstance(error, URLError) else error


def _words(error: Exception) -> str:
    """Return an error as words on one line."""
    if isinstance(error, HTTPError):
        return str(_http_failure(error).strerror or _http_failure(error))
    reason = _reason(error)
    if isinstance(reason, IncompleteRead):
        return "closed by the server"
    if isinstance(reason, TimeoutError):
        return str(reason) if isinstance(reason, LateError) else "timed out"
    text = (reason.strerror if isinstance(reason, OSError) else None) or str(reason) or type(reason).__name__
    # It may come from a server, or list all the places where a library was looked for.
    text = redacted_text(" ".join(text.split()))
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = printable(text)
    return text if len(text) <= _MESSAGE else text[: _MESSAGE - 1] + "…"


# ------------------------------------------------------------------------------------------- by way of fsspec


class _ChangedError(OSError):
    """The object is not the one that was opened."""


class _Object:
    """An object of a store that fsspec knows, read in ranges by a few threads."""

    def __init__(self, url: str, deadline: Deadline) -> None:
        """Open the object, and learn its size and version."""
        self._deadline = deadline
        self._threads = ThreadPoolExecutor(AHEAD, "eventstats-range")
        self._idle: deque[Any] = deque()
        self._under_way: deque[Future[bytes]] = deque()
        self._range = memoryview(b"")
        self.position = 0
        self._asked = 0
        try:
            file, details = self._in_time(self._threads.submit(self._open, url))
        except Exception as error:
            self.close()
            raise _failure(error) from error
        if details["type"] == "directory":
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if details.get("size") is None:
            raise OSError("the size of the object is not known")
        self.size: int = details["size"]
        self._version = _version(details)
        self._idle.append(file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        while self._idle:
            self._idle.pop().close()

    def readinto(self, buffer: memoryview, /) -> int:
        """Give what is left of the range at hand, or of the next one."""
        try:
            if not self._range:
                self._range = memoryview(self._next_range())
            if not self._range:
                self._check_version(self._system.info(self._path))
        except Exception as error:
            failure = _failure(error)
            if not self.position:
                raise failure from error
            raise TruncatedError(failure.strerror or str(failure), self.position) from error
        got = min(len(buffer), len(self._range))
        buffer[:got] = self._range[:got]
        self._range = self._range[got:]
        self.position += got
        return got

    def _open(self, url: str) -> tuple[Any, dict[str, Any]]:
        self._system, self._path = _file_system(url)
        file = self._system.open(self._path, "rb", cache_type="none")
        return file, self._details(file)

    def _in_time(self, future: "Future[_T]") -> _T:
        """Return what is waited for; LateError where it takes too long."""
        if self._deadline.total is None:
            return future.result()
        try:
            return future.result(self._deadline.left(self._deadline.total))
        except TimeoutError:
            if future.done():
                raise
            raise LateError(f"not done within {self._deadline.total:g} s") from None

    def _next_range(self) -> bytes:
        self._ask()
        if not self._under_way:
            return b""
        data = self._in_time(self._under_way.popleft())
        self._ask()
        return data

    def _ask(self) -> None:
        """See to it that as many ranges are under way as may be."""
        while len(self._under_way) < AHEAD and self._asked < self.size:
            length = min(RANGE, self.size - self._asked)
            self._under_way.append(self._threads.submit(self._fetch, self._asked, length))
            self._asked += length

    def _fetch(self, start: int, length: int) -> bytes:
        tries = 0
        while True:
            try:
                return self._fetch_once(start, length)
            except (FileNotFoundError, PermissionError, _ChangedError):
                raise
            except Exception:
                # The libraries have tried again, too, each in its way; and have words of their own for a change.
                self._check_version(self._system.info(self._path))
                if tries == TRIES:
                    raise
            self._deadline.pause(PAUSE * 2**tries)
            tries += 1

    def _fetch_once(self, start: int, length: int) -> bytes:
        try:
            file = self._idle.pop()
        except IndexError:
            file = self._system.open(self._path, "rb", cache_type="none")
            self._check_version(self._details(file))
        try:
            file.seek(start)
            data = file.read(length)
        finally:
            self._idle.append(file)
        if len(data) != length:
            raise OSError(f"{len(data)} bytes came in place of {length}")
        return bytes(data)

    def _details(self, file: Any) -> dict[str, Any]:
        details = getattr(file, "details", None)
        return cast("dict[str, Any]", details or self._system.info(self._path))

    def _check_version(self, details: dict[str, Any]) -> None:
        if (details.get("size"), _version(details)) != (self.size, self._version):
            raise _ChangedError("the object was changed while it was read")


def _version(details: dict[str, Any]) -> object:
    """Return what tells one version of an object from another, by whatever name its store gives it."""
    names = ("generation", "ETag", "etag", "LastModified", "last_modified", "mtime", "modificationTime")
    return next((details[name] for name in names if details.get(name) is not None), None)


def _file_system(url: str) -> tuple[Any, str]:
    """Return the file system of fsspec that a URL belongs to, and the path in it."""
    for library in _LIBRARIES:
        # Else what they log goes to stderr. What went wrong is told once, by who reads the stream.
        logging.getLogger(library).addHandler(logging.NullHandler())
    options = {"use_listings_cache": False}
    if url.partition("://")[0].lower() in {"gs", "gcs"}:
        # The class that fsspec would take asks a second service about every bucket, and warns where it may not.
        from gcsfs.core import GCSFileSystem  # noqa: PLC0415  # optional

        return GCSFileSystem(**options), GCSFileSystem._strip_protocol(url)  # noqa: SLF001  # fsspec calls it so, too
    from fsspec.core import url_to_fs  # noqa: PLC0415  # optional

    system, path = url_to_fs(url, **options)
    return system, path


def _failure(error: Exception) -> OSError:
    """Return any error of fsspec and the libraries below it as an OSError with words on one line."""
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    text = _words(error)
    if "libjvm" in text or "libhdfs" in text:
        return OSError("HDFS needs Java and Hadoop's libhdfs: JAVA_HOME, HADOOP_HOME and CLASSPATH say where they are")
    if isinstance(error, ImportError):
        if "pyarrow" in text:
            return OSError("HDFS needs pyarrow and the native library of Hadoop: pip install pyarrow")
        if any(library in text for library in ("fsspec", "gcsfs", "s3fs")):
            return OSError(f"this URL needs an extra: {INSTALL}")
    return PermissionError(errno.EACCES, text) if isinstance(error, PermissionError) else OSError(text)
