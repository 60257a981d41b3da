"""`eventcli.lines.exact`: literals, addition and printing, against fractions of the standard library."""

import re
from decimal import Decimal, Inexact
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eventcli import testing
from eventcli.lines import exact

LITERALS = st.one_of(testing.ordinary_numbers(), testing.unusual_numbers(accepted=True))
VALUES = LITERALS.map(Decimal)


@given(LITERALS)
def test_a_literal_is_taken_as_written(text: str) -> None:
    """The value of a literal is the number that its digits say."""
    value = exact.literal(text.encode())
    assert value is not None
    assert Fraction(value) == Fraction(text)


LIMITS = {
    "400 digits": ("9" * 400, True),
    "401 digits": ("9" * 401, False),
    "401 digits, the last of them zero": ("9" * 400 + "0", False),
    "400 digits after leading zeros": ("0." + "0" * 0 + "1" * 400, True),
    "400 digits on both sides of the point": ("1" * 200 + "." + "1" * 200, True),
    "401 digits on both sides of the point": ("1" * 200 + "." + "1" * 201, False),
    "a last digit 400 places after the point": ("0." + "0" * 399 + "1", True),
    "a last digit 401 places after the point": ("0." + "0" * 400 + "1", False),
    "the same with an exponent": ("1e-400", True),
    "one more with an exponent": ("1e-401", False),
    "a fraction and an exponent": ("1.5e-399", True),
    "a fraction and an exponent, one more": ("1.5e-400", False),
    "a last digit 400 places before the point": ("1e400", True),
    "a last digit 401 places before the point": ("1E+401", False),
    "a fraction that does not use up its exponent": ("1." + "0" * 100 + "e501", False),
    "a fraction that brings an exponent back": ("1." + "1" * 100 + "e500", True),
    "zero with an exponent": ("0e400", True),
    "zero with a larger exponent": ("0e401", False),
    "zeros after the point": ("0." + "0" * 400, True),
    "one more zero after the point": ("-0." + "0" * 401, False),
    "a hostile exponent": ("1e999999999", False),
    "a hostile exponent, negative": ("1e-999999999", False),
    "an exponent beyond 64 bits": ("1e" + "9" * 30, False),
    "an exponent of 10,000 digits": ("0e-" + "9" * 10_000, False),
    "an exponent with leading zeros": ("1e-" + "0" * 10_000 + "5", True),
}


@pytest.mark.parametrize(("text", "accepted"), LIMITS.values(), ids=LIMITS)
def test_the_limits_of_a_literal(text: str, accepted: bool) -> None:  # noqa: FBT001  # a parameter of the table
    """A literal has at most 400 significant digits, and its last digit stands at most 400 places from the point."""
    value = exact.literal(text.encode())
    if accepted:
        assert value == Decimal(text)
    else:
        assert value is None


@pytest.mark.parametrize("text", ["1x", "NaN", " 1", "1_0", "٣", "--1", "1.2.3"])
def test_what_is_no_number_is_an_error(text: str) -> None:
    """Text that is not a JSON number is the caller's mistake, not a value and not out of range."""
    with pytest.raises(ValueError, match="not a JSON number"):
        exact.literal(text.encode())


@given(VALUES, VALUES)
def test_addition_does_not_round(a: Decimal, b: Decimal) -> None:
    """The sum of two values is their exact sum."""
    assert Fraction(exact.add(a, b)) == Fraction(a) + Fraction(b)


@given(st.lists(VALUES), VALUES)
@example([Decimal("0.1")] * 10, Decimal(0))
@example([Decimal("1e16"), Decimal(1), Decimal("-1e16")], Decimal(0))
def test_totals_do_not_round(values: list[Decimal], start: Decimal) -> None:
    """The total of many values is their exact sum."""
    assert Fraction(exact.total(values, start)) == sum(map(Fraction, values), Fraction(start))


def test_rounding_is_an_error() -> None:
    """A sum that would have to be rounded is an exception, not a wrong number."""
    huge, tiny = Decimal("1e4999"), Decimal("1e-4999")
    with pytest.raises(Inexact):
        exact.add(huge, tiny)
    with pytest.raises(Inexact):
        exact.total([huge, tiny])


@given(st.integers(), st.integers(0, 400))
def test_scaled_units(units: int, places: int) -> None:
    """Units scaled by places are units / 10**places."""
    assert Fraction(exact.scaled(units, places)) == Fraction(units, 10**places)


@given(VALUES)
@example(Decimal("-0"))
@example(Decimal("-0.00"))
@example(Decimal("0E+400"))
@example(Decimal("1E+308"))
@example(Decimal("1E-400"))
def test_decimals_are_printed_in_plain_notation(value: Decimal) -> None:
    """A decimal is printed without exponent, rounding or -0, with no trailing zeros but one digit after the point."""
    text = exact.plain(value, integral=False)
    assert re.fullmatch(r"-?(0|[1-9][0-9]*)\.([0-9]*[1-9]|0)", text)
    assert Fraction(text) == Fraction(value)
    assert text.startswith("-") == (value < 0)


@given(st.integers())
@example(10**400)
@example(-(10**400))
def test_integers_are_printed_as_integers(value: int) -> None:
    """A sum of integers is printed as an integer, however long."""
    assert exact.plain(Decimal(value), integral=True) == str(value)
    assert exact.plain(Decimal("-0"), integral=True) == "0"


@given(VALUES, st.integers(1, 10**6))
@example(Decimal("0.5"), 3)
@example(Decimal("12345678901234567.5"), 1)
@example(Decimal("12345678901234568.5"), 1)
@example(Decimal("12345678901234567." + "0" * 300 + "1"), 2)
def test_means_are_rounded_once(total: Decimal, count: int) -> None:
    """A mean has at most 17 significant digits and is the nearest such number, the even one of two."""
    mean = exact.mean(total, count)
    quotient = Fraction(total) / count
    digits = mean.as_tuple().digits
    assert len(digits) <= 17
    if not quotient:
        assert not mean
        return
    unit = Fraction(10) ** (mean.adjusted() - 16)
    below = quotient // unit
    expected = round(quotient / unit)  # Python rounds halves to even
    assert Fraction(mean) == expected * unit
    assert expected in {below, below + 1}
