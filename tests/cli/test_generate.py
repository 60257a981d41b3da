"""`eventcli.cli.generate`: logs of a small shop, the same for the same seed, bad where and as asked for."""

import hashlib
import io
import json
import re
from collections import Counter
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli import Event, Fields, parse, summarize
from eventcli.cli.generate import generate
from eventcli.lines.parse import is_blank

SEEDS = st.integers(0, 2**32)


def log(events: int, *, seed: int = 0, bad_rate: float = 0.0) -> bytes:
    """Return a whole log."""
    return b"".join(generate(events, seed=seed, bad_rate=bad_rate))


def test_a_seed_gives_the_same_bytes_everywhere() -> None:
    """The bytes for one seed are these, on every machine and in every version of Python."""
    assert hashlib.sha256(log(1000, seed=42, bad_rate=0.1)).hexdigest() == (
        "277024e3e6f23649a6ffcf7bb6adb768482fbde387ab6ef5b743349dd3a06cf2"
    )
    assert hashlib.sha256(log(1000)).hexdigest() == "e0c07e90c72d3b05339cba572cc19f6813db5a24d3dea3801029b0b3e72772e0"


@given(SEEDS, st.integers(0, 50), st.integers(0, 50), st.sampled_from([0.0, 0.3, 1.0]))
def test_a_longer_log_begins_like_a_shorter_one(seed: int, short: int, more: int, bad_rate: float) -> None:
    """The same seed gives the same lines, and asking for more adds lines at the end."""
    longer = log(short + more, seed=seed, bad_rate=bad_rate)
    shorter = log(short, seed=seed, bad_rate=bad_rate)
    assert longer.startswith(shorter)
    assert (shorter.count(b"\n"), longer.count(b"\n")) == (short, short + more)


def test_seeds_differ() -> None:
    """Every seed gives a log of its own."""
    assert len({log(20, seed=seed) for seed in range(100)}) == 100


@given(SEEDS)
def test_without_bad_lines_all_are_accepted(seed: int) -> None:
    """At a rate of 0 every line is an event of the shop, and time does not go back."""
    text = log(100, seed=seed)
    summary = summarize(io.BytesIO(text))
    assert summary.account.accepted == summary.account.lines == 100
    assert set(summary.types) <= {"page_view", "added_to_basket", "purchase"}
    times = [json.loads(line)["occurred_at"] for line in text.splitlines()]
    assert times == sorted(times)
    assert all(datetime.fromisoformat(time) for time in times)


def test_the_mix_of_events() -> None:
    """There are six page views to three baskets to one purchase, and purchases have cents."""
    summary = summarize(io.BytesIO(log(10_000)))
    assert summary["page_view"].count == pytest.approx(6000, rel=0.1)
    assert summary["added_to_basket"].count == pytest.approx(3000, rel=0.1)
    assert summary["purchase"].count == pytest.approx(1000, rel=0.1)
    assert summary["page_view"].integral
    assert not summary["purchase"].integral
    values = re.findall(rb'"purchase","value":([^,]*),', log(10_000))
    assert all(re.fullmatch(rb"[1-9]?[0-9]+\.[0-9]{2}|[0-9]\.[0-9]{2}|[0-9]{3}\.[0-9]{2}", value) for value in values)


def kinds(text: bytes) -> Counter[str]:
    """Return how many lines of a log are bad in which way."""
    found: Counter[str] = Counter()
    latest = datetime(2020, 1, 1)  # noqa: DTZ001  # the logs carry local times without an offset
    for line in text.split(b"\n")[:-1]:
        if is_blank(line):
            found["blank"] += 1
            continue
        outcome = parse(line, Fields())
        if not isinstance(outcome, Event):
            found[outcome.reason] += 1
            continue
        written = json.loads(line)["occurred_at"]
        if not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", written):
            found["other date"] += 1
            continue
        time = datetime.fromisoformat(written)
        if time < latest - timedelta(minutes=30):
            found["late"] += 1
        latest = max(latest, time)
    return found


@pytest.mark.parametrize("rate", [0.05, 0.5, 1.0])
def test_the_rate_of_bad_lines_is_honoured(rate: float) -> None:
    """About the share of lines that was asked for is bad, and every kind of badness is among them."""
    found = kinds(log(10_000, seed=1, bad_rate=rate))
    assert set(found) >= {"blank", "missing_type", "missing_value", "bad_value", "invalid_json", "other date"}
    if rate < 1:  # where all are late, none is late by the others
        assert "late" in found
        assert found.total() == pytest.approx(10_000 * rate, rel=0.1)
    assert not set(found) - {
        "blank",
        "missing_type",
        "missing_value",
        "bad_value",
        "invalid_json",
        "other date",
        "late",
    }


def test_a_rate_of_one_leaves_no_line_as_it_was() -> None:
    """At a rate of 1 every line is bad in some way: about two of seven are still events, but late or oddly dated."""
    summary = summarize(io.BytesIO(log(7000, bad_rate=1.0)))
    assert summary.account.accepted == pytest.approx(2000, rel=0.1)


def test_nothing_is_asked_for() -> None:
    """No events are no lines."""
    assert list(generate(0)) == []
