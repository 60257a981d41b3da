"""The entries of a directory, with their kinds and inodes, listed by the body in use."""

import os
from collections.abc import Iterable, Sequence
from contextlib import closing
from itertools import compress, repeat
from operator import attrgetter
from typing import Final, NamedTuple, Self

from eventcli.body import body, kernel
from eventcli.reading import deep

REGULAR: Final = "f"

DIRECTORY: Final = "d"

LINK: Final = "l"

OTHER: Final = "o"


class Entries(NamedTuple):
    """The content of a directory in byte order of the names: the names, and one letter each for the kind.

    `device` and `inodes` are valid for regular files only.
    """

    names: list[str]
    kinds: str
    device: int
    inodes: Sequence[int]

    def chosen(self, kept: Iterable[bool]) -> Self:
        """Return the entries that are kept."""
        kept = list(kept)
        names, kinds, inodes = compress(self.names, kept), compress(self.kinds, kept), compress(self.inodes, kept)
        return type(self)(list(names), "".join(kinds), self.device, list(inodes))


def entries(directory: str) -> Entries:
    """List a directory. Raises OSError on failure; link targets are not examined."""
    if deep.is_deep(directory):
        return _deep_entries(directory)
    if body() == "rust" and (listed := kernel.list_directory(directory, name_of_bytes)) is not None:
        names, kinds, inodes = listed
    else:
        # This also finds out why a directory cannot be listed.
        try:
            with closing(os.scandir(os.fsencode(directory))) as found:
                ordered = sorted(found, key=attrgetter("name"))
        except OSError as error:
            error.filename = directory
            raise
        names, kinds = [name_of_bytes(entry.name) for entry in ordered], "".join(map(_kind, ordered))
        inodes = [entry.inode() for entry in ordered]
    device = os.stat(directory).st_dev
    return Entries(names, kinds, device, _inodes(directory, device, names, kinds, inodes))


def _deep_entries(directory: str) -> Entries:
    """List a directory whose path is too long to be opened at once."""
    try:
        descriptor = deep.open_at(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        error.filename = directory
        raise
    try:
        with closing(os.scandir(descriptor)) as found:
            ordered = sorted(found, key=lambda entry: os.fsencode(entry.name))
            # Scanning a descriptor decodes names by locale, as everywhere else.
            names = [name_of_bytes(os.fsencode(entry.name)) for entry in ordered]
            kinds = "".join(map(_kind, ordered))
            inodes = [entry.inode() for entry in ordered]
        device = os.fstat(descriptor).st_dev
    finally:
        os.close(descriptor)
    return Entries(names, kinds, device, inodes)


def _inodes(directory: str, device: int, names: Sequence[str], kinds: str, inodes: Sequence[int]) -> Sequence[int]:
    """Return the inodes of regular files with as few stat calls as possible, since those take longer than listing.

    Some overlay file systems report other inodes for directory entries than for files, which shows at the first file.
    If they do so only for later files, or for one that is a mount point, those files count as replaced.
    """
    first = kinds.find(REGULAR)
    if first < 0 or _inode(os.path.join(directory, names[first]), device, inodes[first]) == inodes[first]:
        return inodes
    paths = [os.path.join(directory, name) for name in names]
    return list(map(_inode, paths, repeat(device), inodes))


def _inode(path: str, device: int, told: int) -> int:
    """Return the inode of a file; the listed one if the file is gone or on another device."""
    try:
        status = os.lstat(path)
    except OSError:
        return told
    return status.st_ino if status.st_dev == device else told


def name_of_bytes(raw: bytes) -> str:
    """Return a name that encodes to these bytes again, whatever the encoding of the locale.

    Some encodings have a character in two places (Big5: 0xA2CC and 0xA451) and encode it as one of them. Such a name is
    decoded byte by byte, or the file would not be found under it.
    """
    name = os.fsdecode(raw)
    return name if os.fsencode(name) == raw else raw.decode("ascii", "surrogateescape")


def _kind(entry: os.DirEntry[bytes] | os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return LINK
    if entry.is_file(follow_symlinks=False):
        return REGULAR
    return DIRECTORY if entry.is_dir(follow_symlinks=False) else OTHER
