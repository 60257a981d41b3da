"""Decimal literals, exact addition, printing.

Values are `decimal.Decimal`, never binary floats. Every addition goes through one context that raises when a
result would have to be rounded, so a sum is either exact or an error, never silently wrong.
"""

import re
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow, localcontext
from typing import Final

MAX_DIGITS: Final = 400
"""A literal may have this many significant digits, and its last digit may be this far from the decimal point."""

ZERO: Final = Decimal(0)

# A literal spans at most 309 digits before and 400 after the point; a sum of 10**n of them needs n more. 5,000 digits
# hold every sum that a computer can count, and the Inexact trap turns anything beyond into an error.
CONTEXT: Final = Context(
    prec=5_000, Emin=-99_999, Emax=99_999, traps=[Inexact, InvalidOperation, Overflow, DivisionByZero]
)

_MEAN = Context(prec=17, rounding=ROUND_HALF_EVEN, Emin=-99_999, Emax=99_999, traps=[InvalidOperation, DivisionByZero])

# No line is long enough for leading or trailing zeros to bring such an exponent back into range.
_MAX_EXPONENT_DIGITS = 12

_LITERAL = rb"-?0*([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?)0*([0-9]*))?"


def literal(text: bytes) -> Decimal | None:
    """Return the exact value of a JSON number as written, or None if it is out of range.

    `text` must be a valid JSON number (RFC 8259, section 6). Out of range means more than `MAX_DIGITS` significant
    digits, or a last digit more than `MAX_DIGITS` places from the decimal point: that bounds the work that a hostile
    literal can cause. Leading zeros are not significant; trailing zeros are.

    >>> literal(b"19.99"), literal(b"1E5"), literal(b"1e999999999")
    (Decimal('19.99'), Decimal('1E+5'), None)
    """
    match = re.fullmatch(_LITERAL, text)
    if match is None:
        raise ValueError(f"not a JSON number: {text[:40]!r}")
    whole, fraction, sign, exponent = match.groups(default=b"")
    if len(exponent) > _MAX_EXPONENT_DIGITS:
        return None
    place = int(sign + (exponent or b"0")) - len(fraction)
    digits = len((whole + fraction).lstrip(b"0"))
    if digits > MAX_DIGITS or abs(place) > MAX_DIGITS:
        return None
    return Decimal(text.decode("ascii"))


def add(a: Decimal, b: Decimal) -> Decimal:
    """Return a + b without rounding; raises `decimal.Inexact` rather than round.

    >>> add(Decimal("0.1"), Decimal("0.2"))
    Decimal('0.3')
    """
    return CONTEXT.add(a, b)


def scaled(units: int, places: int) -> Decimal:
    """Return units / 10**places without rounding.

    >>> scaled(1999, 2)
    Decimal('19.99')
    """
    return CONTEXT.scaleb(Decimal(units), -places)


def total(values: Iterable[Decimal], start: Decimal = ZERO) -> Decimal:
    """Return start plus all values without rounding; raises `decimal.Inexact` rather than round."""
    with localcontext(CONTEXT):
        return sum(values, start)


def plain(value: Decimal, *, integral: bool) -> str:
    """Return the digits of `value` in plain notation: no exponent, no rounding, no `-0`.

    `integral` says that every literal that went into the value was written as an integer. If not, trailing zeros are
    removed, but one digit is kept after the point.

    >>> plain(Decimal("650.00"), integral=False), plain(Decimal("60"), integral=True)
    ('650.0', '60')
    """
    if not value:
        return "0" if integral else "0.0"
    text = str(value)
    if "E" in text:  # str is three times faster, but writes very small and shifted numbers with an exponent
        text = format(value, "f")
    if integral:
        return text
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.rstrip('0') or '0'}"


def mean(total: Decimal, count: int) -> Decimal:
    """Return the exact quotient total / count, rounded once (half to even) to 17 significant digits.

    17 digits distinguish any two binary doubles, so a reader that uses doubles loses nothing.

    >>> mean(Decimal("650.0"), 75)
    Decimal('8.6666666666666667')
    """
    return _MEAN.divide(total, Decimal(count))
