"""The command `consume`: adds the messages of queues to a ledger, each once, and acknowledges them after that."""

from contextlib import ExitStack
from math import inf
from typing import TYPE_CHECKING, Any, Final

import click

from eventcli import interruption
from eventcli.cli.command import INPUT, LEDGER, RUN, option
from eventcli.cli.ledger_access import given_of, renderer
from eventcli.cli.ledger_options import kept_options, ledger_command, ledger_option, report_options, totals_option
from eventcli.cli.messages import say_one_of, say_source
from eventcli.cli.options import jobs_option, line_options, show_rejects_option
from eventcli.cli.settings import PROMETHEUS, settings_of
from eventcli.cli.showing import labels_of
from eventcli.cli.sinks import Sinks
from eventcli.cli.values import NameValue
from eventcli.errors import ExitCode
from eventcli.interruption import SignalError
from eventcli.ledger import totals as totals_module
from eventcli.ledger.recorder import Options
from eventcli.ledger.store.database import Database
from eventcli.ledger.store.layout import SETTING
from eventcli.ledger.turns import Turns
from eventcli.lines.paths import PathError
from eventcli.summary.aggregates.registry import optional
from eventcli.summary.sources import Status
from eventcli.text import name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventcli.consume.broker import Broker

_PATIENCE: Final = 60.0


class _Duration(click.ParamType[float]):
    """A number of seconds, with or without an s."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds."""
        if isinstance(value, float):
            return value
        text = str(value)
        factor = 1.0
        for unit, seconds in (("ms", 0.001), ("s", 1.0), ("m", 60.0)):
            if text.endswith(unit):
                text, factor = text.removesuffix(unit), seconds
                break
        try:
            number = float(text) * factor
        except ValueError:
            number = -1.0
        if not 0 <= number <= 3600:  # noqa: PLR2004  # an hour
            self.fail(f"{value!r} is not a duration such as 1s, 200ms or 1m", param, ctx)
        return number


@ledger_command(
    "consume",
    "Add the messages of a queue to a ledger.",
    "eventstats consume --ledger shop.db 'redis://localhost:6379/0?stream=events'",
    "eventstats consume --ledger shop.db sqs://events --id-field event_id",
    "eventstats consume --ledger shop.db kafka://localhost:9092/events --drain",
)
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True, type=NameValue())
@ledger_option
@option(
    "--wait",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    heading=LEDGER,
    help="Wait up to this long for another run to end, at each commit.  [default: forever; 60 with --drain]",
)
@totals_option
@kept_options
@option(
    "--batch",
    type=click.IntRange(1, 1_000_000),
    default=5000,
    show_default=True,
    metavar="N",
    heading=LEDGER,
    help="Commit after this many messages.",
)
@option(
    "--commit-every",
    type=_Duration(),
    default="1s",
    show_default=True,
    metavar="SECONDS",
    heading=LEDGER,
    help="Commit at least this often.",
)
@option("--drain", is_flag=True, heading=RUN, help="End when all queues are empty, and print what was added.")
@option(
    "--from",
    "start",
    type=click.Choice(["start", "end"]),
    default="start",
    show_default=True,
    heading=INPUT,
    help="Where to begin with a queue that the ledger does not know.",
)
@option(
    "--id-field",
    type=NameValue(),
    metavar="KEY",
    heading=INPUT,
    help="Key, dotted path or JSON Pointer of an id: count an event only once if a producer repeats it.",
)
@option(
    "--id-days",
    type=click.IntRange(1, 3660),
    default=15,
    show_default=True,
    metavar="N",
    heading=INPUT,
    help="For how many days ids are kept.",
)
@line_options(are_kept=True)
@show_rejects_option
@jobs_option
@report_options
def consume(
    *,
    sources: tuple[str, ...],
    path: str,
    wait: float | None,
    wants_totals: bool,
    keep_rejects: int,
    batch: int,
    commit_every: float,
    drain: bool,
    start: str,
    id_field: str | None,
    id_days: int,
    jobs: int | None,
    label: tuple[tuple[str, str], ...],
    **options: Any,
) -> ExitCode:
    """Add the messages of the SOURCEs to the ledger until a signal ends it; acknowledge each after it is counted.

    A SOURCE is redis://HOST:PORT/0?stream=NAME, also with &group=NAME, sqs://NAME, the URL of a queue of SQS, or
    kafka://HOST:PORT/TOPIC. The body of a message is one line or several. The ledger keeps where it goes on.
    SIGTERM and Ctrl-C finish the batch in hand. What a broker lost is reported, and the status is 3 then.
    """
    from eventcli.consume.consumer import Consumer, Terms  # noqa: PLC0415  # an extra

    given = given_of(options)
    settings = settings_of(**options, has_metrics=True)
    if kept := optional(settings.stats):
        given[SETTING] = ",".join(kept)
    ids = _ids(id_field, id_days)
    brokers = _brokers(sources, from_end=start == "end")
    waits = wait if wait is not None else _PATIENCE if drain else inf
    signals: list[int] = []
    with ExitStack() as stack:
        sinks = stack.enter_context(Sinks(settings))
        reading = Options(
            jobs=jobs,
            on_reject=sinks.reject,
            reject_limit=settings.show_rejects,
            on_problem=say_source,
            keep_rejects=keep_rejects,
        )
        turns = stack.enter_context(Turns(path, given, reading))
        consumer = Consumer(
            turns,
            brokers,
            Terms(batch, commit_every, drain, waits, ids),
            lambda message: say_one_of("like that", message, message),
        )

        def finish(number: int) -> None:
            signals.append(number)
            consumer.stop()

        with interruption.finishing(finish):
            consumer.run()
            recorder, meaning = consumer.finish()
        is_complete = all(source.status is Status.COMPLETE for source in recorder.tally.sources)
        if signals:
            if is_complete:
                raise SignalError(signals[0])
            return ExitCode.INCOMPLETE
        sinks.asked = totals_module.asked(meaning)
        added = totals_module.assemble(recorder.added(), recorder.tally.account, recorder.tally.sources, meaning)
        shown, record = added, None
        if wants_totals or settings.format == PROMETHEUS:
            with Database.open_to_read(path) as database:
                shown = totals_module.totals(database)
                record = database.last_run()
        return sinks.finish(added, shown=shown, render=renderer(settings, record, labels_of(label, path)))


def _ids(field: str | None, days: int) -> Any:
    from eventcli.consume.repeats import Ids  # noqa: PLC0415  # an extra

    try:
        return None if field is None else Ids(field, days)
    except PathError as error:
        raise click.UsageError(f"--id-field: {error}") from None


def _brokers(sources: "Sequence[str]", *, from_end: bool) -> "list[Broker]":
    from eventcli.consume.addresses import AddressError, broker_of  # noqa: PLC0415  # an extra

    brokers: list[Broker] = []
    for source in sources:
        try:
            one = broker_of(source, from_end=from_end)
        except AddressError as error:
            raise click.UsageError(f"{name_of(source)}: {error}") from None
        if any(one.name == other.name for other in brokers):
            raise click.UsageError(f"{name_of(one.name)} is given twice")
        brokers.append(one)
    return brokers
