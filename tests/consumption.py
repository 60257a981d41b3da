"""Runs of `consume`: in this process, in one that is killed, and as users start it; and what must hold after them."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import faults
from eventcli.consume.addresses import broker_of
from eventcli.consume.consumer import Consumer, Terms
from eventcli.ledger.recorder import Options, Recorder
from eventcli.ledger.store.database import Database
from eventcli.ledger.totals import totals
from eventcli.ledger.turns import Turns
from eventcli.ledger.verify import check_sums, verify
from eventcli.lines.event import Event
from eventcli.lines.parse import is_blank, parse
from eventcli.summary.account import Account
from forks import Forks
from process import PATIENCE, Ended, Running, forked

FORKS: Final = Forks("cli.consume", "consume.kafka", "consume.redis_streams", "consume.sqs")
"""What forks runs. Measured: without it, loading boto3 or the client of Redis is 1.0 of the 1.3 s of CPU of a run."""

POINTS: Final = ("before the transaction", "in the transaction", "before the acknowledgement", "after it")
"""The moments of a commit at which a consumer is killed."""


def event(number: int) -> bytes:
    """Return an event, one of three types."""
    time = b"2020-10-06 %02d:00:00" % (number % 24)
    return b'{"type":"%c","value":%d.5,"id":"event %d","occurred_at":"%b"}' % (b"abc"[number % 3], number, number, time)


def truth(bodies: Sequence[bytes]) -> tuple[dict[str, tuple[int, Decimal]], int]:
    """Return the count and the sum of each type in bodies, and how many lines they have."""
    counts: Counter[str] = Counter()
    sums: dict[str, Decimal] = {}
    lines = 0
    for body in bodies:
        for line in body.removesuffix(b"\n").split(b"\n"):
            lines += 1
            found = None if is_blank(line) else parse(line)
            if isinstance(found, Event):
                counts[found.type] += 1
                sums[found.type] = sums.get(found.type, Decimal(0)) + found.value
    return {name: (counts[name], sums[name]) for name in counts}, lines


def consume(ledger: Path, *sources: str, **terms: Any) -> Account:
    """Consume all that is there; return the account of the run."""
    brokers = [broker_of(source) for source in sources]
    with Turns(str(ledger), {}, Options(jobs=1)) as turns:
        consumer = Consumer(turns, brokers, Terms(**{"is_drain": True, "wait": 60.0, **terms}))
        consumer.run()
        recorder, _ = consumer.finish()
        return recorder.tally.account


def killed(ledger: Path, source: str, point: str, commits: int, **terms: Any) -> int:
    """Consume in a child that is killed at a point of its commit with this number, from 1; return how it ended."""

    def die(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    left = commits

    def at(function: Callable[..., Any], *, after: bool = False) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left <= 0 and not after:
                die()
            result = function(*arguments, **options)
            if left <= 0:
                die()
            return result

        return call

    def action() -> int:
        broker = broker_of(source)
        if point == POINTS[0]:
            Recorder.commit = at(Recorder.commit)  # type: ignore[method-assign]  # in a child
        elif point == POINTS[1]:
            Database.put_run = at(Database.put_run)  # type: ignore[method-assign]  # in a child
        else:
            broker.acknowledge = at(broker.acknowledge, after=point == POINTS[3])  # type: ignore[method-assign]
        with Turns(str(ledger), {}, Options(jobs=1)) as turns:
            Consumer(turns, [broker], Terms(**{"is_drain": True, **terms})).run()
        return 0

    return faults.in_child(action)


def tool(*arguments: str) -> Ended:
    """Run the tool to its end."""
    with forked(FORKS, *arguments) as process:
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode is not None
        return Ended(process.returncode, out, err.decode())


def consuming(ledger: Path, *arguments: str) -> AbstractContextManager[Running]:
    """Start a consumer."""
    return forked(FORKS, "consume", "--ledger", str(ledger), *arguments)


def run(ledger: Path, *arguments: str) -> Ended:
    """Run a consumer to its end."""
    return tool("consume", "--ledger", str(ledger), *arguments)


def check(ledger: Path, bodies: Sequence[bytes], *, losses: int = 0) -> None:
    """Assert that a sound ledger holds these bodies, each once, and so many discontinuities."""
    with Database.open_to_read(str(ledger)) as database:
        check_sums(database)
        summary = totals(database)
        discontinuities = database.discontinuities()
    expected, lines = truth(bodies)
    assert {name: (stats.count, stats.sum) for name, stats in summary.types.items()} == expected
    assert summary.account.lines == lines
    assert len(discontinuities) == losses, discontinuities
    with Database.open_to_write(str(ledger), create=False, wait=10) as database:
        assert {verdict for _, verdict, _ in verify(database, [])} <= {"unproved"}
