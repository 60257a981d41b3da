"""`eventcli.source`: what can be read, under which name."""

import gzip
import io
import os
import sys
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli.source import STDIN_NAME, Source, name_of, open_source, read_all, size_of, stored

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
    before = os.listdir("/dev/fd")
    with open_source(kind(path)) as stream:
        assert read_all(stream) == b"a\n" * 100_000
    assert os.listdir("/dev/fd") == before


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


def test_a_directory_cannot_be_read(tmp_path: Path) -> None:
    """A directory is an OSError."""
    with pytest.raises(IsADirectoryError):
        open_source(tmp_path)


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
