"""Turns a Summary into bytes: one pure function per format."""

from collections.abc import Sequence
from typing import Final, Protocol

import eventcli.reporting
from eventcli.reporting.columns import DEFAULT_STATS, OTHER_LABEL, Stat
from eventcli.reporting.objects import json, jsonl
from eventcli.summary.summary import Summary


class Format(Protocol):
    """Turns a Summary into bytes."""

    def __call__(self, summary: Summary, stats: Sequence[Stat] = ..., other_label: str = ..., /) -> bytes:
        """Return all rows with these statistics; `other_label` names the row of types beyond the limit."""


def _csv(summary: Summary, stats: Sequence[Stat] = DEFAULT_STATS, other_label: str = OTHER_LABEL, /) -> bytes:
    return eventcli.reporting.separated.csv_(summary, stats, other_label)


def _tsv(summary: Summary, stats: Sequence[Stat] = DEFAULT_STATS, other_label: str = OTHER_LABEL, /) -> bytes:
    return eventcli.reporting.separated.tsv(summary, stats, other_label)


def _table(summary: Summary, stats: Sequence[Stat] = DEFAULT_STATS, other_label: str = OTHER_LABEL, /) -> bytes:
    return eventcli.reporting.table.table(summary, stats, other_label)


FORMATS: Final[dict[str, Format]] = {
    "json": json,
    "jsonl": jsonl,
    "csv": _csv,
    "tsv": _tsv,
    "table": _table,
}
"""The formats by name."""
