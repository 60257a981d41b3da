"""`eventcli.files`: what is in a directory, what small files are, and what is read of them, alike with either body."""

import gzip
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eventcli import Query
from eventcli.blocks import BYTE_ORDER_MARK
from eventcli.files import DIRECTORY, LINK, OTHER, REGULAR, Entries, Known, Read, Statuses, entries, look_at
from eventcli.fold import new_fold
from eventcli.source import identity

LINE: Final = b'{"type":"a","value":1}'

CONTENTS: Final = st.one_of(
    st.builds(
        bytes.__add__,
        st.sampled_from([b"", BYTE_ORDER_MARK]),
        st.lists(st.sampled_from([LINE + b"\n", b"\n", b" bad\n", LINE]), max_size=4).map(b"".join),
    ),
    st.sampled_from([b"PK\x03\x04", gzip.compress(LINE), b"bad\n", b"\x00" + LINE, BYTE_ORDER_MARK[:2]]),
)
"""Contents of small files: lines, with and without the last newline, and what is no text."""


def keys_of(paths: Iterable[str]) -> list[tuple[int, int]]:
    """Return what each file shares with its links."""
    return [key for path in paths if (key := identity(os.stat(path))) is not None]


def expected(contents: Iterable[bytes], room: int, enough: int) -> Read:
    """Return what is read of files with these contents, where a plain walk is done over them."""
    read = Read([], [], [], [], [])
    end = 0
    for data in contents:
        text = data.removeprefix(BYTE_ORDER_MARK)
        is_certain = data[:1] in (b"{", b" ", b"\n", BYTE_ORDER_MARK[:1])
        if end >= enough or not is_certain or end + len(data) >= room:
            break
        lines = text if text.endswith(b"\n") or not text else text + b"\n"
        row = (end, end + len(lines), len(data) - len(text), lines.count(b"\n"), len(data))
        for column, value in zip(read, row, strict=True):
            column.append(value)
        end += len(lines)
    return read


@pytest.mark.usefixtures("body")
@given(st.lists(CONTENTS, max_size=8), st.integers(1, 200), st.integers(1, 200))
@example([LINE + b"\n", BYTE_ORDER_MARK, LINE], 2 * len(LINE) + 4, 999)
def test_files_are_read_one_behind_the_other(contents: list[bytes], room: int, enough: int) -> None:
    """Files lie in the buffer line by line, up to the first that is no plain text, has no room, or is not needed."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [f"{folder}/{number}" for number in range(len(contents))]
        for path, data in zip(paths, contents, strict=True):
            Path(path).write_bytes(data)
        buffer = memoryview(bytearray(room))
        folded = new_fold(Query()).add_files(Known(paths, keys_of(paths)), buffer, enough, once=True)
    assert (folded.lines, folded.sizes) == ([], [])
    assert folded.read == expected(contents, room, enough)
    text = b"".join(data.removeprefix(BYTE_ORDER_MARK) for data in contents[: len(folded.read.ends)])
    lines = [line for line in bytes(buffer[: max(folded.read.ends, default=0)]).split(b"\n") if line]
    assert b"".join(lines) == text.replace(b"\n", b"")
    assert sum(part.lines for part in folded.parts) == sum(folded.read.lines)


@pytest.mark.usefixtures("body")
@given(st.lists(CONTENTS, max_size=12), st.integers(1, 200), st.booleans())
def test_files_are_folded_until_something_is_to_be_said(contents: list[bytes], enough: int, marks: bool) -> None:  # noqa: FBT001  # drawn
    """Whichever files are folded at once, and whichever stay in the buffer, their lines and sizes are the same."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [f"{folder}/{number}" for number in range(len(contents))]
        for path, data in zip(paths, contents, strict=True):
            Path(path).write_bytes(data)
        keys = keys_of(paths)
        fold = new_fold(Query())
        lines: list[int] = []
        sizes: list[int] = []
        while True:
            buffer = memoryview(bytearray(1000))
            done = len(lines)
            folded = fold.add_files(Known(paths[done:], keys[done:]), buffer, enough, marks=marks)
            assert sum(part.lines for part in folded.parts) == sum(folded.read.lines)
            lines += folded.lines + folded.read.lines
            sizes += folded.sizes + folded.read.sizes
            if len(lines) == done:
                break
    every = expected(contents, 1000, 1000)
    assert (lines, sizes) == (every.lines, every.sizes)
    assert fold.account().lines == sum(lines)


def test_a_file_that_is_another_one_by_now_is_not_read(body: str, tmp_path: Path) -> None:
    """A file is read if it is the one that was looked at; one that is gone, replaced or no file any more is left."""
    path = tmp_path / "a"
    path.write_bytes(LINE)
    keys = keys_of([str(path)])
    buffer = memoryview(bytearray(100))
    assert new_fold(Query()).add_files(Known([str(path)], keys), buffer, 100, once=True).read.lines == [1]
    keeper = os.open(path, os.O_RDONLY)  # so that the inode is not used again
    for change in ("gone", "pipe", "directory", "replaced"):
        if change == "gone":
            path.unlink()
        elif change == "pipe":
            os.mkfifo(path)
        elif change == "directory":
            path.unlink()
            path.mkdir()
        else:
            path.rmdir()
            path.write_bytes(LINE)
        folded = new_fold(Query()).add_files(Known([str(path)], keys), buffer, 100)
        assert (folded.lines, folded.read.ends) == ([], []), (body, change)
    os.close(keeper)


def test_what_files_are(body: str, tmp_path: Path) -> None:
    """Small regular files are looked at until there are enough bytes, as what links lead to, up to what is none."""
    paths = [str(tmp_path / name) for name in "abcdef"]
    for number, path in enumerate(paths[:3]):
        Path(path).write_bytes(bytes(number))
    os.symlink(paths[2], paths[3])
    os.mkdir(paths[4])
    keys = keys_of(paths[:4])
    assert keys[2] == keys[3]
    assert look_at(paths, 2, 100) == Statuses(keys, [0, 1, 2, 2]), body
    assert look_at(paths, 1, 100) == Statuses(keys[:2], [0, 1])
    assert look_at(paths, 2, 1) == Statuses(keys[:2], [0, 1])
    assert look_at(paths[4:], 9999, 9999) == look_at(paths[5:], 9999, 9999) == look_at([], 1, 1) == Statuses([], [])


def test_entries_of_a_directory(body: str, tmp_path: Path) -> None:
    """A directory is listed in the order of the bytes of the names, with the kind of each; links are not followed."""
    kinds = {
        b"a": REGULAR,
        b"b": DIRECTORY,
        b"b.c": REGULAR,
        b"link": LINK,
        b"pipe": OTHER,
        "\uffee".encode(): REGULAR,
        b"\xff": REGULAR,
    }
    for name, kind in kinds.items():
        path = tmp_path / os.fsdecode(name)
        if kind == REGULAR:
            path.touch()
        elif kind == DIRECTORY:
            path.mkdir()
        elif kind == LINK:
            path.symlink_to("b")
        else:
            os.mkfifo(path)
    assert entries(str(tmp_path)) == Entries([os.fsdecode(name) for name in kinds], "".join(kinds.values())), body
    assert entries(str(tmp_path / "b")) == Entries([], "")
    for other, error in ((tmp_path / "a", NotADirectoryError), (tmp_path / "none", FileNotFoundError)):
        with pytest.raises(error) as raised:
            entries(str(other))
        assert raised.value.filename == str(other)
