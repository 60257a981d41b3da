"""Files in which new streams begin are found by what they begin with."""

from pathlib import Path

from eventcli.ledger.streams.begun import Begun
from surveys import BEATS, Field, lines


def test_files_that_may_have_the_same_content(tmp_path: Path) -> None:
    """A file is found by its last mark and by its first lines; what begins otherwise is not."""
    field = Field(tmp_path)
    files = {
        name: field.survey(names=[name]).looking.at(str(field.write(name, content)))
        for name, content in {
            "whole.log": lines(0, 9),
            "same.log": lines(0, 9),
            "longer.log": lines(0, 12),
            "other.log": lines(5, 9),
        }.items()
    }
    begun = Begun()
    begun.add(files["whole.log"])
    assert begun.alike(files["same.log"]) == [files["whole.log"]]
    assert begun.alike(files["longer.log"]) == [files["whole.log"]]
    assert begun.alike(files["other.log"]) == []
    begun.replace(files["whole.log"], files["longer.log"])
    assert begun.alike(files["same.log"]) == [files["longer.log"]]


def test_repetitive_files_are_compared_by_name(tmp_path: Path) -> None:
    """Of logs of a single line that repeats, only those whose names are related may be copies."""
    field = Field(tmp_path)
    survey = field.survey(names=[])
    one, copy, other = (
        survey.looking.at(str(field.write(name, BEATS))) for name in ("app.log", "app.log.bak", "worker.log")
    )
    begun = Begun()
    begun.add(one)
    assert begun.alike(copy) == [one]
    assert begun.alike(other) == []
