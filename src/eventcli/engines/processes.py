"""The engine `processes`: worker processes on this machine, with nothing but the standard library.

It is for machines where the Python body is all there is, which threads cannot make faster.
"""

import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import BinaryIO, Final, Self, cast

from eventcli.engines.channel import receive, send
from eventcli.engines.engine import CancelledError, EngineError, Job, NoWorkersError, PreflightError, Watch
from eventcli.engines.run import Summarizes
from eventcli.engines.schedule import Schedule, Unit
from eventcli.engines.worker import ALIVE, CALL, DONE, FOLD, MERGE, STEP, command, name_of
from eventcli.pipeline import cores

PATIENCE: Final = 30.0
"""Seconds without a sign of life after which a worker counts as dead, such as one that was stopped."""

_TICK: Final = 0.1

_STARTS: Final = 3
"""How often in a row a worker may die before it shows any sign of life."""

_WAIT: Final = 10.0
"""Seconds without workers after which a message reports it."""


class _DeadError(Exception):
    """The worker process is gone."""


class Processes(Summarizes):
    """An engine of `workers` processes (None: one for each core that this process may use)."""

    def __init__(self, workers: int | None = None, *, patience: float = PATIENCE) -> None:
        """Start no process yet. One that shows no sign of life for `patience` seconds is replaced."""
        self._count = workers or cores.usable()
        self._patience = patience
        self._workers: list[_Worker] = []
        self._is_cancelled = False

    @property
    def name(self) -> str:
        """The engine as messages name it."""
        return f"processes:{self._count}"

    @property
    def dashboard(self) -> None:
        """There is none."""
        return

    def workers(self) -> int:
        """Return the number of processes that run."""
        return sum(worker.is_running for worker in self._workers)

    def pids(self) -> list[int]:
        """Return the process numbers of the workers that run."""
        return [worker.pid for worker in self._workers if worker.is_running]

    def ship(self, archive: str) -> None:
        """Do nothing: the workers have the package of this process."""

    def check(self, probe: Callable[[bytes], bytes], argument: bytes) -> Sequence[tuple[str, bytes]]:
        """Run a function of a module in every process."""
        answers: list[tuple[str, bytes]] = []
        reason = ""
        workers = self._started()
        for worker in workers:
            with suppress(OSError):  # whoever asks it gets the error, too
                worker.start()
        for worker in workers:
            try:
                answers.append((str(worker.pid), worker.ask([CALL, name_of(probe), argument], lambda _: None)))
            except _DeadError as error:
                reason = str(error)
            except EngineError as error:
                raise PreflightError(f"worker {worker.pid}: {error}") from None
        if not answers:
            raise NoWorkersError(f"no worker process can be started: {reason}")
        return answers

    def reduce(self, job: Job, watch: Watch) -> bytes:
        """Fold all tasks, and merge neighbours."""
        shift = _Shift(job, Schedule(job, self._count), self._started(), self._patience)
        with shift:
            while not shift.is_done:
                self._wait(shift, watch)
        return shift.schedule.result

    def stream(self, job: Job, watch: Watch) -> Iterator[bytes]:
        """Fold all tasks, and yield their results in order."""
        shift = _Shift(job, Schedule(job, self._count, window=2 * self._count), self._started(), self._patience)
        with shift:
            for _ in range(len(job.tasks)):
                while (result := shift.take()) is None:
                    self._wait(shift, watch)
                yield result

    def cancel(self) -> None:
        """End the processes; a job that runs is then cancelled."""
        self._is_cancelled = True
        self._end()

    def close(self) -> None:
        """End the processes."""
        self._end()

    def _started(self) -> "list[_Worker]":
        self._is_cancelled = False
        self._workers += [_Worker() for _ in range(self._count - len(self._workers))]
        return self._workers

    def _wait(self, shift: "_Shift", watch: Watch) -> None:
        if watch.is_cancelled or self._is_cancelled:
            self._end()
            raise CancelledError(shift.parts())
        for task, note in shift.wait():
            watch.done(task, note)
        watch.heartbeat()

    def _end(self) -> None:
        for worker in self._workers:
            worker.kill()


class _Worker:
    """A worker process, which is started when it is needed, also again."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self.heard = 0
        """How many messages came from it."""
        self.is_busy = False

    @property
    def is_running(self) -> bool:
        """Whether there is a process."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The number of the process; 0 if there is none."""
        return 0 if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process unless it runs. OSError if that is impossible."""
        if not self.is_running:
            self.kill()
            # A group of its own: what a terminal sends to the client is not for its workers.
            self._process = subprocess.Popen(  # noqa: S603  # this interpreter
                command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                process_group=0,
            )

    def wake(self) -> None:
        """Start the process unless it runs, and wait until it shows that it is alive; _DeadError if it ends instead."""
        if not self.is_running:
            self._exchange(None, lambda _: None)

    def ask(self, message: Sequence[bytes], on_step: Callable[[bytes], object]) -> bytes:
        """Send a message, and return the answer; EngineError if the function failed, _DeadError if the process ends."""
        kind, answer = self._exchange(message, on_step)
        if kind != DONE:
            raise EngineError(answer.decode())
        return answer

    def _exchange(self, message: Sequence[bytes] | None, on_step: Callable[[bytes], object]) -> tuple[bytes, bytes]:
        """Send a message, and return the kind and the text of the answer; without one, wait for a sign of life."""
        self.is_busy = True
        reason = "the worker process ended"
        try:
            self.start()
            process = self._process
            assert process is not None
            if message is not None:
                send(cast("BinaryIO", process.stdin), message)
            while (answer := receive(cast("BinaryIO", process.stdout))) is not None:
                self.heard += 1
                if answer[0] == STEP:
                    on_step(answer[1])
                elif answer[0] != ALIVE:
                    return answer[0], answer[1]
                elif message is None:
                    return ALIVE, b""
        except (OSError, ValueError) as error:  # its pipe is broken, or closed by now
            reason = str(error)
        finally:
            self.is_busy = False
        raise _DeadError(self._ended() or reason)

    def kill(self) -> None:
        """End the process, also one that is stopped."""
        process = self._process
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    cast("BinaryIO", pipe).close()

    def _ended(self) -> str:
        """Return how the process ended."""
        process = self._process
        if process is None:
            return ""
        self.kill()
        status = process.returncode
        return (
            f"a worker process was killed by signal {-status}" if status < 0 else f"a worker process ended ({status})"
        )


class _Shift:
    """The workers at work on one job: a thread for each, which waits for its process."""

    def __init__(self, job: Job, schedule: Schedule, workers: Sequence[_Worker], patience: float) -> None:
        self.schedule: Final = schedule
        self._job = job
        self._workers = workers
        self._patience = patience
        self._changed = threading.Condition()
        self._steps: deque[tuple[int, bytes]] = deque()
        self._failure: EngineError | None = None
        self._is_over = False
        self._reason = ""
        self._silence: dict[int, tuple[int, float]] = {}
        self._threads = [threading.Thread(target=self._work, args=(worker,), daemon=True) for worker in workers]
        self._seen = time.monotonic()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        for thread in self._threads:
            while thread.is_alive():
                if kind is not None:
                    # Nobody needs the work that was begun; a thread may have started its process at this moment.
                    for worker in self._workers:
                        worker.kill()
                thread.join(_TICK / 2)
        if kind is not None:
            # Also one that answered at the last moment, or that another thread is about to reap.
            for worker in self._workers:
                worker.kill()

    @property
    def is_done(self) -> bool:
        """Whether the result is there."""
        with self._changed:
            return self.schedule.is_done

    def parts(self) -> list[bytes]:
        """Return the results that are there."""
        with self._changed:
            return self.schedule.parts()

    def take(self) -> bytes | None:
        """Return the next result in order, if it is there."""
        with self._changed:
            result = self.schedule.take()
            if result is not None:
                self._changed.notify_all()
            return result

    def wait(self) -> list[tuple[int, bytes]]:
        """Wait a moment; return the tasks that were folded meanwhile. Raises what ended the job."""
        with self._changed:
            if self._failure is None and not self._steps:
                self._changed.wait(_TICK)
            if self._failure is not None:
                raise self._failure
            steps = list(self._steps)
            self._steps.clear()
        self._look_after()
        return steps

    def _look_after(self) -> None:
        """Kill workers that have been silent for too long; time in which this process was stopped does not count."""
        now = time.monotonic()
        passed = min(now - self._seen, 10 * _TICK)
        self._seen = now
        for number, worker in enumerate(self._workers):
            heard, silent = self._silence.get(number, (-1, 0.0))
            silent = silent + passed if heard == worker.heard and worker.is_busy else 0.0
            self._silence[number] = worker.heard, silent
            if silent > self._patience and worker.is_running:
                worker.kill()
                self._silence[number] = worker.heard, 0.0

    def _work(self, worker: _Worker) -> None:
        try:
            while self._has_woken(worker) and (unit := self._next()) is not None:
                self._do(worker, unit)
        except EngineError as error:
            self._fail(error)
        with self._changed:
            self._threads_left()

    def _has_woken(self, worker: _Worker) -> bool:
        """Whether a process is there: one that dies before it shows any sign of life is started again, a few times."""
        for _ in range(_STARTS):
            if self._is_over:
                return False
            try:
                worker.wake()
            except _DeadError as error:
                self._reason = str(error)
            else:
                return True
        return False

    def _threads_left(self) -> None:
        others = [thread for thread in self._threads if thread.is_alive() and thread is not threading.current_thread()]
        if not others and not self._is_over:
            self._fail_locked(NoWorkersError(f"no worker process can be started: {self._reason}"))

    def _next(self) -> Unit | None:
        with self._changed:
            while not self._is_over:
                unit = self.schedule.next()
                if unit is not None:
                    return unit
                self._changed.wait(_TICK)
            return None

    def _do(self, worker: _Worker, unit: Unit) -> None:
        """Do a unit, and note its result, or that it failed."""
        done = 0

        def step(note: bytes) -> None:
            nonlocal done
            with self._changed:
                self._steps.append((unit.first + done, note))
                done += 1
                self._changed.notify_all()

        job = self._job
        if unit.results:
            message = [MERGE, name_of(job.merge), *unit.results]
        else:
            payloads = [job.tasks[task].payload for task in range(unit.first, unit.end)]
            message = [FOLD, name_of(job.fold), name_of(job.note), name_of(job.merge), *payloads]
        try:
            result = worker.ask(message, step)
        except (_DeadError, EngineError) as error:
            with self._changed:
                if not self._is_over:
                    self.schedule.failed(unit, done, str(error))
                self._changed.notify_all()
            return
        with self._changed:
            self.schedule.done(unit, result)
            self._changed.notify_all()

    def _fail(self, error: EngineError) -> None:
        with self._changed:
            self._fail_locked(error)

    def _fail_locked(self, error: EngineError) -> None:
        self._failure = self._failure or error
        self._is_over = True
        self._changed.notify_all()
