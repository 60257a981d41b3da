"""`forks`: a forked run is what a whole one is, and leaves nothing for the next."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from process import FORKS, GOOD, PATIENCE, Ended, environment, forked, run, run_whole

pytestmark = pytest.mark.skipif(not FORKS.can_run(os.environ), reason="runs are forked on Linux only")

RUNS: Final[dict[str, list[str | bytes]]] = {
    "stdin": ["-f", "jsonl"],
    "rejects": ["-", "bad.log", "--show-rejects", "1"],
    "a name that is no text": [b"\xff\n"],
    "wrong usage": ["--nothing"],
    "descriptors of its own only": ["/dev/fd/3", "/dev/fd/4", "/dev/fd/5", "/dev/fd/6"],
    "worker processes": ["bad.log", "--engine", "processes:1"],
    "version": ["--version"],
    "ledger": ["ingest", "--ledger", "l.db", "bad.log"],
    "totals of a missing ledger": ["totals", "--ledger", "none.db"],
}


@pytest.mark.usefixtures("body")
@pytest.mark.parametrize("way", RUNS)
def test_forked_is_like_whole(way: str, tmp_path: Path) -> None:
    """Status, both outputs and files are the same, also for more input than a pipe holds."""
    ends = []
    for name, runs in (("forked", run), ("whole", run_whole)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "bad.log").write_bytes(GOOD + b"bad\n")
        ended = runs(*RUNS[way], stdin=10_000 * GOOD, cwd=folder, env=environment(EVENTSTATS_TYPE="a b"))
        ends.append((ended, sorted(os.listdir(folder))))
    assert ends[0] == ends[1]


def test_a_run_leaves_nothing_for_the_next() -> None:
    """Neither variables nor the folder of a run are those of the next one."""
    assert (
        run("-f", "csv", stdin=GOOD, cwd=Path("/"), env=environment(EVENTSTATS_STATS="sum")).stdout
        == b"type,sum\na,1\n"
    )
    assert run("-f", "csv", stdin=GOOD).stdout == b"type,count,sum\na,1,1\n"


def test_status_of_a_signal() -> None:
    """A forked run that a signal ends has that signal as its status, as a whole one has."""
    reader, writer = os.pipe()
    with ThreadPoolExecutor(1) as pool, open(reader, "rb"), open(writer, "wb"):
        ended = pool.submit(run, stdin=reader)
        patience = time.monotonic() + PATIENCE
        while not (pids := _readers(reader)):
            assert time.monotonic() < patience
            time.sleep(0.01)
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        assert ended.result() == Ended(-signal.SIGTERM, b"", "")


def _readers(descriptor: int) -> list[int]:
    """Return the processes whose standard input is that pipe."""
    pipe = os.readlink(f"/proc/self/fd/{descriptor}")
    return [int(path.parts[2]) for path in Path("/proc").glob("[0-9]*/fd/0") if _target(path) == pipe]


def _target(path: Path) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None


def test_a_started_run_can_be_watched_and_ended() -> None:
    """A run that was started is there until a signal ends it, also at the end of its block; its outputs can be read."""
    with forked(FORKS, "--version") as ended:
        assert ended.stdout is not None
        assert ended.stdout.readline().startswith(b"eventstats ")
        assert ended.communicate(timeout=PATIENCE) == (b"", b"")
        assert (ended.returncode, ended.poll()) == (0, 0)
        ended.terminate()
    reader, writer = os.pipe()
    with open(reader, "rb"), open(writer, "wb"):
        for end in (signal.SIGTERM, signal.SIGKILL):
            with FORKS.start([], reader, os.curdir, os.environ) as running:
                assert running.poll() is None
                with pytest.raises(TimeoutError):
                    running.communicate(timeout=0.01)
                if end == signal.SIGTERM:
                    running.terminate()
                    assert running.communicate(timeout=PATIENCE) == (b"", b"")
                    assert running.poll() == -end
            assert running.returncode == -end


def test_a_run_that_hangs_is_ended() -> None:
    """A run that takes too long is killed, its test fails, and the next run is forked as ever."""
    reader, writer = os.pipe()
    with open(reader, "rb"), open(writer, "wb"):
        with pytest.raises(TimeoutError):
            FORKS.run([], reader, os.curdir, os.environ, 0.1)
        patience = time.monotonic() + PATIENCE
        while _readers(reader):
            assert time.monotonic() < patience
            time.sleep(0.01)
    assert run("-f", "csv", stdin=GOOD).status == 0


@pytest.mark.parametrize("name", ["LC_ALL", "PYTHONPATH", "TZ", "PATH"])
def test_what_changes_an_interpreter_is_not_forked(name: str) -> None:
    """A run with another value of such a variable, or without it, has an interpreter of its own."""
    assert not FORKS.can_run(os.environ | {name: "other"})
    assert FORKS.can_run(os.environ | {"EVENTSTATS_KERNEL": "python"})
    assert not FORKS.can_run({})
