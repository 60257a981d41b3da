"""A topic of Kafka: each partition is a log, and the position of the topic is the next offset of each of them.

The offsets that a consumer group keeps in the broker are not used: they would not move in the transaction of the
ledger. Where an offset is no longer there, the client would skip to either end of the partition and say nothing, so it
is made to fail instead, and the first and the last offset show what is missing.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from eventcli.consume.addresses import Address, AddressError, shown
from eventcli.consume.broker import (
    DAY,
    AbsentError,
    Broker,
    BrokerError,
    Delivery,
    Loss,
    Message,
    UnreachableError,
    size_of,
)
from eventcli.consume.kafka_properties import properties_of, without_values
from eventcli.text import name_of

_PORT: Final = 9092

_TIMEOUT: Final = 10.0
"""Seconds for an answer of the broker."""

_SLICE: Final = 1.0
"""Seconds after which a client is asked whether it was refused."""

_LONGEST: Final = 0.1
"""Seconds for which messages are collected, and for which the broker waits for one: nothing else is asked meanwhile."""

_EVERY: Final = 300
"""Deliveries of nothing after which new partitions are looked for."""

_ABSENT: Final = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION)  # noqa: SLF001  # named so

_MOMENTARY: Final = (
    KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001  # named so
    KafkaError._RESOLVE,  # noqa: SLF001
    KafkaError._TIMED_OUT,  # noqa: SLF001
    KafkaError._TRANSPORT,  # noqa: SLF001
)


_REFUSALS: Final = (
    KafkaError._AUTHENTICATION,  # noqa: SLF001  # named so
    KafkaError._SSL,  # noqa: SLF001
    KafkaError.SASL_AUTHENTICATION_FAILED,
)


class Part(NamedTuple):
    """Where a partition goes on: the next offset, and the last message before it with its fingerprint, if any."""

    next: int
    last: int = -1
    proof: str = ""


_GONE: Final = "gone"
"""The name of a partition in a position if the topic is no longer there."""

Place = Mapping[str, Part]
"""The parts of a topic by the number of their partition, as text."""


def _place_of(position: str) -> dict[str, Part]:
    return {name: Part(*part) for name, part in json.loads(position).items()} if position else {}


def _text_of(place: Place) -> str:
    return json.dumps(place, separators=(",", ":"))


class Site(NamedTuple):
    """Where a topic is, and how a client gets there."""

    place: str
    topic: str
    properties: Mapping[str, str] = {}

    def settings(self, **more: object) -> dict[str, object]:
        """Return the settings of a client; in the names of `more`, _ is a dot."""
        own = {name.replace("_", "."): value for name, value in more.items()}
        return {**self.properties, "bootstrap.servers": self.place, "log_level": 0, **own}


def site_of(address: Address) -> Site:
    """Return what kafka://HOST:PORT/TOPIC?config=FILE names."""
    path = address.only("config").get("config")
    topic = address.path.strip("/")
    if not topic or "/" in topic or not address.host:
        raise AddressError("a queue in Kafka is kafka://HOST:PORT/TOPIC")
    if address.user is not None:
        raise AddressError("kafka:// takes no user: name a file of properties with ?config=FILE")
    site = Site(f"{address.host}:{address.port or _PORT}", topic, {} if path is None else properties_of(path))
    if path is not None:
        try:
            Producer(site.settings())
        except KafkaException as error:
            raise AddressError(
                f"config={name_of(path)}: {without_values(error.args[0].str(), site.properties)}"
            ) from None
    return site


def broker(address: Address, *, from_end: bool) -> Broker:
    """Return the broker of kafka://HOST:PORT/TOPIC."""
    return Topic(site_of(address), from_end=from_end)


class Topic:
    """A topic with all its partitions."""

    def __init__(self, site: Site, *, from_end: bool) -> None:
        """Connect when the first message is asked for."""
        self._site = site
        self._topic = site.topic
        self._access = _Access()
        self._from_end = from_end
        self._client: Any = None
        self._parts: dict[str, Part] | None = None
        self._before = ""
        self._quiet = 0
        self._ended: set[int] = set()
        """The partitions that were read to their end."""
        self.name = shown("kafka", f"{site.place}/{site.topic}")

    def begin(self, position: str) -> None:
        """Go on from a position."""
        self._before = position
        self._parts = None

    def receive(self, most: int, seconds: float) -> Delivery | None:
        """Return the next messages of all partitions."""
        with _errors():
            if self._parts is None or self._quiet >= _EVERY:
                self._quiet = 0
                losses = self._assign()
                if losses or not self._before:
                    return self._delivery((), losses)
            found = self._client.consume(most, min(seconds, _LONGEST))
            messages = []
            for one in found:
                error = one.error()
                if error is None:
                    messages.append(one)
                    self._ended.discard(one.partition())
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  # named so
                    self._ended.add(one.partition())
                elif error.code() == KafkaError._AUTO_OFFSET_RESET or error.code() == KafkaError.OFFSET_OUT_OF_RANGE:  # noqa: SLF001
                    self._parts = None
                elif error.code() in (*_ABSENT, *_MOMENTARY):
                    raise KafkaException(error)
            if not messages:
                self._quiet += 1
                return None
            self._quiet = 0
            return self._delivery(messages, [])

    def _delivery(self, found: Sequence[Any], losses: Sequence[Loss]) -> Delivery:
        parts = dict(self._parts or {})
        messages = []
        for one in found:
            body = one.value() or b""
            messages.append(Message(body, max(0, one.timestamp()[1]) // DAY))
            parts[str(one.partition())] = Part(one.offset() + 1, one.offset(), "")
        for partition in {str(one.partition()): one for one in found}.items():
            name, last = partition
            parts[name] = parts[name]._replace(proof=_proof_of(last))
        self._parts = parts
        before, self._before = self._before, _text_of(parts)
        return Delivery(messages, before, self._before, losses, size=size_of(messages))

    def _assign(self) -> list[Loss]:
        """Go on at the position in all partitions; return what is no longer there."""
        if self._client is None:
            settings = self._site.settings(
                enable_auto_commit=False,
                auto_offset_reset="error",
                isolation_level="read_committed",
                enable_partition_eof=True,
                fetch_wait_max_ms=round(_LONGEST * 1000),
                queued_max_messages_kbytes=65_536,
                allow_auto_create_topics=False,
            )
            self._client = Consumer({"group.id": "eventstats", **settings, "error_cb": self._access.note})
        topics = self._access.metadata(self._client, self._topic).topics
        found = topics.get(self._topic)
        if found is None or found.error is not None or not found.partitions:
            return self._absent()
        parts, losses = _place_of(self._before), []
        parts.pop(_GONE, None)
        bounds = {
            str(number): self._client.get_watermark_offsets(TopicPartition(self._topic, number), timeout=_TIMEOUT)
            for number in sorted(found.partitions)
        }
        proofs = self._proofs({name: part.last for name, part in parts.items() if _is_within(part, bounds.get(name))})
        for name, (low, high) in bounds.items():
            known = parts.get(name)
            if known is None:
                # A partition that is added later holds only what nobody has read.
                parts[name] = Part(high if self._from_end and not self._before else low)
                continue
            parts[name], loss = _judged(name, known, low, high, proofs.get(name, ""))
            losses += [loss] if loss is not None else []
        self._parts = parts
        self._ended = set()
        self._client.assign([TopicPartition(self._topic, int(name), part.next) for name, part in parts.items()])
        return losses

    def _proofs(self, offsets: Mapping[str, int]) -> dict[str, str]:
        """Return the fingerprint of the message at an offset of each partition, unless it is not there any more.

        They are fetched together: one after the other, a topic of 100 partitions would keep a run waiting for a minute.
        """
        found: dict[str, str] = {}
        waiting = set(offsets)
        self._client.assign([TopicPartition(self._topic, int(name), offset) for name, offset in offsets.items()])
        deadline = time.monotonic() + _TIMEOUT / 2
        while waiting and (left := deadline - time.monotonic()) > 0:
            for one in self._client.consume(len(waiting), min(left, _LONGEST)):
                name = str(one.partition())
                # The first answer is the message at the offset, one after it, or the end.
                if name in waiting and one.error() is None and one.offset() == offsets[name]:
                    found[name] = _proof_of(one)
                waiting.discard(name)
        return found

    def _absent(self) -> list[Loss]:
        if not self._before or _GONE in _place_of(self._before):
            raise AbsentError("there is no such topic")
        self._parts = {_GONE: Part(0)}
        return [Loss("the topic is no longer there: what it held may be lost")]

    def later(self, position: str, other: str) -> str:
        """Return the other one: a topic has positions."""
        return other or position

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Do nothing: the ledger alone holds the position."""

    def is_empty(self) -> bool:
        """Whether all partitions were read to their end."""
        return len(self._ended) >= len([name for name in self._parts or {} if name != _GONE])

    def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            self._client.close()


class Sending:
    """Sends to a topic."""

    def __init__(self, site: Site) -> None:
        """Connect in the background; each message arrives once as long as this producer lives."""
        self._topic = site.topic
        self._access = _Access()
        self._client = Producer({**site.settings(enable_idempotence=True), "error_cb": self._access.note})

    def send(self, bodies: Sequence[bytes]) -> None:
        """Send messages, and wait until the broker has them."""
        failed: list[KafkaError] = []

        def note(error: KafkaError | None, _message: object) -> None:
            if error is not None:
                failed.append(error)

        with _errors():
            for body in bodies:
                self._client.produce(self._topic, body, on_delivery=note)
            deadline = time.monotonic() + _TIMEOUT
            while (left := self._client.flush(_SLICE)) and time.monotonic() < deadline and not self._access.refusal:
                pass
            if left or failed:
                self._client.purge()
                self._access.check()
                raise UnreachableError(failed[0].str() if failed else "the broker does not answer")

    def close(self) -> None:
        """Drop what was not sent."""
        self._client.purge()


class _Access:
    """Whether a cluster lets a client in: the client itself would try again for ever, and say nothing."""

    def __init__(self) -> None:
        self.refusal = ""

    def note(self, error: KafkaError) -> None:
        """Note what a client reports; it calls this while it is asked for something."""
        if error.code() in _REFUSALS:
            self.refusal = error.str()

    def check(self) -> None:
        """Raise BrokerError if the client was refused."""
        if self.refusal:
            raise BrokerError(self.refusal)

    def metadata(self, client: Any, topic: str) -> Any:
        """Return what the cluster tells about a topic."""
        deadline = time.monotonic() + _TIMEOUT
        while True:
            try:
                return client.list_topics(topic, timeout=_SLICE)
            except KafkaException as error:
                client.poll(0)
                self.check()
                if error.args[0].code() not in _MOMENTARY or time.monotonic() >= deadline:
                    raise


def _is_within(part: Part, bounds: tuple[int, int] | None) -> bool:
    """Whether the last message that was read of a partition may still be there."""
    return bounds is not None and bounds[0] <= part.last < bounds[1]


def _judged(name: str, part: Part, low: int, high: int, proof: str) -> tuple[Part, Loss | None]:
    """Return where a partition goes on, and what it means if that is not where it was left.

    `proof` is the fingerprint of what is in the place of the last message that was read, if anything does.
    """
    where = f"partition {name}"
    if proof not in ("", part.proof):
        return Part(low), _recreated(where, part)
    if part.next > high:
        if part.last < low or high == 0:
            return Part(low), _recreated(where, part)
        text = f"{where} ends at offset {high}, and was read up to {part.next}: what it lost is counted already"
        return Part(high), Loss(text, is_doubt=True)
    if part.next < low:
        count = low - part.next
        what = "1 message was" if count == 1 else f"up to {count} messages were"
        return Part(low), Loss(f"{what} deleted from {where} from offset {part.next} on, before anybody read them")
    return part, None


def _recreated(where: str, part: Part) -> Loss:
    return Loss(f"{where} was recreated: what the former one held from offset {part.next} on may be lost")


def _proof_of(message: Any) -> str:
    """Return the fingerprint of a message; with its time, as the messages of a recreated topic may all be equal."""
    digest = blake2b(digest_size=8)
    for part in (message.key() or b"", message.value() or b"", b"%d" % message.timestamp()[1]):
        digest.update(b"%d " % len(part))
        digest.update(part)
    return digest.hexdigest()


@contextmanager
def _errors() -> Iterator[None]:
    """Translate the errors of the client."""
    try:
        yield
    except KafkaException as error:
        cause = error.args[0]
        if cause.code() in _ABSENT:
            raise AbsentError("there is no such topic") from error
        if cause.retriable() or cause.code() in _MOMENTARY:
            raise UnreachableError(cause.str()) from error
        raise BrokerError(cause.str()) from error
