"""Which source counts of those that lead to the same file: the first one."""

from bisect import bisect
from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import TypeAlias

from eventcli.text import name_of

Key: TypeAlias = tuple[Hashable, Hashable]
"""What all links to a file share: its device and inode; of any other source, what nothing else has."""


class Claims:
    """Of each source that was found its place among all; of each file, that of the source that counts.

    Columns go in, because very many files may: `Key` in two parts, so that none has to be made for each. Places are
    given by one thread at a time; the other methods may be called by any.
    """

    def __init__(self) -> None:
        """Begin without a source."""
        self._first: defaultdict[Hashable, dict[Hashable, int]] = defaultdict(dict)
        self._next = 0
        # Sources that were found together: the place of the first one, their paths or names, and their arguments.
        self._starts: list[int] = []
        self._found: list[tuple[Sequence[str], Sequence[int]]] = []

    def places(self, paths: Sequence[str], origins: Sequence[int]) -> range:
        """Return the places of sources, each a path or a name and the index of the argument that it comes from."""
        start = self._next
        self._starts.append(start)
        self._found.append((paths, origins))
        self._next += len(paths)
        return range(start, self._next)

    def claim_all(self, device: Hashable, inodes: Sequence[Hashable], places: Sequence[int]) -> list[int]:
        """Return for each source with its place which one counts: itself, if it is the first one of its file."""
        return list(map(self._first[device].setdefault, inodes, places))

    def claim(self, key: Key, place: int) -> int:
        """Return which source counts: that with this place, if it is the first one with the key."""
        device, inode = key
        return self._first[device].setdefault(inode, place)

    def holder(self, key: Key) -> int | None:
        """Return the place of the source that counts, if there is one."""
        device, inode = key
        return self._first[device].get(inode)

    def pass_on(self, key: Key, place: int) -> int:
        """Let a file count under another name."""
        device, inode = key
        self._first[device][inode] = place
        return place

    def give_up(self, key: Key, place: int) -> None:
        """Let a file count under another name, if it has not been there under the one with this place."""
        device, inode = key
        if self._first[device].get(inode) == place:
            del self._first[device][inode]

    def path(self, place: int) -> str:
        """Return the path or the name of a source."""
        paths, _, index = self._source(place)
        return paths[index]

    def name_instead(self, place: int, other: int) -> str:
        """Return the name of the source that counts instead; nothing where both are what one argument stands for."""
        _, origins, index = self._source(place)
        paths, other_origins, other_index = self._source(other)
        return "" if origins[index] == other_origins[other_index] else name_of(paths[other_index])

    def _source(self, place: int) -> tuple[Sequence[str], Sequence[int], int]:
        batch = bisect(self._starts, place) - 1
        return *self._found[batch], place - self._starts[batch]
