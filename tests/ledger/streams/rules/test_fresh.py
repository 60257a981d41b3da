"""New streams begin in the files that hold no known one and are no copies."""

from pathlib import Path

from eventcli.ledger.streams.rules.fresh import begin_new
from eventcli.ledger.streams.rules.places import by_place
from eventcli.ledger.streams.stream import Stream
from surveys import Field, family_of, file_of, held, lines


def test_a_new_stream_begins(tmp_path: Path) -> None:
    """A file of which nothing is known holds a new stream; a copy of it holds none."""
    field = Field(tmp_path)
    field.write("app.log", lines(0, 9))
    field.write("app.log.1", lines(0, 9))
    survey = field.survey(names=["app.log", "app.log.1"])
    begin_new(survey, family_of(survey))
    assert held(survey) == {"new0": "app.log"}
    assert file_of(survey, "app.log.1").is_copied


def test_an_unread_stream_begins_in_its_file(tmp_path: Path) -> None:
    """A stream that was noted but never read begins in the file in which it was noted."""
    field = Field(tmp_path)
    field.write("app.log", lines(0, 9))
    stream = Stream("unread", str(field.log))
    survey = field.survey([stream])
    file = file_of(survey)
    stream.device, stream.inode, stream.born = file.device, file.inode, file.born
    begin_new(survey, family_of(survey))
    assert held(survey) == {"unread": "app.log"}


def test_what_is_left_of_a_truncated_log_does_not_count_again(tmp_path: Path) -> None:
    """If only the beginning of a long log is left, a new stream begins after it, and the rest is lost."""
    field = Field(tmp_path)
    field.write("app.log", lines(0, 900))
    stream = field.seen("key")
    with field.log.open("r+b") as file:
        file.truncate(len(lines(0, 500)))
    survey = field.survey([stream])
    begin_new(survey, family_of(survey))
    new = file_of(survey).stream
    assert new is not None
    assert (new.start, new.offset, new.lines) == (len(lines(0, 500)), len(lines(0, 500)), 500)
    assert [loss.stream for loss in survey.plan.losses] == [stream]


def test_an_edited_log_beside_its_copy_is_reported(tmp_path: Path) -> None:
    """A new log that begins with lines that were counted may have been edited."""
    field = Field(tmp_path)
    content = lines(0, 20)
    field.write("app.log.1", content)
    stream = field.seen("key", "app.log.1")
    field.write("app.log", lines(0, 6) + lines(7, 20))
    survey = field.survey([stream], ["app.log", "app.log.1"])
    by_place(survey, family_of(survey))
    begin_new(survey, family_of(survey))
    (loss,) = survey.plan.losses
    assert loss.is_doubt
    assert "begins with 6 lines that had been counted" in loss.message
