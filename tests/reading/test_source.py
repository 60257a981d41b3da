"""`eventcli.reading.source`: what can be read, under which name."""

import gzip
import io
import os
import stat
import sys
from contextlib import closing
from pathlib import Path
from socket import AF_UNIX, socket
from typing import BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli.readable import TruncatedError
from eventcli.reading.source import identity, open_source, read_all, refuse, size_of, stored
from eventcli.text import STDIN_NAME, Source, name_of
from process import open_descriptors

PATHS = st.binary(min_size=1, max_size=20).filter(lambda path: b"\0" not in path)


@given(PATHS)
def test_a_path_of_any_bytes_has_a_name(path: bytes) -> None:
    """The name of a path is valid text, and the path itself where that is valid text."""
    name = name_of(os.fsdecode(path))
    name.encode("utf-8")
    if path == b"-":
        assert name == STDIN_NAME
    else:
        assert name == path.decode("utf-8", "backslashreplace")
    assert name_of(Path(os.fsdecode(path))).encode("utf-8")


def test_streams_have_names() -> None:
    """A stream goes by its own name if it has one, else by what it is."""
    named = io.BytesIO()
    named.name = "events.jsonl"
    assert name_of(named) == "events.jsonl"
    assert name_of(io.BytesIO()) == "<BytesIO>"
    with open(os.devnull, "rb", buffering=0) as stream, open(os.dup(stream.fileno()), "rb") as numbered:
        assert name_of(cast("BinaryIO", stream)) == os.devnull
        assert name_of(numbered) == "<BufferedReader>"


def test_the_name_of_a_stream_is_valid_text(tmp_path: Path) -> None:
    """A stream that was opened by a path that is not UTF-8 has a name that can be printed and saved."""
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xff")
    try:
        Path(path).touch()
    except OSError:
        pytest.skip("this file system keeps UTF-8 names only")
    with open(path, "rb") as stream:
        name = name_of(stream)
    assert name.encode("utf-8") == name_of(path).encode("utf-8")


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_is_opened(kind: type[str | Path], tmp_path: Path) -> None:
    """A path as text or as Path is opened for reading, and closed in the end."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"a\n" * 100_000)
    before = open_descriptors()
    with open_source(kind(path)) as stream:
        assert read_all(stream) == b"a\n" * 100_000
    assert open_descriptors() == before


def test_a_stream_stays_open() -> None:
    """A stream of the caller is read as it is, and stays open."""
    stream = io.BytesIO(b"abc")
    with open_source(stream) as opened:
        assert read_all(opened) == b"abc"
    assert not stream.closed


def test_a_missing_file_is_a_missing_file(tmp_path: Path) -> None:
    """A path that does not exist is a FileNotFoundError."""
    with pytest.raises(FileNotFoundError):
        open_source(str(tmp_path / "missing"))


def test_what_holds_no_log_is_refused(tmp_path: Path) -> None:
    """A directory, a socket and a block device are an OSError that says so, and none is opened for it."""
    with pytest.raises(IsADirectoryError):
        open_source(tmp_path)
    with closing(socket(AF_UNIX)) as listener:
        listener.bind(str(tmp_path / "socket"))
    with pytest.raises(OSError, match="Is a socket"):
        open_source(tmp_path / "socket")
    with pytest.raises(OSError, match="Is a block device"):
        refuse(stat.S_IFBLK | 0o600)


def test_a_device_that_gives_characters_is_read() -> None:
    """The null device is an empty source, and has no identity that would make it count once."""
    with open_source(os.devnull) as stream:
        assert read_all(stream) == b""
    assert identity(os.stat(os.devnull)) is None


def test_a_file_of_the_kernel_is_read_to_its_end() -> None:
    """A file that says that it has no bytes and has some is read all the same."""
    if not Path("/proc/self/status").exists():
        pytest.skip("there are no files of processes here")
    with open_source("/proc/self/status") as stream:
        assert b"Name:" in read_all(stream)


def test_a_file_is_read_up_to_the_size_that_it_had(tmp_path: Path) -> None:
    """What is written behind a file after it was opened is not read; where its end is taken away, it is truncated."""
    path = tmp_path / "log"
    path.write_bytes(b"a\n" * 1000)
    buffer = memoryview(bytearray(1000))
    with open_source(path) as stream, path.open("ab") as file:
        file.write(b"b\n" * 1000)
        file.flush()
        assert read_all(stream) == b"a\n" * 1000
    with open_source(path) as stream:
        stream.readinto(buffer)
        os.truncate(path, 100)
        with pytest.raises(TruncatedError, match="the file had 4000 bytes when it was opened"):
            stream.readinto(buffer)


@given(st.lists(st.integers(0, 1000), max_size=5), st.booleans(), st.booleans())
def test_bytes_can_be_left_out(counts: list[int], compressed: bool, seekable: bool) -> None:  # noqa: FBT001  # drawn
    """Leaving out as many bytes as one likes, wherever one stands, leads to the same place in every kind of stream."""
    content = b"".join(b'{"%d":0}\n' % number for number in range(200))
    data = gzip.compress(content) if compressed else content
    with open_source(io.BytesIO(data) if seekable else cast("BinaryIO", OnlyRead(data))) as stream:
        place = 0
        for count in counts:
            assert stream.skip(count) == min(count, len(content) - place)
            place = min(place + count, len(content))
        assert read_all(stream) == content[place:]


class OnlyRead:
    """A stream in which one cannot go back."""

    def __init__(self, data: bytes) -> None:
        self.read = io.BytesIO(data).read


@pytest.mark.parametrize("path", ["-", Path("-")])
def test_a_dash_is_standard_input(path: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` is standard input, which is not closed, so that it can be asked for twice."""
    (tmp_path / "input").write_bytes(b"abc")
    with open(tmp_path / "input", encoding="utf-8") as standard_input:
        monkeypatch.setattr(sys, "stdin", standard_input)
        with open_source(path) as stream:
            assert read_all(stream) == b"abc"
        with open_source(path) as stream:
            assert read_all(stream) == b""
        assert not standard_input.closed
    assert name_of(path) == STDIN_NAME == "<stdin>"


def test_closed_standard_input_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a process has no standard input, reading it is an OSError."""
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(OSError, match="Standard input is closed"):
        open_source("-")


def test_sizes_before_and_while_a_source_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A regular file has a size, and a position in what is stored, compressed or not; a pipe has neither."""
    path = str(tmp_path / "events.jsonl.gz")
    data = gzip.compress(os.urandom(3_000_000))
    Path(path).write_bytes(data)
    assert size_of(path) == len(data)
    assert size_of(str(tmp_path / "missing")) == 0
    assert size_of("s3://bucket/events.jsonl") is None
    buffer = memoryview(bytearray(1_000_000))
    with open_source(path) as stream:
        assert stored(stream) == (0, len(data))
        stream.readinto(buffer)
        position, size = stored(stream)
        assert size == len(data)
        assert position is not None
        assert 1_000_000 <= position < 2_000_000
    assert stored(stream) == (None, None)
    reader, writer = os.pipe()
    os.close(writer)
    with open(reader, encoding="utf-8") as standard_input:
        monkeypatch.setattr(sys, "stdin", standard_input)
        assert size_of("-") is None
        with open_source("-") as stream:
            assert stored(stream) == (None, None)
    with open_source(io.BytesIO(b"abc")) as stream:
        assert stored(stream) == (None, None)
