"""What a worker reads: sources as the plan froze them, whole or in parts."""

from typing import NamedTuple, TypeAlias

from eventcli.reading.frozen import FileState

Version: TypeAlias = FileState | str | None
"""What the source was when the plan was made: a file's state, an object's ETag or generation; None if it has none."""


class Frozen(NamedTuple):
    """A source of a plan: an absolute path or a URL, its stored size (None: unknown), and its version.

    `whole` says why it is read by one split, if it is.
    """

    path: str
    size: int | None
    version: Version
    whole: str = ""


class Part(NamedTuple):
    """The bytes `[start, end)` that a split owns of a source, which has a number in the plan.

    Without `is_divided`, the split owns the whole source.
    """

    number: int
    source: Frozen
    start: int
    end: int
    is_divided: bool
