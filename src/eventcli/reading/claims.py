"""When several sources lead to the same file, only the first counts."""

from bisect import bisect
from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import TypeAlias

from eventcli.text import name_of

Key: TypeAlias = tuple[Hashable, Hashable]
"""The identity that all links to a file share: its device and inode; for any other source, a unique value."""


class Claims:
    """Maps each source to its place, and each file to the place of the source that counts.

    The arguments are columns, as there may be very many files: `Key` comes in two parts, so that none is created per
    file. Only one thread may assign places; the other methods are thread-safe.
    """

    def __init__(self) -> None:
        """Begin without sources."""
        self._first: defaultdict[Hashable, dict[Hashable, int]] = defaultdict(dict)
        self._next = 0
        # Sources that were found together: the place of the first one, their paths or names, and their arguments.
        self._starts: list[int] = []
        self._found: list[tuple[Sequence[str], Sequence[int]]] = []

    def places(self, paths: Sequence[str], origins: Sequence[int]) -> range:
        """Return places for sources, each a path or a name and the index of the argument it comes from."""
        start = self._next
        self._starts.append(start)
        self._found.append((paths, origins))
        self._next += len(paths)
        return range(start, self._next)

    def claim_all(self, device: Hashable, inodes: Sequence[Hashable], places: Sequence[int]) -> list[int]:
        """Return, for each source by its place, the one that counts: itself, if it is the first for its file."""
        return list(map(self._first[device].setdefault, inodes, places))

    def claim(self, key: Key, place: int) -> int:
        """Return which source counts: the one with this place, if it is the first with the key."""
        device, inode = key
        return self._first[device].setdefault(inode, place)

    def holder(self, key: Key) -> int | None:
        """Return the place of the source that counts, if there is one."""
        device, inode = key
        return self._first[device].get(inode)

    def pass_on(self, key: Key, place: int) -> int:
        """Make a file count under another name."""
        device, inode = key
        self._first[device][inode] = place
        return place

    def give_up(self, key: Key, place: int) -> None:
        """Release a file so that it can count under another name, if the one with this place counted."""
        device, inode = key
        if self._first[device].get(inode) == place:
            del self._first[device][inode]

    def path(self, place: int) -> str:
        """Return the path or the name of a source."""
        paths, _, index = self._source(place)
        return paths[index]

    def name_instead(self, place: int, other: int) -> str:
        """Return the name of the source that counts instead; '' if both come from the same argument."""
        _, origins, index = self._source(place)
        paths, other_origins, other_index = self._source(other)
        return "" if origins[index] == other_origins[other_index] else name_of(paths[other_index])

    def _source(self, place: int) -> tuple[Sequence[str], Sequence[int], int]:
        batch = bisect(self._starts, place) - 1
        return *self._found[batch], place - self._starts[batch]
