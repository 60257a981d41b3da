"""A cluster of Spark on loopback: a master and two workers, each a JVM that a test may kill; or a server of Connect.

The package from PyPI has no scripts that start these, but `spark-class` does. Each client gets two executors of one
core, one on each worker. Everything ends with the tests, also when they are killed.
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pyspark

from clusters import Cluster, is_running
from eventcli.engines.spark import SparkEngine, engine_of
from eventcli.engines.spark_session import opened

__all__ = ["Member", "SparkCluster", "cluster", "engine_of", "environment", "serving"]

HOME: Final = Path(pyspark.__file__).parent

PATIENCE: Final = 400.0
"""Seconds after which a process is taken to hang: JVMs start slowly on a busy machine."""

_LIGHT: Final = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xss512k -XX:-UsePerfData"
"""For JVMs that live for a short time."""

_SETTINGS: Final = {
    "spark.cores.max": "2",
    "spark.executor.cores": "1",
    "spark.executor.memory": "512m",
    "spark.driver.memory": "512m",
    "spark.driver.host": "127.0.0.1",
    "spark.executor.heartbeatInterval": "1s",
    "spark.network.timeout": "20s",
    "spark.network.timeoutInterval": "5s",
    "spark.speculation.minTaskRuntime": "20s",
    "spark.ui.enabled": "false",
}


_HOSTS: Final = ("127.0.0.1", "127.0.0.2")


class Member:
    """A JVM, and all that it starts."""

    host: str = _HOSTS[0]
    """The host that it takes itself to be on."""

    def __init__(self, command: list[str], log: Path, variables: Mapping[str, str]) -> None:
        """Start it. It ends when this process does."""
        parent = os.getpid()

        def die_with_parent() -> None:
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(HOME / "bin" / "spark-class"), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **variables},
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509  # nothing else runs here yet
            )
        self.log = log

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it is there."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End it, and what it has started, at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()


class SparkCluster(Cluster):
    """A master and two workers; all engines have one driver in common, which is that of the tests."""

    examples = 5

    def __init__(self, folder: Path) -> None:
        """Start them, and wait until the workers are known."""
        self._folder = folder
        self._port, self._page = free_port(), free_port()
        self._variables = {"SPARK_DAEMON_MEMORY": "128m"}
        self.master = self.start(
            "Master", "--host", _HOSTS[0], "--port", str(self._port), "--webui-port", str(self._page)
        )
        self.workers: list[Member] = []
        self._session: Any = None
        self.heal()

    @property
    def option(self) -> str:
        """The value of `--engine`."""
        return f"spark://127.0.0.1:{self._port}"

    def engine(self, *, is_impatient: bool = False) -> SparkEngine:  # noqa: ARG002  # impatience is that of the driver
        """Return an engine in a session of its own."""
        return SparkEngine(self.session())

    def session(self) -> Any:
        """Return the session that all engines of this process have in common."""
        return self._shared().session

    def pids(self) -> list[int]:
        """Return the process numbers of the workers, which start the executors of each client."""
        return [worker.pid for worker in self.workers if worker.is_running]

    def heal(self) -> None:
        """Have two workers, and two executors for the driver of the tests."""
        self.workers = [worker for worker in self.workers if worker.is_running]
        while len(self.workers) < 2:
            scratch = tempfile.mkdtemp(dir=self._folder)
            # Spark begins a task again on another host only.
            host = next(host for host in _HOSTS if all(worker.host != host for worker in self.workers))
            options = ["--host", host, "--cores", "8", "--memory", "8g", "--webui-port", "0", "-d", scratch]
            self.workers.append(self.start("Worker", *options, self.option))
            self.workers[-1].host = host
        wait_until(lambda: self.state().get("aliveworkers") == 2, "the workers should be known")
        if self._session is not None:
            wait_until(lambda: self._session.executors() == 2, "each client should have two executors")

    def state(self) -> dict[str, Any]:
        """Return what the master tells."""
        with suppress(OSError, ValueError), urllib.request.urlopen(f"http://127.0.0.1:{self._page}/json/") as page:
            state: dict[str, Any] = json.load(page)
            return state
        return {}

    def start(self, kind: str, *options: str) -> Member:
        """Start a master or a worker."""
        command = [f"org.apache.spark.deploy.{kind.lower()}.{kind}", *options]
        return Member(command, self._folder / f"{kind}.log", self._variables)

    def end(self) -> None:
        """End everything."""
        if self._session is not None:
            self._session.close()
        for member in (*self.workers, self.master):
            member.kill()

    def _shared(self) -> Any:
        if self._session is None:
            self._session = opened(self.option)
            wait_until(lambda: self._session.executors() == 2, "each client should have two executors")
        return self._session


@contextmanager
def cluster(**settings: str) -> Iterator[SparkCluster]:
    """Start a cluster for all tests of engines, or another one with settings of Spark."""
    with tempfile.TemporaryDirectory() as name, environment(Path(name), **settings):
        cluster = SparkCluster(Path(name))
        try:
            yield cluster
        finally:
            cluster.end()


@contextmanager
def environment(folder: Path, **settings: str) -> Iterator[None]:
    """Have all of Spark configured for tests: it is this Python, on loopback, with small JVMs."""
    with tempfile.TemporaryDirectory(prefix="spark-") as scratch:
        # A JVM that is killed leaves files there. The path is short, as there are sockets, too.
        options = f"{_LIGHT} -Djava.io.tmpdir={scratch}"
        java = {f"spark.{kind}.extraJavaOptions": options for kind in ("driver", "executor")}
        lines = [f"{name} {value}\n" for name, value in (_SETTINGS | java | settings).items()]
        (folder / "spark-defaults.conf").write_text("".join(lines), encoding="utf-8")
        variables = {
            "PYSPARK_PYTHON": sys.executable,
            "SPARK_CONF_DIR": str(folder),
            "SPARK_DAEMON_JAVA_OPTS": options,
            "SPARK_HOME": str(HOME),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(folder),
        }
        with _variables(variables):
            yield


@contextmanager
def _variables(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables of the environment for a while."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def serving(folder: Path, master: str = "local[2,4]") -> Iterator[tuple[str, Member]]:
    """Run a server of Spark Connect, and yield its address for `--engine`."""
    port = free_port()
    settings = {"spark.connect.grpc.binding.port": str(port), "spark.connect.grpc.binding.address": "127.0.0.1"}
    options = [text for name, value in settings.items() for text in ("--conf", f"{name}={value}")]
    kind = "org.apache.spark.sql.connect.service.SparkConnectServer"
    command = ["org.apache.spark.deploy.SparkSubmit", "--master", master, *options, "--class", kind, "spark-internal"]
    server = Member(command, folder / "connect.log", {})
    try:
        wait_until(lambda: listens(port) or not server.is_running, "the server should listen")
        yield f"sc://127.0.0.1:{port}", server
    finally:
        server.kill()


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Whether somebody listens at a port."""
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def wait_until(holds: Callable[[], object], otherwise: str) -> None:
    """Wait until something holds; AssertionError if it never does."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)


def processes(command: str, parent: int | None = None) -> list[int]:
    """Return the processes whose command line has a text, of all or below one."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            pid = int(path.parent.name)
            text = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if command in text and is_running(pid) and (parent is None or parent in ancestors(pid)):
                found.append(pid)
    return found


def ancestors(pid: int) -> list[int]:
    """Return the processes that led to one."""
    found = []
    while pid > 1:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[1])
        except OSError:
            break
        found.append(pid)
    return found
