"""Where the rotated files of a log are, and whether anything can still be written to one of them."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final

from eventcli.ledger.streams.birth import look
from eventcli.ledger.streams.candidate import Candidate, Family
from eventcli.ledger.streams.registry import Registry
from eventcli.ledger.streams.stored import is_stream, real_path
from eventcli.reading import deep
from eventcli.reading.rotations import by_base, is_date, rank, rotations

OnError = Callable[[str, OSError], object]

_IGNORE: Final[OnError] = lambda _folder, _error: None  # noqa: E731  # a default


class Siblings:
    """The names of rotated files in the folders of logs, each of which is listed once."""

    def __init__(self, registry: Registry, olddirs: Iterable[str] = ()) -> None:
        """Take the known streams, and folders that rotated files are moved to."""
        self._registry = registry
        self._olddirs = [os.path.abspath(one) for one in olddirs]
        self._folders: dict[str, dict[str, list[str]]] = {}

    def base(self, path: str, named: Collection[str]) -> str:
        """Return the path of the live log that `path` may be a rotation of."""
        folder, name = os.path.split(path)
        for rotation in rotations(name):
            base = os.path.join(folder, rotation.base)
            if base in named or self._registry.of_name(base) or deep.exists(base):
                return base
        return path

    def paths(self, base: str, on_error: OnError = _IGNORE) -> Iterator[str]:
        """Yield the paths of all rotated files of a log, including those next to the target of a link at its path.

        They are in the folder of the log, in the given folders for rotated files, and where earlier ones were found.
        """
        if is_stream(base):
            return
        places = [os.path.split(one) for one in (base, real_path(base))]
        name = os.path.basename(base)
        places += [(folder, name) for folder in self._olddirs]
        places += [(os.path.dirname(stream.path), name) for stream in self._registry.of_name(base)]
        for folder, own in dict.fromkeys(places):
            for found in self._rotated(folder, on_error).get(own, ()):
                yield os.path.join(folder, found)

    def _rotated(self, folder: str, on_error: OnError = _IGNORE) -> dict[str, list[str]]:
        """Return the names of the rotated files in a folder, by the name of their live file."""
        if folder not in self._folders:
            try:
                self._folders[folder] = by_base(deep.names_in(folder))
            except OSError as error:
                if not isinstance(error, FileNotFoundError | NotADirectoryError):
                    on_error(folder, error)
                return {}
        return self._folders[folder]

    def is_superseded(self, file: Candidate, family: Family) -> bool:
        """Whether a newer generation has been written to: the live file, or the log of a later day."""
        if is_stream(family.base):
            return False
        if file.path != family.base:
            mine = family.rank(file)
            if _is_written(family.base):
                return True
            return any(rank(family.base, path) > mine and _is_written(path) for path in self.paths(family.base))
        folder, name = os.path.split(file.path)
        for rotation in rotations(name):
            if is_date(rotation.generation):
                for other in reversed(self._rotated(folder).get(rotation.base, ())):
                    path = os.path.join(folder, other)
                    later = rank(os.path.join(folder, rotation.base), path)
                    if is_date(later) and later > rotation.generation and _is_written(path):
                        return True
        return False


def _is_written(path: str) -> bool:
    try:
        return look(path).size > 0
    except OSError:
        return False
