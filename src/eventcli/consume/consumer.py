"""The loop: receive, commit, acknowledge. A message is in the ledger before its broker hears that it can go."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import inf
from queue import Empty, SimpleQueue
from typing import Final, NamedTuple, TypeVar

from eventcli.consume.bodies import Bodies
from eventcli.consume.broker import AbsentError, Broker, BrokerError, Delivery, Message, UnreachableError
from eventcli.consume.receiver import Item, Receiver
from eventcli.consume.repeats import Ids
from eventcli.ledger.meaning import Meaning
from eventcli.ledger.recorder import Recorder
from eventcli.ledger.store.hold import BusyError
from eventcli.ledger.streams.stream import Stream
from eventcli.ledger.turns import Turns
from eventcli.summary.sources import SourceReport, Status

BATCH: Final = 5000
"""Messages of a commit by default: a commit takes 15 ms, so that half of the time goes to messages."""

COMMIT_EVERY: Final = 1.0
"""Seconds after which a commit has what has come by then."""

_MOST_BYTES: Final = 64 * 1024 * 1024
"""Bytes of a commit."""

_HEARTBEAT: Final = 0.2
"""Seconds after which a signal is noticed that came while nothing was received."""

_SLICE: Final = 0.5
"""Seconds of waiting for a ledger that another run holds, between two looks at signals."""

_LAST: Final = 5.0
"""Seconds for which the last commit waits after a signal; and for which any waits before that is reported."""

_Result = TypeVar("_Result")


class Terms(NamedTuple):
    """How a run consumes. With `is_drain`, it ends as soon as all queues are empty; `wait` is for the ledger."""

    batch: int = BATCH
    commit_every: float = COMMIT_EVERY
    is_drain: bool = False
    wait: float = inf
    ids: Ids | None = None


class Consumer:
    """Consumes queues into a ledger."""

    def __init__(
        self, turns: Turns, brokers: Sequence[Broker], terms: Terms, say: Callable[[str], object] = lambda _: None
    ) -> None:
        """Take a ledger, queues, and how to report what a user may want to know."""
        self._turns = turns
        self._terms = terms
        self._say = say
        self._inbox: SimpleQueue[Item] = SimpleQueue()
        self._receivers = [
            Receiver(broker, self._inbox, most=terms.batch, is_drain=terms.is_drain) for broker in brokers
        ]
        self._hand: dict[Receiver, list[Delivery]] = {}
        self._held = (0, 0)
        self._due = 0.0
        self._stopped_at = 0.0
        self._has_said_busy = False

    def stop(self) -> None:
        """Finish the batch in hand, and end; for a signal handler."""
        self._stopped_at = time.monotonic()
        for receiver in self._receivers:
            receiver.stop()

    def run(self) -> None:
        """Consume until the queues are empty, or until `stop`. Raises what a commit does; then nothing is lost."""
        self._begin()
        running = set(self._receivers)
        try:
            for receiver in self._receivers:
                receiver.start()
            while running:
                item = self._next()
                if item is not None:
                    self._take(item, running)
                if self._is_due() or not running:
                    self._commit()
        finally:
            for receiver in self._receivers:
                receiver.stop()
            for receiver in self._receivers:
                if receiver.ident is not None:
                    receiver.join(_LAST)
                receiver.broker.close()

    def finish(self) -> tuple[Recorder, Meaning]:
        """Record the end of the run, if it added anything; return what it has come to, and what its numbers mean."""

        def end(recorder: Recorder) -> Recorder:
            if recorder.committed is not None:
                recorder.commit(is_last=True)
            return recorder

        recorder = self._in_turn(end)
        return recorder, recorder.meaning

    def _begin(self) -> None:
        """Find out where all queues go on."""
        names = [receiver.broker.name for receiver in self._receivers]
        positions = self._in_turn(lambda recorder: [recorder.queue(name).position or "" for name in names])
        for receiver, position in zip(self._receivers, positions, strict=True):
            receiver.send_back(position)

    def _next(self) -> Item | None:
        timeout = _HEARTBEAT if not self._hand else max(0.0, min(_HEARTBEAT, self._due - time.monotonic()))
        try:
            return self._inbox.get(timeout=timeout) if timeout else self._inbox.get_nowait()
        except Empty:
            return None

    def _take(self, item: Item, running: set[Receiver]) -> None:
        """Take what a receiver has to tell."""
        receiver = item.receiver
        if item.is_end:
            running.discard(receiver)
        elif item.failure is not None:
            self._commit()
            self._note_failure(receiver, item.failure)
        elif item.trouble:
            self._say(f"{receiver.broker.name}: {item.trouble}: waiting for it")
        elif item.turn != receiver.turn:
            pass  # it was sent back since
        elif item.delivery is not None:
            if not self._hand:
                self._due = time.monotonic() + self._terms.commit_every
            self._hand.setdefault(receiver, []).append(item.delivery)
            messages, size = self._held
            self._held = messages + len(item.delivery.messages), size + item.delivery.size
        else:
            self._commit()
            receiver.answer(is_over=item.turn == receiver.turn)

    def _is_due(self) -> bool:
        messages, size = self._held
        is_full = messages >= self._terms.batch or size >= _MOST_BYTES
        return bool(self._hand) and (is_full or time.monotonic() >= self._due)

    def _note_failure(self, receiver: Receiver, error: BaseException) -> None:
        """Report that a queue cannot be read; whatever is no failure of its broker ends the run."""
        if not isinstance(error, (BrokerError, UnreachableError, AbsentError)):
            raise error
        status = Status.MISSING if isinstance(error, AbsentError) else Status.UNREADABLE
        report = SourceReport(receiver.broker.name, 0, 0, status, str(error))
        self._in_turn(lambda recorder: recorder.say(report))

    # ---- the commit

    def _in_turn(self, function: Callable[[Recorder], _Result]) -> _Result:
        """Call a function while the ledger is locked for it; BusyError if another run holds it for too long."""
        started = time.monotonic()
        while True:
            try:
                with self._turns.turn(_SLICE) as recorder:
                    return function(recorder)
            except BusyError:
                waited = time.monotonic() - (self._stopped_at or started)
                if waited >= (_LAST if self._stopped_at else self._terms.wait):
                    raise
                if not self._has_said_busy and waited >= _LAST:
                    self._has_said_busy = True
                    self._say("another run holds the ledger: waiting for it")

    def _commit(self) -> None:
        """Write what is in hand, and acknowledge it."""
        hand, self._hand, self._held = self._hand, {}, (0, 0)
        if not hand:
            return
        back = self._in_turn(lambda recorder: self._write(recorder, hand))
        for receiver, deliveries in hand.items():
            if receiver in back:
                receiver.send_back(back[receiver])
                continue
            # A broker that misses this delivers the messages again, and they do not count again.
            with suppress(BrokerError, UnreachableError, AbsentError):
                receiver.broker.acknowledge(deliveries)
            for delivery in deliveries:
                receiver.done_with(delivery)

    def _write(self, recorder: Recorder, hand: dict[Receiver, list[Delivery]]) -> dict[Receiver, str]:
        """Write deliveries in one transaction; return who has to go back to a position, and has added nothing."""
        back: dict[Receiver, str] = {}
        for receiver, deliveries in hand.items():
            stream = recorder.queue(receiver.broker.name)
            here = stream.position or ""
            if deliveries[0].before is not None and deliveries[0].before != here:
                back[receiver] = here  # another run was faster, or the queue was forgotten
            else:
                self._record(recorder, stream, receiver.broker, deliveries)
        if recorder.batch.streams or recorder.batch.losses:
            recorder.commit(is_last=False)
        return back

    def _record(self, recorder: Recorder, stream: Stream, broker: Broker, deliveries: Sequence[Delivery]) -> None:
        """Add deliveries of a queue to the transaction."""
        messages: list[Message] = []
        position = stream.position or ""
        for delivery in deliveries:
            is_new = True
            if delivery.before is None:
                later = broker.later(position, delivery.after)
                is_new, position = later != position, later
            else:
                position = delivery.after
            if is_new:
                for loss in delivery.losses:
                    recorder.note_loss(stream, stream.offset, loss.message, is_doubt=loss.is_doubt)
            messages += self._uncounted(recorder, stream, delivery)
            if delivery.forgettable is not None:
                kept = delivery.forgettable - (0 if self._terms.ids is None else self._terms.ids.days)
                recorder.forget_messages(stream, kept)
        bodies, repeats = [message.body for message in messages], 0
        if self._terms.ids is not None and messages:
            bodies, repeats = self._terms.ids.without_repeats(recorder, stream, messages, recorder.meaning.query)
        recorder.read(Bodies(stream, bodies, position, repeats))

    def _uncounted(self, recorder: Recorder, stream: Stream, delivery: Delivery) -> Sequence[Message]:
        """Return the messages of a delivery that are not counted, here or in the ledger, and note them."""
        if delivery.before is not None:
            return delivery.messages
        keyed = {(message.day, str(message.key)): message for message in delivery.messages}
        counted = recorder.counted(stream, [*keyed, *delivery.gone])
        lost = [key for key in delivery.gone if key not in counted]
        if lost:
            what = "1 message was" if len(lost) == 1 else f"{len(lost)} messages were"
            text = f"{what} deleted after being delivered and before being counted (the first one: {lost[0][1]})"
            recorder.note_loss(stream, stream.offset, text, is_doubt=False)
        new = {key: message for key, message in keyed.items() if key not in counted}
        if new or lost:
            recorder.note_messages(stream, [*new, *lost])
        return list(new.values())
