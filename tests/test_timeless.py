"""A log whose times are not read is told from one that has none."""

import json
from pathlib import Path

import pytest

from eventcli.ledger.timeless import suspicion
from eventcli.lines.query import Fields, Query, Timing
from process import Ended, run

QUERY = Query(Fields("type", "value", "occurred_at"), timing=Timing(by="hour", optional=True))


def _line(**more: object) -> bytes:
    return json.dumps({"type": "a", "value": 1, **more}).encode()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (_line(), ""),
        (_line(name="a", n=20201006), ""),
        (_line(occurred_at="2020-10-06 10:00:00"), ""),
        (_line(occurred_at="soon"), '"occurred_at" is "soon", but no time that can be read'),
        (_line(occurred_at=[1]), '"occurred_at" is '),
        (_line(happened="2020-10-06 10:00:00"), "is --time-field happened meant?"),
        (_line(timestamp="soon"), "is --time-field timestamp meant?"),
        (_line(ts=1601978400), "is --time-field ts meant?"),
        (b"bad", ""),
        (b'{"type":"a"}', ""),
        (b"", ""),
    ],
)
def test_what_looks_like_times(line: bytes, said: str) -> None:
    """A field that holds no time, and a key of another name that holds one, are said with an example."""
    found = suspicion([b"bad", line], QUERY)
    assert bool(found) == bool(said)
    assert said in found
    assert suspicion([line], QUERY._replace(timing=None)) == ""


TIMED = b'{"type":"a","value":1,"timestamp":"2020-10-06 10:00:00"}\n'
TORN = b'{"type":"b","value":1,"timestamp":"soon"}\n'


def _go(folder: Path, command: str, *options: str) -> Ended:
    return run(command, "--ledger", "l.db", "-f", "csv", *options, cwd=folder)


def test_a_first_run_without_a_time_adds_nothing(tmp_path: Path, body: str) -> None:
    """Where the time field was forgotten the first run adds nothing, and another field can be given."""
    assert body
    (tmp_path / "app.log").write_bytes(TIMED)
    forgotten = _go(tmp_path, "ingest", "app.log")
    assert (forgotten.status, forgotten.stdout) == (1, b"type,count,sum\na,1,1\n")
    assert "is --time-field timestamp meant?" in forgotten.stderr
    assert "nothing was added" in forgotten.stderr
    assert not (tmp_path / "l.db").exists()
    assert _go(tmp_path, "ingest", "app.log", "--time-field", "timestamp") == Ended(0, b"type,count,sum\na,1,1\n", "")
    with (tmp_path / "app.log").open("ab") as file:
        file.write(TORN)
    later = _go(tmp_path, "ingest", "app.log")
    assert (later.status, later.stdout) == (0, b"type,count,sum\nb,1,1\n")
    assert 'the event has no usable time under "timestamp"' in later.stderr


def test_events_without_a_time_are_said(tmp_path: Path, body: str) -> None:
    """How many events have no time is said by the run that adds them, and by totals that cannot place them."""
    assert body
    (tmp_path / "app.log").write_bytes(TIMED + TORN)
    ended = _go(tmp_path, "ingest", "app.log", "--time-field", "timestamp")
    assert ended.status == 0
    assert '1 of 2 events have no usable time under "timestamp"' in ended.stderr
    for options, rows, count in (
        (["--by", "day"], b"start,type,count,sum\n,b,1,1\n2020-10-06T00:00:00+00:00,a,1,1\n", 1),
        (["--since", "2020-10-06"], b"type,count,sum\na,1,1\n", 1),
        (["--until", "2020-10-06", "-t", "b"], b"type,count,sum\nb,0,0\n", 1),
        (["--since", "2020-10-06", "-t", "a"], b"type,count,sum\na,1,1\n", 0),
        ([], b"type,count,sum\na,1,1\nb,1,1\n", 0),
    ):
        ended = _go(tmp_path, "totals", *options)
        assert (ended.status, ended.stdout) == (3 if count else 0, rows)
        assert (f"{count} events without a usable time" in ended.stderr) == bool(count)
        allowed = _go(tmp_path, "totals", *options, "--allow-timeless")
        assert allowed == Ended(0, rows, "")


def test_times_that_a_zone_lacks_are_in_no_bucket(tmp_path: Path, body: str) -> None:
    """The zero time of Go is in the year 0 west of Greenwich: its events are counted among those in no bucket."""
    assert body
    zero = TIMED.replace(b"2020-10-06 10:00:00", b"0001-01-01T00:00:00Z")
    (tmp_path / "app.log").write_bytes(zero + TIMED + TORN)
    assert _go(tmp_path, "ingest", "app.log", "--time-field", "timestamp").status == 0
    by_day = ("--by", "day", "--tz", "America/New_York")
    for options, count, where in (
        (by_day, 2, "are in no bucket"),
        (("--by", "day"), 1, "are in no bucket"),
        ((*by_day, "-t", "a"), 1, "are in no bucket"),
        ((*by_day, "--until", "2000-01-01"), 2, "are left out or in no bucket"),
        ((*by_day, "--since", "2000-01-01"), 1, "are left out"),
    ):
        ended = _go(tmp_path, "totals", *options)
        assert ended.status == 3
        assert f'{count} events without a usable time under "timestamp" {where} (' in ended.stderr
        assert _go(tmp_path, "totals", *options, "--allow-timeless") == Ended(0, ended.stdout, "")


def test_a_log_without_times(tmp_path: Path, body: str) -> None:
    """A log that has no times is counted, and that is said when the ledger is begun, unless no times are asked for."""
    assert body
    (tmp_path / "app.log").write_bytes(b'{"type":"a","value":1}\n')
    ended = _go(tmp_path, "ingest", "app.log")
    assert (ended.status, ended.stdout) == (0, b"type,count,sum\na,1,1\n")
    assert "--granularity none" in ended.stderr
    (tmp_path / "l.db").unlink()
    assert _go(tmp_path, "ingest", "app.log", "--granularity", "none").stderr == ""
