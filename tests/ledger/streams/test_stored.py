"""Files are open only while they are read, few at a time."""

import os
from itertools import pairwise
from pathlib import Path

import pytest

from eventcli.ledger.streams.content import File
from eventcli.ledger.streams.stored import Descriptors
from simulation import open_descriptors


def test_few_files_are_open_at_a_time(tmp_path: Path) -> None:
    """However many files are read in turns, two are open at most, and none is when a run has ended."""
    before = open_descriptors()
    descriptors = Descriptors()
    files = []
    for number in range(20):
        path = tmp_path / str(number)
        path.write_text(f"{number}\n" * 9)
        files.append(File(str(path), descriptors=descriptors))
    for end in (2, 4, 6):
        for first, second in pairwise(files):
            for file in (first, second, first):
                assert file.window(end) == (tmp_path / file.path).read_bytes()[:end]
                assert len(open_descriptors() - before) <= 2
    files[0].close()
    descriptors.close()
    assert open_descriptors() == before


def test_nothing_is_closed_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interruption while a file is closed does not make the end of the run close it again."""
    before = open_descriptors()
    path = tmp_path / "log"
    path.write_text("line\n")
    descriptors = Descriptors()
    file = File(str(path), descriptors=descriptors)
    assert file.window(5) == b"line\n"

    def interrupted(descriptor: int, close=os.close) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001  # a builtin
        close(descriptor)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "close", interrupted)
        with pytest.raises(KeyboardInterrupt):
            file.close()
    descriptors.close()
    assert open_descriptors() == before
