"""A file that begins with what was seen of a stream holds it, or is a copy of the file that does."""

from pathlib import Path

from eventcli.ledger.streams.rules.copies import by_beginning, by_content
from eventcli.ledger.streams.rules.places import by_place
from surveys import Field, family_of, file_of, held, lines


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
