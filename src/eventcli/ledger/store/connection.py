"""A connection to the file of a ledger: its checks, migrations, functions and errors."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from eventcli.errors import OutputError
from eventcli.ledger.store import layout, schema
from eventcli.ledger.store.hold import HEADER, BusyError, LedgerError
from eventcli.ledger.store.schema import APPLICATION_ID, VERSION
from eventcli.text import name_of

MAGIC: Final = b"SQLite format 3\0"

PATIENCE: Final = 30.0
"""Seconds that a reader waits for a transaction, and that a run waits for readers before it reads anything."""

_SLICE: Final = 500
"""Milliseconds that SQLite itself waits; signals are handled in between. It admits no new readers meanwhile."""

_CHECKED: Final = 8 * 1024 * 1024
"""Up to this size, a ledger is checked for damage each time it is opened."""

TOO_OLD: Final = "this program is too old, a later version wrote it"


class UnwritableError(OutputError):
    """The ledger could not be written; it is unchanged."""


def is_ledger(head: bytes) -> bool:
    """Whether a file that begins with these bytes is an SQLite database."""
    return head.startswith(MAGIC)


def connect(path: str, mode: str) -> sqlite3.Connection:
    """Open a connection with the settings and functions of a ledger."""
    quoted = os.path.realpath(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return prepare(sqlite3.connect(f"file:{quoted}?mode={mode}", uri=True, isolation_level=None, timeout=_SLICE / 1000))


def prepare(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Configure a connection to a ledger, and return it."""
    connection.row_factory = sqlite3.Row
    try:
        # Not FULL: with that, the deletion of the journal, which is the commit, is not on disk yet when a client or a
        # broker hears of it. Measured: a commit takes 34 ms instead of 27 on a busy disk.
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        schema.add_functions(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def wait_for(connection: sqlite3.Connection, statement: str, seconds: float) -> Any:
    """Execute a statement as soon as others permit, within `seconds`; return the first value of its result."""
    deadline = time.monotonic() + seconds
    while True:
        left = max(0.0, deadline - time.monotonic())
        connection.execute(f"PRAGMA busy_timeout = {min(_SLICE, int(left * 1000)):d}")
        try:
            row = connection.execute(statement).fetchone()
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or not left:
                raise
        else:
            connection.execute(f"PRAGMA busy_timeout = {int(PATIENCE * 1000):d}")
            return row and row[0]


def _is_busy(error: sqlite3.Error) -> bool:
    return _kind(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _kind(error: sqlite3.Error) -> int:
    """Return the primary result code: the lower byte of the code; the others add detail."""
    return (getattr(error, "sqlite_errorcode", None) or sqlite3.SQLITE_ERROR) & 0xFF


def check_header(path: str, head: bytes) -> None:
    """Raise LedgerError if the file is anything else, before SQLite examines it."""
    name = name_of(path)
    if not is_ledger(head) or len(head) < HEADER:
        raise LedgerError(f"{name}: not a ledger")
    if int.from_bytes(head[68:72], "big") != APPLICATION_ID:
        raise LedgerError(f"{name}: an SQLite database, but not a ledger")
    _check_version(path, int.from_bytes(head[60:64], "big"))


def _check_version(path: str, version: int) -> None:
    if not 1 <= version <= VERSION:
        raise LedgerError(
            f"{name_of(path)}: a ledger with schema version {version}: {TOO_OLD}, it knows versions up to {VERSION}"
        )


def check(connection: sqlite3.Connection, path: str) -> int:
    """Return the version of the schema; LedgerError if the file is not a sound ledger."""
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise LedgerError(f"{name_of(path)}: not a ledger")
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    _check_version(path, version)
    if os.path.getsize(path) <= _CHECKED:
        check_pages(connection, path, "quick_check")
    return version


def check_rows(connection: sqlite3.Connection, path: str) -> None:
    """Raise LedgerError unless the checksum of every row is right."""
    fault = schema.fault(connection)
    if fault:
        raise LedgerError(f"{name_of(path)}: damaged: {fault}")
    later = layout.unknown(layout.kept_in(connection))
    if later:
        raise LedgerError(f"{name_of(path)}: it keeps {later!r} of each type: {TOO_OLD}")


def bring_up_to_date(connection: sqlite3.Connection, version: int) -> None:
    """Migrate the file to the schema of this version, in one transaction."""
    wait_for(connection, "BEGIN EXCLUSIVE", PATIENCE)
    try:
        schema.migrate(connection, version)
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def up_to_date_copy(connection: sqlite3.Connection, version: int) -> sqlite3.Connection:
    """Return an in-memory copy of a ledger that must not be changed, migrated to the current schema."""
    copy = prepare(sqlite3.connect(":memory:", isolation_level=None))
    try:
        connection.backup(copy)
        bring_up_to_date(copy, version)
    except BaseException:
        copy.close()
        raise
    connection.close()
    return copy


def has_journal(path: str) -> bool:
    """Whether a transaction was interrupted and still has to be rolled back."""
    return os.path.exists(f"{os.path.realpath(path)}-journal")


def check_pages(connection: sqlite3.Connection, path: str, pragma: str) -> None:
    """Raise LedgerError if SQLite finds damaged pages."""
    (found,) = connection.execute(f"PRAGMA {pragma}(1)").fetchone()
    if found != "ok":
        raise LedgerError(f"{name_of(path)}: damaged: {' '.join(found.split())}")


@contextmanager
def errors(path: str) -> Iterator[None]:
    """Translate an error of SQLite into the matching exception."""
    try:
        yield
    except UnicodeDecodeError as error:
        # SQLite's message repeats the bytes it cannot interpret.
        raise LedgerError(f"{name_of(path)}: damaged: its tables cannot be read") from error
    except sqlite3.Error as error:
        kind = _kind(error)
        if _is_busy(error):
            raise BusyError(
                f"{name_of(path)}: another program is using the ledger; --wait SECONDS waits longer"
            ) from error
        if kind == sqlite3.SQLITE_CONSTRAINT:
            raise LedgerError(f"{name_of(path)}: damaged: a row is not what was written") from error
        if kind in (
            sqlite3.SQLITE_READONLY,
            sqlite3.SQLITE_FULL,
            sqlite3.SQLITE_IOERR,
            sqlite3.SQLITE_CANTOPEN,
            sqlite3.SQLITE_PERM,
        ):
            raise UnwritableError(name_of(path), OSError(str(error))) from error
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.ProgrammingError):
            raise LedgerError(f"{name_of(path)}: damaged: {error}") from error
        raise
