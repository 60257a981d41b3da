"""Runs of `consume`: in this process, in one that is killed, and as users start it; and what must hold after them."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
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


def command(ledger: Path, *arguments: str) -> list[str]:
    """Return the command line of a consumer."""
    return [sys.executable, "-m", "eventcli", "consume", "--ledger", str(ledger), *arguments]


def run(ledger: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command as users do."""
    return subprocess.run(command(ledger, *arguments), capture_output=True, timeout=60, check=False)


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
