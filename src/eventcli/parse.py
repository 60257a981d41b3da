"""A line becomes an `Event` or a `Reject`. The only user of orjson's parser.

orjson decides what is valid JSON. Two things it cannot tell are found here by reading the text of the line: the digits
of a number that a binary float cannot hold, and what else is true of a line that it refuses to read on (a number that
overflows a double, too deep a nesting), so that the first applicable reason in the order of `Reason` is given.
"""

import re
from decimal import Decimal
from itertools import islice
from typing import Any, Final, NamedTuple

from eventcli import exact, paths
from eventcli.event import Event, Fields, Query, Reason, Reject, Timing
from eventcli.paths import MISSING

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

# An object that can only begin a record, since in JSON none stands behind such a byte.
_RECORD_START: Final = r"(?:^|[^:,\[ \t\r])(?=[ \t\r]*+(\{))"
_MOST_RECORD_STARTS: Final = 1000
"""Places in a damaged line that are tried: it bounds the work that a hostile line can cause."""

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


def is_number(text: str) -> bool:
    """Whether a text is a JSON number that can be the value of an event.

    >>> is_number("19.99"), is_number("1e999"), is_number(" 1")
    (True, False, False)
    """
    literal = text.encode()
    return re.fullmatch(_NUMBER, literal) is not None and _is_json(literal) and exact.literal(literal) is not None


def parse(line: bytes, query: Query | Fields = Query()) -> Event | Reject:  # noqa: B008  # immutable
    r"""Return the event on `line` (without its newline, not blank), or the reject with the reason that applies first.

    Nothing is filtered and nothing salvaged here: an event of any type and time is an event.

    >>> parse(b'{"type":"purchase","value":19.99}', Fields())
    Event(type='purchase', value=Decimal('19.99'), integral=False, time=None)
    >>> parse(b'{"type":"purchase","value":"19.99"}', Fields()).message
    '"value" is a string, not a number'
    """
    query = query if isinstance(query, Query) else Query(query)
    outcome = judge(line, query)
    if isinstance(outcome, Event):
        return outcome
    return Reject(outcome, explain(line, outcome, query.fields), line, len(line))


def judge(line: bytes, query: Query) -> Event | Reason:
    """Return the event on `line`, or the reason that applies first: `parse` without words for people."""
    try:
        event = _loads(line)
    except ValueError as error:
        return _judge_refused(line, query, str(error))
    return _judge_json(line, event, query)


def salvage(line: bytes, query: Query) -> Event | None:
    r"""Return the event that is certain to end a damaged line, or None.

    A crash leaves NUL bytes before an event; a torn write leaves the head of a record before a whole one. The whole one
    begins where in JSON no object can: behind anything but a colon, a comma or a bracket. Where two whole ones stand on
    the line, nothing is certain: one line is one event at most.

    >>> salvage(b'\x00\x00{"type":"a","value":1}', Query())
    Event(type='a', value=Decimal('1'), integral=True, time=None)
    >>> salvage(b'{"type":"a","va{"type":"b","value":2}', Query()).type
    'b'
    """
    from json import JSONDecoder  # noqa: PLC0415  # start-up of all runs without damage

    # Byte for byte, so that places are the same; what strings hold does not matter here.
    text = line.decode("latin-1")
    decode = JSONDecoder(strict=False).raw_decode
    for start in islice(re.finditer(_RECORD_START, text), _MOST_RECORD_STARTS):
        try:
            _, end = decode(text, start.start(1))
        except ValueError:
            continue
        except RecursionError:
            return None
        if text[end:].strip(" \t\r"):
            return None
        outcome = judge(line[start.start(1) :], query)
        return outcome if isinstance(outcome, Event) else None
    return None


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
            return _explain_missing(fields.type if reason is Reason.MISSING_TYPE else fields.value or "")
        case Reason.MISSING_TIME:
            return _explain_missing(fields.time)
        case Reason.BAD_TYPE:
            return f"{_quoted(fields.type)} is {_kind(line, fields.type)}, not a string"
        case Reason.BAD_VALUE:
            return f"{_quoted(fields.value or '')} is {_kind(line, fields.value)}, not a number"
        case Reason.BAD_TIME:
            return f"{_quoted(fields.time)} is {_kind(line, fields.time)}, but no time that can be read"
    return (
        f"a number overflows a double, has more than {exact.MAX_DIGITS} digits,"
        " or ends further than that from the decimal point"
    )


def _judge_json(line: bytes, event: Any, query: Query) -> Event | Reason:
    if type(event) is not dict:
        return Reason.NOT_AN_OBJECT
    fields = query.fields
    name = paths.find(event, fields.type)
    if type(name) is not str:
        return Reason.MISSING_TYPE if name is MISSING else Reason.BAD_TYPE
    number = _value(line, event, query)
    if isinstance(number, Reason):
        return number
    if query.timing is None:
        return Event(name, *number)
    time = _time(line, event, fields.time, query.timing)
    if isinstance(time, Reason):
        return Event(name, *number) if query.timing.optional else time
    return Event(name, *number, time)


def _value(line: bytes, event: dict[str, Any], query: Query) -> tuple[Decimal, bool] | Reason:
    """Return the exact value, and whether it was written as an integer; or why there is none."""
    field = query.fields.value
    if field is None:
        return exact.ZERO, True
    value = paths.find(event, field)
    if value is MISSING:
        if query.default_value is None:
            return Reason.MISSING_VALUE
        text = query.default_value.encode("ascii")
    elif type(value) is int:
        return Decimal(value), True
    elif type(value) is float:
        text = _literal_at(line, event, field)
    elif type(value) is str and query.numeric_strings and re.fullmatch(_NUMBER, encoded := value.encode()):
        text = encoded
        if not _is_json(text):
            return Reason.NUMBER_OUT_OF_RANGE
    else:
        return Reason.BAD_VALUE
    number = exact.literal(text)
    if number is None:
        return Reason.NUMBER_OUT_OF_RANGE
    return number, text.removeprefix(b"-").isdigit()


def _time(line: bytes, event: dict[str, Any], field: str, timing: Timing) -> int | Reason:
    """Return the instant of an event in nanoseconds of the epoch, or why there is none."""
    from eventcli import times  # noqa: PLC0415  # start-up of all runs that ask for no time

    time = paths.find(event, field)
    instant = None
    if type(time) is str:
        instant = times.from_text(time, times.zone(timing.input_zone))
    elif type(time) is int:
        instant = times.from_number(Decimal(time))
    elif type(time) is float:
        number = exact.literal(_literal_at(line, event, field))
        instant = None if number is None else times.from_number(number)
    elif time is MISSING:
        return Reason.MISSING_TIME
    return Reason.BAD_TIME if instant is None else instant


def _loads(text: bytes) -> Any:
    """Return the value of a JSON text; ValueError for anything else."""
    import orjson  # noqa: PLC0415  # start-up of runs whose lines are all certain

    return orjson.loads(text)


def _judge_refused(line: bytes, query: Query, message: str) -> Reason:
    """Return the first reason that applies to a line that orjson refused with a message."""
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return Reason.INVALID_UTF8
    # Elsewhere orjson stops at the first thing that is not JSON; at these two it stops though the rest may be.
    shape = _shape(line) if "infinity" in message or "depth" in message else None
    if shape is None:
        return Reason.INVALID_JSON
    if shape.depth > MAX_DEPTH:
        return Reason.TOO_DEEP
    outcome = _judge_json(shape.finite, _loads(shape.finite), query._replace(timing=None))
    return Reason.NUMBER_OUT_OF_RANGE if isinstance(outcome, Event) else outcome


def _literal_at(line: bytes, event: dict[str, Any], field: str) -> bytes:
    """Return the text of the number under a field of a line that orjson has accepted."""
    import orjson  # noqa: PLC0415  # as above

    # Mostly a key stands in the text once. If it cannot stand there a second time in escapes, that is the one.
    keys = (field,) if field in event and not field.startswith("/") else paths.parts(field)
    key = keys[-1]
    quoted = orjson.dumps(key)
    at = line.find(quoted)
    if at >= 0 and line.find(quoted, at + 1) < 0 and not (b"\\" in line and re.search(_ESCAPED_KEY, line)):
        behind_key = re.compile(_COLON_NUMBER).match(line, at + len(quoted))
        if behind_key is not None and key.isascii() and key.replace("_", "").isalnum() and not paths.is_index(key):
            return behind_key[1]
    return _last_literal(line, keys)


class _Container:
    """An object or array that is open while a line is read: the key or index that its next value has."""

    __slots__ = ("is_on_path", "key")

    def __init__(self, *, is_on_path: bool, key: bytes | int) -> None:
        self.is_on_path = is_on_path
        self.key = key

    def leads_to(self, part: str) -> bool:
        """Whether the next value is the one that a part of a path on the way names."""
        if not self.is_on_path:
            return False
        key = self.key
        return str(key) == part if isinstance(key, int) else bool(key) and _loads(key) == part


def _last_literal(line: bytes, keys: tuple[str, ...]) -> bytes:
    """Return the text of the last number that stands under `keys`, one below the other.

    Where a key is repeated, what came before is void; but if the last of all is a number, it is the last one.
    """
    stack: list[_Container] = []
    string = found = b""
    for token in re.finditer(_TOKEN, line):
        mark, text, number, _ = token.groups()
        depth = len(stack)
        if mark is None:
            string = text or b""
            if number is not None and depth == len(keys) and stack[-1].leads_to(keys[-1]):
                found = number
        elif mark in b"{[":
            is_on_path = not depth or (depth < len(keys) and stack[-1].leads_to(keys[depth - 1]))
            stack.append(_Container(is_on_path=is_on_path, key=b"" if mark == b"{" else 0))
        elif mark in b"}]":
            stack.pop()
        elif mark == b":":
            stack[-1].key = string
        else:
            container = stack[-1]
            container.key = container.key + 1 if isinstance(container.key, int) else b""
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
        _loads(text)
    except ValueError:
        return False
    return True


def _explain_encoding(line: bytes) -> str:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"byte 0x{line[error.start]:02x} at byte {error.start + 1} is not UTF-8"
    raise ValueError("the line is UTF-8")


def _explain_refusal(line: bytes) -> str:
    import orjson  # noqa: PLC0415  # as above

    try:
        orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return f"{error.msg} (column {error.colno})"
    raise ValueError("the line is JSON")


def _kind(line: bytes, key: str | None = None) -> str:
    """Return what kind of value the line, or its value under `key`, is."""
    try:
        value = _loads(line)
    except ValueError:  # a number elsewhere overflows a double
        shape = _shape(line)
        value = _loads(shape.finite if shape else line)
    return _KINDS[type(value if key is None else paths.find(value, key))]


def _explain_missing(field: str) -> str:
    kind = "key" if paths.is_key(field) else "value at"
    return f"no {kind} {_quoted(field)}"


def _quoted(key: str) -> str:
    import orjson  # noqa: PLC0415  # as above

    return orjson.dumps(key).decode() if key.isprintable() else ascii(key)
