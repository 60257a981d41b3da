"""`eventcli.lines.parse`: what one line means, and for which reason it is rejected."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import oracle
from eventcli import Event, Fields, Reason, Reject, parse, testing
from eventcli.lines.parse import MAX_DEPTH, is_blank

REASONS = list(Reason)[: list(Reason).index(Reason.MISSING_TIME)]
"""The reasons that a line alone can be rejected for."""

LINES = testing.lines().filter(lambda line: not is_blank(line) and not line.startswith(b"\xef\xbb\xbf"))


def reason_of(line: bytes, fields: Fields = Fields()) -> Reason | None:  # noqa: B008  # immutable
    """Return why a line is rejected, or None if it is accepted."""
    outcome = parse(line, fields)
    return outcome.reason if isinstance(outcome, Reject) else None


def value(literal: str) -> bytes:
    """Return an event with this text in place of its value."""
    return b'{"type":"a","value":%b}' % literal.encode()


@given(LINES)
def test_a_line_means_what_the_standard_library_says(line: bytes) -> None:
    """A line is an event with the same type and exact value as by the json module, or rejected for the same reason."""
    expected = oracle.meaning(line)
    outcome = parse(line, Fields())
    if isinstance(outcome, Reject):
        assert [(bad.reason, bad.length, bad.raw) for bad in expected.rejects] == [
            (outcome.reason, outcome.length, outcome.raw)
        ]
    else:
        ((name, stats),) = expected.types.items()
        assert (outcome.type, Fraction(outcome.value), outcome.integral) == (name, stats.sum, stats.integral)


@pytest.mark.parametrize("reason", REASONS)
@given(data=st.data())
def test_the_first_reason_that_applies_is_given(reason: Reason, data: st.DataObject) -> None:
    """A line that several reasons apply to is rejected for the first of them in the documented order."""
    line = data.draw(testing.invalid_lines(reason=reason))
    outcome = parse(line, Fields())
    assert isinstance(outcome, Reject)
    assert (outcome.reason, outcome.raw, outcome.length) == (reason, line, len(line))


@given(testing.unusual_numbers(accepted=True))
@example("19.99")
@example("-0")
def test_a_number_is_taken_as_written(literal: str) -> None:
    """The value of an event is the number that is written, and integral if it has neither a point nor an exponent."""
    outcome = parse(value(literal), Fields())
    assert outcome == Event("a", Decimal(literal), integral=not set(literal) & set(".eE"))


CASES: dict[str, tuple[bytes, Reason | None]] = {
    "an event": (b'{"type":"a","value":1}', None),
    "white space around tokens": (b' {\t"type" : "a" ,\r"value" : 1 } \r', None),
    "an empty type": (b'{"type":"","value":1}', None),
    "a type that is NUL": (b'{"type":"\\u0000","value":1}', None),
    "an escaped key": (b'{"t\\u0079pe":"a","v\\u0061lue":1.5}', None),
    "a repeated value, good last": (b'{"type":"a","value":"x","value":1.5}', None),
    "a repeated value, bad last": (b'{"type":"a","value":1.5,"value":"x"}', Reason.BAD_VALUE),
    "a repeated type, bad last": (b'{"type":"a","value":1,"type":null}', Reason.BAD_TYPE),
    "a repeated value, out of range first": (b'{"type":"a","value":1e-500,"value":1}', None),
    "a repeated value, overflow first": (b'{"type":"a","value":1e400,"value":1}', Reason.NUMBER_OUT_OF_RANGE),
    "type and value nested only": (b'{"x":{"type":"a","value":1}}', Reason.MISSING_TYPE),
    "an overflow under another key": (b'{"type":"a","value":1,"x":[1e999]}', Reason.NUMBER_OUT_OF_RANGE),
    "a long number under another key": (b'{"type":"a","value":1,"x":%b.5}' % (b"1" * 300), None),
    "a tiny number under another key": (b'{"type":"a","value":1,"x":1e-9999}', None),
    "an overflow in a text": (b'{"type":"a","value":1,"x":"1e999"}', None),
    "an overflow, and no value": (b'{"type":"a","x":1e999}', Reason.MISSING_VALUE),
    "an overflow, and no type": (b'{"value":1e999}', Reason.MISSING_TYPE),
    "an overflow alone": (b"1e999", Reason.NOT_AN_OBJECT),
    "an overflow as type": (b'{"type":1e999,"value":1}', Reason.BAD_TYPE),
    "an overflow in an array as value": (b'{"type":"a","value":[1e999]}', Reason.BAD_VALUE),
    "an overflow before a syntax error": (b'{"type":"a","value":1e999,}', Reason.INVALID_JSON),
    "an overflow before a lone surrogate": (b'{"type":"\\ud800","value":1e999}', Reason.INVALID_JSON),
    "an overflow before a lone surrogate as key": (b'{"value":1e999,"\\udc00":1}', Reason.INVALID_JSON),
    "an overflow before a bad escape": (b'{"value":1e999,"x":"\\x"}', Reason.INVALID_JSON),
    "an overflow before a raw tab": (b'{"value":1e999,"x":"\t"}', Reason.INVALID_JSON),
    "an overflow before a second object": (b'{"type":"a","value":1e999}{}', Reason.INVALID_JSON),
    "an overflow before a bad number": (b'{"value":1e999,"x":01}', Reason.INVALID_JSON),
    "an overflow before bytes that are not UTF-8": (b'{"value":1e999,"x":"\xff"}', Reason.INVALID_UTF8),
    "a syntax error before bytes that are not UTF-8": (b'{,"x":"\xff"}', Reason.INVALID_UTF8),
    "as deep as can be": (b'{"type":"a","value":1,"x":%b}' % (b"[" * 1023 + b"]" * 1023), None),
    "one deeper": (b'{"type":"a","value":1,"x":%b}' % (b"[" * 1024 + b"]" * 1024), Reason.TOO_DEEP),
    "5,000 deep": (b"[" * 5000 + b"]" * 5000, Reason.TOO_DEEP),
    "5,000 deep, never closed": (b"[" * 5000, Reason.INVALID_JSON),
    "5,000 deep, closed wrongly": (b"[" * 5000 + b"]" * 4999 + b"}", Reason.INVALID_JSON),
    "too deep, and an overflow": (b'{"x":1e999,"y":%b}' % (b"[" * 1024 + b"]" * 1024), Reason.TOO_DEEP),
    "an overflow inside what is too deep": (b"[" * 1025 + b"1e999" + b"]" * 1025, Reason.TOO_DEEP),
    "a byte-order mark": (b'\xef\xbb\xbf{"type":"a","value":"x"}', Reason.BAD_VALUE),
    "a byte-order mark behind a space": (b' \xef\xbb\xbf{"type":"a","value":1}', Reason.INVALID_JSON),
    "byte-order marks alone": (b"\xef\xbb\xbf\xef\xbb\xbf ", Reason.INVALID_JSON),
    "an open quote": (b'{"type":"a,"value":1}', Reason.INVALID_JSON),
    "two objects": (b'{"type":"a","value":1}{"type":"a","value":1}', Reason.INVALID_JSON),
    "NUL": (b"\0", Reason.INVALID_JSON),
    "a value in quotes": (value('"5"'), Reason.BAD_VALUE),
    "a value of true": (value("true"), Reason.BAD_VALUE),
    "a value of NaN": (value("NaN"), Reason.INVALID_JSON),
    "the largest double": (value("1.7976931348623158e308"), None),
    "what rounds to infinity": (value("1.7976931348623159e308"), Reason.NUMBER_OUT_OF_RANGE),
    "what underflows": (value("1e-400"), None),
    "one digit too far": (value("1e-401"), Reason.NUMBER_OUT_OF_RANGE),
    "10,000 digits": (value("9" * 10_000), Reason.NUMBER_OUT_OF_RANGE),
    "10,000 digits after the point": (value("0." + "9" * 10_000), Reason.NUMBER_OUT_OF_RANGE),
}


@pytest.mark.parametrize(("line", "reason"), CASES.values(), ids=CASES)
def test_lines_that_are_easily_misread(line: bytes, reason: Reason | None) -> None:
    """Each of these lines is accepted (None) or rejected for this reason."""
    assert reason_of(line) == reason


KEYS = st.lists(
    # A text that begins with a slash is a JSON Pointer.
    st.one_of(
        st.text(max_size=5).filter(lambda key: not key.startswith("/")),
        st.sampled_from(["", "\0", '"', "\\", "é", "\u2028", "😀"]),
    ),
    min_size=2,
    max_size=2,
    unique=True,
)


@given(KEYS, st.sampled_from(["1", "1.5", "1e-320"]), st.data())
def test_any_text_can_be_a_key(keys: list[str], literal: str, data: st.DataObject) -> None:
    """Type and value are found under any two different keys."""
    fields = Fields(*keys)
    line = data.draw(testing.good_lines(fields, st.just("a"), st.just(literal)))
    assert parse(line, fields) == Event("a", Decimal(literal), integral=literal == "1")


def test_one_key_for_both_is_never_an_event() -> None:
    """Where type and value share a key, no line can be an event."""
    fields = Fields("x", "x")
    assert reason_of(b'{"x":1}', fields) is Reason.BAD_TYPE
    assert reason_of(b'{"x":"a"}', fields) is Reason.BAD_VALUE


@given(
    st.one_of(testing.invalid_lines(), testing.torn_lines()), st.sampled_from(["value", "\x1b[31m\n", "\u202e", '"'])
)
def test_a_message_is_one_printable_line(line: bytes, key: str) -> None:
    """A message can be shown to people as it is, whatever the line and the keys hold."""
    outcome = parse(line, Fields("type", key))
    if isinstance(outcome, Reject):
        assert outcome.message
        assert outcome.message.isprintable()


MESSAGES = {
    b"\xffx": "byte 0xff at byte 1 is not UTF-8",
    b"[]": "the line is an array, not an object",
    b"{}": 'no key "type"',
    b'{"type":null}': '"type" is null, not a string',
    b'{"type":"a"}': 'no key "value"',
    b'{"type":"a","value":"5"}': '"value" is a string, not a number',
    b'{"type":"a","value":{}}': '"value" is an object, not a number',
    b"[" * 1025 + b"]" * 1025: f"arrays and objects nest more than {MAX_DEPTH} levels deep",
}


@pytest.mark.parametrize(("line", "message"), MESSAGES.items(), ids=MESSAGES.values())
def test_messages_say_what_is_wrong(line: bytes, message: str) -> None:
    """A message names the key or the byte, and what stands there."""
    outcome = parse(line, Fields())
    assert isinstance(outcome, Reject)
    assert outcome.message == message


@pytest.mark.parametrize(
    "line",
    [
        value('"' + "x" * 2_000_000 + '"'),
        value('"' + "\\n" * 1_000_000 + '"'),
        value('1e999,"x":[' + "1," * 500_000 + "1]"),
        b"[" * 1_000_000 + b"]" * 1_000_000,
        b'{"type":"a","value":' + b" " * 2_000_000 + b"1e999}",
        b'"' * 1_000_001,
    ],
    ids=["text", "escapes", "array", "nesting", "white space", "quotes"],
)
def test_long_lines_need_no_stack(line: bytes) -> None:
    """A line of megabytes is rejected like a short one: nothing recurses or backtracks along it."""
    assert reason_of(line) in {Reason.BAD_VALUE, Reason.NUMBER_OUT_OF_RANGE, Reason.TOO_DEEP, Reason.INVALID_JSON}


@given(testing.blank_lines())
def test_white_space_is_blank(line: bytes) -> None:
    """A line of spaces, tabs and carriage returns, or of nothing, is blank."""
    assert is_blank(line)


@pytest.mark.parametrize(
    "line", [b"\0", b"\x0b", b"\x0c", b"\xc2\xa0", b"\xe2\x80\x83", b"\x1c", b"0", b"\xef\xbb\xbf"]
)
def test_other_space_is_not_blank(line: bytes) -> None:
    """Only the white space of JSON makes a line blank: other bytes are a bad line."""
    assert not is_blank(line)
