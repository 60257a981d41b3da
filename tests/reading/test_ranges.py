"""`reading.ranges`: wherever a file is cut, each line is in one range; a range is a source like any other."""

import gzip
import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from eventcli import ByteRange, Reject, Status, Summary, summarize, testing
from eventcli.reading.compression.encodings import is_plain

EVENT = b'{"type":"a","value":1}\n'

LINES = st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), max_size=12)
"""Lines of any bytes, many of them shorter than a range and some longer."""


def written(folder: Path, data: bytes) -> str:
    """Write a file, and return its path."""
    path = folder / "log"
    path.write_bytes(data)
    return str(path)


def bytes_of(part: ByteRange, block_size: int, max_line: int = 1000) -> list[tuple[int, bytes]]:
    """Return the lines of a range that are no events, with their offsets: all lines but blank ones."""
    rejects: list[Reject] = []
    summarize(part, on_reject=rejects.append, block_size=block_size, max_line=max_line, jobs=1)
    return [(reject.offset, reject.raw) for reject in rejects]


@given(data=st.data(), lines=LINES, is_ended=st.booleans(), mark=st.sampled_from([b"", b"\xef\xbb\xbf"]))
def test_any_cutting_gives_each_line_once(
    body: str,
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
    lines: list[bytes],
    is_ended: bool,  # noqa: FBT001  # drawn
    mark: bytes,
) -> None:
    """However a file is cut, its ranges have the lines of the whole file, at the same offsets, and all its bytes."""
    text = mark + b"\n".join(lines) + b"\n" * is_ended
    assume(is_plain(text))
    path = written(tmp_path_factory.mktemp("ranges"), text)
    inner = data.draw(st.lists(st.integers(0, len(text)), max_size=6), "cuts")
    parts = [ByteRange(path, *ends) for ends in pairwise([0, *sorted(inner), len(text)])]
    block_size = data.draw(st.integers(1, 60), "block size")
    limit = data.draw(st.sampled_from([5, 1000]), "limit")
    whole = bytes_of(ByteRange(path), block_size, limit)
    assert [line for part in parts for line in bytes_of(part, block_size, limit)] == whole
    rejects: list[Reject] = []
    summarize(path, on_reject=rejects.append, max_line=limit)
    assert [(reject.offset, reject.raw) for reject in rejects] == whole, body
    reports = summarize(parts, max_line=limit, block_size=block_size).sources
    assert sum(report.bytes for report in reports) == len(text)
    assert sum(report.lines for report in reports) == summarize(path, max_line=limit).account.lines


@given(log=testing.logs(), data=st.data())
def test_ranges_add_up_to_the_file(
    body: str, tmp_path_factory: pytest.TempPathFactory, log: bytes, data: st.DataObject
) -> None:
    """The ranges of a log, read one by one, merge to the Summary of the log, and read together they are that, too."""
    path = written(tmp_path_factory.mktemp("ranges"), log)
    inner = sorted(data.draw(st.lists(st.integers(0, len(log)), max_size=5, unique=True)))
    parts = [*(ByteRange(path, *ends) for ends in pairwise([0, *inner])), ByteRange(path, [0, *inner][-1])]
    whole = summarize(path)
    merged = Summary()
    for part in parts:
        merged = merged.merge(summarize(part))
    together = summarize(parts, jobs=3)
    for summary in (merged, together):
        assert (summary.types, summary.account) == (whole.types, whole.account), body


def test_who_owns_the_first_byte_owns_the_line(body: str, tmp_path: Path) -> None:
    """A line that begins in a range is read to its end, and one that began before it is not read."""
    path = written(tmp_path, EVENT * 3)
    size = len(EVENT)
    counts = [summarize(ByteRange(path, *ends)).account.lines for ends in [(0, 1), (1, size), (size, size + 1)]]
    assert counts == [1, 0, 1], body
    assert summarize(ByteRange(path, 1)).account.lines == 2
    assert summarize(ByteRange(path, size - 1, size)).account.lines == 0
    assert summarize(ByteRange(path, 5, 5)).account.lines == 0


def test_a_range_counts_once(body: str, tmp_path: Path) -> None:
    """The same range of one file counts once, under whatever name; other ranges of it are other lines."""
    path = written(tmp_path, EVENT * 2)
    link = tmp_path / "link"
    link.symlink_to(path)
    repeats: list[tuple[str, str]] = []
    size = len(EVENT)
    parts = [ByteRange(path, 0, size), ByteRange(str(link), 0, size), ByteRange(path, size)]
    summary = summarize(parts, on_repeat=lambda name, other: repeats.append((name, other)))
    assert summary["a"].count == 2, body
    assert repeats == [(str(link), path)]


def test_what_has_no_ranges_is_an_error(body: str, tmp_path: Path) -> None:
    """A compressed file, a pipe, a directory, and a file that ends before its range, fail and say why."""
    path = written(tmp_path, EVENT)
    packed, pipe = tmp_path / "log.gz", tmp_path / "pipe"
    packed.write_bytes(gzip.compress(EVENT))
    os.mkfifo(pipe)
    names = [str(packed), str(pipe), str(tmp_path), path, str(tmp_path / "none")]
    summary = summarize([ByteRange(name, 1, 100) for name in names], on_problem=lambda _: None)
    found = {report.name: (report.status, report.message) for report in summary.sources}
    assert [found[name] for name in names] == [
        (Status.UNREADABLE, "compressed with gzip: a byte range of it has no lines"),
        (Status.UNREADABLE, "Is no regular file, so it has no byte ranges"),
        (Status.UNREADABLE, "Is a directory"),
        (Status.TRUNCATED, "the file ends before the range does (100), at byte 23"),
        (Status.MISSING, "No such file or directory"),
    ], body
    with pytest.raises(OSError, match="byte ranges"):
        summarize(ByteRange(str(pipe)))


@pytest.mark.parametrize(("start", "end"), [(-1, None), (2, 1)])
def test_a_range_that_cannot_be_is_refused(start: int, end: int | None) -> None:
    """A range begins in the file, and does not end before it begins."""
    with pytest.raises(ValueError, match="there are no bytes"):
        ByteRange("log", start, end)


def test_a_range_of_a_long_line_needs_no_memory(body: str, tmp_path: Path) -> None:
    """A range within a line that is longer than any buffer skips it, and the range that owns it rejects it once."""
    path = written(tmp_path, b"x" * 500_000 + b"\n" + EVENT)
    cuts = [0, 100_000, 200_000, 499_999, 500_000, 500_001, os.stat(path).st_size]
    summaries = [summarize(ByteRange(path, *ends), max_line=1000) for ends in pairwise(cuts)]
    assert [summary.account.lines for summary in summaries] == [1, 0, 0, 0, 0, 1], body
    assert summaries[0].account.rejected == {"line_too_long": 1}
