"""A long run holds a ledger for one commit at a time, and knows what others wrote in between."""

import os
import sqlite3
from pathlib import Path

import pytest

from eventcli.consume.bodies import Bodies
from eventcli.ledger.meaning import MeaningError
from eventcli.ledger.recorder import Options
from eventcli.ledger.store.database import Database
from eventcli.ledger.store.hold import BusyError
from eventcli.ledger.totals import totals
from eventcli.ledger.turns import Turns

EVENT = b'{"type":"a","value":1}'


def add(turns: Turns, position: str, *, name: str = "redis://memory", fails: bool = False) -> str:
    """Add one event in a turn; return the position that the queue had before."""
    with turns.turn(1) as recorder:
        stream = recorder.queue(name)
        before = stream.position
        recorder.read(Bodies(stream, [EVENT], position))
        if fails:
            raise RuntimeError
        recorder.commit(is_last=False)
    return before or ""


def count(path: Path) -> int:
    """Return the number of events in a ledger."""
    with Database.open_to_read(str(path)) as database:
        return totals(database).account.accepted


def test_others_have_their_turns(tmp_path: Path) -> None:
    """Between two turns, a ledger can be written by others, and each knows what the other did."""
    path = tmp_path / "ledger"
    with Turns(str(path), {}, Options(jobs=1)) as one, Turns(str(path), {}, Options(jobs=1)) as other:
        places = [add(turns, str(number)) for number, turns in enumerate((one, other, other, one, one))]
        assert places == ["", "0", "1", "2", "3"]
        with one.turn(1), pytest.raises(BusyError):
            add(other, "5")
        add(other, "6")
        assert one.last is not None
        assert (one.last.tally.account.lines, count(path)) == (3, 6)
        assert len(one.last.tally.sources) == 1


def test_a_failed_turn_adds_nothing(tmp_path: Path) -> None:
    """What was not committed is neither in the ledger nor in the account of the run, and the next turn begins anew."""
    path = tmp_path / "ledger"
    with Turns(str(path), {}, Options(jobs=1)) as turns:
        with pytest.raises(RuntimeError):
            add(turns, "1", fails=True)
        assert not path.exists()
        add(turns, "1")
        with pytest.raises(RuntimeError):
            add(turns, "2", fails=True)
        assert add(turns, "2") == "1"
        assert turns.last is not None
        assert turns.last.tally.account.lines == count(path) == 2


def test_another_ledger_may_take_the_place(tmp_path: Path) -> None:
    """A ledger that was deleted is made again, and one that was moved into its place is used as it is."""
    path, saved = tmp_path / "ledger", tmp_path / "saved"
    with Turns(str(path), {}, Options(jobs=1)) as turns:
        add(turns, "1")
        saved.write_bytes(path.read_bytes())
        path.unlink()
        assert add(turns, "2") == ""
        os.replace(saved, path)
        assert add(turns, "2") == "1"
        assert count(path) == 2


def test_settings_hold_in_each_turn(tmp_path: Path) -> None:
    """If others began the ledger with other settings meanwhile, nothing is added to it."""
    path = tmp_path / "ledger"
    with Turns(str(path), {"type_field": "kind"}, Options(jobs=1)) as turns:
        with turns.turn(1):
            pass
        with Turns(str(path), {}, Options(jobs=1)) as other:
            add(other, "1")
        with pytest.raises(MeaningError):
            add(turns, "2")
        with sqlite3.connect(path) as connection:
            assert connection.execute("SELECT count(*) FROM streams WHERE id > 0").fetchone() == (1,)
