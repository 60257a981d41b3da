"""`stddev` and `stddev_pop` are the exact standard deviations, rounded once."""

import io
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from math import isqrt
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eventcli import Summary, TypeStats, dump, load, summarize, testing
from eventcli.reporting import columns, objects
from eventcli.reporting.columns import Stat, UnknownStatError
from eventcli.reporting.prometheus import metrics

LITERALS: Final = st.lists(
    st.one_of(
        st.integers(-5, 5).map(str),
        st.integers(-(10**36), 10**36).map(str),
        st.decimals(-1000, 1000, places=2, allow_nan=False).map(lambda value: format(value, "f")),
        testing.ordinary_numbers(),
        testing.unusual_numbers(accepted=True),
    ),
    min_size=1,
    max_size=8,
)


def log_of(literals: list[str]) -> io.BytesIO:
    """Return a log with one type."""
    return io.BytesIO("".join(f'{{"type":"a","value":{one}}}\n' for one in literals).encode())


def stats_of(literals: list[str]) -> TypeStats:
    """Fold values, and keep their squares."""
    return summarize(log_of(literals), stats=("stddev",))["a"]


def variance(literals: list[str], fewer: int) -> Fraction:
    """Return the exact variance by its definition."""
    values = [Fraction(Decimal(one)) for one in literals]
    mean = sum(values, Fraction(0)) / Fraction(len(values))
    squares = sum(((value - mean) * (value - mean) for value in values), Fraction(0))
    return squares / Fraction(len(values) - fewer)


def root(square: Fraction) -> Decimal:
    """Return the square root, rounded to 17 digits, by way of one of 60 digits that is marked if it is not exact."""
    places = 0
    while square and isqrt(int(square * 100**places)) < 10**60:
        places += 10
    scaled = square * 100**places
    whole = isqrt(int(scaled))
    if whole * whole != scaled:
        whole, places = 10 * whole + 1, places + 1
    exact = Context(prec=5000, Emin=-99_999, Emax=99_999).scaleb(Decimal(whole), -places)
    return Context(prec=17, rounding=ROUND_HALF_EVEN, Emin=-99_999, Emax=99_999).plus(exact)


@given(literals=LITERALS)
@example(literals=["1", "2", "3", "4"])
@example(literals=["0.1", "0.2"])
@example(literals=["1e308", "-1e308", "1e-300"])
@example(literals=["9223372036854775807", "-9223372036854775808", "9223372036854775807"])
@example(literals=[str(10**36 - 1)] * 3 + [str(-(10**36) + 1)])
@example(literals=["1.000000000000000000000000001", "1"])
@example(literals=["0"] * 3 + ["2", "4", "4.0", "5e0"])
def test_deviations_are_exact_and_rounded_once(body: str, literals: list[str]) -> None:
    """Each is the exact root of the exact variance, rounded once; a sample of one value has none."""
    assert body
    stats = stats_of(literals)
    assert stats.stddev_pop == root(variance(literals, 0))
    assert stats.stddev == (root(variance(literals, 1)) if len(literals) > 1 else None)


@given(digits=st.integers(10**16, 10**17 - 2), spread=st.integers(-3, 3))
def test_a_tie_goes_to_the_even_digit(digits: int, spread: int) -> None:
    """A deviation between two numbers of 17 digits is rounded to the nearer one, and to the even one at the middle."""
    # Two values have half their distance as the deviation of a population.
    distance = 2 * (10 * digits + 5) + 2 * spread
    expected = Context(prec=17, rounding=ROUND_HALF_EVEN).plus(Decimal(10 * digits + 5 + spread))
    assert stats_of(["0", str(distance)]).stddev_pop == expected


def test_values_that_hardly_differ_lose_nothing(body: str) -> None:
    """Values that are large and close together, where sums of doubles cancel out, have their exact deviation."""
    assert body
    literals = [f"{10**15 + number}" for number in range(10)] * 100
    assert stats_of(literals).stddev_pop == root(Fraction(33, 4))
    nanos = [str(1_601_978_525_000_000_000 + number) for number in range(10)] * 100
    assert stats_of(nanos).stddev_pop == root(Fraction(33, 4))


@pytest.mark.parametrize("fewer", [0, 1])
def test_no_answer_is_null_and_an_unknown_one_an_error(body: str, fewer: int) -> None:
    """A type without enough values prints null; stats whose squares were not kept say so."""
    assert body
    stat = (Stat.STDDEV_POP, Stat.STDDEV)[fewer]
    one = summarize(log_of(["5"]), stats=(stat,), types=("a", "b"))
    assert objects.jsonl(one, (stat,)).decode() == (
        f'{{"type":"a","{stat}":{"null" if fewer else "0.0"}}}\n{{"type":"b","{stat}":null}}\n'
    )
    plain = summarize(log_of(["5", "6"]))
    assert plain["a"].squares is None
    assert plain["a"].stddev is None
    with pytest.raises(UnknownStatError, match=stat) as caught:
        columns.COLUMNS[stat].text(plain["a"])
    assert f"saved with --stats {stat}" in caught.value.words()


@given(first=LITERALS, second=LITERALS)
def test_what_is_kept_decides_what_a_merge_knows(first: list[str], second: list[str]) -> None:
    """A merge knows the deviation if both sides kept their squares, also after they were saved."""
    parts = [summarize(log_of(literals), stats=("stddev_pop",)) for literals in (first, second)]
    merged = Summary.union([load(dump(part)) for part in parts])
    assert merged["a"].stddev == stats_of(first + second).stddev
    assert (parts[0] + summarize(log_of(second)))["a"] == summarize(log_of(first + second))["a"]
    assert b"squares" not in dump(summarize(log_of(first)))


def test_unknown_statistics_are_refused() -> None:
    """A name that is no statistic is an error, one that is always kept is fine, and a single one needs no tuple."""
    with pytest.raises(ValueError, match="median"):
        summarize(log_of(["1"]), stats=("median",))
    assert summarize(log_of(["1"]), stats=("sum",)) == summarize(log_of(["1"]))
    assert summarize(log_of(["1", "3"]), stats="stddev_pop")["a"].stddev_pop == 1


def test_metrics_have_what_there_is() -> None:
    """Deviations are metrics where the squares are kept; a type with one event has no sample deviation."""
    summary = summarize(
        io.BytesIO(b'{"type":"a","value":1}\n{"type":"b","value":1}\n{"type":"b","value":4}\n'), stats="stddev"
    )
    text = metrics(summary, None, "other").decode()
    assert 'eventstats_event_values_stddev{type="b"} 2.1213203435596426\n' in text
    assert 'eventstats_event_values_stddev_pop{type="a"} 0.0\n' in text
    assert 'stddev{type="a"}' not in text
    assert "stddev" not in metrics(summarize(log_of(["1"])), None, "other").decode()
    assert "event_values_stddev{" not in metrics(summarize(log_of(["1"]), stats="stddev"), None, "other").decode()
