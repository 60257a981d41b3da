"""The metrics are what Prometheus reads, and hold what the ledger holds."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli import Account, Reason, Summary, TypeStats
from eventcli.reporting.prometheus import Figures, metrics

parser = pytest.importorskip("prometheus_client.parser", reason="the official client is not installed")

FIGURES = Figures("2020-10-06T10:00:00+00:00", 1.5, 100, {"accepted": 2, "rejected": 1}, 1, 0, 0)


def _read(text: bytes) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    families = parser.text_string_to_metric_families(text.decode())
    return {
        sample.name: {
            tuple(sorted(other.labels.items())): other.value for other in family.samples if other.name == sample.name
        }
        for family in families
        for sample in family.samples
    }


NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ('a"b', "a\\b", "a\nb", "\\n", "{}")
)


@given(st.dictionaries(NAMES, st.integers(1, 10**6), max_size=5))
def test_the_official_client_reads_every_type(counts: dict[str, int]) -> None:
    """Whatever a type is called, the official parser gives back its name and its numbers."""
    types = {name: TypeStats(count, Decimal(count) / 4, integral=False) for name, count in counts.items()}
    total = sum(counts.values())
    read = _read(metrics(Summary(types, Account(total, total)), FIGURES, "other"))
    assert read.get("eventstats_events_total", {}) == {(("type", name),): count for name, count in counts.items()}
    assert read.get("eventstats_event_values", {}) == {(("type", name),): count / 4 for name, count in counts.items()}


def test_the_figures_of_the_run() -> None:
    """Time, success, duration and lines by outcome are there, each with HELP and TYPE, and nothing has a timestamp."""
    account = Account(4, 2, {Reason.BAD_VALUE: 1}, 0, 1)
    text = metrics(Summary({"a": TypeStats(2, Decimal(3))}, account), FIGURES, "other")
    read = _read(text)
    assert read["eventstats_last_run_timestamp_seconds"] == {(): 1601978400.0}
    assert read["eventstats_last_run_success"] == {(): 1.0}
    assert read["eventstats_last_run_duration_seconds"] == {(): 1.5}
    assert read["eventstats_last_run_lines"] == {(("outcome", "accepted"),): 2.0, (("outcome", "rejected"),): 1.0}
    assert read["eventstats_lines"][(("outcome", "rejected"),)] == 1.0
    assert read["eventstats_rejected_lines"] == {(("reason", "bad_value"),): 1.0}
    lines = text.decode().splitlines()
    names = {line.split("{")[0].split()[0] for line in lines if not line.startswith("#")}
    for name in names:
        assert any(line.startswith(f"# HELP {name} ") for line in lines)
        assert any(line.startswith(f"# TYPE {name} ") for line in lines)
    assert all(len(line.rpartition("}")[2].split()) <= 2 for line in lines if not line.startswith("#"))


def test_a_run_that_failed_is_no_success() -> None:
    """Any other exit status than 0 is no success; without a run there are no figures of one."""
    assert b"last_run_success 0" in metrics(Summary(), FIGURES._replace(status=3), "other")
    assert b"last_run" not in metrics(Summary(), None, "other")


def test_types_beyond_the_limit_share_a_label() -> None:
    """The row of all other types is labelled as asked, and added to a type of that name."""
    summary = Summary({"a": TypeStats(1), "rest": TypeStats(1)}, other={None: TypeStats(2)})
    assert b'eventstats_events_total{type="rest"} 3\n' in metrics(summary, None, "rest")
