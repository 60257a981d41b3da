"""`eventcli.ledger.repairs`: rejects come back line by line, and what is none is told with its place."""

import json
from pathlib import Path

import pytest

from eventcli import Reason
from eventcli.ledger.repairs import Problems, RepairsError, repairs
from eventcli.lines.rejected import Repair

RECORD = {"stream": "s", "offset": 5, "reason": "invalid_json", "raw": "{}"}


def test_lines_have_their_numbers(tmp_path: Path) -> None:
    """A repair knows its line, blank lines counted; so does a problem."""
    path = tmp_path / "rejects"
    path.write_text("\n" * 100_000 + json.dumps(RECORD) + "\n\nbad\n" + json.dumps(RECORD | {"offset": 6}))
    problems = Problems()
    found = list(repairs([str(path)], problems))
    assert found == [
        Repair("s", 5, Reason.INVALID_JSON, b"{}", f"{path}:100001"),
        Repair("s", 6, Reason.INVALID_JSON, b"{}", f"{path}:100004"),
    ]
    assert [problem.partition(": ")[0] for problem in problems.lines()] == [f"{path}:100003"]


def test_problems_are_five_and_a_count(tmp_path: Path) -> None:
    """Of very many lines that are no rejects, the first ones are told, and how many there are."""
    path = tmp_path / "rejects"
    path.write_text("bad\n" * 1000)
    problems = Problems()
    assert list(repairs([str(path)], problems)) == []
    assert len(problems) == 5
    assert list(problems.lines())[5:] == ["and 995 more lines like these"]


def test_a_line_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record beyond the bound is a problem that names the bound, and the next one is read."""
    monkeypatch.setattr("eventcli.ledger.repairs.LONGEST", 1000)
    path = tmp_path / "rejects"
    path.write_text("x" * 5000 + "\n" + json.dumps(RECORD) + "\n")
    problems = Problems()
    assert [one.place for one in repairs([str(path)], problems)] == [f"{path}:2"]
    assert problems == [f"{path}:1: not a reject of a ledger: it has more than 1000 bytes"]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file is an error that names it."""
    with pytest.raises(RepairsError, match="missing: No such file"):
        list(repairs([str(tmp_path / "missing")], Problems()))
