"""What every peer script is asked, and the form of its answer. Imports little, because start-up counts."""

import json
import sys
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple


class Task(NamedTuple):
    """One question: the count and sum of `value_field` for every `type_field` of the events in the file.

    `number` says what the values are (`Number` in workloads.py); `tolerant` that bad lines are to be skipped.
    """

    path: str
    type_field: str
    value_field: str
    number: str
    tolerant: bool


def read_task() -> Task:
    """Return the question on the command line."""
    path, type_field, value_field, number, tolerant = sys.argv[1:]
    return Task(path, type_field, value_field, number, tolerant == "tolerant")


def print_rows(rows: Iterable[tuple[str, int, float | Decimal | str]]) -> None:
    """Print rows of type, count and sum as one JSON array."""
    json.dump(list(rows), sys.stdout, ensure_ascii=False, default=_text)


def _text(value: Any) -> str:
    return str(value)
