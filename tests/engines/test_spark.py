"""`eventcli.engines.spark`: what only Spark can do, on a real master, workers and executors, and a server of Connect.

What all engines must do is in `test_engine.py` and `test_conformance.py`.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyspark", reason="no pyspark: eventcli[spark] is not installed")

from py4j.protocol import Py4JError, Py4JNetworkError

import clusters
import spark_cluster
from cluster_fixtures import WHOLE
from cluster_jobs import Watch, expected, job
from eventcli.engines import spark_session
from eventcli.engines.engine import CancelledError, EngineError, EngineLostError, NoWorkersError, TaskLostError
from eventcli.engines.spark import SparkEngine
from eventcli.engines.spark_failures import error_of, failure_of, reason_of
from eventcli.engines.spark_session import AddressError, can_have_sockets
from process import TOOL, environment
from spark_cluster import SparkCluster, wait_until

on_spark = pytest.mark.parametrize("_cluster", ["spark"], indirect=True)
whole = pytest.mark.skipif(not WHOLE, reason="a test of the whole form: make engines")

LONG = {"sleep": 120}

SOCKETS = "spark.python.unix.domain.socket.enabled"

CRASHED = (
    "An error occurred while calling o88.collectToPython.\n"
    ": org.apache.spark.SparkException: Job aborted due to stage failure: Task 3 in stage 7.0 failed 4 times, most"
    " recent failure: Lost task 3.3 in stage 7.0 (TID 41) (10.0.0.7 executor 2): ExecutorLostFailure (executor 2 exited"
    " caused by one of the running tasks) Reason: Command exited with code 137\nDriver stacktrace:\n\tat org.apache"
)

RAISED = (
    "Job aborted due to stage failure: Task 0 in stage 2.0 failed 4 times, most recent failure: Lost task 0.3 in stage"
    " 2.0 (TID 9) (h executor 1): org.apache.spark.api.python.PythonException: Traceback (most recent call last):"
    "\n  File x\nRuntimeError: failed in task 5 on h/77: OSError: no space\n\n\tat org.apache.spark.api"
)


def told(cluster: SparkCluster, *args: str, **variables: str) -> tuple[int, bytes, str]:
    """Run the tool on a cluster, and return its status and what it wrote."""
    done = subprocess.run(
        [TOOL, *args, "--engine", cluster.option],
        capture_output=True,
        env=environment(**variables),
        timeout=spark_cluster.PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr.decode()


@contextmanager
def bare_python(folder: Path) -> Iterator[str]:
    """Yield a Python that has all that is installed but eventcli."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "bare")], check=True)
    (packages,) = (folder / "bare").glob("lib/python*/site-packages")
    # A folder that is named here is searched, but hooks in it, such as those of editable packages, do not count.
    ours = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "others.pth").write_text("\n".join(ours), encoding="utf-8")
    yield str(folder / "bare" / "bin" / "python")


# ------------------------------------------------------------------------------------------------------- words


def test_the_reason_of_a_failure_is_found_in_pages_of_stack_traces() -> None:
    """Which task failed, where and why is one line; a Python process says which task it was at."""
    crashed = failure_of(RuntimeError(CRASHED))
    assert crashed is not None
    assert (crashed.task, crashed.place, crashed.stage, crashed.where) == (None, 3, 7, "10.0.0.7, executor 2")
    assert crashed.reason.startswith("ExecutorLostFailure (executor 2 exited")
    raised = failure_of(RuntimeError(RAISED))
    assert raised is not None
    assert (raised.task, raised.where, raised.reason) == (5, "h/77", "OSError: no space")
    assert failure_of(RuntimeError("something else")) is None
    assert reason_of(RuntimeError("An error occurred while calling x.\n: java.io.IOException: full\n\tat a")) == "full"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ModuleNotFoundError: No module named 'pyarrow'", "no result: spark: pyarrow is not installed there"),
        (
            "[PYTHON_VERSION_MISMATCH] Python in worker has different version: 3.9 than that in driver: 3.11, PySpark",
            "no result: spark: the workers have Python 3.9, the client 3.11: PYSPARK_PYTHON names the right one",
        ),
        (
            'java.io.IOException: Cannot run program "python9": error=2, No such file',
            "no result: spark: the workers have no python9: PYSPARK_PYTHON names the Python to use there",
        ),
    ],
)
def test_a_python_that_cannot_do_the_work_is_one_sentence(text: str, words: str) -> None:
    """A worker whose Python lacks something, is another one, or is not there is told as that, not as a crash."""
    assert error_of(RuntimeError(text), "spark", "a task").words() == words


@pytest.mark.parametrize(
    ("error", "is_lost"),
    [
        # What Py4J raises when a connection that it had ends, and when a call gets no answer.
        (Py4JNetworkError("Answer from Java side is empty"), True),
        (Py4JError("An error occurred while calling o54.getJobIdsForGroup"), True),
        (Py4JError("getJobIdsForGroup does not exist in the JVM"), True),
        (ConnectionResetError(104, "Connection reset by peer"), True),
        # What it raises when Java has no such method.
        (
            Py4JError("An error occurred while calling o54.x. Trace:\npy4j.Py4JException: Method x does not exist"),
            False,
        ),
        (RuntimeError("An error occurred while calling o54.x.\n: java.io.IOException: full"), False),
    ],
)
def test_a_call_that_nobody_answers_means_that_the_driver_is_gone(error: Exception, is_lost: bool) -> None:  # noqa: FBT001  # a case
    """A driver that dies during a call is lost; one that answers that it cannot do something is there."""
    assert isinstance(error_of(error, "spark", None), EngineLostError) is is_lost


class Mortal:
    """A driver that answers whatever is asked, with itself, until it dies."""

    def __init__(self) -> None:
        self.is_dead = False

    def __getattr__(self, name: str) -> "Mortal":
        if self.is_dead:
            raise Py4JError(f"An error occurred while calling o54.{name}")
        return self

    def __call__(self, *_: object) -> "Mortal":
        """Answer a call."""
        return self

    def __int__(self) -> int:
        return 2


def test_a_driver_that_dies_between_calls_is_an_error_of_the_engine(tmp_path: Path) -> None:
    """Whatever the engine asks a driver that is gone, the caller gets EngineLostError, never an error of Py4J."""
    driver = Mortal()
    engine = SparkEngine(driver)
    assert engine.workers() == 1
    driver.is_dead = True
    asks: list[Callable[[], object]] = [
        lambda: engine.ship("a.zip"),
        lambda: engine.check(bytes, b""),
        lambda: engine.reduce(job(tmp_path, {}), Watch()),
        lambda: list(engine.stream(job(tmp_path, {}), Watch())),
        lambda: SparkEngine(driver),
    ]
    for ask in asks:
        with pytest.raises(EngineLostError):
            ask()
    assert (engine.workers(), engine.dashboard) == (0, None)
    engine.close()


@pytest.mark.parametrize(
    ("master", "temporary", "options", "has_sockets"),
    [
        ("spark://h:7077", "/short", "", True),
        ("local[2]", "/short", "-Xss1m -Djava.io.tmpdir=/brief", True),
        ("spark://h:7077", "/t" * 31, "", False),
        ("spark://h:7077", "/short", f"-Xss1m -Djava.io.tmpdir=/{'x' * 60} -Xmx1g", False),
        ("yarn", "/short", "", False),
    ],
)
def test_workers_have_sockets_where_their_paths_are_short(
    master: str,
    temporary: str,
    options: str,
    has_sockets: bool,  # noqa: FBT001  # a case
) -> None:
    """A socket in a directory with a long path cannot be made, so none is asked for there, nor where it is unknown."""
    conf = {"spark.master": master, "spark.executor.extraJavaOptions": options}
    assert can_have_sockets(conf, temporary) is has_sockets


@pytest.mark.parametrize("option", ["spark://", "sc://", "spark:///x", "spark://a:b", "sc://user@host"])
def test_an_address_that_names_no_cluster_is_wrong_usage(option: str) -> None:
    """What is no address says what one is."""
    with pytest.raises(AddressError, match="spark://HOST:PORT"):
        spark_cluster.engine_of(option)


@pytest.mark.parametrize("kind", ["spark", "sc"])
def test_a_cluster_that_is_not_there_is_said(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody listens, the message says so after some seconds, and shows no secrets."""
    monkeypatch.setattr(spark_session, "_CONNECT", 0.5)
    port = spark_cluster.free_port()
    with pytest.raises(EngineLostError, match=f"^{kind}://127.0.0.1:{port}: no .* answers there"):
        spark_cluster.engine_of(
            f"{kind}://127.0.0.1:{port}/;token=secret" if kind == "sc" else f"{kind}://127.0.0.1:{port}"
        )


def test_without_java_the_run_says_what_to_install(tmp_path: Path) -> None:
    """Where there is no Java, the message names it, and the command that installs it."""
    log = tmp_path / "a.log"
    log.write_bytes(b'{"type":"a","value":1}\n')
    (tmp_path / "bin").mkdir()
    for name in ("bash", "dirname", "env", "cat", "ls", "sed", "grep", "tr"):
        for folder in ("/usr/bin", "/bin"):
            if os.path.exists(f"{folder}/{name}") and not (tmp_path / "bin" / name).exists():
                (tmp_path / "bin" / name).symlink_to(f"{folder}/{name}")
    variables = environment(PATH=str(tmp_path / "bin"), JAVA_HOME="")
    del variables["JAVA_HOME"]
    done = subprocess.run([TOOL, str(log), "--engine", "spark"], capture_output=True, env=variables, check=False)
    assert (done.returncode, done.stdout) == (3, b"")
    assert b"no Java: install Java 17 or later" in done.stderr
    assert done.stderr.count(b"\n") == 1


# -------------------------------------------------------------------------------------------------- on a cluster


@on_spark
def test_the_tool_prints_what_one_machine_prints_and_nothing_else(cluster: SparkCluster, tmp_path: Path) -> None:
    """The bytes of standard output and stderr are those of one machine: Spark, its JVM and Python are silent."""
    log = tmp_path / "a.log"
    log.write_bytes(b'{"type":"a","value":1.10}\n' * 5000 + b"bad\n" + b'{"type":"b","value":2}\n' * 500)
    alone = subprocess.run([TOOL, str(log)], capture_output=True, check=False)
    assert told(cluster, str(log), "--split-size", "20000") == (alone.returncode, alone.stdout, alone.stderr.decode())


@on_spark
def test_what_the_user_sets_for_the_driver_prevails(cluster: SparkCluster) -> None:
    """Options of our own must go before those that are configured, and must stay out of the environment."""
    assert cluster.session().sparkContext.getConf().get(SOCKETS) == "true"
    beans = cluster.session().sparkContext._jvm.java.lang.management.ManagementFactory  # noqa: SLF001  # no other way
    options = list(beans.getRuntimeMXBean().getInputArguments())
    assert options.index("-XX:TieredStopAtLevel=1") < options.index("-Xss512k")
    assert os.environ.get("SPARK_SUBMIT_OPTS") is None


@on_spark
def test_workers_without_the_package_are_named_unless_it_is_shipped(cluster: SparkCluster, tmp_path: Path) -> None:
    """A Python without eventcli is one sentence and status 3; with --ship, the answer is that of one machine."""
    log = tmp_path / "a.log"
    log.write_bytes(b'{"type":"a","value":1.10}\n' * 1000)
    with bare_python(tmp_path) as python:
        status, out, err = told(cluster, str(log), PYSPARK_PYTHON=python)
        assert (status, out) == (3, b"")
        assert "eventcli is not installed there" in err
        assert err.count("\n") == 1
        alone = subprocess.run([TOOL, str(log)], capture_output=True, check=True)
        assert told(cluster, str(log), "--ship", PYSPARK_PYTHON=python) == (0, alone.stdout, "")


@on_spark
@whole
def test_a_python_that_is_not_there_is_one_sentence(cluster: SparkCluster, tmp_path: Path) -> None:
    """The message names the Python that the workers were told to use."""
    log = tmp_path / "a.log"
    log.write_bytes(b'{"type":"a","value":1}\n')
    status, out, err = told(cluster, str(log), PYSPARK_PYTHON="/nowhere/python")
    assert (status, out) == (3, b"")
    assert "the workers have no /nowhere/python: PYSPARK_PYTHON" in err
    assert err.count("\n") == 1


@on_spark
def test_an_executor_that_is_killed_costs_nothing_but_time(cluster: SparkCluster, tmp_path: Path) -> None:
    """What an executor had folded is folded again by another one, and the master starts a new one."""
    killed: list[int] = []

    def kill() -> None:
        wait_until(lambda: len(list(tmp_path.glob("alive-*"))) > 6, "some tasks should have begun")
        mine = spark_cluster.processes("CoarseGrainedExecutorBackend", cluster.pids()[0])
        for pid in mine[:1]:
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    with closing(cluster.engine()) as engine, meanwhile(kill):
        assert engine.reduce(job(tmp_path, *[{"sleep": 0.3}] * 40), Watch()) == expected(40)
    assert killed


@on_spark
@whole
def test_an_executor_that_is_killed_again_and_again_ends_the_run(cluster: SparkCluster, tmp_path: Path) -> None:
    """After the tries of Spark, the error names a task that was lost with it."""
    is_over = threading.Event()

    def kill() -> None:
        while not is_over.wait(0.5):
            if list(tmp_path.glob("alive-*")):
                for parent in cluster.pids():
                    for pid in spark_cluster.processes("CoarseGrainedExecutorBackend", parent):
                        os.kill(pid, signal.SIGKILL)

    with closing(cluster.engine()) as engine, meanwhile(kill):
        try:
            with pytest.raises(EngineError) as raised:
                engine.reduce(job(tmp_path, *[LONG] * 4, no_worker_timeout=30), Watch())
        finally:
            is_over.set()
    assert isinstance(raised.value, TaskLostError | EngineLostError | NoWorkersError)


@on_spark
@whole
def test_when_all_workers_are_gone_people_are_told_and_the_run_ends(cluster: SparkCluster, tmp_path: Path) -> None:
    """There is a message after some seconds, and an error after the time that was given."""
    engine = SparkEngine(cluster.session(), patience=1.0)
    watch = Watch()

    def kill() -> None:
        wait_until(lambda: len(list(tmp_path.glob("alive-*"))) == 2, "two tasks should have begun")
        for worker in cluster.workers:
            worker.kill()

    with meanwhile(kill), pytest.raises(NoWorkersError, match="no workers for 4 s"):
        engine.reduce(job(tmp_path, *[LONG] * 3, no_worker_timeout=4.0), watch)
    assert watch.messages == [f"{cluster.option}: no workers; waiting"]


CLIENT = (
    "import sys; from pathlib import Path; import clusters; from cluster_jobs import Watch, job\n"
    "engine = clusters.engine_of(sys.argv[2])\n"
    "try:\n"
    "    engine.reduce(job(Path(sys.argv[1]), *[{'sleep': 120}] * 4), Watch())\n"
    "except Exception as error: print(type(error).__name__, error, flush=True)\n"
)


@on_spark
@whole
def test_a_driver_that_is_killed_is_an_error(cluster: SparkCluster, tmp_path: Path) -> None:
    """When the JVM of the driver is gone, the run ends with an error, and nothing goes on on the cluster."""
    command = [sys.executable, "-c", CLIENT, str(tmp_path), cluster.option]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment(), text=True) as client:
        wait_until(lambda: len(list(tmp_path.glob("alive-*"))) == 2, "two tasks should have begun")
        (driver,) = spark_cluster.processes("org.apache.spark.deploy.SparkSubmit", client.pid)
        os.kill(driver, signal.SIGKILL)
        out, _ = client.communicate(timeout=spark_cluster.PATIENCE)
    assert out.startswith("EngineLostError "), out
    assert_silence(tmp_path)


@whole
def test_a_run_survives_the_end_of_its_master_or_says_so(tmp_path: Path) -> None:
    """A master that is killed in the middle costs an error or nothing, never a part of the answer."""
    with clusters.tests_on_path(), spark_cluster.environment(tmp_path):
        cluster = SparkCluster(tmp_path)
        command = [sys.executable, "-c", CLIENT.replace("120", "6"), str(tmp_path), cluster.option]
        try:
            program = command[2].replace("    engine.reduce", "    result = engine.reduce") + "else: print(result)\n"
            command[2] = program
            with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment(), text=True) as client:
                wait_until(lambda: len(list(tmp_path.glob("alive-*"))) == 2, "two tasks should have begun")
                cluster.master.kill()
                out, _ = client.communicate(timeout=spark_cluster.PATIENCE)
        finally:
            cluster.end()
    assert out.startswith(("EngineLostError ", str(expected(4)))), out


# ------------------------------------------------------------------------------------------------ Spark Connect


@whole
def test_a_server_of_connect_does_what_a_driver_does(tmp_path: Path) -> None:
    """Over gRPC, tasks are folded, failures named and jobs cancelled; when the server is gone, that is an error."""
    with (
        clusters.tests_on_path(),
        spark_cluster.environment(tmp_path),
        spark_cluster.serving(tmp_path) as (url, server),
        closing(spark_cluster.engine_of(url)) as engine,
    ):
        assert engine.name == url
        watch = Watch()
        assert engine.reduce(job(tmp_path, *[{}] * 40), watch) == expected(40)
        assert set(watch.folded) == set(range(40))
        assert b"".join(engine.stream(job(tmp_path, *[{}] * 9), Watch())) == expected(9)
        for kind in ("die", "fail"):
            tasks: list[dict[str, Any]] = [{} for _ in range(6)]
            tasks[3] = {kind: "always"}
            with pytest.raises(TaskLostError, match="task 3"):
                engine.reduce(job(tmp_path, *tasks), Watch())
        watch = Watch()
        with meanwhile(lambda: cancel(watch, tmp_path)), pytest.raises(CancelledError):
            engine.reduce(job(tmp_path, *[LONG] * 3), watch)
        assert_silence(tmp_path)
        with meanwhile(lambda: end(server.kill, tmp_path)), pytest.raises(EngineLostError):
            engine.reduce(job(tmp_path, *[LONG] * 3), Watch())


def cancel(watch: Watch, folder: Path) -> None:
    """Cancel once tasks have begun."""
    end(lambda: setattr(watch, "is_cancelled", True), folder)


def end(ending: Callable[[], object], folder: Path) -> None:
    """Do something once tasks have begun."""
    began = time.time()
    wait_until(lambda: any(path.stat().st_mtime > began for path in folder.glob("alive-*")), "tasks should have begun")
    ending()


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Do something on another thread."""
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def assert_silence(folder: Path) -> None:
    """Assert that no task shows signs of life any more, or will soon."""

    def latest() -> float:
        return max((path.stat().st_mtime for path in folder.glob("alive-*")), default=0.0)

    wait_until(lambda: time.time() - latest() > 1.0, "tasks should have ended")
    before = latest()
    time.sleep(0.5)
    assert latest() == before
