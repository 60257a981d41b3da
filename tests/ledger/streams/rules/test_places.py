"""A stream is found in the very file in which it was, and compressed bytes are known whatever their name is."""

from pathlib import Path

from eventcli.ledger.streams.rules.places import by_place, by_raw, claim_places
from eventcli.ledger.streams.stream import State
from surveys import Field, family_of, held, lines


def test_a_stream_is_in_its_place(tmp_path: Path) -> None:
    """The inode says where to look, and the content proves it: a file that was filled anew holds nothing known."""
    field = Field(tmp_path)
    field.write("app.log", lines(0, 9))
    stream = field.seen("key", end=len(lines(0, 5)))
    survey = field.survey([stream])
    by_place(survey, family_of(survey))
    assert held(survey) == {"key": "app.log"}
    field.write("app.log", lines(50, 60))
    survey = field.survey([stream])
    by_place(survey, family_of(survey))
    assert held(survey) == {}


def test_a_stream_that_is_there_comes_before_one_that_was_lost(tmp_path: Path) -> None:
    """If several streams were seen in one file, one that was lost is found last."""
    field = Field(tmp_path)
    field.write("app.log", lines(0, 9))
    lost, live = field.seen("lost", state=State.LOST), field.seen("live", end=len(lines(0, 5)))
    survey = field.survey([lost, live])
    by_place(survey, family_of(survey))
    assert held(survey) == {"live": "app.log"}


def test_compressed_bytes_prove_a_stream(tmp_path: Path) -> None:
    """A compressed file is found by its bytes under another name and inode, unless it was empty."""
    field = Field(tmp_path)
    field.write("app.log.1.gz", lines(0, 9))
    stream, empty = field.seen("key", "app.log.1.gz"), field.seen("empty", "app.log.1.gz", end=0)
    field.write("app.log.2.gz", lines(0, 9))
    survey = field.survey([empty, stream], ["app.log.2.gz"])
    by_place(survey, family_of(survey))
    assert held(survey) == {}
    by_raw(survey, family_of(survey))
    assert held(survey) == {"key": "app.log.2.gz"}


def test_both_rules_apply_to_some_files(tmp_path: Path) -> None:
    """Files that no family has yet are tried by place first, and then by their bytes."""
    field = Field(tmp_path)
    field.write("app.log.1.gz", lines(0, 9))
    stream = field.seen("key", "app.log.1.gz")
    field.write("app.log.2.gz", lines(0, 9))
    survey = field.survey([stream], [])
    other, own = (survey.looking.at(str(tmp_path / name)) for name in ("app.log.2.gz", "app.log.1.gz"))
    claim_places(survey, [other, own])
    assert held(survey) == {"key": "app.log.1.gz"}
