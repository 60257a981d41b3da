"""Which version of a ledger is in its file: seen from the file alone, without SQLite, and so without ever waiting.

SQLite counts each transaction in the header of the file. Reading that takes 3 microseconds, and no lock keeps anybody
from it, while `PRAGMA data_version` waits for a transaction that is being committed.
"""

import os
from contextlib import suppress
from typing import Final, NamedTuple

from eventcli.ledger.store.hold import HEADER, check_regular
from eventcli.text import name_of

_COUNTER: Final = slice(24, 28)

_FORMATS: Final = slice(18, 20)

_WAL: Final = b"\x02\x02"
"""The write and read version of a file whose transactions go to a file beside it."""


class Version(NamedTuple):
    """What tells two states of a ledger apart: its file, and how often SQLite changed it."""

    device: int
    inode: int
    size: int
    modified: int
    counter: int
    log: tuple[int, int]
    """Size and time of the write-ahead log, if another program has switched to one."""

    @property
    def place(self) -> tuple[int, int]:
        """The file, whatever is in it."""
        return self.device, self.inode


class AbsentError(Exception):
    """There is no ledger in its place."""


class Watch:
    """Looks at the file of a ledger.

    It stays open: closing it would release the locks that SQLite holds on it in this process (see fcntl(2)). Only a
    file that is no longer in its place is closed.
    """

    def __init__(self, path: str) -> None:
        """Watch a path, at which there need not be anything yet."""
        self.path = path
        self._descriptor: int | None = None
        self._place: tuple[int, int] | None = None
        self._was_there = False

    def version(self) -> Version:
        """Return which version is there: AbsentError or another OSError, or LedgerError, if there is none."""
        try:
            there = check_regular(self.path)
        except FileNotFoundError:
            what = "was deleted or moved away" if self._was_there else "is not there yet"
            raise AbsentError(f"{name_of(self.path)}: the ledger {what}") from None
        if self._descriptor is None or self._place != (there.st_dev, there.st_ino):
            self._open()
            there = os.fstat(self._descriptor)  # type: ignore[arg-type]  # just opened
        head = os.pread(self._descriptor, HEADER, 0)  # type: ignore[arg-type]  # as above
        log = (0, 0)
        if head[_FORMATS] == _WAL:
            with suppress(OSError):
                beside = os.stat(f"{os.path.realpath(self.path)}-wal")
                log = beside.st_size, beside.st_mtime_ns
        self._was_there = True
        return Version(
            there.st_dev, there.st_ino, there.st_size, there.st_mtime_ns, int.from_bytes(head[_COUNTER], "big"), log
        )

    def _open(self) -> None:
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        there = os.fstat(descriptor)
        old, self._descriptor, self._place = self._descriptor, descriptor, (there.st_dev, there.st_ino)
        if old is not None:
            os.close(old)

    def close(self) -> None:
        """Close the file."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
