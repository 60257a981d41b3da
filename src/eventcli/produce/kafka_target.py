"""A topic of Kafka as a target."""

from collections.abc import Sequence

from eventcli.consume.addresses import Address
from eventcli.consume.kafka import Sending, site_of
from eventcli.produce.target import Parcel, Target


def target(address: Address) -> Target:
    """Return the target of kafka://HOST:PORT/TOPIC."""
    return _Topic(Sending(site_of(address)))


class _Topic:
    def __init__(self, sending: Sending) -> None:
        self._sending = sending

    def send(self, parcels: Sequence[Parcel]) -> None:
        """Send messages, and wait until the broker has them."""
        self._sending.send([parcel.body for parcel in parcels])

    def close(self) -> None:
        """Close all connections."""
        self._sending.close()
