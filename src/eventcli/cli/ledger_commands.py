"""The commands of the ledger by name. Each module has one family of them, and is loaded when one is invoked."""

from typing import Final, cast

import click

_MODULES: Final = {
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

NAMES: Final = tuple(_MODULES)


def command(name: str) -> click.Command:
    """Return a command."""
    from importlib import import_module  # noqa: PLC0415  # keeps start-up fast for other commands

    return cast("click.Command", getattr(import_module(f"eventcli.cli.{_MODULES[name]}"), name))


def commands() -> dict[str, click.Command]:
    """Return all commands by name."""
    return {name: command(name) for name in NAMES}
