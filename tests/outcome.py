"""All that a run gives: what every format prints, the account, the rejects. Runs mean the same if these are equal."""

import io
from collections.abc import Iterable
from typing import Final, NamedTuple

from eventcli import Account, Reject, Summary, summarize
from eventcli.lines.query import Fields
from eventcli.pipeline.options import BLOCK_SIZE
from eventcli.reading.blocks import MAX_LINE
from eventcli.reporting.columns import Stat
from eventcli.reporting.formats import FORMATS
from eventcli.summary.aggregates.registry import optional


class Outcome(NamedTuple):
    """What a run over some logs gave."""

    printed: dict[str, bytes]
    account: Account
    rejects: list[Reject]


ALWAYS: Final = tuple(stat for stat in Stat if not optional((stat,)))
"""The statistics that every summary has."""


def printed(summary: Summary, stats: Iterable[Stat] = ALWAYS) -> dict[str, bytes]:
    """Return the bytes of every format, with all statistics that it always has unless told otherwise."""
    return {name: render(summary, tuple(stats)) for name, render in FORMATS.items()}


def run(
    *logs: bytes,
    fields: Fields = Fields(),  # noqa: B008  # immutable
    types: tuple[str, ...] | None = None,
    max_line: int = MAX_LINE,
    block_size: int = BLOCK_SIZE,
    jobs: int = 1,
) -> Outcome:
    """Summarise whole files."""
    rejects: list[Reject] = []
    summary = summarize(
        [io.BytesIO(log) for log in logs],
        fields=fields,
        types=types,
        max_line=max_line,
        block_size=block_size,
        jobs=jobs,
        on_reject=rejects.append,
    )
    return Outcome(printed(summary), summary.account, rejects)
