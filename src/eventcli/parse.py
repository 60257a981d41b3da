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

_COLON_NUMBER = rb"[ \t\r\n]*+:[ \t\r\n]*+(" + _NUMBER + rb")"
# The escapes that stand for ASCII letters, digits and underscores; the short ones stand for none of them.
_ESCAPED_KEY = rb"\\u00[0-7]"

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
    outcome = judge(line, fields)
    if isinstance(outcome, Event):
        return outcome
    return Reject(outcome, explain(line, outcome, fields), line, len(line))


def judge(line: bytes, fields: Fields) -> Event | Reason:
    """Return the event on `line`, or the reason that applies first: `parse` without words for people."""
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return _judge_refused(line, fields, error)
    return _judge_json(line, event, fields)


def explain(line: bytes, reason: Reason, fields: Fields) -> str:
    """Return in words why `judge` gave this reason for `line`."""
    match reason:
        case Reason.INVALID_UTF8:
            return _explain_encoding(line)
        case Reason.INVALID_JSON:
            return _explain_refusal(line)
        case Reason.TOO_DEEP:
            return f"arrays and objects nest more than {MAX_DEPTH} levels deep"
        case Reason.NOT_AN_OBJECT:
            return f"the line is {_kind(line)}, not an object"
        case Reason.MISSING_TYPE | Reason.MISSING_VALUE:
            return f"no key {_quoted(fields.type if reason is Reason.MISSING_TYPE else fields.value)}"
        case Reason.BAD_TYPE:
            return f"{_quoted(fields.type)} is {_kind(line, fields.type)}, not a string"
        case Reason.BAD_VALUE:
            return f"{_quoted(fields.value)} is {_kind(line, fields.value)}, not a number"
    return (
        f"a number overflows a double, has more than {exact.MAX_DIGITS} digits,"
        " or ends further than that from the decimal point"
    )


def _judge_json(line: bytes, event: Any, fields: Fields) -> Event | Reason:
    if type(event) is not dict:
        return Reason.NOT_AN_OBJECT
    if fields.type not in event:
        return Reason.MISSING_TYPE
    name = event[fields.type]
    if type(name) is not str:
        return Reason.BAD_TYPE
    if fields.value not in event:
        return Reason.MISSING_VALUE
    value = event[fields.value]
    if type(value) is int:
        return Event(name, Decimal(value), integral=True)
    if type(value) is not float:
        return Reason.BAD_VALUE
    text = _value_literal(line, fields.value)
    exact_value = exact.literal(text)
    if exact_value is None:
        return Reason.NUMBER_OUT_OF_RANGE
    return Event(name, exact_value, integral=text.removeprefix(b"-").isdigit())


def _judge_refused(line: bytes, fields: Fields, error: orjson.JSONDecodeError) -> Reason:
    """Return the first reason that applies to a line that orjson refused."""
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return Reason.INVALID_UTF8
    # Elsewhere orjson stops at the first thing that is not JSON; at these two it stops though the rest may be.
    shape = _shape(line) if "infinity" in error.msg or "depth" in error.msg else None
    if shape is None:
        return Reason.INVALID_JSON
    if shape.depth > MAX_DEPTH:
        return Reason.TOO_DEEP
    outcome = _judge_json(shape.finite, orjson.loads(shape.finite), fields)
    return Reason.NUMBER_OUT_OF_RANGE if isinstance(outcome, Event) else outcome


def _value_literal(line: bytes, key: str) -> bytes:
    """Return the text of the last number under the top-level `key` of a line that orjson has accepted."""
    # Mostly the key stands in the text once. If it cannot stand there a second time in escapes, that is the one.
    quoted = orjson.dumps(key)
    at = line.find(quoted)
    if at >= 0 and line.find(quoted, at + 1) < 0 and not (b"\\" in line and re.search(_ESCAPED_KEY, line)):
        behind_key = re.compile(_COLON_NUMBER).match(line, at + len(quoted))
        if behind_key is not None and key.isascii() and key.replace("_", "").isalnum():
            return behind_key[1]
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


def _explain_encoding(line: bytes) -> str:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"byte 0x{line[error.start]:02x} at byte {error.start + 1} is not UTF-8"
    raise ValueError("the line is UTF-8")


def _explain_refusal(line: bytes) -> str:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return f"{error.msg} (column {error.colno})"
    raise ValueError("the line is JSON")


def _kind(line: bytes, key: str | None = None) -> str:
    """Return what kind of value the line, or its value under `key`, is."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:  # a number elsewhere overflows a double
        shape = _shape(line)
        value = orjson.loads(shape.finite if shape else line)
    return _KINDS[type(value if key is None else value[key])]


def _quoted(key: str) -> str:
    return orjson.dumps(key).decode() if key.isprintable() else ascii(key)
