"""What a producer sends to, and the target that a URL names. One module a kind of target, loaded when it is used."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Final, NamedTuple, Protocol

from eventcli.consume.addresses import Address, AddressError, MissingError


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


_MODULES: Final[Mapping[str, tuple[str, str, str]]] = {
    "redis": ("redis_target", "redis", "queue"),
    "rediss": ("redis_target", "redis", "queue"),
    "sqs": ("sqs_target", "boto3", "queue"),
    "kafka": ("kafka_target", "confluent_kafka", "kafka"),
    "http": ("http_target", "", ""),
    "https": ("http_target", "", ""),
}
"""For each scheme the module of its target, the client that this needs, and the extra that has it."""


def target_of(url: str) -> Target:
    """Return the target of a URL, not connected yet. AddressError or MissingError."""
    scheme = url.partition("://")[0].lower() if "://" in url else ""
    if scheme not in _MODULES:
        raise AddressError("a target is redis://HOST:PORT/0?stream=NAME, sqs://NAME, kafka://HOST:PORT/TOPIC or a URL")
    module, client, extra = _MODULES[scheme]
    try:
        opening: Callable[[Address], Target] = import_module(f"eventcli.produce.{module}").target
    except ImportError as error:
        if not client or (error.name or "").partition(".")[0] != client:
            raise
        raise MissingError(f"{client} is not installed: pip install 'eventcli[{extra}]'") from None
    return opening(Address.of(url))
