"""The command line: the commands, exit statuses, signals."""

from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import click

from eventcli import __version__
from eventcli.body import body, why
from eventcli.cli import ledger_commands
from eventcli.cli.messages import PROGRAM, say, say_repeat, say_source, write_stderr
from eventcli.cli.options import (
    ByValue,
    Command,
    Decorator,
    check_targets,
    choice_options,
    debug_option,
    files_argument,
    help_option,
    jobs_option,
    option,
    output_option,
    output_options,
    rejects_option,
    show_rejects_option,
    types_option,
    write_exit_statuses,
)
from eventcli.cli.settings import inputs_of, names_in, query_of, settings_of
from eventcli.cli.sinks import Sinks, complete, written_to
from eventcli.cli.timing import BOUND_HELP, BY_HELP, ZONE_HELP
from eventcli.cli.values import Budget, BudgetValue, NameValue, Size
from eventcli.errors import ExitCode
from eventcli.lines.query import MAX_TYPE_BYTES, MAX_TYPES
from eventcli.pipeline.run import Run
from eventcli.pipeline.summarize import BLOCK_SIZE
from eventcli.reading.blocks import MAX_LINE
from eventcli.reading.discovery import Choice
from eventcli.reporting import table
from eventcli.reporting.columns import OTHER_LABEL
from eventcli.reporting.output import write_stdout
from eventcli.summary.asked import Asked

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


_DEFAULT_COMMAND: Final = "summarize"


class _DefaultCommand(click.Group):
    """A group whose first word is optional: anything but a command belongs to `summarize`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default command in front of words that do not begin with a command or an option of the group."""
        if ctx.resilient_parsing and not args:
            return super().parse_args(ctx, args)  # a shell completes the name of a command
        own = {name for param in self.get_params(ctx) for name in param.opts}
        if not args or args[0] not in {*self.commands, *ledger_commands.NAMES, *own}:
            args = [_DEFAULT_COMMAND, *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted([*super().list_commands(ctx), *ledger_commands.NAMES])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; those of the ledger are loaded on demand."""
        if cmd_name not in ledger_commands.NAMES:
            return super().get_command(ctx, cmd_name)
        return ledger_commands.command(cmd_name)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list["CompletionItem"]:
        """Complete commands, and the arguments of the default command."""
        default = self.commands[_DEFAULT_COMMAND]
        with default.make_context(_DEFAULT_COMMAND, [], parent=ctx, resilient_parsing=True) as context:
            return super().shell_complete(ctx, incomplete) or default.shell_complete(context, incomplete)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's API
        """Write the table of exit statuses."""
        write_exit_statuses(formatter)


def _show_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001  # click's API
    if value and not ctx.resilient_parsing:
        write_stdout(f"{PROGRAM} {__version__} ({body()} body): {why()}\n".encode())
        ctx.exit()


@click.group(cls=_DefaultCommand, add_help_option=False)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version and the body of the fold in use.",
)
@help_option
def commands() -> None:
    """Count and add up the events of newline-delimited JSON logs, exactly.

    `eventstats FILE...` means `eventstats summarize FILE...`; without a FILE, or with -, standard input is read.
    """


def _field_option(name: str, default: str, text: str) -> Decorator:
    return option(f"--{name}-field", type=NameValue(), default=default, show_default=True, metavar="KEY", help=text)


@commands.command(cls=Command, add_help_option=False)
@files_argument
@choice_options
@types_option
@_field_option("type", "type", "Key, dotted path or JSON Pointer of the type.")
@_field_option("value", "value", "The same of the value; none: there is none.")
@option(
    "--count-only",
    is_flag=True,
    help="Count events that have no value, as --value-field none does: each counts as 0.",
)
@option("--default-value", metavar="N", help="Number that stands in for a value that is missing.")
@option("--numeric-strings", is_flag=True, help='Take "19.99" for a number.')
@_field_option("time", "occurred_at", "The same of the time, for the options below.")
@option("--since", metavar="TIME", help=f"Keep events from this time on: {BOUND_HELP}.")
@option("--until", metavar="TIME", help="Keep events before this time.")
@option("--by", type=ByValue(), help=f"Count in buckets of time: {BY_HELP}.")
@option("--tz", metavar="ZONE", help=f"Time zone of the buckets, and of TIME without an offset: {ZONE_HELP}")
@option("--input-tz", metavar="ZONE", help="Time zone of times without an offset.  [default: UTC]")
@option("--time-format", metavar="FORMAT", help="Read times that look like this only, in the words of strptime.")
@option("--gaps", is_flag=True, help="Print rows of count 0 for empty buckets.")
@option("--salvage", is_flag=True, help="Recover what is certain from damaged lines.")
@option(
    "--max-types",
    type=click.IntRange(min=1),
    default=MAX_TYPES,
    show_default=True,
    metavar="N",
    help="Types with a row of their own; all others share one.",
)
@option(
    "--max-type-bytes",
    type=Size(),
    default=MAX_TYPE_BYTES,
    help="Bytes of the names of such types.  [default: 64MiB]",
)
@option(
    "--other-label",
    type=NameValue(),
    default=OTHER_LABEL,
    show_default=True,
    metavar="TEXT",
    help="Name of the row that they share.",
)
@option("--strict", is_flag=True, help="Fail, and print no result, if any line is bad.")
@option(
    "--max-rejects",
    type=BudgetValue(),
    help="Fail, and print no result, if more lines (or per cent of them) are bad.",
)
@rejects_option
@show_rejects_option
@jobs_option
@option("--mmap/--no-mmap", default=True, help="Map large files that nobody writes to, or only read.  [default: map]")
@option(
    "--progress/--no-progress",
    default=None,
    help="Show how far it is, or do not.  [default: on a terminal, after a second]",
)
@option("--max-line", type=Size(), default=MAX_LINE, help="Reject lines longer than this.  [default: 16MiB]")
@option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Give up a URL that is not read to its end by then.  [default: after 60 s of silence]",
)
@output_options
def summarize(
    *,
    files: tuple[str, ...],
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    files_from: str | None,
    null: bool,
    max_line: int,
    jobs: int | None,
    mmap: bool,
    timeout: float | None,
    strict: bool,
    max_rejects: Budget | None,
    **options: Any,
) -> ExitCode:
    """Print count and sum of every event type in the FILEs (- or none: standard input).

    A FILE may be a directory, a quoted glob (** for any number of directories) or a URL, and compressed.
    """
    query = query_of(options)
    budget = Budget(Decimal(0), name="--strict") if strict else max_rejects
    settings = settings_of(**options, budget=budget, query=query, asked=Asked.of(query))
    inputs = inputs_of(files, None if files_from is None else names_in(files_from, files, null=null))
    choice = Choice(include, exclude)
    check_targets(settings, inputs, files_from=files_from)
    with Sinks(settings) as sinks:
        run = Run(
            inputs,
            query=query,
            max_line=max_line,
            block_size=BLOCK_SIZE,
            jobs=jobs,
            on_reject=sinks.reject,
            reject_limit=None if settings.rejects else settings.show_rejects,
            on_problem=say_source,
            choice=choice,
            on_repeat=say_repeat,
            left_out=sinks.identities(),
            stretches=settings.save is not None,
            mmap=mmap,
            timeout=timeout,
        )
        try:
            summary = complete(run, inputs, choice, settings)
        except KeyboardInterrupt:
            partial = run.partial()
            say(f"interrupted; partial totals so far, of {partial.account}:")
            write_stderr(table.table(partial, settings.stats).decode())
            raise
        return sinks.finish(summary)


@commands.command(cls=Command, add_help_option=False)
@files_argument
@option("--allow-overlap", is_flag=True, help="Add up also what covers the same lines: they count as often.")
@option("--allow-mixed", is_flag=True, help="Add up also what was asked for in different ways, or is in other buckets.")
@output_options
def merge(*, files: tuple[str, ...], allow_overlap: bool, allow_mixed: bool, **options: Any) -> ExitCode:
    """Add up saved summaries, ledgers and printed results (json or jsonl) in the FILEs (- or none: standard input)."""
    from eventcli.cli.merging import Merge  # noqa: PLC0415  # as above
    from eventcli.summary.kinship import MixedError  # noqa: PLC0415  # keeps start-up fast for other commands

    inputs = inputs_of(files)
    settings = settings_of(**options)
    check_targets(settings, inputs)
    merging = Merge(allow_overlap=allow_overlap, allow_mixed=allow_mixed, on_source=say_source, on_doubt=say)
    try:
        merged = merging.run(inputs)
    except MixedError as error:
        raise click.UsageError(str(error)) from None
    with Sinks(settings._replace(asked=merged.asked)) as sinks:
        return sinks.finish(merged.summary)


@commands.command(cls=Command, add_help_option=False)
@option(
    "--events",
    type=click.IntRange(min=0),
    default=1000,
    show_default=True,
    metavar="N",
    help="Lines to make.",
)
@option("--seed", type=int, default=0, show_default=True, metavar="S", help="The same seed gives the same bytes.")
@option(
    "--bad-rate",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    metavar="P",
    help="Share of bad lines.",
)
@output_option
@debug_option
@help_option
def generate(*, events: int, seed: int, bad_rate: float, output: str | None, **_debug: bool) -> ExitCode:
    """Write the log of a small shop, as large as wanted, to try things on."""
    from eventcli.cli.generate import generate as lines  # noqa: PLC0415  # random costs start-up time

    with written_to(output) as write:
        log = lines(events, seed=seed, bad_rate=bad_rate)
        while batch := b"".join(islice(log, 1000)):
            write(batch)
    return ExitCode.OK


def prepare_completion() -> None:
    """Make the script that zsh evaluates work anywhere in .zshrc."""
    from click.shell_completion import ZshComplete  # noqa: PLC0415  # keeps start-up fast for all other runs

    from eventcli.cli.completion import for_zsh  # noqa: PLC0415  # as above

    ZshComplete.source_template = for_zsh(ZshComplete.source_template)
