"""A queue of SQS as a target."""

from collections.abc import Sequence

from eventcli.consume.addresses import Address
from eventcli.consume.sqs import Sending, queue_of
from eventcli.produce.target import Parcel, Target


def target(address: Address) -> Target:
    """Return the target of sqs://NAME; with ?create=1, a queue that does not exist is made."""
    return _Queue(Sending(queue_of(address, "create"), creates=address.whole("create", 0) > 0))


class _Queue:
    def __init__(self, sending: Sending) -> None:
        self._sending = sending

    def send(self, parcels: Sequence[Parcel]) -> None:
        """Send messages, ten at a time."""
        self._sending.send([parcel.body for parcel in parcels])

    def close(self) -> None:
        """Close all connections."""
        self._sending.close()
