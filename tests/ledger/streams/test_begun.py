"""Files in which new streams begin are found by what they begin with."""

from pathlib import Path

import pytest

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


@pytest.mark.parametrize("content", [b'{"ty', lines(0, 1), lines(0, 2) + b'{"ty', BEATS[:5]])
def test_what_takes_the_place_of_a_file_is_found_by_all_that_it_holds(content: bytes, tmp_path: Path) -> None:
    """A longer file with the same content takes another one's place; what continues it or resembles it finds it."""
    field = Field(tmp_path)
    survey = field.survey(names=[])
    longer = (BEATS if BEATS.startswith(content) else content + lines(0, 20))[: len(content) + 900]
    start, file, copy, again = (
        survey.looking.at(str(field.write(name, data)))
        for name, data in (
            ("app.log", content),
            ("app.log.1", longer),
            ("app.log.2", longer + b"{"),
            ("app.log.3", content),
        )
    )
    begun = Begun()
    begun.add(start)
    begun.replace(start, file)
    assert file in begun.alike(copy)
    assert begun.alike(again) == [file]


@pytest.mark.parametrize("whole", [2, 3, 4, 9])
@pytest.mark.parametrize("torn", [b"", b'{"ty'])
def test_a_torn_copy_is_compared_with_the_longer_log(whole: int, torn: bytes, tmp_path: Path) -> None:
    """A copy that ends within a line, or with one, is found for the log that went on, and the other way round."""
    field = Field(tmp_path)
    survey = field.survey(names=[])
    copy = survey.looking.at(str(field.write("app.log.1", lines(0, whole) + torn)))
    log = survey.looking.at(str(field.write("app.log", lines(0, 20))))
    for first, second in ((copy, log), (log, copy)):
        begun = Begun()
        begun.add(first)
        assert begun.alike(second) == [first]


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
