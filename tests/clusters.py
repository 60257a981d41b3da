"""What engines run on in tests: real processes on loopback, a class for each engine.

`tests/engines/test_engine.py` and `test_conformance.py` hold for all of them. A module for each kind of cluster, such
as `dask_cluster`, has `cluster()`, a context manager that starts one and yields a `Cluster`, and `engine_of(option)`.
"""

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

from eventcli.engines.engine import Engine
from eventcli.engines.processes import Processes

KINDS: Final = ("processes", "dask", "spark")

PATIENCE: Final = 180.0
"""Seconds after which something that should happen on a cluster is taken to have failed."""


class Cluster(ABC):
    """A cluster with two workers, on which an engine can be had."""

    examples: int = 30
    """How many drawn cases a property is tried with: fewer where each takes long."""

    has_own_workers: bool = True
    """Whether its workers were started before the client, with the environment of then."""

    @abstractmethod
    def engine(self, *, is_impatient: bool = False) -> Engine:
        """Return an engine that nobody else uses. If it is impatient, workers are given up after a few seconds."""

    @property
    @abstractmethod
    def option(self) -> str:
        """The value of `--engine` that leads to this cluster."""

    @abstractmethod
    def pids(self) -> list[int]:
        """Return the process numbers of the workers that run independently of a client; none if they are its own."""

    def heal(self) -> None:  # noqa: B027  # most have nothing to do
        """Have two workers again, whatever a test did to them."""


class ProcessesCluster(Cluster):
    """The processes of the client itself."""

    has_own_workers = False

    def engine(self, *, is_impatient: bool = False) -> Engine:
        """Return an engine of two processes."""
        return Processes(2, patience=3.0) if is_impatient else Processes(2)

    @property
    def option(self) -> str:
        """The value of `--engine`."""
        return "processes:2"

    def pids(self) -> list[int]:
        """Return nothing: they begin with their client."""
        return []


@contextmanager
def tests_on_path() -> Iterator[None]:
    """Let workers that start now find the functions of tests by their names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        yield


@contextmanager
def started(kind: str) -> Iterator[Cluster]:
    """Start a cluster of a kind; a test is skipped where what it needs is not installed."""
    if kind == "processes":
        yield ProcessesCluster()
        return
    pytest.importorskip({"dask": "distributed", "spark": "pyspark"}[kind])
    if find_spec(f"{kind}_cluster") is None:
        pytest.skip(f"there is no cluster of {kind} for tests")
    with ExitStack() as stack:
        with tests_on_path():
            cluster = stack.enter_context(import_module(f"{kind}_cluster").cluster())
        yield cluster


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Wait until something is the case."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Whether a process runs."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def engine_of(option: str) -> Engine:
    """Return the engine that an option names, as the command line does."""
    if option.startswith("processes"):
        return Processes(2)
    kind = "dask" if option.startswith(("dask", "tls")) else "spark"
    engine: Engine = import_module(f"{kind}_cluster").engine_of(option)
    return engine
