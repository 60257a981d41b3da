"""What SQS delivers again is known by its id, for as long as it can be delivered."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import brokers
from brokers import Server, SqsQueue
from consumption import check, consume, event, run
from eventcli.ledger.store.database import Database
from eventcli.ledger.totals import totals


@pytest.fixture(autouse=True)
def _identity(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in brokers.ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)


@pytest.fixture
def sqs(hostile: int) -> Iterator[SqsQueue]:
    """Make a queue of the hostile stand-in."""
    with closing(SqsQueue(hostile)) as made:
        yield made


def keys(ledger: Path) -> int:
    """Return how many keys of messages a ledger holds."""
    with closing(sqlite3.connect(ledger)) as connection:
        return int(connection.execute("SELECT count(*) FROM messages").fetchone()[0])


def test_the_url_of_a_queue_is_a_source(moto: Server, ledger: Path) -> None:
    """A queue is named by its name or by its URL; both are read, and a dead letter queue like any other."""
    with closing(SqsQueue(moto.port)) as queue:
        queue.put([event(1)])
        assert run(ledger, "--drain", queue.url).status == 0
        queue.put([event(2)])
        assert run(ledger, "--drain", f"{queue.source}&region=us-east-1").status == 0
        check(ledger, [event(1), event(2)])


def test_a_queue_with_an_order_is_read(moto: Server, ledger: Path) -> None:
    """A FIFO queue delivers nothing behind a message that is not deleted, and all of it counts once."""
    client = brokers.sqs_client(moto.port)
    with closing(client):
        attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
        url = client.create_queue(QueueName="ordered.fifo", Attributes=attributes)["QueueUrl"]
        for number in range(12):
            client.send_message(QueueUrl=url, MessageBody=event(number).decode(), MessageGroupId="one")
    consume(ledger, f"sqs://ordered.fifo?endpoint=http://127.0.0.1:{moto.port}")
    check(ledger, [event(number) for number in range(12)])


def test_keys_are_forgotten_when_the_retention_is_over(sqs: SqsQueue, ledger: Path) -> None:
    """A key is kept while its message can be delivered again, by the clock of the queue, and then forgotten."""
    sqs.put([event(number) for number in range(5)])
    consume(ledger, sqs.source)
    assert keys(ledger) == 5
    with Database.open_to_write(str(ledger), create=False) as database, database.transaction():
        (stream,) = database.streams()
        today = 20_000
        database.messages.put(stream.key, [(today - 30, "old"), (today + 10_000_000, "later")])
    sqs.put([event(5)])
    consume(ledger, sqs.source)
    with closing(sqlite3.connect(ledger)) as connection:
        texts = {text for (text,) in connection.execute("SELECT message FROM messages")}
    assert (len(texts), "old" in texts, "later" in texts) == (7, False, True)


def test_a_queue_that_is_gone_is_reported_once(sqs: SqsQueue, ledger: Path) -> None:
    """A queue that was deleted is a discontinuity in the first run that misses it; made again, it is read."""
    sqs.put([event(0)])
    consume(ledger, sqs.source)
    sqs.client.delete_queue(QueueUrl=sqs.url)
    done = run(ledger, "--drain", sqs.source)
    assert (done.status, "no longer there" in done.stderr) == (3, True)
    consume(ledger, sqs.source)
    sqs.client.create_queue(QueueName=sqs.name)
    sqs.put([event(1)])
    assert run(ledger, "--drain", sqs.source).status == 0
    check(ledger, [event(0), event(1)], losses=1)


def test_a_queue_that_never_was_is_missing(hostile: int, ledger: Path) -> None:
    """With --drain, a queue that does not exist is a missing source, with status 3, and no ledger is made."""
    done = run(ledger, "--drain", f"sqs://nowhere?endpoint=http://127.0.0.1:{hostile}")
    assert (done.status, "missing: there is no such queue" in done.stderr) == (3, True)
    assert not ledger.exists()


def test_queues_and_logs_of_all_kinds_share_a_ledger(sqs: SqsQueue, redis: Server, ledger: Path) -> None:
    """Several queues are read by one run, and each has its own keys and positions."""
    with closing(brokers.RedisStream(redis)) as stream:
        for number in range(0, 20, 2):
            sqs.put([event(number)])
            stream.put([event(number + 1)])
        assert run(ledger, "--drain", sqs.source, stream.source).status == 0
        assert run(ledger, "--drain", sqs.source, stream.source).status == 0
    check(ledger, [event(number) for number in range(20)])
    with Database.open_to_read(str(ledger)) as database:
        assert len(database.streams()) == 2


def test_very_many_messages_are_received_together(sqs: SqsQueue, ledger: Path) -> None:
    """Requests that run at the same time bring each message once into the ledger."""
    sqs.put([event(number) for number in range(400)])
    consume(ledger, sqs.source)
    with Database.open_to_read(str(ledger)) as database:
        assert totals(database).account.accepted == 400
