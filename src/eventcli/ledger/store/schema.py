"""The tables of a ledger, the proof of each row, and the migrations from earlier versions.

Every table has plain names; docs/ledger.md documents them. Each row ends with `proof`, the CRC-32 of all its other
columns: it reveals a bit that flipped on disk and a number that another program changed.
"""

import re
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Final

from eventcli.ledger.store import layout
from eventcli.ledger.store.layout import Kept

APPLICATION_ID: Final = 0x65767374
"""`evst`: how `file` and SQLite recognise a ledger."""

VERSION: Final = 3
"""The version of the schema, kept as `user_version`."""

PRUNED: Final = 0
"""The id of the row of `streams` that sums up all pruned streams."""

TOTALS: Final = ("totals", "other_totals")
"""The tables that grow with types and time: they are proved when read, all others each time a ledger is opened."""

# No row is looked up through an index, since no proof covers one: tables have no row ids, or are read whole.
_CELL: Final = "stream INTEGER NOT NULL, {states}, proof INTEGER NOT NULL"

_TABLES: Final[Mapping[str, str]] = {
    "settings": "(name TEXT PRIMARY KEY, value TEXT NOT NULL, proof INTEGER NOT NULL) WITHOUT ROWID",
    # `attributed` says whether `totals` keeps the whole contribution of the stream apart.
    "streams": """(
        id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, name NOT NULL, path NOT NULL,
        state TEXT NOT NULL, device TEXT NOT NULL, inode TEXT NOT NULL,
        born INTEGER NOT NULL, modified INTEGER NOT NULL,
        start INTEGER NOT NULL, "offset" INTEGER NOT NULL, last_line INTEGER NOT NULL, pending INTEGER NOT NULL,
        accepted INTEGER NOT NULL, filtered INTEGER NOT NULL, blank INTEGER NOT NULL, salvaged INTEGER NOT NULL,
        seen INTEGER NOT NULL, head TEXT NOT NULL, tail TEXT NOT NULL,
        raw_size INTEGER NOT NULL, raw_proof TEXT NOT NULL, raw_length INTEGER NOT NULL, checksum TEXT NOT NULL,
        first_seen TEXT NOT NULL, last_seen TEXT NOT NULL, attributed INTEGER NOT NULL, proof INTEGER NOT NULL)""",
    "rejected": """(
        stream INTEGER NOT NULL REFERENCES streams (id), reason TEXT NOT NULL, count INTEGER NOT NULL,
        proof INTEGER NOT NULL, PRIMARY KEY (stream, reason)) WITHOUT ROWID""",
    "totals": f"(type TEXT NOT NULL, start TEXT NOT NULL, {_CELL}, PRIMARY KEY (type, start, stream)) WITHOUT ROWID",
    "other_totals": f"(start TEXT NOT NULL, {_CELL}, PRIMARY KEY (start, stream)) WITHOUT ROWID",
    "rejects": """(
        stream INTEGER NOT NULL REFERENCES streams (id), "offset" INTEGER NOT NULL, line INTEGER NOT NULL,
        length INTEGER NOT NULL, reason TEXT NOT NULL, raw BLOB NOT NULL, proof INTEGER NOT NULL,
        PRIMARY KEY (stream, "offset")) WITHOUT ROWID""",
    "replayed": """(
        stream INTEGER NOT NULL, "offset" INTEGER NOT NULL, reason TEXT NOT NULL, outcome TEXT NOT NULL,
        type TEXT, start TEXT, value TEXT, integral INTEGER, replayed_at TEXT NOT NULL, proof INTEGER NOT NULL,
        PRIMARY KEY (stream, "offset")) WITHOUT ROWID""",
    "discontinuities": """(
        id INTEGER PRIMARY KEY, stream INTEGER NOT NULL, name TEXT NOT NULL, "offset" INTEGER NOT NULL,
        noticed_at TEXT NOT NULL, message TEXT NOT NULL, settled TEXT NOT NULL, kind TEXT NOT NULL,
        proof INTEGER NOT NULL)""",
    "runs": """(
        id INTEGER PRIMARY KEY, started_at TEXT NOT NULL, seconds REAL NOT NULL, bytes INTEGER NOT NULL,
        accepted INTEGER NOT NULL, rejected INTEGER NOT NULL, filtered INTEGER NOT NULL, blank INTEGER NOT NULL,
        pending INTEGER NOT NULL, discontinuities INTEGER NOT NULL, status INTEGER, proof INTEGER NOT NULL)""",
    # Only queues have a row: the position of a file is the offset of its stream.
    "positions": "(stream INTEGER PRIMARY KEY REFERENCES streams (id), position TEXT NOT NULL, proof INTEGER NOT NULL)",
    # By day first: the keys of a commit are neighbours, and so are those to delete. Measured at a million keys: a
    # commit of 1,000 takes 9 ms instead of 46, and deleting a fifth of them 0.07 s instead of 1.3.
    "messages": """(
        stream INTEGER NOT NULL REFERENCES streams (id), day INTEGER NOT NULL, message TEXT NOT NULL,
        proof INTEGER NOT NULL, PRIMARY KEY (stream, day, message)) WITHOUT ROWID""",
    # What runs added and could not print: saved summaries.
    "unshown": "(id INTEGER PRIMARY KEY, summary BLOB NOT NULL, proof INTEGER NOT NULL)",
}

_COLUMNS: Final[Mapping[str, str]] = {
    "settings": "name value",
    "streams": "id key name path state device inode born modified start offset last_line pending accepted filtered"
    " blank salvaged seen head tail raw_size raw_proof raw_length checksum first_seen last_seen attributed",
    "rejected": "stream reason count",
    "totals": "type start stream {states}",
    "other_totals": "start stream {states}",
    "rejects": "stream offset line length reason raw",
    "replayed": "stream offset reason outcome type start value integral replayed_at",
    "discontinuities": "id stream name offset noticed_at message settled kind",
    "runs": "id started_at seconds bytes accepted rejected filtered blank pending discontinuities status",
    "positions": "stream position",
    "messages": "stream day message",
    "unshown": "id summary",
}

_HINTS: Final = frozenset((("streams", "first_seen"), ("streams", "last_seen")))
"""Columns that no number depends on and no proof covers: a clock only says what time it believes it is."""

_FREE: Final = frozenset(("type", "value", "name", "path", "key", "message", "raw", "summary", "head", "position"))
"""Columns that may hold any bytes, including NUL, where `printf` would stop."""

_NULLABLE: Final = frozenset(
    (("replayed", "type"), ("replayed", "start"), ("replayed", "value"), ("replayed", "integral"), ("runs", "status"))
)


def _names(table: str, kept: Kept) -> list[str]:
    return _COLUMNS[table].format(states=" ".join(layout.columns(kept))).split()


def columns(table: str, kept: Kept = ()) -> tuple[str, ...]:
    """Return the names of the columns of a table except `proof`, quoted; `kept` are optional aggregates in totals."""
    return tuple(f'"{name}"' for name in _names(table, kept))


def proof(table: str, values: Mapping[str, str] = {}, kept: Kept = ()) -> str:  # only read
    """Return the SQL that computes the proof of a row from its columns, or from `values` in their place.

    `printf` takes half the time of `||`, which accounts for half of the total with very many rows.
    """
    plain: list[str] = []
    free: list[str] = []
    for name in _names(table, kept):
        if (table, name) in _HINTS:
            continue
        value = values.get(name, f'"{name}"')
        if (table, name) in _NULLABLE:
            value = f"ifnull('=' || {value}, '-')"
        (free if name in _FREE else plain).append(value)
    head = f"printf('{' %s' * len(plain)}', {', '.join(plain)})" if plain else "''"
    # Lengths separate values that may end in any bytes.
    tail = "".join(f" || ' ' || length({value}) || ' ' || {value}" for value in free[:-1])
    tail += f" || ' ' || {free[-1]}" if free else ""
    return f"crc32(CAST({head}{tail} AS BLOB))"


@cache
def insertion(table: str, verb: str = "INSERT") -> str:
    """Return the SQL that inserts one row with its proof; its columns are named parameters."""
    names = columns(table)
    given = ", ".join(f":{name[1:-1]} AS {name}" for name in names)
    return f"{verb} INTO {table} ({', '.join(names)}, proof) SELECT *, {proof(table)} FROM (SELECT {given})"  # noqa: S608  # constants


@cache
def sealing(table: str, condition: str) -> str:
    """Return the SQL that recomputes the proof of the rows that match a condition."""
    return f"UPDATE {table} SET proof = {proof(table)} WHERE {condition}"  # noqa: S608  # constants


def add_functions(connection: sqlite3.Connection) -> None:
    """Register the functions that proofs and totals need on a connection."""
    connection.create_function("crc32", 1, zlib.crc32, deterministic=True)
    layout.add_functions(connection)


def create(connection: sqlite3.Connection, kept: Kept = ()) -> None:
    """Create the tables of a new ledger that keeps these optional aggregates."""
    for statement in _creation(kept):
        connection.execute(statement)


def keep(connection: sqlite3.Connection, kept: Kept) -> None:
    """Recreate the empty tables of totals for these optional aggregates."""
    for name in TOTALS:
        connection.execute(f"DROP TABLE {name}")
        connection.execute(_definition(name, kept))


def _creation(kept: Kept) -> Iterator[str]:
    for name in _TABLES:
        yield _definition(name, kept)
    row = (PRUNED, "", "", "", "pruned", "0", "0", *[0] * 11, "", "", 0, "", 0, "0", "", "", 1)
    yield f"INSERT INTO streams VALUES ({', '.join(map(repr, row))}, 0)"  # noqa: S608  # constants
    yield sealing("streams", f"id = {PRUNED}")
    yield f"PRAGMA application_id = {APPLICATION_ID}"
    yield f"PRAGMA user_version = {VERSION}"


@cache
def _definition(name: str, kept: Kept = ()) -> str:
    definition = _TABLES[name].replace("{states}", layout.definition(kept))
    return f"CREATE TABLE {name} {definition}"


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Migrate a ledger of an earlier version, within a transaction."""
    for number in range(version, VERSION):
        _MIGRATIONS[number](connection)
    connection.execute(f"PRAGMA user_version = {VERSION}")


def _from_1(connection: sqlite3.Connection) -> None:
    """Prove every row, and keep each stream's contribution apart from now on; earlier ones belong to no stream."""
    later = ("positions", "messages")
    old = [name for name in _TABLES if name not in ("unshown", *later)]
    for name in old:
        connection.execute(f"ALTER TABLE {name} RENAME TO old_{name}")
    for name in _TABLES:
        if name not in later:
            connection.execute(_definition(name))
    # A stream that added nothing can be forgotten like any other.
    is_kept_apart = f"id = {PRUNED} OR (accepted = 0 AND NOT EXISTS (SELECT 1 FROM old_replayed WHERE stream = id))"  # noqa: S608
    added: Mapping[tuple[str, str], str] = {
        ("streams", "attributed"): is_kept_apart,
        ("streams", "born"): "0",
        ("streams", "modified"): "0",
        ("discontinuities", "kind"): "'lost'",
        ("totals", "stream"): str(PRUNED),
        ("other_totals", "stream"): str(PRUNED),
    }
    for name in old:
        names = _names(name, ())
        values = ", ".join(f'{added.get((name, one), f"{chr(34)}{one}{chr(34)}")} AS "{one}"' for one in names)
        quoted = ", ".join(columns(name))
        connection.execute(
            f"INSERT INTO {name} ({quoted}, proof) SELECT *, {proof(name)} FROM (SELECT {values} FROM old_{name})"  # noqa: S608  # constants
        )
    connection.execute(
        "UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'old_streams')"
        " WHERE name = 'streams'"
    )
    for name in reversed(old):  # those that refer to others first
        connection.execute(f"DROP TABLE old_{name}")


def _from_2(connection: sqlite3.Connection) -> None:
    """Add what queues need."""
    for name in ("positions", "messages"):
        connection.execute(_definition(name))


_MIGRATIONS: Final = {1: _from_1, 2: _from_2}


def fault(connection: sqlite3.Connection) -> str | None:
    """Return what is wrong with the tables, or with a row in all but those of totals; None if nothing is."""
    found = dict(connection.execute("SELECT name, sql FROM main.sqlite_master WHERE type = 'table'"))
    for name in _TABLES:
        if name not in TOTALS and found.get(name) != _definition(name):
            return f"the table {name} is not what it was"
    if connection.execute(f"SELECT count(*) FROM streams WHERE id = {PRUNED}").fetchone()[0] != 1:  # noqa: S608
        return "a row of streams is not there"
    false = _false_row(connection, [name for name in _TABLES if name not in (*TOTALS, "runs", "messages")])
    if false:
        return false
    kept = layout.kept_in(connection)
    # What a later version keeps cannot be examined here.
    changed = [name for name in TOTALS if found.get(name) != _definition(name, kept) and not layout.unknown(kept)]
    return f"the table {changed[0]} is not what it was" if changed else None


def fault_of_runs(connection: sqlite3.Connection) -> str | None:
    """Return what is wrong with the records of runs, which no total depends on."""
    return _false_row(connection, ("runs",))


def fault_of_messages(connection: sqlite3.Connection) -> str | None:
    """Return what is wrong with the keys of messages, which can be very many."""
    return _false_row(connection, ("messages",))


def fault_of_totals(connection: sqlite3.Connection) -> str | None:
    """Return the same for the tables of totals: wrong rows, or a number of events that no streams added up to."""
    found = _false_row(connection, TOTALS, layout.kept_in(connection))
    if found:
        return f"the totals are not what the streams added: {found}"
    apart = {number for (number,) in connection.execute("SELECT id FROM streams WHERE attributed")}
    events: dict[int, int] = {}
    for query, sign in (
        ("SELECT stream, sum(count) FROM totals GROUP BY stream", 1),
        ("SELECT stream, sum(count) FROM other_totals GROUP BY stream", 1),
        ("SELECT id, accepted FROM streams WHERE accepted", -1),
        ("SELECT stream, count(*) FROM replayed WHERE outcome = 'accepted' GROUP BY stream", -1),
    ):
        for stream, count in connection.execute(query):
            place = stream if stream in apart else PRUNED
            events[place] = events.get(place, 0) + sign * count
    return "the totals are not what the streams added" if any(events.values()) else None


def _is_of_other_kind(table: str, kept: Kept) -> str:
    """Return the SQL that detects a text stored as a blob, or a blob as a text: texts sort before all blobs."""
    definition = _definition(table, kept)
    texts = re.findall(r'(\w+)"? TEXT', definition)
    blobs = re.findall(r'(\w+)"? BLOB', definition)
    return " OR ".join([f"\"{name}\" >= x''" for name in texts] + [f"\"{name}\" < x''" for name in blobs] or ["false"])


@cache
def _has_false_row(table: str, kept: Kept) -> str:
    is_false = f"proof IS NOT {proof(table, kept=kept)} OR {_is_of_other_kind(table, kept)}"
    return f"SELECT EXISTS (SELECT 1 FROM {table} WHERE {is_false})"  # noqa: S608  # constants


def _false_row(connection: sqlite3.Connection, tables: Iterable[str], kept: Kept = ()) -> str | None:
    for name in tables:
        (false,) = connection.execute(_has_false_row(name, kept)).fetchone()
        if false:
            return f"a row of {name} is not what was written"
    return None
