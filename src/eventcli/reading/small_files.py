"""Reads many small files at a time: which ones a directory has, and the lines in them.

Columns go in and come out, not a tuple per file: with very many files, per-file work dominates the cost. With the Rust
body, the fold reads the files itself.
"""

import os
import stat
from collections.abc import Sequence
from typing import Final, Self

from eventcli.posix import flags
from eventcli.reading.blocks import BYTE_ORDER_MARK
from eventcli.reading.compression.encodings import is_certainly_plain
from eventcli.record import Record

AT_ONCE: Final = 1024
"""Files of a directory or a glob that are passed on together."""

FLAGS: Final = flags("O_RDONLY", "O_CLOEXEC", "O_NONBLOCK")
"""The flags for opening a small file: if it is no longer a regular file, opening does not block."""


class Known(Record):
    """Regular files with known device and inode, the identity that a file and all its links share.

    `left` is about how many more there are in the same directory.
    """

    paths: Sequence[str]
    device: int
    inodes: Sequence[int]
    left: int = 0

    def part(self, start: int, end: int | None = None) -> Self:
        """Return some of them."""
        return self._replace(paths=self.paths[start:end], inodes=self.inodes[start:end])


class Read(Record):
    """Files in a buffer: where the lines of each begin and end, its byte-order mark's length, its lines, its size."""

    starts: list[int]
    ends: list[int]
    skipped: list[int]
    lines: list[int]
    sizes: list[int]


def read_files(files: Known, buffer: memoryview, enough: int) -> Read:
    """Read small files whole, in order, until they have `enough` bytes; a last line gets its newline.

    Ends before a file that does not fit or needs other treatment: it cannot be opened, no longer has its key, is empty
    or not certainly plain, or became shorter.
    """
    read = Read([], [], [], [], [])
    at = 0
    for path, inode in zip(files.paths, files.inodes, strict=True):
        if at >= enough:
            break
        try:
            data = _whole(path, (files.device, inode), len(buffer) - at - 1)
        except OSError:
            break  # whoever reads it again will get the error, too
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
    """Return all bytes of a file; none if it has another key, does not fit, or became shorter."""
    descriptor = os.open(path, FLAGS)
    try:
        status = os.fstat(descriptor)
        is_it = stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) == key and status.st_size <= room
        data = os.read(descriptor, status.st_size) if is_it else b""
    finally:
        os.close(descriptor)
    return data if len(data) == status.st_size else b""
