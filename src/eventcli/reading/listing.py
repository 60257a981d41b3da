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
    """What is in a directory, in the order of the bytes of the names: names, and one letter each for the kind.

    `device` and `inodes` are those of regular files; what stands there for others means nothing.
    """

    names: list[str]
    kinds: str
    device: int
    inodes: Sequence[int]

    def chosen(self, kept: Iterable[bool]) -> Self:
        """Return those entries that are kept."""
        kept = list(kept)
        names, kinds, inodes = compress(self.names, kept), compress(self.kinds, kept), compress(self.inodes, kept)
        return type(self)(list(names), "".join(kinds), self.device, list(inodes))


def entries(directory: str) -> Entries:
    """List a directory. OSError where that fails; what a link leads to is not looked at."""
    if deep.is_deep(directory):
        return _deep_entries(directory)
    if body() == "rust" and (listed := kernel.list_directory(directory, name_of_bytes)) is not None:
        names, kinds, inodes = listed
    else:
        # This tells, too, why a directory cannot be listed.
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
    """Return the same of a directory that is too deep to be opened by its path."""
    try:
        descriptor = deep.open_at(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        error.filename = directory
        raise
    try:
        with closing(os.scandir(descriptor)) as found:
            ordered = sorted(found, key=lambda entry: os.fsencode(entry.name))
            # A descriptor that is looked through gives names as the locale has them, as everywhere else.
            names = [name_of_bytes(os.fsencode(entry.name)) for entry in ordered]
            kinds = "".join(map(_kind, ordered))
            inodes = [entry.inode() for entry in ordered]
        device = os.fstat(descriptor).st_dev
    finally:
        os.close(descriptor)
    return Entries(names, kinds, device, inodes)


def _inodes(directory: str, device: int, names: Sequence[str], kinds: str, inodes: Sequence[int]) -> Sequence[int]:
    """Return the inodes of regular files, of which as few as possible are looked at: that takes longer than listing.

    Some file systems that lie over others tell other inodes of directories than of files, which is seen by the first
    file. If they do so of later files only, or of one that something is mounted on, those files are taken for replaced.
    """
    first = kinds.find(REGULAR)
    if first < 0 or _inode(os.path.join(directory, names[first]), device, inodes[first]) == inodes[first]:
        return inodes
    paths = [os.path.join(directory, name) for name in names]
    return list(map(_inode, paths, repeat(device), inodes))


def _inode(path: str, device: int, told: int) -> int:
    """Return the inode of a file; what was told if it is gone or on another device."""
    try:
        status = os.lstat(path)
    except OSError:
        return told
    return status.st_ino if status.st_dev == device else told


def name_of_bytes(raw: bytes) -> str:
    """Return the name that is encoded as these bytes again, in whatever encoding the locale has.

    Some encodings have a character in two places (Big5: 0xA2CC and 0xA451) and encode it as one of them. Such a name
    is taken byte by byte, or the file would not be found under it.
    """
    name = os.fsdecode(raw)
    return name if os.fsencode(name) == raw else raw.decode("ascii", "surrogateescape")


def _kind(entry: os.DirEntry[bytes] | os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return LINK
    if entry.is_file(follow_symlinks=False):
        return REGULAR
    return DIRECTORY if entry.is_dir(follow_symlinks=False) else OTHER
