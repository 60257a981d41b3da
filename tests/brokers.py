"""Real brokers on loopback, and one that is hostile: each is a process that a test starts, fills, and may kill."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, Final, Protocol

import pytest

_PATIENCE: Final = 30.0
"""Seconds for which a server may take to start."""

_REGION: Final = "us-east-1"

ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": _REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
"""What keeps boto3 from looking elsewhere for who it is."""

_numbers: Final = count(1)


class Queue(Protocol):
    """A queue of a broker."""

    @property
    def source(self) -> str:
        """Its URL for `eventstats consume`."""

    def put(self, bodies: Sequence[bytes]) -> None:
        """Send messages with these bodies."""


class Server:
    """A process that listens on a port of loopback."""

    def __init__(self, command: Callable[[int], Sequence[str]], *, folder: Path | None = None) -> None:
        """`command` starts it on a port; it is started again with the same."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._command = command(self.port)
        self._folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        environment = {**os.environ, **ENVIRONMENT}
        self.process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self._folder, env=environment
        )
        deadline = time.monotonic() + _PATIENCE
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert self.process.poll() is None, self._command
            assert time.monotonic() < deadline, self._command
            time.sleep(0.02)

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End it."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()


# ---- Redis


@contextmanager
def redis_server(folder: Path, *, durable: bool = True) -> Iterator[Server]:
    """Run a server; if it is durable, it has each command on disk before it answers."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server")
    if find_spec("redis") is None:
        pytest.skip("no redis-py: eventcli[queue] is not installed")

    def command(port: int) -> Sequence[str]:
        settings = "--save", "", "--appendonly", "yes" if durable else "no", "--appendfsync", "always"
        return program, "--port", str(port), "--bind", "127.0.0.1", *settings, "--dir", str(folder)

    server = Server(command)
    try:
        server.start()
        yield server
    finally:
        server.stop()


class RedisStream:
    """A stream of a server, read as a log or through a group."""

    def __init__(self, server: Server, *, group: str | None = None) -> None:
        """Use a stream that nobody else uses."""
        import redis  # noqa: PLC0415  # may be missing

        self.name = f"stream{next(_numbers)}"
        self.client: Any = redis.Redis(port=server.port)
        place = f"redis://127.0.0.1:{server.port}/0?stream={self.name}"
        self.source = place if group is None else f"{place}&group={group}&claim=1"

    def put(self, bodies: Sequence[bytes]) -> None:
        """Add entries, all at once."""
        pipeline = self.client.pipeline(transaction=False)
        for body in bodies:
            pipeline.xadd(self.name, {"body": body})
        pipeline.execute()

    def close(self) -> None:
        """Close the connection."""
        self.client.close()


# ---- SQS


@contextmanager
def moto_server() -> Iterator[Server]:
    """Run moto's server, which does what SQS does in the best case."""
    for module in ("boto3", "moto"):
        if find_spec(module) is None:
            pytest.skip(f"no {module}")
    server = Server(lambda port: (sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextmanager
def hostile_server(seed: int = 7, hidden: float = 0.4) -> Iterator[int]:
    """Run the queue that keeps what SQS promises and nothing more, and return its port."""
    if find_spec("boto3") is None:
        pytest.skip("no boto3: eventcli[queue] is not installed")
    script = Path(__file__).with_name("hostile_sqs.py")
    process = subprocess.Popen((sys.executable, str(script), str(seed), str(hidden)), stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


# ---- Kafka

_MOCK: Final = """
import sys, threading
from confluent_kafka import Producer
cluster = Producer({"bootstrap.servers": "127.0.0.1", "test.mock.num.brokers": 1, "log_level": 0})
broker = next(iter(cluster.list_topics(timeout=30).brokers.values()))
print(f"{broker.host}:{broker.port}", flush=True)
sys.stdin.read()
"""


@contextmanager
def kafka_cluster() -> Iterator[str]:
    """Run the mock cluster of librdkafka in a process of its own, and return where it listens."""
    if find_spec("confluent_kafka") is None:
        pytest.skip("no confluent-kafka: eventcli[kafka] is not installed")
    process = subprocess.Popen((sys.executable, "-c", _MOCK), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield process.stdout.readline().decode().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stdin.close()


class KafkaTopic:
    """A topic of the mock cluster, which has several partitions."""

    def __init__(self, place: str) -> None:
        """Use a topic that nobody else uses; it is made with the first message."""
        from confluent_kafka import Producer  # noqa: PLC0415  # may be missing

        self.name = f"topic{next(_numbers)}"
        self.producer = Producer({"bootstrap.servers": place, "log_level": 0, "linger.ms": 0})
        self.source = f"kafka://{place}/{self.name}"

    def put(self, bodies: Sequence[bytes]) -> None:
        """Send messages, and wait until the broker has them."""
        failed: list[Any] = []
        for body in bodies:
            self.producer.produce(self.name, body, on_delivery=lambda error, _: failed.append(error) if error else None)
        assert not self.producer.flush(30)
        assert not failed

    def close(self) -> None:
        """Do nothing more."""


class SqsQueue:
    """A queue of a server that speaks SQS."""

    def __init__(self, port: int, *, retention: int = 345_600, hidden: int = 1) -> None:
        """Make a queue that nobody else uses, and that hides what it delivered for so many seconds."""
        self.name = f"queue{next(_numbers)}"
        self._port = port
        self.client = sqs_client(port)
        attributes = {"MessageRetentionPeriod": str(retention), "VisibilityTimeout": str(hidden)}
        self.url = self.client.create_queue(QueueName=self.name, Attributes=attributes)["QueueUrl"]
        self.source = f"sqs://{self.name}?endpoint=http://127.0.0.1:{port}"

    def put(self, bodies: Sequence[bytes]) -> None:
        """Send messages, ten at a time."""
        for start in range(0, len(bodies), 10):
            some = enumerate(bodies[start : start + 10])
            entries = [{"Id": str(number), "MessageBody": body.decode()} for number, body in some]
            assert not self.client.send_message_batch(QueueUrl=self.url, Entries=entries).get("Failed")

    def close(self) -> None:
        """Close the connection."""
        self.client.close()


def sqs_client(port: int) -> Any:
    """Return a client of a server."""
    import boto3  # noqa: PLC0415  # may be missing

    session = boto3.session.Session("test", "test", region_name=_REGION)
    return session.client("sqs", endpoint_url=f"http://127.0.0.1:{port}")
