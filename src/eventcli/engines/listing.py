"""Lists sources once, on the client, and freezes what they are: the start of every plan."""

import os
import re
import stat
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import eventcli.reading
from eventcli.engines.sources import Frozen
from eventcli.errors import WrongUsageError
from eventcli.lines.query import Form
from eventcli.pipeline.opened import failed
from eventcli.pipeline.options import Options
from eventcli.reading import deep
from eventcli.reading.claims import Key
from eventcli.reading.discovery import Found, Listing, discover_many
from eventcli.reading.frozen import FileState
from eventcli.reading.portions import ByteRange
from eventcli.reading.source import refuse
from eventcli.redaction import secrets
from eventcli.summary.sources import SourceReport
from eventcli.text import STDIN_NAME, Source, is_url, name_of

if TYPE_CHECKING:
    from concurrent.futures import Future

    from eventcli.reading.remote.listing import ObjectState

_AT_ONCE: Final = 32
"""URLs that are asked about at a time."""

_COMPRESSED: Final = re.compile(r"\.(?:t?gz|gzip|t?zst|zstd|bz2|xz|lzma|lz4|z)\Z", re.IGNORECASE)
"""Endings of the names of compressed files; what has another name and is compressed is noticed by a worker."""

COMPRESSED: Final = "compressed"


class Repeat(NamedTuple):
    """A name that leads to a source that counts already, under another name."""

    name: str
    other: str


Said: TypeAlias = SourceReport | Repeat
"""The facts about a name whose source is not read."""


class Listed(NamedTuple):
    """The sources to be read, in order, each with its name for people.

    `said` are the names that lead to none of them, each with the number of sources before it.
    """

    sources: Sequence[Frozen]
    names: Sequence[str]
    said: Sequence[tuple[int, Said]]


def listed(inputs: Iterable[Source | ByteRange], options: Options) -> Listed:
    """Return what the inputs lead to, in the order in which one machine reads it.

    WrongUsageError for what only this process can read, such as a pipe.
    """
    found = _Found(options)
    for are_urls, group in groupby(enumerate(map(_path_of, inputs)), lambda item: is_url(item[1])):
        if are_urls:
            for origin, url, objects in _objects(group, options):
                found.add_objects(url, objects, origin)
            continue
        for origin, path in group:
            for each in discover_many([path], options.choice):
                found.add(each, origin)
    return Listed(found.sources, found.names, found.said)


def with_ends(found: Listed) -> Listed:
    """Return the same, with files that are told from longer ones in their place. Reads 8 KiB of each, in 17 us."""
    sources = [
        source._replace(version=source.version.with_ends(source.path))
        if isinstance(source.version, FileState)
        else source
        for source in found.sources
    ]
    return found._replace(sources=sources)


def _path_of(source: Source | ByteRange) -> str:
    if isinstance(source, ByteRange) or not isinstance(source, (str, os.PathLike)):
        name = source.name if isinstance(source, ByteRange) else name_of(source)
        raise WrongUsageError(f"{name}: workers cannot read it: engines take files and URLs")
    path = os.fspath(source)
    if is_url(path) and secrets(path):
        raise WrongUsageError(
            f"{name_of(path)}: what is hidden here may be a secret, and would be seen on the cluster: workers have"
            " credentials of their own, from their environment or their role"
        )
    return path


def _objects(
    urls: Iterable[tuple[int, str]], options: Options
) -> Iterator[tuple[int, str, "list[ObjectState] | OSError"]]:
    """Yield for each URL its place and the objects that it names, or why they are not known, in order."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  # only for URLs

    def states(url: str) -> "list[ObjectState] | OSError":
        try:
            return eventcli.reading.remote.listing.objects(url, options.timeout, options.storage)
        except OSError as error:
            return error

    with ThreadPoolExecutor(_AT_ONCE, "eventstats-list") as threads:
        try:
            asked: deque[tuple[int, str, Future[list[ObjectState] | OSError]]] = deque()
            for origin, url in urls:
                asked.append((origin, url, threads.submit(states, url)))
                if len(asked) == 2 * _AT_ONCE:
                    yield _answered(*asked.popleft())
            while asked:
                yield _answered(*asked.popleft())
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def _answered(
    origin: int, url: str, future: "Future[list[ObjectState] | OSError]"
) -> tuple[int, str, "list[ObjectState] | OSError"]:
    return origin, url, future.result()


class _Found:
    """The sources found so far."""

    def __init__(self, options: Options) -> None:
        self.sources: list[Frozen] = []
        self.names: list[str] = []
        self.said: list[tuple[int, Said]] = []
        self._options = options
        self._claims: dict[Key, tuple[int, str]] = {}

    def add(self, found: Found | Listing, origin: int) -> None:
        """Add what discovery found on a file system."""
        if isinstance(found, Found):
            self._add_found(found, origin)
            return
        device = found.files.device
        for path, inode in zip(found.files.paths, found.files.inodes, strict=True):
            if found.named or (device, inode) not in self._options.left_out:
                self._add_path(path, origin)

    def add_objects(self, url: str, objects: "list[ObjectState] | OSError", origin: int) -> None:
        """Add the objects that a URL names, or the reason why they are not known."""
        if isinstance(objects, OSError):
            self._fail(name_of(url), objects)
            return
        for each in objects:
            if self._is_first((None, each.url), name_of(each.url), origin):
                whole = each.whole or _whole(each.url.partition("?")[0], self._options.query.form)
                self._take(Frozen(each.url, each.size, each.version, whole), name_of(each.url))

    def _add_found(self, found: Found, origin: int) -> None:
        name = name_of(found.source)
        if found.error is not None:
            self._fail(name, found.error)
        elif found.status is not None:
            self._add_file(str(found.source), found.status, origin)
        elif name == STDIN_NAME:
            raise WrongUsageError("standard input: workers cannot read it: name files or URLs, or use --engine local")
        else:
            self._add_path(str(found.source), origin)

    def _add_path(self, path: str, origin: int) -> None:
        try:
            status = deep.stat(path)
            refuse(status.st_mode)
        except OSError as error:
            self._fail(name_of(path), error)
            return
        if not stat.S_ISREG(status.st_mode):
            raise WrongUsageError(f"{name_of(path)}: workers cannot read it: it is no regular file")
        self._add_file(path, status, origin)

    def _add_file(self, path: str, status: os.stat_result, origin: int) -> None:
        name = name_of(path)
        if self._is_first((status.st_dev, status.st_ino), name, origin):
            state = FileState.of(status)
            whole = _whole(path, self._options.query.form)
            self._take(Frozen(os.path.abspath(path), state.size, state, whole), name)

    def _is_first(self, key: Key, name: str, origin: int) -> bool:
        """Claim a source; if it counts already, note under which name, unless both come from the same argument."""
        if key not in self._claims:
            self._claims[key] = origin, name
            return True
        first, other = self._claims[key]
        if first != origin:
            self.said.append((len(self.sources), Repeat(name, other)))
        return False

    def _take(self, source: Frozen, name: str) -> None:
        self.sources.append(source)
        self.names.append(name)

    def _fail(self, name: str, error: OSError) -> None:
        self.said.append((len(self.sources), failed(name, error)))


def _whole(path: str, form: Form) -> str:
    """Return why a source cannot be divided, as far as its name and the query say; empty if it can."""
    if _COMPRESSED.search(path):
        return COMPRESSED
    return "not one event a line" if form.is_framed else ""
