"""What a queue is to the consumer: it delivers messages from a position on, or messages with keys.

A queue with positions (a log: Redis Streams, Kafka) goes on after the position that the ledger holds. One without (SQS,
a consumer group of Redis) delivers a message again until it is acknowledged, and the key of each message says whether
it is counted already. Each broker is one module, the only user of its client.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from eventcli.ledger.store.positions import Key

DAY: Final = 86_400_000
"""Milliseconds of a day, the unit of keys."""

MOST_BYTES: Final = 16 * 1024 * 1024
"""Bytes of messages that are asked for at a time, about."""


class UnreachableError(Exception):
    """The broker does not answer now, and may later."""


class AbsentError(Exception):
    """There is no such queue yet."""


class BrokerError(Exception):
    """The broker refuses: waiting would not help."""


class Message(NamedTuple):
    """A message: its body, the day on which it was sent, its key in a queue without positions, and its receipt."""

    body: bytes
    day: int = 0
    key: str | None = None
    receipt: str = ""


class Loss(NamedTuple):
    """What a broker no longer has, or has again: in words. With `is_doubt`, it is unknown what should count."""

    message: str
    is_doubt: bool = False


class Delivery(NamedTuple):
    """Messages from one position of a queue to another.

    A queue without positions has none `before`, and its `after` is what else the broker has to remember. `gone` are
    keys of messages that were delivered once and no longer exist: if they are not counted, they are lost.
    """

    messages: Sequence[Message]
    before: str | None
    after: str
    losses: Sequence[Loss] = ()
    gone: Sequence[Key] = ()
    forgettable: int | None = None
    """No message of an earlier day will ever be delivered again."""

    size: int = 0
    """Bytes of all bodies."""


def size_of(messages: Sequence[Message]) -> int:
    """Return the bytes of all bodies."""
    return sum([len(message.body) for message in messages])


class Broker(Protocol):
    """A queue. `receive` runs on a thread of its own, and `acknowledge` on that of the commits."""

    @property
    def name(self) -> str:
        """What the ledger calls it: a URL without secrets."""

    def begin(self, position: str) -> None:
        """Go on from what the ledger holds: "" is a queue that it does not know yet."""

    def receive(self, most: int, seconds: float) -> Delivery | None:
        """Return the next messages, waiting up to `seconds` for the first one; None if there are none.

        UnreachableError, AbsentError or BrokerError on failure.
        """

    def later(self, position: str, other: str) -> str:
        """Return which of two positions of a queue without positions in its deliveries is the later one."""

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Tell the broker that deliveries are counted. UnreachableError or BrokerError if it does not hear that."""

    def is_empty(self) -> bool:
        """Whether nothing is left to deliver, to anybody, after `receive` has returned None."""

    def close(self) -> None:
        """Close all connections."""
