"""The command line: options become one frozen `Settings`; exit statuses; signals. The only user of click."""

import os
import re
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from decimal import Decimal
from itertools import islice
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn, Self, cast

import click

from eventcli import __version__, diagnostics, gaps, report, saved
from eventcli.blocks import MAX_LINE
from eventcli.escape import printable
from eventcli.event import MAX_TYPES, UNITS, Fields, Query, Reject, Timing
from eventcli.exits import ExitCode
from eventcli.fold import BodyError, body
from eventcli.gaps import GapsError
from eventcli.output import STDOUT, OutputError, OutputFile, ReaderGoneError, write_stdout
from eventcli.pipeline import BLOCK_SIZE, Run, check_query, status_of
from eventcli.report import DEFAULT_STATS, FORMATS, OTHER_LABEL, Stat, UnknownStatError
from eventcli.source import STDIN, is_url, name_of, open_source, read_all
from eventcli.summary import Account, CalendarError, SourceReport, Status, Summary

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_PROGRAM: Final = "eventstats"
_LARGEST: Final = 1024**4
_DEFAULT_COMMAND: Final = "summarize"
_NO_VALUE: Final = "none"


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
    gaps: bool = False


class _SignalError(BaseException):
    """A signal arrived that is to end the process. It is no Exception, so that nothing takes it for a failure."""


# ------------------------------------------------------------------------------------------ values of options


class _Size(click.ParamType[int]):
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


class _Budget(click.ParamType[Budget]):
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


class _Stats(click.ParamType[tuple[Stat, ...]]):
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


class _Path(click.ParamType[str]):
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


class _Name(click.ParamType[str]):
    """A type or a key: any text. A command line can also hold bytes that are none."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text."""
        try:
            # Where the locale is not UTF-8, Python has taken the bytes apart; they are UTF-8 all the same.
            return os.fsencode(value).decode("utf-8")
        except UnicodeDecodeError:
            self.fail("it is not valid UTF-8", param, ctx)


# --------------------------------------------------------------------------------------------------- commands


class _DefaultCommand(click.Group):
    """A group whose first word may be left out: what is no command belongs to `summarize`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default command in front of words that do not begin with a command or an option of the group."""
        if ctx.resilient_parsing and not args:
            return super().parse_args(ctx, args)  # a shell completes the name of a command
        own = {name for param in self.get_params(ctx) for name in param.opts}
        if not args or (args[0] not in self.commands and args[0] not in own):
            args = [_DEFAULT_COMMAND, *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list["CompletionItem"]:
        """Complete commands, and what the default command takes."""
        default = self.commands[_DEFAULT_COMMAND]
        with default.make_context(_DEFAULT_COMMAND, [], parent=ctx, resilient_parsing=True) as context:
            return super().shell_complete(ctx, incomplete) or default.shell_complete(context, incomplete)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's form
        """Write the table of exit statuses."""
        _write_exit_statuses(formatter)


class _Command(click.Command):
    """A command that tells a bug from what can happen, and ends its help with the table of exit statuses."""

    def invoke(self, ctx: click.Context) -> ExitCode:
        """Run the command and return its exit status."""
        try:
            return cast("ExitCode", super().invoke(ctx))
        except KeyboardInterrupt:
            raise _SignalError("SIGINT") from None  # click would make an Abort of it
        except (BodyError, GapsError, OutputError, ReaderGoneError, UnknownStatError, click.ClickException):
            raise
        except Exception as error:  # noqa: BLE001  # the last resort, which users must never need
            if ctx.params["debug"]:
                import traceback  # noqa: PLC0415  # not needed otherwise

                traceback.print_exc()
            _say(f"internal error: {type(error).__name__}: {error} (--debug shows where)")
            return ExitCode.BUG

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's form
        """Write the table of exit statuses."""
        _write_exit_statuses(formatter)


def _write_exit_statuses(formatter: click.HelpFormatter) -> None:
    with formatter.section("Exit status"):
        formatter.write_dl([(str(int(code)), code.meaning) for code in ExitCode])


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _option(*names: str, **attributes: Any) -> Decorator:
    """Return an option that can also be set as EVENTSTATS_<NAME>."""
    long_name = next(name for name in names if name.startswith("--"))
    variable = f"EVENTSTATS_{long_name.removeprefix('--').replace('-', '_').upper()}"
    return click.option(*names, envvar=variable, **attributes)


_files_argument = click.argument("files", metavar="[FILE]...", nargs=-1, type=_Path())
_output_option = _option("-o", "--output", type=_Path(), metavar="FILE", help="Write to FILE, whole or not at all.")
_debug_option = _option("--debug", is_flag=True, help="Show the traceback if eventstats itself fails.")


def _output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that commands with a result share."""
    options = (
        _option(
            "-f",
            "--format",
            type=click.Choice(list(FORMATS)),
            default="json",
            show_default=True,
            help="How to print.",
        ),
        _option(
            "--stats",
            type=_Stats(),
            default=",".join(DEFAULT_STATS),
            show_default=True,
            help="What to print of each type, in this order: count, sum, min, max, mean.",
        ),
        _output_option,
        _option("--save", type=_Path(), metavar="FILE", help="Keep the whole summary in FILE, for `eventstats merge`."),
        _debug_option,
        _help_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


def _show_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001  # click's form
    if value and not ctx.resilient_parsing:
        write_stdout(f"{_PROGRAM} {__version__} ({body()} body)\n".encode())
        ctx.exit()


def _show_help(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001  # click's form
    if value and not ctx.resilient_parsing:
        write_stdout(f"{ctx.get_help()}\n".encode())
        ctx.exit()


_help_option = click.option(
    # click's own would do, but loads translations, a fortieth of the start-up
    "-h",
    "--help",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_help,
    help="Show this message and exit.",
)


@click.group(cls=_DefaultCommand, add_help_option=False)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version and the body of the fold in use.",
)
@_help_option
def commands() -> None:
    """Count and add up the events of newline-delimited JSON logs, exactly.

    `eventstats FILE...` means `eventstats summarize FILE...`; without a FILE, or with -, standard input is read.
    """


@commands.command(cls=_Command, add_help_option=False)
@_files_argument
@_option(
    "-t",
    "--type",
    "types",
    type=_Name(),
    multiple=True,
    metavar="TYPE",
    help="Keep this type only. Repeatable.",
)
@_option(
    "--type-field",
    type=_Name(),
    default="type",
    show_default=True,
    metavar="KEY",
    help="Key, dotted path or JSON Pointer of the type.",
)
@_option(
    "--value-field",
    type=_Name(),
    default="value",
    show_default=True,
    metavar="KEY",
    help="The same of the value; none: there is none.",
)
@_option(
    "--count-only",
    is_flag=True,
    help="Count events that have no value, as --value-field none does: each counts as 0.",
)
@_option("--default-value", metavar="N", help="Number that stands in for a value that is missing.")
@_option("--numeric-strings", is_flag=True, help='Take "19.99" for a number.')
@_option(
    "--time-field",
    type=_Name(),
    default="occurred_at",
    show_default=True,
    metavar="KEY",
    help="The same of the time, for the options below.",
)
@_option("--since", metavar="TIME", help="Keep events from this time on.")
@_option("--until", metavar="TIME", help="Keep events before this time.")
@_option("--by", type=click.Choice(UNITS), help="Count in buckets of time.")
@_option("--tz", metavar="ZONE", help="Time zone of the buckets, and of TIME without an offset.  [default: UTC]")
@_option("--input-tz", metavar="ZONE", help="Time zone of times without an offset.  [default: UTC]")
@_option("--gaps", is_flag=True, help="Print rows of count 0 for empty buckets.")
@_option("--salvage", is_flag=True, help="Recover what is certain from damaged lines.")
@_option(
    "--max-types",
    type=click.IntRange(min=1),
    default=MAX_TYPES,
    show_default=True,
    metavar="N",
    help="Types with a row of their own; all others share one.",
)
@_option(
    "--other-label",
    type=_Name(),
    default=OTHER_LABEL,
    show_default=True,
    metavar="TEXT",
    help="Name of the row that they share.",
)
@_option("--strict", is_flag=True, help="Fail, and print no result, if any line is bad.")
@_option(
    "--max-rejects",
    type=_Budget(),
    help="Fail, and print no result, if more lines (or per cent of them) are bad.",
)
@_option(
    "--rejects",
    type=_Path(),
    metavar="FILE",
    help="Keep rejected lines in FILE as JSON lines, to be repaired and fed again.",
)
@_option(
    "--show-rejects",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    metavar="N",
    help="Bad lines to show.",
)
@_option(
    "-j", "--jobs", type=click.IntRange(min=1), metavar="N", help="Threads to use.  [default: the cores it may use]"
)
@_option("--max-line", type=_Size(), default=MAX_LINE, help="Reject lines longer than this.  [default: 16MiB]")
@_output_options
def summarize(
    *,
    files: tuple[str, ...],
    max_line: int,
    jobs: int | None,
    strict: bool,
    max_rejects: Budget | None,
    **options: Any,
) -> ExitCode:
    """Print count and sum of every event type in the FILEs (- or none: standard input)."""
    query = _query(options)
    budget = Budget(Decimal(0), name="--strict") if strict else max_rejects
    settings = _settings(**options, budget=budget, query=query)
    inputs = _inputs(files)
    kept = {os.path.realpath(path) for path in (settings.save, settings.rejects) if path}
    if kept & {os.path.realpath(path) for path in inputs if path != STDIN}:
        raise click.UsageError("--save and --rejects must not be an input")
    with _Sinks(settings) as sinks:
        run = Run(
            inputs,
            query=query,
            max_line=max_line,
            block_size=BLOCK_SIZE,
            jobs=jobs,
            on_reject=sinks.reject,
            reject_limit=None if settings.rejects else settings.show_rejects,
            on_problem=_say_source,
        )
        try:
            summary = run.complete()
        except KeyboardInterrupt:
            partial = run.partial()
            _say(f"interrupted; partial totals so far, of {partial.account}:")
            _write_stderr(report.table(partial, settings.stats).decode())
            raise
        return sinks.finish(summary)


@commands.command(cls=_Command, add_help_option=False)
@_files_argument
@_output_options
def merge(*, files: tuple[str, ...], **options: Any) -> ExitCode:
    """Add up saved summaries and printed results (json or jsonl) in the FILEs (- or none: standard input)."""
    summaries = []
    for path in _inputs(files):
        name = name_of(path)
        try:
            with open_source(path) as stream:
                summaries.append(saved.load(read_all(stream)))
        except (OSError, saved.SavedError) as error:
            status = status_of(error) if isinstance(error, OSError) else Status.UNREADABLE
            message = (error.strerror if isinstance(error, OSError) else None) or str(error)
            summaries.append(Summary(sources=(SourceReport(name, 0, 0, status, message),)))
        for source in summaries[-1].sources:
            if source.status is not Status.COMPLETE:
                _say_source(source)
    with _Sinks(_settings(**options)) as sinks:
        try:
            summary = Summary.union(summaries)
        except CalendarError as error:
            raise click.UsageError(str(error)) from None
        return sinks.finish(summary)


@commands.command(cls=_Command, add_help_option=False)
@_option(
    "--events",
    type=click.IntRange(min=0),
    default=1000,
    show_default=True,
    metavar="N",
    help="Lines to make.",
)
@_option("--seed", type=int, default=0, show_default=True, metavar="S", help="The same seed gives the same bytes.")
@_option(
    "--bad-rate",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    metavar="P",
    help="Share of bad lines.",
)
@_output_option
@_debug_option
@_help_option
def generate(*, events: int, seed: int, bad_rate: float, output: str | None, **_debug: bool) -> ExitCode:
    """Write the log of a small shop, as large as wanted, to try things on."""
    from eventcli.generate import generate as lines  # noqa: PLC0415  # random costs start-up

    with ExitStack() as stack:
        file = stack.enter_context(_open_output(output)) if output else None
        write = file.write if file else write_stdout
        log = lines(events, seed=seed, bad_rate=bad_rate)
        while batch := b"".join(islice(log, 1000)):
            write(batch)
        if file:
            file.commit()
    return ExitCode.OK


# --------------------------------------------------------------------------------- what the commands share


def _query(options: dict[str, Any]) -> Query:
    """Take the options that say what a line means, and which events are kept, out of all options."""
    names = ("types", "type_field", "value_field", "count_only", "time_field", "default_value", "numeric_strings")
    types, type_field, value_field, count_only, time_field, default_value, numeric_strings = map(options.pop, names)
    salvage, max_types = map(options.pop, ("salvage", "max_types"))
    has_no_value = count_only or value_field == _NO_VALUE
    fields = Fields(type_field, None if has_no_value else value_field, time_field)
    timing = _timing(options)
    query = Query(fields, types or None, default_value, numeric_strings, salvage, timing, max_types)
    try:
        check_query(query)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    return query


def _timing(options: dict[str, Any]) -> Timing | None:
    """Take the options that ask for times out of all options; None where nothing is asked."""
    since, until, by, tz, input_tz = map(options.pop, ("since", "until", "by", "tz", "input_tz"))
    if options["gaps"] and by is None:
        raise click.UsageError("--gaps needs --by")
    if since is by is until is None:
        return None
    from eventcli import times  # noqa: PLC0415  # start-up of all runs that ask for no time

    zone, input_zone = tz or input_tz or "UTC", input_tz or "UTC"

    def bound(name: str, text: str | None) -> int | None:
        try:
            return None if text is None else times.from_option(text, times.zone(zone))
        except ValueError as error:
            raise click.UsageError(f"{name}: {error}") from None

    return Timing(input_zone, bound("--since", since), bound("--until", until), by, tz or "UTC")


def _settings(*, debug: bool, **options: Any) -> Settings:  # noqa: ARG001  # debug is read where a failure is shown
    settings = Settings(**options)
    targets = [os.path.realpath(path) for path in (settings.output, settings.save, settings.rejects) if path]
    files = [target for target in targets if os.path.isfile(target) or not os.path.exists(target)]
    if len(files) > len(set(files)):
        raise click.UsageError("--output, --save and --rejects must be different files")
    return settings


def _inputs(files: tuple[str, ...]) -> tuple[str, ...]:
    inputs = files or (STDIN,)
    if STDIN in inputs and sys.stdin is not None and sys.stdin.isatty():
        _say("reading events from the terminal; end with Ctrl-D")
    if any(map(is_url, inputs)) and not sys.warnoptions:
        import warnings  # noqa: PLC0415  # runs on files load nothing that warns

        # The libraries of object stores warn of what users of this tool cannot change.
        warnings.simplefilter("ignore")
    return inputs


class _Sinks:
    """Where the outcome of a run goes: standard output or a file, a saved summary, rejects, stderr."""

    def __init__(self, settings: Settings) -> None:
        """Open all files, so that one that cannot be written is known before any work is done."""
        self._settings = settings
        self._shown = 0
        with ExitStack() as stack:
            self._output, self._save, self._rejects = (
                stack.enter_context(_open_output(path)) if path else None
                for path in (settings.output, settings.save, settings.rejects)
            )
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def reject(self, reject: Reject) -> None:
        """Keep a rejected line, and show the first ones."""
        if self._rejects:
            self._rejects.write(diagnostics.record(reject))
        if self._shown < self._settings.show_rejects:
            self._shown += 1
            _say(diagnostics.of_reject(reject))

    def finish(self, summary: Summary) -> ExitCode:
        """Write everything that is due at the end of a run, and return its exit status."""
        account = summary.account
        budget = self._settings.budget
        failed = budget is not None and budget.is_passed_by(account)
        all_rejected = account.rejects > 0 and account.rejects == account.lines - account.blank
        result = b"" if failed else self._render(summary)
        if failed:
            _say(f"no result: {account.rejects} lines were rejected, more than {budget} allows")
        elif all_rejected:
            _say("every line was rejected: is this the right file, with the right --type-field and --value-field?")
        if summary.other:
            label = printable(self._settings.other_label)
            _say(f"more than {summary.max_types} types: the others add up in {label!r} (--max-types)")
        closing = diagnostics.closing(summary)
        if closing:
            _say(closing)
        if self._rejects:
            self._rejects.commit() if account.rejects else self._rejects.remove_target()
        if not failed:
            if self._save:
                self._save.write(saved.dump(summary))
                self._save.commit()
            if self._output:
                self._output.write(result)
                self._output.commit()
            else:
                write_stdout(result)
        if failed:
            return ExitCode.DATA
        if not summary.complete:
            return ExitCode.INCOMPLETE
        return ExitCode.DATA if all_rejected else ExitCode.OK

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


def _say(message: str) -> None:
    _write_stderr(f"{_PROGRAM}: {message}\n")


def _say_source(source: SourceReport) -> None:
    _say(diagnostics.of_source(source))


def _write_stderr(text: str) -> None:
    # Nobody is left to be told that stderr cannot be written.
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(text)
        sys.stderr.flush()


# ------------------------------------------------------------------------------------------------ the process


def script() -> NoReturn:
    """Run the command line as a process of its own; the entry point of the console script.

    Everything is written and closed by then, so the shutdown of the interpreter is left out: on a small file it takes
    longer than reading it.
    """
    try:
        main()
    except SystemExit as ended:
        with suppress(OSError, AttributeError):
            sys.stderr.flush()
        os._exit(int(ended.code or 0))


def main() -> NoReturn:
    """Run the command line, and raise SystemExit with the exit status."""
    _fill_closed_descriptors()
    try:
        status = _run()
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        status = ExitCode.READER_GONE
    except _SignalError as error:
        _end_by(str(error))
    if status == ExitCode.READER_GONE:
        # What is still buffered for the reader would fail again, and loudly, when the interpreter shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)
    sys.exit(status)


def _run() -> int:
    try:
        return cast("int", commands.main(prog_name=_PROGRAM, standalone_mode=False))
    except ReaderGoneError:
        return ExitCode.READER_GONE
    except OutputError as error:
        _say(str(error))
        return ExitCode.OUTPUT
    except click.ClickException as error:
        path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else _PROGRAM
        _say(f"{error.format_message()} (see {path} --help)")
        return ExitCode.USAGE
    except BodyError as error:
        _say(str(error))
        return ExitCode.USAGE
    except GapsError as error:
        _say(f"no result: {error} (--since and --until bound them)")
        return ExitCode.DATA
    except UnknownStatError as error:
        _say(f"--stats {error}: an input holds no {error}; merge saved summaries (--save)")
        return ExitCode.USAGE


def _fill_closed_descriptors() -> None:
    """Put an unusable file where a standard descriptor is closed, so that no file of ours takes its number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if descriptor == 0 else os.O_RDONLY)


def _open_output(path: str) -> OutputFile:
    """Open a file for output. From then on there is something to clean up when SIGTERM comes."""
    import signal  # noqa: PLC0415  # start-up of all runs that write to standard output only

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _raise_terminated)
    return OutputFile(path)


def _raise_terminated(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _SignalError("SIGTERM")


def _end_by(name: str) -> NoReturn:
    """End by the signal itself, so that a shell or make that waits sees it and stops, too."""
    import signal  # noqa: PLC0415  # start-up of nearly all runs

    number = signal.Signals[name]
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    raise SystemExit(128 + number)
