"""The command `follow`: totals of logs in the terminal, that renew themselves as the logs grow, rotate and shrink."""

import os
import shutil
import time
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any, Final, NamedTuple

import click

from eventcli import interruption
from eventcli.cli.command import LEDGER, OUTPUT, QUERY, help_option, option
from eventcli.cli.ingest import found_in, meaning_for
from eventcli.cli.ledger_access import given_of
from eventcli.cli.ledger_options import kept_options, ledger_command
from eventcli.cli.messages import say, say_source
from eventcli.cli.options import debug_option, line_options, types_option
from eventcli.cli.values import ByValue, PathValue
from eventcli.errors import ExitCode
from eventcli.interruption import SignalError
from eventcli.ledger.answers import Wanted, answer
from eventcli.ledger.ingest import Ingest
from eventcli.ledger.recorder import Options
from eventcli.ledger.store.database import Database
from eventcli.ledger.store.hold import BusyError
from eventcli.lines.query import Timing
from eventcli.lines.windows import zone_of
from eventcli.reading.discovery import Choice
from eventcli.reporting import diagnostics
from eventcli.reporting.columns import DEFAULT_STATS, OTHER_LABEL
from eventcli.reporting.objects import jsonl
from eventcli.reporting.output import STDOUT, write_stdout
from eventcli.reporting.table import table
from eventcli.summary.summary import Summary
from eventcli.text import name_of, printable

_SPARKS: Final = "▁▂▃▄▅▆▇█"

_BUCKETS: Final = 24
"""Buckets of a sparkline: the last ones that have events."""

_ANYHOW: Final = 10.0
"""Seconds after which logs are read even if no file looks different."""

_SLICE: Final = 0.1

_MINUTES: Final = ("s", "m", "minute")
"""How sizes of buckets end that hours cannot make up."""


class _Shown(NamedTuple):
    """The state of what was read so far, and the number of events by type and bucket."""

    summary: Summary
    series: dict[str, list[int]]


class _Follower:
    """Reads logs into a ledger again and again."""

    def __init__(self, path: str, sources: tuple[str, ...], given: dict[str, Any], wanted: Wanted, keep: int) -> None:
        self._path = path
        self._sources = sources
        self._given = given
        self._wanted = wanted
        self._keep = keep
        self._seen: object = None
        self._read_at = 0.0
        self._said: set[tuple[str, str]] = set()

    def read(self, *, at_once: bool = False) -> _Shown | None:
        """Read what is new; None if nothing is, or another run holds the ledger. Raises what `ingest` raises."""
        paths, problems = found_in(self._sources, Choice(), [])
        seen = [_sign(path) for path in paths]
        now = time.monotonic()
        if seen == self._seen and not at_once and now < self._read_at + _ANYHOW:
            return None
        try:
            with Database.open_to_write(self._path, create=True) as database:
                meaning = meaning_for(database, self._given)
                run = Ingest(database, meaning, Options(on_problem=self._say, keep_rejects=self._keep))
                run.run(paths, problems)
                self._seen, self._read_at = seen, now
                return self._shown(database)
        except BusyError:
            return None

    def _say(self, report: Any) -> None:
        """Report a problem once, not each time."""
        if (report.name, report.message) not in self._said:
            self._said.add((report.name, report.message))
            say_source(report)

    def _shown(self, database: Database) -> _Shown:
        summary = answer(database, self._wanted._replace(timing=None)).summary
        series: dict[str, list[int]] = {}
        if self._wanted.timing is not None:
            found = answer(database, self._wanted).summary.buckets
            starts = sorted(found)[-_BUCKETS:]
            for name in summary.types:
                series[name] = [found[start][name].count if name in found[start] else 0 for start in starts]
        return _Shown(summary, series)


def _sign(path: str) -> tuple[object, ...]:
    try:
        there = os.stat(path)
    except OSError as error:
        return path, error.errno
    return path, there.st_ino, there.st_size, there.st_mtime_ns


class _Screen:
    """A table that renews itself in place."""

    def __init__(self) -> None:
        self._lines = 0

    def show(self, shown: _Shown) -> None:
        """Draw over what was drawn before."""
        size = shutil.get_terminal_size()
        lines = _table(shown, size.columns)
        room = max(4, size.lines - 3)
        if len(lines) > room:
            left = len(lines) - room
            lines = [*lines[: room - 3], f"… and {left} more", *lines[-2:]]
        account = printable(diagnostics.with_pending(shown.summary))[: size.columns - 1]
        text = "".join(f"{line}\x1b[K\n" for line in [*lines, account])
        # The lines below it belong to nobody: the table was longer, or the terminal wider.
        write_stdout(f"{self._up()}{text}\x1b[J".encode())
        self._lines = len(lines) + 1

    def _up(self) -> str:
        return f"\x1b[{self._lines}F" if self._lines else ""


def _table(shown: _Shown, width: int) -> list[str]:
    wide = _BUCKETS + 2 if shown.series else 0
    lines = table(shown.summary, DEFAULT_STATS, OTHER_LABEL, max(20, width - wide)).decode().splitlines()
    if shown.series:
        # A header and a rule come first.
        for at, name in enumerate(shown.summary.types, 2):
            lines[at] += f"  {sparkline(shown.series.get(name, []))}"
    return lines


def sparkline(counts: Iterable[int]) -> str:
    """Return counts as a line of blocks: a space for none, and the highest block for the most.

    >>> sparkline([0, 1, 4, 8])
    ' ▁▄█'
    """
    found = list(counts)
    most = max(found, default=0)
    return "".join(" " if not count else _SPARKS[-(-count * len(_SPARKS) // most) - 1] for count in found)


class _Lines:
    """JSON lines for a program: the rows that have changed, and at the end all of them."""

    def __init__(self) -> None:
        self._rows: set[bytes] = set()

    def show(self, shown: _Shown, *, is_last: bool = False) -> None:
        """Write what is new."""
        rows = jsonl(shown.summary, DEFAULT_STATS, OTHER_LABEL).splitlines(keepends=True)
        new = rows if is_last else [row for row in rows if row not in self._rows]
        self._rows = set(rows)
        if new:
            write_stdout(b"".join(new))


@ledger_command(
    "follow",
    "Show totals of logs that renew themselves.",
    "eventstats follow app.log",
    "eventstats follow logs/ --by hour --tz Europe/Berlin",
    "eventstats follow app.log --ledger live.db --every 2",
)
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True, type=PathValue())
@option(
    "--ledger",
    "path",
    type=PathValue(),
    metavar="FILE",
    heading=LEDGER,
    help="Add what is read to this ledger.  [default: one that is removed at the end]",
)
@kept_options
@line_options(are_kept=True)
@types_option
@option("--by", type=ByValue(), heading=QUERY, help="Show the last buckets of this size as a line of blocks.")
@option("--tz", metavar="ZONE", heading=QUERY, help="Time zone of the buckets.  [default: UTC]")
@option(
    "--every",
    type=click.FloatRange(0.05, 3600),
    default=0.5,
    show_default=True,
    metavar="SECONDS",
    heading=OUTPUT,
    help="Look for new lines so often.",
)
@debug_option
@help_option
def follow(
    *,
    sources: tuple[str, ...],
    path: str | None,
    types: tuple[str, ...],
    by: str | None,
    tz: str | None,
    every: float,
    keep_rejects: int,
    **options: Any,
) -> ExitCode:
    """Show the totals of the SOURCEs in a table that renews itself as they grow, rotate and shrink.

    Each line counts once, as with `ingest`. Without a terminal, the rows that change are written as JSON lines. Ctrl-C
    reads what is new, and shows the last totals.
    """
    given = given_of(options)
    if path is None and by is not None and "granularity" not in given and by.endswith(_MINUTES):
        given["granularity"] = "minute"
    try:
        timing = None if by is None else Timing(by=by, zone=zone_of(tz or "UTC"))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    signals: list[int] = []
    with ExitStack() as stack:
        if path is None:
            from tempfile import TemporaryDirectory  # noqa: PLC0415  # only for runs without a ledger

            path = os.path.join(stack.enter_context(TemporaryDirectory(prefix="eventstats-")), "ledger.db")
        follower = _Follower(
            path, sources, given, Wanted(types or None, timing, stats=DEFAULT_STATS, further=()), keep_rejects
        )
        screen: _Screen | _Lines = _Screen() if os.isatty(STDOUT) else _Lines()
        stack.enter_context(interruption.finishing(signals.append))
        while not signals:
            shown = follower.read()
            if shown is not None:
                screen.show(shown)
            end = time.monotonic() + every
            while not signals and (left := end - time.monotonic()) > 0:
                time.sleep(min(left, _SLICE))
        last = follower.read(at_once=True)
        if last is None:
            say(f"{name_of(path)}: another run holds the ledger: the last totals are those above")
        elif isinstance(screen, _Lines):
            screen.show(last, is_last=True)
        else:
            screen.show(last)
        closing = None if last is None else diagnostics.closing(last.summary)
        if closing is not None and isinstance(screen, _Lines):
            say(closing)
    raise SignalError(signals[0])
