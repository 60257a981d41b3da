"""`eventcli.engines.dask`: what only a cluster of Dask can do, on a real scheduler and workers.

What all engines must do is in `test_engine.py` and `test_conformance.py`.
"""

import logging
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("distributed", reason="no distributed: eventcli[dask] is not installed")

from distributed import Client

import cluster_jobs
from cluster_jobs import Watch, expected, job, tries_of
from clusters import wait_for
from dask_cluster import TESTS, DaskCluster, dask_cluster
from eventcli.engines.dask import AddressError, DaskEngine, connect, engine_of, is_of_others
from eventcli.engines.engine import (
    CancelledError,
    EngineError,
    EngineLostError,
    NoWorkersError,
    NoWorkersYetError,
    PreflightError,
    TaskLostError,
)
from eventcli.engines.run import EngineRun, Ways
from eventcli.engines.shipping import archive_in
from eventcli.summary.summary import Summary
from process import run

LONG = {"sleep": 60}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """Run a cluster in which no test kills anything."""
    with dask_cluster(tmp_path_factory.mktemp("shared")) as cluster:
        yield cluster


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """Run a cluster of which a test may kill what it likes."""
    with dask_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def engine(shared: DaskCluster) -> Iterator[DaskEngine]:
    """Connect to the shared cluster."""
    with closing(engine_of(shared.url)) as engine:
        yield engine


def held(cluster: DaskCluster) -> int:
    """Return how many tasks the scheduler knows."""
    with client_of(cluster) as client:
        source = "len(next(iter(__import__('distributed').Scheduler._instances)).tasks)"
        return int(client.run_on_scheduler(eval, source))


def begun(folder: Path) -> int:
    """Return how often a task was begun."""
    path = folder / "begun"
    return len(path.read_text().splitlines()) if path.exists() else 0


def client_of(cluster: DaskCluster) -> Any:
    """Connect as any user of Dask does."""
    return connect(cluster.address, 10)


@contextmanager
def meanwhile(*steps: Any) -> Iterator[None]:
    """Take steps on another thread, one after the other: call functions, and sleep for numbers of seconds."""

    def take() -> None:
        for step in steps:
            time.sleep(step) if isinstance(step, float) else step()

    thread = threading.Thread(target=take)
    thread.start()
    yield
    thread.join()


# ---- the answer


def test_tasks_of_a_higher_rank_begin_first(engine: DaskEngine, tmp_path: Path) -> None:
    """The rank decides which tasks begin first, and not where their results are."""
    one = job(tmp_path, *[{"sleep": 0.02}] * 40)
    one.tasks[33:35] = [task._replace(rank=7) for task in one.tasks[33:35]]  # type: ignore[index]
    assert engine.reduce(one, Watch()) == expected(40)
    # One worker may have been given both.
    assert {"33", "34"} <= {line.split()[0] for line in (tmp_path / "begun").read_text().splitlines()[:10]}


def test_the_notes_of_all_tasks_are_told(engine: DaskEngine, tmp_path: Path) -> None:
    """Each task is told with its note, which comes with the news that it is done."""
    watch = Watch()
    engine.reduce(job(tmp_path, *[{"text": "x" * number} for number in range(40)]), watch)
    assert watch.folded == {number: str(number).encode() for number in range(40)}
    assert not watch.messages


def test_a_stream_holds_a_bounded_number_of_results(engine: DaskEngine, shared: DaskCluster, tmp_path: Path) -> None:
    """While nobody takes results, the cluster works ahead for some tasks only."""
    stream = engine.stream(job(tmp_path, *[{}] * 400), Watch())
    first = next(stream)
    time.sleep(0.5)
    assert 0 < held(shared) < 100
    assert first + b"".join(stream) == expected(400)


def test_the_scheduler_holds_a_bounded_number_of_tasks(shared: DaskCluster, tmp_path: Path) -> None:
    """Of very many spans of tasks, the scheduler has some at a time, so that they can be cancelled at once."""
    watch, counts = Watch(), list[int]()

    def count() -> None:
        wait_for(lambda: len(list(tmp_path.glob("alive-*"))) == 2, "they do not run")
        wait_for(lambda: held(shared) > 1000, "there are few tasks")
        counts.append(held(shared))
        watch.is_cancelled = True

    with closing(engine_of(shared.url)) as engine, meanwhile(count), pytest.raises(CancelledError):
        engine.reduce(job(tmp_path, LONG, *[{}] * 7, LONG, *[{}] * 32_000), watch)
    assert counts[0] < 2000
    wait_for(lambda: not held(shared), "there are tasks")


def test_nothing_is_left_on_the_cluster(engine: DaskEngine, shared: DaskCluster, tmp_path: Path) -> None:
    """After an answer, an abandoned stream or an error, the scheduler holds no task of it."""
    engine.reduce(job(tmp_path, *[{}] * 100), Watch())
    stream = engine.stream(job(tmp_path, *[{}] * 100), Watch())
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    with pytest.raises(TaskLostError):
        engine.reduce(job(tmp_path, {}, {"fail": "always"}, *[{}] * 100), Watch())
    wait_for(lambda: not held(shared), "there are tasks")


def test_a_greeting_that_comes_with_other_news_is_asked_for_again(
    shared: DaskCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scheduler that tells a new client of a cancellation before it greets it is asked again, but not for ever."""
    faults = [AssertionError, AssertionError]

    def client(*args: Any, **options: Any) -> Client:
        if faults:
            raise faults.pop()
        return Client(*args, **options)  # type: ignore[no-untyped-call]

    monkeypatch.setattr("eventcli.engines.dask.Client", client)
    with closing(engine_of(shared.url)) as engine:
        assert engine.reduce(job(tmp_path, {}), Watch()) == expected(1)
    faults += [AssertionError] * 9
    with pytest.raises(EngineError, match=r"^dask://\S+: AssertionError$"):
        engine_of(shared.url)


def test_a_client_that_is_there_is_used_and_left_open(shared: DaskCluster, tmp_path: Path) -> None:
    """In a notebook, the engine uses the client that is there, and closing the engine leaves it open."""
    assert shared.scheduler is not None
    with client_of(shared) as client:
        engine = DaskEngine(client)
        assert engine.name == shared.url
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/status", engine.dashboard or "")
        assert engine.reduce(job(tmp_path, {}, {}), Watch()) == expected(2)
        engine.close()
        assert client.submit(len, "abc").result() == 3


# ---- failures of tasks


def only_here(payload: bytes) -> bytes:
    """Return the payload."""
    return payload


def test_a_task_that_raises_is_tried_three_times(engine: DaskEngine, tmp_path: Path) -> None:
    """A task that raises is tried three times; then the error has its label and the reason."""
    with pytest.raises(TaskLostError, match=r"^task 2: RuntimeError: a fault of the machinery$"):
        engine.reduce(job(tmp_path, {}, {}, {"fail": "always"}, *[{}] * 20), Watch())
    assert tries_of(tmp_path, 2) == 3
    with pytest.raises(TaskLostError, match=r"^task 1: "):
        list(engine.stream(job(tmp_path, {}, {"fail": "always"}, {}), Watch()))


def test_a_task_that_raises_beside_others_is_named_alone(engine: DaskEngine, tmp_path: Path) -> None:
    """Of neighbours that are one task of Dask, the error names the one that failed, after three tries of all."""
    with pytest.raises(TaskLostError, match=r"^task 70: RuntimeError: a fault of the machinery$"):
        engine.reduce(job(tmp_path, *[{}] * 70, {"fail": "always"}, *[{}] * 57), Watch())
    assert tries_of(tmp_path, 70) == 3
    watch = Watch()
    assert engine.reduce(job(tmp_path, *[{"fail": "once"} if number % 40 == 7 else {} for number in range(128)]), watch)
    assert sorted(watch.folded) == list(range(128))


def test_a_fold_that_cannot_be_loaded_on_a_worker_is_an_error(engine: DaskEngine, tmp_path: Path) -> None:
    """A function that a worker cannot load is an error that names a task, and not a hang."""
    # This module has another name there.
    one = replace(job(tmp_path, {}, {}), fold=only_here)
    with pytest.raises(TaskLostError, match=r"^task [01]: ModuleNotFoundError: "):
        engine.reduce(one, Watch())


# ---- failures of workers


def test_workers_that_die_again_and_again_change_nothing(cluster: DaskCluster, tmp_path: Path) -> None:
    """While workers with tasks and results are killed and replaced all the time, the answer is right."""
    steps = [cluster.start_worker, 0.2, lambda: cluster.workers.pop(0).kill()] * 4
    with closing(engine_of(cluster.url)) as engine, meanwhile(*steps):
        watch = Watch()
        assert engine.reduce(job(tmp_path, *[{"sleep": 0.02}] * 150), watch) == expected(150)
        assert sorted(watch.folded) == list(range(150))
    # Some were begun again.
    assert begun(tmp_path) > 150


def test_without_workers_people_are_told_and_then_it_ends(cluster: DaskCluster, tmp_path: Path) -> None:
    """When all workers are gone, there is one message, then an error."""

    def kill() -> None:
        wait_for(lambda: begun(tmp_path), "no task runs")
        for worker in cluster.workers:
            worker.kill()

    watch = Watch()
    with closing(engine_of(cluster.url, patience=0.3)) as engine:
        with (
            meanwhile(kill),
            pytest.raises(NoWorkersError, match=r"^dask://\S+: there are no workers \(waited 1.5 s\)$"),
        ):
            engine.reduce(job(tmp_path, *[LONG] * 3, no_worker_timeout=1.5), watch)
        assert watch.messages == [f"{cluster.url}: there are no workers; waiting up to 1.5 s"]
        assert engine.workers() == 0
        with pytest.raises(NoWorkersYetError):
            engine.check(cluster_jobs.probe, b"")


def test_a_run_waits_for_the_first_worker(cluster: DaskCluster, tmp_path: Path) -> None:
    """A run on a cluster without workers says so and waits, whether one comes in time or not."""
    for worker in cluster.workers:
        worker.kill()
    (tmp_path / "log").write_text('{"type":"a","value":1}\n')
    said: list[str] = []

    def wait(timeout: float) -> Summary:
        with closing(engine_of(cluster.url, patience=0.3)) as engine:
            ways = Ways(no_worker_timeout=timeout, say=said.append)
            return EngineRun(engine, [str(tmp_path / "log")], ways=ways).complete()

    with pytest.raises(NoWorkersError, match=r"^dask://\S+: there are no workers \(waited 0.5 s\)$"):
        wait(0.5)
    with meanwhile(0.6, cluster.start_worker):
        assert wait(30)["a"].sum == 1
    assert said == [f"{cluster.url}: there are no workers; waiting up to {limit} s" for limit in ("0.5", "30")]


def test_a_worker_that_comes_in_time_gives_the_answer(cluster: DaskCluster, tmp_path: Path) -> None:
    """When all workers are gone and another one comes, the answer is right, after a message."""
    for worker in cluster.workers:
        worker.kill()
    watch = Watch()
    with closing(engine_of(cluster.url, patience=0.3)) as engine, meanwhile(1.0, cluster.start_worker):
        assert engine.reduce(job(tmp_path, *[{}] * 20, no_worker_timeout=None), watch) == expected(20)
    assert watch.messages == [f"{cluster.url}: there are no workers; waiting"]


def test_a_worker_that_stands_still_is_not_asked(cluster: DaskCluster) -> None:
    """The preflight leaves out a worker that was stopped, after some patience."""
    cluster.workers[0].stop()
    with closing(engine_of(cluster.url, patience=0.5)) as engine:
        assert [name for name, _ in engine.check(cluster_jobs.probe, b"")] == [cluster.workers[1].address]


def test_a_worker_that_stands_still_is_told(cluster: DaskCluster, tmp_path: Path) -> None:
    """While nothing is done, people are told once which worker does not answer."""
    watch = Watch()
    told = f"{cluster.url}: worker {cluster.workers[0].address} does not answer; Dask waits for it"

    def stop() -> None:
        wait_for(lambda: len(list(tmp_path.glob("alive-*"))) == 2, "they do not run")
        cluster.workers[0].stop()
        wait_for(lambda: told in watch.messages, "nothing is told")
        watch.is_cancelled = True

    # A worker is heard of twice a second.
    with closing(engine_of(cluster.url, patience=2)) as engine, meanwhile(stop), pytest.raises(CancelledError):
        engine.reduce(job(tmp_path, LONG, LONG), watch)
    assert watch.messages.count(told) == 1


# ---- failures of the scheduler


def test_a_scheduler_that_is_gone_is_an_error_at_once(cluster: DaskCluster, tmp_path: Path) -> None:
    """When the scheduler dies, the run ends with an error within seconds, whatever it was doing."""
    assert cluster.scheduler is not None
    tasks = [{}, LONG]
    with closing(engine_of(cluster.url)) as engine, closing(engine_of(cluster.url)) as other:
        stream = other.stream(job(tmp_path, *tasks), Watch())
        assert next(stream) == b"0,"
        with meanwhile(0.3, cluster.scheduler.kill), pytest.raises(EngineLostError, match=r"^dask://\S+: "):
            engine.reduce(job(tmp_path, *tasks), Watch())
        started = time.monotonic()
        with pytest.raises(EngineLostError):
            next(stream)
        with pytest.raises(EngineLostError):
            engine.check(cluster_jobs.probe, b"")
        assert engine.workers() == 0
        assert time.monotonic() - started < 5


def test_a_scheduler_that_stands_still_is_told_and_then_an_error(cluster: DaskCluster, tmp_path: Path) -> None:
    """When the scheduler does not answer, people are told, and after the time without workers the run ends."""
    assert cluster.scheduler is not None
    watch = Watch()
    with closing(engine_of(cluster.url, patience=0.3)) as engine:
        with meanwhile(0.2, cluster.scheduler.stop), pytest.raises(EngineLostError, match="does not answer"):
            engine.reduce(job(tmp_path, LONG, no_worker_timeout=1.5), watch)
        assert watch.messages == [f"{cluster.url}: the scheduler does not answer; waiting up to 1.5 s"]
        cluster.scheduler.go_on()


# ---- cancellation


@pytest.mark.parametrize("how", ["watch", "cancel"])
def test_what_was_done_before_a_cancellation_is_given(shared: DaskCluster, tmp_path: Path, how: str) -> None:
    """A job that is cancelled gives the results of all tasks that were done, in their order, and goes on nowhere."""
    watch = Watch()
    one = job(tmp_path, *[{}] * 20, LONG, LONG, *[{}] * 40)
    # With a rank, each is a task of Dask by itself.
    one = replace(one, tasks=[task._replace(rank=1) for task in one.tasks])
    with closing(engine_of(shared.url)) as engine:

        def cancel() -> None:
            # Both workers are at work on tasks that do not end, and all others that were begun are done.
            wait_for(lambda: len(list(tmp_path.glob("alive-*"))) == 2, "they do not run")
            wait_for(lambda: begun(tmp_path) == len(watch.folded) + 2, "a task is not told")
            if how == "cancel":
                engine.cancel()
            else:
                watch.is_cancelled = True

        with meanwhile(cancel), pytest.raises(CancelledError) as caught:
            engine.reduce(one, watch)
        assert len(watch.folded) > 15
        assert b"".join(caught.value.parts) == b"".join(b"%d," % task for task in sorted(watch.folded))
        assert len(caught.value.parts) < len(watch.folded)
        wait_for(lambda: not held(shared), "there are tasks")
        assert begun(tmp_path) == len(watch.folded) + 2
        # The engine can be used again.
        assert engine.reduce(job(tmp_path, {}), Watch()) == expected(1)


def test_a_stream_that_is_cancelled_ends(engine: DaskEngine, shared: DaskCluster, tmp_path: Path) -> None:
    """A stream that is cancelled raises what says so, and goes on nowhere."""
    stream = engine.stream(job(tmp_path, {}, LONG, {}), Watch())
    assert next(stream) == b"0,"
    with meanwhile(0.1, engine.cancel), pytest.raises(CancelledError):
        next(stream)
    wait_for(lambda: not held(shared), "there are tasks")


def test_a_farewell_that_comes_late_leaves_nothing(
    shared: DaskCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client whose thread is busy when the engine is closed still takes its tasks from the scheduler, later."""
    clients: list[Client] = []

    def client(address: str, timeout: float) -> Client:
        clients.append(connect(address, timeout))
        return clients[0]

    monkeypatch.setattr("eventcli.engines.dask.connect", client)
    with closing(engine_of(shared.url)) as engine:
        stream = engine.stream(job(tmp_path, {}, LONG, LONG), Watch())
        assert next(stream) == b"0,"
        assert clients[0].loop is not None
        clients[0].loop.add_callback(time.sleep, 2.0)
        stream.close()  # type: ignore[attr-defined]
    wait_for(lambda: not held(shared), "there are tasks")


def test_a_check_that_is_cancelled_ends(engine: DaskEngine) -> None:
    """A cancellation ends the call that runs, and not the next one."""
    started = time.monotonic()
    with meanwhile(0.2, engine.cancel), pytest.raises(CancelledError):
        engine.check(cluster_jobs.probe, b"sleep")
    assert time.monotonic() - started < 1.5
    engine.cancel()
    assert len(engine.check(cluster_jobs.probe, b"")) == 2


# ---- the preflight


def test_the_preflight_names_the_workers(engine: DaskEngine, shared: DaskCluster) -> None:
    """The answers are those of all workers, with their addresses."""
    answers = dict(engine.check(cluster_jobs.probe, b"x"))
    assert answers == {worker.address: f"x{worker.pid}".encode() for worker in shared.workers}


def test_a_preflight_that_raises_names_the_worker(engine: DaskEngine) -> None:
    """An error of the probe, which could be taken for one of the connection, is said with the worker."""
    with pytest.raises(PreflightError, match=r"^worker tcp://\S+: PermissionError: \[Errno 13\] no right$"):
        engine.check(cluster_jobs.probe, b"fail")


def test_a_worker_that_dies_in_the_preflight_is_left_out(cluster: DaskCluster, tmp_path: Path) -> None:
    """Each time that a worker dies while it is asked, the other one answers, and the run goes on."""
    with closing(engine_of(cluster.url)) as engine:
        for number in range(5):
            answers = engine.check(cluster_jobs.probe, f"die {tmp_path / str(number)}".encode())
            (worker,) = [worker for worker in cluster.workers if worker.is_alive]
            assert [name for name, _ in answers] == [worker.address]
            assert engine.reduce(job(tmp_path, {}, {}), Watch()) == expected(2)
            cluster.workers = [worker]
            cluster.start_worker()


def test_a_worker_without_the_package_is_named_and_can_be_sent_it(cluster: DaskCluster, tmp_path: Path) -> None:
    """A worker that lacks the package fails the preflight, until a zip of it is sent; so do workers that come later."""
    bare = cluster.start_worker(lacks_package=True)
    with closing(engine_of(cluster.url)) as engine:
        with pytest.raises(PreflightError, match=f"^worker {bare.address} has no eventcli; --ship sends it$"):
            engine.check(cluster_jobs.probe, b"")
        engine.ship(archive_in(str(tmp_path)))
        later = cluster.start_worker(lacks_package=True)
        assert len(engine.check(cluster_jobs.probe, b"")) == 4
        with client_of(cluster) as client:
            homes: dict[str, str] = client.run(eval, "__import__('eventcli').__file__")
        for worker in cluster.workers:
            assert ("eventcli-shipped-" in homes[worker.address]) == (worker in (bare, later))
        assert engine.reduce(job(tmp_path, *[{"sleep": 0.01}] * 40), Watch()) == expected(40)
        workers = {line.split()[1] for line in (tmp_path / "begun").read_text().splitlines()}
        assert workers == {str(worker.pid) for worker in cluster.workers}


def test_a_run_ships_the_package_if_it_is_told_to(cluster: DaskCluster, tmp_path: Path) -> None:
    """On workers without the package, a run ends with one sentence and status 3, and with --ship it has the answer."""
    for worker in cluster.workers:
        worker.kill()
    cluster.workers = []
    bare = cluster.start_worker(lacks_package=True)
    (tmp_path / "log").write_text('{"type":"a","value":1}\nbad\n')
    arguments = ("log", "-f", "csv", "--engine", cluster.url)
    sentence = f"eventstats: no result: worker {bare.address} has no eventcli; --ship sends it\n"
    assert run(*arguments, cwd=tmp_path) == (3, b"", sentence)
    assert run(*arguments, "--ship", cwd=tmp_path) == run("log", "-f", "csv", cwd=tmp_path)
    # What was sent stays, and is of the same version.
    cluster.start_worker(lacks_package=True)
    assert run(*arguments, "--ship", cwd=tmp_path).status == 0


def test_a_worker_with_another_version_is_named(cluster: DaskCluster, tmp_path: Path) -> None:
    """A worker with another version of the package fails the preflight, and a task that gets there all the same."""
    home = tmp_path / "old" / "eventcli"
    home.mkdir(parents=True)
    (home / "__init__.py").write_text('__version__ = "0.0.9"\n')
    worker = cluster.start_worker(before=[str(home.parent)])
    with closing(engine_of(cluster.url)) as engine:
        with pytest.raises(PreflightError, match=rf"^worker {worker.address} has eventstats 0\.0\.9, this process "):
            engine.check(cluster_jobs.probe, b"")
        for other in cluster.workers[:2]:
            other.kill()
        with pytest.raises(TaskLostError, match=r"^task 0: ModuleNotFoundError: No module named 'eventcli.engines'"):
            engine.reduce(job(tmp_path, {}), Watch())


# ---- addresses


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dask://", "a scheduler of Dask is dask://HOST:PORT"),
        ("dask://host:port", "a scheduler of Dask is"),
        ("dask://host/path", "a scheduler of Dask is"),
        ("ftp://host", "a scheduler of Dask is"),
        ("missing.json", "missing.json: No such file or directory"),
    ],
)
def test_a_wrong_address_is_wrong_usage(text: str, message: str) -> None:
    """What names no scheduler is said before anything is connected."""
    with pytest.raises(AddressError, match=f"^{message}"):
        engine_of(text)


def test_a_scheduler_file_names_the_scheduler(shared: DaskCluster, tmp_path: Path) -> None:
    """The file that `dask scheduler --scheduler-file` writes is an address, and any other file is none."""
    path = tmp_path / "scheduler.json"
    path.write_text(f'{{"type": "Scheduler", "address": "{shared.address}"}}')
    engine = engine_of(str(path))
    assert engine.workers() == 2
    engine.close()
    path.write_text("[]")
    with pytest.raises(AddressError, match=r"is no scheduler file of Dask$"):
        engine_of(str(path))


def test_a_scheduler_that_is_not_there_is_named() -> None:
    """Where no scheduler listens, the error has its address."""
    with pytest.raises(EngineLostError, match=r"^dask://127.0.0.1:1: no scheduler of Dask answers there"):
        DaskEngine.connect("tcp://127.0.0.1:1", name="dask://127.0.0.1:1", timeout=0.3)


def test_tls_without_certificates_is_an_error(shared: DaskCluster) -> None:
    """Where the environment has no certificates for TLS, the run ends with an error, not a traceback."""
    with pytest.raises(EngineError, match=r"^tls://"):
        engine_of(shared.url.replace("dask", "tls"))


# ---- silence


def test_nothing_of_dask_is_written_to_stderr(cluster: DaskCluster, tmp_path: Path) -> None:
    """Whatever Dask logs or warns of, the client writes nothing: not for a dead worker, nor for a lost scheduler."""
    assert cluster.scheduler is not None
    program = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom cluster_jobs import *\n"
        "from eventcli.engines.dask import engine_of\n"
        f"engine = engine_of({cluster.url!r})\n"
        f"tasks = job(Path({str(tmp_path)!r}), {{'die': 'once'}}, *[{{}}] * 50)\n"
        "assert engine.reduce(tasks, Watch()) == expected(51)\n"
        f"os.kill({cluster.scheduler.pid}, signal.SIGKILL)\n"
        "try:\n    engine.reduce(tasks, Watch())\n"
        "except Exception as error:\n    print(type(error).__name__)\n"
        "engine.close()\n"
    )
    environment = {"PYTHONPATH": str(TESTS)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"EngineLostError\n", b"")


def test_the_log_of_others_is_left_alone() -> None:
    """Messages of asyncio that are not about Dask pass the filter."""

    def record(text: str) -> logging.LogRecord:
        return logging.LogRecord("asyncio", logging.ERROR, "", 0, text, (), None)

    assert is_of_others(record("Task was destroyed but it is pending! coro=<mine()>"))
    assert not is_of_others(record("Task exception was never retrieved: distributed.comm.core.CommClosedError"))
