r"""Hypothesis strategies for event logs, and the laws of a commutative monoid, for people who test their own pipelines.

Importing this module needs hypothesis; nothing else in eventcli does: `pip install "eventcli[testing]"`.

Lines and logs are bytes, as a producer writes them. A line has no newline; a log is a whole file.

>>> import io
>>> from hypothesis import given, settings
>>> from eventcli import summarize, testing
>>> @settings(max_examples=10, database=None)
... @given(testing.logs())
... def every_line_is_accounted_for(log):
...     account = summarize(io.BytesIO(log)).account
...     assert account.lines == account.accepted + account.rejects + account.filtered + account.blank
>>> every_line_is_accounted_for()
"""

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any, Final, ParamSpec, TypeVar

from hypothesis import strategies as st

from eventcli.lines.event import Reason
from eventcli.lines.exact import MAX_DIGITS
from eventcli.lines.parse import MAX_DEPTH
from eventcli.lines.query import Fields
from eventcli.reading.blocks import BYTE_ORDER_MARK
from eventcli.reading.compression.encodings import is_plain

__all__ = [
    "blank_lines",
    "check_associativity",
    "check_commutativity",
    "check_identity",
    "event_types",
    "good_lines",
    "invalid_lines",
    "lines",
    "logs",
    "ordinary_numbers",
    "torn_lines",
    "unusual_numbers",
]

P = ParamSpec("P")

S = TypeVar("S")

_FIELDS: Final = Fields()

_ODD_TYPES: Final = (
    "",
    " ",
    "purchase ",
    'quo"ted',
    "new\nline",
    "car\rriage",
    "tab\t",
    "\x1b[31mred",
    "é",
    "漢字",
    "\0",
)

_UNUSUAL_NUMBERS: Final = (
    "-0",
    "0.0",
    "-0.0",
    "0e0",
    "0E-7",
    "1E+05",
    "1e-7",
    "100e-2",
    "1.10",
    "123456789012345",
    "12345678901234.5",
    "1234567890123456",
    "0.1234567890123456",
    "12345678901234567",
    "0.30000000000000004",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775809",
    "123456789012345678901234567890",
    "0.123456789012345678901234567890",
    "1e16",
    "-1e16",
    "1e22",
    "1e23",
    "5e-324",
    "2.2250738585072014e-308",
    "2e-308",
    "1e-290",
    "9e-291",
    "1e308",
    "1.7976931348623157e308",
    "1.7976931348623158e308",
    "1e-400",
    "0e400",
    "0e-400",
    "1" * 309,
    "0." + "1" * MAX_DIGITS,
    "0." + "0" * (MAX_DIGITS - 1) + "1",
    "-1." + "0" * (MAX_DIGITS - 1),
)

_OUT_OF_RANGE: Final = (
    "1e400",
    "-1e400",
    "1e309",
    "1.7976931348623159e308",
    "1e999999999",
    "1e-401",
    "1e-999999999",
    "1e99999999999999999999",
    "-1e-99999999999999999999",
    "0e401",
    "0e-401",
    "0e999999999",
    "1" * (MAX_DIGITS + 1),
    "9" * 10_000,
    "1." + "0" * MAX_DIGITS,
    "0." + "0" * MAX_DIGITS + "1",
    "0." + "0" * (MAX_DIGITS + 1),
)

_NOT_NUMBERS: Final = ('"5"', '""', "true", "false", "null", "[]", "[1]", "{}", '{"value":1}', '"1e400"')

_NOT_STRINGS: Final = ("5", "0.5", "true", "false", "null", "[]", '["a"]', "{}", '{"type":"a"}', "1e-7")

# What a lenient JSON reader accepts. None of it may become a value.
_NOT_JSON: Final = (
    "NaN",
    "-Infinity",
    "01",
    "-01",
    "+1",
    ".5",
    "1.",
    "1.e5",
    "1e",
    "1e+",
    "-",
    "0x1F",
    "1_000",
    "1,5",
    "1 5",
    "'5'",
    "nul",
    "True",
    "undefined",
    '"\t"',
    '"\0"',
    r'"\ud800"',
    r'"\udc00\ud800"',
    r'"\x41"',
    r'"\u12"',
    r'"\""x',
    "[1,]",
    '{"a":1,}',
    "{1:1}",
    '{"a" 1}',
    "[",
    "]",
    "[}",
    '"',
    '"\\"',
    "5}{",
    "/**/5",
    "\f5",
)

_NOT_OBJECTS: Final = ("5", "-0.5e-3", '"type"', "true", "false", "null", "[]", '[{"type":"a","value":1}]', '"{}"')

# Other keys of an event, which are ignored. Some of them are made to be mistaken for the type or the value.
_OTHER_VALUES: Final = (
    "null",
    "true",
    "0",
    "0.1",
    "-1E+5",
    "1e-300",
    "0.0",
    "12345678901234567890123456789.5",
    '""',
    '"1234567890123456"',
    '"2020-10-06 10:02:05"',
    r'"\"type\":\"x\",\"value\":7.5"',
    r'"\\"',
    r'"\ud83d\ude00\n"',
    '"漢字"',
    "[]",
    '["type","value",[{"value":1.5}]]',
    '{"type":"x","value":1.5}',
    '{ "value" : { "value" : [ 0.5 , { } ] } }',
)

# As in a file after its disk was full, or its machine lost power.
_WITH_NUL: Final = (b"\0", b"\0" * 20, b'{"type":"a","value":1}\0', b'\0{"type":"a","value":1}')

_NOT_UTF8: Final = (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc3(")

_MISSING: Final = ""


def _short(function: Callable[P, st.SearchStrategy[S]]) -> Callable[P, st.SearchStrategy[S]]:
    """Make the result of a function appear by name in Hypothesis reports, not as everything it is built from."""

    @functools.wraps(function)
    def named(*args: P.args, **kwargs: P.kwargs) -> st.SearchStrategy[S]:
        strategy = function(*args, **kwargs)

        def drawn(draw: st.DrawFn) -> S:
            return draw(strategy)

        drawn.__name__ = function.__name__
        return st.composite(drawn)()

    return named


@_short
def event_types() -> st.SearchStrategy[str]:
    """Types of events: a few ordinary ones, so that they recur, some odd ones, and any text."""
    ordinary = st.sampled_from(("page_view", "added_to_basket", "purchase"))
    return st.one_of(ordinary, ordinary, st.sampled_from(_ODD_TYPES), st.text(st.characters(codec="utf-8"), max_size=6))


@_short
def ordinary_numbers() -> st.SearchStrategy[str]:
    """Literals of numbers as in most logs: integers, and decimals with a few places."""
    integers = st.integers(-(10**6), 10**6)
    return st.one_of(
        integers.map(str),
        st.tuples(integers, st.integers(1, 3)).map(lambda drawn: f"{drawn[0]}.{abs(drawn[0]) % 10 ** drawn[1]:03}"),
        integers.map(lambda cents: f"{cents // 100}.{cents % 100:02}"),
        st.sampled_from(("0.1", "0.2", "0.7", "19.99")),
    )


@_short
def unusual_numbers(*, accepted: bool | None = None) -> st.SearchStrategy[str]:
    """Literals of numbers that break other tools: many digits, exponents, `-0`, `1e400`, limits of 64 bits, of doubles.

    Each is a valid JSON number. `accepted` selects those that eventstats accepts (True) or rejects as
    `number_out_of_range` (False); None gives both.
    """
    built = st.builds(
        lambda sign, whole, fraction, exponent: f"{sign}{int(whole)}{fraction}{exponent}",
        st.sampled_from(("", "-")),
        st.text("0123456789", min_size=1, max_size=20),
        st.one_of(st.just(""), st.text("0123456789", min_size=1, max_size=20).map(lambda digits: f".{digits}")),
        st.one_of(
            st.just(""),
            st.builds("{}{}{:02}".format, st.sampled_from("eE"), st.sampled_from(("", "+", "-")), st.integers(0, 280)),
        ),
    )
    good = st.one_of(st.sampled_from(_UNUSUAL_NUMBERS), built)
    bad = st.sampled_from(_OUT_OF_RANGE)
    if accepted is None:
        return st.one_of(good, bad)
    return good if accepted else bad


_Pair = tuple[str, str]

_OTHER_PAIRS: Final = st.lists(
    st.tuples(st.sampled_from(("other", "", "Value", "typ\u00e9")), st.sampled_from(_OTHER_VALUES)), max_size=2
)

_LAYOUTS: Final = st.tuples(
    st.sampled_from(("kept", "kept", "reversed", "repeated")),
    st.sampled_from(((":", ",", True), (": ", ", ", True), (" :\t", "\r, ", False))),
)


def _objects(
    fields: Fields, types: st.SearchStrategy[str], values: st.SearchStrategy[str], others: st.SearchStrategy[str]
) -> st.SearchStrategy[bytes]:
    """Texts of objects: `types`, `values` and `others` (of one more key) give JSON text, which may be wrong or missing.

    Keys beyond those of `fields` come before and after them, and those of `fields` may be repeated.
    """

    def text(name: str, value: str, other: str, more: list[_Pair], layout: tuple[str, tuple[str, str, bool]]) -> bytes:
        order, (colon, comma, ascii_only) = layout
        pairs = [(key, text) for key, text in ((fields.type, name), (fields.value, value)) if text is not _MISSING]
        if order == "repeated":
            # The last of a repeated key wins, whatever the first one contains.
            pairs = [*((key, other) for key, _ in pairs), *pairs]
        extra = [(key, text) for key, text in (*more, ("more", other)) if key not in fields]
        pairs = [*extra[:1], *pairs, *extra[1:]]
        if order == "reversed":
            pairs.reverse()
        return b"{%b}" % comma.join(
            f"{json.dumps(key, ensure_ascii=ascii_only)}{colon}{text}" for key, text in pairs
        ).encode("utf-8")

    return st.builds(text, types, values, others, _OTHER_PAIRS, _LAYOUTS)


def _strings(types: st.SearchStrategy[str] | None) -> st.SearchStrategy[str]:
    texts = event_types() if types is None else types
    return st.builds(lambda text, ascii_only: json.dumps(text, ensure_ascii=ascii_only), texts, st.booleans())


def _good_objects(
    fields: Fields, types: st.SearchStrategy[str] | None, numbers: st.SearchStrategy[str] | None
) -> st.SearchStrategy[bytes]:
    accepted = st.one_of(ordinary_numbers(), ordinary_numbers(), unusual_numbers(accepted=True))
    return _objects(fields, _strings(types), accepted if numbers is None else numbers, st.sampled_from(_OTHER_VALUES))


@_short
def good_lines(
    fields: Fields = _FIELDS,
    types: st.SearchStrategy[str] | None = None,
    numbers: st.SearchStrategy[str] | None = None,
) -> st.SearchStrategy[bytes]:
    """Lines that are accepted: events under the keys `fields`, of `types`, whose values are the literals in `numbers`.

    They have other keys, repeated keys, escapes and white space where JSON allows them. `types` are texts, by default
    `event_types`; `numbers` are by default `ordinary_numbers`, and the accepted `unusual_numbers`.
    """
    space = st.sampled_from((b"", b"", b" ", b"\t", b"\r"))
    return st.builds(
        lambda before, line, after: before + line + after, space, _good_objects(fields, types, numbers), space
    )


@_short
def torn_lines(fields: Fields = _FIELDS, types: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[bytes]:
    """Prefixes of good lines, as left by a producer that was stopped: never complete, never blank."""
    return st.builds(
        lambda line, cut: line[: 1 + cut % (len(line) - 1)], _good_objects(fields, types, None), st.integers(0, 10_000)
    )


@_short
def blank_lines() -> st.SearchStrategy[bytes]:
    """Lines of only JSON white space: spaces, tabs, carriage returns, or nothing."""
    return st.text(" \t\r", max_size=4).map(str.encode)


@_short
def invalid_lines(fields: Fields = _FIELDS, reason: Reason | None = None) -> st.SearchStrategy[bytes]:
    """Lines that are rejected, for one `reason` or for any.

    If several reasons apply to such a line, `reason` is the first of them. Reasons that do not depend on the line alone
    (`line_too_long`), or that the fields do not request (`missing_time`, `bad_time`), are a ValueError.
    """
    by_reason = _invalid(fields)
    if reason is None:
        return st.one_of(*by_reason.values())
    if reason not in by_reason:
        raise ValueError(f"no line alone is rejected for {reason}")
    return by_reason[reason]


def _invalid(fields: Fields) -> Mapping[Reason, st.SearchStrategy[bytes]]:
    strings, numbers, missing = _strings(None), ordinary_numbers(), st.just(_MISSING)
    not_strings, not_numbers = st.sampled_from(_NOT_STRINGS), st.sampled_from(_NOT_NUMBERS)
    out_of_range, not_json = unusual_numbers(accepted=False), st.sampled_from(_NOT_JSON)
    deep = st.builds(_nested, st.integers(MAX_DEPTH, MAX_DEPTH + 50), st.booleans())
    others = st.sampled_from(_OTHER_VALUES)
    # Later reasons may apply as well.
    any_value = st.one_of(numbers, missing, not_numbers, out_of_range)
    any_type = st.one_of(strings, missing, not_strings)
    some_other = st.one_of(others, out_of_range)
    return {
        Reason.INVALID_UTF8: _inserted(st.one_of(_objects(fields, any_type, any_value, others), torn_lines(fields))),
        Reason.INVALID_JSON: st.one_of(
            _objects(fields, any_type, not_json, some_other),
            _objects(fields, not_json, any_value, some_other),
            _objects(fields, strings, st.just("\ufeff5"), others),
            _objects(fields, any_type, any_value, others).map(lambda line: line + line),
            st.sampled_from(_NOT_JSON).map(str.encode),
            deep.map(lambda text: text[:-1].encode()),
        ),
        Reason.TOO_DEEP: st.one_of(
            _objects(fields, any_type, deep, others),
            _objects(fields, deep, any_value, some_other),
            deep.map(lambda text: f"[{text}]".encode()),
        ),
        Reason.NOT_AN_OBJECT: st.one_of(st.sampled_from(_NOT_OBJECTS), out_of_range).map(str.encode),
        Reason.MISSING_TYPE: _objects(fields, missing, any_value, some_other),
        Reason.BAD_TYPE: _objects(fields, not_strings, any_value, some_other),
        Reason.MISSING_VALUE: _objects(fields, strings, missing, some_other),
        Reason.BAD_VALUE: _objects(fields, strings, not_numbers, some_other),
        Reason.NUMBER_OUT_OF_RANGE: _objects(fields, strings, out_of_range, some_other),
    }


def _nested(depth: int, objects: bool) -> str:  # noqa: FBT001  # drawn by a strategy, by position
    return '{"a":' * depth + "0" + "}" * depth if objects else "[" * depth + "]" * depth


def _inserted(texts: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.builds(
        lambda text, wrong, place: text[: place % len(text)] + wrong + text[place % len(text) :],
        texts,
        st.sampled_from(_NOT_UTF8),
        st.integers(0, 10_000),
    )


@_short
def lines(fields: Fields = _FIELDS, types: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[bytes]:
    """Lines of all kinds: mostly good ones, then torn, blank and invalid ones, unusual numbers, NUL, any bytes.

    No line begins like an archive or compressed data, since a log that begins with such a line is not a log.
    """
    good = good_lines(fields, types)
    return st.one_of(
        good,
        good,
        good_lines(fields, types, unusual_numbers()),
        torn_lines(fields, types),
        blank_lines(),
        invalid_lines(fields),
        st.sampled_from(_WITH_NUL),
        st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"\0")).filter(is_plain),
    )


@_short
def logs(
    fields: Fields = _FIELDS,
    types: st.SearchStrategy[str] | None = None,
    *,
    line: st.SearchStrategy[bytes] | None = None,
    max_lines: int = 12,
) -> st.SearchStrategy[bytes]:
    """Whole files of up to `max_lines` lines of the strategy `line` (default: `lines`).

    Some begin with a byte-order mark, some have carriage returns, in some the last newline is missing.
    """
    return st.builds(
        _log,
        st.lists(lines(fields, types) if line is None else line, max_size=max_lines),
        st.sampled_from((b"\n", b"\n", b"\r\n")),
        st.sampled_from((b"", b"", BYTE_ORDER_MARK)),
        st.booleans(),
    )


def _log(chosen: list[bytes], end: bytes, mark: bytes, torn: bool) -> bytes:  # noqa: FBT001  # drawn, by position
    log = mark + b"".join(line + end for line in chosen)
    return log.removesuffix(b"\n") if torn else log


def check_identity(empty: S, state: S, merge: Callable[[S, S], S] | None = None) -> None:
    """Assert that merging `state` with `empty`, on either side, gives `state`.

    `merge` takes two states; the default is the method of that name. The same applies to the other laws.

    >>> check_identity(0, 7, merge=lambda a, b: a + b)
    """
    _same("identity (left): empty + a = a", _merge(merge, empty, state), state)
    _same("identity (right): a + empty = a", _merge(merge, state, empty), state)


def check_associativity(a: S, b: S, c: S, merge: Callable[[S, S], S] | None = None) -> None:
    """Assert that it does not matter which two of three states in a row are merged first.

    >>> check_associativity(0.1, 0.2, 0.3, merge=lambda a, b: a + b)
    Traceback (most recent call last):
    AssertionError: associativity: (a + b) + c = a + (b + c) does not hold
      left:  0.6000000000000001
      right: 0.6
    """
    left = _merge(merge, _merge(merge, a, b), c)
    _same("associativity: (a + b) + c = a + (b + c)", left, _merge(merge, a, _merge(merge, b, c)))


def check_commutativity(a: S, b: S, merge: Callable[[S, S], S] | None = None) -> None:
    """Assert that the order of two states does not matter.

    >>> check_commutativity("a", "b", merge=lambda a, b: a + b)
    Traceback (most recent call last):
    AssertionError: commutativity: a + b = b + a does not hold
      left:  'ab'
      right: 'ba'
    """
    _same("commutativity: a + b = b + a", _merge(merge, a, b), _merge(merge, b, a))


def _merge(merge: Callable[[S, S], S] | None, a: S, b: S) -> S:
    if merge is not None:
        return merge(a, b)
    state: Any = a
    merged: S = state.merge(b)
    return merged


def _same(law: str, left: object, right: object) -> None:
    if left != right:
        raise AssertionError(f"{law} does not hold\n  left:  {left!r}\n  right: {right!r}")
