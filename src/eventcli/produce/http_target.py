"""A server that takes events over HTTP as a target: the messages of a batch are one request with one key."""

import http.client
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final
from urllib.parse import urlencode

from eventcli.consume.addresses import Address
from eventcli.consume.broker import BrokerError, UnreachableError
from eventcli.produce.target import Parcel, Target

_TIMEOUT: Final = 30.0

_RETRIED: Final = (408, 425, 429, 500, 502, 503, 504)
"""Statuses after which the same request may succeed."""


def target(address: Address) -> Target:
    """Return the target of http://HOST:PORT/events."""
    return _Server(address)


class _Server:
    def __init__(self, address: Address) -> None:
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(address.host, address.port, timeout=_TIMEOUT)
        self._path = address.path or "/"
        if address.parameters:
            self._path += f"?{urlencode(address.parameters)}"
        self._headers = {"Content-Type": "application/x-ndjson"}
        if address.password or address.user:
            self._headers["Authorization"] = f"Bearer {address.password or address.user}"

    def send(self, parcels: Sequence[Parcel]) -> None:
        """Post all messages; the same ones again have the same key, so that they count once."""
        body = b"".join(parcel.body.removesuffix(b"\n") + b"\n" for parcel in parcels)
        key = blake2b("\n".join(parcel.key for parcel in parcels).encode() + b"\n" + body, digest_size=16).hexdigest()
        try:
            self._connection.request("POST", self._path, body, {**self._headers, "Idempotency-Key": key})
            response = self._connection.getresponse()
            text = response.read(1000).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise UnreachableError(str(error)) from error
        if response.status in _RETRIED:
            raise UnreachableError(f"HTTP status {response.status}: {text}")
        if response.status >= 300:  # noqa: PLR2004  # neither accepted nor to be repeated
            raise BrokerError(f"HTTP status {response.status}: {text}")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
