"""Every row of a ledger is proved, and one of an earlier version becomes one of this version."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from eventcli.database import Database, LedgerError
from eventcli.ledger import check_sums, totals
from eventcli.schema import VERSION, columns

LEDGERS = Path(__file__).parent / "ledgers"

TABLES = (
    "settings",
    "streams",
    "rejected",
    "totals",
    "other_totals",
    "rejects",
    "replayed",
    "discontinuities",
    "runs",
    "unshown",
)

FILL = {
    "other_totals": "SELECT '', 0, 1, '1', 1, '1', '1', 0",
    "discontinuities": "SELECT 1, 1, 'a', 1, '', '', '', '', 0",
    "unshown": "SELECT 1, x'00', 0",
}


def _numbers(connection: sqlite3.Connection, table: str) -> list[str]:
    names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[1] != "proof"]
    assert [f'"{name}"' for name in names] == list(columns(table))
    return names


@pytest.mark.parametrize("table", TABLES)
def test_every_column_is_proved(table: str, tmp_path: Path) -> None:
    """Whatever is changed in whatever row is found by whoever reads it; only what a clock believes is not proved."""
    path = tmp_path / "ledger"
    shutil.copyfile(LEDGERS / f"v{VERSION}.db", path)
    connection = sqlite3.connect(path)
    if table in FILL:
        # Without a proof, which is a change, too.
        connection.execute(f"INSERT INTO {table} {FILL[table]}")  # constants
        connection.commit()
        with pytest.raises(LedgerError):
            _read(path)
        return
    for name in _numbers(connection, table):
        if table == "streams" and name in ("first_seen", "last_seen"):
            continue
        shutil.copyfile(LEDGERS / f"v{VERSION}.db", path)
        connection = sqlite3.connect(path)
        row = connection.execute(f"SELECT * FROM {table}").fetchall()[-1]  # noqa: S608  # constants
        same = " AND ".join(f"{column} IS ?" for column in (*columns(table), "proof"))
        connection.execute(f'UPDATE {table} SET "{name}" = 77 WHERE {same}', row)  # noqa: S608  # constants
        connection.commit()
        connection.close()
        with pytest.raises(LedgerError, match="damaged"):
            _read(path)


def _read(path: Path) -> None:
    with Database.open_to_read(str(path)) as database:
        totals(database)
        database.last_run()


@pytest.mark.parametrize("version", range(1, VERSION))
def test_a_reader_does_not_change_an_earlier_version(version: int, tmp_path: Path) -> None:
    """An earlier version is read without being changed; the first run that writes brings it up to date."""
    path = tmp_path / "ledger"
    shutil.copyfile(LEDGERS / f"v{version}.db", path)
    before = path.read_bytes()
    path.chmod(0o400)
    with Database.open_to_read(str(path)) as database:
        read = totals(database)
        check_sums(database)
    assert path.read_bytes() == before
    path.chmod(0o600)
    with Database.open_to_write(str(path), create=False) as database:
        assert totals(database) == read
        assert database.attributed() == {0}
    assert int.from_bytes(path.read_bytes()[60:64], "big") == VERSION
    with Database.open_to_read(str(path)) as database:
        assert totals(database) == read
        check_sums(database)
    connection = sqlite3.connect(path)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")]
    connection.close()
    assert tables == sorted((*TABLES, "sqlite_sequence"))
