"""What one line means: an `Event`, or a `Reject` with its reason; `Fields` says which keys hold what."""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Self


class Fields(NamedTuple):
    """The top-level keys of an event that hold its type and its value.

    >>> Fields(type="event_name", value="amount")
    Fields(type='event_name', value='amount')
    """

    type: str = "type"
    value: str = "value"


class Event(NamedTuple):
    """One accepted line: its type, its exact value, and whether the value was written as an integer."""

    type: str
    value: Decimal
    integral: bool


class Reason(StrEnum):
    """Why a line was rejected: a closed list, in the order of precedence where several apply.

    `LINE_TOO_LONG` is decided before the line is looked at.
    """

    INVALID_UTF8 = "invalid_utf8"
    INVALID_JSON = "invalid_json"
    TOO_DEEP = "too_deep"
    NOT_AN_OBJECT = "not_an_object"
    MISSING_TYPE = "missing_type"
    BAD_TYPE = "bad_type"
    MISSING_VALUE = "missing_value"
    BAD_VALUE = "bad_value"
    NUMBER_OUT_OF_RANGE = "number_out_of_range"
    MISSING_TIME = "missing_time"
    BAD_TIME = "bad_time"
    LINE_TOO_LONG = "line_too_long"


class Mark(NamedTuple):
    """Where a rejected line stands in its block: its index, its first byte and its end, all from 0."""

    reason: Reason
    line: int
    start: int
    end: int


class Part(NamedTuple):
    """What came of some lines of a block: how many there were, and where the rejected ones stand in the block."""

    lines: int
    marks: list[Mark]

    @classmethod
    def join(cls, parts: Iterable[Self]) -> Self:
        """Return what came of all parts of a block together."""
        lines, marks = 0, []
        for part in parts:
            lines += part.lines
            marks += part.marks
        return cls(lines, marks)


class Reject(NamedTuple):
    """One rejected line.

    `reason` is for programs, `message` for people. `line` counts from 1 in its `source`; `offset` and `length` are
    in bytes of the decompressed source, without the newline. `raw` is the line itself, but empty for
    `Reason.LINE_TOO_LONG`: such a line is never held in memory.
    """

    reason: Reason
    message: str
    raw: bytes
    length: int
    line: int = 0
    offset: int = 0
    source: str = ""
