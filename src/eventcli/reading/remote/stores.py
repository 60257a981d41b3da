"""Objects in stores (S3, GCS, HDFS), read in ranges through fsspec."""

import errno
import json
import logging
import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, Self, TypeVar, cast

from eventcli.readable import ReplacedError, TruncatedError
from eventcli.reading.remote import failures
from eventcli.reading.remote.failures import in_words
from eventcli.reading.remote.requests import Deadline, LateError

INSTALL: Final = "pip install 'eventcli[remote]'"
"""The command that installs the requirements for object stores."""

RANGE: Final = 2 * 1024 * 1024
"""Bytes requested at a time. Measured: smaller ranges cost round trips, larger ones only memory."""

AHEAD: Final = 4
"""Ranges of an object in flight at a time."""

_T = TypeVar("_T")

_LIBRARIES: Final = ("aiobotocore", "aiohttp", "asyncio", "botocore", "fsspec", "gcsfs", "google", "s3fs", "urllib3")


class _ChangedError(ReplacedError):
    """The object is not the one that was opened."""


class Object:
    """An object in a store that fsspec supports, read in ranges by a few threads."""

    def __init__(self, url: str, deadline: Deadline, storage: str = "{}") -> None:
        """Open the object, and get its size and version; `storage` are options of its store, as JSON."""
        self._storage = storage
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
            raise failure_of(error) from error
        if details["type"] == "directory":
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if details.get("size") is None:
            raise OSError("the size of the object is not known")
        self.size: int = details["size"]
        self.version = version_of(details)
        """What tells it from another object of this name, in the words of its store."""
        self._idle.append(file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Cancel the requests in flight."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        while self._idle:
            self._idle.pop().close()

    def readinto(self, buffer: memoryview, /) -> int:
        """Hand out the rest of the current range, or the next one."""
        try:
            if not self._range:
                self._range = memoryview(self._next_range())
            if not self._range:
                self._check_version(self._system.info(self._path))
        except Exception as error:
            failure = failure_of(error)
            if not self.position:
                raise failure from error
            raise TruncatedError(failure.strerror or str(failure), self.position) from error
        got = min(len(buffer), len(self._range))
        buffer[:got] = self._range[:got]
        self._range = self._range[got:]
        self.position += got
        return got

    def _open(self, url: str) -> tuple[Any, dict[str, Any]]:
        self._system, self._path = file_system(url, self._storage)
        file = self._system.open(self._path, "rb", cache_type="none")
        return file, self._details(file)

    def _in_time(self, future: "Future[_T]") -> _T:
        """Return the result of a future; LateError if it takes too long."""
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
        """Keep as many ranges in flight as allowed."""
        while len(self._under_way) < AHEAD and self._asked < self.size:
            length = min(RANGE, self.size - self._asked)
            self._under_way.append(self._threads.submit(self.fetch, self._asked, length))
            self._asked += length

    def fetch(self, start: int, length: int) -> bytes:
        """Return some bytes of the object; any thread may call this."""
        tries = 0
        while True:
            try:
                return self._fetch_once(start, length)
            except (FileNotFoundError, PermissionError, _ChangedError):
                raise
            except Exception:
                # The libraries retry in their own ways, too, and have their own words for a change.
                self._check_version(self._system.info(self._path))
                if tries == failures.TRIES:
                    raise
            self._deadline.pause(failures.PAUSE * 2**tries)
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
            raise OSError(f"{len(data)} bytes arrived instead of {length}")
        return bytes(data)

    def check(self) -> None:
        """Raise ReplacedError if the object has been replaced."""
        try:
            self._check_version(self._system.info(self._path))
        except Exception as error:
            raise error if isinstance(error, ReplacedError) else failure_of(error) from error

    def _details(self, file: Any) -> dict[str, Any]:
        details = getattr(file, "details", None)
        return cast("dict[str, Any]", details or self._system.info(self._path))

    def _check_version(self, details: dict[str, Any]) -> None:
        if (details.get("size"), version_of(details)) != (self.size, self.version):
            raise _ChangedError("the object was changed while it was read")


def version_of(details: dict[str, Any]) -> object:
    """Return a value that identifies the version of an object, whatever its store calls it."""
    names = ("generation", "ETag", "etag", "LastModified", "last_modified", "mtime", "modificationTime")
    return next((details[name] for name in names if details.get(name) is not None), None)


def file_system(url: str, storage: str = "{}") -> tuple[Any, str]:
    """Return the fsspec file system for a URL, and the path in it; `storage` are more options for it, as JSON."""
    for library in _LIBRARIES:
        # Otherwise their log messages go to stderr. The reader of the stream reports each failure once.
        logging.getLogger(library).addHandler(logging.NullHandler())
    options = {"use_listings_cache": False, **json.loads(storage)}
    if url.partition("://")[0].lower() in {"gs", "gcs"}:
        # The class that fsspec picks asks a second service about every bucket, and warns if access is denied.
        from gcsfs.core import GCSFileSystem  # noqa: PLC0415  # optional

        return GCSFileSystem(**options), GCSFileSystem._strip_protocol(url)  # noqa: SLF001  # fsspec calls it, too
    from fsspec.core import url_to_fs  # noqa: PLC0415  # optional

    system, path = url_to_fs(url, **options)
    return system, path


def failure_of(error: Exception) -> OSError:
    """Return any error of fsspec and its libraries as an OSError with a one-line message."""
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    text = in_words(error)
    if "libjvm" in text or "libhdfs" in text:
        return OSError("HDFS needs Java and Hadoop's libhdfs: JAVA_HOME, HADOOP_HOME and CLASSPATH say where they are")
    if isinstance(error, ImportError):
        if "pyarrow" in text:
            return OSError("HDFS needs pyarrow and the native library of Hadoop: pip install pyarrow")
        if any(library in text for library in ("fsspec", "gcsfs", "s3fs")):
            return OSError(f"this URL needs an extra: {INSTALL}")
    return PermissionError(errno.EACCES, text) if isinstance(error, PermissionError) else OSError(text)
