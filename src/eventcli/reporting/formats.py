"""Turns a Summary into bytes: one pure function per format."""

from collections.abc import Sequence
from typing import Final, Protocol

from eventcli.reporting.columns import Stat
from eventcli.reporting.objects import json, jsonl
from eventcli.reporting.separated import csv_, tsv
from eventcli.reporting.table import table
from eventcli.summary.summary import Summary


class Format(Protocol):
    """Turns a Summary into bytes."""

    def __call__(self, summary: Summary, stats: Sequence[Stat] = ..., other_label: str = ..., /) -> bytes:
        """Return all rows with these statistics; `other_label` names the row of types beyond the limit."""


FORMATS: Final[dict[str, Format]] = {
    "json": json,
    "jsonl": jsonl,
    "csv": csv_,
    "tsv": tsv,
    "table": table,
}
"""The formats by name."""
