"""One reading of some sources on an engine: listed, planned, checked, folded there and gathered here.

It has the methods of `pipeline.run.Run`, so the command line watches and interrupts it in the same way.
"""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from eventcli.engines import partial as partials
from eventcli.engines.aside import aside
from eventcli.engines.engine import CancelledError, Engine, Job, NoWorkersError, NoWorkersYetError
from eventcli.engines.gathering import Gathering
from eventcli.engines.listing import listed, with_ends
from eventcli.engines.plan import SPLIT_SIZE, Plan, Tasks
from eventcli.engines.preflight import check
from eventcli.engines.split import fold_split
from eventcli.pipeline.intake import Place
from eventcli.pipeline.options import Callbacks, Options
from eventcli.reading.portions import ByteRange
from eventcli.summary.account import Account
from eventcli.summary.summary import Summary
from eventcli.text import Source

NO_WORKER_TIMEOUT: Final = 300.0
"""Seconds without any worker after which a run ends."""

MOST_REJECTS: Final = 1_000
"""Rejects that partials carry along; if more are asked for, all results go through the client, split by split."""

_TICK: Final = 0.5
"""Seconds between two heartbeats of the caller."""


class Ways(NamedTuple):
    """How a run uses an engine: the bytes of a split, how long it waits for workers, and what it tells people."""

    split_size: int = SPLIT_SIZE
    no_worker_timeout: float | None = NO_WORKER_TIMEOUT
    archive: str | None = None
    """A zip file with the package, for workers that have none."""
    say: Callable[[str], object] = lambda _: None


class EngineRun:
    """One reading of some sources on an engine: `complete` runs it, `partial` returns what an interruption left."""

    def __init__(
        self,
        engine: Engine,
        sources: Iterable[Source | ByteRange],
        options: Options = Options(),  # noqa: B008  # immutable
        callbacks: Callbacks = Callbacks(),  # noqa: B008  # immutable
        ways: Ways = Ways(),  # noqa: B008  # immutable
    ) -> None:
        """Nothing is listed yet. ValueError if the options make no sense."""
        options.check()
        self._engine = engine
        self._sources = sources
        self._options = options
        self._callbacks = callbacks
        self._ways = ways
        self._watch = _Watch(ways.say, engine)
        self._plan = Plan.of(listed((), options))
        self._parts: Sequence[bytes] = ()

    def complete(self, on_heartbeat: Callable[[], object] = lambda: None) -> Summary:
        """Read all sources to their end, and return their Summary.

        `on_heartbeat` is called about twice a second. Raises KeyboardInterrupt after `interrupt`.
        """
        watch = self._watch
        watch.on_heartbeat = on_heartbeat
        try:
            found = aside(lambda: with_ends(listed(self._sources, self._options)), watch.pause)
            self._plan = Plan.of(found, self._ways.split_size)
            watch.begin(self._plan)
            return self._folded()
        except CancelledError as error:
            self._parts = error.parts
            raise KeyboardInterrupt from None

    def interrupt(self) -> None:
        """Make `complete` end; for a signal handler, which may run anywhere."""
        self._watch.is_cancelled = True

    def partial(self) -> Summary:
        """Return the Summary of what was folded and at hand when the run was interrupted."""
        gathering = Gathering(self._plan, self._options.query, Callbacks())
        return gathering.partial([partials.from_bytes(part) for part in self._parts])

    def account(self) -> Account:
        """Return the account of the splits that have been folded, as far as the engine tells."""
        return self._watch.account

    def place(self) -> Place:
        """Return how far the run is."""
        return Place(0, 0, self._watch.bytes_done, self._watch.size)

    def workers(self) -> int:
        """Return how many workers the engine has, as far as it knows."""
        return self._engine.workers()

    def _folded(self) -> Summary:
        plan, callbacks = self._plan, self._callbacks
        limit = 0 if callbacks.on_reject is None else callbacks.reject_limit
        gathering = Gathering(plan, self._options.query, callbacks)
        if not plan.cuts:
            return gathering.finish()
        self._prepare()
        is_streamed = limit is None or limit > MOST_REJECTS
        tasks = Tasks(plan, self._options, sys.maxsize if limit is None else limit)
        job = Job(tasks, fold_split, partials.merge_bytes, partials.account_bytes, self._ways.no_worker_timeout)
        if is_streamed:
            for result in self._engine.stream(job, self._watch):
                gathering.add(partials.from_bytes(result))
        else:
            gathering.add(partials.from_bytes(self._engine.reduce(job, self._watch)))
        return gathering.finish()

    def _prepare(self) -> None:
        """Ship the package if that is asked for, and check the workers, once there are any."""
        engine, archive = self._engine, self._ways.archive
        timeout, began, has_told = self._ways.no_worker_timeout, time.monotonic(), False
        try:
            if archive is not None:
                aside(lambda: engine.ship(archive), self._watch.pause)
            while True:
                try:
                    return aside(
                        lambda: check(engine, self._plan, self._options, has_shipped=archive is not None),
                        self._watch.pause,
                    )
                except NoWorkersYetError as error:
                    if timeout is not None and time.monotonic() - began >= timeout:
                        raise NoWorkersError(f"{error} (waited {timeout:g} s)") from None
                    if not has_told:
                        has_told = True
                        self._watch.message(f"{error}; waiting{'' if timeout is None else f' up to {timeout:g} s'}")
        except CancelledError:
            engine.cancel()
            raise


class Summarizes:
    """What makes an engine an argument of `eventcli.summarize`. Engines inherit it."""

    def summarize(
        self: Engine, sources: Iterable[Source | ByteRange], options: Options, callbacks: Callbacks
    ) -> Summary:
        """Return the Summary of sources that the workers read."""
        return EngineRun(self, sources, options, callbacks).complete()


class _Watch:
    """What the engine tells, for whoever watches."""

    def __init__(self, say: Callable[[str], object], engine: Engine) -> None:
        self._say = say
        self._engine = engine
        self._plan: Plan | None = None
        self._folded: set[int] = set()
        self._noted: set[int] = set()
        self._next = time.monotonic() + _TICK / 10
        self.on_heartbeat: Callable[[], object] = lambda: None
        self.is_cancelled = False
        self.account = Account()
        self.bytes_done = 0
        self.size: int | None = None

    def begin(self, plan: Plan) -> None:
        """Take the plan that is carried out from now on."""
        self._plan = plan
        self.size = plan.size

    def done(self, task: int, note: bytes = b"") -> None:
        if self._plan is None:
            return
        if task not in self._folded:
            self._folded.add(task)
            self.bytes_done += self._plan.size_of(self._plan.cuts[task])
        # An engine may know that a task is folded before it has its note.
        if note and task not in self._noted:
            self._noted.add(task)
            self.account += partials.account_of(note)

    def message(self, text: str) -> None:
        self._say(text)

    def heartbeat(self) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _TICK
            self.on_heartbeat()

    def pause(self) -> None:
        """Draw the progress, and end if the run was interrupted."""
        self.heartbeat()
        if self.is_cancelled:
            raise CancelledError
