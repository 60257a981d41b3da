"""Every row of a ledger is proved, and one of an earlier version becomes one of this version."""

import os
import random
import shutil
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from eventcli.ledger.ingest import Ingest
from eventcli.ledger.meaning import meaning_of
from eventcli.ledger.replay import rejects, replay
from eventcli.ledger.store.database import Database
from eventcli.ledger.store.hold import LedgerError
from eventcli.ledger.store.schema import VERSION, columns
from eventcli.ledger.totals import totals
from eventcli.ledger.verify import check_sums
from eventcli.lines.query import Calendar
from eventcli.lines.rejected import Repair
from outcome import printed

LEDGERS = Path(__file__).parents[2] / "ledgers"

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
    "positions",
    "messages",
    "unshown",
)

FILL = {
    "other_totals": "SELECT '', 0, 1, '1', 1, '1', '1', 0",
    "discontinuities": "SELECT 1, 1, 'a', 1, '', '', '', '', 0",
    "positions": "SELECT 1, '0-1', 0",
    "messages": "SELECT 1, 1, 'a', 0",
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
        database.messages.counted(database.streams()[0].key, [])


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_a_run_adds_to_what_an_earlier_version_counted(body: str, version: int, tmp_path: Path) -> None:
    """A run on a ledger that lacks settings of later versions keeps all that was added, and adds to it."""
    assert body
    path, log = tmp_path / "ledger", tmp_path / "new.log"
    shutil.copyfile(LEDGERS / f"v{version}.db", path)
    log.write_text('{"type":"purchase","value":0.25}\n{"type":"new","value":1}\n', encoding="utf-8")
    with Database.open_to_read(str(path)) as database:
        before = totals(database)
    with Database.open_to_write(str(path), create=False) as database:
        Ingest(database, meaning_of(database, {})).run([str(log)])
        after = totals(database)
        check_sums(database)
    assert before.account.accepted
    assert after.account.accepted == before.account.accepted + 2
    assert after["purchase"].sum == before["purchase"].sum + Decimal("0.25")
    assert {name: after[name] for name in before.types if name != "purchase"} == {
        name: before[name] for name in before.types if name != "purchase"
    }


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
        assert (database.attributed() == {0}) == (version == 1)
    assert int.from_bytes(path.read_bytes()[60:64], "big") == VERSION
    with Database.open_to_read(str(path)) as database:
        assert totals(database) == read
        check_sums(database)
    connection = sqlite3.connect(path)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")]
    connection.close()
    assert tables == sorted((*TABLES, "sqlite_sequence"))


FLIPS = int(os.environ.get("EVENTSTATS_FLIPS", "400"))
"""How many bits are flipped; 5,000 by hand."""


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a ledger with all that one can hold: rejects, repaired lines, a discontinuity, more types than rows."""
    folder = tmp_path_factory.mktemp("flips")
    random_ = random.Random(3)

    def write(name: str, lines: int) -> None:
        with (folder / name).open("w", encoding="utf-8") as file:
            for _ in range(lines):
                value = '"x"' if random_.random() < 0.05 else f"{random_.randrange(1000)}.{random_.randrange(100):02}"
                hour = f"2020-10-0{random_.randrange(1, 4)} {random_.randrange(24):02}:00:00"
                name = random_.choice(("page_view", "purchase", "z", "y", "x"))
                file.write(
                    f'{{"type":"{name}","value":{value},"occurred_at":"{hour}","n":{random_.getrandbits(40)}}}\n'
                )

    def ingest(*names: str) -> None:
        with Database.open_to_write(str(folder / "l.db"), create=True) as database:
            Ingest(database, meaning_of(database, {"max_types": 4})).run([str(folder / name) for name in names])

    write("app.log", 900)
    ingest("app.log")
    (folder / "app.log").rename(folder / "app.log.1")
    write("app.log", 600)
    ingest("app.log")
    write("app.log", 300)
    write("b.log", 200)
    ingest("app.log", "b.log")
    with Database.open_to_write(str(folder / "l.db"), create=False) as database:
        kept = [one for _, one in database.rejects()][:20]
        repairs = [Repair(one.stream, one.offset, one.reason, one.raw.replace(b'"x"', b"12.50"), "") for one in kept]
        replay(database, repairs, lambda _: None)
        with database.transaction():
            database.put_unshown(b"kept")
    return folder / "l.db"


def _all_of(path: Path) -> list[object]:
    """Return whatever a ledger says."""
    with Database.open_to_read(str(path)) as database:
        whole, hourly = totals(database), totals(database, calendar=Calendar("hour", "UTC"))
        check_sums(database)
        return [
            printed(whole),
            printed(hourly),
            whole.account,
            list(whole.sources),
            list(rejects(database)),
            list(database.replays()),
            database.discontinuities(),
            database.settings(),
            database.unshown(),
            database.last_run(),
        ]


def test_a_flipped_bit_changes_no_answer(ledger: Path, tmp_path: Path) -> None:
    """Whichever bit of a ledger flips, it says what it said before, or that it is damaged; nothing else is raised."""
    data = ledger.read_bytes()
    path = tmp_path / "l.db"
    shutil.copyfile(ledger, path)
    whole = _all_of(path)
    random_ = random.Random(FLIPS)
    outcomes = {"the same": 0, "damaged": 0}
    for _ in range(FLIPS):
        place, bit = random_.randrange(len(data)), random_.randrange(8)
        path.write_bytes(data[:place] + bytes((data[place] ^ 1 << bit,)) + data[place + 1 :])
        try:
            assert _all_of(path) == whole, f"bit {bit} of byte {place}"
        except LedgerError:
            outcomes["damaged"] += 1
        else:
            outcomes["the same"] += 1
    assert min(outcomes.values()) > FLIPS / 20
