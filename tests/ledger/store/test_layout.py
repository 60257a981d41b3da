"""The totals of a ledger hold the states of its aggregates exactly; of one that it does not keep, it says why not."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from process import Ended, run

Go = Callable[..., Ended]

STATS: Final = ("-f", "csv", "--stats", "count,stddev,stddev_pop")

LEDGERS: Final = Path(__file__).parents[2] / "ledgers"

CURE: Final = "begin a new ledger with it, or take out all that was added with `eventstats forget`"


def lines(*values: object, hour: int = 10, name: str = "a") -> bytes:
    """Return lines of one type in one hour."""
    return b"".join(
        f'{{"type":"{name}","value":{value},"occurred_at":"2020-10-06T{hour:02}:00:00Z"}}\n'.encode()
        for value in values
    )


@pytest.fixture
def go(body: str, tmp_path: Path) -> Go:
    """Return what runs a command with the ledger `l.db`."""
    assert body

    def go(command: str, *args: str) -> Ended:
        return run(command, "--ledger", "l.db", *args, cwd=tmp_path)

    return go


def printed(ended: Ended) -> str:
    """Return what a command printed that ended well."""
    assert (ended.status, ended.stderr) == (0, "")
    return ended.stdout.decode()


def test_many_runs_come_to_one_deviation(go: Go, tmp_path: Path) -> None:
    """What runs, streams, hours and rotations add comes to the deviation of all values; one run asks for all."""
    log = tmp_path / "app.log"
    log.write_bytes(lines(1, 2.5))
    assert printed(go("ingest", "app.log", *STATS)) == "type,count,stddev,stddev_pop\na,2,1.0606601717798213,0.75\n"
    log.rename(tmp_path / "app.log.1")
    log.write_bytes(lines(4, hour=11))
    assert printed(go("ingest", "app.log", "-f", "csv")) == "type,count,sum\na,1,4\n"
    (tmp_path / "b.log").write_bytes(lines("1e300", "-1e300", hour=11, name="b") + lines(7, name="c"))
    assert printed(go("ingest", "b.log", "--stats", "stddev_pop", "-f", "csv")) == (
        f"type,stddev_pop\nb,1{300 * '0'}.0\nc,0.0\n"
    )
    totals = printed(go("totals", *STATS))
    assert totals.splitlines()[1] == "a,3,1.5,1.224744871391589"
    assert totals.splitlines()[3] == "c,1,,0.0"
    assert printed(go("totals", *STATS, "--by", "hour", "-t", "a")).splitlines()[1:] == [
        "2020-10-06T10:00:00+00:00,a,2,1.0606601717798213,0.75",
        "2020-10-06T11:00:00+00:00,a,1,,0.0",
    ]
    metrics = printed(go("totals", "-f", "prometheus", "--label", "ledger=")).splitlines()
    assert 'eventstats_event_values_stddev{type="a"} 1.5' in metrics
    assert 'eventstats_event_values_stddev_pop{type="c"} 0.0' in metrics
    assert not any(line.startswith('eventstats_event_values_stddev{type="c"}') for line in metrics)
    assert {json.loads(line)["verdict"] for line in printed(go("verify")).splitlines()} == {"proved"}
    assert printed(go("totals", "--save", "all.json", *STATS)) == totals
    assert run("merge", "all.json", *STATS, cwd=tmp_path).stdout.decode() == totals
    assert run("merge", "l.db", *STATS, cwd=tmp_path).stdout.decode() == totals


def test_what_leaves_and_returns_is_exact(go: Go, tmp_path: Path) -> None:
    """A forgotten stream takes its squares along, a pruned one leaves them, and a repaired line brings its own."""
    (tmp_path / "a.log").write_bytes(lines(1, 3))
    (tmp_path / "b.log").write_bytes(lines(100))
    bad = lines('"x"')
    (tmp_path / "c.log").write_bytes(bad)
    assert go("ingest", "a.log", "b.log", "c.log", *STATS).status == 0
    assert go("forget", "b.log", *STATS).stdout == b"type,count,stddev,stddev_pop\na,1,,0.0\n"
    assert go("totals", *STATS).stdout.splitlines()[1] == b"a,2,1.414213562373095,1.0"
    (record,) = go("rejects").stdout.splitlines()
    (tmp_path / "repaired").write_bytes(record.replace(rb"\"x\"", b"5.0") + b"\n")
    assert go("replay", "repaired", *STATS).stdout == b"type,count,stddev,stddev_pop\na,1,,0.0\n"
    assert go("totals", *STATS).stdout.splitlines()[1] == b"a,3,2.0,1.6329931618554521"
    (tmp_path / "a.log").unlink()
    assert go("verify", "--prune", "0").status == 3
    assert go("totals", *STATS).stdout.splitlines()[1] == b"a,3,2.0,1.6329931618554521"
    assert go("verify").status == 0


@pytest.mark.parametrize("stat", ["stddev", "stddev_pop"])
def test_a_ledger_without_squares_cannot_answer_later(go: Go, tmp_path: Path, stat: str) -> None:
    """Every command that is asked for what was not kept says so, and what to do; it changes nothing."""
    (tmp_path / "app.log").write_bytes(lines(1, 2))
    assert go("ingest", "app.log").status == 0
    (tmp_path / "app.log").write_bytes(lines(1, 2, 3))
    before = (tmp_path / "l.db").read_bytes()
    (tmp_path / "none").write_bytes(b"")
    for command in (["totals"], ["ingest", "app.log"], ["forget", "app.log"], ["replay", "none"]):
        ended = go(*command, "--stats", f"count,{stat}")
        assert (ended.status, ended.stdout) == (2, b""), command
        assert CURE in ended.stderr
        assert "--stats" in ended.stderr
    assert (tmp_path / "l.db").read_bytes() == before
    assert b"stddev" not in go("totals", "-f", "prometheus").stdout
    # What the message proposes works.
    assert go("forget", "app.log").status == 0
    assert printed(go("ingest", "app.log", *STATS)) == "type,count,stddev,stddev_pop\na,3,1.0,0.81649658092772603\n"
    assert printed(go("totals", *STATS)) == "type,count,stddev,stddev_pop\na,3,1.0,0.81649658092772603\n"
    assert go("verify").status == 0


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_earlier_ledgers_cannot_answer(go: Go, tmp_path: Path, version: str) -> None:
    """A ledger of an earlier version lacks the squares as well."""
    shutil.copyfile(LEDGERS / f"{version}.db", tmp_path / "l.db")
    ended = go("totals", "--stats", "stddev")
    assert (ended.status, ended.stdout) == (2, b"")
    assert CURE in ended.stderr


def test_a_changed_square_is_found(go: Go, tmp_path: Path) -> None:
    """A sum of squares that is not as it was written, with or without a matching proof, is damage."""
    (tmp_path / "app.log").write_bytes(lines(1, 2))
    assert go("ingest", "app.log", *STATS).status == 0
    path = tmp_path / "l.db"
    whole = path.read_bytes()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE totals SET squares = '6'")
    connection.close()
    for command in ("totals", "verify"):
        ended = go(command)
        assert (ended.status, ended.stdout) == (5, b"")
        assert "damaged" in ended.stderr
    # A proof that matches is no proof that the streams added it.
    from eventcli.ledger.store import schema  # noqa: PLC0415

    path.write_bytes(whole)
    with sqlite3.connect(path) as connection:
        schema.add_functions(connection)
        proof = schema.proof("totals", kept=("squares",))
        connection.execute("UPDATE totals SET squares = '6'")
        connection.execute(f"UPDATE totals SET proof = {proof}")  # noqa: S608
    connection.close()
    assert go("totals").status == 0
    ended = go("verify")
    assert (ended.status, ended.stdout) == (5, b"")


def test_what_a_later_version_keeps_is_not_touched(go: Go, tmp_path: Path) -> None:
    """A ledger that keeps an aggregate this version does not know says that the program is too old."""
    (tmp_path / "app.log").write_bytes(lines(1, 2))
    assert go("ingest", "app.log").status == 0
    from eventcli.ledger.store import schema  # noqa: PLC0415

    path = tmp_path / "l.db"
    with sqlite3.connect(path) as connection:
        schema.add_functions(connection)
        connection.execute("UPDATE settings SET value = '\"cubes\"' WHERE name = 'aggregates'")
        connection.execute(schema.sealing("settings", "true"))
    connection.close()
    before = path.read_bytes()
    for command in (["totals"], ["ingest", "app.log"]):
        ended = go(*command)
        assert (ended.status, ended.stdout) == (5, b"")
        assert "too old" in ended.stderr
    assert path.read_bytes() == before
