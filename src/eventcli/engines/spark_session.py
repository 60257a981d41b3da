"""Sessions of Spark: opened without a word on the user's terminal, and asked how far their jobs are.

Classic sessions have a driver in a JVM beside this process, those of Spark Connect have it on a server. What both can
do is used through one class for each, so that nothing else tells them apart.
"""

import logging
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, Any, Final, NamedTuple
from urllib.parse import urlsplit

from eventcli.engines.engine import EngineError, EngineLostError
from eventcli.engines.spark_failures import reason_of
from eventcli.errors import WrongUsageError

_PORTS: Final = {"spark": 7077, "sc": 15002}

_CONNECT: Final = 15.0
"""Seconds for which the master or server may take to answer first: it may have been started a moment ago."""

_PAUSE: Final = 0.2

_TRIES: Final = 4
"""How often a task is tried where Spark would try it once."""

_WORDS: Final = "the engine is spark://HOST:PORT, spark (as the environment configures it) or sc://HOST:PORT"

_LAUNCH: Final = {"spark.ui.showConsoleProgress": "false"}
"""What the driver must be started with."""

_JVM: Final = "-XX:TieredStopAtLevel=1"
"""How the driver compiles. It lives for a run, and half of the 34 s of CPU of a short one optimised its own code."""

_JVM_VARIABLE: Final = "SPARK_SUBMIT_OPTS"
"""What Spark puts before the options that the user's configuration has for the driver, so those prevail."""

_CONTEXT: Final = {
    "spark.app.name": "eventstats",
    # Until a Python process that was asked to end has ended; else two seconds.
    "spark.python.task.killTimeout": "500ms",
    # A task takes seconds. One that takes minutes when most are done may be on a machine that has stopped, so it is
    # begun on another one, too; Spark takes the result that comes first.
    "spark.speculation": "true",
    "spark.speculation.quantile": "0.5",
    "spark.speculation.multiplier": "3",
    "spark.speculation.minTaskRuntime": "60s",
}
"""What holds for a context, unless the user has set it."""

_SOCKETS: Final = {
    # The first task of a stage on a worker began 40 ms later over TCP, which held back its second small packet.
    "spark.python.unix.domain.socket.enabled": "true",
}
"""What holds for a context, too, where temporary directories have short paths."""

_LONGEST: Final = 60
"""Bytes of the path of a directory for sockets: that of a socket has 103 on macOS, and its name takes 43 of them."""

_TEMPORARY: Final = re.compile(r"-Djava\.io\.tmpdir=(\S+)")

_SESSION: Final = {
    # A stage begins when the one before it is done, as one job.
    "spark.sql.adaptive.enabled": "false",
}
"""What holds for a session that nobody else uses, where the version of Spark knows it."""


class AddressError(WrongUsageError):
    """The text names no cluster of Spark; the message says what does."""


class Progress(NamedTuple):
    """How far a job is: the tasks that are folded, those that run, and the number of the stage of the folds."""

    folded: int = 0
    running: int = 0
    stage: int | None = None


class Cluster(ABC):
    """A session of Spark, and what the two kinds of sessions do differently. The name has no secrets."""

    def __init__(self, session: Any, name: str) -> None:
        """Use a session."""
        self.session = session
        self.name = name

    @property
    def dashboard(self) -> str | None:
        """The address of the page of the driver, if it is known."""
        return None

    @abstractmethod
    def begin(self, tag: str) -> None:
        """Have all jobs that this thread starts from now on bear a tag; called once for each thread."""

    @abstractmethod
    def interrupt(self, tag: str) -> None:
        """End the jobs with a tag."""

    @abstractmethod
    def progress(self, tag: str) -> Progress:
        """Return how far the job with a tag is."""

    @abstractmethod
    def executors(self) -> int | None:
        """Return the number of executors; None if the driver does not tell, or is gone."""

    def slots(self) -> int | None:
        """Return how many tasks run at a time; None if the driver does not tell."""
        return None

    def configure(self, settings: Mapping[str, str]) -> None:
        """Set what this version of Spark knows."""
        for name, value in settings.items():
            with suppress(Exception):
                self.session.conf.set(name, value)

    def close(self) -> None:  # noqa: B027  # a session of the caller stays open
        """Give back what was opened."""


class Classic(Cluster):
    """A session whose driver is a JVM beside this process."""

    def __init__(self, session: Any, name: str) -> None:
        """Use a session of its own in the same context, so that what is set there holds for nobody else."""
        super().__init__(session.newSession(), name)
        self.context = session.sparkContext
        self.configure(_SESSION)

    @property
    def dashboard(self) -> str | None:
        """The address of the page of the driver."""
        with suppress(Exception):
            url: str | None = self.context.uiWebUrl
            return url
        return None

    def begin(self, tag: str) -> None:
        """Have all jobs that this thread starts from now on bear a tag."""
        self.context.setJobGroup(tag, "eventstats", interruptOnCancel=True)

    def interrupt(self, tag: str) -> None:
        """End the jobs with a tag."""
        self.context.cancelJobGroup(tag)

    def progress(self, tag: str) -> Progress:
        """Return how far the job with a tag is."""
        tracker = self.context.statusTracker()
        stages: set[int] = set()
        for job in tracker.getJobIdsForGroup(tag):
            if (about := tracker.getJobInfo(job)) is not None:
                stages.update(about.stageIds)
        if not stages:
            return Progress()
        # Later stages wait for that of the folds.
        first = min(stages)
        about = tracker.getStageInfo(first)
        active = [tracker.getStageInfo(stage) for stage in stages.intersection(tracker.getActiveStageIds())]
        running = sum(stage.numActiveTasks for stage in active if stage is not None)
        return Progress(0 if about is None else about.numCompletedTasks, running, first)

    def executors(self) -> int | None:
        """Return the number of executors; a local driver is one itself."""
        context: Any = self.context
        with suppress(Exception):
            count = int(context._jsc.sc().getExecutorMemoryStatus().size())  # noqa: SLF001  # Python has no name for it
            return count if str(context.master).startswith("local") else count - 1
        return None

    def slots(self) -> int | None:
        """Return how many tasks run at a time."""
        with suppress(Exception):
            return int(self.context.defaultParallelism)
        return None


class Connect(Cluster):
    """A session on a server of Spark Connect."""

    def __init__(self, session: Any, name: str) -> None:
        """Listen to the progress of the jobs."""
        super().__init__(session, name)
        self._told: dict[int, Progress] = {}
        self._threads: dict[str, int] = {}
        session.registerProgressHandler(self._hear)

    def begin(self, tag: str) -> None:
        """Have all jobs that this thread starts from now on bear a tag."""
        self._threads[tag] = threading.get_ident()
        self._told.pop(threading.get_ident(), None)
        self.session.addTag(tag)

    def interrupt(self, tag: str) -> None:
        """End the jobs with a tag."""
        self.session.interruptTag(tag)

    def progress(self, tag: str) -> Progress:
        """Return how far the job with a tag is."""
        return self._told.get(self._threads.get(tag, 0), Progress())

    def executors(self) -> int | None:
        """Return nothing: the server does not tell."""
        return None

    def close(self) -> None:
        """Listen no longer."""
        with suppress(Exception):
            self.session.removeProgressHandler(self._hear)

    def _hear(self, stages: Any, inflight_tasks: int, operation_id: Any, done: bool) -> None:  # noqa: ARG002, FBT001  # called so
        """Keep the progress of a job, on the thread that waits for it."""
        first = min(stages or (), key=lambda stage: stage.stage_id, default=None)
        if first is not None:
            progress = Progress(first.num_completed_tasks, inflight_tasks, first.stage_id)
            self._told[threading.get_ident()] = progress


def cluster_of(session: Any) -> Cluster:
    """Return a session that the caller has, and keeps. EngineLostError if its driver is gone."""
    silence_python()
    try:
        if hasattr(type(session), "registerProgressHandler") and "connect" in type(session).__module__:
            return Connect(session, "sc")
        return Classic(session, str(session.sparkContext.master))
    except Exception as error:  # noqa: BLE001  # of any kind
        raise EngineLostError(f"the session of Spark cannot be used: {reason_of(error)}") from None


def opened(text: str) -> Cluster:
    """Open a session as `--engine` names it. AddressError, EngineLostError or EngineError."""
    silence_python()
    # From its threads, too, and at the end of the process.
    warnings.filterwarnings("ignore", module=r"pyspark\.")
    remote = os.environ.get("SPARK_REMOTE") if text == "spark" else None
    text = remote or text
    scheme, separator, rest = text.partition("://")
    if text != "spark" and (scheme not in _PORTS or not separator or not rest):
        raise AddressError(_WORDS)
    if text == "spark":
        return _Driver(None, "spark")
    places = [_place(scheme, place) for place in rest.partition("/")[0].split(",")]
    name = f"{scheme}://{','.join(f'{host}:{port}' for host, port in places)}"
    _reach(name, places, "master of Spark" if scheme == "spark" else "server of Spark Connect")
    return _Driver(name, name) if scheme == "spark" else _remote(text, name)


def _place(scheme: str, place: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{place}")
        host, port = parts.hostname, parts.port or _PORTS[scheme]
    except ValueError:
        host, port = None, 0
    if not host or parts.username:
        raise AddressError(_WORDS)
    return (f"[{host}]" if ":" in host else host), port


def _reach(name: str, places: list[tuple[str, int]], what: str) -> None:
    """Raise EngineLostError unless something listens at one place: Spark itself would try for a minute."""
    deadline = time.monotonic() + _CONNECT
    while True:
        reason = ""
        for host, port in places:
            try:
                socket.create_connection((host.strip("[]"), port), _CONNECT).close()
            except OSError as error:
                reason = error.strerror or str(error)
            else:
                return
        if time.monotonic() > deadline:
            raise EngineLostError(f"{name}: no {what} answers there ({reason})")
        time.sleep(_PAUSE)


# ------------------------------------------------------------------------------------------------ Spark Connect


class _Remote(Connect):
    """A session of Spark Connect that was opened here."""

    def close(self) -> None:
        """End the session."""
        super().close()
        with suppress(Exception), without_warnings():
            # A server that is gone was asked for 21 s more.
            self.session.client.set_retry_policies([])
            self.session.stop()


def _remote(url: str, name: str) -> Cluster:
    # gRPC logs on standard error from C.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        from pyspark.sql.connect.client.retries import DefaultPolicy  # noqa: PLC0415  # an extra of the extra
        from pyspark.sql.connect.session import SparkSession  # noqa: PLC0415

        session: Any = SparkSession.builder.remote(url).create()
        # By default, a server that is gone is tried for ten minutes.
        session.client.set_retry_policies([DefaultPolicy(max_retries=8, max_backoff=4000)])
        cluster = _Remote(session, name)
        cluster.configure(_SESSION)
    except Exception as error:  # noqa: BLE001  # of any kind
        raise EngineLostError(f"{name}: {reason_of(error)}") from None
    return cluster


# ---------------------------------------------------------------------------------------------------- the driver


class _Driver(Classic):
    """A session with a driver that is started here, and ended with it."""

    def __init__(self, master: str | None, name: str) -> None:
        """Start the driver. Whatever its JVM writes goes into a file, which is read if it fails."""
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # for as long as the driver runs
        try:
            session = _on_a_thread(lambda: self._start(master))
        except EngineError:
            self._log.close()
            raise
        super().__init__(session, name)

    def _start(self, master: str | None) -> Any:
        with without_warnings():
            from pyspark import SparkConf, SparkContext  # noqa: PLC0415  # takes a second
            from pyspark.java_gateway import launch_gateway  # noqa: PLC0415
            from pyspark.sql import SparkSession  # noqa: PLC0415

        if SparkContext._active_spark_context is not None:  # noqa: SLF001  # Python has no name for it
            raise EngineError("this process has a session of Spark already: SparkEngine(session) uses it")
        launch = SparkConf(loadDefaults=False)
        for key, value in _LAUNCH.items():
            launch.set(key, value)
        try:
            with _jvm_options():
                gateway: Any = launch_gateway(  # type: ignore[no-untyped-call]
                    launch, {"stdout": self._log, "stderr": subprocess.STDOUT}
                )
        except Exception:  # noqa: BLE001  # of any kind
            raise EngineError(f"the driver of Spark cannot be started: {self._complaint()}") from None
        SparkContext._gateway = gateway  # noqa: SLF001  # else there is one more
        SparkContext._jvm = gateway.jvm  # noqa: SLF001
        try:
            conf = SparkConf(_jvm=gateway.jvm)
            if master is not None:
                conf.setMaster(master)
            self._fill(conf, gateway.jvm.java.lang.System.getProperty("java.io.tmpdir"))
            context = SparkContext(gateway=gateway, conf=conf)
            context.setLogLevel("OFF")
            return SparkSession(context)
        except Exception as error:  # noqa: BLE001  # of any kind
            reason = reason_of(error)
            _end_gateway()
            raise EngineLostError(f"the driver of Spark cannot be started: {reason}") from None

    @staticmethod
    def _fill(conf: Any, temporary: str) -> None:
        """Set what the user has not set. The driver has this temporary directory."""
        master = conf.get("spark.master", "local[*]")
        for key, value in (_CONTEXT | (_SOCKETS if can_have_sockets(conf, temporary) else {})).items():
            # The launcher has set a name of its own.
            if not conf.contains(key) or key == "spark.app.name":
                conf.set(key, value)
        if master == "local":
            conf.setMaster(f"local[1,{_TRIES}]")
        elif master.startswith("local[") and "," not in master:
            # As it is, a task is tried once.
            conf.setMaster(master.replace("]", f",{_TRIES}]"))
        python = conf.get("spark.pyspark.python", None) or (sys.executable if master.startswith("local") else None)
        if python is not None:
            os.environ.setdefault("PYSPARK_PYTHON", python)

    def _complaint(self) -> str:
        """Return what the JVM, or the script that looks for one, wrote last."""
        self._log.seek(0)
        lines = [line.strip() for line in self._log.read().decode(errors="replace").splitlines() if line.strip()]
        for line in lines:
            if "UnsupportedClassVersionError" in line:
                return "it needs Java 17 or later"
            if "JAVA_HOME is not set" in line or "java: not found" in line or "java: No such file" in line:
                return "there is no Java: install Java 17 or later, such as by apt-get install default-jre-headless"
        return lines[-1] if lines else "it ended at once"

    def close(self) -> None:
        """End the driver."""
        with suppress(Exception):
            self.context.stop()
        _end_gateway()
        self._log.close()


def can_have_sockets(conf: Any, temporary: str) -> bool:
    """Return whether sockets have short paths, as they must, on the driver with this temporary directory and elsewhere.

    YARN gives each container a temporary directory deep in its own folders.
    """
    is_known = conf.get("spark.master", "local[*]").startswith(("spark:", "local"))
    folders = [temporary, *_TEMPORARY.findall(conf.get("spark.executor.extraJavaOptions", ""))]
    return is_known and all(len(os.fsencode(folder)) <= _LONGEST for folder in folders)


@contextmanager
def _jvm_options() -> Iterator[None]:
    """Have the JVM of the driver started with options of our own, which go before those of the user."""
    before = os.environ.get(_JVM_VARIABLE)
    os.environ[_JVM_VARIABLE] = f"{_JVM} {before or ''}".strip()
    try:
        yield
    finally:
        if before is None:
            del os.environ[_JVM_VARIABLE]
        else:
            os.environ[_JVM_VARIABLE] = before


def _end_gateway() -> None:
    """End the JVM of the driver."""
    from pyspark import SparkContext  # noqa: PLC0415  # loaded by now

    gateway: Any = SparkContext._gateway  # noqa: SLF001  # Python has no name for it
    SparkContext._gateway = SparkContext._jvm = SparkContext._active_spark_context = None  # noqa: SLF001
    if gateway is None:
        return
    with suppress(Exception):
        gateway.shutdown()
    process: subprocess.Popen[bytes] | None = getattr(gateway, "proc", None)
    if process is not None:
        with suppress(OSError, AttributeError):
            process.stdin.close()  # type: ignore[union-attr]  # its end is the sign for the JVM to go
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _on_a_thread(work: Callable[[], Any]) -> Any:
    """Return what a function returns. Signals are handled meanwhile, and PySpark leaves their handlers alone."""
    results: list[Any] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001  # it is raised on the other thread
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.1)
    if failures:
        raise failures[0]
    return results[0]


# -------------------------------------------------------------------------------------------------------- silence


def silence_python() -> None:
    """Have PySpark log nothing: what matters is an error of the engine."""
    for name in ("py4j", "pyspark", "grpc"):
        logger = logging.getLogger(name)
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
        logger.setLevel(logging.CRITICAL + 1)


@contextmanager
def without_warnings() -> Iterator[None]:
    """Leave out what PySpark warns of, such as a newer pandas."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
