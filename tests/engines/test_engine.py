"""What every engine must do, whatever it folds: each task once in the result, in order, through every failure."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import cluster_jobs
import clusters
from cluster_jobs import Watch, expected, job, tries_of
from clusters import Cluster
from eventcli.engines.engine import CancelledError, Engine, EngineError, TaskLostError


@pytest.fixture
def engine(cluster: Cluster) -> Iterator[Engine]:
    """Return an engine on each kind of cluster."""
    with closing(cluster.engine()) as engine:
        yield engine


@pytest.mark.parametrize("count", [1, 2, 3, 50, 700])
def test_a_result_has_every_task_once_and_in_order(engine: Engine, tmp_path: Path, count: int) -> None:
    """However many tasks there are, they are merged as neighbours, and each is told about once."""
    watch = Watch()
    assert engine.reduce(job(tmp_path, *[{}] * count), watch) == expected(count)
    assert set(watch.folded) == set(range(count))
    assert set(watch.folded.values()) <= {b"", *(str(len(f"{number},")).encode() for number in range(count))}


@pytest.mark.parametrize("count", [1, 2, 50])
def test_a_stream_has_every_task_once_and_in_order(engine: Engine, tmp_path: Path, count: int) -> None:
    """Results come in the order of the tasks, also where an early one takes longer than the next."""
    tasks = [{"sleep": 0.3 if number == 1 else 0} for number in range(count)]
    assert list(engine.stream(job(tmp_path, *tasks), Watch())) == [f"{number},".encode() for number in range(count)]


def test_results_of_any_bytes_and_sizes_arrive(engine: Engine, tmp_path: Path) -> None:
    """An empty result and one of some megabytes are merged like any other."""
    large = "x" * 5_000_000
    tasks = [{"text": ""}, {"text": large}, {"text": ""}, {"text": "end"}]
    assert engine.reduce(job(tmp_path, *tasks), Watch()) == large.encode() + b"end"


def test_every_worker_is_asked(engine: Engine) -> None:
    """A check runs on each of the two workers, and names them differently."""
    answers = engine.check(cluster_jobs.probe, b"asked ")
    assert len({name for name, _ in answers}) == len({answer for _, answer in answers}) == 2
    assert all(answer.startswith(b"asked ") for _, answer in answers)
    assert engine.workers() == 2


@pytest.mark.parametrize("kind", ["die", "fail"])
def test_a_worker_that_dies_once_costs_nothing_but_time(engine: Engine, tmp_path: Path, kind: str) -> None:
    """A task whose worker is killed by -9 in the middle, or fails for another reason, is folded again."""
    tasks: list[dict[str, str]] = [{} for _ in range(12)]
    tasks[5] = {kind: "once"}
    assert engine.reduce(job(tmp_path, *tasks), Watch()) == expected(12)
    assert tries_of(tmp_path, 5) >= 2


@pytest.mark.parametrize("kind", ["die", "fail"])
def test_a_task_that_always_kills_its_worker_is_named(engine: Engine, tmp_path: Path, kind: str) -> None:
    """After the engine's tries, the error names the task; the run ends."""
    tasks: list[dict[str, str]] = [{} for _ in range(6)]
    tasks[3] = {kind: "always"}
    with pytest.raises(TaskLostError, match="task 3"):
        engine.reduce(job(tmp_path, *tasks), Watch())
    assert 2 <= tries_of(tmp_path, 3) <= 10


def test_a_stream_goes_on_after_a_worker_died(engine: Engine, tmp_path: Path) -> None:
    """No result is missing or repeated when a worker dies while others are on their way."""
    tasks: list[dict[str, str]] = [{} for _ in range(12)]
    tasks[4] = {"die": "once"}
    assert list(engine.stream(job(tmp_path, *tasks), Watch())) == [f"{number},".encode() for number in range(12)]


def test_a_stopped_worker_does_not_hold_up_the_run(cluster: Cluster, tmp_path: Path) -> None:
    """The task of a worker that was stopped by SIGSTOP is folded by another one, after some patience."""
    tasks: list[dict[str, str]] = [{} for _ in range(6)]
    tasks[2] = {"stop": "once"}
    with closing(cluster.engine(is_impatient=True)) as engine:
        assert engine.reduce(job(tmp_path, *tasks), Watch()) == expected(6)


def test_cancelling_takes_a_second(engine: Engine, tmp_path: Path) -> None:
    """A watch that is cancelled ends the job within a second, and nothing of it goes on."""
    watch = Watch()
    tasks = [{"sleep": 0.01}] * 2 + [{"sleep": 60}] * 6
    cancelled_at = 0.0

    def heartbeat() -> None:
        nonlocal cancelled_at
        if not watch.is_cancelled and len(list(tmp_path.glob("alive-*"))) > 2:
            watch.is_cancelled = True
            cancelled_at = time.monotonic()

    watch.heartbeat = heartbeat  # type: ignore[method-assign]
    with pytest.raises(CancelledError) as raised:
        engine.reduce(job(tmp_path, *tasks), watch)
    assert time.monotonic() - cancelled_at < 1.5
    assert all(part in b"0,1," for part in raised.value.parts)
    assert_silence(tmp_path)
    assert engine.reduce(job(tmp_path, {"text": "again"}), Watch()) == b"again"


def test_nothing_goes_on_after_the_client_was_killed(cluster: Cluster, tmp_path: Path) -> None:
    """When the client is killed by -9, its tasks end, and the cluster takes the next ones."""
    program = (
        "import sys; from pathlib import Path; import clusters; from cluster_jobs import Watch, job\n"
        "folder = Path(sys.argv[1])\n"
        "if __name__ == '__main__':\n"
        f"    engine = clusters.engine_of({cluster.option!r})\n"
        "    engine.reduce(job(folder, *[{'sleep': 120}] * 8), Watch())\n"
    )
    script = tmp_path / "client.py"
    script.write_text(program, encoding="utf-8")
    client = subprocess.Popen([sys.executable, str(script), str(tmp_path)], start_new_session=True)
    try:
        clusters.wait_for(lambda: len(list(tmp_path.glob("alive-*"))) == 2, "two tasks should have begun")
    finally:
        os.kill(client.pid, signal.SIGKILL)
        client.wait()
    assert_silence(tmp_path)
    with closing(cluster.engine()) as engine:
        assert engine.reduce(job(tmp_path, {}, {}), Watch()) == expected(2)


def test_two_runs_at_once_do_not_mix(cluster: Cluster, tmp_path: Path) -> None:
    """Two engines on one cluster each get their own answer."""
    with closing(cluster.engine()) as one, closing(cluster.engine()) as other:
        first = one.stream(job(tmp_path, *[{"text": f"a{number} "} for number in range(9)]), Watch())
        assert next(first) == b"a0 "
        second = other.reduce(job(tmp_path, *[{"text": f"b{number} "} for number in range(9)]), Watch())
        assert second == b"".join(b"b%d " % number for number in range(9))
        assert b"".join(first) == b"".join(b"a%d " % number for number in range(1, 9))


def test_an_error_of_an_engine_is_one_line(engine: Engine, tmp_path: Path) -> None:
    """What people read when an engine gives up has one line, and says that there is no result."""
    with pytest.raises(EngineError) as raised:
        engine.reduce(job(tmp_path, {"fail": "always"}), Watch())
    words = raised.value.words()
    assert words.startswith("no result: ")
    assert "\n" not in words


def assert_silence(folder: Path) -> None:
    """Assert that no task shows signs of life any more, or will soon."""

    def latest() -> float:
        return max((path.stat().st_mtime for path in folder.glob("alive-*")), default=0.0)

    clusters.wait_for(lambda: time.time() - latest() > 1.0, "tasks should have ended")
    before = latest()
    time.sleep(0.5)
    assert latest() == before
