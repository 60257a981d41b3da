"""Measures `eventstats consume` on queues on loopback, and checks each answer: `live_queues.py [--scale 0.1]`.

Each figure is of a whole process with --drain, without what the same command takes for one message. The servers run on
the same machine, so with two cores a figure is a lower bound. SQS is the hostile stand-in of the tests, a process that
doubles messages and forgets deletions: only the CPU of the client says something there. Kafka is librdkafka's mock.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import brokers  # noqa: E402  # as above
from eventcli.ledger.store.database import Database  # noqa: E402  # as above
from eventcli.ledger.totals import totals  # noqa: E402  # as above

_AT_ONCE: Final = 1000


class Bar(NamedTuple):
    """A queue, how many messages of how many events it gets, and what is to be reached (0: nothing)."""

    name: str
    messages: int
    events: int
    rate: float = 0.0
    events_rate: float = 0.0
    microseconds: float = 0.0


BARS: Final = (
    Bar("redis", 500_000, 1, rate=100_000),
    Bar("redis", 30_000, 100, events_rate=700_000),
    Bar("redis-group", 200_000, 1),
    Bar("kafka", 200_000, 1, rate=60_000),
    Bar("sqs", 10_000, 1, microseconds=200),
    Bar("sqs", 1_000, 100),
)


def bodies(bar: Bar, number: int) -> Iterator[list[bytes]]:
    """Yield so many messages, a thousand at a time."""
    event = b'{"type":"type %d","value":%d.5}'
    for start in range(0, number, _AT_ONCE):
        some = range(start, min(number, start + _AT_ONCE))
        yield [b"\n".join(event % ((one + at) % 100, one) for at in range(bar.events)) for one in some]


def consume(ledger: Path, source: str) -> tuple[float, float]:
    """Consume a queue; return the seconds that passed, and those of the CPU."""
    command = (sys.executable, "-m", "eventcli", "consume", "--drain", "--ledger", str(ledger), "--granularity", "none")
    started = time.perf_counter()
    process = subprocess.Popen((*command, source), stdout=subprocess.DEVNULL, env={**os.environ, **brokers.ENVIRONMENT})
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return time.perf_counter() - started, used.ru_utime + used.ru_stime


def measured(bar: Bar, queue: Any, folder: Path, number: int) -> dict[str, Any]:
    """Fill a queue, consume it, and return the figures."""
    ledger = folder / f"{queue.name}.db"
    first = next(bodies(bar, 1))
    queue.put(first)
    seconds, cpu = consume(ledger, queue.source)
    for some in bodies(bar, number):
        queue.put(some)
    whole, whole_cpu = consume(ledger, queue.source)
    with Database.open_to_read(str(ledger)) as database:
        assert totals(database).account.accepted == (number + 1) * bar.events, bar
    took, cpu_took = max(whole - seconds, 1e-9), whole_cpu - cpu
    return {
        "queue": bar.name,
        "messages": number,
        "events_per_message": bar.events,
        "messages_per_second": round(number / took),
        "events_per_second": round(number * bar.events / took),
        "cpu_microseconds_per_message": round(cpu_took / number * 1e6, 2),
    }


def main() -> int:
    """Measure all, print a table, and write a record if one is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the messages")
    parser.add_argument("--record", help="name of a file in benchmarks/runs")
    options = parser.parse_args()
    found = []
    is_reached = True
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis = stack.enter_context(brokers.redis_server(folder, durable=False))
        hostile = stack.enter_context(brokers.hostile_server(hidden=2.0))
        kafka = stack.enter_context(brokers.kafka_cluster())
        makers: dict[str, Callable[[], Any]] = {
            "redis": lambda: brokers.RedisStream(redis),
            "redis-group": lambda: brokers.RedisStream(redis, group="readers"),
            "kafka": lambda: brokers.KafkaTopic(kafka),
            "sqs": lambda: brokers.SqsQueue(hostile),
        }
        for bar in BARS:
            with closing(makers[bar.name]()) as queue:
                row = measured(bar, queue, folder, max(_AT_ONCE, int(bar.messages * options.scale)))
            reached = (
                row["messages_per_second"] >= bar.rate
                and row["events_per_second"] >= bar.events_rate
                and (not bar.microseconds or row["cpu_microseconds_per_message"] <= bar.microseconds)
            )
            is_reached = is_reached and reached
            found.append(row | {"reached": reached})
            print(
                f"{bar.name:12}{bar.events:5} events {row['messages_per_second']:>9,} messages/s"
                f" {row['events_per_second']:>11,} events/s {row['cpu_microseconds_per_message']:>8} us CPU"
                f"{'' if reached else '  (missed)'}"
            )
    if options.record:
        about = {"machine": platform.platform(), "cores": os.cpu_count(), "load": os.getloadavg()[0], "rows": found}
        path = ROOT / "benchmarks" / "runs" / f"{options.record}.json"
        path.write_text(f"{json.dumps(about, indent=1)}\n")
    return 0 if is_reached else 1


if __name__ == "__main__":
    sys.exit(main())
