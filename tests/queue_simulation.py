"""Histories of a queue and its consumers: messages arrive, consumers die at any point, brokers forget and repeat.

Two brokers live in memory. One is a stream of Redis behind the commands that a log needs, so that the code that judges
what was dropped, lost or recreated is the real one. The other delivers again what is not acknowledged, doubles,
reorders and forgets. Each event has a type of its own, so the totals of a ledger show which ones count.
"""

import random
import shutil
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

from eventcli.consume.broker import Delivery, Message, UnreachableError
from eventcli.consume.consumer import Consumer, Terms
from eventcli.consume.redis_client import id_of, text_of
from eventcli.consume.redis_log import Log
from eventcli.ledger.recorder import Options, Recorder
from eventcli.ledger.store.database import LOST, Database
from eventcli.ledger.totals import totals
from eventcli.ledger.turns import Turns
from eventcli.ledger.verify import check_sums
from logbook import FAST

_DAY: Final = 20_000


class KilledError(BaseException):
    """A consumer was killed."""


class Stream:
    """A stream of Redis, and the answers to the commands that a log sends."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._clock = 1_000
        self.entries: list[tuple[tuple[int, int], bytes]] = []
        self.added = 0
        self.last = (0, 0)
        self.is_there = False

    def add(self, body: bytes) -> None:
        """Add an entry."""
        self._clock += self._draw.randrange(3)
        self.last = (self._clock, self.last[1] + 1) if self.last[0] == self._clock else (self._clock, 0)
        self.entries.append((self.last, body))
        self.added += 1
        self.is_there = True

    def made_anew(self) -> None:
        """Delete the stream; the next entry makes it again, at a later time."""
        self.entries, self.added, self.last, self.is_there = [], 0, (0, 0), False
        self._clock += 5

    def state(self) -> tuple[Any, ...]:
        """Return what a snapshot of the server keeps."""
        return list(self.entries), self.added, self.last, self.is_there

    def restart_from(self, state: tuple[Any, ...]) -> None:
        """Come back with what a snapshot kept; the time goes on."""
        entries, self.added, self.last, self.is_there = state
        self.entries = list(entries)
        self._clock += 5

    # ---- what a connection does

    def name(self, **parameters: str) -> str:
        """Return the name of the queue."""
        return f"redis://memory:6379/0?stream={parameters['stream']}"

    def together(self, *commands: Sequence[Any]) -> list[Any]:
        """Answer several commands."""
        if self._draw.random() < 0.02:
            raise UnreachableError("connection refused")
        return [self._answer(*words) for words in commands]

    def _answer(self, command: str, *words: Any) -> Any:
        if command == "XINFO":
            if not self.is_there:
                import redis.exceptions  # noqa: PLC0415  # may be missing

                return redis.exceptions.ResponseError("no such key")
            first = [text_of(self.entries[0][0]).encode(), []] if self.entries else None
            about = {
                "length": len(self.entries),
                "last-generated-id": text_of(self.last).encode(),
                "entries-added": self.added,
                "first-entry": first,
            }
            return [part for name, value in about.items() for part in (name.encode(), value)]
        _, start, end, *rest = words
        found = [
            [text_of(id_).encode(), [b"body", body]]
            for id_, body in self.entries
            if (id_ > id_of(start[1:]) if start[0] == "(" else id_ >= id_of(start))
            and (end == "+" or id_ <= id_of(end))
        ]
        return found[: rest[1]] if rest else found

    def wait(self, *_: object) -> None:
        """Do not wait: nothing comes."""

    def close(self) -> None:
        """Do nothing."""


class Repeating:
    """A queue that keeps no more than SQS promises."""

    name = "sqs://memory"

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        # Acknowledgements come on another thread: drawn from the same numbers, no history would happen twice.
        self._forgets = random.Random(draw.random()).random
        self._lock = threading.Lock()
        self._held: dict[str, Message] = {}
        self._number = 0

    def add(self, body: bytes) -> None:
        """Take a message."""
        self._number += 1
        key = f"message {self._number}"
        self._held[key] = Message(body, _DAY + self._number // 10, key, key)

    def begin(self, position: str) -> None:
        """Do nothing: keys are all that matters."""

    def receive(self, most: int, seconds: float) -> Delivery | None:
        """Return some messages in any order, some of them twice, if there are any."""
        assert seconds > 0
        if self._draw.random() < 0.02:
            raise UnreachableError("connection refused")
        with self._lock:
            held = [self._held[key] for key in sorted(self._held)]
        chosen = self._draw.sample(held, min(len(held), self._draw.randint(1, most)))
        chosen += [message for message in chosen if self._draw.random() < 0.2]
        self._draw.shuffle(chosen)
        return Delivery(chosen, None, "here") if chosen else None

    def later(self, position: str, other: str) -> str:
        """Return the other one."""
        return other or position

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Forget messages, but not always."""
        with self._lock:
            for delivery in deliveries:
                for message in delivery.messages:
                    if self._forgets() < 0.9:
                        self._held.pop(str(message.key), None)

    def is_empty(self) -> bool:
        """Whether all messages were acknowledged."""
        return not self._held

    def close(self) -> None:
        """Do nothing."""


class History:
    """A queue, a ledger, and what happens to them."""

    def __init__(self, seed: int) -> None:
        """Make a queue of either kind; a seed gives one history."""
        self.draw = random.Random(seed)
        self.folder = Path(mkdtemp(dir=FAST))
        self.ledger = self.folder / "ledger.db"
        self.stream = Stream(self.draw) if seed % 2 else None
        self.queue: Stream | Repeating = self.stream or Repeating(self.draw)
        self.sent: list[int] = []
        self._next = 0
        self.dropped: set[int] = set()
        self.is_doubtful = False
        self.is_unseen = False
        """Whether the stream went back or was recreated, and no consumer has looked at it since."""
        self.may_hide = False
        """Whether such a stream dropped entries: if they are exactly as many as were read before, nobody can tell."""
        self.steps: list[str] = []

    def close(self) -> None:
        """Remove the ledger."""
        shutil.rmtree(self.folder)

    def run(self) -> None:
        """Let things happen, and check the ledger after each."""
        for _ in range(self.draw.randint(3, 10)):
            steps = [self.add, self.add, self.consume, self.kill, self.kill]
            if self.stream is not None:
                steps += [self.trim, self.delete, self.make_anew, self.restart]
            step = self.draw.choice(steps)
            self.steps.append(step.__name__)
            step()
            self.check()
        self.add()
        self.consume()
        self.check(is_end=True)

    # ---- what happens

    def add(self) -> None:
        """Send some messages."""
        for _ in range(self.draw.randint(1, 12)):
            number, self._next = self._next, self._next + 1
            self.sent.append(number)
            self.queue.add(b'{"type":"%d","value":1}' % number)

    def consume(self) -> None:
        """Consume all there is."""
        self.is_unseen = False
        with self._consumer() as consumer:
            consumer.run()
            consumer.finish()

    def kill(self) -> None:
        """Consume, and die at some point of some commit."""
        left, point = self.draw.randint(1, 3), self.draw.randrange(4)

        def die(*_: object, **__: object) -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                raise KilledError

        with self._consumer(point, die) as consumer, suppress(KilledError):
            consumer.run()

    @contextmanager
    def _consumer(self, point: int = -1, die: Any = None) -> Iterator[Consumer]:
        broker: Any = Log(self.stream, "events", "body", from_end=False) if self.stream else self.queue  # type: ignore[arg-type]
        broker = _Dying(broker, before=die if point == 2 else None, after=die if point == 3 else None)
        commit, put_run = Recorder.commit, Database.put_run
        if point == 0:
            Recorder.commit = lambda *one, **more: (die(), commit(*one, **more))[1]  # type: ignore[method-assign]  # undone below
        if point == 1:
            Database.put_run = lambda *run: (put_run(*run), die())[0]  # type: ignore[method-assign]  # undone below
        terms = Terms(batch=self.draw.randint(1, 8), commit_every=self.draw.choice((0.0, 1.0)), is_drain=True, wait=10)
        try:
            with Turns(str(self.ledger), {"granularity": "none"}, Options(jobs=1)) as turns:
                yield Consumer(turns, [broker], terms)
        finally:
            Recorder.commit, Database.put_run = commit, put_run  # type: ignore[method-assign]

    def _drop(self, bodies: Iterable[bytes]) -> None:
        numbers = {int(body.split(b'"')[3]) for body in bodies}
        self.may_hide |= self.is_unseen and bool(numbers)
        if self._is_begun():
            self.dropped |= numbers - self._counted()
        else:
            self.sent = [number for number in self.sent if number not in numbers]

    def _is_begun(self) -> bool:
        """Whether a consumer has seen the queue: what was dropped before that was never asked for."""
        if not self.ledger.exists():
            return False
        with Database.open_to_read(str(self.ledger)) as database:
            return bool(database.streams())

    def trim(self) -> None:
        """Drop the first entries."""
        assert self.stream is not None
        left = self.draw.randint(0, len(self.stream.entries))
        gone = self.stream.entries[: len(self.stream.entries) - left]
        self._drop(body for _, body in gone)
        del self.stream.entries[: len(gone)]

    def delete(self) -> None:
        """Delete an entry."""
        assert self.stream is not None
        if self.stream.entries:
            _, body = self.stream.entries.pop(self.draw.randrange(len(self.stream.entries)))
            self._drop([body])

    def make_anew(self) -> None:
        """Delete the stream; all that was not counted is lost."""
        assert self.stream is not None
        if self.stream.is_there:
            self._drop(body for _, body in self.stream.entries)
            self.is_doubtful = self.is_unseen = True
            self.stream.made_anew()
            self.add()

    def restart(self) -> None:
        """Lose the last entries, as a server does that had not written them."""
        assert self.stream is not None
        state = self.stream.state()
        before = len(state[0])
        self.add()
        if self.draw.random() < 0.7:
            self.consume()
        else:
            # Nobody saw them, and the server never had them.
            self.sent = self.sent[: -len(self.stream.entries[before:])]
        self.is_doubtful = self.is_unseen = True
        self.stream.restart_from(state)

    # ---- what must hold

    def _counted(self) -> set[int]:
        if not self.ledger.exists():
            return set()
        with Database.open_to_read(str(self.ledger)) as database:
            return {int(name) for name in totals(database).types}

    def check(self, *, is_end: bool = False) -> None:
        """Assert that nothing counts twice, and at the end, that all counts or is known to be lost."""
        if not self.ledger.exists():
            return
        with Database.open_to_read(str(self.ledger)) as database:
            check_sums(database)
            found = totals(database).types
            discontinuities = database.discontinuities()
        assert {stats.count for stats in found.values()} <= {1}, self
        counted = {int(name) for name in found}
        assert counted <= set(self.sent), self
        if not is_end:
            return
        missing = set(self.sent) - counted
        assert missing <= self.dropped, (self, missing - self.dropped)
        if missing and not self.may_hide:
            assert any(one.kind == LOST for one in discontinuities) or (self.is_doubtful and discontinuities), self
        if not self.is_doubtful:
            said = sum(int(one.message.split()[0]) for one in discontinuities)
            assert said == len(missing), (self, discontinuities)

    def __repr__(self) -> str:
        return f"{type(self.queue).__name__}: {', '.join(self.steps)}"


class _Dying:
    """A broker whose consumer dies before or after an acknowledgement."""

    def __init__(self, broker: Any, before: Any, after: Any) -> None:
        self._broker, self._before, self._after = broker, before, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge, or die."""
        if self._before is not None:
            self._before()
        self._broker.acknowledge(deliveries)
        if self._after is not None:
            self._after()
