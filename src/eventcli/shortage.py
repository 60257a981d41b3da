"""Resources that the machine may lack: memory, threads, open files. None is a bug or the fault of an input."""

import errno
from typing import Final

STATUS: Final = 3
"""`ExitCode.INCOMPLETE`, as a number: without memory, not even the enum can be loaded."""

_MEMORY: Final = "out of memory"

_BY_NUMBER: Final = {
    errno.ENOMEM: _MEMORY,
    errno.EMFILE: "too many open files for one process (`ulimit -n` raises the limit)",
    errno.ENFILE: "too many open files on this machine",
}

_LOADER: Final = ("cannot allocate memory", "failed to map segment")
"""Messages of the shared library loader, in lower case."""


def shortage(error: BaseException) -> str | None:
    """Return which resource was short if that caused an error, else None."""
    if isinstance(error, MemoryError):
        return _MEMORY
    if isinstance(error, OSError):
        return _BY_NUMBER.get(error.errno or 0)
    text = str(error).lower()
    if isinstance(error, RuntimeError) and "start new thread" in text:
        return "no thread can be started (`ulimit -u`)"
    if isinstance(error, ImportError) and any(words in text for words in _LOADER):
        return _MEMORY
    return None
