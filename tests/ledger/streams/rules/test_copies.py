"""A file that begins with what was seen of a stream holds it, or is a copy of the file that does."""

from pathlib import Path

import pytest

from eventcli.ledger.streams.rules.copies import by_beginning, by_content
from eventcli.ledger.streams.rules.holders import note_as_copy
from eventcli.ledger.streams.rules.places import by_place
from eventcli.ledger.streams.stream import State
from surveys import BEATS, Field, family_of, file_of, held, lines, tick


def test_a_stream_is_found_by_its_content(tmp_path: Path) -> None:
    """Under another name, in another inode and compressed, a file that holds all that was seen holds the stream."""
    field = Field(tmp_path)
    field.write("app.log", lines(0, 9))
    stream = field.seen("key", end=len(lines(0, 5)))
    field.log.unlink()
    field.write("app.log.1.gz", lines(0, 9))
    survey = field.survey([stream], ["app.log.1.gz"])
    by_content(survey, family_of(survey))
    assert held(survey) == {"key": "app.log.1.gz"}


def test_of_two_files_with_a_stream_the_longer_one_is_read(tmp_path: Path) -> None:
    """A copy of a file that holds a stream is left alone; if it is longer, it is read instead."""
    for copied, reader in ((lines(0, 9), "app.log"), (lines(0, 12), "app.log.1")):
        field = Field(tmp_path)
        field.write("app.log", lines(0, 9))
        stream = field.seen("key")
        field.write("app.log.1", copied)
        survey = field.survey([stream], ["app.log", "app.log.1"])
        by_place(survey, family_of(survey))
        by_content(survey, family_of(survey))
        assert held(survey) == {"key": reader}
        other = ({"app.log", "app.log.1"} - {reader}).pop()
        assert file_of(survey, other).is_copied
        assert file_of(survey, other).original is file_of(survey, reader)


def test_a_copy_of_a_beginning_is_left_alone(tmp_path: Path) -> None:
    """A file that was copied when the stream was shorter adds nothing."""
    field = Field(tmp_path)
    field.write("app.log", lines(0, 9))
    stream = field.seen("key")
    field.write("app.log.1", lines(0, 5))
    survey = field.survey([stream], ["app.log", "app.log.1"])
    family = family_of(survey)
    for rule in (by_place, by_content):
        rule(survey, family)
    assert not file_of(survey, "app.log.1").is_copied
    by_beginning(survey, family)
    assert file_of(survey, "app.log.1").is_copied


def test_less_than_a_line_waits_beside_the_log_that_begins_with_it(tmp_path: Path) -> None:
    """The beginning of a copy that is being made is left alone, whether the log was read or not."""
    for is_read in (True, False):
        field = Field(tmp_path)
        field.write("app.log", lines(0, 9))
        streams = [field.seen("key")] if is_read else []
        (tmp_path / "app.log.1").unlink(missing_ok=True)
        tick()
        field.write("app.log.1", lines(0, 1)[:5])
        survey = field.survey(streams, ["app.log", "app.log.1"])
        for rule in (by_place, by_content, by_beginning):
            rule(survey, family_of(survey))
        assert file_of(survey, "app.log.1").is_copied
        assert file_of(survey, "app.log.1").original is file_of(survey)
        assert not survey.plan.losses


def test_less_than_a_line_of_a_log_that_was_renamed_is_no_copy(tmp_path: Path) -> None:
    """A generation that is older than a log which begins with it is another log; without birth times, a doubt."""
    field = Field(tmp_path)
    field.write("app.log.1", lines(0, 1)[:5])
    tick()
    field.write("app.log", lines(0, 9))
    survey = field.survey([], ["app.log", "app.log.1"])
    by_beginning(survey, family_of(survey))
    is_known = bool(file_of(survey).born)
    assert file_of(survey, "app.log.1").is_copied is not is_known

    field.write("app.log.2.gz", lines(0, 1)[:5])
    stream = field.seen("key")
    survey = field.survey([stream], ["app.log", "app.log.2.gz"])
    for rule in (by_place, by_beginning):
        rule(survey, family_of(survey))
    assert file_of(survey, "app.log.2.gz").is_copied
    assert [loss.is_doubt for loss in survey.plan.losses] == [True]


def test_equal_lines_in_a_file_younger_than_the_log_are_rather_a_copy_of_that(tmp_path: Path) -> None:
    """A rotated file that was created after the log begins like an older one, too: it is not what that became."""
    field = Field(tmp_path)
    field.write("app.log.2", BEATS[:26])
    old = field.seen("old", "app.log.2", state=State.ROTATED)
    tick()
    field.write("app.log", BEATS)
    log = field.seen("log")
    tick()
    field.write("app.log.1", BEATS[:60])
    survey = field.survey([old, log], ["app.log", "app.log.1", "app.log.2"])
    if not file_of(survey).born:
        pytest.skip("creation times are not recorded here")
    for rule in (by_place, by_content):
        rule(survey, family_of(survey))
    assert held(survey) == {"old": "app.log.2", "log": "app.log"}
    assert file_of(survey, "app.log.1").original is file_of(survey)


def test_a_log_is_not_compared_with_a_copy_of_what_it_was_compared_with(tmp_path: Path) -> None:
    """Fewer equal lines in the log than in the one that was renamed are another log, whatever copies there are."""
    field = Field(tmp_path)
    field.write("app.log", BEATS)
    stream = field.seen("key")
    tick()
    field.write("app.log.2", BEATS)
    field.log.rename(tmp_path / "app.log.1")
    tick()
    field.write("app.log", BEATS[:52])
    survey = field.survey([stream], ["app.log", "app.log.1", "app.log.2"])
    if not file_of(survey).born:
        pytest.skip("creation times are not recorded here")
    for rule in (by_place, by_content):
        rule(survey, family_of(survey))
    note_as_copy(survey, file_of(survey, "app.log.2"), str(field.log))
    by_beginning(survey, family_of(survey))
    assert file_of(survey, "app.log.2").is_copied
    assert not file_of(survey).is_copied
