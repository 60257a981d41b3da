"""The process: its start, its end, and how an error becomes an exit status."""

import os
import sys
from typing import NoReturn, cast

import click

from eventcli.body import BodyError
from eventcli.cli.commands import commands, prepare_completion
from eventcli.cli.messages import PROGRAM, say, without_secrets
from eventcli.errors import ExitCode, GapsError, LostError, OutputError, ReaderGoneError
from eventcli.interruption import SignalError, end_by
from eventcli.reporting.columns import UnknownStatError
from eventcli.reporting.output import STDOUT


def main() -> NoReturn:
    """Run the command line, and raise SystemExit with the exit status."""
    _fill_closed_descriptors()
    try:
        status = _run()
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        status = ExitCode.READER_GONE
    except SignalError as error:
        end_by(error.number)
    if status == ExitCode.READER_GONE:
        # Data still buffered for the reader would fail again, and noisily, when the interpreter shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)
    sys.exit(status)


def _run() -> int:
    if "_EVENTSTATS_COMPLETE" in os.environ:
        prepare_completion()
    try:
        return cast("int", commands.main(prog_name=PROGRAM, standalone_mode=False))
    except ReaderGoneError:
        return ExitCode.READER_GONE
    except OutputError as error:
        say(str(error))
        return ExitCode.OUTPUT
    except click.ClickException as error:
        path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else PROGRAM
        say(f"{without_secrets(error.format_message())} (see {path} --help)")
        return ExitCode.USAGE
    except BodyError as error:
        say(str(error))
        return ExitCode.USAGE
    except LostError as error:
        say(f"no result: {error}")
        return ExitCode.INCOMPLETE
    except GapsError as error:
        say(f"no result: {error} (--since and --until bound them)")
        return ExitCode.DATA
    except UnknownStatError as error:
        say(f"--stats {error}: an input holds no {error}; merge saved summaries (--save)")
        return ExitCode.USAGE


def _fill_closed_descriptors() -> None:
    """Open an unusable file for each closed standard descriptor, so that none of our files gets its number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if descriptor == 0 else os.O_RDONLY)
