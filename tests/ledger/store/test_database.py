"""The file of a ledger: made for its owner, locked, checked, committed as a whole."""

import errno
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import faults
from eventcli.errors import OutputError
from eventcli.ledger.meaning import Meaning
from eventcli.ledger.store.database import Database
from eventcli.ledger.store.hold import BusyError, LedgerError
from eventcli.ledger.store.records import Setting
from eventcli.ledger.store.rows import Row
from eventcli.ledger.store.schema import APPLICATION_ID, VERSION
from eventcli.ledger.totals import totals
from eventcli.ledger.verify import check_sums

LEDGERS = Path(__file__).parents[2] / "ledgers"


def _new(path: Path, *rows: Row) -> Path:
    """Begin a ledger with some totals."""
    with Database.open_to_write(str(path), create=True) as database, database.transaction():
        database.create(Setting(name, value) for name, value in Meaning().settings().items())
        database.add_totals(rows)
    return path


def _row(name: str, value: str, *, integral: bool = False) -> Row:
    return name, "", 1, value, integral, value, value


def _read(path: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT type, start, count, sum, integral, min, max FROM totals").fetchall()
    connection.close()
    return rows


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    """A ledger is made with mode 0600, whatever the umask is."""
    umask = os.umask(0)
    try:
        path = _new(tmp_path / "ledger")
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_it_says_what_it_is(tmp_path: Path) -> None:
    """The header has the number of the application and the version of the schema."""
    head = _new(tmp_path / "ledger").read_bytes()[:100]
    assert int.from_bytes(head[68:72], "big") == APPLICATION_ID
    assert int.from_bytes(head[60:64], "big") == VERSION


def test_sums_are_exact_decimal_text(tmp_path: Path) -> None:
    """Numbers of any length add up without rounding, and are integers as long as all are."""
    path = _new(tmp_path / "ledger", _row("a", "9007199254740993", integral=True))
    for text, integral in (("9007199254740993", True), ("0.1", False), ("0." + "0" * 29 + "1", False)):
        with Database.open_to_write(str(path), create=False) as database, database.transaction():
            database.add_totals([_row("a", text, integral=integral)])
    total = "18014398509481986.100000000000000000000000000001"
    assert _read(path) == [("a", "", 4, total, 0, "0." + "0" * 29 + "1", "9007199254740993.0")]


@pytest.mark.parametrize("types", [0, 1, 99, 100, 101, 250])
def test_many_rows_add_up(types: int, tmp_path: Path) -> None:
    """However many rows are written at once, each is added to that of its own type, or to the one of all others."""
    rows = [_row(f"type {number:03}", str(number)) for number in range(types)]
    others: list[Row] = [(None, "", 2, "1.5", False, "0.5", "1.0"), (None, "x", 1, "7", True, "7", "7")]
    path = _new(tmp_path / "ledger", *rows)
    with Database.open_to_write(str(path), create=False) as database, database.transaction():
        database.add_totals([*rows[: types // 2], *others, *rows[types // 2 :]])
        database.add_totals(others[:1])
        assert list(database.rows()) == [
            *(
                (name, start, 2, f"{2 * int(value)}.0", 0, f"{value}.0", f"{value}.0")
                for name, start, _, value, *_ in rows
            ),
            (None, "", 4, "3.0", 0, "0.5", "1.0"),
            (None, "x", 1, "7", 1, "7", "7"),
        ]


def test_nothing_is_left_of_a_ledger_in_which_nothing_was_committed(tmp_path: Path) -> None:
    """A file that was begun and not committed is removed."""
    with Database.open_to_write(str(tmp_path / "ledger"), create=True):
        pass
    assert os.listdir(tmp_path) == []


def test_a_failed_transaction_changes_nothing(tmp_path: Path) -> None:
    """An error within a transaction leaves the file as it was, byte for byte."""
    path = _new(tmp_path / "ledger", _row("a", "1"))
    before = path.read_bytes()
    with Database.open_to_write(str(path), create=False) as database:

        def fail() -> None:
            with database.transaction():
                database.add_totals([_row("b", "1")])
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
    assert path.read_bytes() == before


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold the lock in another process."""
    ready, done = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        with Database.open_to_write(str(path), create=True):
            os.write(ready[1], b"x")
            os.read(done[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    try:
        yield
    finally:
        os.write(done[1], b"x")
        os.waitpid(child, 0)
        for descriptor in (*ready, *done):
            os.close(descriptor)


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    """A second writer is told at once, readers are not kept away, and the lock ends with its process."""
    path = _new(tmp_path / "ledger")
    with _held(path):
        with pytest.raises(BusyError):
            Database.open_to_write(str(path), create=True)
        with Database.open_to_read(str(path)) as database:
            assert totals(database).types == {}
    with Database.open_to_write(str(path), create=True):
        pass


def test_waiting_for_the_other_one(tmp_path: Path) -> None:
    """Who waits gets the lock when the other process ends."""
    path = _new(tmp_path / "ledger")
    child = os.fork()
    if not child:
        with Database.open_to_write(str(path), create=True, wait=30):
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0


def test_a_transaction_of_another_program_is_busy(tmp_path: Path) -> None:
    """Where some other SQLite tool writes, a run ends as if another run held the ledger."""
    path = _new(tmp_path / "ledger")
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    with Database.open_to_write(str(path), create=True) as database, pytest.raises(BusyError), database.transaction():
        pass
    other.close()


def _foreign(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (x)")
    connection.close()


def _later(path: Path) -> None:
    connection = sqlite3.connect(_new(path))
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()


def _damaged(path: Path) -> None:
    data = bytearray(_new(path, *(_row(f"type {number}", "1") for number in range(500))).read_bytes())
    for page in range(4096, len(data), 4096):
        data[page : page + 100] = b"\xff" * 100
    path.write_bytes(data)


def _cut(path: Path) -> None:
    os.truncate(_new(path), 4096)


@pytest.mark.parametrize(
    "make",
    [
        _foreign,
        _later,
        _damaged,
        _cut,
        lambda path: path.write_bytes(b"text"),
        lambda path: path.write_bytes(b"x" * 5000),
    ],
)
@pytest.mark.parametrize("writes", [True, False])
def test_what_is_no_sound_ledger_is_refused_and_untouched(make: object, writes: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """Another file, another database, a later schema, damaged pages: a LedgerError, and not a byte is changed."""
    path = tmp_path / "ledger"
    make(path)  # type: ignore[operator]
    before = path.read_bytes()
    with pytest.raises(LedgerError):
        _ = Database.open_to_write(str(path), create=True) if writes else Database.open_to_read(str(path))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["ledger"]


def test_no_such_folder(tmp_path: Path) -> None:
    """A ledger in a folder that is not there cannot be written; one that is only to be read is not found."""
    path = str(tmp_path / "none" / "ledger")
    with pytest.raises(OutputError):
        Database.open_to_write(path, create=True)
    with pytest.raises(FileNotFoundError):
        Database.open_to_write(path, create=False)
    with pytest.raises(FileNotFoundError):
        Database.open_to_read(path)


@pytest.mark.skipif(not faults.is_possible(), reason="SQLite's system calls cannot be replaced here")
def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    """Where nothing can be written, an OutputError says so, and the ledger is as before."""
    path = _new(tmp_path / "ledger", _row("a", "1"))
    before = path.read_bytes()
    with Database.open_to_write(str(path), create=False) as database:
        full = faults.Faults(fail_with=errno.ENOSPC)
        try:
            with pytest.raises(OutputError), database.transaction():
                database.add_totals([_row("b", "1")])
        finally:
            full.undo()
    assert path.read_bytes() == before


def test_types_and_starts_of_any_kind(tmp_path: Path) -> None:
    """A type may be any text, also with commas, NUL and quotes; rows come in code-point order."""
    names = ["", "a,b", "a\0b", "'", '"', "\U0001f600", "é"]
    path = _new(tmp_path / "ledger", *(_row(name, "1") for name in names))
    with Database.open_to_read(str(path)) as database:
        assert [name for _, name, _ in database.totals({"": 0}, None)] == sorted(names)
        assert [name for _, name, _ in database.totals({"": 0}, ("a\0b", "none"))] == ["a\0b"]


@pytest.mark.parametrize("path", sorted(LEDGERS.glob("*.db")), ids=lambda path: path.stem)
def test_ledgers_of_released_versions_are_read(path: Path, tmp_path: Path) -> None:
    """A ledger as each version wrote it is brought up to date, and holds what it held."""
    copy = Path(shutil.copyfile(path, tmp_path / "ledger"))
    with Database.open_to_write(str(copy), create=False) as database:
        summary = totals(database)
        check_sums(database)
    assert str(summary.account) == "9 lines = 7 accepted + 1 rejected + 0 filtered + 1 blank (bad_value 1)"
    assert {name: (stats.count, str(stats.sum)) for name, stats in summary.types.items()} == {
        "page_view": (3, "3"),
        "purchase": (4, "40.35"),
    }


def test_there_is_a_ledger_of_this_version() -> None:
    """A ledger that was written with the present schema is kept, so that later versions can be tested with it."""
    assert (LEDGERS / f"v{VERSION}.db").exists()
