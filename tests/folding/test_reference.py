"""`eventcli.folding.reference`: where its fast path may use floats, and where it must not.

That the fold means what `parse` says is tested on every body in `test_fold`; here are the limits of the proof that
makes floats exact.
"""

import random
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eventcli import Query
from eventcli.folding import reference
from eventcli.folding.reference import ReferenceFold
from eventcli.lines.event import Event


@given(digits=st.integers(1, 10**15 - 1), exponent=st.integers(-290, 290))
@example(digits=999_999_999_999_999, exponent=-290)
@example(digits=1, exponent=-290)
@example(digits=999_999_999_999_999, exponent=290)
@example(digits=9_007_199_254_740_99, exponent=22)
def test_fifteen_digits_survive_a_double(digits: int, exponent: int) -> None:
    """A literal of at most 15 digits, from 1e-290 on, is the shortest decimal of its double; the fast path needs it."""
    literal = f"{digits}e{exponent}"
    assert Decimal(repr(float(literal))) == Decimal(literal)


LIMITS = [
    "1e-290",
    "9.99999999999e-291",
    "123456789012345e-305",
    "123456789012345e-304",
    "2.22507385850e-308",
    "4.9e-324",
    "5e-324",
    "2e-324",
    "1e-399",
    "0e-399",
    "123456789012345",
    "12345678901234.5",
    "123456789012345.5",
    "0.12345678901234",
    "0.123456789012345",
    "0.1234567890123456",
    "9007199254740993.0",
    "9007199254740993e0",
    "1e22",
    "1e23",
    "123456789012345e293",
    "17976931348623.1e295",
]


@pytest.mark.parametrize("literal", LIMITS)
def test_numbers_near_the_limits_of_a_double(literal: str) -> None:
    """A literal near any limit of the fast path is summed exactly as written, alone and among others."""
    for others in ([], ["0.1"], ["1", "0.25"], ["0.0"], ["-0.5e1"]):
        block = b"".join(b'{"type":"a","value":%b}\n' % number.encode() for number in [literal, *others, literal])
        folded = ReferenceFold(Query())
        assert folded.add(block) == (len(others) + 2, [])
        expected = sum((Fraction(number) for number in others), 2 * Fraction(literal))
        assert Fraction(folded.summary()["a"].sum) == expected


@pytest.mark.parametrize(
    ("numbers", "total"),
    [
        (["0.1"] * 10, "1.0"),
        (["1e16", "1", "-1e16"], "1"),
        (["1", "-1e16", "1e16"], "1"),
        (["9223372036854775807"] * 2, "18446744073709551614"),
        (["9007199254740993", "1"], "9007199254740994"),
        (["1"] * 1000 + ["0.5"], "1000.5"),
        (["0.1", "0.2", "-0.3"], "0.0"),
        (["1e308"] * 10, "1e309"),
        (["1.7976931348623157e308"] * 2, "3.5953862697246314e308"),
    ],
)
def test_sums_that_floats_get_wrong(numbers: list[str], total: str) -> None:
    """Sums on which binary floats or 64-bit integers fail are exact."""
    folded = ReferenceFold(Query())
    folded.add(b"".join(b'{"type":"a","value":%b}\n' % number.encode() for number in numbers))
    assert folded.summary()["a"].sum == Decimal(total)


@pytest.mark.parametrize("places", [1, 2, 3, 9, 10, 13])
def test_thousands_of_decimals(places: int) -> None:
    """Thousands of decimals with the same number of places, as prices have, are summed exactly."""
    draw = random.Random(places)
    units = [draw.randrange(-(10**14), 10**14) for _ in range(5000)]
    literals = [f"{Decimal(unit).scaleb(-places):f}" for unit in units]
    folded = ReferenceFold(Query())
    folded.add("".join(f'{{"type":"a","value":{literal}}}\n' for literal in literals).encode())
    assert folded.summary()["a"].sum == Decimal(sum(units)).scaleb(-places)


def test_plain_events_do_not_go_to_the_authority(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ordinary events take the fast path: only blank and odd lines are looked at one by one."""
    seen: list[bytes] = []

    def judge(line: bytes, _query: Query) -> Event:
        seen.append(line)
        return Event("odd", Decimal(1), integral=True)

    monkeypatch.setattr(reference, "judge", judge)
    folded = ReferenceFold(Query())
    folded.add(b'{"type":"a","value":1}\n{"type":"a","value":19.99}\nodd\n\n{"type":"b","value":1e5}\n')
    assert seen == [b"odd"]
    assert folded.summary().account.accepted == 4
