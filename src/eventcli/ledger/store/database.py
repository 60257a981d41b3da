"""A ledger as an SQLite database: reading, writing, and transactions.

Whatever happens to a process that writes, the file holds the state before or after a transaction. All tables have plain
names, times are RFC 3339 in UTC, sums are decimal text; docs/ledger.md documents them.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final, Self

from eventcli.ledger.store import layout, positions, schema
from eventcli.ledger.store.connection import (
    PATIENCE,
    bring_up_to_date,
    check,
    check_header,
    check_pages,
    check_rows,
    connect,
    errors,
    has_journal,
    prepare,
    up_to_date_copy,
    wait_for,
)
from eventcli.ledger.store.hold import BusyError, Hold, LedgerError, read_head
from eventcli.ledger.store.records import Discontinuity, Run, Setting
from eventcli.ledger.store.rejects_table import RejectsTable
from eventcli.ledger.store.schema import APPLICATION_ID, PRUNED, VERSION
from eventcli.ledger.store.stream_rows import in_hex
from eventcli.ledger.store.streams_table import StreamsTable
from eventcli.ledger.store.totals_table import TotalsTable
from eventcli.ledger.streams.stream import Stream
from eventcli.posix import require
from eventcli.text import name_of

__all__ = ["APPLICATION_ID", "VERSION", "BusyError", "Database", "LedgerError", "Setting"]

_LONG_PATIENCE: Final = 300.0
"""Seconds that a run waits for readers that arrived meanwhile, so that its reading is not wasted."""

_MOST_RUNS: Final = 1000

LOST: Final = "lost"

DOUBT: Final = "doubt"
"""The kinds of discontinuities."""

_OLDDIRS: Final = "olddirs"
"""The name of the only setting that gives no number its meaning, and so may change."""


class Database(TotalsTable, StreamsTable, RejectsTable):
    """An open ledger. Use it as a context manager: uncommitted changes are discarded."""

    def __init__(self, path: str, connection: sqlite3.Connection, hold: Hold | None, wait: float) -> None:
        """See `open_to_read` and `open_to_write`."""
        super().__init__(path, connection)
        self._hold = hold
        self._wait = wait
        self._patience = wait
        self._run: int | None = None
        self.messages = positions.Messages(path, connection, self.id_of)
        """Which messages of queues are counted."""
        self._place = None if hold is None else hold.place

    @classmethod
    def open_to_read(cls, path: str) -> Self:
        """Open an existing ledger. Raises FileNotFoundError or another OSError, or LedgerError.

        An empty file is a ledger to which nothing has been added yet. A ledger of an earlier version is migrated in
        memory.
        """
        require("a ledger")
        head = read_head(path)
        is_whole = not has_journal(path)
        if is_whole and not head:
            connection = prepare(sqlite3.connect(":memory:", isolation_level=None))
            schema.create(connection)
            return cls(path, connection, None, PATIENCE)
        if is_whole:
            check_header(path, head)
        with errors(path):
            connection = connect(path, "rw" if os.access(path, os.W_OK) else "ro")
            try:
                wait_for(connection, "SELECT count(*) FROM sqlite_master", PATIENCE)
                version = check(connection, path)
                if version < VERSION:
                    connection = up_to_date_copy(connection, version)
                check_rows(connection, path)
            except BaseException:
                connection.close()
                raise
        return cls(path, connection, None, PATIENCE)

    @classmethod
    def open_to_write(cls, path: str, *, create: bool, wait: float = 0) -> Self:
        """Open or create a ledger. Raises BusyError, LedgerError, OutputError or FileNotFoundError."""
        require("a ledger")
        hold = Hold(path, create=create, wait=wait)
        try:
            if hold.head and not has_journal(path):
                check_header(path, hold.head)
            with errors(path):
                connection = connect(path, "rw")
                try:
                    tables = wait_for(connection, "SELECT count(*) FROM sqlite_master", max(wait, PATIENCE))
                    if tables or os.path.getsize(path):
                        version = check(connection, path)
                        if version < VERSION:
                            bring_up_to_date(connection, version)
                        check_rows(connection, path)
                except BaseException:
                    connection.close()
                    raise
        except BaseException:
            hold.release()
            raise
        return cls(path, connection, hold, wait)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        with suppress(sqlite3.Error):
            self._connection.close()  # rolls back
        if self._hold is not None:
            self._hold.release()

    def let_go(self) -> None:
        """Let other runs have the ledger until `take`, and keep it open: without a transaction, nothing is locked."""
        if self._hold is not None:
            self._hold.release()
            self._hold = None

    def take(self, wait: float) -> bool:
        """Lock it again, or return False if another file is in its place; BusyError, or FileNotFoundError."""
        hold = Hold(self.path, create=False, wait=wait)
        if hold.place != self._place:
            hold.release()
            return False
        self._hold = hold
        return True

    def wait_for_others(self) -> None:
        """Make sure that this run can commit: BusyError if another program uses the ledger for too long.

        From then on, a transaction waits patiently for later arrivals.
        """
        with errors(self.path):
            wait_for(self._connection, "BEGIN EXCLUSIVE", max(self._wait, PATIENCE))
            self._connection.execute("ROLLBACK")
        self._patience = max(self._wait, _LONG_PATIENCE)

    @contextmanager
    def transaction(self, patience: float | None = None) -> Iterator[None]:
        """Commit everything written in the block, or nothing; wait at most `patience` seconds for other programs."""
        begin, end = (self._patience, max(self._patience, PATIENCE)) if patience is None else (patience, patience)
        with errors(self.path):
            wait_for(self._connection, "BEGIN IMMEDIATE", begin)
            try:
                yield
                # This waits for current readers; SQLite keeps new ones out meanwhile.
                wait_for(self._connection, "COMMIT", end)
            except BaseException:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise

    def settings(self) -> dict[str, str | None]:
        """Return the settings that give the numbers their meaning."""
        import json  # noqa: PLC0415  # keeps start-up fast for runs that do not open a ledger

        rows = self._rows("SELECT name, value FROM settings WHERE name <> :name", name=_OLDDIRS)
        return {row["name"]: json.loads(row["value"]) for row in rows}

    def olddirs(self) -> list[str]:
        """Return the folders that rotated files are moved to."""
        import json  # noqa: PLC0415  # see settings

        if self.is_new:
            return []
        found = next(self._rows("SELECT value FROM settings WHERE name = :name", name=_OLDDIRS), None)
        return [str(one) for one in json.loads(found["value"])] if found else []

    def create(self, settings: Iterable[Setting]) -> None:
        """Create the tables of a new ledger, within a transaction."""
        import json  # noqa: PLC0415  # see settings

        values = dict(settings)
        self._kept = layout.names_in(values.get(layout.SETTING))
        if not self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            schema.create(self._connection, self._kept)
        else:
            schema.keep(self._connection, self._kept)
        self._connection.executemany(
            schema.insertion("settings"),
            [{"name": name, "value": json.dumps(value)} for name, value in values.items()],
        )

    def put_olddirs(self, folders: Sequence[str]) -> None:
        """Store the folders that rotated files are moved to."""
        import json  # noqa: PLC0415  # see settings

        row = {"name": _OLDDIRS, "value": json.dumps(folders)}
        self._connection.execute(schema.insertion("settings", "INSERT OR REPLACE"), row)

    def clear(self) -> None:
        """Delete all settings, and all records of lines."""
        tables = ("settings", "rejected", "rejects", "replayed", "discontinuities", "messages", *schema.TOTALS)
        for table in tables:
            self._connection.execute(f"DELETE FROM {table}")  # noqa: S608  # constants

    def discontinuities(self) -> list[Discontinuity]:
        """Return all discontinuities, in the order in which they were noticed."""
        query = 'SELECT name, "offset", noticed_at, message, settled, kind FROM discontinuities ORDER BY id'
        return [Discontinuity(**dict(row)) for row in self._rows(query)]

    def put_discontinuity(self, key: str, one: Discontinuity) -> None:
        """Record a discontinuity."""
        row = {"id": None, "stream": self._ids[key], **one._asdict()}
        cursor = self._connection.execute(schema.insertion("discontinuities"), row)
        self._connection.execute(schema.sealing("discontinuities", "id = :id"), {"id": cursor.lastrowid})

    def settle_discontinuities(self, now: str, key: str | None = None) -> None:
        """Settle the discontinuities of a stream that was found again, or all of them."""
        names = {"now": now, "stream": None if key is None else self._ids[key]}
        condition = "settled = '' AND (:stream IS NULL OR stream = :stream)"
        self._connection.execute(f"UPDATE discontinuities SET settled = :now WHERE {condition}", names)  # noqa: S608  # constants
        self._connection.execute(schema.sealing("discontinuities", "settled = :now"), {"now": now})

    def last_run(self) -> Run | None:
        """Return the record of the last run."""
        with errors(self.path):
            fault = schema.fault_of_runs(self._connection)
        if fault:
            raise LedgerError(f"{name_of(self.path)}: damaged: {fault}")
        row = next(self._rows(f"SELECT {', '.join(Run._fields)} FROM runs ORDER BY id DESC LIMIT 1"), None)  # noqa: S608
        return Run(**dict(row)) if row else None

    def put_run(self, run: Run) -> None:
        """Record the result of this run so far."""
        if self._run is None:
            self._run = int(next(self._rows("SELECT ifnull(max(id), 0) + 1 AS id FROM runs"))["id"])
            self._connection.execute("DELETE FROM runs WHERE id <= :id", {"id": self._run - _MOST_RUNS})
        row = {"id": self._run, **run._asdict()}
        self._connection.execute(schema.insertion("runs", "INSERT OR REPLACE"), row)

    def unshown(self) -> bytes | None:
        """Return what earlier runs added but could not show."""
        if self.is_new:
            return None
        row = next(self._rows("SELECT summary FROM unshown ORDER BY id LIMIT 1"), None)
        return bytes(row["summary"]) if row else None

    def put_unshown(self, summary: bytes | None) -> None:
        """Store what was added but not shown, replacing the previous value."""
        self._connection.execute("DELETE FROM unshown")
        if summary is not None:
            self._connection.execute(schema.insertion("unshown"), {"id": 1, "summary": summary})

    def prune(self, streams: Sequence[Stream], now: str) -> None:
        """Forget streams; their contributions stay in the totals."""
        checksum = self.pruned_checksum()
        for stream in streams:
            number = self._ids[stream.key]
            checksum += stream.checksum
            account = stream.account
            self._connection.execute(
                "UPDATE streams SET accepted = accepted + :accepted, filtered = filtered + :filtered,"
                " blank = blank + :blank, salvaged = salvaged + :salvaged, first_seen = :now WHERE id = :pruned",
                {
                    **{name: getattr(account, name) for name in ("accepted", "filtered", "blank", "salvaged")},
                    "now": now,
                    "pruned": PRUNED,
                },
            )
            self._connection.execute(
                "INSERT INTO rejected SELECT :pruned, reason, count, 0 FROM rejected AS own WHERE stream = :stream"
                " ON CONFLICT (stream, reason) DO UPDATE SET count = rejected.count + excluded.count",
                {"pruned": PRUNED, "stream": number},
            )
        numbers = [self._ids[stream.key] for stream in streams]
        rows = [row for _, row in self.rows_of_streams(numbers)]
        self._delete(numbers, ("rejected", "rejects", *schema.TOTALS), "stream")
        self._delete(numbers, ("streams",), "id")
        for row in rows:  # several may have the same type and start
            self.add_totals([row])
        names = {"checksum": in_hex(checksum), "pruned": PRUNED}
        self._connection.execute("UPDATE streams SET checksum = :checksum WHERE id = :pruned", names)
        self._connection.execute(schema.sealing("streams", "id = :pruned"), {"pruned": PRUNED})
        self._connection.execute(schema.sealing("rejected", "stream = :pruned"), {"pruned": PRUNED})

    def forget(self, streams: Iterable[Stream], kept: Iterable[Stream]) -> None:
        """Delete the contributions of streams, and the streams except those in `kept`, which become unread."""
        numbers = {stream.key: self._ids[stream.key] for stream in streams}
        tables = ("rejected", "rejects", *schema.TOTALS, "replayed", "discontinuities", "positions", "messages")
        self._delete(numbers.values(), tables, "stream")
        self.put_streams(kept, "")
        gone = [number for key, number in numbers.items() if key not in {stream.key for stream in kept}]
        self._delete(gone, ("streams",), "id")

    def _delete(self, numbers: Iterable[int], tables: Iterable[str], column: str) -> None:
        """Delete the rows that belong to streams."""
        places = ", ".join(f"{number:d}" for number in numbers)
        for table in tables:
            self._connection.execute(f"DELETE FROM {table} WHERE {column} IN ({places})")  # noqa: S608  # numbers

    def check_integrity(self) -> None:
        """Raise LedgerError if any part of the file is damaged."""
        with errors(self.path):
            check_pages(self._connection, self.path, "integrity_check")
        self.messages.check()
