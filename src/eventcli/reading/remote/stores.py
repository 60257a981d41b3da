"""Objects in stores (S3, GCS, HDFS), read in ranges through fsspec."""

import errno
import json
import logging
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, cast

from eventcli.readable import ReplacedError
from eventcli.reading.remote import failures
from eventcli.reading.remote.failures import in_words
from eventcli.reading.remote.ranges import Ranges, in_time
from eventcli.reading.remote.requests import Deadline

INSTALL: Final = "pip install 'eventcli[remote]'"
"""The command that installs the requirements for object stores."""

_LIBRARIES: Final = ("aiobotocore", "aiohttp", "asyncio", "botocore", "fsspec", "gcsfs", "google", "s3fs", "urllib3")


class _ChangedError(ReplacedError):
    """The object is not the one that was opened."""


class Object:
    """An object in a store that fsspec supports, of which a few threads fetch ranges."""

    def __init__(self, url: str, deadline: Deadline, storage: str = "{}") -> None:
        """Open the object, and get its size and version; `storage` are options of its store, as JSON."""
        self._storage = storage
        self._deadline = deadline
        self._idle: deque[Any] = deque()
        opening = ThreadPoolExecutor(1, "eventstats-range")
        try:
            file, details = in_time(opening.submit(self._open, url), deadline)
        except Exception as error:
            raise failure_of(error) from error
        finally:
            opening.shutdown(wait=False, cancel_futures=True)
        if details["type"] == "directory":
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if details.get("size") is None:
            raise OSError("the size of the object is not known")
        self.size: int = details["size"]
        self.version = version_of(details)
        """What tells it from another object of this name, in the words of its store."""
        self._idle.append(file)

    def close(self) -> None:
        """Close the files that nobody reads."""
        while self._idle:
            self._idle.pop().close()

    def _open(self, url: str) -> tuple[Any, dict[str, Any]]:
        self._system, self._path = file_system(url, self._storage)
        file = self._system.open(self._path, "rb", cache_type="none")
        return file, self._details(file)

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


class Whole(Ranges):
    """All of an object, which must still be there as it was opened when its end is read."""

    def __init__(self, url: str, deadline: Deadline) -> None:
        """Open the object."""
        source = Object(url, deadline)
        super().__init__(source, (0, source.size), deadline, failure_of)

    def _next(self) -> bytes | bytearray:
        data = super()._next()
        if not data:
            self.check()
        return data


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
