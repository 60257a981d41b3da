"""The grammar of JSON, followed token by token: analyses texts that orjson does not read to their end.

orjson stops at the first thing it refuses. Here a text is followed to any depth, with a stack of one byte per level;
numbers that overflow a double are set aside; and the tear in a torn text is located.
"""

import re
from typing import Any, Final

from eventcli.record import Record

WHITE_SPACE: Final = b" \t\r\n"
"""JSON white space (RFC 8259, section 2). A line of nothing else is blank."""

# Possessive repetition: a line of 16 MiB must not cost a backtracking stack of its own size.
STRING: Final = rb'"[^"\\\x00-\x1f]*+(?:\\.[^"\\\x00-\x1f]*+)*+"'

NUMBER: Final = rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?(?![0-9.eE+-])"

# Patterns, not compiled yet: re does that once, for the first line that needs one. A run of square brackets is one
# token, because hostile lines are made of them.
_TOKEN = (
    rb"[ \t\r\n]*+(?:(\[++|\]++|[{}:,])|(" + STRING + rb")|(" + NUMBER + rb")|((?:true|false|null)(?![A-Za-z0-9_])))"
)

# Numbers outside of strings that may overflow a double: with very many digits, or with an exponent.
_LARGE = STRING + rb"|(?<![0-9.eE+-])(-?+[0-9.]{300,}+(?:[eE][+-]?[0-9]++)?|-?+[0-9.]++[eE]\+?[0-9]++)(?![0-9.eE+-])"

# Prefixes that a torn literal, number or string can leave.
_PART_OF_WORD = rb"(?:t|tr|tru|f|fa|fal|fals|n|nu|nul)"

_PART_OF_NUMBER = rb"-?(?:0|[1-9][0-9]*+)?(?:(?<=[0-9])\.[0-9]*+)?(?:(?<=[0-9])[eE][+-]?)?"

_PART_OF_STRING = rb'"[^"\\\x00-\x1f]*+(?:\\.[^"\\\x00-\x1f]*+)*+\\?'

_PART_OF_KEY = rb"[ \t\r\n]*+" + _PART_OF_STRING

_PART_OF_VALUE = rb"[ \t\r\n]*+(?:" + _PART_OF_WORD + rb"|" + _PART_OF_NUMBER + rb"|" + _PART_OF_STRING + rb")"


class Shape(Record):
    """A well-formed JSON text: its nesting depth, or 0 if orjson can read it; and the text with large numbers replaced.

    `finite` is the text with 0 for every number that overflows a double.
    """

    depth: int
    finite: bytes


def shape(text: bytes) -> Shape | None:
    """Return the shape of a UTF-8 text, or None if it is not JSON."""
    finite = re.sub(_LARGE, _without_large, text)
    try:
        loads(finite)
    except ValueError as error:
        # Usually orjson stops at the first invalid JSON; here the rest may be valid.
        if "depth" not in str(error):
            return None
    else:
        return Shape(0, finite)
    end = finite.rstrip(WHITE_SPACE)
    walk = _follow(end, is_strict=True)
    return Shape(walk.deepest, finite) if walk.end == len(end) and walk.expected == "end" else None


def _without_large(match: re.Match[bytes]) -> bytes:
    number = match[1]
    if number is None or re.fullmatch(NUMBER, number) is None or is_json(number):
        return match[0]
    return b"0"


def is_torn(text: bytes) -> bool:
    """Whether a text is the head of an array or object, cut off before its end."""
    if not is_container(text):
        return False
    walk = _follow(text, is_strict=False)
    if not walk.is_open:
        return False
    rest = text[walk.end :]
    part = _PART_OF_VALUE if "value" in walk.expected else _PART_OF_KEY if "key" in walk.expected else rb"[ \t\r\n]*+"
    return not rest.strip(WHITE_SPACE) or re.fullmatch(part, rest, re.DOTALL) is not None


def is_container(text: bytes) -> bool:
    """Whether a text begins like an array or object."""
    return text.lstrip(WHITE_SPACE)[:1] in (b"{", b"[")


def torn_at(text: bytes) -> int | None:
    """Return where an object begins after the head of a torn array or object, or None.

    It begins where the torn one cannot contain an object: where the grammar allows no value, in an incomplete literal
    or number, or in a string. In a string, the first quote of the object ends the string, and the rest is not JSON.
    """
    if not is_container(text):
        return None
    walk = _follow(text, is_strict=False)
    if not walk.is_open:
        return None
    start: int | None = None
    if match := re.compile(rb"[ \t\r\n]*+\{").match(text, walk.end):
        # Where a value is allowed, the walk would have followed it.
        start = match.end() - 1
    elif walk.string is not None:
        opened, closed = walk.string
        before = text[opened : closed - 1].rstrip(WHITE_SPACE)
        if before.endswith(b"{"):
            start = opened + len(before) - 1
    elif match := re.compile(rb"[ \t\r\n]*+[A-Za-z0-9.+-]++(?=\{)").match(text, walk.end):
        start = match.end()
    return start if start is not None and is_torn(text[:start]) else None


class _Walk(Record):
    """How far a text could be followed: what was expected there, and where the last string begins and ends.

    `is_open` says that some array or object was not closed; `string` is None if the last token was not a string.
    """

    end: int
    expected: str
    deepest: int
    is_open: bool
    string: tuple[int, int] | None


def _follow(text: bytes, *, is_strict: bool) -> _Walk:
    """Follow a text as long as it is valid JSON; unless `is_strict`, without checking escapes."""
    closers = bytearray()
    deepest = position = 0
    expected = "value"
    string: tuple[int, int] | None = None
    match_token = re.compile(_TOKEN, re.DOTALL).match
    while expected != "end" and (token := match_token(text, position)) is not None:
        marks, quoted, _, _ = token.groups()
        if marks is None:
            if quoted is not None and is_strict and b"\\" in quoted and not is_json(quoted):
                break
            if quoted is not None and "key" in expected:
                expected = "colon"
            elif "value" in expected:
                expected = "comma or close" if closers else "end"
            else:
                break
        elif (following := _behind_marks(marks, expected, closers)) is not None:
            expected = following
            deepest = max(deepest, len(closers))
        else:
            break
        position = token.end()
        string = None if quoted is None else token.span(2)
    return _Walk(position, expected, deepest, bool(closers), string)


def _behind_marks(marks: bytes, expected: str, closers: bytearray) -> str | None:
    """Return what is expected after punctuation or a run of brackets, and open or close containers; None if invalid."""
    if marks[0] in b"[{":
        if "value" not in expected:
            return None
        closers += b"]" * len(marks) if marks[0] in b"[" else b"}"
        return "value or close" if marks[0] in b"[" else "key or close"
    if marks[0] in b"]}":
        if "close" not in expected or not closers.endswith(marks):
            return None
        del closers[-len(marks) :]
        return "comma or close" if closers else "end"
    if marks == b":":
        return "value" if expected == "colon" else None
    if expected != "comma or close":
        return None
    return "key" if closers.endswith(b"}") else "value"


def loads(text: bytes) -> Any:
    """Return the value of a JSON text; ValueError for anything else."""
    import orjson  # noqa: PLC0415  # keeps start-up fast for runs without uncertain lines

    return orjson.loads(text)


def is_json(text: bytes) -> bool:
    """Whether orjson reads a text."""
    try:
        loads(text)
    except ValueError:
        return False
    return True
