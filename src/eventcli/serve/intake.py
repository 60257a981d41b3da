"""Takes what is posted into the ledger: one thread, and one transaction for all that has arrived meanwhile.

A commit takes milliseconds, however much is in it: the disk has to confirm that it is written. The lock of the ledger
is held for each transaction only, so that other programs write to it in between.
"""

import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from eventcli.ledger.cursor import Read, Step
from eventcli.ledger.meaning import MeaningError
from eventcli.ledger.recorder import KEEP_REJECTS, Options, Recorder
from eventcli.ledger.store.hold import BusyError
from eventcli.ledger.streams.stream import Stream
from eventcli.ledger.turns import Turns
from eventcli.lines.check import check_query
from eventcli.serve.fair_lock import FairLock
from eventcli.serve.key_clock import KEPT, KeyClock
from eventcli.serve.problems import EXPECTED, RefusedError
from eventcli.serve.shown import fields_of
from eventcli.summary.account import Account

if TYPE_CHECKING:
    from eventcli.ledger.store.positions import Key
    from eventcli.ledger.store.watch import Version
    from eventcli.ledger.totals import Types
    from eventcli.lines.event import Reject

NAME: Final = "POST /events"
"""The name of the source that is all that was posted."""

EXAMPLES: Final = 5
"""Rejected lines that an answer describes."""

_MOST: Final = 1000

_MOST_BYTES: Final = 64 * 1024 * 1024
"""How much one transaction takes."""

_PATIENCE: Final = 5.0
"""Seconds for which a request waits for another program that holds the ledger."""

_POLL: Final = 0.05

_SHARE: Final = 4
"""Gathering a group takes at most a fourth of the time of the commit before."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Reply(NamedTuple):
    """The answer to what was posted, as JSON."""

    body: bytes
    is_repeated: bool = False


Outcome = Reply | Exception

Deliver = Callable[[Sequence[tuple[Callable[[Outcome], object], Outcome]]], object]
"""Gets the outcomes of a transaction, each with the function that takes it."""


class Posted(NamedTuple):
    """A body that was posted, and perhaps its Idempotency-Key; `take` gets the outcome."""

    body: bytes
    key: str | None
    take: Callable[[Outcome], object]


class _Body:
    """A body as a cursor: whole at once."""

    is_growing = False

    def __init__(self, stream: Stream, lines: bytes) -> None:
        self.stream = stream
        self.name = stream.label
        self._left: bytes | None = lines

    def read_on(self, size: int, seconds: float) -> Step | None:  # noqa: ARG002  # bodies have a limit
        """Return the body, once."""
        body, self._left = self._left, None
        return None if not body else Step(io.BytesIO(body), len(body))

    def is_proved(self, read: Read) -> bool:  # noqa: ARG002  # nobody changes it
        """Whether it is what was posted."""
        return True

    def advance(self, read: Read) -> None:
        """Begin the next body here."""
        self.stream.offset, self.stream.lines = read.end, self.stream.lines + read.lines


class Intake:
    """The thread that writes."""

    def __init__(
        self,
        path: str,
        lock: FairLock,
        given: Mapping[str, Any],
        deliver: Deliver,
        keep_rejects: int = KEEP_REJECTS,
    ) -> None:
        """`given` are settings for the ledger; `deliver` is called on the thread, after each transaction."""
        self._lock = lock
        self._deliver = deliver
        self.on_commit: Callable[[Version | None, Version | None, Types], object] = lambda *_: None
        """Gets what a commit added to which version, and the one that it left, while the ledger is locked."""
        self._rejects: list[Reject] = []
        options = Options(1, self._rejects.append, EXAMPLES, keep_rejects=keep_rejects)
        self._turns = Turns(path, given, options)
        self._queue: SimpleQueue[Posted | None] = SimpleQueue()
        self._clock = KeyClock()
        self._expected = 0
        self._pause = 0.0
        self._is_ending = Event()
        self._thread = Thread(target=self._work, name="intake", daemon=True)

    def begin(self) -> None:
        """Create the ledger if it is not there, and start. Raises what opening a ledger raises."""
        with self._lock, self._turns as turns, turns.turn(_PATIENCE) as recorder:
            try:
                check_query(recorder.meaning.query)
            except ValueError as error:
                raise MeaningError(str(error)) from None
            if recorder.database.is_new:
                recorder.commit(is_last=True)
        # The thread opens it again: a connection belongs to the thread that made it.
        self._turns.creates = False
        self._thread.start()

    def post(self, posted: Posted) -> None:
        """Take a body."""
        self._queue.put(posted)

    def hurry(self) -> None:
        """Wait for no other program any longer."""
        self._is_ending.set()

    def close(self) -> None:
        """Write what has arrived, and end."""
        self.hurry()
        self._queue.put(None)
        if self._thread.ident is not None:
            self._thread.join()

    def _work(self) -> None:
        while True:
            group, is_last = self._group()
            if group:
                began = time.monotonic()
                outcomes = self._commit(group)
                # Those who wait for their turn, and those who have an answer and are about to come again.
                self._expected = len(group) + self._queue.qsize()
                self._pause = (time.monotonic() - began) / _SHARE
                self._deliver([(posted.take, outcome) for posted, outcome in zip(group, outcomes, strict=True)])
            if is_last:
                with self._lock, self._turns:
                    return

    def _group(self) -> tuple[list[Posted], bool]:
        """Wait for something; return all that has arrived, and whether no more will.

        Whoever had an answer just now is waited for a little: or else half of the clients would wait while the other
        half is written, and each commit would have half of them.
        """
        group: list[Posted] = []
        size, deadline = 0, 0.0
        one = self._queue.get()
        with suppress(Empty):
            while one is not None:
                group.append(one)
                size += len(one.body)
                if len(group) >= _MOST or size >= _MOST_BYTES:
                    return group, False
                pause = 0.0
                if self._queue.empty() and len(group) < self._expected and not self._is_ending.is_set():
                    deadline = deadline or time.monotonic() + self._pause
                    pause = max(0.0, deadline - time.monotonic())
                one = self._queue.get(pause > 0, pause or None)
            return group, True
        return group, False

    def _commit(self, group: Sequence[Posted]) -> list[Outcome]:
        """Write a group in one transaction; return the outcome of each."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                with self._lock:
                    with self._turns.turn(0) as recorder:
                        outcomes = self._add_all(group, recorder)
                        types = recorder.pending()
                        recorder.commit(is_last=True)
                    self.on_commit(*self._turns.versions, types)
                    return outcomes
            except BusyError as error:
                if time.monotonic() >= deadline or self._is_ending.wait(_POLL):
                    return [error] * len(group)
            except EXPECTED as error:
                return [error] * len(group)
            except Exception as error:  # noqa: BLE001  # whoever waits for an answer reports it
                if len(group) == 1:
                    return [error]
                # One body may be what no fold takes: nobody else pays for it.
                return [outcome for posted in group for outcome in self._commit([posted])]

    def _add_all(self, group: Sequence[Posted], recorder: Recorder) -> list[Outcome]:
        stream = recorder.queue(NAME)
        today, stream.position = self._clock.day(stream.position or "")
        first = today - KEPT
        recorder.forget_messages(stream, first)
        notes: list[Key] = []
        with _adding(group, recorder, stream, self._rejects) as add:
            here: dict[str, tuple[str, bytes]] = {}
            outcomes: list[Outcome] = []
            for posted in group:
                if posted.key is None:
                    outcomes.append(Reply(add(posted.body)))
                    continue
                digest = hashlib.sha256(posted.body).hexdigest()
                known = here.get(posted.key) or _known(recorder, stream, posted.key, first)
                if known is None:
                    body = add(posted.body)
                    here[posted.key] = digest, body
                    notes.append((today, f"{posted.key}\n{digest}\n{body.decode()}"))
                    outcomes.append(Reply(body))
                elif known[0] == digest:
                    outcomes.append(Reply(known[1], is_repeated=True))
                else:
                    outcomes.append(RefusedError(422, "this Idempotency-Key came before with another body"))
        if notes:
            recorder.note_messages(stream, notes)
        return outcomes


@contextmanager
def _adding(
    group: Sequence[Posted], recorder: Recorder, stream: Stream, rejects: "list[Reject]"
) -> Iterator[Callable[[bytes], bytes]]:
    """Yield what adds a body and returns the answer; all bodies are added at the end of the block.

    Bodies that are no lines, or may have one that is too long, are read as a file is, in one run each.
    """
    if recorder.fits(max(len(posted.body) for posted in group) + 1):
        with recorder.pieces(stream) as pieces:
            yield lambda body: _answer(*pieces.add(_lines(body)))
        return

    def read(body: bytes) -> bytes:
        before, lines = recorder.tally.account, stream.lines
        rejects.clear()
        recorder.read(_Body(stream, _lines(body)))
        recorder.tally.sources.clear()  # nobody asks for them, and there are very many
        found = [one._replace(line=one.line - lines) for one in rejects[:EXAMPLES]]
        return _answer(recorder.tally.account - before, found)

    yield read


def _lines(body: bytes) -> bytes:
    """Return a body as whole lines."""
    body = body.removeprefix(_BYTE_ORDER_MARK)
    # The next body is another line.
    return body if not body or body.endswith(b"\n") else body + b"\n"


def _answer(account: Account, rejects: "Sequence[Reject]") -> bytes:
    answer: dict[str, Any] = fields_of(account)
    answer["rejects"] = [{"line": one.line, "reason": str(one.reason), "message": one.message} for one in rejects]
    return json.dumps(answer, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _known(recorder: Recorder, stream: Stream, key: str, first: int) -> tuple[str, bytes] | None:
    """Return the digest of the body that came with a key on a day or later, and the answer to it."""
    for message in recorder.database.messages.beginning_with(stream.key, first, f"{key}\n"):
        _, digest, answer = message.split("\n", 2)
        return digest, answer.encode()
    return None
