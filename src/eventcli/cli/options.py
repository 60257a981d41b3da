"""What the commands share: option values, options, output destinations, messages. click and nothing else."""

import os
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, cast

import click

from eventcli.body import BodyError
from eventcli.cli import targets
from eventcli.cli.messages import say, say_rest, without_secrets, write_stderr
from eventcli.cli.settings import Settings
from eventcli.cli.targets import ConflictError
from eventcli.cli.values import NameValue, PathValue, StatsValue
from eventcli.errors import ExitCode, OutputError, ReaderGoneError
from eventcli.interruption import SignalError
from eventcli.lines.event import Reason
from eventcli.lines.query import unit_of
from eventcli.reading.mapping import LostError
from eventcli.reporting.columns import DEFAULT_STATS, UnknownStatError
from eventcli.reporting.formats import FORMATS
from eventcli.reporting.output import write_stdout
from eventcli.shortage import shortage
from eventcli.summary.account import Account
from eventcli.summary.gaps import GapsError

_SIGINT: Final = 2


class ByValue(click.ParamType[str]):
    """The size of buckets."""

    name = "size"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002  # click's API
        """Return the placeholder for the value in help texts."""
        return "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return its canonical name."""
        try:
            return unit_of(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Command(click.Command):
    """A command that distinguishes bugs from expected errors, and ends its help with the table of exit statuses."""

    expected: tuple[type[Exception], ...] = ()
    """Other expected errors, besides wrong usage and unwritable output."""

    def invoke(self, ctx: click.Context) -> ExitCode:
        """Run the command and return its exit status."""
        try:
            try:
                return cast("ExitCode", super().invoke(ctx))
            finally:
                say_rest()
        except KeyboardInterrupt:
            raise SignalError(_SIGINT) from None  # click would turn it into an Abort
        except (BodyError, GapsError, LostError, OutputError, ReaderGoneError, UnknownStatError, click.ClickException):
            raise
        except Exception as error:
            if isinstance(error, self.expected):
                raise
            if (missing := shortage(error)) is not None:
                say(f"no result: {missing}")
                return ExitCode.INCOMPLETE
            # The last resort, which users should never need.
            if ctx.params["debug"]:
                import traceback  # noqa: PLC0415  # not needed otherwise

                write_stderr(without_secrets(traceback.format_exc()))
            say(f"internal error: {type(error).__name__}: {without_secrets(str(error))} (--debug shows where)")
            return ExitCode.BUG

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's API
        """Write the table of exit statuses."""
        write_exit_statuses(formatter)


def write_exit_statuses(formatter: click.HelpFormatter) -> None:
    """Write the table of exit statuses that ends every help text."""
    with formatter.section("Exit status"):
        formatter.write_dl([(str(int(code)), code.meaning) for code in ExitCode])


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def option(*names: str, **attributes: Any) -> Decorator:
    """Return an option that can also be set as EVENTSTATS_<NAME>."""
    long_name = next(name for name in names if name.startswith("--")).partition("/")[0]
    variable = f"EVENTSTATS_{long_name.removeprefix('--').replace('-', '_').upper()}"
    return click.option(*names, envvar=variable, **attributes)


files_argument = click.argument("files", metavar="[FILE]...", nargs=-1, type=PathValue())

output_option = option("-o", "--output", type=PathValue(), metavar="FILE", help="Write to FILE, whole or not at all.")

debug_option = option("--debug", is_flag=True, help="Show the traceback if eventstats itself fails.")


def choice_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that select files."""
    options = (
        option(
            "--include",
            type=NameValue(),
            multiple=True,
            metavar="GLOB",
            help="Read the files of this name in directories. Repeatable.  [default: *.jsonl, *.ndjson, *.json, *.log,"
            " also rotated and compressed]",
        ),
        option(
            "--exclude",
            type=NameValue(),
            multiple=True,
            metavar="GLOB",
            help="Leave out what has this name in directories and globs. Repeatable.",
        ),
        option(
            "--files-from",
            type=PathValue(),
            metavar="FILE",
            help="Read the files that FILE (- is standard input) names, one a line.",
        ),
        option("-0", "--null", is_flag=True, help="In FILE of --files-from, NUL bytes end the names."),
    )
    for each in reversed(options):
        command = each(command)
    return command


types_option = option(
    "-t",
    "--type",
    "types",
    type=NameValue(),
    multiple=True,
    metavar="TYPE",
    help="Keep this type only. Repeatable.",
)

rejects_option = option(
    "--rejects",
    type=PathValue(),
    metavar="FILE",
    help="Keep rejected lines in FILE as JSON lines, to be repaired and fed again.",
)

show_rejects_option = option(
    "--show-rejects",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    metavar="N",
    help="Bad lines to show.",
)

jobs_option = option(
    "-j", "--jobs", type=click.IntRange(min=1), metavar="N", help="Threads to use.  [default: the cores it may use]"
)


def output_options_with(formats: Iterable[str]) -> Decorator:
    """Return a decorator that adds the shared options of commands with a result, with these formats."""

    def add_all(command: Callable[..., Any]) -> Callable[..., Any]:
        for add in reversed(added):
            command = add(command)
        return command

    added = (
        option(
            "-f",
            "--format",
            type=click.Choice(list(formats)),
            default="json",
            show_default=True,
            help="How to print.",
        ),
        option(
            "--stats",
            type=StatsValue(),
            default=",".join(DEFAULT_STATS),
            show_default=True,
            help="What to print of each type, in this order: count, sum, min, max, mean.",
        ),
        output_option,
        option(
            "--save", type=PathValue(), metavar="FILE", help="Keep the whole summary in FILE, for `eventstats merge`."
        ),
        debug_option,
        help_option,
    )
    return add_all


def _show_help(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001  # click's API
    if value and not ctx.resilient_parsing:
        write_stdout(f"{ctx.get_help()}\n".encode())
        ctx.exit()


help_option = click.option(
    # click's own would do, but loads translations, a fortieth of the start-up time
    "-h",
    "--help",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_help,
    help="Show this message and exit.",
)

output_options = output_options_with(FORMATS)


def check_targets(
    settings: Settings, inputs: Iterable[str] = (), *, files_from: str | None = None, ledger: str | None = None
) -> None:
    """Refuse, as wrong usage, to write what is also read, or twice: nothing has been opened for writing yet."""
    outputs = {"--output": settings.output, "--save": settings.save, "--rejects": settings.rejects}
    check_outputs(outputs, (*inputs, *((files_from,) if files_from else ())), ledger=ledger)


def check_outputs(
    outputs: dict[str, str | None],
    inputs: Iterable[str] = (),
    *,
    ledger: str | None = None,
) -> None:
    """Do the same for outputs by option; see `targets.check`."""
    is_known = None
    if ledger is not None and os.path.exists(ledger):
        from eventcli.ledger.store import database  # noqa: PLC0415  # keeps start-up fast for commands without a ledger

        is_known = partial(database.source_of, ledger)
    try:
        targets.check(outputs, inputs=inputs, ledger=ledger, is_known=is_known)
    except ConflictError as error:
        raise click.UsageError(str(error)) from None


def cure(account: Account) -> str:
    """Return the most likely cause if every line was rejected."""
    if account.rejected.keys() <= {Reason.BAD_TIME}:
        return "are these the right times, with the right --time-field? --time-format describes others"
    if account.rejected.keys() <= {Reason.BAD_TIME, Reason.MISSING_TIME}:
        return "is this the right file, with the right --time-field?"
    return "is this the right file, with the right --type-field and --value-field?"
