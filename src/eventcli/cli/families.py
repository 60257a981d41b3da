"""The commands that are loaded when they are invoked, by name: all but `summarize`. A module has one family of them."""

from typing import Final, cast

import click

_LEDGER: Final = {
    "consume": "consume",
    "follow": "follow",
    "forget": "verify",
    "ingest": "ingest",
    "produce": "produce",
    "rejects": "replay",
    "replay": "replay",
    "serve": "serve",
    "totals": "totals",
    "verify": "verify",
}

_MODULES: Final = {"generate": "sample", "merge": "merge", "plan": "plan", **_LEDGER}

NAMES: Final = frozenset(_MODULES)

LEDGER: Final = tuple(_LEDGER)
"""The commands of the ledger."""


def command(name: str) -> click.Command:
    """Return a command."""
    from importlib import import_module  # noqa: PLC0415  # keeps start-up fast for `summarize`

    return cast("click.Command", getattr(import_module(f"eventcli.cli.{_MODULES[name]}"), name))


def ledger_commands() -> dict[str, click.Command]:
    """Return the commands of the ledger by name."""
    return {name: command(name) for name in LEDGER}
