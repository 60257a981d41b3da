"""Small files, many at a time: what is in a directory, what the files are, and the lines in them.

Columns go in and come out, not a tuple for each file: what is done for each of very many is what they cost. With the
Rust body, the fold reads the files itself.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Final, NamedTuple

from eventcli.blocks import BYTE_ORDER_MARK
from eventcli.body import body, kernel
from eventcli.compression import is_certainly_plain
from eventcli.event import Part

FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
"""With these a small file is opened: what is no file any more is not waited for."""

REGULAR: Final = "f"
DIRECTORY: Final = "d"
LINK: Final = "l"
OTHER: Final = "o"


class Entries(NamedTuple):
    """What is in a directory, in the order of the bytes of the names: the names, and one letter each for the kind."""

    names: list[str]
    kinds: str


class Statuses(NamedTuple):
    """What each of some files shares with all its links (see `source.identity`), and its size."""

    keys: list[tuple[int, int]]
    sizes: list[int]


class Known(NamedTuple):
    """Files that were looked at: the path of each, and its key."""

    paths: Sequence[str]
    keys: Sequence[tuple[int, int]]


class Read(NamedTuple):
    """Files in a buffer: where the lines of each begin and end, how long a byte-order mark was, its lines, its size."""

    starts: list[int]
    ends: list[int]
    skipped: list[int]
    lines: list[int]
    sizes: list[int]


class Folded(NamedTuple):
    """Files of which nothing is to be said but their numbers of lines and their sizes.

    Behind them, some that are in the buffer and are not folded yet but by taking all `parts` of these.
    """

    lines: list[int]
    sizes: list[int]
    read: Read
    parts: Iterator[Part]


def entries(directory: str) -> Entries:
    """List a directory. OSError where that fails; what a link leads to is not looked at."""
    if body() == "rust" and (listed := kernel.list_directory(directory)) is not None:
        return Entries(*listed)
    # This tells, too, why a directory cannot be listed.
    with closing(os.scandir(directory)) as found:
        ordered = sorted(found, key=_name)
    return Entries([entry.name for entry in ordered], "".join(map(_kind, ordered)))


def _name(entry: os.DirEntry[str]) -> bytes:
    return os.fsencode(entry.name)


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return LINK
    if entry.is_file(follow_symlinks=False):
        return REGULAR
    return DIRECTORY if entry.is_dir(follow_symlinks=False) else OTHER


def look_at(paths: Sequence[str], largest: int, enough: int) -> Statuses:
    """Tell what small regular files are, in their order, until they have `enough` bytes.

    Ends before one that is none: not regular, of more than `largest` bytes, or gone.
    """
    if body() == "rust":
        return Statuses(*kernel.look_at(paths, largest, enough))
    statuses = Statuses([], [])
    total = 0
    for path in paths:
        if total >= enough:
            break
        try:
            status = os.stat(path)
        except OSError:
            break
        if not stat.S_ISREG(status.st_mode) or status.st_size > largest:
            break
        total += status.st_size
        statuses.keys.append((status.st_dev, status.st_ino))
        statuses.sizes.append(status.st_size)
    return statuses


def read_files(files: Known, buffer: memoryview, enough: int) -> Read:
    """Read small files whole, one behind the other, until they have `enough` bytes; a last line gets its newline.

    Ends before one for which there is no room, or with which that is not all there is to do: it cannot be opened, is
    not the file with its key any more, is empty, not certainly plain, or became shorter.
    """
    read = Read([], [], [], [], [])
    at = 0
    for path, key in zip(*files, strict=True):
        if at >= enough:
            break
        try:
            data = _whole(path, key, len(buffer) - at - 1)
        except OSError:
            break  # whoever reads it again will meet the error, too
        if not data or not is_certainly_plain(data[0]):
            break
        size, mark = len(data), len(BYTE_ORDER_MARK) if data.startswith(BYTE_ORDER_MARK) else 0
        lines = data.count(b"\n")
        if size > mark and not data.endswith(b"\n"):
            data += b"\n"
            lines += 1
        start, at = at, at + len(data) - mark
        buffer[start:at] = data[mark:]
        for column, value in zip(read, (start, at, mark, lines, size), strict=True):
            column.append(value)
    return read


def _whole(path: str, key: tuple[int, int], room: int) -> bytes:
    """Return all bytes of a file; none if it is not the one with that key, has no room, or became shorter."""
    descriptor = os.open(path, FLAGS)
    try:
        status = os.fstat(descriptor)
        is_it = stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) == key and status.st_size <= room
        data = os.read(descriptor, status.st_size) if is_it else b""
    finally:
        os.close(descriptor)
    return data if len(data) == status.st_size else b""
