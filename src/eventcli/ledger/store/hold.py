"""Finds, creates and locks the file of a ledger against other runs; never opens anything but a regular file.

It only ever removes a file that this very run created and in which nothing was ever written.
"""

import os
import stat
import struct
import time
from contextlib import suppress
from typing import Final

from eventcli.errors import ExitCode, ExpectedError, OutputError
from eventcli.text import name_of

HEADER: Final = 100
"""The length of an SQLite file header."""

_LOCK_PLACE: Final = 1 << 40
"""An offset where nothing is ever stored: locking it keeps out other runs, but no readers."""

_POLL: Final = 0.05


class LedgerError(ExpectedError):
    """The file is not a ledger, is damaged, or was written by a later version; it was not changed."""

    status = ExitCode.LEDGER


class BusyError(ExpectedError):
    """Another program has locked the ledger."""

    status = ExitCode.BUSY


def check_regular(path: str) -> os.stat_result:
    """Raise LedgerError unless this is a regular file, without opening it; OSError if nothing is there."""
    status = os.stat(path)
    _check_mode(path, status)
    return status


def _check_mode(path: str, status: os.stat_result) -> None:
    mode = status.st_mode
    if stat.S_ISREG(mode):
        return
    kinds = (
        (stat.S_ISDIR, "a directory"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (lambda _: True, "a device"),
    )
    kind = next(name for holds, name in kinds if holds(mode))
    raise LedgerError(f"{name_of(path)}: {kind} is not a ledger: a ledger is a regular file")


def read_head(path: str) -> bytes:
    """Return the header of a file, or as much as there is: OSError, or LedgerError if the file is not regular."""
    check_regular(path)
    # If a pipe takes its place right now, opening it does not wait for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        _check_mode(path, os.fstat(descriptor))
        return os.pread(descriptor, HEADER, 0)
    finally:
        os.close(descriptor)


class Hold:
    """Locks a ledger against other runs for as long as the process lives, including between two commits.

    It is an open file description lock (fcntl(2), F_OFD_SETLK) on a byte far beyond the end of the file. SQLite
    releases all other locks of its process when it ends a transaction, but not this one; and it works on network
    folders, too. On systems without such locks, a file next to the ledger is locked.
    """

    def __init__(self, path: str, *, create: bool, wait: float) -> None:
        """Take the lock: BusyError if another run holds it beyond `wait` seconds, FileNotFoundError, OutputError."""
        self._name = name_of(path)
        self._path = os.path.realpath(path)
        self._is_made = self._is_held = False
        self._beside: int | None = None
        deadline = time.monotonic() + wait
        while True:
            self._descriptor = self._open(path, create=create)
            try:
                if self._take(deadline):
                    break
            except BaseException:
                self.release()
                raise
            os.close(self._descriptor)
        self.head = os.pread(self._descriptor, HEADER, 0)
        """The first bytes of the file."""

    def _open(self, path: str, *, create: bool) -> int:
        self._is_made = False
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK
        while True:
            try:
                check_regular(path)
            except FileNotFoundError:
                if not create:
                    raise
                with suppress(FileExistsError):  # another run creates it at the same time
                    return self._make(flags)
                continue
            except OSError as error:
                raise OutputError(self._name, error) from error
            try:
                descriptor = os.open(self._path, flags)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise OutputError(self._name, error) from error
            try:
                _check_mode(path, os.fstat(descriptor))
            except LedgerError:
                os.close(descriptor)
                raise
            return descriptor

    def _make(self, flags: int) -> int:
        try:
            descriptor = os.open(self._path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise
        except FileNotFoundError:
            raise OutputError(self._name, OSError("there is no such directory")) from None
        except OSError as error:
            raise OutputError(self._name, error) from error
        self._is_made = True
        return descriptor

    def _take(self, deadline: float) -> bool:
        """Lock the open file; False if another file has taken its place meanwhile."""
        while True:
            try:
                self._try()
            except (BlockingIOError, PermissionError):
                if time.monotonic() >= deadline:
                    raise BusyError(f"{self._name}: another run holds the ledger") from None
                time.sleep(_POLL)
                continue
            except OSError as error:
                raise OutputError(self._name, error) from error
            self._is_held = self._is_in_place()
            return self._is_held

    def _is_in_place(self) -> bool:
        mine = os.fstat(self._descriptor)
        try:
            there = os.stat(self._path)
        except FileNotFoundError:
            return False
        return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)

    def _try(self) -> None:
        import fcntl  # noqa: PLC0415  # keeps start-up fast for runs that do not write a ledger

        if hasattr(fcntl, "F_OFD_SETLK"):
            # struct flock: type, whence, start, length, and a process id of 0.
            wanted = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, _LOCK_PLACE, 1, 0)
            fcntl.fcntl(self._descriptor, fcntl.F_OFD_SETLK, wanted)
            return
        if self._beside is None:
            self._beside = os.open(f"{self._path}-lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._beside, fcntl.LOCK_EX | fcntl.LOCK_NB)

    @property
    def place(self) -> tuple[int, int]:
        """Device and inode of the file."""
        status = os.fstat(self._descriptor)
        return status.st_dev, status.st_ino

    def release(self) -> None:
        """Release the lock; remove a file that this run created and in which nothing was committed."""
        with suppress(OSError):
            if self._is_made and self._is_held and not os.fstat(self._descriptor).st_size and self._is_in_place():
                os.unlink(self._path)
        for descriptor in (self._descriptor, self._beside):
            if descriptor is not None:
                os.close(descriptor)
