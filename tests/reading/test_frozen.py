"""`reading.frozen`: a file is opened only if it still holds the bytes that it had when it was listed."""

import os
from pathlib import Path

import pytest

from eventcli.readable import ReplacedError, TruncatedError
from eventcli.reading.frozen import FileState, FrozenFile


def test_a_file_that_grows_is_read_as_it_was(tmp_path: Path) -> None:
    """What is appended after the listing, before or after the opening, is not read."""
    path = tmp_path / "a.log"
    path.write_bytes(b"one\n")
    state = FileState.of(path.stat())
    with path.open("ab") as log:
        log.write(b"two\n")
    with FrozenFile(str(path), state) as file:
        with path.open("ab") as log:
            log.write(b"three\n")
        buffer = memoryview(bytearray(100))
        assert bytes(buffer[: file.readinto(buffer)]) == b"one\n"
        file.check()


def test_a_longer_file_at_its_inode_is_told_from_one_that_has_grown(tmp_path: Path) -> None:
    """A file that was written anew in place is replaced, also while it is read, wherever its ends differ."""
    path = tmp_path / "a.log"
    before = b"begin\n" + b"middle\n" * 5000 + b"end\n"
    for after in (b"other\n" + before[6:], before[:-4] + b"und\n", b"short"):
        path.write_bytes(before)
        state = FileState.of(path.stat()).with_ends(str(path))
        with FrozenFile(str(path), state) as file:
            path.write_bytes(after + b"more\n" * 9000)
            with pytest.raises(ReplacedError):
                file.check()
        with pytest.raises(ReplacedError):
            FrozenFile(str(path), state)
        path.write_bytes(before)
        state = FileState.of(path.stat()).with_ends(str(path))
        path.write_bytes(before + b"more\n")
        FrozenFile(str(path), state).close()


def test_a_file_that_is_another_one_already_has_no_ends(tmp_path: Path) -> None:
    """A file that changed, is empty, or cannot be opened keeps the state that it had when it was listed."""
    path = tmp_path / "a.log"
    path.write_bytes(b"")
    state = FileState.of(path.stat())
    assert state.with_ends(str(path)) == state
    path.write_bytes(b"one\n")
    state = FileState.of(path.stat())
    path.unlink()
    assert state.with_ends(str(path)) == state


def test_a_shorter_file_is_truncated(tmp_path: Path) -> None:
    """A file that was cut is an error when it is opened, and also when that happens while it is read."""
    path = tmp_path / "a.log"
    path.write_bytes(b"one\ntwo\n")
    state = FileState.of(path.stat())
    with FrozenFile(str(path), state) as file:
        os.truncate(path, 4)
        with pytest.raises(TruncatedError, match="had 8 bytes when it was listed, and was cut since then, at byte 4"):
            file.check()
    with pytest.raises(TruncatedError):
        FrozenFile(str(path), state)


def test_another_file_at_its_path_is_no_longer_it(tmp_path: Path) -> None:
    """A file that was replaced by another, or rewritten in place, is an error; its bytes do not count."""
    path, other = tmp_path / "a.log", tmp_path / "b.log"
    path.write_bytes(b"one\n")
    state = FileState.of(path.stat())
    with FrozenFile(str(path), state) as file:
        other.write_bytes(b"another\n")
        os.replace(other, path)
        file.check()
    with pytest.raises(ReplacedError):
        FrozenFile(str(path), state)
    state = FileState.of(path.stat())
    os.utime(path, ns=(5, 5))
    with pytest.raises(ReplacedError):
        FrozenFile(str(path), state)


def test_what_took_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    """A pipe or a directory at the path of a file is an error at once."""
    path = tmp_path / "a.log"
    path.write_bytes(b"one\n")
    state = FileState.of(path.stat())
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(OSError, match="replaced"):
        FrozenFile(str(path), state)
    path.unlink()
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        FrozenFile(str(path), state)


def test_the_device_does_not_count(tmp_path: Path) -> None:
    """Another machine has another inode for a file of a mounted store: its size and time are enough."""
    path = tmp_path / "a.log"
    path.write_bytes(b"one\n")
    state = FileState.of(path.stat())
    with FrozenFile(str(path), state._replace(inode=state.inode + 1)) as file:
        file.check()
