"""A file as it is stored at one moment.

A file is open only while it is being read, and each time it is checked to be the file that was looked at. So the number
of files is not limited by that of descriptors, and a file that took another's place is never read by mistake.
"""

import errno
import os
import stat
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

from eventcli.ledger.streams.birth import Look, look
from eventcli.readable import read_into
from eventcli.reading import deep
from eventcli.reading.source import open_source, refuse
from eventcli.text import STDIN, is_url, name_of

_MOST_OPEN: Final = 2
"""How many files are open at the same time: so many are compared."""

_PATH: Final = "path_of_log"
"""The name of the attribute that holds the file an error is about."""


def is_stream(path: str) -> bool:
    """Whether a path names something that can be read only once."""
    return path == STDIN or is_url(path)


def lasting(path: str) -> str:
    """Return the name of a path for later runs: for a URL, its display name, since its secrets may change."""
    if is_url(path):
        return name_of(path)
    return path if path == STDIN else os.path.abspath(path)


def real_path(path: str) -> str:
    """Return the path with all links resolved."""
    if os.path.islink(path):
        return os.path.realpath(path)
    folder, name = os.path.split(path)
    return os.path.join(real_folder(folder), name)


@lru_cache(maxsize=64)
def real_folder(folder: str) -> str:
    """Return the path of a folder with all links resolved, as it was when the run began to look at files."""
    return os.path.realpath(folder)


def path_of(error: OSError) -> str | None:
    """Return the path of the file that could not be read."""
    path = vars(error).get(_PATH)
    return path if isinstance(path, str) else None


class Descriptors:
    """What a run holds open: few files, however many it looks at, and one copy of all input that is read only once.

    That copy is made once, however often a run plans.
    """

    def __init__(self) -> None:
        """Start with nothing open."""
        self._files: deque[StoredFile] = deque()
        self._descriptor: int | None = None
        self._end = 0
        self._places: dict[str, tuple[int, int]] = {}

    def make_room(self, file: "StoredFile") -> None:
        """Close the file that was opened first, if as many as may be are open, before another one is opened."""
        if len(self._files) >= _MOST_OPEN:
            self._files.popleft().close()
        self._files.append(file)

    def take_in(self, path: str) -> tuple[int, int]:
        """Copy the input at a path, and return the start and end of the copy: OSError if it cannot be read."""
        import tempfile  # noqa: PLC0415  # keeps start-up fast for runs on files

        if path in self._places:
            return self._places[path]
        if self._descriptor is None:
            with tempfile.TemporaryFile(buffering=0) as file:
                self._descriptor = os.dup(file.fileno())
        begin = self._end
        with open_source(path) as source:
            view = memoryview(bytearray(1 << 16))
            while got := read_into(source, view):
                done = 0
                while done < got:
                    done += os.pwrite(self._descriptor, view[done:got], self._end + done)
                self._end += got
        self._places[path] = begin, self._end
        return begin, self._end

    @property
    def descriptor(self) -> int:
        """The descriptor of the shared file."""
        assert self._descriptor is not None  # something was copied
        return self._descriptor

    def close(self) -> None:
        """Close all files, and discard all copies."""
        while self._files:
            self._files.pop().close()
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
        self._places.clear()


class StoredFile:
    """A file at one moment, as it is stored; `path_of` returns the file that an error is about."""

    __slots__ = (
        "_address",
        "_begin",
        "_descriptor",
        "_real",
        "descriptors",
        "found",
        "is_spooled",
        "looked_at",
        "name",
        "path",
    )

    def __init__(self, path: str, *, given: str = "", descriptors: Descriptors | None = None) -> None:
        """Look at the file: OSError if it is missing. `given`: the path as the user wrote it, or the whole URL."""
        self.path = path
        self._address = given if is_url(given) else path
        self.name = name_of(given or path)
        self.descriptors = descriptors
        self.is_spooled = False
        self._begin = 0
        self._descriptor: int | None = None
        self.looked_at = time.time_ns()
        self.found = self._look()
        """What was found out without opening it."""
        self._real = path if self.is_spooled else ""

    @property
    def device(self) -> int:
        """The device on which it is."""
        return self.found.device

    @property
    def inode(self) -> int:
        """Its number on the device."""
        return self.found.inode

    @property
    def born(self) -> int:
        """When it was created; 0 if unknown."""
        return self.found.born

    @property
    def size(self) -> int:
        """Its size as stored."""
        return self.found.size

    @property
    def modified(self) -> int:
        """When it was last modified."""
        return self.found.modified

    def _look(self) -> Look:
        if not is_stream(self.path):
            with self._failing():
                found = look(self.path)
                # Not opened to find out: the writer of a pipe would see its reader come and go.
                refuse(found.mode)
            if stat.S_ISREG(found.mode):
                return found
        self.descriptors = self.descriptors or Descriptors()
        self.is_spooled = True
        self._begin, end = self.descriptors.take_in(self._address)
        return Look(stat.S_IFREG, 0, 0, end - self._begin, 0, 0)

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Attach the path of this file to errors."""
        try:
            yield
        except OSError as error:
            vars(error)[_PATH] = self.path
            raise

    @property
    def key(self) -> object:
        """An identity that no other file has and that all links share; for a spooled file, its path."""
        return self._address if self.is_spooled else (self.device, self.inode)

    @property
    def real(self) -> str:
        """The path with all links resolved."""
        if not self._real:
            self._real = real_path(self.path)
        return self._real

    def descriptor(self) -> int:
        """Return the open file; OSError if another file has taken its place."""
        if self.is_spooled:
            assert self.descriptors is not None  # see `_look`
            return self.descriptors.descriptor
        if self._descriptor is None:
            if self.descriptors is not None:
                self.descriptors.make_room(self)
            self._descriptor = self._open()
        return self._descriptor

    def _open(self) -> int:
        with self._failing():
            descriptor = deep.open_at(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                found = look(descriptor)
                if (found.device, found.inode, found.born) != (self.device, self.inode, self.born):
                    raise OSError(errno.ESTALE, "another file replaced it")
            except BaseException:
                os.close(descriptor)
                raise
        return descriptor

    def _pread(self, length: int, offset: int) -> bytes:
        """Read bytes as they are stored."""
        if self.is_spooled:
            length = max(0, min(length, self.size - offset))
            offset += self._begin
        parts = []
        with self._failing():
            while length and (part := os.pread(self.descriptor(), length, offset)):
                parts.append(part)
                length -= len(part)
                offset += len(part)
        return b"".join(parts)

    def read_into(self, buffer: memoryview, position: int) -> int:
        """Fill a buffer with the content of an uncompressed file, up to the size it had when it was looked at."""
        room = min(len(buffer), self.size - position)
        with self._failing():
            return os.preadv(self.descriptor(), [buffer[:room]], self._begin + position) if room > 0 else 0

    def close(self) -> None:
        """Close the file until it is needed again."""
        # In this order: a signal may raise between two statements, and what is closed must not be closed again.
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def is_unchanged(self) -> bool:
        """Whether the file at this path is the one that was looked at, and has not been written to."""
        if self.is_spooled:
            return True
        with self._failing():
            found = look(self.path)
        was = (self.device, self.inode, self.born, self.size, self.modified)
        return (found.device, found.inode, found.born, found.size, found.modified) == was
