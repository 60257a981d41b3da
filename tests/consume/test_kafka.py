"""What a broker of Kafka deleted, lost or recreated is a discontinuity, partition by partition."""

import json
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("confluent_kafka", reason="eventcli[kafka] is not installed")

from confluent_kafka import KafkaError

from brokers import KafkaTopic
from consumption import check, consume, event, run, tool
from eventcli.consume.addresses import broker_of
from eventcli.consume.broker import BrokerError, Loss, Message
from eventcli.consume.kafka import Part, _Access, _judged


@pytest.mark.parametrize(
    ("part", "low", "high", "found", "after", "said"),
    [
        (Part(5, 4, "x"), 0, 9, "x", Part(5, 4, "x"), ""),
        (Part(5, 4, "x"), 5, 9, "", Part(5, 4, "x"), ""),
        (Part(5, 4, "x"), 5, 5, "", Part(5, 4, "x"), ""),
        (Part(5, 4, "x"), 3, 9, "", Part(5, 4, "x"), ""),
        (Part(0), 0, 9, "", Part(0), ""),
        (Part(5, 4, "x"), 6, 9, "", Part(6), "1 message was deleted from partition 3 from offset 5 on"),
        (Part(5, 4, "x"), 8, 9, "", Part(8), "up to 3 messages were deleted from partition 3 from offset 5 on"),
        (Part(5, 4, "x"), 0, 9, "y", Part(0), "partition 3 was recreated"),
        (Part(5, 4, "x"), 0, 0, "", Part(0), "partition 3 was recreated"),
        (Part(5, 4, "x"), 0, 3, "", Part(3), "partition 3 ends at offset 3, and was read up to 5"),
    ],
)
def test_offsets_say_what_is_missing(part: Part, low: int, high: int, found: str, after: Part, said: str) -> None:
    """A partition goes on where it was left, or where it still can, and says what that means."""
    # No broker of these tests can be made to do all that.
    there, loss = _judged("3", part, low, high, found)
    assert there == after
    assert said in (loss.message if loss else "")
    assert bool(said) == (loss is not None)


def test_a_topic_of_many_partitions_counts_once(kafka: str, ledger: Path) -> None:
    """Each partition goes on where it was left, also one from which nothing was read before."""
    with closing(KafkaTopic(kafka)) as topic:
        sent = [event(number) for number in range(300)]
        for start in (0, 1, 100):
            topic.put(sent[start : {0: 1, 1: 100}.get(start)])
            consume(ledger, topic.source, batch=30)
        check(ledger, sent)


def test_a_partition_with_another_message_in_its_place_is_another_one(kafka: str) -> None:
    """Where the last message that was read is not what it was, the partition is read again, and only that one."""
    with closing(KafkaTopic(kafka)) as made:
        made.put([event(number) for number in range(40)])
        with closing(broker_of(made.source)) as topic:
            topic.begin("")
            position, read = "", list[Message]()
            while len(read) < 40:
                delivery = topic.receive(100, 1)
                read += delivery.messages if delivery is not None else ()
                position = delivery.after if delivery is not None else position
        parts = json.loads(position)
        # Each of them: the next offset, the last one that was read, and the fingerprint of that message.
        name, (after, *_) = next((name, part) for name, part in parts.items() if part[1] >= 0)
        parts[name][2] = "another"
        with closing(broker_of(made.source)) as topic:
            topic.begin(json.dumps(parts))
            found = topic.receive(100, 1)
            assert found is not None
            (loss,) = found.losses
            assert f"partition {name} was recreated" in loss.message
            again: list[Message] = []
            while len(again) < after:
                delivery = topic.receive(100, 1)
                again += delivery.messages if delivery is not None else ()
        assert len(again) == after


def test_a_recreated_topic_of_equal_messages_is_another_one(kafka: str) -> None:
    """Where a topic of equal messages is recreated and filled further than before, all of the new one is read."""
    with closing(KafkaTopic(kafka)) as made, closing(KafkaTopic(kafka)) as recreated:
        for topic, time, number in ((made, 1_600_000_000_000, 5), (recreated, 1_600_000_100_000, 8)):
            for _ in range(number):
                topic.producer.produce(topic.name, event(1), partition=0, timestamp=time)
            assert not topic.producer.flush(30)
        position, losses = "", list[Loss]()
        for one, number in ((made, 5), (recreated, 8)):
            read, turns = 0, 0
            with closing(broker_of(one.source)) as queue:
                queue.begin(position)
                while read < number and (turns := turns + 1) < 20:
                    delivery = queue.receive(100, 1)
                    if delivery is not None:
                        read += len(delivery.messages)
                        position = delivery.after
                        losses += delivery.losses
            assert read == number
        (loss,) = losses
        assert "partition 0 was recreated" in loss.message


def test_a_topic_that_never_was_is_missing(kafka: str, ledger: Path) -> None:
    """With --drain, a topic that does not exist is a missing source, with status 3, and none is made."""
    done = run(ledger, "--drain", f"kafka://{kafka}/nowhere")
    assert (done.status, "missing: there is no such topic" in done.stderr) == (3, True)
    assert not ledger.exists()


@pytest.mark.parametrize("url", ["kafka://h:9092", "kafka://h/a/b", "kafka://h/a?group=b", "kafka://user:pass@h/a"])
def test_a_wrong_address_is_wrong_usage(ledger: Path, url: str) -> None:
    """What names no topic is refused with status 2, without any secret in the reason."""
    done = run(ledger, "--drain", url)
    assert done.status == 2
    assert "pass@" not in done.stderr
    assert not ledger.exists()


def test_properties_are_in_a_file(kafka: str, ledger: Path, tmp_path: Path) -> None:
    """A file of properties says how to reach the cluster; the ledger knows the topic without it."""
    config = tmp_path / "client.properties"
    config.write_text("# as other programs have it\n\nbootstrap.servers = nowhere:1\nsecurity.protocol=plaintext\r\n")
    with closing(KafkaTopic(kafka)) as topic:
        topic.put([event(1)])
        consume(ledger, f"{topic.source}?config={config}")
        topic.put([event(2)])
        consume(ledger, topic.source)
        check(ledger, [event(1), event(2)])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "No such file"),
        ("sasl.pasword=s3cr3t", "sasl.pasword"),
        ("security.protocol=s3cr3t", "security.protocol"),
        ("sasl.password s3cr3t", "line 1 is not NAME=VALUE"),
        ("a=b\n=s3cr3t", "line 2 is not NAME=VALUE"),
        ("sasl.password=s3cr3t\nenable.auto.commit=true", "line 2: enable.auto.commit"),
    ],
)
@pytest.mark.parametrize("command", ["consume", "produce"])
def test_wrong_properties_are_wrong_usage(
    tmp_path: Path, ledger: Path, text: str | None, said: str, command: str
) -> None:
    """A file that is not there or means nothing is refused with status 2 and a reason without any value in it."""
    config = tmp_path / "client.properties"
    if text is not None:
        config.write_text(text)
    source = f"kafka://127.0.0.1:9/topic?config={config}"
    words = ("consume", "--ledger", str(ledger), "--drain", source) if command == "consume" else ("produce", source)
    done = tool(*words)
    assert (done.status, said in done.stderr) == (2, True), done.stderr
    assert "s3cr3t" not in done.stderr
    assert not ledger.exists()


def test_a_client_that_is_refused_does_not_try_for_ever() -> None:
    """What the client reports of a wrong password or a certificate that nobody trusts is an error at once."""
    access = _Access()
    access.note(KafkaError(KafkaError._TRANSPORT))  # noqa: SLF001  # named so
    access.check()
    access.note(KafkaError(KafkaError._AUTHENTICATION, "Authentication failed"))  # noqa: SLF001  # as above
    with pytest.raises(BrokerError, match="Authentication failed"):
        access.check()
