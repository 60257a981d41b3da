"""A line becomes an `Event` or a `Reject`. The only user of orjson's parser.

orjson decides what is valid JSON. Two things it cannot tell are found here by reading the text of the line: the digits
of a number that a binary float cannot hold, and what else is true of a line that it refuses to read on (a number that
overflows a double, too deep a nesting), so that the first applicable reason in the order of `Reason` is given.
"""

import re
from decimal import Decimal
from typing import Any, Final, NamedTuple

import orjson

from eventcli import exact
from eventcli.event import Event, Fields, Reason, Reject

MAX_DEPTH: Final = 1024
"""Nested arrays and objects that orjson reads; it refuses a line with one more."""

WHITE_SPACE: Final = b" \t\r\n"
"""JSON white space (RFC 8259, section 2). A line of nothing else is blank."""

# Possessive repetition: a line of 16 MiB must not cost a backtracking stack of its own size.
_STRING = rb'"[^"\\\x00-\x1f]*+(?:\\.[^"\\\x00-\x1f]*+)*+"'
_NUMBER = rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?(?![0-9.eE+-])"
# A pattern, not yet compiled: re does that once, for the first line that needs it.
_TOKEN = rb"[ \t\r\n]*+(?:([\[\]{}:,])|(" + _STRING + rb")|(" + _NUMBER + rb")|(true|false|null)(?![a-z]))"

_KINDS: Final = {
    bool: "true or false",
    dict: "an object",
    float: "a number",
    int: "a number",
    list: "an array",
    str: "a string",
    type(None): "null",
}


def is_blank(line: bytes) -> bool:
    """Whether the line holds JSON white space only."""
    return not line.strip(WHITE_SPACE)


def parse(line: bytes, fields: Fields) -> Event | Reject:
    r"""Return the event on `line` (without its newline, not blank), or the reject with the reason that applies first.

    >>> parse(b'{"type":"purchase","value":19.99}', Fields())
    Event(type='purchase', value=Decimal('19.99'), integral=False)
    >>> parse(b'{"type":"purchase","value":"19.99"}', Fields()).message
    '"value" is a string, not a number'
    """
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return _refused(line, fields, error)
    return _event(line, event, fields)


def _event(line: bytes, event: Any, fields: Fields) -> Event | Reject:
    if type(event) is not dict:
        return _reject(line, Reason.NOT_AN_OBJECT, f"the line is {_KINDS[type(event)]}, not an object")
    if fields.type not in event:
        return _reject(line, Reason.MISSING_TYPE, f"no key {_quoted(fields.type)}")
    name = event[fields.type]
    if type(name) is not str:
        return _reject(line, Reason.BAD_TYPE, f"{_quoted(fields.type)} is {_KINDS[type(name)]}, not a string")
    if fields.value not in event:
        return _reject(line, Reason.MISSING_VALUE, f"no key {_quoted(fields.value)}")
    value = event[fields.value]
    if type(value) is int:
        return Event(name, Decimal(value), integral=True)
    if type(value) is not float:
        return _reject(line, Reason.BAD_VALUE, f"{_quoted(fields.value)} is {_KINDS[type(value)]}, not a number")
    text = _value_literal(line, fields.value)
    exact_value = exact.literal(text)
    if exact_value is None:
        return _reject(
            line,
            Reason.NUMBER_OUT_OF_RANGE,
            f"{_quoted(fields.value)} has more than {exact.MAX_DIGITS} digits or a last digit further than that"
            " from the decimal point",
        )
    return Event(name, exact_value, integral=text.removeprefix(b"-").isdigit())


def _value_literal(line: bytes, key: str) -> bytes:
    """Return the text of the last number under the top-level `key` of a line that orjson has accepted."""
    depth = 0
    name = value = b""
    found = b""
    for token in re.finditer(_TOKEN, line):
        mark, string, number, _ = token.groups()
        if mark is None:
            if depth == 1:
                value = string or number or b""
            if number is not None and depth == 1 and name and orjson.loads(name) == key:
                found = number
        elif mark in b"{[":
            depth += 1
        elif mark in b"}]":
            depth -= 1
        elif depth == 1:
            name = value if mark == b":" else b""
    return found


def _refused(line: bytes, fields: Fields, error: orjson.JSONDecodeError) -> Reject:
    """Return the reject of a line that orjson refused: the first reason in the order of `Reason` that applies."""
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as wrong:
        return _reject(
            line,
            Reason.INVALID_UTF8,
            f"byte 0x{line[wrong.start]:02x} at byte {wrong.start + 1} is not UTF-8",
        )
    # Elsewhere orjson stops at the first thing that is not JSON; at these two it stops though the rest may be.
    shape = _shape(line) if "infinity" in error.msg or "depth" in error.msg else None
    if shape is None:
        return _reject(line, Reason.INVALID_JSON, f"{error.msg} (column {error.colno})")
    if shape.depth > MAX_DEPTH:
        return _reject(line, Reason.TOO_DEEP, f"nested {shape.depth} levels deep, more than {MAX_DEPTH}")
    try:
        event = orjson.loads(shape.finite)
    except orjson.JSONDecodeError:
        return _reject(line, Reason.INVALID_JSON, f"{error.msg} (column {error.colno})")
    outcome = _event(shape.finite, event, fields)
    if isinstance(outcome, Reject) and outcome.reason is not Reason.NUMBER_OUT_OF_RANGE:
        return _reject(line, outcome.reason, outcome.message)
    return _reject(line, Reason.NUMBER_OUT_OF_RANGE, f"a number overflows a double (column {error.colno})")


class _Shape(NamedTuple):
    """A well-formed JSON text: how deep it nests, and the text with 0 for every number that overflows a double."""

    depth: int
    finite: bytes


def _shape(line: bytes) -> _Shape | None:
    """Return the shape of a text in UTF-8, or None where it is not JSON.

    It follows the grammar with a stack of its own, because the texts it is for are those on which orjson stops early.
    """
    closers = bytearray()
    depth = position = copied = 0
    finite: list[bytes] = []
    expected = "value"
    match_token = re.compile(_TOKEN).match
    end = len(line.rstrip(WHITE_SPACE))
    while position < end:
        token = match_token(line, position)
        if token is None:
            return None
        position = token.end()
        mark, string, number, _ = token.groups()
        if mark is not None and mark in b"[{":
            if "value" not in expected:
                return None
            closers += b"]" if mark == b"[" else b"}"
            depth = max(depth, len(closers))
            expected = "value or close" if mark == b"[" else "key or close"
        elif mark is not None and mark in b"]}":
            if "close" not in expected or not closers or closers.pop() != mark[0]:
                return None
            expected = "comma or close" if closers else "end"
        elif mark == b":":
            if expected != "colon":
                return None
            expected = "value"
        elif mark == b",":
            if expected != "comma or close":
                return None
            expected = "key" if closers[-1:] == b"}" else "value"
        elif string is not None and "key" in expected:
            expected = "colon"
        elif "value" in expected:
            expected = "comma or close" if closers else "end"
        else:
            return None
        if string is not None and b"\\" in string and not _is_json(string):
            return None
        if number is not None and not _is_json(number):
            finite += (line[copied : token.start(3)], b"0")
            copied = position
    if expected != "end":
        return None
    finite.append(line[copied:])
    return _Shape(depth, b"".join(finite))


def _is_json(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _quoted(key: str) -> str:
    return orjson.dumps(key).decode() if key.isprintable() else ascii(key)


def _reject(line: bytes, reason: Reason, message: str) -> Reject:
    return Reject(reason, message, line, len(line))
