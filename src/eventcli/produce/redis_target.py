"""A stream of Redis as a target: one entry a message."""

from collections.abc import Sequence

from eventcli.consume.addresses import Address, AddressError
from eventcli.consume.redis_client import Connection, checked
from eventcli.produce.target import Parcel, Target


def target(address: Address) -> Target:
    """Return the target of redis://HOST:PORT/0?stream=NAME."""
    parameters = address.only("stream", "field")
    if "stream" not in parameters:
        raise AddressError("a target in Redis is redis://HOST:PORT/0?stream=NAME")
    return _Stream(Connection(address), parameters["stream"], parameters.get("field", "body"))


class _Stream:
    def __init__(self, connection: Connection, stream: str, field: str) -> None:
        self._connection = connection
        self._stream, self._field = stream, field

    def send(self, parcels: Sequence[Parcel]) -> None:
        """Add all messages, or none."""
        words = ("XADD", self._stream, "*", self._field)
        for answer in self._connection.together(*((*words, parcel.body) for parcel in parcels)):
            checked(answer)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
