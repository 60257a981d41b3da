"""Writes to standard output, or to a file that readers see whole: the old one or the new one."""

import contextlib
import errno
import io
import os
import re
import stat
from types import TracebackType
from typing import IO, Any, Final, Self

from eventcli import interruption
from eventcli.errors import OutputError, ReaderGoneError
from eventcli.posix import require
from eventcli.record import Record
from eventcli.text import name_of

STDOUT: Final = 1

STDOUT_PATH: Final = "-"
"""The output path that means standard output, just as it means standard input for inputs."""

PRIVATE: Final = 0o600
"""The permissions of a new file that holds input lines: for its owner only, whatever the umask allows."""

_SUFFIX: Final = ".eventstats-tmp"

_RANDOM: Final = 6
"""Random bytes in the name of a temporary file."""

_OPEN_FILES: Final = r"/dev/fd|/proc/([0-9]+)/(?:task/[0-9]+/)?fd"
"""Where the open descriptors of a process are listed."""

_NOT_WRITABLE: Final = (errno.EACCES, errno.EPERM, errno.EROFS)
"""How a folder refuses a new file."""

_MOST_LINKS: Final = 40
"""Approximate limit of links in a path: what Linux follows at most."""


def write_stdout(data: bytes) -> None:
    """Write all of `data` to standard output. Raises ReaderGoneError or OutputError on failure."""
    view = memoryview(data)
    try:
        while view:
            try:
                view = view[os.write(STDOUT, view) :]
            except BlockingIOError:
                _wait_for(STDOUT)
    except BrokenPipeError:
        raise ReaderGoneError from None
    except OSError as error:
        raise OutputError("<stdout>", error) from error


def prove_stdout() -> None:
    """Find out, before any work is done, whether standard output is writable: errors as for `write_stdout`.

    A full disk or device shows only when it is written to.
    """
    import select  # noqa: PLC0415  # as below

    try:
        is_pipe = stat.S_ISFIFO(os.fstat(STDOUT).st_mode)
        os.write(STDOUT, b"")
        poll = select.poll()
        poll.register(STDOUT, select.POLLOUT)
        is_gone = is_pipe and any(found & select.POLLERR for _, found in poll.poll(0))
    except OSError as error:
        raise OutputError("<stdout>", error) from error
    if is_gone:
        raise ReaderGoneError


def _wait_for(descriptor: int) -> None:
    """Wait until a descriptor accepts more; another process made the terminal or pipe non-blocking."""
    import select  # noqa: PLC0415  # a millisecond of start-up for what hardly ever happens

    select.select([], [descriptor], [])


class _Patient(io.FileIO):
    """A file that accepts every byte, even if it is a non-blocking pipe."""

    def write(self, data: Any, /) -> int:
        """Write at least one byte."""
        while (written := super().write(data)) is None:
            _wait_for(self.fileno())
        return written


class _Open(Record):
    """An open descriptor, of this process or another one."""

    number: int
    is_own: bool


def _open_by_path(path: str) -> _Open | None:
    """Return the open descriptor that a path leads to, as /dev/stdout and /dev/fd/3 do, even through links."""
    for _ in range(_MOST_LINKS):
        folder, name = os.path.split(path)
        if name.isdecimal() and (match := re.fullmatch(_OPEN_FILES, os.path.realpath(folder))):
            return _Open(int(name), match[1] in {None, str(os.getpid())})
        try:
            path = os.path.join(folder, os.readlink(path))
        except (OSError, ValueError):
            break
    return None


class OutputFile:
    """A file that takes its place in one step when `commit` is called, and not at all without it.

    The bytes go to a temporary file next to the target, which is locked for as long as its process lives. An unlocked
    one was left by a process that was killed; the next writer of the same target removes it. A target that is not a
    regular file (a pipe, /dev/null) or is open already (/dev/stdout) is written directly.
    """

    def __init__(self, path: str, *, mode: int = 0o666) -> None:
        """Open the temporary file: OutputError if that cannot work, before any work is done.

        `mode` is that of a new file, before the umask; an earlier file passes on its own.
        """
        require("writing files")
        self._name = "<stdout>" if path == STDOUT_PATH else name_of(path)
        self._target = path
        self._mode = mode
        self._earlier: os.stat_result | None = None
        self._temporary: str | None = None
        self._is_open_already = False
        self._is_elsewhere = False
        self.in_place = False
        """Whether the commit had to overwrite the target in place, because it cannot be replaced."""
        try:
            self._stream = self._open()
        except OSError as error:
            self._remove_temporary()
            raise OutputError(self._name, error) from error
        except BaseException:
            self._remove_temporary()
            raise

    def write(self, data: bytes) -> None:
        """Append bytes. Raises OutputError on failure, ReaderGoneError if nobody reads standard output any more."""
        try:
            self._stream.write(data)
        except OSError as error:
            raise self._failure(error) from error

    @property
    def is_replaced(self) -> bool:
        """Whether the bytes go to a temporary file, which nobody sees until it is put in its place."""
        return self._temporary is not None

    def prepare(self) -> None:
        """Make sure that the content of a temporary file is on disk: OutputError if the disk is full.

        A target that is written directly receives nothing yet; but a full device reports it.
        """
        try:
            if self._temporary is None:
                os.write(self._stream.fileno(), b"")
                return
            self._stream.flush()
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise self._failure(error) from error

    def commit(self) -> None:
        """Put the file in its place: errors as for `write`."""
        try:
            self._stream.flush()
            if self._temporary is not None:
                self._take_place(self._temporary)
            self._stream.close()
        except OSError as error:
            raise self._failure(error) from error

    def remove_target(self) -> None:
        """Leave no file at the target, neither an earlier one nor what was written."""
        is_replaced = self._temporary is not None
        self._discard()
        try:
            # A target that was written directly is not a file of its own.
            if is_replaced and self._earlier is not None and self._is_as_before():
                os.unlink(self._target)
        except FileNotFoundError:
            pass
        except OSError as error:
            is_mounted = error.errno in _NOT_WRITABLE and _is_mount_point(self._target)
            if error.errno != errno.EBUSY and not is_mounted:
                raise OutputError(self._name, error) from error
            os.truncate(self._target, 0)

    def identities(self) -> list[tuple[int, int]]:
        """Return device and inode of the open file: a temporary file must not appear as a source in a directory."""
        status = os.fstat(self._stream.fileno())
        return [(status.st_dev, status.st_ino)] if stat.S_ISREG(status.st_mode) else []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._discard()

    def _failure(self, error: OSError) -> Exception:
        if isinstance(error, BrokenPipeError) and self._is_open_already:
            return ReaderGoneError()
        return OutputError(self._name, error)

    def _open(self) -> IO[bytes]:
        if not self._target:
            raise _os_error(errno.ENOENT)
        found = _Open(STDOUT, is_own=True) if self._target == STDOUT_PATH else _open_by_path(self._target)
        if found is not None and found.is_own:
            # If the shell opened a file, its position and its append mode must be kept.
            self._is_open_already = True
            return _buffered(os.dup(found.number))
        earlier = self._earlier = _status(self._target)
        if earlier is not None:
            # A file that another process has open may have no valid name.
            if found is not None or not stat.S_ISREG(earlier.st_mode):
                return _buffered(_open_directly(self._target, earlier.st_mode))
            if not os.access(self._target, os.W_OK):
                # Renaming would replace it all the same, but a read-only file is meant to stay.
                raise _os_error(errno.EACCES)
        self._target = os.path.realpath(self._target)
        folder, name = os.path.split(self._target)
        try:
            return self._open_temporary(folder, name)
        except OSError as error:
            if error.errno not in _NOT_WRITABLE or not _is_mount_point(self._target):
                raise
            # A container may mount one writable file into a folder that is not.
            self._forget_temporary()
            self._is_elsewhere = True
            return self._open_temporary(os.environ.get("TMPDIR") or "/tmp", name)  # noqa: S108  # with O_EXCL

    def _open_temporary(self, folder: str, name: str) -> IO[bytes]:
        # A file name has at most 255 bytes; the beginning of a long one distinguishes it well enough.
        prefix = f".{name[:50]}."
        _sweep(folder, prefix)
        while True:
            self._temporary = os.path.join(folder, f"{prefix}{os.urandom(_RANDOM).hex()}{_SUFFIX}")
            interruption.LITTER.add(self._temporary)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self._temporary, flags, PRIVATE)
            stream = _buffered(descriptor)
            _lock(descriptor)
            # Between opening and locking, another process may have considered it abandoned, and removed it.
            if os.fstat(descriptor).st_nlink:
                return stream
            stream.close()
            interruption.LITTER.discard(self._temporary)

    def _take_place(self, temporary: str) -> None:
        """Rename the temporary file, finished and flushed to disk."""
        descriptor, earlier = self._stream.fileno(), self._earlier
        # A file system without owners or permissions has nothing to keep.
        with contextlib.suppress(OSError):
            if earlier is not None:
                os.fchown(descriptor, earlier.st_uid, earlier.st_gid)
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, self._mode & ~_umask() if earlier is None else stat.S_IMODE(earlier.st_mode))
        os.fsync(descriptor)
        if not self._is_as_before():
            raise OSError("something that is no regular file has replaced it meanwhile")
        try:
            if self._is_elsewhere:
                raise _os_error(errno.EBUSY)
            os.replace(temporary, self._target)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            self._write_in_place(temporary)
        else:
            self._forget_temporary()

    def _write_in_place(self, temporary: str) -> None:
        """Overwrite the target itself: it is a mount point, as in containers, and cannot be replaced."""
        self.in_place = True
        flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with open(temporary, "rb") as source, _buffered(os.open(self._target, flags)) as target:
                while piece := source.read(1 << 20):
                    target.write(piece)
                target.truncate()
                target.flush()
                os.fsync(target.fileno())
        except OSError as error:
            why = error.strerror or str(error)
            raise OSError(
                f"{why}; it is a mount point, was written in place, and may hold only part of the output"
            ) from error
        self._remove_temporary()

    def _is_as_before(self) -> bool:
        """Whether the target is a regular file, or missing: anything else was put there meanwhile, and is not ours."""
        try:
            mode = os.lstat(self._target).st_mode
        except FileNotFoundError:
            return True
        if stat.S_ISDIR(mode):
            raise _os_error(errno.EISDIR)
        return stat.S_ISREG(mode)

    def _discard(self) -> None:
        with contextlib.suppress(OSError):
            # Skip what is buffered: its receiver may be what blocked the write.
            getattr(self._stream, "raw", self._stream).close()
            self._stream.close()
        self._remove_temporary()

    def _remove_temporary(self) -> None:
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._temporary)
            self._forget_temporary()

    def _forget_temporary(self) -> None:
        if self._temporary is not None:
            interruption.LITTER.discard(self._temporary)
            self._temporary = None


def _buffered(descriptor: int) -> IO[bytes]:
    return io.BufferedWriter(_Patient(descriptor, "wb"))


def _open_directly(path: str, mode: int) -> int:
    """Open something that is not a replaceable file, to write to it directly."""
    if stat.S_ISDIR(mode):
        raise _os_error(errno.EISDIR)
    if stat.S_ISSOCK(mode):
        raise OSError("Is a socket")
    if stat.S_ISBLK(mode):
        raise OSError("Is a block device")
    return os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOCTTY | (os.O_TRUNC if stat.S_ISREG(mode) else 0))


def _sweep(folder: str, prefix: str) -> None:
    """Remove the temporary files of killed processes: our own, and unlocked ones."""
    names: list[str] = []
    with contextlib.suppress(OSError):  # a folder that is writable but not listable
        names = os.listdir(folder)
    length = len(prefix) + 2 * _RANDOM + len(_SUFFIX)
    for name in names:
        if len(name) == length and name.startswith(prefix) and name.endswith(_SUFFIX):
            with contextlib.suppress(OSError):
                _remove_left_behind(os.path.join(folder, name))


def _remove_left_behind(path: str) -> None:
    """Remove an abandoned file, if it really is a temporary one: anybody may have put anything there."""
    # Do not wait for a pipe, do not follow a link.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        opened = os.fstat(descriptor)
        if stat.S_ISREG(opened.st_mode) and opened.st_uid == os.geteuid() and _lock(descriptor, wait=False):
            there = os.lstat(path)
            if (there.st_dev, there.st_ino) == (opened.st_dev, opened.st_ino):
                os.unlink(path)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, *, wait: bool = True) -> bool:
    """Lock an open file; False if another process holds the lock, or the file system has no locks."""
    import fcntl  # noqa: PLC0415  # keeps start-up fast for runs that only write to standard output

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _is_mount_point(path: str) -> bool:
    """Whether something is mounted at a path, which may be a file; False if the system does not tell."""
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            points = [line.split(b" ")[4] for line in file]
    except (OSError, IndexError):
        return False
    escaped = re.sub(rb"[ \t\n\\]", lambda match: b"\\%03o" % match[0][0], os.fsencode(path))
    return escaped in points


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
