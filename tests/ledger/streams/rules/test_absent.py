"""Streams that are not in their place are searched for among the siblings."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from eventcli.ledger.streams.rules.absent import search
from eventcli.ledger.streams.rules.copies import by_content
from eventcli.ledger.streams.rules.places import by_place
from eventcli.ledger.streams.stream import State, Stream
from surveys import Field, family_of, file_of, held, lines, refuse, tick


def test_siblings_of_a_new_log_are_ignored(tmp_path: Path) -> None:
    """What was rotated before a log was first requested is recorded and does not count."""
    field = Field(tmp_path)
    field.write("app.log", lines(0, 2))
    field.write("app.log.1", lines(2, 4))
    survey = field.survey()
    search(survey, family_of(survey))
    (ignored,) = survey.registry
    assert (ignored.state, ignored.path) == (State.IGNORED, str(tmp_path / "app.log.1"))
    survey.undo()
    assert list(survey.registry) == []


def test_less_than_a_line_of_a_new_log_is_not_ignored(tmp_path: Path) -> None:
    """A copy of the log that had only begun when the log was first requested may become all that is left of it."""
    for fragment, ignored in ((lines(0, 1)[:5], 0), (b"[2020", 1)):
        field = Field(tmp_path)
        field.write("app.log", lines(0, 2))
        tick()
        (tmp_path / "app.log.1").unlink(missing_ok=True)
        field.write("app.log.1", fragment)
        survey = field.survey()
        if not file_of(survey).born:
            pytest.skip("creation times are not recorded here")
        search(survey, family_of(survey))
        assert len(list(survey.registry)) == ignored


def test_a_log_that_was_renamed_is_found(tmp_path: Path) -> None:
    """If a stream is not in its place, its siblings join the family, and the one with its inode holds it."""
    field = Field(tmp_path)
    field.write("app.log", lines(0, 2))
    stream = field.seen("key")
    field.log.rename(tmp_path / "app.log.1")
    field.write("app.log", lines(2, 4))
    survey = field.survey([stream])
    search(survey, family_of(survey))
    assert family_of(survey).unresolved == [stream]
    assert held(survey) == {"key": "app.log.1"}
    assert all(file.is_wanted for file in family_of(survey).files)


def test_a_rotated_stream_in_its_place_is_settled(tmp_path: Path) -> None:
    """A rotated file that is as long as it was needs no search; a longer one is read on."""
    field = Field(tmp_path)
    field.write("app.log", lines(2, 4))
    path = field.write("app.log.1", lines(0, 2))
    stream = field.seen("key", "app.log.1", state=State.ROTATED)
    survey = field.survey([stream])
    search(survey, family_of(survey))
    assert survey.plan.settled == [stream]
    assert held(survey) == {}
    with path.open("ab") as file:
        file.write(lines(9, 10))
    survey = field.survey([stream])
    search(survey, family_of(survey))
    assert survey.plan.settled == []
    assert held(survey) == {"key": "app.log.1"}


def test_a_lost_stream_that_is_back_is_found(tmp_path: Path) -> None:
    """A stream that was lost is recognised among the siblings by its content."""
    field = Field(tmp_path)
    field.write("app.log", lines(0, 9))
    stream = field.seen("lost", state=State.LOST)
    field.write("copy", field.log.read_bytes())
    field.log.unlink()
    field.write("app.log", lines(20, 22))
    now = field.seen("now")
    (tmp_path / "copy").rename(tmp_path / "app.log.1")
    survey = field.survey([stream, now])
    by_place(survey, family_of(survey))
    search(survey, family_of(survey))
    assert held(survey) == {"now": "app.log", "lost": "app.log.1"}


def test_a_copy_in_its_place_has_what_is_left_of_a_log_that_was_cut(tmp_path: Path) -> None:
    """What seemed to be a copy is let go where a missing stream may be, so that this can be found in it."""
    for is_cut in (True, False):
        field = Field(tmp_path)
        field.write("app.log", lines(0, 1))
        field.write("app.log.1", lines(0, 1))
        log, copy = field.seen("log"), field.seen("copy", "app.log.1", state=State.COPY)
        if is_cut:
            field.write("app.log", b"")
        survey = field.survey([log, copy], ["app.log", "app.log.1"])
        by_place(survey, family_of(survey))
        assert held(survey).get("copy") == "app.log.1"
        search(survey, family_of(survey))
        assert held(survey) == ({} if is_cut else {"log": "app.log", "copy": "app.log.1"})
        by_content(survey, family_of(survey))
        assert held(survey) == ({"log": "app.log.1"} if is_cut else {"log": "app.log", "copy": "app.log.1"})


def _blind(field: Field, streams: Sequence[Stream], names: Sequence[str] = ("app.log.1",)) -> bool:
    """Whether a search for these streams finds that files which cannot be read may have lines that count."""
    with pytest.MonkeyPatch.context() as patch:
        refuse(patch, set(names), PermissionError(13, "Permission denied"))
        survey = field.survey(streams)
        by_place(survey, family_of(survey))
        search(survey, family_of(survey))
    assert family_of(survey).is_blind == bool(survey.plan.problems)
    return family_of(survey).is_blind


@pytest.mark.parametrize(("copied", "is_blind"), [((0, 9), True), ((0, 12), True), ((0, 8), False), ((20, 40), False)])
def test_a_copy_that_cannot_be_read_may_have_what_is_left(
    copied: tuple[int, int],
    is_blind: bool,  # noqa: FBT001  # a parameter
    tmp_path: Path,
) -> None:
    """Where a log was cut, a copy that cannot be read may hold it if that began as the log did, and was as long."""
    field = Field(tmp_path)
    field.write("app.log", lines(0, 9))
    field.write("app.log.1", lines(*copied))
    log, copy = field.seen("log"), field.seen("copy", "app.log.1", state=State.COPY)
    copy.modified = 0  # it may have been written to after it was seen
    assert not _blind(field, [log, copy])
    field.write("app.log", b"")
    assert _blind(field, [log, copy]) == is_blind


def test_a_copy_that_goes_on_and_cannot_be_read_is_reported(tmp_path: Path) -> None:
    """What seemed to be a copy and is longer now may have lines that count, whatever else is missing."""
    field = Field(tmp_path)
    field.write("app.log", lines(0, 9))
    field.write("app.log.1", lines(0, 3))
    streams = [field.seen("log"), field.seen("copy", "app.log.1", state=State.COPY)]
    assert not _blind(field, streams)
    field.write("app.log.1", lines(0, 3) + lines(40, 41))
    assert _blind(field, streams)


def test_what_was_found_in_a_copy_may_go_on_where_that_cannot_be_read(tmp_path: Path) -> None:
    """A file that seemed to be a copy before a stream was found in it hides that stream when it rotates on."""
    field = Field(tmp_path)
    field.write("app.log.1", lines(0, 9))
    copy, old = field.seen("copy", "app.log.1", state=State.COPY), field.seen("old", "app.log.1", state=State.ROTATED)
    copy.modified = old.modified = 0
    field.write("app.log", lines(20, 22))
    (tmp_path / "app.log.1").rename(tmp_path / "app.log.2")
    assert _blind(field, [copy, old, field.seen("log")], ["app.log.2"])
