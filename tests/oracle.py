"""What a log means, by the standard library: slow, independent of `eventcli`, short enough to be checked by reading.

The json module reads more than RFC 8259 allows, and numbers as floats. So every string is judged on its own first,
nothing but the text of a number is kept, and containers that nest deeply are read apart.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate
from typing import Any, Final, NamedTuple

_WHITE_SPACE: Final = b" \t\r\n"
_MAX_DEPTH: Final = 1024
_MAX_DIGITS: Final = 400
_MAX_LINE: Final = 16 * 1024 * 1024

_READABLE_DEPTH: Final = 300
"""The json module is sure to read this without reaching the interpreter's recursion limit."""

_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(r"[][{}]")


class BadLine(NamedTuple):
    """One rejected line: why, its number and offset in the log, and its bytes (none where it was too long)."""

    reason: str
    line: int
    offset: int
    length: int
    raw: bytes


@dataclass
class Stats:
    """What the accepted values of one type add up to."""

    count: int = 0
    sum: Fraction = Fraction(0)
    integral: bool = True
    min: Fraction | None = None
    max: Fraction | None = None


@dataclass
class Meaning:
    """What a log means: its types, where its lines went, and which were bad."""

    types: dict[str, Stats] = field(default_factory=dict)
    lines: int = 0
    accepted: int = 0
    filtered: int = 0
    blank: int = 0
    rejects: list[BadLine] = field(default_factory=list)

    @property
    def rejected(self) -> dict[str, int]:
        """Rejected lines by reason."""
        reasons = [reject.reason for reject in self.rejects]
        return {reason: reasons.count(reason) for reason in reasons}


class _Number(str):
    """The text of a number."""

    __slots__ = ()


class _BadLineError(Exception):
    """The line is bad, for a reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def meaning(
    log: bytes,
    type_key: str = "type",
    value_key: str = "value",
    types: tuple[str, ...] | None = None,
    max_line: int = _MAX_LINE,
) -> Meaning:
    """Return what one whole file means."""
    result = Meaning({name: Stats() for name in types or ()})
    offset = 3 if log.startswith(b"\xef\xbb\xbf") else 0
    rest = log[offset:]
    lines = rest.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    for number, line in enumerate(lines, 1):
        result.lines += 1
        try:
            if len(line) > max_line:
                raise _BadLineError("line_too_long")
            if line.strip(_WHITE_SPACE) == b"":
                result.blank += 1
            else:
                bare = line
                while bare.startswith(b"\xef\xbb\xbf"):
                    bare = bare[3:]
                name, value, integral = _event(bare, type_key, value_key)
                if types is not None and name not in types:
                    result.filtered += 1
                else:
                    result.accepted += 1
                    _count(result.types.setdefault(name, Stats()), value, integral=integral)
        except _BadLineError as bad:
            raw = b"" if bad.reason == "line_too_long" else line
            result.rejects.append(BadLine(bad.reason, number, offset, len(line), raw))
        offset += len(line) + 1
    return result


def _count(stats: Stats, value: Fraction, *, integral: bool) -> None:
    stats.count += 1
    stats.sum += value
    stats.integral = stats.integral and integral
    stats.min = value if stats.min is None else min(stats.min, value)
    stats.max = value if stats.max is None else max(stats.max, value)


def _event(line: bytes, type_key: str, value_key: str) -> tuple[str, Fraction, bool]:
    """Return type, value, and whether that is written as an integer; the checks are in the order of the reasons."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise _BadLineError("invalid_utf8") from None
    # Half a pair of surrogates is harmless in what nobody asks for, and spoils a line that is no event anyway.
    is_half = any(_is_half(literal) for literal in _JSON_STRING.findall(text))
    try:
        event = _whole_event(text, type_key, value_key)
    except _BadLineError:
        if is_half and _is_json(text):
            raise _BadLineError("invalid_json") from None
        raise
    if is_half and _is_half(json.dumps(event[0])):
        raise _BadLineError("invalid_json")
    return event


def _is_half(literal: str) -> bool:
    try:
        json.loads(literal).encode("utf-8")
    except UnicodeEncodeError:
        return True
    except ValueError:
        return False
    return False


def _is_json(text: str) -> bool:
    try:
        _read(text, [])
    except ValueError:
        return False
    return True


def _whole_event(text: str, type_key: str, value_key: str) -> tuple[str, Fraction, bool]:
    numbers: list[_Number] = []
    try:
        event, depth = _read(text, numbers)
    except ValueError:
        raise _BadLineError("invalid_json") from None
    if depth > _MAX_DEPTH:
        raise _BadLineError("too_deep")
    if not isinstance(event, dict):
        raise _BadLineError("not_an_object")
    if type_key not in event:
        raise _BadLineError("missing_type")
    name = event[type_key]
    if not isinstance(name, str) or isinstance(name, _Number):
        raise _BadLineError("bad_type")
    if value_key not in event:
        raise _BadLineError("missing_value")
    value = event[value_key]
    if not isinstance(value, _Number):
        raise _BadLineError("bad_value")
    if any(abs(float(number)) == float("inf") for number in numbers):
        raise _BadLineError("number_out_of_range")
    return name, _value(value), set(value) <= set("-0123456789")


def _value(number: _Number) -> Fraction:
    mantissa, _, exponent = number.lower().partition("e")
    sign = -1 if exponent.startswith("-") else 1
    size = exponent.lstrip("+-").lstrip("0")
    if len(size) > 15:
        raise _BadLineError("number_out_of_range")
    parts = Decimal(mantissa).as_tuple()
    assert isinstance(parts.exponent, int)
    last_place = parts.exponent + sign * int(size or "0")
    if len(parts.digits) > _MAX_DIGITS and any(parts.digits):
        raise _BadLineError("number_out_of_range")
    if abs(last_place) > _MAX_DIGITS:
        raise _BadLineError("number_out_of_range")
    return Fraction(Decimal(number))


def _read(text: str, numbers: list[_Number]) -> tuple[Any, int]:
    """Return what a JSON text holds and how deep it nests, and note all its numbers; ValueError if it is not JSON."""

    def number(literal: str) -> _Number:
        numbers.append(_Number(literal))
        return numbers[-1]

    def read(part: str) -> Any:
        return json.loads(
            _shallow(part, read),
            parse_int=number,
            parse_float=number,
            parse_constant=_refuse,
            object_pairs_hook=_last_wins,
        )

    text = _JSON_STRING.sub(lambda match: _checked_string(match[0]), text)
    return read(text), _depth(text)


def _shallow(text: str, read: Callable[[str], Any]) -> str:
    """Return the text with null for each container that lies too deep for the json module, after reading that."""
    pieces: list[str] = []
    depth = start = done = 0
    for bracket in _BRACKET.finditer(text):
        if bracket[0] in "[{":
            depth += 1
            if depth == _READABLE_DEPTH + 1:
                start = bracket.start()
        else:
            depth -= 1
            if depth == _READABLE_DEPTH:
                read(text[start : bracket.end()])
                pieces += text[done:start], "null"
                done = bracket.end()
    if depth > 0:
        raise ValueError("brackets do not match")
    return "".join([*pieces, text[done:]])


def _checked_string(literal: str) -> str:
    """Return a string whose brackets are escaped, so that the brackets left are those of containers."""
    json.loads(literal)
    return literal.replace("[", "\\u005b").replace("]", "\\u005d").replace("{", "\\u007b").replace("}", "\\u007d")


def _depth(text: str) -> int:
    steps = (1 if bracket in "[{" else -1 for bracket in _BRACKET.findall(text))
    return max(accumulate(steps), default=0)


def _last_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(pairs)


def _refuse(constant: str) -> None:
    raise ValueError(constant)
