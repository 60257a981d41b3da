"""The process: its start, its end, and what becomes of its standard descriptors."""

import os
import sys
from typing import NoReturn, cast

import click

from eventcli.cli.commands import commands, prepare_completion
from eventcli.cli.failures import report
from eventcli.cli.messages import PROGRAM
from eventcli.errors import ExpectedError, ReaderGoneError
from eventcli.interruption import SignalError, end_by
from eventcli.posix import require
from eventcli.reporting.output import STDOUT


def main() -> NoReturn:
    """Run the command line, and raise SystemExit with the exit status."""
    _fill_closed_descriptors()
    try:
        status = _run()
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        status = ReaderGoneError.status
    except SignalError as error:
        end_by(error.number)
    if status == ReaderGoneError.status:
        # Data still buffered for the reader would fail again, and noisily, when the interpreter shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)
    sys.exit(status)


def _run() -> int:
    if not hasattr(os, "O_CLOEXEC"):
        require("the command line")
    if "_EVENTSTATS_COMPLETE" in os.environ:
        prepare_completion()
    try:
        return cast("int", commands.main(prog_name=PROGRAM, standalone_mode=False))
    except (ExpectedError, click.ClickException) as error:
        return report(error)


def _fill_closed_descriptors() -> None:
    """Open an unusable file for each closed standard descriptor, so that none of our files gets its number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if descriptor == 0 else os.O_RDONLY)
