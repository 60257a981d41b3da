"""Turns errors into words and exit statuses; nothing else does."""

import click

from eventcli.cli.messages import PROGRAM, say, without_secrets, write_stderr
from eventcli.errors import ExitCode, ExpectedError, WrongUsageError
from eventcli.interruption import SignalError
from eventcli.shortage import shortage


def status_of(error: BaseException) -> int:
    """Return the exit status of a run that ends with an error."""
    if isinstance(error, (ExpectedError, SignalError)):
        return error.status
    if isinstance(error, click.ClickException):
        return ExitCode.USAGE
    if isinstance(error, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    return ExitCode.BUG if shortage(error) is None else ExitCode.INCOMPLETE


def report(error: Exception, command: str = PROGRAM, *, debug: bool = False) -> int:
    """Report an error that ends a run of a command, and return the exit status; `debug` shows where a bug is."""
    status = status_of(error)
    if status == ExitCode.BUG:
        report_bug(error, debug=debug)
    elif words := _words(error, command):
        say(words)
    return status


def report_bug(error: Exception, *, debug: bool) -> None:
    """Report an error that nobody expected: the last resort, which users should never need."""
    if debug:
        import traceback  # noqa: PLC0415  # not needed otherwise

        write_stderr(without_secrets("".join(traceback.format_exception(error))))
    say(f"internal error: {type(error).__name__}: {without_secrets(str(error))} (--debug shows where)")


def _words(error: Exception, command: str) -> str:
    if isinstance(error, ExpectedError):
        see = f" (see {command} --help)" if isinstance(error, WrongUsageError) else ""
        return f"{error.words()}{see}"
    if isinstance(error, click.ClickException):
        context = error.ctx if isinstance(error, click.UsageError) else None
        return f"{without_secrets(error.format_message())} (see {context.command_path if context else command} --help)"
    return f"no result: {shortage(error)}"
