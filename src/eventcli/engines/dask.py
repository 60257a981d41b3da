"""Dask as an engine: a cluster that is there already, by the address of its scheduler or through a client.

The answer is one future at the root of a tree. What gives futures as they are done would end without an error when
the scheduler is lost.
"""

import asyncio
import base64
import json
import logging
import os
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlsplit

import distributed
from distributed import Client
from distributed.diagnostics.plugin import UploadFile

from eventcli import __version__
from eventcli.engines.dask_client import Connection, Roster, Silence, StopNow
from eventcli.engines.dask_task import TOPIC, path_of, reason_of
from eventcli.engines.dask_tree import Node, Submission, batches
from eventcli.engines.engine import (
    CancelledError,
    EngineError,
    EngineLostError,
    Job,
    NoWorkersYetError,
    PreflightError,
    Watch,
)
from eventcli.engines.run import Summarizes
from eventcli.errors import WrongUsageError

_PORT: Final = 8786
"""The port of a scheduler, unless it has another."""

_CONNECT: Final = 10.0
"""Seconds for which the scheduler may take to answer first."""

_PATIENCE: Final = 10.0
"""Seconds after which a message reports that there are no workers."""

_GREETINGS: Final = 5
"""How often a connection is tried whose greeting came together with other news."""

_CLOSE: Final = 0.5
"""Seconds for a farewell. The scheduler notices the end of the connection, too."""

_SALVAGE: Final = 0.5
"""Seconds that may be spent on what was done before a cancellation."""

_SALVAGED: Final = 32
"""Results that are fetched at once then."""

_AHEAD: Final = 1024
"""Tasks and merges that the scheduler holds at a time; more on large clusters. To cancel many takes it seconds."""

_WINDOW: Final = 64
"""Results that may be done, or in work, before the first one that was not taken; more on large clusters."""

_AT_ONCE: Final = 16_000_000
"""Bytes of results that the client fetches at once, if they are as large as the last ones."""

_PROTOCOLS: Final = {"dask": "tcp", "tls": "tls"}

_SHIPPED: Final = "eventcli_shipped"

_PRESENCE: Final = "__import__('eventcli').__version__"

_ANSWER: Final = "__import__('eventcli.engines.dask_task', fromlist=['answer']).answer(path, argument)"


class AddressError(WrongUsageError):
    """The text names no scheduler; the message says why."""


class DaskEngine(Summarizes):
    """A cluster of Dask. In a notebook, `DaskEngine(client)` uses the client that is there."""

    def __init__(self, client: Client, *, name: str | None = None, patience: float = _PATIENCE) -> None:
        """Use a client, which is left open. `patience` is for how long a cluster without workers is no news."""
        if client.asynchronous:
            raise ValueError("an engine needs a client of Dask that is not asynchronous")
        self._name = name or str(getattr(client.scheduler, "address", "dask")).replace("tcp://", "dask://")
        self._client: Any = client
        self._connection = Connection(client, self._name)
        self._patience = patience
        self._is_own = False
        self._roster: Roster | None = None

    @classmethod
    def connect(
        cls, address: str, *, name: str | None = None, timeout: float = _CONNECT, patience: float = _PATIENCE
    ) -> "DaskEngine":
        """Connect to a scheduler; EngineLostError if there is none, EngineError if it cannot be used."""
        _be_quiet()
        name = name or address
        try:
            client = connect(address, timeout)
        except OSError as error:
            raise EngineLostError(f"{name}: no scheduler of Dask answers there ({reason_of(error)})") from None
        except (AssertionError, ImportError, RuntimeError, TypeError, ValueError) as error:
            raise EngineError(f"{name}: {reason_of(error)}") from None
        _be_quiet()
        engine = cls(client, name=name, patience=patience)
        engine._is_own = True
        return engine

    @property
    def name(self) -> str:
        """The engine as messages name it, without secrets."""
        return self._name

    @property
    def dashboard(self) -> str | None:
        """The address of the page of the scheduler, if it has one."""
        with suppress(Exception):
            link: str | None = self._client.dashboard_link
            return link
        return None

    def workers(self) -> int:
        """Return the number of workers; as last heard while a job runs, since it may be asked for many times then."""
        if self._roster is None:
            return len(self._connection.ask_briefly(self._client.nthreads(asynchronous=True), 1) or ())
        return len(self._roster.threads)

    def ship(self, archive: str) -> None:
        """Make the modules of a local zip file importable on workers that have no eventcli, also on those to come."""
        with open(archive, "rb") as file:
            data = base64.b64encode(file.read()).decode()
        source = files("eventcli.engines").joinpath("shipped.py").read_text(encoding="utf-8")
        source += (
            f"\n\nimport base64\n\ninstall(base64.b64decode({data!r}), os.path.dirname(os.path.abspath(__file__)))\n"
        )
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, f"{_SHIPPED}.py")
            with open(path, "w", encoding="utf-8") as file:
                file.write(source)
            plugin = UploadFile(path)
        # A worker that stands still never answers. The plugin is there for all others by then, and `check` sees it.
        sending = threading.Thread(target=self._register, args=(plugin,), daemon=True)
        sending.start()
        deadline = time.monotonic() + self._patience
        with self._stoppable():
            while sending.is_alive() and time.monotonic() < deadline:
                self._connection.turn(None)

    def _register(self, plugin: UploadFile) -> None:
        for _ in range(2):
            # A worker that dies meanwhile makes it fail.
            with suppress(Exception):
                self._client.register_plugin(plugin, name=_SHIPPED)
                return

    # ------------------------------------------------------------------------------------------- the workers

    def check(self, probe: Callable[[bytes], bytes], argument: bytes) -> Sequence[tuple[str, bytes]]:
        """Run a function on every worker that answers; if there is none, wait a little for one."""
        deadline = time.monotonic() + self._patience
        wanted: list[Any] = []
        with self._stoppable():
            while not (answers := self._connection.ask(self._answers(path_of(probe), argument))):
                if time.monotonic() >= deadline:
                    raise NoWorkersYetError(f"{self._name}: there are no workers")
                # A cluster that grows on demand starts a worker for a task only.
                wanted = wanted or [self._client.submit(eval, "None", pure=False)]
                self._connection.turn(None)
        return sorted(answers.items())

    async def _answers(self, path: str, argument: bytes) -> dict[str, bytes]:
        """Ask all workers at once, and leave out those that are gone, or that do not answer at all."""
        asked = {}
        for worker in await self._client.nthreads(asynchronous=True):
            asked[worker] = asyncio.ensure_future(self._answer_of(worker, path, argument))
        try:
            while waiting := [answer for answer in asked.values() if not answer.done()]:
                await asyncio.wait(waiting, timeout=0.2)
                known = await self._client.nthreads(asynchronous=True)
                for worker, answer in asked.items():
                    if worker not in known:
                        answer.cancel()
        finally:
            for answer in asked.values():
                answer.cancel()
        results = {worker: answer.result() for worker, answer in asked.items() if not answer.cancelled()}
        return {worker: result for worker, result in results.items() if result is not None}

    async def _answer_of(self, worker: str, path: str, argument: bytes) -> bytes | None:
        """Return what a worker answers; None if it is gone, or stands still."""
        try:
            found = await asyncio.wait_for(self._run(worker, eval, _PRESENCE), self._patience)
        except TimeoutError:
            return None
        if isinstance(found, OSError):
            return None
        if isinstance(found, Exception):
            is_missing = isinstance(found, ModuleNotFoundError) and found.name == "eventcli"
            raise PreflightError(
                f"worker {worker} has no eventcli; --ship sends it"
                if is_missing
                else f"worker {worker}: {reason_of(found)}"
            )
        if found != __version__:
            raise PreflightError(f"worker {worker} has eventstats {found}, this process {__version__}")
        # On a thread: the worker goes on answering others meanwhile.
        result = await self._run(worker, asyncio.to_thread, eval, _ANSWER, {"path": path, "argument": argument})
        if isinstance(result, OSError):
            return None
        if isinstance(result, Exception):
            raise PreflightError(f"worker {worker}: {reason_of(result)}")
        is_answer, answer = result
        if not is_answer:
            raise PreflightError(f"worker {worker}: {answer}")
        return bytes(answer)

    async def _run(self, worker: str, function: Callable[..., Any], *args: Any) -> Any:
        """Call what every worker has; return the result, or the exception. A worker that is gone is an OSError."""
        results = await self._client.run(function, *args, workers=[worker], on_error="return", asynchronous=True)
        return results[worker]

    # ------------------------------------------------------------------------------------------------ folding

    def reduce(self, job: Job, watch: Watch) -> bytes:
        """Fold all tasks, merge neighbours in a tree on the workers, and return the one result."""
        if not job.tasks:
            return job.merge(())
        with self._stoppable(), self._running(job, watch) as running:
            submission = running.submission
            waiting = batches(job, submission.spans(sum(running.roster.threads.values())))
            is_more = True
            try:
                while is_more or submission.pending:
                    while is_more and len(submission.pending) < running.window(_AHEAD):
                        some = next(waiting, None)
                        is_more = some is not None
                        submission.grow(submission.submit(some or ()))
                        running.turn(0)
                    running.turn()
                (result,) = running.gather(list(submission.tops.values()))
            except StopNow:
                raise CancelledError(self._salvage(submission)) from None
            return result

    def _salvage(self, submission: Submission) -> list[bytes]:
        """Return what is done, as far as it comes in time, and cancel the rest."""
        deadline = time.monotonic() + _SALVAGE
        done = [node.future for node in submission.done()]
        parts: list[bytes] = []
        # First, as the scheduler may be busy for longer with the cancellation of thousands of tasks.
        for start in range(0, len(done), _SALVAGED):
            if (left := deadline - time.monotonic()) <= 0:
                break
            some = self._client.gather(done[start : start + _SALVAGED], errors="skip", asynchronous=True)
            parts += self._connection.ask_briefly(some, left) or ()
        self._connection.start(self._client.cancel([node.future for node in submission.pending], asynchronous=True))
        return parts

    def stream(self, job: Job, watch: Watch) -> Iterator[bytes]:
        """Fold all tasks, and yield their results in task order; the workers hold those that are not yet taken."""
        with self._stoppable(), self._running(job, watch) as running:
            submission = running.submission
            waiting: list[Node] = []
            submitted, at_once = 0, 1
            while waiting or submitted < len(job.tasks):
                window = running.window(_WINDOW)
                more = range(submitted, min(len(job.tasks), submitted + window - len(waiting)))
                # Not one by one, as each is a message.
                if len(more) >= window // 4 or (more and more[-1] == len(job.tasks) - 1):
                    for some in batches(job, [[task] for task in more]):
                        waiting += submission.submit(some)
                    submitted = more[-1] + 1
                running.turn(0.01)
                ready = 0
                while ready < min(at_once, len(waiting)) and waiting[ready].is_done:
                    ready += 1
                if ready:
                    results = running.gather(waiting[:ready])
                    for node in waiting[:ready]:
                        del submission.tops[node.first]
                    del waiting[:ready]
                    at_once = max(1, min(_WINDOW, _AT_ONCE // max(1, *map(len, results))))
                    yield from results

    @contextmanager
    def _running(self, job: Job, watch: Watch) -> "Iterator[_Running]":
        """Let go of all that was submitted, whatever happens."""
        submission = Submission(self._client, job)
        self._roster = Roster(self._connection, self._patience)
        self._roster.threads = self._connection.ask_briefly(self._client.nthreads(asynchronous=True), 1) or {}
        silence = Silence(self._connection, self._patience)
        running = _Running(self._connection, submission, (self._roster, silence), job, watch)
        self._client.subscribe_topic(TOPIC, running.note)
        try:
            yield running
        finally:
            with suppress(Exception):
                self._client.unsubscribe_topic(TOPIC)
            running.roster.close()
            silence.close()
            self._roster = None
            submission.release()

    @contextmanager
    def _stoppable(self) -> Iterator[None]:
        self._connection.begin()
        try:
            yield
        except StopNow:
            raise CancelledError from None

    def cancel(self) -> None:
        """Have the call that runs raise CancelledError."""
        self._connection.cancel()

    def close(self) -> None:
        """Close the connection, unless the caller made it."""
        if self._is_own:
            try:
                self._client.close(timeout=_CLOSE)
            except Exception:  # noqa: BLE001  # whatever it is, nothing more can be said
                # The scheduler would keep the tasks for as long as this process lives. The thread of the client may
                # be busy with letting go of thousands; it ends the connection when it comes to it.
                with suppress(AttributeError, RuntimeError):  # the connection was lost, or the thread is gone
                    self._client.loop.add_callback(self._client.scheduler_comm.abort)
            # A scheduler that does not answer would be waited for again when the client is collected.
            self._client.status = "closed"


def engine_of(text: str, *, patience: float = _PATIENCE) -> DaskEngine:
    """Connect to `dask://HOST:PORT`, `tls://HOST:PORT`, or the scheduler that a scheduler file names."""
    return DaskEngine.connect(_address_of(text), name=text, patience=patience)


def connect(address: str, timeout: float) -> Client:
    """Connect. A scheduler that tells all its clients of a cancellation may do so before it greets a new one.

    Seen with distributed 2026.8: the client asserts that the greeting comes alone.
    """
    tries = 1
    while True:
        try:
            return Client(address, timeout=timeout, set_as_default=False, name="eventstats")  # type: ignore[no-untyped-call]
        except AssertionError:
            if tries == _GREETINGS:
                raise
        tries += 1


def _address_of(text: str) -> str:
    if "://" not in text:
        return _address_in(text)
    scheme, _, place = text.partition("://")
    try:
        parts = urlsplit(f"//{place}")
        host, port = parts.hostname, parts.port or _PORT
    except ValueError:
        host, port = None, 0
    if not host or scheme not in _PROTOCOLS or parts.path.strip("/") or parts.query or parts.username:
        raise AddressError("a scheduler of Dask is dask://HOST:PORT, tls://HOST:PORT or a scheduler file")
    return f"{_PROTOCOLS[scheme]}://{f'[{host}]' if ':' in host else host}:{port}"


def _address_in(path: str) -> str:
    """Return the address in a scheduler file. The client would wait for ever for one that is not there."""
    try:
        with open(path, "rb") as file:
            return str(json.load(file)["address"])
    except OSError as error:
        raise AddressError(f"{path}: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError):
        raise AddressError(f"{path} is no scheduler file of Dask") from None


def _be_quiet() -> None:
    """Have Dask log nothing, and warn of nothing: what matters is an error of the engine."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("distributed", "tornado"):
            logger = logging.getLogger(name)
            logger.handlers = [logging.NullHandler()]
            logger.propagate = False
            logger.setLevel(logging.CRITICAL + 1)
    logging.getLogger("asyncio").addFilter(is_of_others)
    warnings.filterwarnings("ignore", category=distributed.versions.VersionMismatchWarning)
    warnings.filterwarnings("ignore", module=r"(distributed|dask|tornado)\.")


def is_of_others(record: logging.LogRecord) -> bool:
    """Whether a message of asyncio is about tasks of others."""
    text = record.getMessage()
    return "distributed" not in text and "tornado" not in text


class _Running:
    """A job while it runs."""

    def __init__(
        self,
        connection: Connection,
        submission: Submission,
        workers: tuple[Roster, Silence],
        job: Job,
        watch: Watch,
    ) -> None:
        self.submission = submission
        self.roster, self._silence = workers
        self._connection = connection
        self._job = job
        self._watch = watch
        self._notes: dict[int, bytes] = {}

    def turn(self, seconds: float | None = None) -> None:
        """Wait a little, and tell what was done meanwhile."""
        if seconds is None:
            # Looking at 20,000 tasks takes some milliseconds.
            seconds = 0.02 + min(0.2, len(self.submission.pending) * 1e-5)
        self._connection.turn(self._watch, seconds)
        self.roster.look(self._watch, self._job.no_worker_timeout)
        done = self.submission.look()
        if done:
            self._silence.end()
        self._silence.look(self._watch)
        for task in done:
            # It came before the client heard that the task is done, unless its worker died.
            self._watch.done(task, self._notes.pop(task, b""))

    def window(self, least: int) -> int:
        """Return how many tasks may be on the cluster, so that it is never idle."""
        return max(least, 4 * sum(self.roster.threads.values()))

    def gather(self, nodes: Sequence[Node]) -> list[bytes]:
        """Return the results of nodes that are done; those lost with a worker meanwhile are made again."""
        answer = self._connection.start(
            self._connection.client.gather([node.future for node in nodes], asynchronous=True)
        )
        try:
            while not answer.done():
                self.turn(0.005)
            return [bytes(result) for result in answer.result()]
        except (EngineError, StopNow):
            raise
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  # whatever it is, the answer is lost
            raise EngineLostError(f"{self._connection.name}: a result was lost ({reason_of(error)})") from None
        finally:
            answer.cancel()

    def note(self, event: tuple[float, Any]) -> None:
        """Keep the note of a worker, on the thread of the client; other runs have theirs."""
        with suppress(TypeError, ValueError):
            run, task, note = event[1]
            if run == self.submission.run:
                self._notes[int(task)] = bytes(note)
