"""Files are open only while they are read, few at a time."""

from itertools import pairwise
from pathlib import Path

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
