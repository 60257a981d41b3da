"""The file of a ledger: an SQLite database with its schema, its lock and its transactions.

Whatever happens to a process that writes, the file holds the state before or after a transaction. All tables have plain
names, times are RFC 3339 in UTC, sums are decimal text; README.md documents them.
"""

import os
import sqlite3
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from itertools import chain
from typing import Any, Final, NamedTuple, Self

from eventcli import exact
from eventcli.cells import CHECKSUM_PRIME, Row
from eventcli.event import Reason
from eventcli.output import OutputError
from eventcli.source import name_of
from eventcli.streams import State, Stream
from eventcli.summary import Account, TypeStats

APPLICATION_ID: Final = 0x65767374
"""`evst`: what `file` and SQLite tell a ledger by."""

VERSION: Final = 1
"""The version of the schema, kept as `user_version`."""

MAGIC: Final = b"SQLite format 3\0"

PRUNED: Final = 0
"""The id of the row of `streams` that all pruned streams are added up in."""

_HEADER: Final = 100
_LOCK_PLACE: Final = 1 << 40
"""A byte that nothing is ever stored at: locking it keeps other runs away, and no reader."""

_POLL: Final = 0.05
_PATIENCE: Final = 30.0
"""Seconds that a reader waits for a transaction that is being written."""

_CHECKED: Final = 8 * 1024 * 1024
"""Up to this size, a ledger is checked for damage whenever it is opened."""

_AT_ONCE: Final = 100
"""Rows that one statement writes, which takes a quarter less time than one each."""

_MOST_RUNS: Final = 1000

_SCHEMA: Final = (
    "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE streams (
        id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, name NOT NULL, path NOT NULL,
        state TEXT NOT NULL, device TEXT NOT NULL, inode TEXT NOT NULL,
        start INTEGER NOT NULL, "offset" INTEGER NOT NULL, last_line INTEGER NOT NULL, pending INTEGER NOT NULL,
        accepted INTEGER NOT NULL, filtered INTEGER NOT NULL, blank INTEGER NOT NULL, salvaged INTEGER NOT NULL,
        seen INTEGER NOT NULL, head TEXT NOT NULL, tail TEXT NOT NULL,
        raw_size INTEGER NOT NULL, raw_proof TEXT NOT NULL, raw_length INTEGER NOT NULL, checksum TEXT NOT NULL,
        first_seen TEXT NOT NULL, last_seen TEXT NOT NULL)""",
    """CREATE TABLE rejected (
        stream INTEGER NOT NULL REFERENCES streams (id), reason TEXT NOT NULL, count INTEGER NOT NULL,
        PRIMARY KEY (stream, reason)) WITHOUT ROWID""",
    """CREATE TABLE totals (
        type TEXT NOT NULL, start TEXT NOT NULL, count INTEGER NOT NULL, sum TEXT NOT NULL, integral INTEGER NOT NULL,
        min TEXT NOT NULL, max TEXT NOT NULL, PRIMARY KEY (type, start)) WITHOUT ROWID""",
    """CREATE TABLE other_totals (
        start TEXT PRIMARY KEY, count INTEGER NOT NULL, sum TEXT NOT NULL, integral INTEGER NOT NULL,
        min TEXT NOT NULL, max TEXT NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE rejects (
        stream INTEGER NOT NULL REFERENCES streams (id), "offset" INTEGER NOT NULL, line INTEGER NOT NULL,
        length INTEGER NOT NULL, reason TEXT NOT NULL, raw BLOB NOT NULL, PRIMARY KEY (stream, "offset"))""",
    """CREATE TABLE replayed (
        stream INTEGER NOT NULL, "offset" INTEGER NOT NULL, reason TEXT NOT NULL, outcome TEXT NOT NULL,
        type TEXT, start TEXT, value TEXT, integral INTEGER, replayed_at TEXT NOT NULL,
        PRIMARY KEY (stream, "offset")) WITHOUT ROWID""",
    """CREATE TABLE discontinuities (
        id INTEGER PRIMARY KEY, stream INTEGER NOT NULL, name TEXT NOT NULL, "offset" INTEGER NOT NULL,
        noticed_at TEXT NOT NULL, message TEXT NOT NULL, settled TEXT NOT NULL DEFAULT '')""",
    """CREATE TABLE runs (
        id INTEGER PRIMARY KEY, started_at TEXT NOT NULL, seconds REAL NOT NULL, bytes INTEGER NOT NULL,
        accepted INTEGER NOT NULL, rejected INTEGER NOT NULL, filtered INTEGER NOT NULL, blank INTEGER NOT NULL,
        pending INTEGER NOT NULL, discontinuities INTEGER NOT NULL, status INTEGER)""",
    """INSERT INTO streams VALUES
        (0, '', '', '', 'pruned', '0', '0', 0, 0, 0, 0, 0, 0, 0, 0, 0, '', '', 0, '', 0, '0', '', '')""",
)

_MIGRATIONS: Final[Mapping[int, tuple[str, ...]]] = {}
"""What makes the schema of the next version of that of a version."""

_STREAM_COLUMNS: Final = (
    'key, name, path, state, device, inode, start, "offset", last_line, pending, accepted, filtered, blank, salvaged,'
    " seen, head, tail, raw_size, raw_proof, raw_length, checksum, first_seen, last_seen"
)


class LedgerError(Exception):
    """The file is no ledger, is damaged, or was written by a later version; it was not changed."""


class BusyError(Exception):
    """Another run holds the ledger."""


class Setting(NamedTuple):
    """Something that gives the numbers of a ledger their meaning, and its value as text (None: none)."""

    name: str
    value: str | None


class Run(NamedTuple):
    """What came of one run: its beginning (RFC 3339), its length in seconds, bytes, lines by outcome, exit status."""

    started_at: str
    seconds: float
    bytes: int
    accepted: int
    rejected: int
    filtered: int
    blank: int
    pending: int
    discontinuities: int
    status: int | None


class KeptReject(NamedTuple):
    """A rejected line that is kept for repair; `stream` is a key."""

    stream: str
    offset: int
    line: int
    length: int
    reason: Reason
    raw: bytes


class Replayed(NamedTuple):
    """A reject that was repaired: what it was, and the event that it became (None: a blank line)."""

    stream: int
    offset: int
    reason: Reason
    outcome: str
    type: str | None
    start: str | None
    value: str | None
    integral: bool | None


class Discontinuity(NamedTuple):
    """A rest of a stream that was lost, or may be; `settled` is when it was found again or taken note of."""

    name: str
    offset: int
    noticed_at: str
    message: str
    settled: str


def is_ledger(head: bytes) -> bool:
    """Whether a file that begins with these bytes is an SQLite database."""
    return head.startswith(MAGIC)


class Database:
    """An open ledger. Use it as a context: what was not committed is as if it had not been."""

    def __init__(self, path: str, connection: sqlite3.Connection, lock: "_Lock | None") -> None:
        """See `open_to_read` and `open_to_write`."""
        self.path = path
        self._connection = connection
        self._lock = lock
        self._ids: dict[str, int] = {}
        self._run: int | None = None

    @classmethod
    def open_to_read(cls, path: str) -> Self:
        """Open a ledger that exists: FileNotFoundError or other OSError, or LedgerError."""
        with open(path, "rb") as file:
            head = file.read(_HEADER)
        if not os.path.exists(f"{path}-journal"):
            _check_header(path, head)
        with _errors(path):
            connection = _connect(path, "rw" if os.access(path, os.W_OK) else "ro", _PATIENCE)
            try:
                _check(connection, path, may_migrate=False)
            except BaseException:
                connection.close()
                raise
        return cls(path, connection, None)

    @classmethod
    def open_to_write(cls, path: str, *, create: bool, wait: float = 0) -> Self:
        """Open a ledger, or begin one: BusyError, LedgerError, OutputError, or FileNotFoundError."""
        lock = _Lock(path, create=create, wait=wait)
        try:
            if lock.head and not os.path.exists(f"{path}-journal"):
                _check_header(path, lock.head)
            with _errors(path):
                connection = _connect(path, "rw", wait)
                try:
                    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] or lock.head:
                        _check(connection, path, may_migrate=True)
                except BaseException:
                    connection.close()
                    raise
        except BaseException:
            lock.release()
            raise
        return cls(path, connection, lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        with suppress(sqlite3.Error):
            self._connection.close()  # rolls back
        if self._lock is not None:
            self._lock.release()

    @property
    def is_new(self) -> bool:
        """Whether nothing was ever committed."""
        with _errors(self.path):
            return not self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]

    # ---- reading

    def _rows(self, query: str, *parameters: object) -> Iterator[Any]:
        with _errors(self.path):
            yield from self._connection.execute(query, parameters)

    def settings(self) -> dict[str, str | None]:
        """Return what gives the numbers their meaning."""
        import json  # noqa: PLC0415  # start-up of all runs that do not open a ledger

        return {name: json.loads(value) for name, value in self._rows("SELECT name, value FROM settings")}

    def streams(self) -> list[Stream]:
        """Return all streams but the pruned ones."""
        if self.is_new:
            return []
        rejected: dict[int, dict[Reason, int]] = {}
        for stream, reason, count in self._rows("SELECT stream, reason, count FROM rejected"):
            rejected.setdefault(stream, {})[Reason(reason)] = count
        found = []
        for number, *row in self._rows(f"SELECT id, {_STREAM_COLUMNS} FROM streams WHERE id <> {PRUNED} ORDER BY id"):  # noqa: S608  # constants
            self._ids[row[0]] = number
            found.append(_stream(row, rejected.get(number, {})))
        return found

    def id_of(self, key: str) -> int | None:
        """Return the id of a stream that was committed."""
        if not self._ids:
            self._ids = dict(self._rows("SELECT key, id FROM streams"))
        return self._ids.get(key)

    def account(self) -> Account:
        """Return the account of all lines, those that were replayed where they are now."""
        (accepted, filtered, blank, salvaged), *_ = self._rows(
            "SELECT total(accepted), total(filtered), total(blank), total(salvaged) FROM streams"
        )
        rejected = {
            Reason(reason): count
            for reason, count in self._rows("SELECT reason, sum(count) FROM rejected GROUP BY reason")
        }
        accepted, filtered, blank, salvaged = map(int, (accepted, filtered, blank, salvaged))
        for reason, outcome, count in self._rows(
            "SELECT reason, outcome, count(*) FROM replayed GROUP BY reason, outcome"
        ):
            rejected[Reason(reason)] -= count
            accepted += count if outcome == "accepted" else 0
            blank += count if outcome == "blank" else 0
        lines = accepted + filtered + blank + sum(rejected.values())
        return Account(lines, accepted, rejected, filtered, blank, salvaged)

    def starts(self) -> list[str]:
        """Return the starts of all buckets."""
        return [
            start for (start,) in self._rows("SELECT DISTINCT start FROM totals UNION SELECT start FROM other_totals")
        ]

    def totals(
        self, buckets: Mapping[str, int] | None, types: tuple[str, ...] | None, *, extremes: bool = True
    ) -> Iterator[tuple[int, str, TypeStats]]:
        """Yield the number that `buckets` has for the start, the type and the stats of the cells of these buckets.

        `buckets` of None stands for all, with the number 0. Without `extremes`, the stats leave out min and max, which
        takes half the time.
        """
        yield from self._totals("totals", "type", buckets, types, extremes=extremes)

    def other_totals(
        self, buckets: Mapping[str, int] | None, *, extremes: bool = True
    ) -> Iterator[tuple[int, TypeStats]]:
        """Yield the same of all types beyond the limit, which share one row."""
        for number, _, stats in self._totals("other_totals", "''", buckets, None, extremes=extremes):
            yield number, stats

    def _totals(
        self,
        table: str,
        name: str,
        buckets: Mapping[str, int] | None,
        types: tuple[str, ...] | None,
        *,
        extremes: bool,
    ) -> Iterator[tuple[int, str, TypeStats]]:
        """Add up cells that go into one bucket: the numbers of many are joined by SQLite, and added up at once here."""
        number, join, where = "0", "", ""
        with _errors(self.path):
            if buckets is not None:
                self._want("starts", "number", buckets.items())
                number, join = "starts.number", "CROSS JOIN starts USING (start)"
            if types is not None:
                self._want("names", "number", [(one, 0) for one in types])
                where = f"WHERE {name} IN (SELECT start FROM names)"  # noqa: S608  # a constant
            columns = "group_concat(sum), group_concat(min), group_concat(max)" if extremes else "group_concat(sum)"
            rows = self._connection.execute(
                f"SELECT {name}, {number}, count(*), sum(count), min(integral), {columns} FROM {table} {join} {where}"  # noqa: S608  # constants
                f" GROUP BY {name}{'' if buckets is None else f', {number}'}"
            )
            for type_, place, cells, count, integral, sums, *others in rows:
                if cells:
                    total = exact.total(map(Decimal, sums.split(",")))
                    low, high = (
                        _extreme(texts, pick) for texts, pick in zip(others or (None, None), (min, max), strict=True)
                    )
                    yield place, type_, TypeStats(count, total, bool(integral), low, high)

    def _want(self, table: str, number: str, rows: Iterable[tuple[str, int]]) -> None:
        """Put what is asked for into a table of this connection alone."""
        self._connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS {table} (start TEXT PRIMARY KEY, {number} INTEGER)")
        self._connection.execute(f"DELETE FROM {table}")  # noqa: S608  # constants
        self._connection.executemany(f"INSERT OR IGNORE INTO {table} VALUES (?, ?)", rows)  # noqa: S608  # constants

    def rows(self) -> Iterator[Row]:
        """Yield all rows."""
        yield from self._rows("SELECT type, start, count, sum, integral, min, max FROM totals")
        yield from self._rows("SELECT NULL, start, count, sum, integral, min, max FROM other_totals")

    def pruned_checksum(self) -> int:
        """Return the checksum of what streams that were pruned had added."""
        return int(next(self._rows("SELECT checksum FROM streams WHERE id = ?", PRUNED))[0], 16)

    def rejects(self) -> Iterator[tuple[str, KeptReject]]:
        """Yield the path of the stream, and the reject, of every one that is kept."""
        query = (
            'SELECT path, key, rejects."offset", line, length, reason, raw FROM rejects'
            ' JOIN streams ON streams.id = stream ORDER BY stream, rejects."offset"'
        )
        for path, key, offset, line, length, reason, raw in self._rows(query):
            yield name_of(_path(path)), KeptReject(key, offset, line, length, Reason(reason), raw)

    def kept(self) -> int:
        """Return how many bytes the kept rejects take, about."""
        return int(next(self._rows("SELECT total(length(raw) + 64) FROM rejects"))[0])

    def reject_at(self, stream: int, offset: int) -> Reason | None:
        """Return the reason of the kept reject at a place."""
        row = next(self._rows('SELECT reason FROM rejects WHERE stream = ? AND "offset" = ?', stream, offset), None)
        return Reason(row[0]) if row else None

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
        """Whether the reject at a place was repaired before."""
        return (
            next(self._rows('SELECT 1 FROM replayed WHERE stream = ? AND "offset" = ?', stream, offset), None)
            is not None
        )

    def replays(self) -> Iterator[Replayed]:
        """Yield all rejects that were repaired."""
        for stream, offset, reason, outcome, type_, start, value, integral in self._rows(
            'SELECT stream, "offset", reason, outcome, type, start, value, integral FROM replayed'
        ):
            yield Replayed(
                stream,
                offset,
                Reason(reason),
                outcome,
                type_,
                start,
                value,
                None if integral is None else bool(integral),
            )

    def discontinuities(self) -> list[Discontinuity]:
        """Return all discontinuities, in the order in which they were noticed."""
        query = 'SELECT name, "offset", noticed_at, message, settled FROM discontinuities ORDER BY id'
        return [Discontinuity(*row) for row in self._rows(query)]

    def last_run(self) -> Run | None:
        """Return what came of the last run."""
        query = (
            "SELECT started_at, seconds, bytes, accepted, rejected, filtered, blank, pending, discontinuities, status"
            " FROM runs ORDER BY id DESC LIMIT 1"
        )
        row = next(self._rows(query), None)
        return Run(*row) if row else None

    # ---- writing

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all that is written within, or nothing."""
        with _errors(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise

    def create(self, settings: Iterable[Setting]) -> None:
        """Make the tables of a new ledger, within a transaction."""
        import json  # noqa: PLC0415  # see settings

        for statement in _SCHEMA:
            self._connection.execute(statement)
        self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        self._connection.execute(f"PRAGMA user_version = {VERSION}")
        self._connection.executemany(
            "INSERT INTO settings VALUES (?, ?)", [(name, json.dumps(value)) for name, value in settings]
        )

    def add_totals(self, rows: Iterable[Row]) -> None:
        """Add rows to those of the same types and starts."""
        own: list[Row] = []
        other: list[Row] = []
        for row in rows:
            (other if row[0] is None else own).append(row)
        self._add("totals", "type, start", own)
        self._add("other_totals", "start", [row[1:] for row in other])

    def _add(self, table: str, keys: str, rows: Sequence[tuple[object, ...]]) -> None:
        for at in range(0, len(rows), _AT_ONCE):
            part = rows[at : at + _AT_ONCE]
            values = ", ".join([f"({', '.join('?' * len(part[0]))})"] * len(part))
            self._connection.execute(
                f"INSERT INTO {table} VALUES {values} ON CONFLICT ({keys}) DO UPDATE SET"  # noqa: S608  # constants
                " count = count + excluded.count,"
                " sum = exact_add(sum, excluded.sum, min(integral, excluded.integral)),"
                " min = exact_min(min, excluded.min, min(integral, excluded.integral)),"
                " max = exact_max(max, excluded.max, min(integral, excluded.integral)),"
                " integral = min(integral, excluded.integral)",
                list(chain.from_iterable(part)),
            )

    def put_streams(self, streams: Iterable[Stream], now: str) -> None:
        """Write what is known of streams; `now` is when new ones were seen first."""
        for stream in streams:
            stream.first_seen = stream.first_seen or now
            stream.last_seen = stream.last_seen or now
            row = _row(stream)
            if stream.is_new:
                places = ", ".join("?" * len(row))
                cursor = self._connection.execute(f"INSERT INTO streams ({_STREAM_COLUMNS}) VALUES ({places})", row)  # noqa: S608  # constants
                self._ids[stream.key] = cursor.lastrowid or 0
            else:
                assignments = ", ".join(f"{column.strip()} = ?" for column in _STREAM_COLUMNS.split(","))
                self._connection.execute(f"UPDATE streams SET {assignments} WHERE key = ?", (*row, stream.key))  # noqa: S608  # constants
            number = self._ids[stream.key]
            self._connection.executemany(
                "INSERT OR REPLACE INTO rejected VALUES (?, ?, ?)",
                [(number, str(reason), count) for reason, count in stream.account.rejected.items()],
            )

    def put_rejects(self, rejects: Iterable[KeptReject]) -> None:
        """Keep rejected lines."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO rejects VALUES (?, ?, ?, ?, ?, ?)",
            [(self._ids[one.stream], *one[1:4], str(one.reason), one.raw) for one in rejects],
        )

    def put_replayed(self, one: Replayed, now: str) -> None:
        """Move a reject to what was repaired."""
        self._connection.execute(
            "INSERT INTO replayed VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (one.stream, one.offset, str(one.reason), *one[3:], now),
        )
        self._connection.execute('DELETE FROM rejects WHERE stream = ? AND "offset" = ?', one[:2])

    def put_discontinuity(self, key: str, one: Discontinuity) -> None:
        """Record a discontinuity."""
        self._connection.execute(
            'INSERT INTO discontinuities (stream, name, "offset", noticed_at, message, settled)'
            " VALUES (?, ?, ?, ?, ?, ?)",
            (self._ids[key], *one),
        )

    def settle_discontinuities(self, now: str, key: str | None = None) -> None:
        """Take note of the discontinuities of a stream that was found again, or of all."""
        condition = "" if key is None else f"AND stream = {self._ids[key]:d}"
        self._connection.execute(f"UPDATE discontinuities SET settled = ? WHERE settled = '' {condition}", (now,))  # noqa: S608  # a number

    def put_run(self, run: Run) -> None:
        """Record what came of this run so far."""
        if self._run is None:
            self._run = next(self._rows("SELECT ifnull(max(id), 0) + 1 FROM runs"))[0]
            self._connection.execute("DELETE FROM runs WHERE id <= ?", (self._run - _MOST_RUNS,))
        self._connection.execute(
            "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (self._run, *run)
        )

    def prune(self, streams: Iterable[Stream], now: str) -> None:
        """Forget streams; what they added stays."""
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
                "INSERT INTO rejected SELECT ?, reason, count FROM rejected AS own WHERE stream = ?"
                " ON CONFLICT (stream, reason) DO UPDATE SET count = rejected.count + excluded.count",
                (PRUNED, number),
            )
            for table, column in (("rejected", "stream"), ("rejects", "stream"), ("streams", "id")):
                self._connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (number,))  # noqa: S608  # constants
        self._connection.execute("UPDATE streams SET checksum = ? WHERE id = ?", (_hex(checksum), PRUNED))

    def check_integrity(self) -> None:
        """Raise LedgerError if the file is damaged anywhere."""
        with _errors(self.path):
            _check_pages(self._connection, self.path, "integrity_check")


def _connect(path: str, mode: str, wait: float) -> sqlite3.Connection:
    quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    full = quoted if os.path.isabs(path) else f"./{quoted}"
    connection = sqlite3.connect(f"file:{full}?mode={mode}", uri=True, isolation_level=None, timeout=wait)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.create_function("exact_add", 3, _exact_add, deterministic=True)
        connection.create_function("exact_min", 3, _exact_min, deterministic=True)
        connection.create_function("exact_max", 3, _exact_max, deterministic=True)
    except BaseException:
        connection.close()
        raise
    return connection


def _extreme(texts: str | None, pick: Callable[[Iterable[Decimal]], Decimal]) -> Decimal | None:
    """Return the smallest or largest of numbers that are joined by commas; many are the same."""
    return None if texts is None else pick(map(Decimal, set(texts.split(","))))


def _exact_add(one: str, other: str, integral: int) -> str:
    return exact.plain(exact.add(Decimal(one), Decimal(other)), integral=bool(integral))


def _exact_min(one: str, other: str, integral: int) -> str:
    return exact.plain(min(Decimal(one), Decimal(other)), integral=bool(integral))


def _exact_max(one: str, other: str, integral: int) -> str:
    return exact.plain(max(Decimal(one), Decimal(other)), integral=bool(integral))


def _check_header(path: str, head: bytes) -> None:
    """Raise LedgerError where the file is something else, before SQLite looks at it."""
    name = name_of(path)
    if not is_ledger(head) or len(head) < _HEADER:
        raise LedgerError(f"{name}: not a ledger")
    if int.from_bytes(head[68:72], "big") != APPLICATION_ID:
        raise LedgerError(f"{name}: an SQLite database, but not a ledger")
    _check_version(path, int.from_bytes(head[60:64], "big"))


def _check_version(path: str, version: int) -> None:
    if not 1 <= version <= VERSION:
        raise LedgerError(
            f"{name_of(path)}: a ledger with schema version {version}; this program knows versions up to {VERSION}"
        )


def _check(connection: sqlite3.Connection, path: str, *, may_migrate: bool) -> None:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise LedgerError(f"{name_of(path)}: not a ledger")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    _check_version(path, version)
    if os.stat(path).st_size <= _CHECKED:
        _check_pages(connection, path, "quick_check")
    if version < VERSION and not may_migrate:
        raise LedgerError(
            f"{name_of(path)}: a ledger with schema version {version}: `eventstats ingest` brings it up to date"
        )
    if version < VERSION:
        connection.execute("BEGIN IMMEDIATE")
        for number in range(version, VERSION):
            for statement in _MIGRATIONS[number]:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")


def _check_pages(connection: sqlite3.Connection, path: str, pragma: str) -> None:
    (found,) = connection.execute(f"PRAGMA {pragma}(1)").fetchone()
    if found != "ok":
        raise LedgerError(f"{name_of(path)}: damaged: {' '.join(found.split())}")


@contextmanager
def _errors(path: str) -> Iterator[None]:
    """Tell what kind of failure it is that SQLite reports."""
    try:
        yield
    except sqlite3.Error as error:
        # The lower byte is the kind, the others tell more of it.
        kind = (getattr(error, "sqlite_errorcode", None) or sqlite3.SQLITE_ERROR) & 0xFF
        if kind in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise BusyError(f"{name_of(path)}: another program holds the ledger") from error
        if kind in (
            sqlite3.SQLITE_READONLY,
            sqlite3.SQLITE_FULL,
            sqlite3.SQLITE_IOERR,
            sqlite3.SQLITE_CANTOPEN,
            sqlite3.SQLITE_PERM,
        ):
            raise OutputError(name_of(path), OSError(str(error))) from error
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.ProgrammingError):
            raise LedgerError(f"{name_of(path)}: damaged: {error}") from error
        raise


class _Lock:
    """Keeps other runs away from a ledger for as long as the process lives, also between two commits.

    It is a lock of an open file description (fcntl(2), F_OFD_SETLK) on a byte far behind the file. SQLite lets go of
    all other locks of its process when it ends a transaction, but not of this one; and it works on network folders,
    too. Where the system has none, a file beside the ledger is locked.
    """

    def __init__(self, path: str, *, create: bool, wait: float) -> None:
        """Take it: BusyError if another run has it for longer than `wait` seconds."""
        self._path = path
        self._beside: int | None = None
        deadline = time.monotonic() + wait
        while True:
            self._descriptor = self._open(path, create=create)
            try:
                if self._take(path, deadline):
                    break
            except BaseException:
                os.close(self._descriptor)
                raise
            os.close(self._descriptor)
        self.head = os.pread(self._descriptor, _HEADER, 0)
        """The first bytes of the file."""

    @staticmethod
    def _open(path: str, *, create: bool) -> int:
        try:
            return os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o600)
        except FileNotFoundError:
            if not create:
                raise
            raise OutputError(name_of(path), OSError("there is no such folder")) from None
        except OSError as error:
            raise OutputError(name_of(path), error) from error

    def _take(self, path: str, deadline: float) -> bool:
        """Take the lock of the open file; False where another file has taken its place meanwhile."""
        while True:
            try:
                self._try(path)
            except (BlockingIOError, PermissionError):
                if time.monotonic() >= deadline:
                    raise BusyError(f"{name_of(path)}: another run holds the ledger") from None
                time.sleep(_POLL)
                continue
            except OSError as error:
                raise OutputError(name_of(path), error) from error
            break
        mine = os.fstat(self._descriptor)
        try:
            there = os.stat(path)
        except FileNotFoundError:
            return False
        return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)

    def _try(self, path: str) -> None:
        import fcntl  # noqa: PLC0415  # start-up of all runs that do not write a ledger

        if hasattr(fcntl, "F_OFD_SETLK"):
            # struct flock: type, whence, start, length, and a process id of 0.
            wanted = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, _LOCK_PLACE, 1, 0)
            fcntl.fcntl(self._descriptor, fcntl.F_OFD_SETLK, wanted)
            return
        if self._beside is None:
            self._beside = os.open(f"{path}-lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._beside, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def release(self) -> None:
        """Let go; a file in which nothing was committed is not left behind."""
        with suppress(OSError):
            if not self.head and not os.fstat(self._descriptor).st_size:
                os.unlink(self._path)
        for descriptor in (self._descriptor, self._beside):
            if descriptor is not None:
                os.close(descriptor)


def _hex(checksum: int) -> str:
    return f"{checksum % CHECKSUM_PRIME:x}"


def _row(stream: Stream) -> tuple[object, ...]:
    account = stream.account
    return (
        stream.key,
        _stored(stream.name),
        _stored(stream.path),
        str(stream.state),
        str(stream.device),
        str(stream.inode),
        stream.start,
        stream.offset,
        stream.lines,
        stream.pending,
        account.accepted,
        account.filtered,
        account.blank,
        account.salvaged,
        stream.seen,
        " ".join(stream.head),
        stream.tail,
        stream.raw_size,
        stream.raw_proof,
        stream.raw_length,
        _hex(stream.checksum),
        stream.first_seen,
        stream.last_seen,
    )


def _stream(row: list[Any], rejected: dict[Reason, int]) -> Stream:
    key, name, path, state, device, inode, start, offset, lines, pending, accepted, filtered, blank, salvaged, *rest = (
        row
    )
    stream = Stream(key, _path(name))
    stream.path = _path(path)
    stream.state = State(state)
    stream.device, stream.inode = int(device), int(inode)
    stream.start, stream.offset, stream.lines, stream.pending = start, offset, lines, pending
    total = accepted + filtered + blank + sum(rejected.values())
    stream.account = Account(total, accepted, rejected, filtered, blank, salvaged)
    stream.seen, head, stream.tail, stream.raw_size, stream.raw_proof, stream.raw_length, checksum, *times = rest
    stream.head = tuple(head.split())
    stream.checksum = int(checksum, 16)
    stream.first_seen, stream.last_seen = times
    stream.is_new = False
    return stream


def _stored(path: str) -> str | bytes:
    """Return a path as text, or as bytes where it is none."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def _path(stored: str | bytes) -> str:
    return os.fsdecode(stored)
