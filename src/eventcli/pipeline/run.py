"""Sources to blocks to folds to one Summary.

Each worker thread takes turns to read the next block into a buffer of its own, and folds it while the others read:
what a thread has just read is what its core has at hand, and there are never more blocks in flight than threads.
Results are delivered in the order of the input, so line numbers and the order of rejects do not depend on the number
of threads.
"""

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Final, cast

from eventcli.body import body
from eventcli.folding.bodies import new_fold
from eventcli.folding.fold import MOST_MARKS
from eventcli.pipeline import cores
from eventcli.pipeline.delivery import Delivery
from eventcli.pipeline.intake import FEW_FILES, Intake, Place
from eventcli.pipeline.opening import Opening
from eventcli.pipeline.options import Callbacks, Options
from eventcli.pipeline.work import Work
from eventcli.reading.blocks import Buffer
from eventcli.reading.discovery import discover_many
from eventcli.reading.portions import ByteRange, LineRange
from eventcli.summary.account import Account, AccountError
from eventcli.summary.stats import TypeStats
from eventcli.summary.summary import Summary
from eventcli.text import Source

_HEARTBEAT: Final = 0.5
"""Seconds after which the main thread checks for signals that it missed while asleep."""

_FIRST_HEARTBEAT: Final = 0.05
"""Seconds before the first progress tick."""


class Run:
    """One reading of some sources: `complete` runs it, `partial` returns what was folded before an interruption."""

    def __init__(
        self,
        sources: Iterable[Source | ByteRange | LineRange],
        options: Options = Options(),  # noqa: B008  # immutable
        callbacks: Callbacks = Callbacks(),  # noqa: B008  # immutable
    ) -> None:
        """Nothing is read yet. ValueError if the options make no sense."""
        options.check()
        self._options = options
        jobs = options.jobs
        self._jobs = jobs if jobs is not None else cores.usable() if body() == "rust" else 1
        limit = callbacks.reject_limit
        rejects_wanted = 0 if callbacks.on_reject is None else sys.maxsize if limit is None else limit
        # If a block may have more rejects than are held, the first ones are delivered before the whole block is folded.
        # The receiver may be slow, and nothing may stay mapped while a thread waits. The Python body does not map
        # either: it takes so long per block that writers would notice, and would gain nothing.
        may_map = options.mmap and body() == "rust" and rejects_wanted <= MOST_MARKS
        self._opening = Opening(options, jobs=self._jobs, strict=callbacks.on_problem is None, may_map=may_map)
        found = discover_many(cast("Iterable[Source]", sources), options.choice)
        self._intake = Intake(found, self._opening, options, self._jobs)
        self._delivery = Delivery(self._intake.order, callbacks, rejects_wanted=rejects_wanted, jobs=self._jobs)
        self._workers = [self._worker()]
        # The caller waits for the bell, which is not a condition, so that a signal handler can ring it.
        self._bell = threading.Lock()
        self._bell.acquire()
        self._is_interrupted = False
        self._is_here = False
        # The lock of the delivery guards this.
        self._working = 0

    def complete(self, on_heartbeat: Callable[[], object] = lambda: None) -> Summary:
        """Read all sources to their end, and return their Summary.

        `on_heartbeat` is called soon after the start, and then twice a second. Raises KeyboardInterrupt after
        `interrupt`.
        """
        with self._delivery.lock:
            is_started = self._start(self._workers[0])
        if not is_started:
            # No thread can be started: this one works.
            self._is_here = True
            self._work_here()
        pause = _FIRST_HEARTBEAT
        while self._goes_on(pause):
            if self._is_interrupted:
                raise KeyboardInterrupt
            pause = _HEARTBEAT
            on_heartbeat()
        summary = self._result()
        if self._is_interrupted:
            raise KeyboardInterrupt
        return summary

    def complete_here(self, buffer: Buffer | None = None) -> Summary:
        """Do the same in this thread, for a source that is folded before another thread could start.

        A caller with many such runs may lend a buffer for the blocks and lines of these options.
        """
        self._work_here(buffer)
        return self._result()

    def interrupt(self) -> None:
        """Make `complete` end; for a signal handler, which may run anywhere in this thread, whatever locks are held."""
        self._is_interrupted = True
        self._ring()

    def partial(self) -> Summary:
        """Stop, and return the Summary of the lines folded so far; for use after `complete` was interrupted."""
        with self._delivery.lock:
            self._delivery.stop()
            return self._summary()

    def account(self) -> Account:
        """Return the account of the blocks folded so far, while `complete` is running."""
        account = self._unfolded()
        for worker in list(self._workers):
            account += worker.account()
        return account

    def place(self) -> Place:
        """Return how far the reading is, while `complete` is running."""
        place, reports = self._intake.place(), self._delivery.reports
        return place._replace(ended=place.ended + reports.small_files, before=place.before + reports.bytes_of_small)

    def workers(self) -> None:
        """Return nothing: the threads of this process do the work."""

    def _ring(self) -> None:
        with suppress(RuntimeError):  # it is already ringing
            self._bell.release()

    def _goes_on(self, pause: float) -> bool:
        """Wait for the end; return whether it did not come within `pause` seconds."""
        # Not join: a failure must be raised at once, even while a worker waits for a silent pipe. The wait has a
        # timeout, since Python can miss a signal that arrives just before the main thread goes to sleep.
        self._bell.acquire(timeout=pause)
        with self._delivery.lock:
            return self._working > 0 and self._delivery.failure is None

    def _result(self) -> Summary:
        if self._delivery.failure is not None:
            raise self._delivery.failure
        return self._summary()

    def _unfolded(self) -> Account:
        """Return the account of the lines that are in no fold."""
        unfolded = dict(self._delivery.unfolded)
        return Account(lines=sum(unfolded.values()), rejected=unfolded)

    def _summary(self) -> Summary:
        query = self._options.query
        is_in_buckets = query.timing is not None and query.timing.by is not None
        # With buckets, a type that never occurred has none.
        asked_for = Summary(dict.fromkeys(() if is_in_buckets else query.types or (), TypeStats()))
        folded, *others = [worker.fold for worker in self._workers]
        # An interruption may come in the middle, and this is repeated: what was merged counts once.
        for other in others:
            folded.merge(other)
        reports = self._delivery.reports.all()
        summary = Summary.union([asked_for, Summary(account=self._unfolded()), folded.summary()], reports)
        summary.check()
        if summary.account.lines != reports.lines:
            raise AccountError(f"the sources have other lines than the folds: {summary.sources}, {summary.account}")
        return summary.in_form()

    def _worker(self) -> Work:
        return Work(new_fold(self._options.query), self._options, self._opening, self._intake, self._delivery)

    def _start(self, worker: Work) -> bool:
        """Start a thread; return whether that is possible. The caller holds the lock of the delivery."""
        self._working += 1
        try:
            threading.Thread(target=self._work, args=(worker,), daemon=True).start()
        except RuntimeError:
            self._working -= 1
            return False
        return True

    def _start_others(self) -> None:
        with self._delivery.lock:
            while len(self._workers) < self._jobs:
                self._workers.append(self._worker())
                if not self._start(self._workers[-1]):
                    # The existing ones have to do.
                    self._workers.pop()
                    self._jobs = len(self._workers)

    def _work_here(self, buffer: Buffer | None = None) -> None:
        self._working += 1
        self._work(self._workers[0], buffer)

    def _work(self, worker: Work, buffer: Buffer | None = None) -> None:
        failure: BaseException | None = None
        is_first = worker is self._workers[0]
        order = self._intake.order
        try:
            buffer = buffer or Buffer(self._options.block_size, self._options.max_line)
            with buffer:
                while (taken := self._intake.take(buffer, self._delivery.deliver_ready)) is not None:
                    slot, task = taken
                    # A small input is folded before another thread could start. Only the first thread starts others:
                    # any other would make them wait for it, perhaps with a mapped block.
                    is_more = order.taken > 1 and (task.block or task.files)
                    is_many = task.files is not None and len(task.files.places) > 4 * FEW_FILES
                    if (is_more or is_many) and is_first and len(self._workers) < self._jobs:
                        self._start_others()
                    with worker.folding, _undisturbed() if self._is_here else nullcontext():
                        worker.do(slot, task, buffer)
        except BaseException as raised:  # noqa: BLE001  # passed to the waiting thread, which raises it
            # A thread that never had any memory is not missed.
            if is_first or buffer is not None or not isinstance(raised, MemoryError):
                failure = raised
        self._delivery.end_of_work(failure, self._note_end)

    def _note_end(self) -> None:
        self._working -= 1
        if not self._working:
            for queue in self._intake.order.queues:
                with suppress(OSError):
                    queue.close()
        if not self._working or self._delivery.failure is not None:
            self._ring()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let no signal interrupt the main thread, which would leave a block half folded."""
    import signal  # noqa: PLC0415  # only needed where no thread can be started

    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
