"""Bytes go to standard output, or to a file that readers see whole: the old one or the new one."""

import contextlib
import errno
import os
import stat
from types import TracebackType
from typing import BinaryIO, Final, Self

from eventcli.source import name_of

STDOUT: Final = 1

_SUFFIX: Final = ".eventstats-tmp"


class OutputError(Exception):
    """Output could not be written; the message names the file and the reason."""

    def __init__(self, name: str, error: OSError) -> None:
        """Name what could not be written, and why."""
        super().__init__(f"{name}: cannot be written: {error.strerror or error}")


class ReaderGoneError(Exception):
    """The reader of standard output went away."""


def write_stdout(data: bytes) -> None:
    """Write all of `data` to standard output: ReaderGoneError or OutputError where that fails."""
    view = memoryview(data)
    try:
        while view:
            try:
                view = view[os.write(STDOUT, view) :]
            except BlockingIOError:  # some other process made the terminal or pipe non-blocking
                import select  # noqa: PLC0415  # a millisecond of start-up for what hardly ever happens

                select.select([], [STDOUT], [])
    except BrokenPipeError:
        raise ReaderGoneError from None
    except OSError as error:
        raise OutputError("<stdout>", error) from error


class OutputFile:
    """A file that takes its place at once when `commit` is called, and not at all without it.

    The bytes go to a temporary file beside the target, which is locked for as long as its process lives. One that
    is not locked was left behind by a process that was killed; whoever writes the same target next removes it. What is
    not a regular file (a pipe, /dev/null) is written directly.
    """

    def __init__(self, path: str) -> None:
        """Open the temporary file: OutputError where that cannot work, before any work is done."""
        self._name = name_of(path)
        self._target = path
        self._temporary: str | None = None
        try:
            self._stream = self._open()
        except OSError as error:
            self._remove_temporary()
            raise OutputError(self._name, error) from error

    def write(self, data: bytes) -> None:
        """Append bytes: OutputError where that fails."""
        try:
            self._stream.write(data)
        except OSError as error:
            raise OutputError(self._name, error) from error

    def commit(self) -> None:
        """Put the file in its place: OutputError where that fails."""
        try:
            self._stream.flush()
            if self._temporary is not None:
                os.fsync(self._stream.fileno())
                os.replace(self._temporary, self._target)
                self._temporary = None
            self._stream.close()
        except OSError as error:
            raise OutputError(self._name, error) from error

    def remove_target(self) -> None:
        """Let there be no file at the target, neither an earlier one nor what was written."""
        self._discard()
        try:
            if os.path.isfile(self._target):
                os.unlink(self._target)
        except OSError as error:
            raise OutputError(self._name, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._discard()

    def _open(self) -> BinaryIO:
        if not self._target:
            raise _os_error(errno.ENOENT)
        earlier = _status(self._target)
        if earlier is not None:
            if stat.S_ISDIR(earlier.st_mode):
                raise _os_error(errno.EISDIR)
            if not stat.S_ISREG(earlier.st_mode):
                return open(self._target, "wb")
            if not os.access(self._target, os.W_OK):
                # Renaming would replace it all the same, but a file that may not be written is one that is to stay.
                raise _os_error(errno.EACCES)
        self._target = os.path.realpath(self._target)
        folder, name = os.path.split(self._target)
        # The name of a file has 255 bytes at most; a long one is told apart well enough by its beginning.
        prefix = f".{name[:50]}."
        _sweep(folder, prefix)
        while True:
            self._temporary = os.path.join(folder, f"{prefix}{os.urandom(6).hex()}{_SUFFIX}")
            descriptor = os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            stream = os.fdopen(descriptor, "wb")
            _lock(descriptor)
            # Between opening and locking another process may have taken it for one left behind, and removed it.
            if os.fstat(descriptor).st_nlink:
                break
            stream.close()
        # A file system without owners or permissions has nothing to keep.
        with contextlib.suppress(OSError):
            if earlier is not None:
                os.fchown(descriptor, earlier.st_uid, earlier.st_gid)
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, 0o666 & ~_umask() if earlier is None else stat.S_IMODE(earlier.st_mode))
        return stream

    def _discard(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.close()
        self._remove_temporary()

    def _remove_temporary(self) -> None:
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._temporary)
            self._temporary = None


def _sweep(folder: str, prefix: str) -> None:
    """Remove the temporary files of processes that were killed: those that nobody locks."""
    names: list[str] = []
    with contextlib.suppress(OSError):  # a folder that may be written but not listed
        names = os.listdir(folder)
    for name in names:
        if name.startswith(prefix) and name.endswith(_SUFFIX):
            path = os.path.join(folder, name)
            with contextlib.suppress(OSError), open(path, "rb") as left_behind:
                if _lock(left_behind.fileno(), wait=False):
                    os.unlink(path)


def _lock(descriptor: int, *, wait: bool = True) -> bool:
    """Lock an open file; False where another process holds it, or the file system has no locks."""
    import fcntl  # noqa: PLC0415  # start-up of all runs that write to standard output only

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
