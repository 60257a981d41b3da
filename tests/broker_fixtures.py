"""Fixtures of tests that need brokers: each server runs once, and each test has a queue of its own."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import brokers
from brokers import KafkaTopic, Queue, RedisStream, Server, SqsQueue


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server of Redis."""
    with brokers.redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def moto() -> Iterator[Server]:
    """Run moto's server of SQS."""
    with brokers.moto_server() as server:
        yield server


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Run a cluster of Kafka."""
    with brokers.kafka_cluster() as place:
        yield place


@pytest.fixture(scope="session")
def hostile() -> Iterator[int]:
    """Run the hostile stand-in for SQS."""
    with brokers.hostile_server() as port:
        yield port


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Return where a ledger is."""
    return tmp_path / "ledger.db"


@pytest.fixture(params=["redis", "redis-group", "sqs", "hostile-sqs", "kafka"])
def queue(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    """Make a queue of each broker."""
    yield from _queue(request, monkeypatch)


@pytest.fixture(params=["redis", "redis-group", "hostile-sqs", "kafka"])
def quick(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    """Make a queue of each broker that answers quickly, for tests that start many processes."""
    yield from _queue(request, monkeypatch)


@pytest.fixture(params=["redis", "hostile-sqs"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    """Make a queue with positions and one with keys."""
    yield from _queue(request, monkeypatch)


def _queue(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    for variable, value in brokers.ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)
    name: str = request.param
    made: RedisStream | SqsQueue | KafkaTopic
    if name.startswith("redis"):
        server: Server = request.getfixturevalue("redis")
        made = RedisStream(server, group="readers" if "group" in name else None)
    elif name == "kafka":
        made = KafkaTopic(request.getfixturevalue("kafka"))
    elif name == "sqs":
        made = SqsQueue(request.getfixturevalue("moto").port)
        monkeypatch.setattr("eventcli.consume.sqs._LEAST", 0)  # moto has one server
    else:
        made = SqsQueue(request.getfixturevalue("hostile"))
    with closing(made):
        yield made


@pytest.fixture
def stream(redis: Server) -> Iterator[RedisStream]:
    """Make a stream of Redis."""
    with closing(RedisStream(redis)) as made:
        yield made


@pytest.fixture
def group(redis: Server) -> Iterator[RedisStream]:
    """Make a stream of Redis with a group."""
    with closing(RedisStream(redis, group="readers")) as made:
        yield made
