"""The files in which new streams begin, by what they begin with: another one with the same content is a copy."""

import os
from collections.abc import Iterator
from itertools import chain, islice
from typing import Final

from eventcli.ledger.streams.candidate import Candidate

MOST_ALIKE: Final = 256
"""At most this many files or streams that begin alike are compared with one file."""

_EARLY: Final = 4
"""Files that share this many first lines are compared one by one."""


class Begun:
    """The files in which new or unread streams begin."""

    def __init__(self) -> None:
        """Begin with none."""
        self._by_last: dict[str, list[Candidate]] = {}
        self._by_early: dict[str, list[Candidate]] = {}
        self._by_path: dict[str, Candidate] = {}

    def add(self, file: Candidate) -> None:
        """Add a file."""
        found = file.marks
        if not found:
            return
        # A longer file with the same content does not have the mark of a torn line, but that of the line before it.
        for mark in found[-1:] if file.head.endswith(b"\n") else found[-2:]:
            self._by_last.setdefault(mark, []).append(file)
        for mark in found[:_EARLY]:
            self._by_early.setdefault(mark, []).append(file)
        if file.is_repetitive(file.length):
            for path in (file.path, *_stems(file.path)):
                self._by_path.setdefault(path, file)

    def replace(self, file: Candidate, other: Candidate) -> None:
        """Put another file, which begins with the same content and may be longer, in the place of a file."""
        for index in (self._by_last, self._by_early):
            for mark in file.marks:
                files = index.get(mark, [])
                files[:] = [other if one is file else one for one in files]
        for path in (file.path, *_stems(file.path)):
            if self._by_path.get(path) is file:
                self._by_path[path] = other
        # The longer one has marks of its own, by which further copies of it are found.
        self.add(other)

    def alike(self, file: Candidate) -> list[Candidate]:
        """Return files that may have the same content; if it is repetitive, only those with related names."""
        found = file.marks
        if not found:
            return []
        alike: list[Candidate] = []
        if file.is_repetitive(file.length):
            files = [] if file.family is None else file.family.files
            alike += (one for one in files if one is not file and is_begun(one))
            alike += (one for path in _stems(file.path) if (one := self._by_path.get(path)) is not None)
            if file.is_one_line():
                return _distinct(alike)
        ones = [self._by_last.get(mark, ()) for mark in found]
        # Their last line may be torn.
        ones += [self._by_early.get(mark, ()) for mark in found[:_EARLY][-2:]]
        alike += chain.from_iterable(islice(files, MOST_ALIKE) for files in ones)
        return _distinct(alike)


def is_begun(file: Candidate) -> bool:
    """Whether a new or unread stream begins in a file."""
    return file.stream is not None and not file.stream.seen


def _distinct(files: list[Candidate]) -> list[Candidate]:
    return list(dict.fromkeys(files))  # files are compared by identity


def _stems(path: str) -> Iterator[str]:
    """Yield the paths that this one may be a copy of: `app.log` and `app` for `app.log.bak`."""
    folder, name = os.path.split(path)
    for end in range(len(name) - 1, 0, -1):
        if name[end] in ".-_~ ":
            yield os.path.join(folder, name[:end])
