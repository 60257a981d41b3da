"""The command `produce`: sends what `generate` writes to a queue or a server, until a signal ends it."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import closing

import click

import eventcli.cli
from eventcli import interruption
from eventcli.cli.command import INPUT, RUN, Command, help_option, option
from eventcli.cli.messages import say
from eventcli.cli.options import bad_rate_option, debug_option
from eventcli.cli.values import NameValue
from eventcli.errors import ExitCode, WrongUsageError
from eventcli.interruption import SignalError
from eventcli.reporting.output import write_stdout
from eventcli.text import name_of


@click.command(
    "produce",
    cls=Command,
    short_help="Send sample events to a queue or a server.",
    examples=(
        "eventstats produce 'redis://localhost:6379/0?stream=events' --rate 100 --bad-rate 0.02",
        "eventstats produce http://localhost:8080/events --rate 10",
        "eventstats produce sqs://events --events 1000 --id-field event_id --repeat 0.05",
    ),
)
@click.argument("target", type=NameValue())
@option(
    "--rate", type=click.FloatRange(min=0.001), metavar="N", heading=RUN, help="Messages a second.  [default: many]"
)
@option("--events", type=click.IntRange(min=0), metavar="N", heading=RUN, help="End after so many.  [default: never]")
@option(
    "--lines",
    type=click.IntRange(1, 100_000),
    default=1,
    show_default=True,
    metavar="N",
    heading=RUN,
    help="Lines of a message.",
)
@option(
    "--seed", type=int, default=0, show_default=True, metavar="N", heading=INPUT, help="The same for the same number."
)
@bad_rate_option(INPUT)
@option(
    "--repeat",
    type=click.FloatRange(0, 0.9),
    default=0.0,
    show_default=True,
    metavar="P",
    heading=INPUT,
    help="Share of messages that are sent again.",
)
@option(
    "--id-field",
    type=NameValue(),
    metavar="KEY",
    heading=INPUT,
    help="Give each event an id under this key, so that a repeated one can be recognised.",
)
@debug_option
@help_option
def produce(
    *,
    target: str,
    rate: float | None,
    events: int | None,
    lines: int,
    seed: int,
    bad_rate: float,
    repeat: float,
    id_field: str | None,
    debug: bool,  # noqa: ARG001  # read where a failure is shown
) -> ExitCode:
    """Send what `eventstats generate` writes to TARGET, one event a message, until a signal ends it.

    A TARGET is redis://HOST:PORT/0?stream=NAME, sqs://NAME, kafka://HOST:PORT/TOPIC or http://HOST:PORT/events.
    Prints at the end how much was sent. A target that does not answer is waited for.
    """
    from random import Random  # noqa: PLC0415  # loaded by no other command

    from eventcli.consume.broker import AbsentError, BrokerError  # noqa: PLC0415  # only for this command
    from eventcli.produce.producer import Producer, parcels_of  # noqa: PLC0415  # as above
    from eventcli.produce.target import target_of  # noqa: PLC0415  # as above

    try:
        found = target_of(target)
    except WrongUsageError as error:
        raise click.UsageError(f"{name_of(target)}: {error}") from None
    signals: list[int] = []
    with closing(found):
        producer = Producer(found, rate=rate, say=lambda message: say(f"{name_of(target)}: {message}"))

        def finish(number: int) -> None:
            signals.append(number)
            producer.stop()

        source = eventcli.cli.generate.generate(sys.maxsize if events is None else events, seed=seed, bad_rate=bad_rate)
        named = source if id_field is None else _with_ids(source, id_field, seed)
        draw = Random(seed).random  # noqa: S311  # sample data, not a secret
        name = f"{seed} {os.urandom(8).hex()}"
        with interruption.finishing(finish):
            try:
                producer.run(parcels_of(named, name=name, at_once=lines, repeat=repeat, draw=draw))
            except (AbsentError, BrokerError) as error:
                say(f"{name_of(target)}: {error}")
                return ExitCode.OUTPUT
    write_stdout(f"{json.dumps(producer.sent._asdict())}\n".encode())
    if signals:
        raise SignalError(signals[0])
    return ExitCode.OK


def _with_ids(lines: Iterator[bytes], field: str, seed: int) -> Iterator[bytes]:
    """Yield lines with an id in each that is an object; what is no object stays as it is."""
    key = json.dumps(field).encode()
    for number, line in enumerate(lines):
        if line.startswith(b'{"') and line.endswith(b"}\n"):
            yield b'%b,%b:"%d-%d"}\n' % (line[:-2], key, seed, number)
        else:
            yield line
