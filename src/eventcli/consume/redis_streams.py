"""A stream of Redis as a queue: as a log that any number of readers follow, or shared by a consumer group."""

from eventcli.consume.addresses import Address, AddressError
from eventcli.consume.broker import Broker
from eventcli.consume.redis_client import Connection
from eventcli.consume.redis_group import Group, Membership
from eventcli.consume.redis_log import Log


def broker(address: Address, *, from_end: bool) -> Broker:
    """Return the broker of redis://HOST:PORT/0?stream=NAME, with &group=NAME that of a consumer group."""
    parameters = address.only("stream", "field", "group", "consumer", "claim")
    if "stream" not in parameters:
        raise AddressError("a queue in Redis is redis://HOST:PORT/0?stream=NAME")
    group = parameters.get("group")
    connection, stream, field = Connection(address), parameters["stream"], parameters.get("field", "body")
    if group is not None:
        membership = Membership(group, parameters.get("consumer"), max(1, address.whole("claim", 60)))
        return Group(connection, stream, field, membership, from_end=from_end)
    for name in ("consumer", "claim"):
        if name in parameters:
            raise AddressError(f"{name} needs group=NAME")
    return Log(connection, stream, field, from_end=from_end)
