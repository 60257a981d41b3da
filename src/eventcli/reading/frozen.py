"""Files as they were at some moment, such as when they were listed: opened only if they still hold the same bytes."""

import os
import stat
from typing import NamedTuple, Self

from eventcli.readable import ReplacedError, TruncatedError
from eventcli.reading import deep
from eventcli.reading.fingerprints import WINDOW, proof
from eventcli.reading.small_files import FLAGS
from eventcli.reading.source import Snapshot, refuse


class FileState(NamedTuple):
    """What tells a file from what it becomes later: its size, the time of its last change, and its inode.

    Not its device: each machine that mounts a file system has its own number for it. `ends` proves its first and last
    bytes, if it was read, so that a log that has grown is told from a longer file that was written in its place.
    """

    size: int
    changed: int
    inode: int
    ends: str = ""

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """Return the state that a status shows."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)

    def with_ends(self, path: str) -> Self:
        """Return the same with its ends, for which the file is read; without them if it cannot be read, or changed."""
        if not self.size:
            return self
        try:
            with FrozenFile(path, self) as file:
                return self._replace(ends=_ends(file.fileno(), self.size))
        except OSError:
            return self

    def check(self, descriptor: int) -> None:
        """Raise TruncatedError or ReplacedError unless the first `size` bytes are, by all appearances, still the same.

        A file may have grown, as logs do.
        """
        now = FileState.of(os.fstat(descriptor))
        if now[:2] == self[:2]:
            return
        if now.inode == self.inode and now.size > self.size and self.ends in ("", _ends(descriptor, self.size)):
            return
        if now.inode == self.inode and now.size < self.size:
            raise TruncatedError(f"the file had {self.size} bytes when it was listed, and was cut since then", now.size)
        raise ReplacedError("the file was replaced or rewritten after it was listed")


def _ends(descriptor: int, size: int) -> str:
    """Return a proof of the first and the last bytes of so many."""
    length = min(WINDOW, size)
    return proof(os.pread(descriptor, length, 0) + os.pread(descriptor, length, size - length))


class FrozenFile(Snapshot):
    """A file up to the size that it had at some moment. Raises OSError if it cannot be opened, or is another one."""

    def __init__(self, path: str, state: FileState) -> None:
        """Open it; a pipe that took its place is not waited for."""
        descriptor = deep.open_at(path, FLAGS)
        try:
            status = os.fstat(descriptor)
            refuse(status.st_mode)
            if not stat.S_ISREG(status.st_mode):
                raise ReplacedError("the file was replaced after it was listed, by what is no regular file")
            state.check(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        super().__init__(descriptor, state.size, closefd=True)
        self.state = state

    def check(self) -> None:
        """Raise like `FileState.check` if what was read may have been changed meanwhile."""
        self.state.check(self.fileno())
