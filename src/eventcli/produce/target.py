"""What a producer sends to, and the target that a URL names. One module a kind of target, loaded when it is used."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from eventcli.consume.addresses import Address, Home, module_of


class Parcel(NamedTuple):
    """A message: its lines, and a key that it has again if it is sent again."""

    body: bytes
    key: str


class Target(Protocol):
    """Where messages are sent."""

    def send(self, parcels: Sequence[Parcel]) -> None:
        """Send messages, and return when they are safe there.

        UnreachableError if that is not certain: some may have arrived. BrokerError if sending them again is no use.
        """

    def close(self) -> None:
        """Close all connections."""


_REDIS: Final = Home("eventcli.produce.redis_target", "redis", "queue")

_HTTP: Final = Home("eventcli.produce.http_target")

_MODULES: Final[Mapping[str, Home]] = {
    "redis": _REDIS,
    "rediss": _REDIS,
    "sqs": Home("eventcli.produce.sqs_target", "boto3", "queue"),
    "kafka": Home("eventcli.produce.kafka_target", "confluent_kafka", "kafka"),
    "http": _HTTP,
    "https": _HTTP,
}
"""The module of the target for each scheme."""


def target_of(url: str) -> Target:
    """Return the target of a URL, not connected yet. AddressError or MissingError."""
    what = "a target is redis://HOST:PORT/0?stream=NAME, sqs://NAME, kafka://HOST:PORT/TOPIC or a URL"
    opening: Callable[[Address], Target] = module_of(url, _MODULES, what).target
    return opening(Address.of(url))
