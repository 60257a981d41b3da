"""Names become sources: globs are expanded, directories are walked, a list of names is read."""

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from eventcli.source import STDIN, Source, expand_url, is_url

DEFAULT_PATTERNS: Final = ("*.jsonl", "*.ndjson", "*.json", "*.log")
"""What names of logs look like; a rotation's number or date and the suffix of a compressed file may follow."""

_ROTATED: Final = r"(?:[.-][0-9]+(?:[-_.T:][0-9]+)*)?(?:\.(?:gz|zst|bz2|xz|lz4))?\Z"
_MAGIC: Final = frozenset("*?[")
_AT_ONCE: Final = 256
"""Files of a directory or a glob that are found before the first of them is opened."""


class Choice(NamedTuple):
    """Which files of a directory are meant, as glob patterns.

    `include` takes the place of `DEFAULT_PATTERNS`. `exclude` also leaves out whole subdirectories, and what matches a
    glob. A pattern is compared with the name, or, if it holds a slash, with the path from the directory on.
    """

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()


class Found(NamedTuple):
    """One source: a path, `-`, a URL or a stream; or a name that leads to nothing, and the `error` that says why.

    `origin` is the index of the argument that it comes from. `regular` says that it was seen to be a regular file,
    `named` that it was named itself, and does not come from a glob or a directory; then `size` is that of the file.
    """

    source: Source
    origin: int
    regular: bool = False
    named: bool = True
    error: OSError | None = None
    size: int | None = None


class Listing(NamedTuple):
    """Files of one argument, a directory or a glob, that were all seen to be regular."""

    paths: list[str]
    origin: int


def discover(sources: Iterable[Source], choice: Choice = Choice()) -> Iterator[Found]:  # noqa: B008  # immutable
    """Yield what the arguments stand for, in their order; nothing is opened, and each is looked at in its turn.

    A path that exists is itself, whatever characters it has; a directory is all files in it and below that `choice`
    takes, in the order of their names. Otherwise a path with `*`, `?` or `[` is a glob: the files that match it, where
    `**` stands for any number of directories. Hidden files and directories are left out, unless a glob names the dot;
    links to directories are not followed, so there are no loops. What leads to nothing has a FileNotFoundError.
    """
    for found in discover_many(sources, choice):
        if isinstance(found, Listing):
            yield from (Found(path, found.origin, regular=True, named=False) for path in found.paths)
        else:
            yield found


def discover_many(sources: Iterable[Source], choice: Choice) -> Iterator[Found | Listing]:
    """Yield the same as `discover`; files of directories and globs together, which is quicker where they are many."""
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
    """Return the paths of a list, one a line, or each ended by a NUL byte; ValueError where they cannot be paths."""
    paths = [path for path in data.split(b"\0" if null else b"\n") if path]
    if any(b"\0" in path for path in paths):
        raise ValueError("the names are separated by NUL bytes: --null reads such a list")
    return [os.fsdecode(path) for path in paths]


def _files(path: str, origin: int, choice: Choice) -> Iterator[Found | Listing]:
    try:
        status = os.stat(path)
    except OSError as error:
        if _MAGIC.isdisjoint(path) or os.path.lexists(path):
            yield Found(path, origin, error=error)
            return
        top = "/" if path.startswith("/") else ""
        parts = [part for part in path.split("/") if part not in ("", ".")]
        yield from _listed(path, origin, _glob(top, parts, _Rules(choice)), "no file matches")
    except ValueError as error:  # a NUL byte
        yield Found(path, origin, error=FileNotFoundError(errno.ENOENT, str(error)))
    else:
        if stat.S_ISDIR(status.st_mode):
            paths = _walk(path, _Rules(choice))
            yield from _listed(path, origin, paths, "no file in this directory looks like a log (see --include)")
        elif stat.S_ISREG(status.st_mode):
            yield Found(path, origin, regular=True, size=status.st_size)
        else:
            yield Found(path, origin)


def _objects(url: str, origin: int) -> Iterator[Found]:
    try:
        urls = expand_url(url)
    except OSError as error:
        yield Found(url, origin, error=error)
    else:
        yield from (Found(each, origin) for each in urls)


def _listed(name: str, origin: int, paths: Iterator[str], nothing: str) -> Iterator[Found | Listing]:
    """Yield the files that stand for an argument; a list that cannot be read on ends with its error."""
    error: OSError | None = None
    listed: list[str] = []
    path = None
    try:
        for path in paths:
            listed.append(path)
            if len(listed) == _AT_ONCE:
                yield Listing(listed, origin)
                listed = []
    except OSError as failure:
        name, error = failure.filename if isinstance(failure.filename, str) else name, failure
    else:
        if path is None:
            error = FileNotFoundError(errno.ENOENT, nothing)
    if listed:
        yield Listing(listed, origin)
    if error is not None:
        yield Found(name, origin, error=error)


class _Rules:
    """A `Choice`, compiled."""

    def __init__(self, choice: Choice) -> None:
        self._take = _compiled(choice.include) if choice.include else (_default(), None)
        self._leave = _compiled(choice.exclude)
        self._only = self._take[0].match if self._take[0] and not self._take[1] and not choice.exclude else None

    def takes(self, name: str, path: str) -> bool:
        """Whether a file is meant; `path` is that from the directory on."""
        if self._only is not None:
            return self._only(name) is not None
        return _matches(self._take, name, path) and not _matches(self._leave, name, path)

    def leaves(self, name: str, path: str) -> bool:
        """Whether a file or a directory is left out."""
        return _matches(self._leave, name, path)


_Patterns = tuple[re.Pattern[str] | None, re.Pattern[str] | None]
"""What is compared with a name, and with a path."""


def _compiled(patterns: Iterable[str]) -> _Patterns:
    for_names = [pattern for pattern in patterns if "/" not in pattern]
    for_paths = [pattern.removeprefix("/") for pattern in patterns if "/" in pattern]
    return _any_of(for_names), _any_of(for_paths)


def _any_of(patterns: list[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(_translate, patterns))) if patterns else None


def _default() -> re.Pattern[str]:
    begin = "|".join(_translate(pattern).removesuffix(r"\Z").removesuffix(r"\z") for pattern in DEFAULT_PATTERNS)
    return re.compile(f"(?:{begin}){_ROTATED}")


def _translate(pattern: str) -> str:
    import fnmatch  # noqa: PLC0415  # start-up of all runs on files that are named

    return fnmatch.translate(pattern)


def _matches(patterns: _Patterns, name: str, path: str) -> bool:
    for_names, for_paths = patterns
    return bool((for_names and for_names.match(name)) or (for_paths and for_paths.match(path)))


def _walk(top: str, rules: _Rules, below: str = "") -> Iterator[str]:
    """Yield the paths of all files in and below a directory that the rules take, in the order of their names."""
    for entry in _entries(os.path.join(top, below) if below else top):
        if entry.name.startswith("."):
            continue
        path = below + entry.name
        if entry.is_dir(follow_symlinks=False):
            if not rules.leaves(entry.name, path):
                yield from _walk(top, rules, f"{path}/")
        elif rules.takes(entry.name, path) and entry.is_file():
            yield entry.path


def _entries(directory: str) -> list[os.DirEntry[str]]:
    with os.scandir(directory or ".") as entries:
        return sorted(entries, key=_name)


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _glob(top: str, parts: list[str], rules: _Rules, below: str = "") -> Iterator[str]:
    """Yield the paths of all files that match the parts of a glob, in the order of their names."""
    part, *rest = parts
    here = f"{top}{below}"
    if part == "**":
        yield from _below(top, rest, rules, below)
    elif _MAGIC.isdisjoint(part):
        path = f"{below}{part}"
        if rest:
            if os.path.isdir(f"{top}{path}"):
                yield from _glob(top, rest, rules, f"{path}/")
        elif os.path.isfile(f"{top}{path}"):
            yield f"{top}{path}"
    elif os.path.isdir(here or "."):
        pattern = re.compile(_translate(part))
        for entry in _entries(here):
            path = f"{below}{entry.name}"
            if not pattern.match(entry.name) or (entry.name.startswith(".") and not part.startswith(".")):
                continue
            if rest:
                if entry.is_dir() and not rules.leaves(entry.name, path):
                    yield from _glob(top, rest, rules, f"{path}/")
            elif entry.is_file() and not rules.leaves(entry.name, path):
                yield f"{top}{path}"


def _below(top: str, parts: list[str], rules: _Rules, below: str) -> Iterator[str]:
    """Yield the files that match in a directory, and in all directories below it."""
    while parts and parts[0] == "**":
        parts = parts[1:]
    yield from _glob(top, parts or ["*"], rules, below)
    if os.path.isdir(f"{top}{below}" or "."):
        for entry in _entries(f"{top}{below}"):
            path = f"{below}{entry.name}"
            hidden = entry.name.startswith(".")
            if entry.is_dir(follow_symlinks=False) and not hidden and not rules.leaves(entry.name, path):
                yield from _below(top, parts, rules, f"{path}/")
