"""The requested files are looked at first, and sorted into families."""

from pathlib import Path

import pytest

from eventcli.summary.sources import Status
from surveys import Field, family_of, file_of, held, lines


def test_generations_are_one_family(tmp_path: Path) -> None:
    """A rotated file belongs to the family of its log, whose name is what was requested."""
    field = Field(tmp_path)
    field.write("app.log", lines(0, 2))
    field.write("app.log.1", lines(2, 4))
    family = family_of(field.survey(names=["app.log.1", "app.log", "app.log"]))
    assert [Path(file.path).name for file in family.in_order()] == ["app.log.1", "app.log"]
    assert family.given == [str(field.log)]
    assert all(file.is_named and file.is_wanted and file.family is family for file in family.files)


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    """A file that is not there is reported, and its family knows."""
    survey = Field(tmp_path).survey()
    assert [one.status for one in survey.plan.problems] == [Status.MISSING]
    assert family_of(survey).is_missing
    assert not family_of(survey).is_blind


def test_an_unreadable_file_hides_what_it_holds(tmp_path: Path) -> None:
    """A folder in the place of a log is reported, and may hold a missing stream."""
    field = Field(tmp_path)
    field.log.mkdir()
    survey = field.survey()
    assert [one.status for one in survey.plan.problems] == [Status.UNREADABLE]
    assert family_of(survey).is_blind


def test_a_file_that_was_not_written_to_is_not_opened(tmp_path: Path) -> None:
    """A known and unmodified file is claimed by its place and times alone."""
    field = Field(tmp_path)
    field.write("app.log", lines(0, 2))
    stream = field.seen("key")
    if not stream.born:
        pytest.skip("this file system does not know when a file was created")
    stream.modified = abs(stream.modified)
    survey = field.survey([stream])
    assert held(survey) == {"key": "app.log"}
    assert file_of(survey).is_quiet
    field.write("app.log", lines(0, 3))
    assert held(field.survey([stream])) == {}
