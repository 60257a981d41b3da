"""What files, ledgers and processes need of the system. Byte streams are summarised anywhere, Windows included."""

import os
from typing import Final

from eventcli.errors import ExitCode, ExpectedError

_NEEDED: Final = (
    *("O_CLOEXEC", "O_DIRECTORY", "O_NOCTTY", "O_NOFOLLOW", "O_NONBLOCK"),
    *("fchmod", "fchown", "geteuid", "pread", "preadv"),
)
"""Names of `os` that a POSIX system has."""


class PosixError(ExpectedError):
    """Something needs a POSIX system, and this is none."""

    status = ExitCode.INCOMPLETE

    def words(self) -> str:
        """Return the message of the run."""
        return f"no result: {self}"


def require(what: str) -> None:
    """Raise PosixError if `what` cannot work here.

    >>> require("a ledger")
    """
    missing = [f"os.{name}" for name in _NEEDED if not hasattr(os, name)]
    try:
        import fcntl  # noqa: F401, PLC0415  # keeps start-up fast for runs that need none
    except ImportError:
        missing.append("fcntl")
    if missing:
        raise PosixError(f"{what} needs a POSIX system such as Linux or macOS: {missing[0]} is missing here")


def flags(*names: str) -> int:
    """Return flags for `os.open` by their names; those that the system lacks are left out.

    >>> flags("O_RDONLY") == os.O_RDONLY
    True
    """
    found = 0
    for name in names:
        found |= getattr(os, name, 0)
    return found
