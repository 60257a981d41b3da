"""What every command is built from: options under headings, examples, errors with an exit status."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, Final, cast

import click

from eventcli.cli.failures import report
from eventcli.cli.messages import say_rest
from eventcli.errors import ExitCode
from eventcli.interruption import SignalError
from eventcli.reporting.output import write_stdout

_SIGINT: Final = 2

LEDGER: Final = "Ledger"
INPUT: Final = "Input"
LINES: Final = "Meaning of a line"
QUERY: Final = "Filters and buckets"
BAD: Final = "Bad lines"
OUTPUT: Final = "Output"
ACCESS: Final = "Access"
RUN: Final = "Run"
CLUSTER: Final = "On a cluster"

_HEADINGS: Final = (LEDGER, INPUT, LINES, QUERY, BAD, OUTPUT, ACCESS, RUN, CLUSTER)
"""The headings of the options in a help text, in this order."""

_WIDEST: Final = 30
"""Columns for the names of options; the text of a longer one begins on the next line."""


class Command(click.Command):
    """A command that ends with an exit status whatever happens, and groups the options in its help under headings."""

    signals: ClassVar[Callable[[], AbstractContextManager[None]]] = nullcontext
    """What becomes of signals while the command runs."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **attributes: Any) -> None:
        """Take what click takes, and the command lines that end the help."""
        super().__init__(*args, **{"add_help_option": False, **attributes})
        self.examples = examples

    def invoke(self, ctx: click.Context) -> int:
        """Run the command and return its exit status."""
        try:
            try:
                with type(self).signals():
                    return cast("int", super().invoke(ctx))
            finally:
                say_rest()
        except KeyboardInterrupt:
            raise SignalError(_SIGINT) from None  # click would turn it into an Abort
        except Exception as error:  # noqa: BLE001  # whatever it is, it ends in a line and an exit status
            return report(error, ctx.command_path, debug=ctx.params["debug"])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's API
        """Write the table of exit statuses, and the examples."""
        write_ending(formatter, self.examples)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options under their headings."""
        records: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if record is not None:
                records.setdefault(getattr(param, "heading", RUN), []).append(record)
        names = [name for rows in records.values() for name, _ in rows]
        width = min(_WIDEST, max(map(len, names), default=0))
        for heading in _HEADINGS:
            if heading in records:
                with formatter.section(heading):
                    formatter.write_dl([(name.ljust(width), text) for name, text in records[heading]])


def write_ending(formatter: click.HelpFormatter, examples: Iterable[str]) -> None:
    """Write what ends every help text: the table of exit statuses, and examples."""
    with formatter.section("Exit status"):
        formatter.write_dl([(str(int(code)), code.meaning) for code in ExitCode])
    with formatter.section("Examples"):
        for example in examples:
            formatter.write(f"{'':{formatter.current_indent}}{example}\n")


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Option(click.Option):
    """An option under a heading of the help. If it takes one value, it can be given once."""

    def __init__(self, names: Sequence[str], *, heading: str = "", **attributes: Any) -> None:
        """Take what click takes, and the heading."""
        self.heading = heading
        super().__init__(names, **attributes)

    @property
    def takes_one_value(self) -> bool:
        """Whether a second value would replace the first."""
        return not (self.is_flag or self.multiple or self.count) and self.nargs == 1

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Have the parser collect all values, so that a second one is noticed."""
        if not self.takes_one_value:
            super().add_to_parser(parser, ctx)
            return
        parser.add_option(obj=self, opts=self.opts, dest=self.name, action="append", nargs=self.nargs)

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> Any:
        """Return the value; a second one is wrong usage."""
        values = opts.get(self.name or "")
        if self.takes_one_value and isinstance(values, list):
            if len(values) > 1 and not ctx.resilient_parsing:
                raise click.BadOptionUsage(self.opts[-1], f"{self.opts[-1]} takes one value, and was given twice", ctx)
            opts = {**opts, str(self.name): values[-1]}
        return super().consume_value(ctx, opts)


def option(*names: str, **attributes: Any) -> Decorator:
    """Return an option that can also be set as EVENTSTATS_<NAME>."""
    long_name = next(name for name in names if name.startswith("--")).partition("/")[0]
    variable = f"EVENTSTATS_{long_name.removeprefix('--').replace('-', '_').upper()}"
    return click.option(*names, cls=Option, envvar=variable, **attributes)


def together(*options: Decorator) -> Decorator:
    """Return one decorator for several options, in this order."""

    def add_all(command: Callable[..., Any]) -> Callable[..., Any]:
        for each in reversed(options):
            command = each(command)
        return command

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
