"""Where queues go on, and which of their messages are counted.

The position of a file is the offset of its stream. That of a queue is whatever text its broker takes: the id of an
entry, or an offset with its epoch. A queue without positions is known by the keys of its messages instead.
"""

import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from eventcli.ledger.store import schema
from eventcli.ledger.store.connection import errors
from eventcli.ledger.store.hold import LedgerError
from eventcli.text import name_of

_AT_ONCE: Final = 500
"""Keys per SELECT statement; SQLite takes 999 parameters or more."""

Key = tuple[int, str]
"""What identifies a message of a queue: the day on which it was sent, counted from 1970, and a text.

The day never changes between two deliveries, so it says when no further one is possible.
"""


def positions(connection: sqlite3.Connection) -> dict[int, str]:
    """Return the positions of all queues by the id of their stream."""
    return {row["stream"]: row["position"] for row in connection.execute("SELECT stream, position FROM positions")}


def put_position(connection: sqlite3.Connection, stream: int, position: str) -> None:
    """Write the position of a queue."""
    connection.execute(schema.insertion("positions", "INSERT OR REPLACE"), {"stream": stream, "position": position})


class Messages:
    """Which messages are counted, of the queues that have no position."""

    def __init__(self, path: str, connection: sqlite3.Connection, id_of: Callable[[str], int | None]) -> None:
        """`id_of` returns the id of a stream by its key."""
        self._path = path
        self._connection = connection
        self._id_of = id_of
        self._is_checked = False

    def check(self) -> None:
        """Raise LedgerError if any key is not as it was written: its message would count twice."""
        with errors(self._path):
            fault = schema.fault_of_messages(self._connection)
        if fault:
            raise LedgerError(f"{name_of(self._path)}: damaged: {fault}")

    def counted(self, stream: str, keys: Iterable[Key]) -> set[Key]:
        """Return which of these messages of a stream are counted; LedgerError if their records are damaged."""
        number = self._sound(stream)
        if number is None:
            return set()
        days: dict[int, list[str]] = {}
        for day, message in keys:
            days.setdefault(day, []).append(message)
        return {(day, message) for day, texts in days.items() for message in self._of_day(number, day, texts)}

    def counted_since(self, stream: str, first: int, texts: Sequence[str]) -> set[str]:
        """Return which of these texts are those of keys of a day or a later one."""
        number = self._sound(stream)
        found: set[str] = set()
        if number is None:
            return found
        query = "SELECT min(day) AS day FROM messages WHERE stream = :stream AND day >= :first"
        while (
            day := self._connection.execute(query, {"stream": number, "first": first}).fetchone()["day"]
        ) is not None:
            found.update(self._of_day(number, day, texts))
            first = day + 1
        return found

    def beginning_with(self, stream: str, first: int, beginning: str) -> list[str]:
        """Return the texts that begin so, of keys of a day or a later one."""
        number = self._sound(stream)
        found: list[str] = []
        query = "SELECT min(day) FROM messages WHERE stream = ? AND day >= ?"
        texts = "SELECT message FROM messages WHERE stream = ? AND day = ? AND message >= ? AND message < ?"
        while (day := self._connection.execute(query, (number, first)).fetchone()[0]) is not None:
            rows = self._connection.execute(texts, (number, day, beginning, beginning + chr(sys.maxunicode)))
            found += [text for (text,) in rows]
            first = day + 1
        return found

    def _sound(self, stream: str) -> int | None:
        """Return the id of a stream, after making sure, once, that all keys are as they were written."""
        number = self._id_of(stream)
        if number is not None and not self._is_checked:
            self.check()
            self._is_checked = True
        return number

    def _of_day(self, number: int, day: int, texts: Sequence[str]) -> Iterator[str]:
        for start in range(0, len(texts), _AT_ONCE):
            some = texts[start : start + _AT_ONCE]
            places = ", ".join("?" * len(some))
            query = f"SELECT message FROM messages WHERE stream = ? AND day = ? AND message IN ({places})"  # noqa: S608  # constants
            yield from (row["message"] for row in self._connection.execute(query, (number, day, *some)))

    def put(self, stream: str, keys: Iterable[Key]) -> None:
        """Write the keys of messages that are counted from now on."""
        number = self._id_of(stream)
        insertion = schema.insertion("messages", "INSERT OR REPLACE")
        rows = ({"stream": number, "day": day, "message": message} for day, message in keys)
        self._connection.executemany(insertion, rows)

    def drop(self, stream: str, day: int) -> None:
        """Delete the keys of earlier days; their messages must not be delivered again."""
        names = {"stream": self._id_of(stream), "day": day}
        self._connection.execute("DELETE FROM messages WHERE stream = :stream AND day < :day", names)
