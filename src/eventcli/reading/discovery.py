"""Turns names into sources: expands globs, walks directories, reads lists of names."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import eventcli.reading
from eventcli.readable import Readable, read_into
from eventcli.reading import deep
from eventcli.reading.small_files import AT_ONCE, Known
from eventcli.reading.source import expand_url
from eventcli.record import Record
from eventcli.text import STDIN, Source, is_url

MOST_NAMES: Final = 5_000_000
"""Maximum number of names in a list: every file is remembered, so that repeated ones count once."""

MOST_BYTES: Final = 512 * 1024 * 1024
"""Maximum size of a list in bytes."""

LONGEST_NAME: Final = 64 * 1024
"""Maximum length of a name in bytes: Linux opens at most 4096 at a time."""

_PIECE: Final = 1024 * 1024

_MAGIC: Final = frozenset("*?[")


class Choice(Record):
    """Glob patterns that select files in a directory.

    `include` replaces the names of logs, see `rotations.is_log`. `exclude` also skips whole subdirectories and matches
    of a glob. A pattern is matched against the name, or, if it contains a slash, against the path relative to the
    directory.
    """

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()


class Found(Record):
    """One source: a path, `-`, a URL or a stream; or a name that leads to nothing, with the `error` that says why.

    `origin` is the index of the argument it comes from. `status` is that of a regular file that was named itself,
    rather than found by a glob or in a directory.
    """

    source: Source
    origin: int
    error: OSError | None = None
    status: os.stat_result | None = None


class Listing(Record):
    """Regular files that may be read together, and the argument that each comes from.

    `named` says that they were named themselves, rather than found by a glob or in a directory.
    """

    files: Known
    origins: Sequence[int]
    named: bool = False


def discover(sources: Iterable[Source], choice: Choice = Choice()) -> Iterator[Found]:  # noqa: B008  # immutable
    """Yield what the arguments refer to, in order; nothing is opened, and each is examined only when its turn comes.

    An existing path is itself, whatever characters it contains; a directory is all files in and below it that `choice`
    selects, in name order. Any other path with `*`, `?` or `[` is a glob: the files that match it, where `**` matches
    any number of directories. Hidden files and directories are skipped, unless a glob names the dot; links to
    directories are not followed, so there are no loops. A name that leads to nothing has a FileNotFoundError.
    """
    for found in discover_many(sources, choice):
        if isinstance(found, Listing):
            yield from map(Found, found.files.paths, found.origins)
        else:
            yield found


def discover_many(sources: Iterable[Source], choice: Choice) -> Iterator[Found | Listing]:
    """Yield the same as `discover`; files of directories and globs are batched, which is faster when there are many."""
    for origin, source in enumerate(sources):
        if not isinstance(source, (str, os.PathLike)):
            yield Found(source, origin)
        elif (path := os.fspath(source)) == STDIN:
            yield Found(path, origin)
        elif is_url(path):
            yield from _objects(path, origin)
        else:
            yield from _files(path, origin, choice)


def names(data: bytes, *, null: bool = False) -> list[str]:
    """Return the paths in a list, one per line, or each ended by a NUL byte; ValueError if they cannot be paths."""
    import io  # noqa: PLC0415  # already loaded anyway

    return read_names(io.BytesIO(data), null=null)


def read_names(stream: Readable, *, null: bool = False) -> list[str]:
    """Return the same from a stream; ValueError also if a name is too long, or there are too many to hold."""
    end = b"\0" if null else b"\n"
    found: list[str] = []
    memory = memoryview(bytearray(_PIECE))
    begun = b""
    left = MOST_BYTES
    while got := read_into(stream, memory):
        piece = bytes(memory[:got])
        if not piece.strip(end):
            # Only terminators; there may be very many.
            found += map(os.fsdecode, [begun] if begun else [])
            begun = b""
            continue
        if not null and b"\0" in piece:
            raise ValueError("the names are separated by NUL bytes: --null reads such a list")
        *whole, begun = (begun + piece).split(end)
        if len(begun) > LONGEST_NAME or max(map(len, whole), default=0) > LONGEST_NAME:
            raise ValueError(f"a name has more than {LONGEST_NAME} bytes: is this a list of files?")
        found += map(os.fsdecode, filter(None, whole))
        left -= got
        if len(found) > MOST_NAMES or left < 0:
            raise ValueError(
                f"more than {MOST_NAMES} names, or {MOST_BYTES} bytes of them: split them over several runs"
            )
    if begun:
        found.append(os.fsdecode(begun))
    return found


def _files(path: str, origin: int, choice: Choice) -> Iterator[Found | Listing]:
    try:
        status = deep.stat(path)
    except OSError as error:
        if _MAGIC.isdisjoint(path) or os.path.lexists(path):
            yield Found(path, origin, error=error)
            return
        yield from _listed(path, origin, eventcli.reading.walking.glob(path, *choice), "no file matches")
    except ValueError as error:  # a NUL byte
        yield Found(path, origin, error=FileNotFoundError(errno.ENOENT, str(error)))
    else:
        if stat.S_ISDIR(status.st_mode):
            paths = eventcli.reading.walking.walk(path, *choice)
            yield from _listed(path, origin, paths, "no file in this directory looks like a log (see --include)")
        elif stat.S_ISREG(status.st_mode):
            yield Found(path, origin, status=status)
        else:
            yield Found(path, origin)


def _objects(url: str, origin: int) -> Iterator[Found]:
    try:
        urls = expand_url(url)
    except OSError as error:
        yield Found(url, origin, error=error)
    else:
        yield from (Found(each, origin) for each in urls)


def _listed(name: str, origin: int, lists: Iterator[Known | OSError], nothing: str) -> Iterator[Found | Listing]:
    """Yield the files that an argument refers to, in batches, and an error in place of what could not be listed."""
    paths: list[str] = []
    inodes: list[int] = []
    device = 0
    is_nothing = True
    for listed in lists:
        if paths and (isinstance(listed, OSError) or listed.device != device):
            yield _listing(Known(paths, device, inodes), origin)
            paths, inodes = [], []
        if isinstance(listed, OSError):
            is_nothing = False
            yield Found(os.fsdecode(listed.filename or name), origin, error=listed)
            continue
        device = listed.device
        paths += listed.paths
        inodes += listed.inodes
        is_nothing = is_nothing and not paths
        while len(paths) >= AT_ONCE:
            left = len(paths) - AT_ONCE + listed.left
            yield _listing(Known(paths[:AT_ONCE], device, inodes[:AT_ONCE], left), origin)
            paths, inodes = paths[AT_ONCE:], inodes[AT_ONCE:]
    if paths:
        yield _listing(Known(paths, device, inodes), origin)
    elif is_nothing:
        yield Found(name, origin, error=FileNotFoundError(errno.ENOENT, nothing))


def _listing(files: Known, origin: int) -> Listing:
    return Listing(files, [origin] * len(files.paths))
