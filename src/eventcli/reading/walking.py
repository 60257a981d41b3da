"""Walks directories and globs: the files in them, many at a time, in the order of their names."""

import errno
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Final

from eventcli.reading import deep
from eventcli.reading.listing import DIRECTORY, LINK, REGULAR, Entries, entries
from eventcli.reading.rotations import SUFFIXES, is_log, translate
from eventcli.reading.small_files import AT_ONCE, Known

_IS_UTF8: Final = sys.getfilesystemencoding() == "utf-8"

_MAGIC: Final = frozenset("*?[")

_RUN: Final = rf"{REGULAR}{{1,{AT_ONCE}}}|(.)\1*"
"""Batches of directory entries: consecutive entries of one kind, with a limit on regular files."""

_NO_FILE: Final = frozenset((errno.ENOENT, errno.ENOTDIR, errno.ELOOP))
"""Errors of a link that leads nowhere, which is skipped. A link to something that must not be read is reported."""


Listed = Known | OSError
"""Consecutive files, or the reason why something cannot be examined."""


def walk(directory: str, include: Sequence[str], exclude: Sequence[str]) -> Iterator[Listed]:
    """Yield all files in and below a directory that the patterns select, in name order."""
    return _unrolled(_walk(directory, _Rules(include, exclude)))


def glob(pattern: str, include: Sequence[str], exclude: Sequence[str]) -> Iterator[Listed]:
    """Yield all files that match a glob and that `exclude` does not leave out, in name order."""
    top = "/" if pattern.startswith("/") else ""
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    return _unrolled(_glob(top, parts, _Rules(include, exclude)))


class _Rules:
    """The patterns of a `Choice`, compiled."""

    def __init__(self, include: Sequence[str], exclude: Sequence[str]) -> None:
        self._take = _compiled(include) if include else None
        self._leave = _compiled(exclude)
        # Name endings that are always selected.
        self._sure = () if include or exclude else SUFFIXES

    def takes(self, name: str, path: str) -> bool:
        """Whether a file is selected; `path` is relative to the directory."""
        taken = is_log(name) if self._take is None else _matches(self._take, name, path)
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
    return re.compile("|".join(map(translate, patterns))) if patterns else None


def _text(name: str) -> str:
    """Return a name in the form that patterns match: UTF-8 bytes are characters in every locale."""
    if _IS_UTF8 or name.isascii():
        return name
    return os.fsencode(name).decode("utf-8", "surrogateescape")


def _matches(patterns: _Patterns, name: str, path: str) -> bool:
    for_names, for_paths = patterns
    name, path = _text(name), _text(path)
    return bool((for_names and for_names.match(name)) or (for_paths and for_paths.match(path)))


_Steps = Iterator["Listed | _Steps"]
"""The results of a walk, interleaved with nested walks, each to be completed where it occurs."""


def _unrolled(way: _Steps) -> Iterator[Listed]:
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


def _files_of(begin: str, some: Entries, left: int = 0) -> Iterator[Listed]:
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


def _regular(path: str) -> Iterator[Listed]:
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
        match = re.compile(translate(_text(part))).match
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
