"""A family whose files are found elsewhere, while its log is gone, was moved there."""

import shutil
from pathlib import Path

from eventcli.ledger.streams.rules.moved import adopt, may_be_moved, may_be_of
from surveys import Field, family_of, lines


def test_a_family_is_adopted_where_its_files_are(tmp_path: Path) -> None:
    """Streams follow their files to another folder, but not to a copy while the log is still there."""
    old, new = Field(tmp_path / "old"), Field(tmp_path / "new")
    old.folder.mkdir()
    old.write("app.log", lines(0, 9))
    stream = old.seen("key")
    shutil.copytree(old.folder, new.folder)
    survey = new.survey([stream])
    assert list(adopt(survey, family_of(survey))) == []
    shutil.rmtree(old.folder)
    survey = new.survey([stream])
    assert list(adopt(survey, family_of(survey))) == [stream]
    assert (stream.name, stream.is_renamed) == (str(new.log), True)


def test_what_cannot_be_read_may_be_a_moved_family(tmp_path: Path) -> None:
    """Only an unreadable file, and only a log of the same name that is gone, leave a doubt."""
    old, new = Field(tmp_path / "old"), Field(tmp_path / "new")
    for field in (old, new):
        field.folder.mkdir()
    old.write("app.log", lines(0, 9))
    stream = old.seen("key")
    new.write("app.log", lines(10, 12))
    survey = new.survey([stream])
    family = family_of(survey)
    assert not may_be_moved(survey, family)
    family.is_blind = True
    assert not may_be_moved(survey, family)
    old.log.unlink()
    assert may_be_moved(survey, family)
    assert may_be_of(survey, family, stream)
