"""A ledger becomes metrics in the text format of Prometheus, for the textfile collector of its node_exporter.

See https://prometheus.io/docs/instrumenting/exposition_formats/ and the README of node_exporter: HELP and TYPE for each
metric, label values escaped, no timestamps. The file is to take its place at once, which `output` sees to.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from eventcli import exact
from eventcli.summary import Summary, TypeStats

_PREFIX: Final = "eventstats_"

Sample = tuple[Mapping[str, str], str]
"""Labels and a number."""


class Figures(NamedTuple):
    """What came of the last run: when it began (RFC 3339), how long it took in seconds, and its lines by outcome.

    `status` is its exit status; 0 is success. `pending` are last lines without their newline that were left.
    """

    started_at: str
    seconds: float
    bytes: int
    lines: Mapping[str, int]
    pending: int
    discontinuities: int
    status: int | None


def metrics(summary: Summary, figures: Figures | None, other_label: str) -> bytes:
    """Return the totals, and the figures of the last run if there was one."""
    families = [*_totals(summary, other_label), *(_run(figures) if figures else ())]
    return "".join(_family(*family) for family in families).encode()


def _totals(summary: Summary, other_label: str) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
    types: dict[str, TypeStats] = {}
    for _, name, stats in summary.rows():
        label = other_label if name is None else name
        types[label] = types[label].merge(stats) if label in types else stats
    account = summary.account

    def by_type(cell: Callable[[TypeStats], str]) -> list[Sample]:
        return [({"type": name}, cell(stats)) for name, stats in types.items()]

    yield "events_total", "counter", "Accepted events by type.", by_type(lambda stats: str(stats.count))
    yield (
        "event_values",
        "gauge",
        "Exact sum of the values of the events by type.",
        by_type(lambda stats: exact.plain(stats.sum, integral=stats.integral)),
    )
    outcomes = {
        "accepted": account.accepted,
        "rejected": account.rejects,
        "filtered": account.filtered,
        "blank": account.blank,
    }
    # Not counters: repaired lines move from one outcome to another.
    yield "lines", "gauge", "Lines by outcome.", _outcomes(outcomes)
    rejected = [({"reason": str(reason)}, str(count)) for reason, count in account.rejected.items()]
    if rejected:
        yield "rejected_lines", "gauge", "Rejected lines by reason.", rejected
    yield "salvaged_lines", "gauge", "Accepted lines that were damaged.", [({}, str(account.salvaged))]


def _run(figures: Figures) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
    started = datetime.fromisoformat(figures.started_at).timestamp()
    single: tuple[tuple[str, str, str], ...] = (
        ("timestamp_seconds", "When the last run began.", f"{started:.0f}"),
        ("duration_seconds", "How long the last run took.", f"{figures.seconds:.6f}"),
        ("success", "Whether the last run ended with exit status 0.", str(int(figures.status == 0))),
        ("bytes", "Bytes that the last run read, decompressed.", str(figures.bytes)),
        ("pending_lines", "Last lines that the last run left because they had no newline yet.", str(figures.pending)),
        ("discontinuities", "Discontinuities that the last run noticed.", str(figures.discontinuities)),
    )
    for name, text, number in single:
        yield f"last_run_{name}", "gauge", text, [({}, number)]
    yield "last_run_lines", "gauge", "Lines that the last run read, by outcome.", _outcomes(figures.lines)


def _outcomes(lines: Mapping[str, int]) -> list[Sample]:
    return [({"outcome": outcome}, str(count)) for outcome, count in lines.items()]


def _family(name: str, kind: str, text: str, samples: Iterable[Sample]) -> str:
    full = f"{_PREFIX}{name}"
    lines = [f"# HELP {full} {text}\n# TYPE {full} {kind}\n"]
    for labels, number in samples:
        inner = ",".join(f'{label}="{_escaped(value)}"' for label, value in labels.items())
        lines.append(f"{full}{{{inner}}} {number}\n" if inner else f"{full} {number}\n")
    return "".join(lines)


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
