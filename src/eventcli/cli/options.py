"""The options of the commands. Those that several commands have are declared here, once."""

from typing import Final

import click

from eventcli.cli.command import (
    BAD,
    CLUSTER,
    INPUT,
    LINES,
    OUTPUT,
    QUERY,
    RUN,
    Decorator,
    help_option,
    option,
    together,
)
from eventcli.cli.values import BudgetValue, ByValue, NameValue, PathValue, Size, StatsValue, TextsValue
from eventcli.lines.query import FRAMINGS, MAX_TYPE_BYTES, MAX_TYPES, Fields
from eventcli.reading.blocks import MAX_LINE
from eventcli.reporting.columns import DEFAULT_STATS, OTHER_LABEL, Stat
from eventcli.reporting.formats import FORMATS

_BY: Final = "minute, 5m, hour, day, week, month, or a size such as 15m, 6h or 30s"

_ZONE: Final = "a name, +02:00 or local.  [default: UTC]"

_BOUND: Final = "a time, a date, 24h, 7d (ago), today, yesterday, now or an epoch"

files_argument = click.argument("files", metavar="[FILE]...", nargs=-1, type=PathValue())

input_options = together(
    option(
        "--include",
        type=NameValue(),
        multiple=True,
        metavar="GLOB",
        heading=INPUT,
        help="In directories, read the files with such names. Repeatable.  [default: *.jsonl, *.ndjson, *.json, *.log,"
        " also rotated and compressed]",
    ),
    option(
        "--exclude",
        type=NameValue(),
        multiple=True,
        metavar="GLOB",
        heading=INPUT,
        help="Skip such names in directories and globs. Repeatable.",
    ),
    option(
        "--files-from",
        type=PathValue(),
        metavar="FILE",
        heading=INPUT,
        help="Read the files that FILE (-: standard input) lists, one per line.",
    ),
    option("-0", "--null", is_flag=True, heading=INPUT, help="Names in FILE of --files-from end with NUL bytes."),
)


def line_options(*, are_kept: bool = False) -> Decorator:
    """Return the options that define what a line means.

    If a ledger keeps them (`are_kept`), an option that is not given is None: the ledger has its value.
    """

    def field(name: str, default: str | None, text: str) -> Decorator:
        value = None if are_kept else default
        return option(
            f"--{name}-field",
            type=NameValue(),
            default=value,
            show_default=value is not None,
            metavar="KEY",
            heading=LINES,
            help=text,
        )

    def flag(name: str, text: str) -> Decorator:
        return option(name, is_flag=True, default=None if are_kept else False, heading=LINES, help=text)

    def standard(value: str) -> str:
        return "" if are_kept else f"  [default: {value}]"

    fields: Final = Fields()
    return together(
        field("type", fields.type, "Key, dotted path or JSON Pointer of the type."),
        field("value", fields.value, "The same for the value; none: events have no value."),
        flag("--count-only", "Count events that have no value: each adds 0, as with --value-field none."),
        option("--default-value", metavar="N", heading=LINES, help="Use this number where the value is missing."),
        flag("--numeric-strings", 'Accept numbers in strings, such as "19.99".'),
        field("time", fields.time, "The same for the time."),
        option(
            "--input-tz",
            metavar="ZONE",
            heading=LINES,
            help=f"Time zone of times without an offset.{standard('UTC')}",
        ),
        option(
            "--time-format",
            metavar="FORMAT",
            heading=LINES,
            help="Read only times in this format, in the notation of strptime.",
        ),
        option(
            "--framing",
            type=click.Choice(FRAMINGS),
            heading=LINES,
            help="What the input is: one event per line, JSON texts in any arrangement (an array, pretty-printed,"
            f" concatenated, RFC 7464), or Elasticsearch's bulk format.{standard('lines')}",
        ),
        option(
            "--records",
            type=NameValue(),
            metavar="PATH",
            heading=LINES,
            help="Read the elements of the arrays at this path of each JSON text; implies --framing json.",
        ),
        flag("--skip-prefix", "Ignore what is before the first { of a line."),
        option(
            "--unwrap",
            type=NameValue(),
            metavar="KEY",
            heading=LINES,
            help="Read the JSON in the string under this key, as Docker logs it.",
        ),
        flag("--scalar-types", "Accept numbers, true, false and null as types."),
        option("--missing-type", type=NameValue(), metavar="LABEL", heading=LINES, help="Type of events without one."),
        option(
            "--missing-values",
            type=TextsValue(),
            metavar="LIST",
            heading=LINES,
            help="Values that count as missing, for example '\"\",-,null'.",
        ),
        flag("--salvage", "Recover what is certain from damaged lines."),
        option(
            "--max-line",
            type=Size(),
            default=None if are_kept else MAX_LINE,
            heading=LINES,
            help=f"Reject longer lines.{standard('16MiB')}",
        ),
        option(
            "--max-types",
            type=click.IntRange(min=1),
            default=None if are_kept else MAX_TYPES,
            show_default=not are_kept,
            metavar="N",
            heading=LINES,
            help="Types with a row of their own; all others share one.",
        ),
        option(
            "--max-type-bytes",
            type=Size(),
            default=None if are_kept else MAX_TYPE_BYTES,
            heading=LINES,
            help=f"Bytes that their names may take together.{standard('64MiB')}",
        ),
    )


types_option = option(
    "-t",
    "--type",
    "types",
    type=NameValue(),
    multiple=True,
    metavar="TYPE",
    heading=QUERY,
    help="Keep only this type. Repeatable.",
)


def time_options(*, by: str = "Count in buckets of time") -> Decorator:
    """Return the options that select events by time, and put them into buckets; `by` is what the latter does."""
    return together(
        option("--since", metavar="TIME", heading=QUERY, help=f"Keep events from this time on: {_BOUND}."),
        option("--until", metavar="TIME", heading=QUERY, help="Keep events before this time."),
        option("--by", type=ByValue(), heading=QUERY, help=f"{by}: {_BY}."),
        option(
            "--tz",
            metavar="ZONE",
            heading=QUERY,
            help=f"Time zone of the buckets, and of TIME without an offset: {_ZONE}",
        ),
        option("--gaps", is_flag=True, heading=QUERY, help="Print rows of count 0 for empty buckets."),
    )


show_rejects_option = option(
    "--show-rejects",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    metavar="N",
    heading=BAD,
    help="Bad lines to show.",
)


def reject_options(failure: str) -> Decorator:
    """Return the options for bad lines; `failure` is what a run with too many of them does."""
    return together(
        option("--strict", is_flag=True, heading=BAD, help=f"{failure} if any line is bad."),
        option(
            "--max-rejects",
            type=BudgetValue(),
            heading=BAD,
            help=f"{failure} if more lines than this, or a larger share of them, are bad.",
        ),
        option(
            "--rejects",
            type=PathValue(),
            metavar="FILE",
            heading=BAD,
            help="Write rejected lines to FILE as JSON lines, to be repaired and read again.",
        ),
        show_rejects_option,
    )


jobs_option = option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    heading=RUN,
    help="Threads to use.  [default: one per available core]",
)

split_size_option = option(
    "--split-size",
    type=Size(),
    heading=CLUSTER,
    help="Bytes of a plain file that a worker folds at a time; more where the plan would have more than 20,000 splits."
    "  [default: 64MiB]",
)

storage_options_option = option(
    "--storage-options",
    metavar="JSON",
    heading=CLUSTER,
    help="Options of the object store, such as '{\"endpoint_url\": ...}'; no secrets: workers have their own.",
)

engine_options = together(
    option(
        "--engine",
        metavar="NAME",
        heading=CLUSTER,
        help="What does the work: local (threads), processes[:N], dask://HOST:PORT, tls://HOST:PORT or a scheduler file"
        " of Dask, spark://HOST:PORT, spark or sc://HOST:PORT.  [default: local]",
    ),
    split_size_option,
    option(
        "--no-worker-timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=300.0,
        metavar="SECONDS",
        heading=CLUSTER,
        help="Give up when there has been no worker for this time.  [default: 300]",
    ),
    storage_options_option,
    option(
        "--ship",
        is_flag=True,
        heading=CLUSTER,
        help="Send the package to workers that have none: pure Python, so slower there.",
    ),
)


def engine_given(options: dict[str, object]) -> dict[str, object] | None:
    """Remove the options of engines, and return them; None if this machine does the work."""
    names = ("engine", "split_size", "no_worker_timeout", "storage_options", "ship")
    given = {name: options.pop(name) for name in names}
    if given["engine"] not in (None, "", "local"):
        return given
    for name in ("storage_options", "ship"):
        if given[name]:
            raise click.UsageError(f"--{name.replace('_', '-')} is for the workers of --engine, and none is given")
    return None


other_label_option = option(
    "--other-label",
    type=NameValue(),
    default=OTHER_LABEL,
    show_default=True,
    metavar="TEXT",
    heading=OUTPUT,
    help="Name of the row that all types beyond the limit share.",
)

output_option = option(
    "-o", "--output", type=PathValue(), metavar="FILE", heading=OUTPUT, help="Write to FILE, whole or not at all."
)

debug_option = option("--debug", is_flag=True, heading=RUN, help="Show the traceback if eventstats itself fails.")


def bad_rate_option(heading: str) -> Decorator:
    """Return the option of commands that write sample events."""
    return option(
        "--bad-rate",
        type=click.FloatRange(0, 1),
        default=0.0,
        show_default=True,
        metavar="P",
        heading=heading,
        help="Share of bad lines.",
    )


def output_options(*more: str) -> Decorator:
    """Return the options of commands with a result; `more` are formats that only some commands have."""
    return together(
        option(
            "-f",
            "--format",
            type=click.Choice([*FORMATS, *more]),
            heading=OUTPUT,
            help="How to print.  [default: by the suffix of --output, else json]",
        ),
        option(
            "--stats",
            type=StatsValue(),
            default=",".join(DEFAULT_STATS),
            show_default=True,
            heading=OUTPUT,
            help=f"What to print of each type, in this order: {', '.join(Stat)}.",
        ),
        output_option,
        option(
            "--save",
            type=PathValue(),
            metavar="FILE",
            heading=OUTPUT,
            help="Save the whole summary to FILE, for `eventstats merge`.",
        ),
        debug_option,
        help_option,
    )
