"""A cluster of Dask on loopback: a scheduler and workers, each a process that a test may kill, stop and replace."""

import atexit
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clusters import PATIENCE, Cluster, is_running, wait_for
from eventcli.engines.dask import DaskEngine, engine_of

TESTS: Final = Path(__file__).parent


@dataclass(frozen=True)
class Member:
    """A process of the cluster."""

    pid: int
    address: str = ""

    def signal(self, number: int) -> None:
        """Send a signal; it may be gone."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    @property
    def is_alive(self) -> bool:
        """Whether it is still there."""
        return is_running(self.pid)

    def kill(self) -> None:
        """End it at once, as a power cut does, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        wait_for(lambda: not self.is_alive, f"{self.pid} is still there")

    def stop(self) -> None:
        """Have it do nothing, with its connections open."""
        self.signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Have it go on after a stop."""
        self.signal(signal.SIGCONT)


class DaskCluster:
    """A scheduler and its workers."""

    def __init__(self, folder: Path, **settings: str) -> None:
        """Nothing runs yet. `settings` are those of Dask, such as `scheduler__worker_ttl`."""
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._settings = {f"distributed.{name.replace('__', '.')}": value for name, value in settings.items()}
        self.scheduler: Member | None = None
        self.workers: list[Member] = []

    @property
    def address(self) -> str:
        """The address of the scheduler as Dask writes it."""
        return f"tcp://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The scheduler as `--engine` takes it."""
        return f"dask://127.0.0.1:{self.port}"

    def start_scheduler(self) -> Member:
        """Start the scheduler, and wait until it listens."""
        # As where Dask alone is installed: the scheduler needs no package.
        self.scheduler = self._fork(role="scheduler", port=self.port, before=[], lacks_package=True)
        return self.scheduler

    def start_worker(self, *, threads: int = 1, before: Sequence[str] = (), lacks_package: bool = False) -> Member:
        """Start a worker, and wait until the scheduler knows it. `before` are folders where it finds modules first."""
        worker = self.new_worker(threads=threads, before=before, lacks_package=lacks_package)
        self.workers.append(worker)
        return worker

    def new_worker(self, *, threads: int = 1, before: Sequence[str] = (), lacks_package: bool = False) -> Member:
        """Start a worker that somebody else keeps."""
        return self._fork(
            role="worker",
            scheduler=self.address,
            threads=threads,
            before=list(before),
            lacks_package=lacks_package,
            scratch=tempfile.mkdtemp(dir=self.folder),
        )

    def start(self, workers: int = 2) -> None:
        """Start the scheduler and some workers."""
        self.start_scheduler()
        for _ in range(workers):
            self.start_worker()

    def end(self) -> None:
        """End all processes, in whatever state they are."""
        for member in (*self.workers, *filter(None, [self.scheduler])):
            member.kill()

    def log(self) -> str:
        """Return what all processes logged."""
        return (self.folder / "log").read_text()

    def _fork(self, **order: Any) -> Member:
        return _forking().fork({**order, "log": str(self.folder / "log"), "settings": self._settings})


class _Forking:
    """The process that forks."""

    def __init__(self) -> None:
        """Start it; it ends with this one."""
        environment = {**os.environ, "DASK_CONFIG": os.devnull, "PYTHONPATH": str(TESTS)}
        command = [sys.executable, str(TESTS / "dask_members.py")]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        atexit.register(self.end)

    def fork(self, order: Mapping[str, Any]) -> Member:
        """Start a member, and wait until it is there."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        pid, address = json.loads(self._process.stdout.readline())
        assert address, f"see {order['log']}"
        return Member(pid, address)

    def end(self) -> None:
        """End it with all members that are left."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()


@functools.cache
def _forking() -> _Forking:
    return _Forking()


@contextmanager
def dask_cluster(folder: Path, workers: int = 2, **settings: str) -> Iterator[DaskCluster]:
    """Run a cluster; all its processes are gone when the block ends."""
    cluster = DaskCluster(folder, **settings)
    try:
        cluster.start(workers)
        yield cluster
    finally:
        cluster.end()


class _Replaced(Cluster):
    """A cluster whose workers are replaced when they die, as a nanny of Dask does."""

    def __init__(self, cluster: DaskCluster) -> None:
        self._cluster = cluster
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._replace)
        self._thread.start()

    def engine(self, *, is_impatient: bool = False) -> DaskEngine:
        """Return an engine of its own. The scheduler is always impatient."""
        return engine_of(self.option, patience=3.0 if is_impatient else 10.0)

    @property
    def option(self) -> str:
        """The value of `--engine`."""
        return self._cluster.url

    def pids(self) -> list[int]:
        """Return the process numbers of the workers."""
        return [worker.pid for worker in self._cluster.workers]

    def heal(self) -> None:
        """Replace workers that are stopped, and wait until there are two."""
        for worker in list(self._cluster.workers):
            if is_stopped(worker.pid):
                worker.kill()
        wait_for(lambda: all(worker.is_alive for worker in list(self._cluster.workers)), "there should be workers")

    def close(self) -> None:
        """Replace no more."""
        self._is_over.set()
        self._thread.join()

    def _replace(self) -> None:
        workers = self._cluster.workers
        while not self._is_over.wait(0.05):
            for number, worker in enumerate(workers):
                if not worker.is_alive:
                    workers[number] = self._cluster.new_worker()


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Run a cluster on which all engines are tested."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        dask_cluster(Path(folder), scheduler__worker_ttl="5s") as running,
        closing(_Replaced(running)) as replaced,
    ):
        yield replaced


def is_stopped(pid: int) -> bool:
    """Whether a process was stopped by a signal."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "T"
    return False
