"""What was not read to its end and is not found is reported, and so is a generation that is missing."""

from pathlib import Path

from eventcli.ledger.streams.rules.absent import search
from eventcli.ledger.streams.rules.losses import tell_losses
from eventcli.ledger.streams.rules.places import by_place, by_raw
from eventcli.ledger.streams.stream import State
from surveys import Field, family_of, held, lines


def test_a_log_that_vanished_is_lost(tmp_path: Path) -> None:
    """A live stream that no file holds may have had a rest; a rotated one that was read to its end is only gone."""
    for state, losses, now in ((State.LIVE, 1, State.LOST), (State.ROTATED, 0, State.GONE)):
        field = Field(tmp_path)
        field.write("app.log", lines(0, 9))
        stream = field.seen("key", state=state)
        field.log.unlink()
        field.write("other", lines(0, 1))  # takes the inode of the log, if the file system gives it again
        field.write("app.log", lines(20, 22))
        survey = field.survey([stream])
        search(survey, family_of(survey))
        tell_losses(survey, family_of(survey))
        assert len(survey.plan.losses) == losses
        assert survey.plan.retired == [(stream, now)]


def test_nothing_is_lost_where_something_cannot_be_read(tmp_path: Path) -> None:
    """An unreadable file may hold what is missing."""
    field = Field(tmp_path)
    field.write("app.log", lines(0, 9))
    stream = field.seen("key")
    field.log.unlink()
    field.write("app.log", lines(20, 22))
    survey = field.survey([stream])
    search(survey, family_of(survey))
    family_of(survey).is_blind = True
    tell_losses(survey, family_of(survey))
    assert survey.plan.losses == []


def test_a_missing_generation_is_reported(tmp_path: Path) -> None:
    """If the log of the last run is generation 2 now, there was a generation 1."""
    field = Field(tmp_path)
    field.write("app.log", lines(0, 9))
    stream = field.seen("key")
    field.log.rename(tmp_path / "app.log.2")
    field.write("app.log", lines(20, 22))
    survey = field.survey([stream])
    search(survey, family_of(survey))
    tell_losses(survey, family_of(survey))
    assert [loss.message for loss in survey.plan.losses] == ["generation 1 is not there, but 2 is"]


def test_a_log_that_is_not_copied_yet_leaves_no_gap(tmp_path: Path) -> None:
    """A shift before a copy hides nothing if the log goes on; few or equal lines do not prove that it does."""
    for log, losses in ((lines(20, 24), 0), (lines(20, 23), 1), (lines(20, 21) * 4, 1)):
        field = Field(tmp_path)
        field.write("app.log", log)
        path = field.write("app.log.1", lines(0, 9))
        streams = [field.seen("key", "app.log.1", state=State.ROTATED), field.seen("log")]
        streams[1].lines = log.count(b"\n")
        path.rename(tmp_path / "app.log.2")
        field.write("app.log", log + lines(24, 25))
        survey = field.survey(streams)
        for rule in (by_place, search, tell_losses):
            rule(survey, family_of(survey))
        assert held(survey) == {"key": "app.log.2", "log": "app.log"}
        assert [loss.message for loss in survey.plan.losses] == ["generation 1 is not there, but 2 is"] * losses


def test_a_copy_of_a_compressed_generation_tells_nothing_of_rotations(tmp_path: Path) -> None:
    """A compressed file keeps its place when it rotates; one with the same content in another place is a copy."""
    for is_copy in (True, False):
        field = Field(tmp_path)
        field.write("app.log", lines(20, 22))
        path = field.write("app.log.1.gz", lines(0, 9))
        stream = field.seen("key", "app.log.1.gz", state=State.ROTATED)
        if is_copy:
            field.write("app.log.3.gz", lines(0, 9))
            path.unlink()
        else:
            path.rename(tmp_path / "app.log.3.gz")
        survey = field.survey([stream, field.seen("log")], ["app.log", "app.log.3.gz"])
        for rule in (by_place, by_raw, tell_losses):
            rule(survey, family_of(survey))
        assert held(survey) == {"key": "app.log.3.gz", "log": "app.log"}
        assert [loss.message for loss in survey.plan.losses] == ["generation 1 is not there, but 3 is"] * (not is_copy)
