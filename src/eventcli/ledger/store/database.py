"""A ledger as an SQLite database: reading, writing, and transactions.

Whatever happens to a process that writes, the file holds the state before or after a transaction. All tables have plain
names, times are RFC 3339 in UTC, sums are decimal text; README.md documents them.
"""

import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import chain
from typing import Any, Final, Self

from eventcli.ledger.store import layout, positions, schema
from eventcli.ledger.store.connection import (
    PATIENCE,
    TOO_OLD,
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
from eventcli.ledger.store.layout import Kept
from eventcli.ledger.store.records import Discontinuity, KeptReject, Replayed, Run, Setting
from eventcli.ledger.store.rows import Row
from eventcli.ledger.store.schema import APPLICATION_ID, PRUNED, VERSION
from eventcli.ledger.store.stream_rows import STREAM_COLUMNS, in_hex, path_of, row_of, stream_of
from eventcli.ledger.streams.stream import Stream
from eventcli.lines.event import Reason
from eventcli.posix import require
from eventcli.summary.account import Account
from eventcli.summary.stats import TypeStats
from eventcli.text import name_of

__all__ = ["APPLICATION_ID", "VERSION", "BusyError", "Database", "LedgerError", "Setting"]

_LONG_PATIENCE: Final = 300.0
"""Seconds that a run waits for readers that arrived meanwhile, so that its reading is not wasted."""

_AT_ONCE: Final = 100
"""Rows per INSERT statement, which takes a quarter less time than one statement each."""

_MOST_RUNS: Final = 1000

LOST: Final = "lost"

DOUBT: Final = "doubt"
"""The kinds of discontinuities."""

_OLDDIRS: Final = "olddirs"
"""The name of the only setting that gives no number its meaning, and so may change."""


class Database:
    """An open ledger. Use it as a context manager: uncommitted changes are discarded."""

    def __init__(self, path: str, connection: sqlite3.Connection, hold: Hold | None, wait: float) -> None:
        """See `open_to_read` and `open_to_write`."""
        self.path = path
        self._connection = connection
        self._hold = hold
        self._wait = wait
        self._patience = wait
        self._ids: dict[str, int] = {}
        self._run: int | None = None
        self._kept: Kept | None = None
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

    @property
    def changes(self) -> int:
        """A number that is different as soon as another connection has changed the ledger."""
        with errors(self.path):
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    @property
    def is_new(self) -> bool:
        """Whether nothing has ever been committed."""
        with errors(self.path):
            tables = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            return not (tables and self._connection.execute("SELECT count(*) FROM settings").fetchone()[0])

    def wait_for_others(self) -> None:
        """Make sure that this run can commit: BusyError if another program uses the ledger for too long.

        From then on, a transaction waits patiently for later arrivals.
        """
        with errors(self.path):
            wait_for(self._connection, "BEGIN EXCLUSIVE", max(self._wait, PATIENCE))
            self._connection.execute("ROLLBACK")
        self._patience = max(self._wait, _LONG_PATIENCE)

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

    def check_totals(self) -> None:
        """Raise LedgerError unless all rows of totals are as written and match the event counts of the streams."""
        with errors(self.path):
            fault = schema.fault_of_totals(self._connection)
        if fault:
            raise LedgerError(f"{name_of(self.path)}: damaged: {fault}")

    # ---- reading

    def _rows(self, query: str, *parameters: object) -> Iterator[Any]:
        with errors(self.path):
            yield from self._connection.execute(query, parameters)

    def settings(self) -> dict[str, str | None]:
        """Return the settings that give the numbers their meaning."""
        import json  # noqa: PLC0415  # keeps start-up fast for runs that do not open a ledger

        query = "SELECT name, value FROM settings WHERE name <> ?"
        return {name: json.loads(value) for name, value in self._rows(query, _OLDDIRS)}

    def olddirs(self) -> list[str]:
        """Return the folders that rotated files are moved to."""
        import json  # noqa: PLC0415  # see settings

        if self.is_new:
            return []
        found = next(self._rows("SELECT value FROM settings WHERE name = ?", _OLDDIRS), None)
        return [str(one) for one in json.loads(found[0])] if found else []

    @property
    def kept_aggregates(self) -> Kept:
        """The names of the optional aggregates in the tables of totals."""
        if self._kept is None:
            with errors(self.path):
                self._kept = layout.kept_in(self._connection)
        return self._kept

    def streams(self) -> list[Stream]:
        """Return all streams except the pruned ones."""
        if self.is_new:
            return []
        rejected: dict[int, dict[Reason, int]] = {}
        for stream, reason, count in self._rows("SELECT stream, reason, count FROM rejected"):
            rejected.setdefault(stream, {})[self._reason(reason)] = count
        with errors(self.path):
            places = positions.positions(self._connection)
        found = []
        query = f"SELECT id, {STREAM_COLUMNS} FROM streams NOT INDEXED WHERE id <> {PRUNED} ORDER BY id"  # noqa: S608
        for number, *row in self._rows(query):
            self._ids[row[0]] = number
            try:
                stream = stream_of(row, rejected.get(number, {}))
                stream.position = places.get(number)
                found.append(stream)
            except (ValueError, TypeError) as error:
                raise LedgerError(f"{name_of(self.path)}: {error}: {TOO_OLD}") from None
        return found

    def _reason(self, text: str) -> Reason:
        try:
            return Reason(text)
        except ValueError:
            raise LedgerError(f"{name_of(self.path)}: lines were rejected for {text!r}: {TOO_OLD}") from None

    def id_of(self, key: str) -> int | None:
        """Return the id of a committed stream."""
        if not self._ids and not self.is_new:
            self._ids = dict(self._rows("SELECT key, id FROM streams NOT INDEXED"))
        return self._ids.get(key)

    def account(self) -> Account:
        """Return the account of all lines, with replayed lines under their new outcome."""
        (accepted, filtered, blank, salvaged), *_ = self._rows(
            "SELECT total(accepted), total(filtered), total(blank), total(salvaged) FROM streams"
        )
        rejected = {
            self._reason(reason): count
            for reason, count in self._rows("SELECT reason, sum(count) FROM rejected GROUP BY reason")
        }
        accepted, filtered, blank, salvaged = map(int, (accepted, filtered, blank, salvaged))
        for reason, outcome, count in self._rows(
            "SELECT reason, outcome, count(*) FROM replayed GROUP BY reason, outcome"
        ):
            rejected[self._reason(reason)] -= count
            accepted += count if outcome == "accepted" else 0
            blank += count if outcome == "blank" else 0
        lines = accepted + filtered + blank + sum(rejected.values())
        return Account(lines, accepted, rejected, filtered, blank, salvaged)

    def has_times(self) -> bool:
        """Whether any event has a time."""
        queries = (f"SELECT 1 FROM {table} WHERE start > '' LIMIT 1" for table in schema.TOTALS)  # noqa: S608
        return any(next(self._rows(query), None) for query in queries)

    def timeless(self, types: tuple[str, ...] | None) -> int:
        """Return how many events of these types (None: all) have no usable time."""
        if types is None:
            query = "SELECT (SELECT total(count) FROM totals WHERE start = '') + total(count) FROM other_totals"
            return int(next(self._rows(f"{query} WHERE start = ''"))[0])
        with errors(self.path):
            self._want("names", "number", [(one, 0) for one in types])
        query = "SELECT total(count) FROM totals WHERE start = '' AND type IN (SELECT start FROM names)"
        return int(next(self._rows(query))[0])

    def starts(self) -> list[str]:
        """Return the starts of all buckets."""
        return [
            start for (start,) in self._rows("SELECT DISTINCT start FROM totals UNION SELECT start FROM other_totals")
        ]

    def totals(
        self,
        buckets: Mapping[str, int] | None,
        types: tuple[str, ...] | None,
        *,
        aggregates: Collection[str] | None = None,
    ) -> Iterator[tuple[int, str, TypeStats]]:
        """Yield the number that `buckets` assigns to the start, the type and the stats of the cells of these buckets.

        `buckets` of None means all, with the number 0. `aggregates` are those to read (None: all): without min and max,
        that takes half the time.
        """
        yield from self._totals("totals", "type", buckets, types, aggregates=aggregates)

    def other_totals(
        self, buckets: Mapping[str, int] | None, *, aggregates: Collection[str] | None = None
    ) -> Iterator[tuple[int, TypeStats]]:
        """Yield the same for all types beyond the limit, which share one row."""
        for number, _, stats in self._totals("other_totals", "''", buckets, None, aggregates=aggregates):
            yield number, stats

    def _totals(
        self,
        table: str,
        name: str,
        buckets: Mapping[str, int] | None,
        types: tuple[str, ...] | None,
        *,
        aggregates: Collection[str] | None,
    ) -> Iterator[tuple[int, str, TypeStats]]:
        """Add up the cells that go into one bucket: SQLite joins the numbers, and they are added in one step here."""
        number, join, where = "0", "", ""
        with errors(self.path):
            if buckets is not None:
                self._want("starts", "number", buckets.items())
                number, join = "starts.number", "CROSS JOIN starts USING (start)"
            if types is not None:
                self._want("names", "number", [(one, 0) for one in types])
                where = f"WHERE {name} IN (SELECT start FROM names)"  # noqa: S608  # a constant
            chosen, columns = layout.sums(self.kept_aggregates, aggregates)
            states_of = layout.gathering(chosen)
            rows = self._connection.execute(
                f"SELECT {name}, {number}, count(*), {columns} FROM {table} {join} {where}"  # noqa: S608  # constants
                f" GROUP BY {name}{'' if buckets is None else f', {number}'}"
            )
            for type_, place, cells, *states in rows:
                if cells:
                    yield place, type_, TypeStats.of(states_of(states))

    def _want(self, table: str, number: str, rows: Iterable[tuple[str, int]]) -> None:
        """Store the requested values in a temporary table of this connection."""
        self._connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS {table} (start TEXT PRIMARY KEY, {number} INTEGER)")
        self._connection.execute(f"DELETE FROM {table}")  # noqa: S608  # constants
        self._connection.executemany(f"INSERT OR IGNORE INTO {table} VALUES (?, ?)", rows)  # noqa: S608  # constants

    def rows(self) -> Iterator[Row]:
        """Yield all rows; rows that several streams added to come one by one."""
        for _, row in self.rows_of_streams():
            yield row

    def rows_of_streams(self, numbers: Iterable[int] | None = None) -> Iterator[tuple[int, Row]]:
        """Yield the stream id and the row for all streams, or for these."""
        states = layout.selection(self.kept_aggregates)
        where = "" if numbers is None else f"WHERE stream IN ({', '.join(f'{number:d}' for number in numbers)})"
        for query in (
            f"SELECT stream, type, start, {states} FROM totals",  # noqa: S608  # constants
            f"SELECT stream, NULL, start, {states} FROM other_totals",  # noqa: S608  # constants
        ):
            for stream, *row in self._rows(f"{query} {where}"):
                yield stream, tuple(row)

    def attributed(self) -> set[int]:
        """Return the ids of the streams whose whole contribution is kept apart."""
        return {number for (number,) in self._rows("SELECT id FROM streams WHERE attributed")}

    def pruned_checksum(self) -> int:
        """Return the checksum of the contributions of pruned streams."""
        return int(next(self._rows("SELECT checksum FROM streams WHERE id = ?", PRUNED))[0], 16)

    def rejects(self) -> Iterator[tuple[str, KeptReject]]:
        """Yield the stream's path and the reject for every kept reject."""
        query = (
            'SELECT path, key, rejects."offset", line, length, reason, raw FROM rejects'
            ' JOIN streams ON streams.id = stream ORDER BY stream, rejects."offset"'
        )
        for path, key, offset, line, length, reason, raw in self._rows(query):
            yield name_of(path_of(path)), KeptReject(key, offset, line, length, self._reason(reason), raw)

    def kept(self) -> int:
        """Return the approximate size of the kept rejects in bytes."""
        return int(next(self._rows("SELECT total(length(raw) + 64) FROM rejects"))[0])

    def reject_at(self, stream: int, offset: int) -> Reason | None:
        """Return the reason of the kept reject at an offset."""
        row = next(self._rows('SELECT reason FROM rejects WHERE stream = ? AND "offset" = ?', stream, offset), None)
        return self._reason(row[0]) if row else None

    def unkept(self, stream: int, reason: Reason) -> int:
        """Return how many rejects of a stream were neither kept nor replayed."""
        (number,) = next(
            self._rows(
                "SELECT total(count) - (SELECT count(*) FROM rejects WHERE stream = :s AND reason = :r)"
                " - (SELECT count(*) FROM replayed WHERE stream = :s AND reason = :r)"
                " FROM rejected WHERE stream = :s AND reason = :r".replace(":s", "?1").replace(":r", "?2"),
                stream,
                reason,
            )
        )
        return int(number)

    def is_replayed(self, stream: int, offset: int) -> bool:
        """Whether the reject at an offset was repaired before."""
        return (
            next(self._rows('SELECT 1 FROM replayed WHERE stream = ? AND "offset" = ?', stream, offset), None)
            is not None
        )

    def replays(self) -> Iterator[Replayed]:
        """Yield all repaired rejects."""
        for stream, offset, reason, outcome, type_, start, value, integral in self._rows(
            'SELECT stream, "offset", reason, outcome, type, start, value, integral FROM replayed'
        ):
            yield Replayed(
                stream,
                offset,
                self._reason(reason),
                outcome,
                type_,
                start,
                value,
                None if integral is None else bool(integral),
            )

    def discontinuities(self) -> list[Discontinuity]:
        """Return all discontinuities, in the order in which they were noticed."""
        query = 'SELECT name, "offset", noticed_at, message, settled, kind FROM discontinuities ORDER BY id'
        return [Discontinuity(*row) for row in self._rows(query)]

    def last_run(self) -> Run | None:
        """Return the record of the last run."""
        with errors(self.path):
            fault = schema.fault_of_runs(self._connection)
        if fault:
            raise LedgerError(f"{name_of(self.path)}: damaged: {fault}")
        query = (
            "SELECT started_at, seconds, bytes, accepted, rejected, filtered, blank, pending, discontinuities, status"
            " FROM runs ORDER BY id DESC LIMIT 1"
        )
        row = next(self._rows(query), None)
        return Run(*row) if row else None

    # ---- writing

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
            schema.insertion("settings"), [(name, json.dumps(value)) for name, value in values.items()]
        )

    def put_olddirs(self, folders: Sequence[str]) -> None:
        """Store the folders that rotated files are moved to."""
        import json  # noqa: PLC0415  # see settings

        self._connection.execute(schema.insertion("settings", "INSERT OR REPLACE"), (_OLDDIRS, json.dumps(folders)))

    def clear(self) -> None:
        """Delete all settings, and all records of lines."""
        tables = ("settings", "rejected", "rejects", "replayed", "discontinuities", "messages", *schema.TOTALS)
        for table in tables:
            self._connection.execute(f"DELETE FROM {table}")  # noqa: S608  # constants

    def add_totals(self, rows: Iterable[Row], stream: str | int = PRUNED) -> None:
        """Add rows to those with the same types and starts that a stream, given by key or id, added before."""
        self.add_totals_of([(stream, rows)])

    def add_totals_of(self, parts: Iterable[tuple[str | int, Iterable[Row]]]) -> None:
        """Add the rows of many streams."""
        own: list[tuple[object, ...]] = []
        other: list[tuple[object, ...]] = []
        kept = self.kept_aggregates
        are_whole = layout.are_whole(kept)
        for stream, rows in parts:
            number = self._ids[stream] if isinstance(stream, str) else stream
            for type_, start, *every in rows:
                states = every if are_whole else layout.states_of(every, kept)
                if type_ is None:
                    other.append((start, number, *states))
                    continue
                own.append((type_, start, number, *states))
                if len(own) == _AT_ONCE:
                    self._add("totals", own)
                    own.clear()
        self._add("totals", own)
        for row in other:
            self._add("other_totals", [row])

    def _add(self, table: str, rows: Sequence[tuple[object, ...]]) -> None:
        keys = "type, start, stream" if table == "totals" else "start, stream"
        kept = self.kept_aggregates
        names = ", ".join(schema.columns(table, kept))
        merges, row_proof = layout.merges(kept), schema.proof(table, kept=kept)
        # Nothing is added to a row that is not as it was written: no number would prove the sum.
        proof = f"CASE WHEN proof = {row_proof} THEN {schema.proof(table, merges, kept)} END"
        assignments = ", ".join(f"{name} = {value}" for name, value in merges.items())
        if not rows:
            return
        given = ", ".join(f"column{number} AS {name}" for number, name in enumerate(schema.columns(table, kept), 1))
        values = ", ".join([f"({', '.join('?' * len(rows[0]))})"] * len(rows))
        self._connection.execute(
            f"INSERT INTO {table} ({names}, proof) SELECT *, {row_proof} FROM"  # noqa: S608  # constants
            f" (SELECT {given} FROM (VALUES {values})) WHERE true"
            f" ON CONFLICT ({keys}) DO UPDATE SET {assignments}, proof = {proof}",
            list(chain.from_iterable(rows)),
        )

    def put_streams(self, streams: Iterable[Stream], now: str) -> None:
        """Write what is known of streams; `now` is the first-seen time of new ones."""
        for stream in streams:
            stream.first_seen = stream.first_seen or now
            stream.last_seen = stream.last_seen or now
            row = row_of(stream)
            if stream.is_new:
                places = ", ".join("?" * len(row))
                cursor = self._connection.execute(
                    f"INSERT INTO streams ({STREAM_COLUMNS}, attributed, proof) VALUES ({places}, 1, 0)",  # noqa: S608  # constants
                    row,
                )
                self._ids[stream.key] = cursor.lastrowid or 0
            else:
                assignments = ", ".join(f"{column.strip()} = ?" for column in STREAM_COLUMNS.split(","))
                query = f"UPDATE streams SET {assignments} WHERE id = ?"  # noqa: S608  # constants
                self._connection.execute(query, (*row, self._ids[stream.key]))
            number = self._ids[stream.key]
            self._connection.execute(schema.sealing("streams", "id = ?"), (number,))
            self._connection.executemany(
                schema.insertion("rejected", "INSERT OR REPLACE"),
                [(number, str(reason), count) for reason, count in stream.account.rejected.items()],
            )
            if stream.position is not None:
                positions.put_position(self._connection, number, stream.position)

    def put_rejects(self, rejects: Iterable[KeptReject]) -> None:
        """Store rejected lines."""
        self._connection.executemany(
            schema.insertion("rejects", "INSERT OR REPLACE"),
            [(self._ids[one.stream], *one[1:4], str(one.reason), one.raw) for one in rejects],
        )

    def put_replayed(self, one: Replayed, now: str) -> None:
        """Turn a reject into its repaired line."""
        self._connection.execute(
            schema.insertion("replayed"),
            (one.stream, one.offset, str(one.reason), *one[3:], now),
        )
        self._connection.execute('DELETE FROM rejects WHERE stream = ? AND "offset" = ?', one[:2])

    def put_discontinuity(self, key: str, one: Discontinuity) -> None:
        """Record a discontinuity."""
        cursor = self._connection.execute(schema.insertion("discontinuities"), (None, self._ids[key], *one))
        self._connection.execute(schema.sealing("discontinuities", "id = ?"), (cursor.lastrowid,))

    def settle_discontinuities(self, now: str, key: str | None = None) -> None:
        """Settle the discontinuities of a stream that was found again, or all of them."""
        condition = "" if key is None else f"AND stream = {self._ids[key]:d}"
        self._connection.execute(f"UPDATE discontinuities SET settled = ? WHERE settled = '' {condition}", (now,))  # noqa: S608  # a number
        self._connection.execute(schema.sealing("discontinuities", "settled = ?"), (now,))

    def put_run(self, run: Run) -> None:
        """Record the result of this run so far."""
        if self._run is None:
            self._run = next(self._rows("SELECT ifnull(max(id), 0) + 1 FROM runs"))[0]
            self._connection.execute("DELETE FROM runs WHERE id <= ?", (self._run - _MOST_RUNS,))
        self._connection.execute(schema.insertion("runs", "INSERT OR REPLACE"), (self._run, *run))

    def unshown(self) -> bytes | None:
        """Return what earlier runs added but could not show."""
        if self.is_new:
            return None
        row = next(self._rows("SELECT summary FROM unshown ORDER BY id LIMIT 1"), None)
        return bytes(row[0]) if row else None

    def put_unshown(self, summary: bytes | None) -> None:
        """Store what was added but not shown, replacing the previous value."""
        self._connection.execute("DELETE FROM unshown")
        if summary is not None:
            self._connection.execute(schema.insertion("unshown"), (1, summary))

    def prune(self, streams: Sequence[Stream], now: str) -> None:
        """Forget streams; their contributions stay in the totals."""
        checksum = self.pruned_checksum()
        for stream in streams:
            number = self._ids[stream.key]
            checksum += stream.checksum
            self._connection.execute(
                "UPDATE streams SET accepted = accepted + ?, filtered = filtered + ?, blank = blank + ?,"
                " salvaged = salvaged + ?, first_seen = ? WHERE id = ?",
                (
                    *(getattr(stream.account, name) for name in ("accepted", "filtered", "blank", "salvaged")),
                    now,
                    PRUNED,
                ),
            )
            self._connection.execute(
                "INSERT INTO rejected SELECT ?, reason, count, 0 FROM rejected AS own WHERE stream = ?"
                " ON CONFLICT (stream, reason) DO UPDATE SET count = rejected.count + excluded.count",
                (PRUNED, number),
            )
        numbers = [self._ids[stream.key] for stream in streams]
        rows = [row for _, row in self.rows_of_streams(numbers)]
        self._delete(numbers, ("rejected", "rejects", *schema.TOTALS), "stream")
        self._delete(numbers, ("streams",), "id")
        for row in rows:  # several may have the same type and start
            self.add_totals([row])
        self._connection.execute("UPDATE streams SET checksum = ? WHERE id = ?", (in_hex(checksum), PRUNED))
        self._connection.execute(schema.sealing("streams", "id = ?"), (PRUNED,))
        self._connection.execute(schema.sealing("rejected", "stream = ?"), (PRUNED,))

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


def source_of(path: str, device: int, inode: int) -> str | None:
    """Return where a ledger last saw a stream, if that is still the file with this device and inode.

    It takes no lock and does not check for damage: it is called before anything else is done.
    """
    with suppress(sqlite3.Error, OSError), closing(connect(path, "ro")) as connection:
        found = connection.execute("SELECT path FROM streams WHERE device = ? AND inode = ?", (str(device), str(inode)))
        for (stored,) in found:
            status = os.stat(path_of(stored))
            if (status.st_dev, status.st_ino) == (device, inode):
                return path_of(stored)
    return None
