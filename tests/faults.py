"""Kills a process at a chosen system call by which SQLite writes, also in the middle of one.

SQLite lets every system call of its own be replaced (`xSetSystemCall`, https://www.sqlite.org/c3ref/vfs.html). That
works in the process itself, so a history of hundreds of runs, each killed somewhere, takes seconds.
"""

import _sqlite3
import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, ClassVar, Final
from weakref import WeakSet

WRITING: Final = ("pwrite64", "pwrite", "write", "ftruncate", "unlink", "fallocate")
"""The system calls that change files, by SQLite's names; syncing is not among those that it lets be replaced."""

_PATIENCE: Final = 60
"""Seconds after which a child is taken to hang."""

_SETTLING: Final = 2.0
"""Seconds within which threads that are about to end do so."""

_lasting: Final[WeakSet[threading.Thread]] = WeakSet()
"""Threads that did not end then, as those of libraries that keep one for the next use."""

_SIZED: Final = ctypes.CFUNCTYPE(ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int64)
_SHORT: Final = ctypes.CFUNCTYPE(ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t)
_LENGTH: Final = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int64)
_RANGE: Final = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
_PATH: Final = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p)
_TYPES: Final = {
    "pwrite64": _SIZED,
    "pwrite": _SIZED,
    "write": _SHORT,
    "ftruncate": _LENGTH,
    "unlink": _PATH,
    "fallocate": _RANGE,
}

_VFS: Final = [
    ("iVersion", ctypes.c_int),
    ("szOsFile", ctypes.c_int),
    ("mxPathname", ctypes.c_int),
    *(
        (name, ctypes.c_void_p)
        for name in ("pNext", "zName", "pAppData", "xOpen", "xDelete", "xAccess", "xFullPathname")
    ),
    *((name, ctypes.c_void_p) for name in ("xDlOpen", "xDlError", "xDlSym", "xDlClose", "xRandomness", "xSleep")),
    *((name, ctypes.c_void_p) for name in ("xCurrentTime", "xGetLastError", "xCurrentTimeInt64")),
    ("xSetSystemCall", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)),
    ("xGetSystemCall", ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)),
]


class _Vfs(ctypes.Structure):
    _fields_: ClassVar[Any] = _VFS


@lru_cache
def _vfs() -> Any:
    library = ctypes.CDLL(_sqlite3.__file__)
    find = library.sqlite3_vfs_find
    find.restype = ctypes.POINTER(_Vfs)
    return find(None)


def is_possible() -> bool:
    """Whether SQLite's system calls can be replaced here: not where it is hidden within the interpreter."""
    try:
        return bool(_vfs()) and _vfs().contents.iVersion >= 3
    except (AttributeError, OSError):
        return False


class Faults:
    """Counts the writing system calls of this process, and kills it at one of them."""

    def __init__(self, kill_at: int | None = None, *, torn: bool = False, fail_with: int | None = None) -> None:
        """Kill at the call with this number, from 1, after half of it if `torn`; or let all fail with an errno."""
        self.calls = 0
        self._kill_at = kill_at
        self._torn = torn
        self._fail_with = fail_with
        self._kept: list[Any] = []
        for name in WRITING:
            self._replace(name)

    def _replace(self, name: str) -> None:
        vfs = _vfs()
        original = vfs.contents.xGetSystemCall(vfs, name.encode())
        if not original:
            return
        real = ctypes.CFUNCTYPE(_TYPES[name]._restype_, *_TYPES[name]._argtypes_, use_errno=True)(original)
        replacement = _TYPES[name](self._wrapper(real))
        self._kept += [real, replacement, (name, original)]
        vfs.contents.xSetSystemCall(vfs, name.encode(), ctypes.cast(replacement, ctypes.c_void_p))

    def _wrapper(self, real: Callable[..., int]) -> Callable[..., int]:
        def call(*arguments: Any) -> int:
            self.calls += 1
            if self.calls == self._kill_at:
                if self._torn and len(arguments) >= 3:
                    half = (*arguments[:2], arguments[2] // 2, *arguments[3:])
                    real(*half)
                os.kill(os.getpid(), signal.SIGKILL)
            if self._fail_with is not None and self._kill_at is None:
                ctypes.set_errno(self._fail_with)
                return -1
            return real(*arguments)

        return call

    def undo(self) -> None:
        """Let system calls be what they were."""
        for one in self._kept:
            if isinstance(one, tuple):
                name, original = one
                _vfs().contents.xSetSystemCall(_vfs(), name.encode(), original)


def in_child(action: Callable[[], int], *, kill_at: int | None = None, torn: bool = False) -> int:
    """Run `action` in a forked process, and return its exit status (minus the signal that ended it)."""
    # A thread that is about to end may hold what the child needs. One that goes on is waited for only once.
    settled = time.monotonic() + _SETTLING
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and thread not in _lasting:
            thread.join(max(0.0, settled - time.monotonic()))
            if thread.is_alive():
                _lasting.add(thread)
    child = os.fork()
    if not child:
        status = 99
        signal.alarm(_PATIENCE)
        try:
            faults = Faults(kill_at, torn=torn)
            status = action()
            faults.undo()
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)
