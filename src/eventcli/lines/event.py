"""The meaning of one line: an `Event`, or a `Reject` with its reason; `Query` says what to find and what to keep."""

from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple


class Event(NamedTuple):
    """One accepted line: its type, its exact value, and whether the value was written as an integer.

    `time` is in nanoseconds since the epoch; None if it was not requested, or is optional and not usable.
    """

    type: str
    value: Decimal
    integral: bool
    time: int | None = None


class Reason(StrEnum):
    """Why a line was rejected: a closed list, in order of precedence if several apply.

    `LINE_TOO_LONG` is decided before the line is examined.
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


class Reject(NamedTuple):
    """One rejected line.

    `reason` is for programs, `message` for people. `line` counts from 1 in its `source`; `offset` and `length` are
    in bytes of the decompressed source, without the newline. `raw` is the line itself, but empty for
    `Reason.LINE_TOO_LONG`: such a line is never held in memory. `stream` is the key of the stream in a ledger.
    """

    reason: Reason
    message: str
    raw: bytes
    length: int
    line: int = 0
    offset: int = 0
    source: str = ""
    stream: str = ""
