"""Paths of any length: a path that is too long for the system is opened in steps, directory by directory."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_PATH_MAX: Final = 4096
"""Maximum path length on Linux in bytes, including the terminator."""

_STEP: Final = 3 * 1024
"""Bytes per step: together with a name, which has at most 255, less than that."""


def is_deep(path: str) -> bool:
    """Whether a path is too long to be opened at once."""
    return 4 * len(path) >= _PATH_MAX and len(os.fsencode(path)) >= _PATH_MAX


def open_at(path: str, flags: int) -> int:
    """Open a file or a directory, however long its path is, and return its descriptor. Raises OSError on failure."""
    if not is_deep(path):
        return os.open(path, flags)
    with _above(path) as (directory, rest):
        return os.open(rest, flags, dir_fd=directory)


def stat(path: str) -> os.stat_result:
    """Return the status of a path. Raises OSError on failure."""
    if not is_deep(path):
        return os.stat(path)
    with _above(path) as (directory, rest):
        return os.stat(rest, dir_fd=directory)


def exists(path: str) -> bool:
    """Whether a path leads to something."""
    try:
        stat(path)
    except (OSError, ValueError):
        return False
    return True


def names_in(directory: str) -> list[str]:
    """Return the names of everything in a directory. Raises OSError on failure."""
    if not is_deep(directory):
        return os.listdir(directory)
    descriptor = open_at(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return os.listdir(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _above(path: str) -> Iterator[tuple[int, bytes]]:
    """Provide a directory on the way to a path, and the rest of the path, which is short."""
    left = os.fsencode(path)
    directory = os.open("/" if left.startswith(b"/") else ".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        left = left.lstrip(b"/")
        while len(left) > _STEP:
            end = left.rfind(b"/", 0, _STEP)
            if end < 0:
                raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
            step = os.open(left[:end], os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
            os.close(directory)
            directory, left = step, left[end + 1 :].lstrip(b"/")
        yield directory, left or b"."
    finally:
        os.close(directory)
