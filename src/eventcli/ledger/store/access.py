"""Access to the tables of a ledger: queries with named parameters, and rows whose columns have names."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from eventcli.ledger.store.connection import TOO_OLD, errors
from eventcli.ledger.store.hold import LedgerError
from eventcli.lines.event import Reason
from eventcli.text import name_of


class Access:
    """What all tables share: the connection, the ids of streams, and how rows are read."""

    def __init__(self, path: str, connection: sqlite3.Connection) -> None:
        """Take an open connection to the ledger at a path."""
        self.path = path
        self._connection = connection
        self._ids: dict[str, int] = {}

    @property
    def is_new(self) -> bool:
        """Whether nothing has ever been committed."""
        with errors(self.path):
            tables = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            return not (tables and self._connection.execute("SELECT count(*) FROM settings").fetchone()[0])

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """See one consistent state of the ledger in all reads of the block, which should be short."""
        if self._connection.in_transaction:
            yield
            return
        with errors(self.path):
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("ROLLBACK")

    def _rows(self, query: str, **parameters: object) -> Iterator[sqlite3.Row]:
        with errors(self.path):
            yield from self._connection.execute(query, parameters)

    def _tuples(self, query: str, **parameters: object) -> Iterator[tuple[Any, ...]]:
        """Yield the same as tuples: of very many rows, these take half the time."""
        with errors(self.path):
            cursor = self._connection.execute(query, parameters)
            cursor.row_factory = None
            yield from cursor

    def _reason(self, text: str) -> Reason:
        try:
            return Reason(text)
        except ValueError:
            raise LedgerError(f"{name_of(self.path)}: lines were rejected for {text!r}: {TOO_OLD}") from None

    def id_of(self, key: str) -> int | None:
        """Return the id of a committed stream."""
        if not self._ids and not self.is_new:
            self._ids = {row["key"]: row["id"] for row in self._rows("SELECT key, id FROM streams NOT INDEXED")}
        return self._ids.get(key)
