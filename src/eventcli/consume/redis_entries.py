"""What the entries of a stream hold, and how many of them are asked for at a time."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final

from eventcli.consume.broker import DAY, MOST_BYTES, Message, size_of
from eventcli.consume.redis_client import id_of

Entry = Sequence[Any]
"""An id, and the names and values of the fields one after the other."""

_FIRST: Final = 256
"""Entries that are asked for before it is known how long they are."""

_NAMES: Final = 200
"""Bytes of the names of fields that are shown if the wanted one is not there."""


def body_of(entry: Entry, field: bytes) -> bytes:
    """Return the body of an entry. One without a body is a line that is rejected, and says why."""
    fields = entry[1]
    if len(fields) == 2 and fields[0] == field:  # noqa: PLR2004  # a name and a value
        body: bytes = fields[1]
        return body
    for at in range(0, len(fields), 2):
        if fields[at] == field:
            return bytes(fields[at + 1])
    names = b", ".join(fields[::2])[:_NAMES].replace(b"\n", b" ")
    return b"(no field " + field + b" in an entry with: " + names + b")"


def day_of(entry: Entry) -> int:
    """Return the day of an entry, by its id."""
    return id_of(entry[0])[0] // DAY


def message_of(entry: Entry, field: bytes, *, key: str | None = None) -> Message:
    """Return an entry as a message."""
    return Message(body_of(entry, field), day_of(entry), key, entry[0].decode())


def messages_of(entries: Sequence[Entry], field: bytes) -> list[Message]:
    """Return entries of a log as messages. They need no keys, and any day on which one was sent will do."""
    if not entries:
        return []
    day = day_of(entries[-1])
    return [Message(body_of(entry, field), day) for entry in entries]


def proof_of(entry: Entry) -> str:
    """Return a text that no entry with other fields has."""
    digest = blake2b(digest_size=8)
    for part in entry[1]:
        digest.update(b"%d " % len(part))
        digest.update(part)
    return digest.hexdigest()


class Sizes:
    """How many entries are asked for, by the size of the last ones: memory holds a few huge or many small ones."""

    def __init__(self) -> None:
        self._average = MOST_BYTES // _FIRST

    def count(self, most: int) -> int:
        """Return a number of entries up to `most`."""
        return max(1, min(most, MOST_BYTES // self._average))

    def note(self, messages: Sequence[Message]) -> int:
        """Take the messages that came, and return how many bytes they have."""
        size = size_of(messages)
        if messages:
            self._average = max(1, size // len(messages))
        return size
