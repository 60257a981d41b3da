"""`eventcli.shortage`: a shortage is a sentence and a status, and threads can be done without."""

import errno
import io
import resource
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import process
from eventcli import summarize
from eventcli.shortage import shortage
from process import GOOD


def limited(kind: int, most: int) -> Callable[[], None]:
    """Return what sets a limit in a new process."""
    return lambda: resource.setrlimit(kind, (most, most))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "out of memory"),
        (OSError(errno.ENOMEM, ""), "out of memory"),
        (OSError(errno.EMFILE, ""), "too many open files for one process (`ulimit -n` raises the limit)"),
        (RuntimeError("can't start new thread"), "no thread can be started (`ulimit -u`)"),
        (ImportError("libx.so: failed to map segment from shared object"), "out of memory"),
        (RuntimeError("a bug"), None),
        (OSError(errno.EIO, ""), None),
    ],
)
def test_a_shortage_is_told_from_a_bug(error: Exception, words: str | None) -> None:
    """What there is not enough of has words; anything else has none."""
    assert shortage(error) == words


@pytest.mark.parametrize("megabytes", [16, 24, 32, 40, 44])
def test_little_memory_is_a_sentence(body: str, megabytes: int, tmp_path: Path) -> None:
    """However early memory ends, there is a result, or one line and status 3; never a traceback."""
    (tmp_path / "log").write_bytes(GOOD)
    limit = limited(resource.RLIMIT_AS, megabytes << 20)
    ended = process.run("log", "-f", "jsonl", cwd=tmp_path, before=limit)
    if ended.status:
        assert ended == process.Ended(3, b"", "eventstats: no result: out of memory\n"), body
    else:
        assert ended.stdout == b'{"type":"a","count":1,"sum":1}\n'


@pytest.mark.parametrize("descriptors", [5, 6, 8, 20])
def test_few_descriptors_are_enough(body: str, descriptors: int, tmp_path: Path) -> None:
    """Files are read one after the other, so that few descriptors will do; where they do not, that source is named."""
    for number in range(30):
        (tmp_path / f"{number}.log").write_bytes(GOOD)
    ended = process.run(".", "-f", "jsonl", cwd=tmp_path, before=limited(resource.RLIMIT_NOFILE, descriptors))
    assert ended.status in {0, 3}, (body, ended)
    assert "Traceback" not in ended.stderr
    assert ended.status or ended.stdout == b'{"type":"a","count":30,"sum":30}\n'


@pytest.mark.parametrize("most", [0, 1, 2])
@pytest.mark.parametrize("jobs", [1, 4])
def test_threads_can_be_done_without(
    body: str, jobs: int, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With fewer threads than were asked for, or none, the result is the same."""
    (tmp_path / "log").write_bytes(GOOD * 200_000)
    started: list[threading.Thread] = []
    start = threading.Thread.start

    def start_some(thread: threading.Thread) -> None:
        if len(started) == most:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_some)
    summary = summarize(str(tmp_path / "log"), io.BytesIO(GOOD), jobs=jobs, block_size=100_000)
    assert summary["a"].count == 200_001, body


@pytest.mark.parametrize("megabytes", [90, 120, 160])
@pytest.mark.parametrize("jobs", ["1", "2"])
# A thread of Python may fail while it reports that it fails.
@pytest.mark.parametrize("body", ["rust"], indirect=True)
def test_types_that_fill_the_memory_are_a_sentence(body: str, megabytes: int, jobs: str, tmp_path: Path) -> None:
    """If memory ends while types are collected, merged or given out, a run ends like any that lacks memory."""
    line = '{{"type":"a type with a name that is long enough to be kept apart {0}","value":{0}}}\n'
    with (tmp_path / "log").open("w", encoding="utf-8") as file:
        file.writelines(line.format(number) for number in range(150_000))
    limit = limited(resource.RLIMIT_AS, megabytes << 20)
    ended = process.run("log", "-f", "jsonl", "-j", jobs, "--max-types", "100000", cwd=tmp_path, before=limit)
    if ended.status:
        assert ended == process.Ended(3, b"", "eventstats: no result: out of memory\n"), body
    else:
        assert ended.stdout.count(b"\n") == 100_001
