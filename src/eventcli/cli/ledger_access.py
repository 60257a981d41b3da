"""How the commands of a ledger open it, and what they print of it."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import click

import eventcli.reporting
from eventcli.cli.messages import say
from eventcli.cli.settings import NO_VALUE, PROMETHEUS, Settings
from eventcli.ledger.meaning import SETTINGS, MeaningError, check_kept, meaning_of
from eventcli.ledger.store.database import Database
from eventcli.ledger.store.records import Run as RunRecord
from eventcli.lines.windows import check_format, zone_of
from eventcli.summary.aggregates.registry import optional
from eventcli.summary.summary import Summary
from eventcli.text import name_of


def open_to_read(path: str) -> Database:
    """Open a ledger that must exist."""
    try:
        database = Database.open_to_read(path)
    except OSError as error:
        raise click.UsageError(f"--ledger {name_of(path)}: {error.strerror or error}") from None
    if database.is_new:
        say(f"{name_of(path)}: nothing was added to this ledger yet")
    return database


def open_to_change(path: str, wait: float, stats: Collection[str] = ()) -> Database:
    """Open a ledger to change it; it must exist, and hold something, and keep what these columns need."""
    try:
        database = Database.open_to_write(path, create=False, wait=wait)
    except OSError as error:
        raise click.UsageError(f"--ledger {name_of(path)}: {error.strerror or error}") from None
    try:
        if database.is_new:
            raise MeaningError(f"--ledger {name_of(path)}: nothing was added to this ledger yet")
        check_kept(meaning_of(database, {}), optional(stats))
    except BaseException:
        with database:
            raise
    return database


def renderer(
    settings: Settings, record: RunRecord | None, labels: Mapping[str, str]
) -> Callable[[Summary], bytes] | None:
    """Return a function that renders the totals as metrics, if they are requested."""
    if settings.format != PROMETHEUS:
        return None
    return lambda summary: eventcli.reporting.prometheus.metrics_of(summary, record, settings.other_label, labels)


def given_of(options: dict[str, Any]) -> dict[str, Any]:
    """Remove the options that give numbers their meaning from all options, and return those that were given."""
    given = {name: value for name in SETTINGS if (value := options.pop(name, None)) is not None}
    if options.pop("count_only"):
        given["value_field"] = NO_VALUE
    if given.get("value_field") == NO_VALUE:
        given["value_field"] = None
    try:
        if "input_tz" in given:
            # Another machine, or this one next year, must not give a ledger another meaning.
            given["input_tz"] = zone_of(given["input_tz"])
        check_format(given.get("time_format"))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    return given
