"""What the commands share: the values of options, options, where output goes, what is said. click and nothing else."""

import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self, TextIO, cast

import click

from eventcli import diagnostics, discovery, gaps, interruption, messages, report, saved, targets
from eventcli.asked import Asked
from eventcli.body import BodyError
from eventcli.discovery import Choice, discover
from eventcli.escape import for_terminal, printable
from eventcli.event import Fields, Query, Reason, Reject, Timing, unit_of
from eventcli.exits import ExitCode
from eventcli.gaps import GapsError
from eventcli.interruption import SignalError
from eventcli.mapping import LostError
from eventcli.messages import say, say_rest, without_secrets, write_stderr
from eventcli.output import (
    PRIVATE,
    STDOUT,
    STDOUT_PATH,
    OutputError,
    OutputFile,
    ReaderGoneError,
    prove_stdout,
    write_stdout,
)
from eventcli.pipeline import Run, check_query
from eventcli.report import DEFAULT_STATS, FORMATS, OTHER_LABEL, Stat, UnknownStatError
from eventcli.shortage import shortage
from eventcli.source import STDIN, is_url, name_of, open_source, size_of
from eventcli.summary import Account, Summary
from eventcli.targets import ConflictError
from eventcli.timing import timing_of as meaning_of_times

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_LARGEST: Final = 1024**4
NO_VALUE: Final = "none"
_SIGINT: Final = 2


class Budget(NamedTuple):
    """How many rejected lines a run may have: a number, or a percentage of the lines that are not blank."""

    limit: Decimal
    percent: bool = False
    name: str = "--max-rejects"

    def is_passed_by(self, account: Account) -> bool:
        """Whether the rejected lines are more than the budget allows."""
        if not self.percent:
            return account.rejects > self.limit
        return account.rejects * 100 > self.limit * (account.lines - account.blank)

    def __str__(self) -> str:
        return self.name


class Settings(NamedTuple):
    """What the options of a command said: how to print, where to, and what to do about bad lines."""

    format: str
    stats: tuple[Stat, ...]
    output: str | None
    save: str | None
    rejects: str | None = None
    show_rejects: int = 0
    budget: Budget | None = None
    other_label: str = OTHER_LABEL
    query: Query = Query()
    asked: Asked | None = None
    gaps: bool = False
    progress: bool | None = None


# ------------------------------------------------------------------------------------------ values of options


class Size(click.ParamType[int]):
    """A number of bytes: 1000, 64K, 16MiB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the bytes that are meant; K, M and G are powers of 1024."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"([0-9]{1,12})([KMG]?)(?:I?B)?", value.strip().upper())
        size = int(match[1]) * {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}[match[2]] if match else 0
        if not 0 < size <= _LARGEST:
            self.fail(f"{value!r} is not a size such as 65536, 64K or 16MiB", param, ctx)
        return size


class BudgetValue(click.ParamType[Budget]):
    """A number of lines, or a percentage."""

    name = "n|p%"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Budget:
        """Return the budget that is meant."""
        if isinstance(value, Budget):
            return value
        number = value.strip().removesuffix("%")
        percent = number != value.strip()
        plain = number.replace(".", "", 1) if percent else number
        if not (plain.isascii() and plain.isdigit()):
            self.fail(f"{value!r} is neither a number of lines nor a percentage such as 0.5%", param, ctx)
        return Budget(Decimal(number), percent)


class StatsValue(click.ParamType[tuple[Stat, ...]]):
    """Statistics separated by commas."""

    name = "list"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Stat, ...]:
        """Return the statistics in the order in which they are to be printed."""
        if isinstance(value, tuple):
            return value
        names = [name.strip() for name in value.split(",")]
        unknown = [name for name in names if name not in list(Stat)]
        if unknown:
            self.fail(f"{unknown[0]!r} is none of {', '.join(Stat)}", param, ctx)
        return tuple(dict.fromkeys(Stat(name) for name in names))


class ByValue(click.ParamType[str]):
    """The size of buckets."""

    name = "size"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002  # click's form
        """Return what stands for the value in a help."""
        return "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return its one name."""
        try:
            return unit_of(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class PathValue(click.ParamType[str]):
    """A path, completed by shells. `click.Path` would do, but loads translations, a fortieth of the start-up."""

    name = "file"

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002  # click's form
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list["CompletionItem"]:
        """Leave the completion to the shell."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415  # start-up of all but completion

        return [CompletionItem(incomplete, type="file")]


class NameValue(click.ParamType[str]):
    """A type or a key: any text. A command line can also hold bytes that are none."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text."""
        try:
            # Where the locale is not UTF-8, Python has taken the bytes apart; they are UTF-8 all the same.
            return os.fsencode(value).decode("utf-8")
        except UnicodeDecodeError:
            self.fail("it is not valid UTF-8", param, ctx)


class Command(click.Command):
    """A command that tells a bug from what can happen, and ends its help with the table of exit statuses."""

    expected: tuple[type[Exception], ...] = ()
    """What else can happen, beside wrong usage and output that cannot be written."""

    def invoke(self, ctx: click.Context) -> ExitCode:
        """Run the command and return its exit status."""
        try:
            try:
                return cast("ExitCode", super().invoke(ctx))
            finally:
                say_rest()
        except KeyboardInterrupt:
            raise SignalError(_SIGINT) from None  # click would make an Abort of it
        except (BodyError, GapsError, LostError, OutputError, ReaderGoneError, UnknownStatError, click.ClickException):
            raise
        except Exception as error:
            if isinstance(error, self.expected):
                raise
            if (missing := shortage(error)) is not None:
                say(f"no result: {missing}")
                return ExitCode.INCOMPLETE
            # The last resort, which users must never need.
            if ctx.params["debug"]:
                import traceback  # noqa: PLC0415  # not needed otherwise

                write_stderr(without_secrets(traceback.format_exc()))
            say(f"internal error: {type(error).__name__}: {without_secrets(str(error))} (--debug shows where)")
            return ExitCode.BUG

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's form
        """Write the table of exit statuses."""
        write_exit_statuses(formatter)


def write_exit_statuses(formatter: click.HelpFormatter) -> None:
    """Write the table of exit statuses, with which every help ends."""
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
    """Add the options that say which files are meant."""
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
    """Return a decorator that adds the options that commands with a result share, with these formats."""

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


def _show_help(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001  # click's form
    if value and not ctx.resilient_parsing:
        write_stdout(f"{ctx.get_help()}\n".encode())
        ctx.exit()


help_option = click.option(
    # click's own would do, but loads translations, a fortieth of the start-up
    "-h",
    "--help",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_help,
    help="Show this message and exit.",
)


output_options = output_options_with(FORMATS)


# --------------------------------------------------------------------------------- what the commands share


def query_of(options: dict[str, Any]) -> Query:
    """Take the options that say what a line means, and which events are kept, out of all options."""
    names = ("types", "type_field", "value_field", "count_only", "time_field", "default_value", "numeric_strings")
    types, type_field, value_field, count_only, time_field, default_value, numeric_strings = map(options.pop, names)
    salvage, *most = map(options.pop, ("salvage", "max_types", "max_type_bytes"))
    has_no_value = count_only or value_field == NO_VALUE
    fields = Fields(type_field, None if has_no_value else value_field, time_field)
    timing = timing_of(options)
    query = Query(fields, types or None, default_value, numeric_strings, salvage, timing, *most)
    try:
        check_query(query)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    return query


def timing_of(options: dict[str, Any]) -> Timing | None:
    """Take the options that ask for times out of all options; None where nothing is asked."""
    try:
        return meaning_of_times(options)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def settings_of(*, debug: bool, **options: Any) -> Settings:  # noqa: ARG001  # debug is read where a failure is shown
    """Return the settings of a command."""
    if options["output"] == STDOUT_PATH:
        options["output"] = None
    return Settings(**options)


def check_targets(
    settings: Settings, inputs: Iterable[str] = (), *, files_from: str | None = None, ledger: str | None = None
) -> None:
    """Refuse, as wrong usage, to write what is also read, or twice: nothing was opened for writing yet."""
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
        from eventcli import database  # noqa: PLC0415  # start-up of all commands without a ledger

        is_known = partial(database.source_of, ledger)
    try:
        targets.check(outputs, inputs=inputs, ledger=ledger, is_known=is_known)
    except ConflictError as error:
        raise click.UsageError(str(error)) from None


def names_in(path: str, files: tuple[str, ...], *, null: bool) -> tuple[str, ...]:
    """Return the names in a list of files; `files` are those that are named on the command line."""
    if path == STDIN and STDIN in files:
        raise click.UsageError("standard input cannot hold both events and --files-from")
    try:
        with open_source(path) as stream:
            names = discovery.read_names(stream, null=null)
    except (OSError, ValueError) as error:
        message = (error.strerror if isinstance(error, OSError) else None) or error
        raise click.UsageError(f"--files-from {printable(name_of(path))}: {message}") from None
    if path == STDIN and STDIN in names:
        raise click.UsageError("standard input cannot hold both events and --files-from; a file of that name is ./-")
    return tuple(names)


def inputs_of(files: tuple[str, ...], listed: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """Return what to read: the files and those of a list, or standard input where there is neither."""
    inputs = (*files, *listed) if listed is not None else files or (STDIN,)
    if STDIN in inputs and sys.stdin is not None and sys.stdin.isatty():
        say("reading events from the terminal; end with Ctrl-D")
    if any(map(is_url, inputs)) and not sys.warnoptions:
        import warnings  # noqa: PLC0415  # runs on files load nothing that warns

        # The libraries of object stores warn of what users of this tool cannot change.
        warnings.simplefilter("ignore")
    return inputs


def complete(run: Run, inputs: Sequence[str], choice: Choice, settings: Settings) -> Summary:
    """Complete a run; meanwhile show how far it is, and say the account where a signal asks for it."""
    started = time.monotonic()
    is_shown = settings.progress
    if is_shown is None:
        is_typed = STDIN in inputs and _is_terminal(sys.stdin)
        is_shown = _is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb" and not is_typed
    sizes = (lambda: [size_of(str(found.source)) for found in discover(inputs, choice)]) if is_shown else None
    from eventcli.progress import Watch  # noqa: PLC0415  # start-up of commands that read nothing

    # From the very start: a process that does not take the signal is ended by it.
    with Watch(run, started=started, say=say, sizes=sizes) as watch:
        messages.Stderr.watch = watch
        try:
            with interruption.calling(run.interrupt):
                return run.complete(watch.tick)
        finally:
            messages.Stderr.watch = None


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False  # it is closed


class Sinks:
    """Where the outcome of a run goes: standard output or a file, a saved summary, rejects, stderr."""

    def __init__(self, settings: Settings) -> None:
        """Open all files, so that one that cannot be written is known before any work is done."""
        self._settings = settings
        self.asked = settings.asked
        """What the summary was asked for, which a saved one keeps; None where that is not known."""
        self._shown = 0
        self._is_written = False
        self._result = self._saved = b""
        with ExitStack() as stack:
            # What holds lines of the input, or what they were called, is for its owner only.
            self._output, self._save, self._rejects = (
                stack.enter_context(open_output(path, mode=mode)) if path else None
                for path, mode in ((settings.output, 0o666), (settings.save, PRIVATE), (settings.rejects, PRIVATE))
            )
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def identities(self) -> list[tuple[int, int]]:
        """Return what the files are known by that are written: in a directory they are no input."""
        outputs = [output for output in (self._output, self._save, self._rejects) if output]
        own = [identity for output in outputs for identity in output.identities()]
        return own + targets.identities(self._settings.output, self._settings.save, self._settings.rejects)

    def reject(self, reject: Reject) -> None:
        """Keep a rejected line, and show the first ones."""
        if self._rejects:
            self._rejects.write(diagnostics.record(reject))
        if self._shown < self._settings.show_rejects:
            self._shown += 1
            say(diagnostics.of_reject(reject))

    def prepare(self, shown: Summary, *, render: Callable[[Summary], bytes] | None = None) -> None:
        """Make the output, and write all that nobody sees before `finish`: what cannot be written is known then."""
        self._result = (render or self._render)(shown)
        if self._rejects:
            self._rejects.prepare()
        if self._save:
            self._saved = saved.dump(shown, self.asked)
        for output, data in ((self._save, self._saved), (self._output, self._result)):
            if output:
                if output.is_replaced:
                    output.write(data)
                output.prepare()
        self._is_written = True
        if not self._output:
            prove_stdout()

    def finish(
        self,
        summary: Summary,
        *,
        shown: Summary | None = None,
        render: Callable[[Summary], bytes] | None = None,
        has_result: bool = True,
        all_rejected: bool | None = None,
    ) -> ExitCode:
        """Write everything that is due at the end of a run, and return its exit status.

        `shown` is printed in place of the summary, by `render` in place of the format. `all_rejected` says whether this
        is to be taken for the wrong input.
        """
        account = summary.account
        shown = summary if shown is None else shown
        budget = self._settings.budget
        failed = budget is not None and budget.is_passed_by(account)
        has_result = has_result and not failed
        if all_rejected is None:
            all_rejected = account.rejects > 0 and account.rejects == account.lines - account.blank
        if has_result and not self._is_written:
            self._result = (render or self._render)(shown)
        if failed:
            say(f"no result: {account.rejects} lines were rejected, more than {budget} allows")
        elif all_rejected:
            say(f"every line was rejected: {_cure(account)}")
        if shown.other:
            label = printable(self._settings.other_label)
            why, _, option = shown.crowd.rpartition(" ")
            say(f"{why}: the others add up in {label!r} {option}")
        closing = diagnostics.closing(summary)
        say_rest()
        if closing:
            say(closing)
        if self._rejects:
            self._rejects.commit() if account.rejects else self._rejects.remove_target()
        if has_result:
            if self._save:
                self._write(self._save, self._saved or saved.dump(shown, self.asked))
            if self._output:
                self._write(self._output, self._result)
            else:
                form, data = self._settings.format, self._result
                write_stdout(for_terminal(data, form) if _is_terminal(sys.stdout) else data)
        if failed:
            return ExitCode.DATA
        if not summary.complete:
            return ExitCode.INCOMPLETE
        return ExitCode.DATA if all_rejected else ExitCode.OK

    def _write(self, output: OutputFile, data: bytes) -> None:
        if not (self._is_written and output.is_replaced):
            output.write(data)
        output.commit()

    def _render(self, summary: Summary) -> bytes:
        settings = self._settings
        timing = settings.query.timing
        if settings.gaps and timing is not None:
            summary = gaps.fill(summary, timing, settings.query.types)
        if settings.format == "table" and not settings.output and os.isatty(STDOUT):
            # A terminal that does not know its size says 0.
            width = os.get_terminal_size(STDOUT).columns or None
            return report.table(summary, settings.stats, settings.other_label, width)
        return FORMATS[settings.format](summary, settings.stats, settings.other_label)


def _cure(account: Account) -> str:
    """Return what is most likely wrong where every line was rejected."""
    if account.rejected.keys() <= {Reason.BAD_TIME}:
        return "are these the right times, with the right --time-field? --time-format describes others"
    if account.rejected.keys() <= {Reason.BAD_TIME, Reason.MISSING_TIME}:
        return "is this the right file, with the right --time-field?"
    return "is this the right file, with the right --type-field and --value-field?"


@contextmanager
def open_output(path: str, *, mode: int = 0o666) -> Iterator[OutputFile]:
    """Open a file for output. As long as it is open there is something to clean up when a signal comes."""
    with interruption.cleaning(), OutputFile(path, mode=mode) as file:
        yield file
        if file.in_place:
            say(f"{name_of(path)}: is a mount point and was written in its place: a reader may have seen a part of it")


@contextmanager
def written_to(output: str | None, *, mode: int = 0o666) -> Iterator[Callable[[bytes], object]]:
    """Give what writes lines of JSON to standard output, or to a file that takes its place in the end."""
    if output is None or output == STDOUT_PATH:
        is_shown = _is_terminal(sys.stdout)
        yield lambda data: write_stdout(for_terminal(data, "jsonl") if is_shown else data)
        return
    with open_output(output, mode=mode) as file:
        yield file.write
        file.commit()
