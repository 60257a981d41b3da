"""Turns a line into an `Event` or a `Reject`.

orjson decides what is valid JSON. Two things that it cannot tell are found here in the text of the line: the digits of
a number that a binary float cannot hold, and, with `grammar`, what else applies to a line that it refuses to read
further (a number that overflows a double, nesting that is too deep), so that the first applicable reason in the order
of `Reason` is given.
"""

import re
from decimal import Decimal
from typing import Any, Final

import eventcli.lines
from eventcli.lines import exact, grammar, paths
from eventcli.lines.event import Event, Reason, Reject
from eventcli.lines.grammar import NUMBER, STRING, WHITE_SPACE, is_json, loads
from eventcli.lines.paths import MISSING
from eventcli.lines.query import Fields, Form, Query, Timing, json_text
from eventcli.text import printable

MAX_DEPTH: Final = 1024
"""The maximum nesting of arrays and objects that orjson reads."""

# A pattern, not compiled yet: re does that once, for the first line that needs it.
_TOKEN = rb"[ \t\r\n]*+(?:([\[\]{}:,])|(" + STRING + rb")|(" + NUMBER + rb")|(true|false|null)(?![a-z]))"

_COLON_NUMBER = rb"[ \t\r\n]*+:[ \t\r\n]*+(" + NUMBER + rb")"

# The escapes of ASCII letters, digits and underscores; none of them has a short escape.
_ESCAPED_KEY = rb"\\u00[0-7]"

_MARK: Final = b"\xef\xbb\xbf"

_SURROGATE = rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
"""An escape; in the group if it is half a pair of surrogates."""

_MOST_OF_TIME: Final = 48
"""Maximum characters of a bad time that are shown."""

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
    """Whether the line contains only JSON white space."""
    return not line.strip(WHITE_SPACE)


def _without_marks(line: bytes) -> bytes:
    """Return a line without the byte-order marks of the files that `cat` has joined."""
    while line.startswith(_MARK):
        line = line.removeprefix(_MARK)
    return line


def is_number(text: str) -> bool:
    """Whether a text is a JSON number that can be the value of an event.

    >>> is_number("19.99"), is_number("1e999"), is_number(" 1")
    (True, False, False)
    """
    literal = text.encode()
    return re.fullmatch(NUMBER, literal) is not None and is_json(literal) and exact.literal(literal) is not None


def parse(line: bytes, query: Query | Fields = Query()) -> Event | Reject:  # noqa: B008  # immutable
    r"""Return the event on `line` (without its newline, not blank), or the reject with the first applicable reason.

    This neither filters nor salvages: an event of any type and time is an event.

    >>> parse(b'{"type":"purchase","value":19.99}', Fields())
    Event(type='purchase', value=Decimal('19.99'), integral=False, time=None)
    >>> parse(b'{"type":"purchase","value":"19.99"}', Fields()).message
    '"value" is a string, not a number'
    """
    query = query if isinstance(query, Query) else Query(query)
    outcome = judge(line, query)
    if isinstance(outcome, Event):
        return outcome
    return Reject(outcome, explain(line, outcome, query), line, len(line))


def judge(line: bytes, query: Query) -> Event | Reason:
    """Return the event on `line`, or the first applicable reason: `parse` without messages."""
    try:
        event = loads(line)
    except ValueError as error:
        return _judge_refused(line, query, str(error))
    return _judge_json(line, event, query)


def explain(line: bytes, reason: Reason, query: Query | Fields) -> str:
    """Return in words why `judge` gave this reason for `line`."""
    fields = query.fields if isinstance(query, Query) else query
    line = _without_marks(line)
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
            return _explain_missing(line, fields.type if reason is Reason.MISSING_TYPE else fields.value or "")
        case Reason.MISSING_TIME:
            return _explain_missing(line, fields.time)
        case Reason.BAD_TYPE:
            return f"{_quoted(fields.type)} is {_kind(line, fields.type)}, not a string"
        case Reason.BAD_VALUE:
            return f"{_quoted(fields.value or '')} is {_kind(line, fields.value)}, not a number"
        case Reason.BAD_TIME:
            return _explain_time(line, fields.time, query.timing if isinstance(query, Query) else None)
    return (
        f"a number overflows a double, has more than {exact.MAX_DIGITS} digits,"
        " or ends further than that from the decimal point"
    )


def _judge_json(line: bytes, event: Any, query: Query) -> Event | Reason:
    if type(event) is not dict:
        return Reason.NOT_AN_OBJECT
    fields = query.fields
    name = _found(line, event, fields.type, query.form)
    if type(name) is not str:
        if name is MISSING:
            name = query.form.missing_type
            if name is None:
                return Reason.MISSING_TYPE
        elif query.form.scalar_types and not isinstance(name, dict | list):
            name = _scalar_text(line, event, fields.type, name)
        else:
            return Reason.BAD_TYPE
    number = _value(line, event, query)
    if isinstance(number, Reason):
        return number
    if query.timing is None:
        return Event(name, *number)
    time = _time(line, event, query, query.timing)
    if isinstance(time, Reason):
        return Event(name, *number) if query.timing.optional else time
    return Event(name, *number, time)


def _found(line: bytes, event: dict[str, Any], field: str, form: Form) -> Any:
    """Return the value of a field, or `MISSING`, also for one that counts as missing."""
    value = paths.find(event, field)
    if not form.missing_values or value is MISSING or isinstance(value, dict | list):
        return value
    text = json_text(value) if isinstance(value, str) else _scalar_text(line, event, field, value)
    return MISSING if text in form.missing_values else value


def _scalar_text(line: bytes, event: dict[str, Any], field: str, value: object) -> str:
    """Return the JSON text of a number or a word in a field: a number as it is written."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int) and value:
        return str(value)
    return _literal_at(line, event, field).decode("ascii")


def _value(line: bytes, event: dict[str, Any], query: Query) -> tuple[Decimal, bool] | Reason:
    """Return the exact value, and whether it was written as an integer; or why there is none."""
    field = query.fields.value
    if field is None:
        return exact.ZERO, True
    value = _found(line, event, field, query.form)
    if value is MISSING:
        if query.default_value is None:
            return Reason.MISSING_VALUE
        text = query.default_value.encode("ascii")
    elif type(value) is int:
        return Decimal(value), True
    elif type(value) is float:
        text = _literal_at(line, event, field)
    elif type(value) is str and query.numeric_strings and re.fullmatch(NUMBER, encoded := value.encode()):
        text = encoded
        if not is_json(text):
            return Reason.NUMBER_OUT_OF_RANGE
    else:
        return Reason.BAD_VALUE
    number = exact.literal(text)
    if number is None:
        return Reason.NUMBER_OUT_OF_RANGE
    return number, text.removeprefix(b"-").isdigit()


def _time(line: bytes, event: dict[str, Any], query: Query, timing: Timing) -> int | Reason:
    """Return the instant of an event in nanoseconds since the epoch, or why there is none."""
    field = query.fields.time
    time = _found(line, event, field, query.form)
    instant = None
    if type(time) is str:
        instant = eventcli.lines.clock.clock_of(timing).of_text(time)
    elif type(time) is int:
        instant = eventcli.lines.clock.clock_of(timing).of_number(str(time))
    elif type(time) is float:
        literal = _literal_at(line, event, field)
        if exact.literal(literal) is not None:
            instant = eventcli.lines.clock.clock_of(timing).of_number(literal.decode("ascii"))
    elif time is MISSING:
        return Reason.MISSING_TIME
    return Reason.BAD_TIME if instant is None else instant


def _judge_refused(line: bytes, query: Query, message: str) -> Event | Reason:
    """Return the first applicable reason for a line that orjson refused with a message, or the event on it."""
    if line.startswith(_MARK):
        return judge(_without_marks(line), query)
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return Reason.INVALID_UTF8
    if "surrogate" in message:
        return _judge_surrogates(line, query)
    # Usually orjson stops at the first invalid JSON; with these two messages, the rest may be valid.
    shape = grammar.shape(line) if "infinity" in message or "depth" in message else None
    if shape is None:
        return Reason.INVALID_JSON
    if shape.depth > MAX_DEPTH:
        return Reason.TOO_DEEP
    outcome = _judge_json(shape.finite, loads(shape.finite), query._replace(timing=None))
    return Reason.NUMBER_OUT_OF_RANGE if isinstance(outcome, Event) else outcome


def _without_halves(line: bytes, text: bytes) -> bytes:
    """Return a line with a text in place of each half pair of surrogates."""
    return re.sub(_SURROGATE, lambda escape: text if escape[1] else escape[0], line, flags=re.DOTALL)


def _judge_surrogates(line: bytes, query: Query) -> Event | Reason:
    """Return the event on a line with half a pair of surrogates in a field that is not asked for.

    RFC 8259 allows such an escape, orjson does not. If the field is asked for, two texts give two events.
    """
    one, other = (judge(_without_halves(line, text), query) for text in (rb"\ufffd", rb"\ufffe"))
    return one if isinstance(one, Event) and one == other else Reason.INVALID_JSON


def _literal_at(line: bytes, event: dict[str, Any], field: str) -> bytes:
    """Return the text of the number in a field of a line that orjson has accepted."""
    import orjson  # noqa: PLC0415  # as above

    # Usually a key occurs once in the text. If it cannot occur a second time in escaped form, that is the one.
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
    """An object or array that is open while a line is read: the key or index of its next value."""

    __slots__ = ("is_on_path", "key")

    def __init__(self, *, is_on_path: bool, key: bytes | int) -> None:
        self.is_on_path = is_on_path
        self.key = key

    def leads_to(self, part: str) -> bool:
        """Whether the next value is the one that a path part names."""
        if not self.is_on_path:
            return False
        key = self.key
        return str(key) == part if isinstance(key, int) else bool(key) and loads(key) == part


def _last_literal(line: bytes, keys: tuple[str, ...]) -> bytes:
    """Return the text of the last number at the path `keys`.

    If a key is repeated, earlier values are void; but if the last of all is a number, it is the last number.
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
    """Return the kind of value that the line, or its value under `key`, is."""
    try:
        value = loads(line)
    except ValueError:  # a number elsewhere overflows a double
        shape = grammar.shape(line)
        value = loads(shape.finite if shape else line)
    return _KINDS[type(value if key is None else paths.find(value, key))]


def _explain_time(line: bytes, field: str, timing: Timing | None) -> str:
    """Return which time is unreadable, and which ones are readable."""
    value = paths.find(loads(line), field)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return f"{_quoted(field)} is {_kind(line, field)}, but no time that can be read"
    text = value if isinstance(value, str) else _literal_at(line, loads(line), field).decode("ascii")
    shown = printable(text[:_MOST_OF_TIME]) + ("…" if len(text) > _MOST_OF_TIME else "")
    if isinstance(value, str):
        shown = f'"{shown}"'
    return f"{_quoted(field)} is {shown}, but {eventcli.lines.clock.clock_of(timing or Timing()).why_not(text)}"


def _explain_missing(line: bytes, field: str) -> str:
    try:
        is_there = paths.find(loads(line), field) is not MISSING
    except ValueError:  # a number elsewhere overflows a double
        is_there = False
    if is_there:
        return f"{_quoted(field)} has a value that counts as missing"
    kind = "key" if paths.is_key(field) else "value at"
    return f"no {kind} {_quoted(field)}"


def _quoted(key: str) -> str:
    import orjson  # noqa: PLC0415  # as above

    return orjson.dumps(key).decode() if key.isprintable() else ascii(key)
