"""Where queues go on, and which of their messages are counted.

The position of a file is the offset of its stream. That of a queue is whatever text its broker takes: the id of an
entry, or an offset with its epoch. A queue without positions is known by the keys of its messages instead.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

from eventcli.ledger.store import schema

_AT_ONCE: Final = 500
"""Keys per SELECT statement; SQLite takes 999 parameters or more."""


def positions(connection: sqlite3.Connection) -> dict[int, str]:
    """Return the positions of all queues by the id of their stream."""
    return dict(connection.execute("SELECT stream, position FROM positions"))


def put_position(connection: sqlite3.Connection, stream: int, position: str) -> None:
    """Write the position of a queue."""
    connection.execute(schema.insertion("positions", "INSERT OR REPLACE"), (stream, position))


def counted(connection: sqlite3.Connection, stream: int, messages: Sequence[str]) -> set[str]:
    """Return which of these messages of a stream are counted."""
    found: set[str] = set()
    for start in range(0, len(messages), _AT_ONCE):
        some = messages[start : start + _AT_ONCE]
        places = ", ".join("?" * len(some))
        query = f"SELECT message FROM messages WHERE stream = ? AND message IN ({places})"  # noqa: S608  # constants
        found.update(message for (message,) in connection.execute(query, (stream, *some)))
    return found


def put_messages(connection: sqlite3.Connection, stream: int, messages: Iterable[str], moment: str) -> None:
    """Write the keys of messages that are counted from now on."""
    insertion = schema.insertion("messages", "INSERT OR REPLACE")
    connection.executemany(insertion, ((stream, message, moment) for message in messages))


def drop_messages(connection: sqlite3.Connection, stream: int, before: str) -> None:
    """Delete the keys that were written before a moment; their messages must not be delivered again."""
    connection.execute("DELETE FROM messages WHERE stream = ? AND counted_at < ?", (stream, before))
