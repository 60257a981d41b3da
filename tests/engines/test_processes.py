"""`engines.processes`: what only this engine has to do, since it starts and ends its workers itself."""

import os
import signal
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

import clusters
from cluster_jobs import Watch, expected, job
from eventcli.engines import processes
from eventcli.engines.engine import CancelledError, NoWorkersError
from eventcli.engines.processes import Processes


@pytest.fixture(autouse=True)
def _tests_are_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers find the functions of tests."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))


def test_a_worker_that_is_killed_between_two_jobs_is_replaced(tmp_path: Path) -> None:
    """A process that died while nobody used it is started again for the next job."""
    with closing(Processes(2)) as engine:
        assert engine.reduce(job(tmp_path, *[{}] * 4), Watch()) == expected(4)
        for pid in engine.pids():
            os.kill(pid, signal.SIGKILL)
        assert engine.reduce(job(tmp_path, *[{}] * 4), Watch()) == expected(4)


def test_all_workers_may_be_killed_in_the_middle(tmp_path: Path) -> None:
    """When every process is killed from outside at once, new ones fold what was lost."""
    with closing(Processes(2)) as engine:
        watch = Watch()
        killed: list[int] = []

        def heartbeat() -> None:
            if not killed and len(list(tmp_path.glob("alive-*"))) == 2:
                killed.extend(engine.pids())
                for pid in killed:
                    os.kill(pid, signal.SIGKILL)

        watch.heartbeat = heartbeat  # type: ignore[method-assign]
        assert engine.reduce(job(tmp_path, *[{"sleep": 0.3}] * 4), watch) == expected(4)
        assert len(killed) == 2


def test_a_worker_that_cannot_be_started_is_no_endless_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If no process comes to life, the job ends soon, and so does a check."""
    monkeypatch.setattr(processes, "command", lambda: [sys.executable, "-c", "raise SystemExit(7)"])
    with closing(Processes(2)) as engine:
        with pytest.raises(NoWorkersError, match="no worker process can be started"):
            engine.reduce(job(tmp_path, {}), Watch())
        with pytest.raises(NoWorkersError, match=r"ended \(7\)"):
            engine.check(bytes, b"")
    monkeypatch.setattr(processes, "command", lambda: ["/nonexistent/python"])
    with closing(Processes(1)) as engine, pytest.raises(NoWorkersError):
        engine.reduce(job(tmp_path, {}), Watch())


def test_a_worker_that_waits_is_not_taken_for_dead(tmp_path: Path) -> None:
    """A process without work may be silent for longer than the patience; one that works shows that it is alive."""
    with closing(Processes(2, patience=1.5)) as engine:
        pids = set()
        tasks = [{"sleep": 4}, {}, {}, {}]
        assert engine.reduce(job(tmp_path, *tasks), Watch()) == expected(4)
        pids.update(engine.pids())
        begun = [line.split()[1] for line in (tmp_path / "begun").read_text(encoding="ascii").splitlines()]
        assert set(begun) <= {str(pid) for pid in pids}


def test_cancelling_from_another_thread_ends_the_job(tmp_path: Path) -> None:
    """`cancel` may be called from anywhere; nothing is left of the job."""
    with closing(Processes(2)) as engine:

        def cancel() -> None:
            clusters.wait_for(lambda: len(list(tmp_path.glob("alive-*"))) == 2, "two tasks should have begun")
            engine.cancel()

        threading.Thread(target=cancel).start()
        with pytest.raises(CancelledError):
            engine.reduce(job(tmp_path, *[{"sleep": 60}] * 4), Watch())
        assert engine.pids() == []


def test_an_engine_that_is_closed_leaves_no_process(tmp_path: Path) -> None:
    """After `close`, the processes are gone, and their number is free."""
    engine = Processes(2)
    engine.reduce(job(tmp_path, {}, {}), Watch())
    pids = engine.pids()
    assert len(pids) == 2
    engine.close()
    assert not any(map(clusters.is_running, pids))
    assert engine.workers() == 0


def test_a_stream_that_is_given_up_leaves_nothing_running(tmp_path: Path) -> None:
    """Who takes the first result only ends the others."""
    with closing(Processes(2)) as engine:
        results = engine.stream(job(tmp_path, {}, *[{"sleep": 60}] * 4), Watch())
        assert next(results) == b"0,"
        results.close()  # type: ignore[attr-defined]
        begun = time.monotonic()
        assert engine.reduce(job(tmp_path, {}), Watch()) == expected(1)
        assert time.monotonic() - begun < 30


def test_the_engine_names_itself() -> None:
    """Its name says how many processes it has; it has no page to look at."""
    assert Processes(3).name == "processes:3"
    assert Processes().dashboard is None
    assert Processes(3).workers() == 0
