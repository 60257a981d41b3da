"""What a stream added is taken out exactly, and read again as if it had never been read."""

import gzip
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli.ledger.forget import forget, streams_of
from eventcli.ledger.meaning import MeaningError
from eventcli.ledger.store.database import Database
from eventcli.ledger.totals import totals
from eventcli.ledger.verify import check_sums
from logbook import BAD, LINES, Logbook
from outcome import printed
from process import Ended, run

LEDGERS = Path(__file__).parents[1] / "ledgers"


def line(name: str, value: int, hour: int = 10) -> bytes:
    """Return a line."""
    return b'{"type":"%s","value":%d,"occurred_at":"2020-10-06 %02d:00:00"}\n' % (name.encode(), value, hour)


@given(
    logs=st.lists(st.lists(LINES, max_size=5), min_size=1, max_size=3),
    repaired=st.integers(0, 3),
    chosen=st.sets(st.integers(0, 2), min_size=1),
    max_types=st.integers(1, 5),
)
def test_forgetting_and_reading_again_changes_nothing(
    body: str, logs: list[list[bytes]], repaired: int, chosen: set[int], max_types: int
) -> None:
    """What is taken out and what is left add up to the whole, the ledger is sound, and reading anew restores it."""
    assert body
    with Logbook(max_types=max_types) as book:
        names = [f"log {number}" for number in range(len(logs))]
        for number, lines in enumerate(logs):
            book.append([b'{"type":"a","value":%d}\n' % number, *lines, *BAD], f"log {number}")
        book.ingest(*names)
        whole = book.held()
        book.replay(book.repairs([b'{"type":"b","value":7}\n'] * repaired))
        before = book.held()
        with Database.open_to_write(str(book.ledger), create=False) as database:
            streams = [
                stream
                for number in sorted(chosen)
                if number < len(logs)
                for stream in streams_of(database, str(book.log(f"log {number}")))
            ]
            if not streams:
                return
            taken = forget(database, streams)
            taken.check()
            check_sums(database)
            assert taken.account + totals(database).account == before.account
        assert {verdict for _, verdict in book.verify()} <= {"proved", "unproved"}
        book.ingest(*names)
        if repaired == 0 or len(streams) == len(logs):
            assert book.held()[:4] == whole[:4]
        again = book.held()
        book.ingest(*names)
        assert book.held() == again


@pytest.fixture
def rotated(tmp_path: Path) -> Path:
    """Return a folder with a ledger of a log that was rotated, once between two runs."""
    (tmp_path / "app.log").write_bytes(line("a", 1) + line("b", 2) + b"bad\n")
    _ingest(tmp_path)
    (tmp_path / "app.log").rename(tmp_path / "app.log.1")
    (tmp_path / "app.log").write_bytes(line("c", 3) + line("a", 4, 11))
    _ingest(tmp_path)
    return tmp_path


def _ingest(folder: Path) -> Ended:
    return run("ingest", "--ledger", "l.db", "app.log", "-f", "csv", "--show-rejects", "0", cwd=folder)


def _totals(folder: Path) -> bytes:
    return run(
        "totals", "--ledger", "l.db", "--by", "hour", "-f", "csv", "--stats", "count,sum,min,max", cwd=folder
    ).stdout


def _forget(folder: Path, *names: str) -> Ended:
    return run("forget", "--ledger", "l.db", *names, "-f", "csv", cwd=folder)


def test_a_rotated_file_is_forgotten_and_read_anew(rotated: Path, body: str) -> None:
    """A rotated file is taken out by its path, printed as what it added, and read again, also when it is compressed."""
    assert body
    before = _totals(rotated)
    ended = _forget(rotated, "app.log.1")
    assert (ended.status, ended.stdout) == (0, b"type,count,sum\na,1,1\nb,1,2\n")
    assert "3 lines = 2 accepted + 1 rejected" in ended.stderr
    assert run("verify", "--ledger", "l.db", cwd=rotated).status == 0
    assert b"b,1,2" not in _totals(rotated)
    assert _ingest(rotated).stdout == b"type,count,sum\na,1,1\nb,1,2\n"
    assert _totals(rotated) == before
    path = rotated / "app.log.1"
    (rotated / "app.log.1.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    _ingest(rotated)
    assert _forget(rotated, "app.log.1.gz").status == 0
    _ingest(rotated)
    assert _totals(rotated) == before


def test_a_path_of_several_streams(rotated: Path) -> None:
    """Where a path stands for several streams, they are listed; a key names one, and --all all of them."""
    before = _totals(rotated)
    refused = _forget(rotated, "app.log")
    assert (refused.status, refused.stdout) == (2, b"")
    assert "2 streams were read there" in refused.stderr
    assert _totals(rotated) == before
    (key,) = [row.split()[1][:-1] for row in refused.stderr.splitlines() if "(live)" in row]
    assert _forget(rotated, key).stdout == b"type,count,sum\na,1,4\nc,1,3\n"
    assert _ingest(rotated).stdout == b"type,count,sum\na,1,4\nc,1,3\n"
    assert _forget(rotated, "app.log", "--all").stdout == b"type,count,sum\na,2,5\nb,1,2\nc,1,3\n"
    assert _totals(rotated) == b"start,type,count,sum,min,max\n"
    other = run("ingest", "--ledger", "l.db", "app.log", "--granularity", "day", cwd=rotated)
    assert other.status == 0  # nothing was added, so that settings can be changed
    assert (
        b"2020-10-06T00:00:00+00:00,a,2,5,1,4"
        in run(
            "totals", "--ledger", "l.db", "--by", "day", "-f", "csv", "--stats", "count,sum,min,max", cwd=rotated
        ).stdout
    )


def test_an_unknown_name(rotated: Path) -> None:
    """A name that the ledger does not know is wrong usage."""
    ended = _forget(rotated, "other.log")
    assert ended.status == 2
    assert "no stream of this key or path" in ended.stderr


def test_an_edited_log_is_counted_once_again(tmp_path: Path, body: str) -> None:
    """Once the old reading of a log that was edited is forgotten, the totals are those of the log."""
    assert body
    log = tmp_path / "app.log"
    log.write_bytes(line("a", 1) + line("secret", 2) + line("c", 3))
    _ingest(tmp_path)
    (tmp_path / "new").write_bytes(line("a", 1) + line("c", 3) + line("d", 4))
    (tmp_path / "new").replace(log)
    assert _forget(tmp_path, "app.log").status == 0
    assert _ingest(tmp_path) == Ended(0, b"type,count,sum\na,1,1\nc,1,3\nd,1,4\n", "")
    (tmp_path / "new").write_bytes(line("c", 3) + line("d", 4))
    (tmp_path / "new").replace(log)
    lost = _ingest(tmp_path)
    assert lost.status == 3
    listed = _forget(tmp_path, "app.log").stderr.splitlines()
    (key,) = [row.split()[1][:-1] for row in listed if "(lost)" in row]
    assert _forget(tmp_path, key).status == 0
    shown = run("totals", "--ledger", "l.db", "-f", "csv", cwd=tmp_path)
    assert shown == Ended(0, b"type,count,sum\nc,1,3\nd,1,4\n", "")


def test_what_an_earlier_version_added_cannot_be_taken_out(tmp_path: Path) -> None:
    """Of a stream that was counted before streams were kept apart, nothing is taken out, and the reason is said."""
    shutil.copyfile(LEDGERS / "v1.db", tmp_path / "l.db")
    with Database.open_to_write(str(tmp_path / "l.db"), create=False) as database:
        before = printed(totals(database))
        streams = database.streams()
        with pytest.raises(MeaningError, match="an earlier version"):
            forget(database, streams)
        assert printed(totals(database)) == before
    ended = run("forget", "--ledger", "l.db", streams[0].key, cwd=tmp_path)
    assert ended.status == 2
    assert "a new ledger can be begun" in ended.stderr
