"""Spark as an engine: a cluster that is there already, by its address, as the environment configures it, or a session.

It uses `mapInArrow` alone, which classic sessions and Spark Connect share. Each task is a task of Spark, so Spark tries
it again where it must, and names the one that fails too often. What is lost with a worker is made again by Spark, too.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from pyspark.cloudpickle import register_pickle_by_value

from eventcli.engines import spark_tasks
from eventcli.engines.engine import CancelledError, Job, NoWorkersError, NoWorkersYetError, PreflightError, Watch
from eventcli.engines.run import Summarizes
from eventcli.engines.spark_failures import error_of
from eventcli.engines.spark_session import Cluster, cluster_of, opened
from eventcli.engines.spark_tasks import Row, notes_of
from eventcli.engines.spark_waves import Folding, UnclearError, Wave, Work

# Workers may lack this package, and must be able to say so.
register_pickle_by_value(spark_tasks)  # type: ignore[no-untyped-call]

_PATIENCE: Final = 10.0
"""Seconds after which a message reports that there are no workers."""

_WAVE: Final = 256
"""Tasks of a job of Spark; more on large clusters, up to sixteen times that."""

_FLIGHT: Final = 2
"""Jobs of Spark at a time: workers that have nothing left to do in one begin with the next."""

_FIRST: Final = 8
"""Tasks that go before all others, as they take longest."""

_AHEAD: Final = 64_000_000
"""Bytes of results that a job of a stream should give, as the last ones did."""

_HELD: Final = 8
"""Results of jobs that the client holds before it merges them."""

_TICK: Final = 0.1

_LOOK: Final = 0.3
"""Seconds between two questions to the driver about the progress."""

_ROUNDS: Final = 8
"""How often workers are looked for, at most."""

_NAP: Final = 0.05
"""Seconds for which a worker is held from the second time on, so that it does not do the share of another one."""


class SparkEngine(Summarizes):
    """A cluster of Spark. In a notebook, `SparkEngine(session)` uses the session that is there, of either kind."""

    def __init__(self, session: Any, *, patience: float = _PATIENCE) -> None:
        """Use a session, which is left open. `patience` is for how long a job without workers is no news."""
        self._cluster: Cluster = session if isinstance(session, Cluster) else cluster_of(session)
        self._patience = patience
        self._found = self._parallel = 0
        self._is_cancelled = threading.Event()

    @property
    def name(self) -> str:
        """The engine as messages name it, without secrets."""
        return self._cluster.name

    @property
    def dashboard(self) -> str | None:
        """The address of the page of the driver, if it is known."""
        return self._cluster.dashboard

    def workers(self) -> int:
        """Return the number of executors; of those that were found, where the driver does not tell."""
        count = self._cluster.executors()
        return self._found if count is None else count

    def ship(self, archive: str) -> None:
        """Make the modules of a local zip file importable on all workers, also on those that come later."""
        try:
            self._cluster.session.addArtifacts(archive, pyfile=True)
        except Exception as error:  # noqa: BLE001  # of any kind
            raise error_of(error, self.name, None) from None

    def close(self) -> None:
        """End the session, unless the caller made it."""
        self._cluster.close()

    def cancel(self) -> None:
        """Have the call that runs, or else the next one, raise CancelledError."""
        self._is_cancelled.set()

    # -------------------------------------------------------------------------------------------- the workers

    def check(self, probe: Callable[[bytes], bytes], argument: bytes) -> Sequence[tuple[str, bytes]]:
        """Run a function on every worker. Spark has no list of them, so they are looked for until no more are found."""
        answers: dict[str, tuple[bool, bytes]] = {}
        path = f"{probe.__module__}:{probe.__qualname__}"
        for number in range(_ROUNDS):
            before = len(answers)
            # Spark gives the first ones to all workers that are free at once.
            rows = self._look(Work(path, argument, _NAP if number else 0.0))
            self._parallel = len(rows)
            for worker, is_answer, answer in rows:
                answers.setdefault(worker, (is_answer, answer))
            known = self._cluster.executors()
            if len(answers) >= known if known else number and len(answers) == before:
                break
        for worker, (is_answer, answer) in answers.items():
            if not is_answer:
                raise PreflightError(f"worker {worker}: {answer.decode()}")
        self._found = len(answers)
        return sorted((worker, answer) for worker, (_, answer) in answers.items())

    def _slots(self) -> int:
        """Return how many tasks run at a time, as far as it is known."""
        return self._cluster.slots() or max(self._parallel, 1)

    def _look(self, work: Work) -> list[Any]:
        """Return the rows of a job that asks the workers."""
        crew = _Crew(self, None, None)
        wave = crew.start(work)
        try:
            while not wave.is_done:
                crew.turn()
                if crew.idle > self._patience and not self._cluster.executors():
                    raise NoWorkersYetError(f"{self.name}: there are no workers")
            return wave.rows()
        finally:
            crew.end()

    # ------------------------------------------------------------------------------------------------ folding

    def reduce(self, job: Job, watch: Watch) -> bytes:
        """Fold all tasks, merge neighbours in trees on the workers, and the few results of jobs here."""
        if not job.tasks:
            return job.merge(())
        crew = _Crew(self, job, watch)
        results: list[Row] = []
        slots = self._slots()
        works = deque[Folding](crew.plan(max(_WAVE, min(16 * _WAVE, 8 * slots)), slots))
        try:
            while works or crew.waves:
                while works and len(crew.waves) < _FLIGHT:
                    crew.start(works.popleft())
                crew.turn()
                for wave in [wave for wave in crew.waves if wave.is_done]:
                    try:
                        results = _merged(job, sorted([*results, *crew.take(wave)]))
                    except UnclearError:
                        # Once more, so that Spark can name the one.
                        assert isinstance(wave.work, Folding)
                        works.appendleft(Folding(job, wave.work.places, None))
        except CancelledError:
            raise CancelledError([row[3] for row in results]) from None
        finally:
            crew.end()
        (result,) = _merged(job, results, most=1)
        return result[3]

    def stream(self, job: Job, watch: Watch) -> Iterator[bytes]:
        """Fold all tasks, and yield their results in task order: those of a job at a time, while the next one runs."""
        crew = _Crew(self, job, watch)
        most = size = max(4, self._slots())
        begun = 0
        try:
            while begun < len(job.tasks) or crew.waves:
                while begun < len(job.tasks) and len(crew.waves) < _FLIGHT:
                    end = min(len(job.tasks), begun + size)
                    crew.start(Folding(job, range(begun, end), None, is_merged=False))
                    begun = end
                crew.turn()
                if crew.waves[0].is_done:
                    rows = crew.take(crew.waves[0])
                    mean = sum(len(row[3]) for row in rows) // len(rows) + 1
                    size = max(1, min(4 * most, 2 * size, _AHEAD // mean))
                    for row in rows:
                        yield row[3]
        finally:
            crew.end()


class _Crew:
    """The jobs of Spark that run for one call of an engine."""

    def __init__(self, engine: SparkEngine, job: Job | None, watch: Watch | None) -> None:
        """Begin with none."""
        self.waves: list[Wave] = []
        self.idle = 0.0
        """Seconds since a task ran."""
        self._engine = engine
        self._job = job
        self._watch = watch
        self._looked = 0.0
        self._busy = time.monotonic()
        self._is_told = False

    def plan(self, length: int, slots: int) -> Iterator[Folding]:
        """Yield the work of all jobs: first what takes longest, then so many neighbours each."""
        job = self._job
        assert job is not None
        ranks = job.ranks()
        ranked = sorted((place for place in range(len(ranks)) if ranks[place]), key=lambda place: -ranks[place])
        first = sorted(ranked[:_FIRST]) if len(ranks) > length else []
        if first:
            yield Folding(job, first, None, is_merged=False)
        others = [place for place in range(len(ranks)) if place not in first]
        for start in range(0, len(others), length):
            yield Folding(job, others[start : start + length], slots)

    def start(self, work: Work) -> Wave:
        """Start a job."""
        wave = Wave(self._engine._cluster, work)  # noqa: SLF001  # part of it
        self.waves.append(wave)
        return wave

    def turn(self) -> None:
        """Wait a little, tell what was done meanwhile, and look whether anybody works.

        CancelledError, NoWorkersError.
        """
        watch = self._watch
        if self._engine._is_cancelled.is_set() or (watch is not None and watch.is_cancelled):  # noqa: SLF001  # part of it
            raise CancelledError
        self.waves[0].wait(_TICK)
        if watch is not None:
            watch.heartbeat()
        if time.monotonic() >= self._looked + _LOOK:
            self._look()
            self._looked = time.monotonic()

    def take(self, wave: Wave) -> list[Row]:
        """Return the results of a job that is done."""
        self.waves.remove(wave)
        self._busy = time.monotonic()
        rows: list[Row] = wave.rows()
        for first, _, notes, _ in rows if self._watch is not None else ():
            for place, note in enumerate(notes_of(notes), first):
                self._watch.done(place, note)  # type: ignore[union-attr]  # asked above
        return rows

    def end(self) -> None:
        """End what runs on the cluster; no more than that is waited for."""
        for wave in self.waves:
            wave.interrupt()
        self._engine._is_cancelled.clear()  # noqa: SLF001  # part of it

    def _look(self) -> None:
        running = 0
        for wave in self.waves:
            progress = wave.progress()
            running += progress.running
            if isinstance(wave.work, Folding) and self._watch is not None:
                for span in wave.work.spans[: progress.folded]:
                    for place in span:
                        self._watch.done(place)
        if running or any(wave.is_done for wave in self.waves):
            self._busy = time.monotonic()
            self._is_told = False
        self.idle = time.monotonic() - self._busy
        job, watch = self._job, self._watch
        if job is None or watch is None or self._engine._cluster.executors():  # noqa: SLF001  # they have other work
            return
        if self.idle > self._engine._patience and not self._is_told:  # noqa: SLF001  # part of it
            self._is_told = True
            watch.message(f"{self._engine.name}: no workers; waiting")
        if job.no_worker_timeout is not None and self.idle > job.no_worker_timeout:
            raise NoWorkersError(f"{self._engine.name}: no workers for {job.no_worker_timeout:g} s")


def _merged(job: Job, rows: list[Row], most: int = _HELD) -> list[Row]:
    """Return results in order, with neighbours as one if there are more than `most`."""
    if len(rows) <= most:
        return rows
    runs: list[list[Row]] = []
    for row in rows:
        if runs and runs[-1][-1][1] == row[0]:
            runs[-1].append(row)
        else:
            runs.append([row])
    return [
        run[0] if len(run) == 1 else (run[0][0], run[-1][1], b"", job.merge([row[3] for row in run])) for run in runs
    ]


def engine_of(text: str, *, patience: float = _PATIENCE) -> SparkEngine:
    """Open a session on `spark://HOST:PORT`, `sc://HOST:PORT`, or `spark`: whatever the environment configures."""
    return SparkEngine(opened(text), patience=patience)
