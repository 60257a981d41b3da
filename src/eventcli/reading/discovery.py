"""Turns names into sources: expands globs, walks directories, reads lists of names."""

import errno
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Final, NamedTuple

import eventcli.reading
from eventcli.readable import Readable, read_into
from eventcli.reading import deep
from eventcli.reading.listing import DIRECTORY, LINK, REGULAR, Entries, entries
from eventcli.reading.small_files import Known
from eventcli.reading.source import expand_url
from eventcli.text import STDIN, Source, is_url

MOST_NAMES: Final = 5_000_000
"""Maximum number of names in a list: every file is remembered, so that repeated ones count once."""

MOST_BYTES: Final = 512 * 1024 * 1024
"""Maximum size of a list in bytes."""

LONGEST_NAME: Final = 64 * 1024
"""Maximum length of a name in bytes: Linux opens at most 4096 at a time."""

_PIECE: Final = 1024 * 1024

_IS_UTF8: Final = sys.getfilesystemencoding() == "utf-8"

_MAGIC: Final = frozenset("*?[")

_AT_ONCE: Final = 1024
"""Files of a directory or a glob that are passed on together."""

_RUN: Final = rf"{REGULAR}{{1,{_AT_ONCE}}}|(.)\1*"
"""Batches of directory entries: consecutive entries of one kind, with a limit on regular files."""

_NO_FILE: Final = frozenset((errno.ENOENT, errno.ENOTDIR, errno.ELOOP))
"""Errors of a link that leads nowhere, which is skipped. A link to something that must not be read is reported."""


class Choice(NamedTuple):
    """Glob patterns that select files in a directory.

    `include` replaces the names of logs, see `rotations.is_log`. `exclude` also skips whole subdirectories and matches
    of a glob. A pattern is matched against the name, or, if it contains a slash, against the path relative to the
    directory.
    """

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()


_Listed = Known | OSError
"""Consecutive files, or the reason why something cannot be examined."""


class Found(NamedTuple):
    """One source: a path, `-`, a URL or a stream; or a name that leads to nothing, with the `error` that says why.

    `origin` is the index of the argument it comes from. `status` is that of a regular file that was named itself,
    rather than found by a glob or in a directory.
    """

    source: Source
    origin: int
    error: OSError | None = None
    status: os.stat_result | None = None


class Listing(NamedTuple):
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
        top = "/" if path.startswith("/") else ""
        parts = [part for part in path.split("/") if part not in ("", ".")]
        yield from _listed(path, origin, _unrolled(_glob(top, parts, _Rules(choice))), "no file matches")
    except ValueError as error:  # a NUL byte
        yield Found(path, origin, error=FileNotFoundError(errno.ENOENT, str(error)))
    else:
        if stat.S_ISDIR(status.st_mode):
            paths = _unrolled(_walk(path, _Rules(choice)))
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


def _listed(name: str, origin: int, lists: Iterator[_Listed], nothing: str) -> Iterator[Found | Listing]:
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
        while len(paths) >= _AT_ONCE:
            left = len(paths) - _AT_ONCE + listed.left
            yield _listing(Known(paths[:_AT_ONCE], device, inodes[:_AT_ONCE], left), origin)
            paths, inodes = paths[_AT_ONCE:], inodes[_AT_ONCE:]
    if paths:
        yield _listing(Known(paths, device, inodes), origin)
    elif is_nothing:
        yield Found(name, origin, error=FileNotFoundError(errno.ENOENT, nothing))


def _listing(files: Known, origin: int) -> Listing:
    return Listing(files, [origin] * len(files.paths))


class _Rules:
    """A `Choice`, compiled."""

    def __init__(self, choice: Choice) -> None:
        self._take = _compiled(choice.include) if choice.include else None
        self._leave = _compiled(choice.exclude)
        # Name endings that are always selected.
        self._sure = () if choice.include or choice.exclude else eventcli.reading.rotations.SUFFIXES

    def takes(self, name: str, path: str) -> bool:
        """Whether a file is selected; `path` is relative to the directory."""
        taken = eventcli.reading.rotations.is_log(name) if self._take is None else _matches(self._take, name, path)
        return taken and not _matches(self._leave, name, path)

    def take_all(self, names: Sequence[str]) -> bool:
        """Whether all files with these names are certainly selected, as most are where there are very many."""
        is_sure = all(map(str.endswith, names, repeat(self._sure)))
        return is_sure and not any(map(str.startswith, names, repeat(".")))

    def leaves(self, name: str, path: str) -> bool:
        """Whether a file or a directory is skipped."""
        return _matches(self._leave, name, path)


_Patterns = tuple[re.Pattern[str] | None, re.Pattern[str] | None]
"""Functions that match a name, and a path."""


def _compiled(patterns: Iterable[str]) -> _Patterns:
    for_names = [pattern for pattern in patterns if "/" not in pattern]
    for_paths = [pattern.removeprefix("/") for pattern in patterns if "/" in pattern]
    return _any_of(for_names), _any_of(for_paths)


def _any_of(patterns: list[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(eventcli.reading.rotations.translate, patterns))) if patterns else None


def _text(name: str) -> str:
    """Return a name in the form that patterns match: UTF-8 bytes are characters in every locale."""
    if _IS_UTF8 or name.isascii():
        return name
    return os.fsencode(name).decode("utf-8", "surrogateescape")


def _matches(patterns: _Patterns, name: str, path: str) -> bool:
    for_names, for_paths = patterns
    name, path = _text(name), _text(path)
    return bool((for_names and for_names.match(name)) or (for_paths and for_paths.match(path)))


_Steps = Iterator["_Listed | _Steps"]
"""The results of a walk, interleaved with nested walks, each to be completed where it occurs."""


def _unrolled(way: _Steps) -> Iterator[_Listed]:
    """Yield the results of a walk and of all nested walks; trees may be deeper than the recursion limit."""
    ways = [way]
    while ways:
        for found in ways[-1]:
            if isinstance(found, (tuple, OSError)):
                yield found
            else:
                ways.append(found)
                break
        else:
            ways.pop()


def _walk(top: str, rules: _Rules, below: str = "") -> _Steps:
    """Yield the paths of all files in and below a directory that the rules select, in name order."""
    (names, kinds, device, inodes), errors = _entries(os.path.join(top, below) if below else top)
    yield from errors
    begin = os.path.join(top, below, "")
    for run in re.finditer(_RUN, kinds):
        start, end = run.span()
        some = Entries(names[start:end], kinds[start:end], device, inodes[start:end])
        if kinds[start] == DIRECTORY:
            for name in some.names:
                if name[0] != "." and not rules.leaves(name, below + name):
                    yield _walk(top, rules, f"{below}{name}/")
            continue
        if not rules.take_all(some.names):
            some = some.chosen(name[0] != "." and rules.takes(name, below + name) for name in some.names)
        yield from _files_of(begin, some, len(names) - end)


def _files_of(begin: str, some: Entries, left: int = 0) -> Iterator[_Listed]:
    """Yield the regular files of some directory entries, and the targets of links; `left` more entries follow."""
    names, kinds, device, inodes = some
    for run in re.finditer(_RUN, kinds):
        start, end = run.span()
        if kinds[start] == REGULAR:
            paths = [begin + name for name in names[start:end]]
            yield Known(paths, device, inodes[start:end], len(names) - end + left)
        elif kinds[start] == LINK:
            for name in names[start:end]:
                yield from _regular(begin + name)


def _regular(path: str) -> Iterator[_Listed]:
    """Yield a regular file, or the target of a link; or the reason why it cannot be determined."""
    try:
        status = deep.stat(path)
    except OSError as error:
        if error.errno not in _NO_FILE:
            yield error
    else:
        if stat.S_ISREG(status.st_mode):
            yield Known([path], status.st_dev, [status.st_ino])


def _entries(directory: str) -> tuple[Entries, list[OSError]]:
    """Return the entries of a directory; none, and the error, if it cannot be listed."""
    try:
        return entries(directory), []
    except OSError as error:
        return Entries([], "", 0, []), [error]


def _is_directory(path: str, kind: str = LINK) -> bool:
    """Whether a path is a directory, or leads to one."""
    if kind != LINK:
        return kind == DIRECTORY
    try:
        return stat.S_ISDIR(deep.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def _glob(top: str, parts: list[str], rules: _Rules, below: str = "", listed: Entries | None = None) -> _Steps:
    """Yield the paths of all files that match the parts of a glob, in name order.

    `listed` is the content of the directory, if known.
    """
    part, *rest = parts
    here = f"{top}{below}"
    if part == "**":
        yield _below(top, rest, rules, below)
    elif _MAGIC.isdisjoint(part):
        path = f"{here}{part}"
        if rest:
            if _is_directory(path):
                yield _glob(top, rest, rules, f"{below}{part}/")
        else:
            yield from _regular(path)
    elif _is_directory(here or "."):
        if listed is None:
            listed, errors = _entries(here or ".")
            yield from errors
        match = re.compile(eventcli.reading.rotations.translate(_text(part))).match
        matching = listed.chosen(
            bool(match(_text(name))) and (name[0] != "." or part[0] == ".") and not rules.leaves(name, below + name)
            for name in listed.names
        )
        if rest:
            for name, kind in zip(matching.names, matching.kinds, strict=True):
                if _is_directory(here + name, kind):
                    yield _glob(top, rest, rules, f"{below}{name}/")
        else:
            yield from _files_of(here, matching)


def _below(top: str, parts: list[str], rules: _Rules, below: str) -> _Steps:
    """Yield the matching files in a directory, and in all directories below it."""
    while parts and parts[0] == "**":
        parts = parts[1:]
    here = f"{top}{below}" or "."
    if _is_directory(here):
        listed, errors = _entries(here)
        yield from errors
        yield _glob(top, parts or ["*"], rules, below, listed)
        for name, kind in zip(listed.names, listed.kinds, strict=True):
            if kind == DIRECTORY and name[0] != "." and not rules.leaves(name, below + name):
                yield _below(top, parts, rules, f"{below}{name}/")
