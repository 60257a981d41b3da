"""Renders a ledger as metrics in the Prometheus text format, for the textfile collector of node_exporter.

See https://prometheus.io/docs/instrumenting/exposition_formats/ and the README of node_exporter: HELP and TYPE for each
metric, label values escaped, no timestamps. The file must appear in one step, which `output` ensures.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from eventcli.summary.aggregates.registry import AGGREGATES, Stat
from eventcli.summary.summary import Summary

if TYPE_CHECKING:
    from eventcli.summary.stats import TypeStats

_PREFIX: Final = "eventstats_"

_LARGEST: Final = Decimal(sys.float_info.max)

STATS: Final = tuple(Stat(name) for one in AGGREGATES for name, column in one.columns.items() if column.metric)
"""The columns that are metrics."""

RESERVED: Final = frozenset(("type", "outcome", "reason", "le", "quantile"))
"""Labels that have a meaning here, or in Prometheus."""

Sample = tuple[Mapping[str, str], str]
"""Labels and a number."""


class Figures(NamedTuple):
    """The result of the last run: its start (RFC 3339), its duration in seconds, and its lines by outcome.

    `status` is its exit status; 0 is success. `pending` is the number of last lines that were left without a newline.
    """

    started_at: str
    seconds: float
    bytes: int
    lines: Mapping[str, int]
    pending: int
    discontinuities: int
    status: int | None


class Record(Protocol):
    """A run as a ledger records it; see `Figures`."""

    @property
    def started_at(self) -> str: ...  # noqa: D102  # see `Figures`
    @property
    def seconds(self) -> float: ...  # noqa: D102
    @property
    def bytes(self) -> int: ...  # noqa: D102
    @property
    def pending(self) -> int: ...  # noqa: D102
    @property
    def discontinuities(self) -> int: ...  # noqa: D102
    @property
    def status(self) -> int | None: ...  # noqa: D102


def label_fault(name: str) -> str | None:
    """Return why a text cannot be a label name, or None if it can."""
    if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name):
        return "a label has ASCII letters, digits and _, and does not begin with a digit"
    if name.startswith("__"):
        return "labels that begin with __ are Prometheus's own"
    return f"{name} is a label that the metrics already have" if name in RESERVED else None


def metrics_of(
    summary: Summary | None, record: Record | None, other_label: str, labels: Mapping[str, str] = MappingProxyType({})
) -> bytes:
    """Return the totals of a ledger, if known, and the figures of its last run, if there was one."""
    return metrics(summary, None if record is None else figures_of(record), other_label, labels)


def figures_of(record: Record) -> Figures:
    """Return the figures of a run from its record in a ledger."""
    lines = {name: getattr(record, name) for name in ("accepted", "rejected", "filtered", "blank")}
    return Figures(
        record.started_at,
        record.seconds,
        record.bytes,
        lines,
        record.pending,
        record.discontinuities,
        record.status,
    )


def metrics(
    summary: Summary | None, figures: Figures | None, other_label: str, labels: Mapping[str, str] = MappingProxyType({})
) -> bytes:
    """Return the totals, if known, and the figures of the last run, if there was one; all with these labels."""
    families = [*(_totals(summary, other_label) if summary is not None else ()), *(_run(figures) if figures else ())]
    return "".join(_family(name, kind, text, samples, labels) for name, kind, text, samples in families).encode()


def _totals(summary: Summary, other_label: str) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
    types: dict[str, TypeStats] = {}
    for _, name, stats in summary.rows():
        label = other_label if name is None else name
        types[label] = types[label].merge(stats) if label in types else stats
    account = summary.account

    kept = {one.name for stats in types.values() for one, state in stats.states() if state is not None}
    for one in AGGREGATES:
        if one.is_optional and one.name not in kept:
            continue
        for metric, text in ((column.metric, column.text) for column in one.columns.values()):
            if metric is not None:
                samples = [({"type": name}, text(stats)) for name, stats in types.items()]
                known = [(labels, _bounded(cell)) for labels, cell in samples if cell is not None]
                if known or not one.is_optional:
                    yield *metric, known
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


def _bounded(text: str) -> str:
    """Return the text of a number; one that overflows a double would make the whole file unreadable."""
    if len(text) > sys.float_info.max_10_exp and abs(Decimal(text)) > _LARGEST:
        return "-Inf" if text.startswith("-") else "+Inf"
    return text


def _family(name: str, kind: str, text: str, samples: Iterable[Sample], common: Mapping[str, str]) -> str:
    full = f"{_PREFIX}{name}"
    lines = [f"# HELP {full} {text}\n# TYPE {full} {kind}\n"]
    for labels, number in samples:
        inner = ",".join(f'{label}="{_escaped(value)}"' for label, value in {**labels, **common}.items())
        lines.append(f"{full}{{{inner}}} {number}\n" if inner else f"{full} {number}\n")
    return "".join(lines)


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
