"""A plan: the sources as they were listed, and how they are cut into splits. It is data; nothing is read for it."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, overload

from eventcli.engines.engine import Task
from eventcli.engines.listing import Listed
from eventcli.engines.sources import Frozen, Part
from eventcli.engines.split import Split
from eventcli.pipeline.options import Options

SPLIT_SIZE: Final = 64 * 1024 * 1024
"""Default for the bytes of a split: enough that the work dwarfs what a task costs."""

MOST_SPLITS: Final = 20_000
"""Splits of a plan, at most: schedulers keep each in memory. Splits become larger instead."""

_MOST_SOURCES: Final = 1_000
"""Sources in one split, at most: each costs a request, however small it is."""

_EXPANSION: Final = 8
"""How many times larger a compressed source counts than it is."""


class Cut(NamedTuple):
    """A split: the sources from `first` on and before `behind`, or the bytes `[start, end)` of one of them."""

    first: int
    behind: int
    start: int = 0
    end: int = 0
    rank: int = 0

    @property
    def is_part(self) -> bool:
        """Whether it is a part of a source."""
        return self.end > 0


class Plan(NamedTuple):
    """The sources to read, in the order in which one machine reads them, and the splits, in the same order."""

    listed: Listed
    cuts: Sequence[Cut]
    split_size: int

    @classmethod
    def of(cls, listed: Listed, split_size: int = SPLIT_SIZE) -> "Plan":
        """Cut what was listed into splits of this many bytes, or of as many more as the limit of splits needs."""
        divisible = sum(source.size or 0 for source in listed.sources if not source.whole)
        split_size = max(split_size, -(-divisible // MOST_SPLITS))
        while len(cuts := list(_cuts(listed.sources, split_size))) > MOST_SPLITS:
            split_size = max(split_size + 1, -(-split_size * len(cuts) // MOST_SPLITS))
        return cls(listed, cuts, split_size)

    @property
    def size(self) -> int:
        """The stored bytes of all sources, as far as they are known."""
        return sum(source.size or 0 for source in self.listed.sources)

    def size_of(self, cut: Cut) -> int:
        """Return the stored bytes of a split."""
        if cut.is_part:
            return cut.end - cut.start
        return sum(source.size or 0 for source in self.listed.sources[cut.first : cut.behind])

    def label(self, cut: Cut) -> str:
        """Return the name of a split for messages."""
        names = self.listed.names
        if cut.is_part:
            return f"{names[cut.first]}, bytes {cut.start} to {cut.end}"
        return names[cut.first] if cut.behind == cut.first + 1 else f"{names[cut.first]} to {names[cut.behind - 1]}"

    def parts(self, cut: Cut) -> list[Part]:
        """Return what a split has of each of its sources."""
        if cut.is_part:
            return [Part(cut.first, self.listed.sources[cut.first], cut.start, cut.end, is_divided=True)]
        return [
            Part(number, self.listed.sources[number], 0, self.listed.sources[number].size or 0, is_divided=False)
            for number in range(cut.first, cut.behind)
        ]


class Tasks(Sequence[Task]):
    """The tasks of a plan, each made when it is asked for: their arguments together can be large."""

    def __init__(self, plan: Plan, options: Options, most: int) -> None:
        """Fold with these options; each task returns at most `most` rejects."""
        self._plan = plan
        self._options = options._replace(jobs=1, left_out=frozenset())
        self._most = most
        self.ranks: Final = [cut.rank for cut in plan.cuts]

    def __len__(self) -> int:
        return len(self._plan.cuts)

    @overload
    def __getitem__(self, index: int) -> Task: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Task]: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        plan = self._plan
        cut = plan.cuts[place]
        split = Split(place, plan.parts(cut), self._options, self._most)
        return Task(split.to_bytes(), plan.label(cut), plan.size_of(cut), cut.rank)


def _cuts(sources: Sequence[Frozen], split_size: int) -> Iterator[Cut]:
    first, cost = 0, 0
    for number, source in enumerate(sources):
        size = source.size
        if size is not None and size > split_size and not source.whole:
            if first < number:
                yield Cut(first, number)
            for start in range(0, size, split_size):
                yield Cut(number, number + 1, start, min(start + split_size, size))
            first, cost = number + 1, 0
            continue
        more = split_size + 1 if size is None else size * _EXPANSION if source.whole else size
        if first < number and (cost + more > split_size or number - first == _MOST_SOURCES):
            yield Cut(first, number)
            first, cost = number, 0
        cost += more
        if cost > split_size:
            # Alone in its split, since nothing was before it.
            yield Cut(first, number + 1, rank=size or 0)
            first, cost = number + 1, 0
    if first < len(sources):
        yield Cut(first, len(sources))
