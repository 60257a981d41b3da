"""The command line: the commands, exit statuses, signals."""

import os
from contextlib import ExitStack
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import click

import eventcli.cli
import eventcli.reporting
import eventcli.summary
from eventcli import __version__
from eventcli.body import body, why
from eventcli.cli import families
from eventcli.cli.command import INPUT, RUN, Command, help_option, option, write_ending
from eventcli.cli.messages import PROGRAM, say, say_repeat, say_source, write_stderr
from eventcli.cli.options import (
    engine_given,
    engine_options,
    files_argument,
    input_options,
    jobs_option,
    line_options,
    other_label_option,
    output_options,
    reject_options,
    time_options,
    types_option,
)
from eventcli.cli.settings import inputs_of, names_in, query_of, settings_of
from eventcli.cli.sinks import EXAMPLES, Sinks, complete, is_watched
from eventcli.cli.targets import check_targets
from eventcli.cli.values import Budget
from eventcli.errors import ExitCode
from eventcli.pipeline.options import Callbacks, Options
from eventcli.pipeline.run import Run
from eventcli.reading.discovery import Choice
from eventcli.reporting.output import write_stdout
from eventcli.summary.aggregates.registry import optional

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


_DEFAULT_COMMAND: Final = "summarize"

_LIKENESS: Final = 0.75
"""How like the name of a command a word must be to be a mistyped one, from 0 to 1: `injest` is, `events` is not."""

_SHORTEST: Final = 3
"""Letters of a word that is the beginning of a command's name."""

_EXAMPLES: Final = (
    "eventstats events.jsonl",
    "eventstats logs/ --type purchase --by day -f table",
    "eventstats ingest --ledger shop.db /var/log/shop.log",
)


class _DefaultCommand(click.Group):
    """A group whose first word is optional: anything but a command belongs to `summarize`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default command in front of words that do not begin with a command or an option of the group."""
        if ctx.resilient_parsing and not args:
            return super().parse_args(ctx, args)  # a shell completes the name of a command
        own = {name for param in self.get_params(ctx) for name in param.opts}
        if not args or args[0] not in {*self.commands, *families.NAMES, *own}:
            if args and args[0].isalpha() and not ctx.resilient_parsing:
                self._check_mistyped(ctx, args[0])
            args = [_DEFAULT_COMMAND, *args]
        return super().parse_args(ctx, args)

    def _check_mistyped(self, ctx: click.Context, word: str) -> None:
        """Raise UsageError for a word that is no file, but nearly the name of a command."""
        if os.path.lexists(word):
            return
        import difflib  # noqa: PLC0415  # keeps start-up fast for words that are files

        names = {**{name: name for name in self.list_commands(ctx)}, "help": "--help", "version": "--version"}
        begun = [name for name in names if len(word) >= _SHORTEST and name.startswith(word.lower())]
        near = begun or difflib.get_close_matches(word.lower(), names, n=1, cutoff=_LIKENESS)
        if near:
            raise click.UsageError(
                f"there is no command {word!r}: did you mean {names[near[0]]!r}? If it is a file, write ./{word}", ctx
            )

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted([*super().list_commands(ctx), *families.NAMES])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; all but `summarize` are loaded on demand."""
        if cmd_name not in families.NAMES:
            return super().get_command(ctx, cmd_name)
        return families.command(cmd_name)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list["CompletionItem"]:
        """Complete commands, and the arguments of the default command."""
        default = self.commands[_DEFAULT_COMMAND]
        with default.make_context(_DEFAULT_COMMAND, [], parent=ctx, resilient_parsing=True) as context:
            found = super().shell_complete(ctx, incomplete) or default.shell_complete(context, incomplete)
        if incomplete.startswith("-"):
            return found
        return [*found, *eventcli.cli.completion.files(incomplete, beside_commands=bool(found))]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, those of a ledger under a heading of their own."""
        names = self.list_commands(ctx)
        width = max(map(len, names))
        ledger = [name for name in names if name in families.LEDGER]
        for heading, chosen in (("Commands", set(names) - set(ledger)), ("Commands on a ledger", ledger)):
            with formatter.section(heading):
                commands = [(name, self.get_command(ctx, name)) for name in sorted(chosen)]
                formatter.write_dl([(name.ljust(width), one.get_short_help_str(60)) for name, one in commands if one])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's API
        """Write the table of exit statuses, and the examples."""
        write_ending(formatter, _EXAMPLES)


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
    `eventstats COMMAND --help` shows the options of a command.
    """


@commands.command(
    cls=Command,
    short_help="Print count and sum of every event type.",
    examples=(
        "eventstats summarize events.jsonl --type purchase",
        "eventstats summarize logs/ --by day --since 7d -f table",
        "zcat app.log.gz | eventstats summarize --strict -o totals.csv",
    ),
)
@files_argument
@input_options
@option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    heading=INPUT,
    help="Stop reading a URL after this time.  [default: after 60 s without data]",
)
@line_options()
@types_option
@time_options()
@reject_options("Fail, and print no result,")
@other_label_option
@jobs_option
@option(
    "--mmap/--no-mmap",
    default=True,
    heading=RUN,
    help="Map large files that nobody writes to, or only read.  [default: map]",
)
@option(
    "--progress/--no-progress",
    default=None,
    heading=RUN,
    help="Show progress, or do not.  [default: on a terminal, after a second]",
)
@output_options()
@engine_options
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

    A FILE may be a directory, a quoted glob (** matches any number of directories) or a URL. It may be compressed.
    """
    query = query_of(options)._replace(aggregates=optional(options["stats"]))
    budget = Budget(Decimal(0), name="--strict") if strict else max_rejects
    asked = eventcli.summary.asked.Asked.of(query) if options["save"] else None
    elsewhere = engine_given(options)
    settings = settings_of(**options, budget=budget, query=query, asked=asked)
    inputs = inputs_of(files, None if files_from is None else names_in(files_from, files, null=null))
    choice = Choice(include, exclude)
    check_targets(settings, inputs, files_from=files_from)
    with ExitStack() as stack:
        engine = None
        if elsewhere is not None:
            # Before any output is opened: what is wrong with these options shows first.
            engine = stack.enter_context(eventcli.cli.engines.engine_of(elsewhere, jobs))
            if is_watched(inputs, settings):
                engine.announce()
        sinks = stack.enter_context(Sinks(settings))
        how = Options(
            query,
            max_line,
            jobs=jobs,
            choice=choice,
            left_out=frozenset(sinks.identities()),
            stretches=settings.save is not None,
            mmap=mmap,
            timeout=timeout,
        )
        most = None if settings.rejects else max(EXAMPLES, settings.show_rejects)
        callbacks = Callbacks(sinks.reject, most, say_source, say_repeat)
        run = Run(inputs, how, callbacks) if engine is None else engine.run(inputs, how, callbacks)
        try:
            summary = complete(run, inputs, choice, settings)
        except KeyboardInterrupt:
            partial = run.partial()
            say(f"interrupted; partial totals so far, of {partial.account}:")
            write_stderr(eventcli.reporting.table.table(partial, settings.stats).decode())
            raise
        return sinks.finish(summary)


def prepare_completion() -> None:
    """Make the script that zsh evaluates work anywhere in .zshrc."""
    from click.shell_completion import ZshComplete  # noqa: PLC0415  # keeps start-up fast for all other runs

    ZshComplete.source_template = eventcli.cli.completion.for_zsh(ZshComplete.source_template)
