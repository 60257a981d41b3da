"""The names of logs and of their rotated and compressed files: one truth for directories and ledgers.

It says which names are logs, which file a rotated one is a generation of, and in which order they were written.
"""

import fnmatch
import os
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

WRITTEN_TO: Final[tuple[int, int | str]] = (3, 0)
"""The rank of the live file among the generations."""

SUFFIXES: Final = (".jsonl", ".ndjson", ".json", ".log")
"""The endings of the names of logs, in small letters; a rotation and the ending of a compressed file may follow."""

_ENCODINGS: Final = r"(?i:\.(?:gz|zst|bz2|xz|lz4|Z))"

_NUMBER: Final = r"[0-9]{1,7}"

_MOST_DIGITS: Final = 5
"""Digits of the number of a generation. Longer ones are of another kind, such as a process or a short date."""

_DAY: Final = r"(?:[0-9]{4}([-._])[0-9]{2}\%d[0-9]{2}|[0-9]{8})[0-9]*+(?:[T_.:-][0-9]++)*+Z?"
"""A day, and maybe a time; the number is that of the group of the separator."""

_MONTH: Final = r"[0-9]{4}-[0-9]{2}"

_AFTER: Final = rf"(.+?)(?:[.\-_]|(?<=[0-9])[T:])(?:({_NUMBER})|({_DAY % 4}|{_MONTH})|(?i:old))"

_WITHIN: Final = rf"(.+?)(?:\.({_NUMBER})|[.\-_]({_DAY % 4}))(\.[A-Za-z][A-Za-z0-9]*)"

_MAY_BE_ROTATED: Final = re.compile(rf"[.\-_T:](?:[0-9]+(?:[.\-_T:]|\Z)|[0-9]{{8}}|(?i:old))|{_ENCODINGS}\Z")
"""Part of the name of every rotated file: this rejects large numbers of other names in a tenth of the time."""


class Rotation(NamedTuple):
    """What the name of a rotated file says: its base name and its generation (the oldest sorts first)."""

    base: str
    generation: tuple[int, int | str]

    @property
    def number(self) -> int | None:
        """The number of the generation, counted from the newest, if it has one."""
        kind, value = self.generation
        return -value if kind == 1 and isinstance(value, int) else None


def is_log(name: str) -> bool:
    """Whether a name is that of a log, or of a file that was rotated from one, or compressed.

    >>> [name for name in ["APP.LOG", "app.log_1", "app.json.old.gz", "app.log~", "app.log.bak"] if is_log(name)]
    ['APP.LOG', 'app.log_1', 'app.json.old.gz']
    """
    seen, left = {name}, [name]
    while left:
        each = left.pop()
        if each.lower().endswith(SUFFIXES):
            return True
        if _MAY_BE_ROTATED.search(each):
            bases = {rotation.base for rotation in rotations(each)} - seen
            seen |= bases
            left += bases
    return False


def translate(pattern: str) -> str:
    """Return an fnmatch pattern as a regular expression."""
    return fnmatch.translate(pattern)


def rotations(name: str) -> Iterator[Rotation]:
    """Yield the files that `name` may be a rotation of: `app.log.1`, `app.log-20260101.gz`, `app-20260101.log`.

    >>> [rotation.base for rotation in rotations("app.log.2.gz")]
    ['app.log', 'app.log.2']
    """
    plain = re.sub(_ENCODINGS + r"\Z", "", name)
    if match := re.fullmatch(_AFTER, plain, re.DOTALL):
        yield Rotation(match[1], _generation(match[2], match[3]))
    if match := re.fullmatch(_WITHIN, plain, re.DOTALL):
        yield Rotation(match[1] + match[5], _generation(match[2], match[3]))
    if plain and plain != name:
        yield Rotation(plain, (2, 0))


def _generation(number: str | None, when: str | None) -> tuple[int, int | str]:
    if number is not None and len(number) <= _MOST_DIGITS:
        return 1, -int(number)
    return (2, 0) if when is None else (0, re.sub(r"[^0-9]", "", when))


def rank(base: str, path: str) -> tuple[int, int | str]:
    """Return the rank of a path in the order in which the generations of the log at `base` were written."""
    name = os.path.basename(base)
    found = (one.generation for one in rotations(os.path.basename(path)) if one.base == name)
    return next(found, WRITTEN_TO)


def number(base: str, path: str) -> int | None:
    """Return the generation number of a path, for the log at `base`, if it has one."""
    name = os.path.basename(base)
    return next((one.number for one in rotations(os.path.basename(path)) if one.base == name), None)


def is_comparable(one: tuple[int, int | str], other: tuple[int, int | str]) -> bool:
    """Whether two ranks show for certain which file is newer: not if one is a number and the other a date."""
    return one != other and (one[0] == other[0] or WRITTEN_TO in (one, other))


def is_date(generation: tuple[int, int | str]) -> bool:
    """Whether a generation is a calendar date."""
    kind, text = generation
    if kind or not isinstance(text, str):
        return False
    return "1970" <= text[:4] <= "2199" and "01" <= text[4:6] <= "12" and "01" <= text[6:8] <= "31"


def by_base(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the rotated files among the names in a folder, by the name of their live file."""
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        if _MAY_BE_ROTATED.search(name):
            for base in dict.fromkeys(rotation.base for rotation in rotations(name)):
                found.setdefault(base, []).append(name)
    return found
