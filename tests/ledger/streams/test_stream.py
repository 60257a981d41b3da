"""What a file holds is told by its content."""

import bz2
import gzip
import os
import shutil
from pathlib import Path

import pytest

from eventcli.ledger.streams.content import File, note_content, note_place
from eventcli.ledger.streams.planner import Planner
from eventcli.ledger.streams.registry import Registry
from eventcli.ledger.streams.search import candidates
from eventcli.ledger.streams.stream import State, Stream
from eventcli.reading.fingerprints import WINDOW
from eventcli.reading.rotations import rotations

LINE = b'{"type":"a","value":1}\n'


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("app.log.1", "app.log"),
        ("app.log.12.gz", "app.log"),
        ("app.log-20260101", "app.log"),
        ("app.log-20260101.zst", "app.log"),
        ("app.log-2026-01-01", "app.log"),
        ("app.log-20260101-1767225600.gz", "app.log"),
        ("app.log.2026-01-01T10_00_00Z", "app.log"),
        ("app-20260101.log", "app.log"),
        ("app.1.log", "app.log"),
        ("app-2026-01-01.log.xz", "app.log"),
        ("app.log.old", "app.log"),
        ("app.log.gz", "app.log"),
    ],
)
def test_rotated_names(name: str, base: str) -> None:
    """The names that logrotate, newsyslog and loggers give to rotated files are known."""
    assert base in [rotation.base for rotation in rotations(name)]


@pytest.mark.parametrize("name", ["app.log", "app.log.bak", "worker-2.log", "app.log.tmp", "xapp.log.1", ".1", "1"])
def test_other_names_are_no_rotated_files(name: str) -> None:
    """The file itself, copies by hand, and other logs beside it are not taken for rotated files of it."""
    assert not {"app.log", "worker.log", ""} & {rotation.base for rotation in rotations(name)}


def test_the_oldest_generation_comes_first() -> None:
    """Numbers count down to the newest, dates up."""
    names = ["app.log.2.gz", "app.log.10.gz", "app.log.1", "app.log-20260102", "app.log-20260101.gz"]
    order = sorted(names, key=lambda name: next(iter(rotations(name))).generation)
    assert order == ["app.log-20260101.gz", "app.log-20260102", "app.log.10.gz", "app.log.2.gz", "app.log.1"]


def _seen(path: Path, end: int) -> Stream:
    """Return a stream of which so many bytes of a file were seen."""
    file = File(str(path))
    stream = Stream("key", str(path))
    note_place(stream, file)
    note_content(stream, file, end)
    stream.offset = end
    file.close()
    return stream


@pytest.mark.parametrize("size", [1, 100, WINDOW - 1, WINDOW, WINDOW + 1, 3 * WINDOW])
def test_a_file_proves_the_stream_that_it_begins_with(size: int, tmp_path: Path) -> None:
    """For a stream of any size: the file itself, a longer one and a compressed one prove it; any change does not."""
    path = tmp_path / "log"
    data = b"".join(b"%d\n" % number for number in range(size))[: size - 1] + b"\n"
    path.write_bytes(data)
    stream = _seen(path, size)
    for name, content in {
        "same": data,
        "longer": data + LINE,
        "gz": gzip.compress(data),
        "bz2": bz2.compress(data + LINE),
    }.items():
        (tmp_path / name).write_bytes(content)
        file = File(str(tmp_path / name))
        assert file.proves(stream), name
        file.close()
    others = {"shorter": data[:-1], "first": b"x" + data[1:], "last": data[:-1] + b"x", "empty": b""}
    for name, content in others.items():
        (tmp_path / name).write_bytes(content)
        file = File(str(tmp_path / name))
        assert not file.proves(stream) or content == data, name
        file.close()


def test_nothing_seen_proves_nothing(tmp_path: Path) -> None:
    """A stream of which nothing was seen is proved by no file."""
    path = tmp_path / "log"
    path.write_bytes(LINE)
    assert not File(str(path)).proves(_seen(path, 0))


def test_an_archive_is_refused(tmp_path: Path) -> None:
    """What is neither a log nor a compressed log is an OSError."""
    (tmp_path / "log").write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(OSError, match="zip"):
        File(str(tmp_path / "log")).peek()


def test_another_file_at_the_path_is_noticed(tmp_path: Path) -> None:
    """A file that took the place of the one that was looked at is not read for it."""
    path = tmp_path / "log"
    path.write_bytes(LINE)
    file = File(str(path))
    file.close()
    (tmp_path / "new").write_bytes(LINE)
    (tmp_path / "new").replace(path)
    with pytest.raises(OSError, match="another file"):
        file.descriptor()


def _plan(registry: Registry, *paths: Path) -> tuple[list[tuple[str, str, State]], list[str]]:
    keys = iter(f"new{number}" for number in range(100))
    plan = Planner(registry, lambda: next(keys)).plan([str(path) for path in paths])
    return (
        [(reading.stream.key, os.path.basename(reading.file.path), reading.state) for reading in plan.readings],
        [loss.message for loss in plan.losses],
    )


def test_a_rotated_stream_is_read_before_the_new_one(tmp_path: Path) -> None:
    """When the named file holds something new, the rest of the old stream is read first, where it is now."""
    log = tmp_path / "app.log"
    log.write_bytes(LINE)
    stream = _seen(log, len(LINE))
    log.rename(tmp_path / "app.log.1")
    log.write_bytes(b"new\n")
    assert _plan(Registry([stream]), log) == (
        [("key", "app.log.1", State.ROTATED), ("new0", "app.log", State.LIVE)],
        [],
    )


def test_siblings_of_before_are_left_alone(tmp_path: Path) -> None:
    """What was rotated before a log was first asked for is not read, then or later, unless it is named."""
    log, sibling = tmp_path / "app.log", tmp_path / "app.log.1"
    log.write_bytes(LINE)
    sibling.write_bytes(b"before\n")
    registry = Registry([])
    assert _plan(registry, log) == ([("new0", "app.log", State.LIVE)], []) or [one.state for one in registry]
    assert [one.state for one in registry] == [State.IGNORED, State.LIVE]
    assert [name for _, name, _ in _plan(registry, log)[0]] == ["app.log"]
    assert [name for _, name, _ in _plan(registry, log, sibling)[0]] == ["app.log.1", "app.log"]


def test_a_copy_beside_the_log_is_not_read(tmp_path: Path) -> None:
    """Of two files of which one is the beginning of the other, one is read, and the longer one if both are new."""
    short, long = tmp_path / "a", tmp_path / "b"
    short.write_bytes(LINE + b"1\n")
    long.write_bytes(LINE + b"1\n" + LINE)
    assert [name for _, name, _ in _plan(Registry([]), short, long)[0]] == ["b"]


def test_logs_that_share_no_more_than_one_line_are_two(tmp_path: Path) -> None:
    """Two logs that are both named and hold the same line, again and again, are two; of rotated files it is a copy."""
    first, second, copy = tmp_path / "a", tmp_path / "b", tmp_path / "a.1"
    first.write_bytes(LINE * 2)
    second.write_bytes(LINE)
    copy.write_bytes(LINE)
    assert sorted(name for _, name, _ in _plan(Registry([]), first, second, copy)[0]) == ["a", "b"]


def test_files_that_only_begin_alike_are_different_streams(tmp_path: Path) -> None:
    """Two logs with the same first lines are two streams as soon as they differ."""
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(LINE + b"1\n")
    second.write_bytes(LINE + b"2\n")
    stream = _seen(first, len(LINE))
    assert [key for key, _, _ in _plan(Registry([stream]), first, second)[0]] == ["key", "new0"]


def test_a_log_that_begins_with_the_same_line_in_each_generation(tmp_path: Path) -> None:
    """Where no more than a common first line was read, a copy beside the log tells that the log began anew."""
    log = tmp_path / "app.log"
    log.write_bytes(LINE)
    stream = _seen(log, len(LINE))
    with log.open("ab") as file:
        file.write(b"old\n")
    shutil.copyfile(log, tmp_path / "app.log.1")
    os.truncate(log, 0)
    with log.open("ab") as file:
        file.write(LINE + b"new\n")
    assert [(key, name) for key, name, _ in _plan(Registry([stream]), log)[0]] == [
        ("key", "app.log.1"),
        ("new0", "app.log"),
    ]


def test_a_log_that_is_gone_is_lost_only_where_one_can_look(tmp_path: Path) -> None:
    """A log that vanished from its folder is lost; one whose folder vanished, as of a network disk, is not."""
    folder = tmp_path / "logs"
    folder.mkdir()
    log = folder / "app.log"
    log.write_bytes(LINE)
    stream = _seen(log, len(LINE))
    log.unlink()
    assert len(_plan(Registry([stream]), log)[1]) == 1
    folder.rmdir()
    assert _plan(Registry([stream]), log)[1] == []


def test_a_log_that_lost_its_end_goes_on_from_there(tmp_path: Path) -> None:
    """After more than 4 KiB in common, what is left of a log was counted; that something was cut is said."""
    log = tmp_path / "app.log"
    lines = [b"%06d\n" % number for number in range(2000)]
    log.write_bytes(b"".join(lines))
    stream = _seen(log, 14000)
    os.truncate(log, 7003)
    registry = Registry([stream])
    readings, losses = _plan(registry, log)
    assert [(key, name) for key, name, _ in readings] == [("new0", "app.log")]
    assert len(losses) == 1
    left = next(one for one in registry if one.key == "new0")
    assert (left.start, left.offset, left.lines) == (7000, 7000, 1000)


def test_a_stream_is_found_wherever_it_is(tmp_path: Path) -> None:
    """For proof, a stream is looked for where it was, among its siblings, and in other files that are given."""
    log, elsewhere = tmp_path / "app.log", tmp_path / "other" / "copy"
    log.write_bytes(LINE)
    stream = _seen(log, len(LINE))

    def found(*paths: str) -> list[str]:
        return [os.path.basename(file.path) for _, file in candidates([stream], paths) if file]

    assert found() == ["app.log"]
    log.rename(tmp_path / "app.log.3")
    assert found() == ["app.log.3"]
    elsewhere.parent.mkdir()
    (tmp_path / "app.log.3").rename(elsewhere)
    assert found() == []
    assert found(str(elsewhere)) == ["copy"]
