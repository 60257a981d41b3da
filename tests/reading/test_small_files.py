"""`eventcli.reading.small_files`: what is in a directory, and what is read of small files, alike with either body."""

import gzip
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eventcli import Query
from eventcli.folding.bodies import new_fold
from eventcli.reading.blocks import BYTE_ORDER_MARK
from eventcli.reading.listing import DIRECTORY, LINK, OTHER, REGULAR, Entries, entries
from eventcli.reading.small_files import Known, Read
from process import environment, run

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


def known(paths: Sequence[str]) -> Known:
    """Return files of one device as they are now."""
    statuses = [os.stat(path) for path in paths]
    return Known(paths, statuses[0].st_dev if statuses else 0, [status.st_ino for status in statuses])


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
        folded = new_fold(Query()).add_files(known(paths), buffer, enough, once=True)
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
        fold = new_fold(Query())
        lines: list[int] = []
        sizes: list[int] = []
        while True:
            buffer = memoryview(bytearray(1000))
            done = len(lines)
            folded = fold.add_files(known(paths[done:]), buffer, enough, marks=marks)
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
    file = known([str(path)])
    buffer = memoryview(bytearray(100))
    assert new_fold(Query()).add_files(file, buffer, 100, once=True).read.lines == [1]
    elsewhere = file._replace(device=file.device + 1)
    assert new_fold(Query()).add_files(elsewhere, buffer, 100, once=True).read.lines == []
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
        folded = new_fold(Query()).add_files(file, buffer, 100)
        assert (folded.lines, folded.read.ends) == ([], []), (body, change)
    os.close(keeper)


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
    names, letters, device, inodes = entries(str(tmp_path))
    assert (names, letters) == ([os.fsdecode(name) for name in kinds], "".join(kinds.values())), body
    assert device == tmp_path.stat().st_dev
    regular = [at for at, letter in enumerate(letters) if letter == REGULAR]
    assert [inodes[at] for at in regular] == [os.stat(tmp_path / names[at]).st_ino for at in regular]
    assert entries(str(tmp_path / "b")) == Entries([], "", device, [])
    for other, error in ((tmp_path / "a", NotADirectoryError), (tmp_path / "none", FileNotFoundError)):
        with pytest.raises(error) as raised:
            entries(str(other))
        assert raised.value.filename == str(other)


ODD_NAMES: Final = (b"caf\xc3\xa9.log", b"caf\xe9.log", b"\xa2\xcc.log", b"\xa4\x51\\.log", b"\x81\x5f\xff\x81.log")
"""Names in UTF-8, Latin-1 and Big5; the third decodes to a character that Big5 encodes otherwise; one is no text."""


@pytest.fixture(scope="module", params=["en_US.ISO-8859-1", "zh_TW.BIG5", "ja_JP.EUC-JP", "C", "C.UTF-8"])
def locale(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment of a process in a locale, which is made where the machine has none."""
    name: str = request.param
    if name == "C":
        return {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    if name == "C.UTF-8":
        return {"LC_ALL": name}
    if shutil.which("localedef") is None:
        pytest.skip("localedef is not installed")
    folder = tmp_path_factory.mktemp("locales")
    language, _, charset = name.partition(".")
    command = ["localedef", "-c", "-i", language, "-f", charset, str(folder / name)]
    made = subprocess.run(command, capture_output=True, check=False)
    if not (folder / name).is_dir():
        pytest.skip(f"localedef: {made.stderr.decode(errors='replace')}")
    return {"LOCPATH": str(folder), "LC_ALL": name}


def test_names_are_bytes_in_every_locale(body: str, locale: dict[str, str], tmp_path: Path) -> None:
    """Whatever encoding the locale has, each file of a directory is read, and links and those below, too."""
    folder = os.fsencode(tmp_path)
    kept = os.path.join(folder, b"kept-\xe9")
    os.makedirs(os.path.join(folder, b"below-\xe9\xa2\xcc"))
    os.mkdir(kept)
    for at, name in enumerate(ODD_NAMES):
        for path in (name, b"below-\xe9\xa2\xcc/" + name):
            Path(os.fsdecode(os.path.join(folder, path))).write_bytes(LINE + b"\nbad\n" * (at + 1))
        Path(os.fsdecode(os.path.join(kept, name))).write_bytes(LINE)
        os.symlink(os.path.join(kept, name), os.path.join(folder, b"link-" + name))
    env = environment(EVENTSTATS_KERNEL=body, **locale)
    rejects = tmp_path / "rejects.jsonl"
    args = ("-f", "jsonl", "--exclude", "kept*", "--rejects", str(rejects))
    ended = run(folder, *args, env=env)
    count = 3 * len(ODD_NAMES)
    assert (ended.status, ended.stdout) == (0, b'{"type":"a","count":%d,"sum":%d}\n' % (count, count)), ended.stderr
    assert "no such file" not in ended.stderr.lower()
    sources = [json.loads(line)["source"] for line in rejects.read_bytes().splitlines()]
    assert len(set(sources)) == 2 * len(ODD_NAMES)
    for pattern in (b"*.log", b"*/*.log", *ODD_NAMES[:2]):
        ended = run(os.path.join(folder, pattern), "-f", "jsonl", env=env)
        found = {b"*.log": 2, b"*/*.log": 2}.get(pattern)
        expected = 1 if found is None else found * len(ODD_NAMES)
        assert ended.stdout == b'{"type":"a","count":%d,"sum":%d}\n' % (expected, expected), (pattern, ended.stderr)


@pytest.mark.usefixtures("body")
def test_inodes_are_those_of_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a directory tells other inodes than its files have, as overlays may, the files are asked."""
    for name in "abc":
        (tmp_path / name).touch()
    (tmp_path / "0").mkdir()
    told = entries(str(tmp_path)).inodes
    lstat = os.lstat

    def other(path: str) -> os.stat_result:
        if path.endswith("b"):
            raise FileNotFoundError(path)
        status = lstat(path)
        return os.stat_result((status.st_mode, status.st_ino + 1, *status[2:]))

    monkeypatch.setattr(os, "lstat", other)
    zero, first, second, third = entries(str(tmp_path)).inodes
    assert (first, second, third) == (told[1] + 1, told[2], told[3] + 1)
    assert zero
