"""Receives from one queue on a thread of its own, a little ahead of the commits, and survives an absent broker."""

import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from eventcli.consume.broker import MOST_BYTES, AbsentError, Broker, BrokerError, Delivery, UnreachableError

if TYPE_CHECKING:
    from queue import SimpleQueue

_WAIT: Final = 1.0
"""Seconds for which a broker is asked to wait for a message: so long may the end take."""

_PAUSES: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds until a broker that does not answer is asked again."""

_PATIENCE: Final = 5.0
"""Seconds for which a run that ends with the queue waits for a broker that does not answer."""

_AHEAD: Final = 2
"""Batches that are received before the first of them is committed."""


class Item(NamedTuple):
    """What a receiver has to tell: a delivery, that the queue is empty (neither is set), trouble, or its end."""

    receiver: "Receiver"
    turn: int
    """How often it was sent back to the position of the ledger before that."""
    delivery: Delivery | None = None
    trouble: str = ""
    failure: BaseException | None = None
    is_end: bool = False


class Receiver(threading.Thread):
    """Receives from a queue until it is stopped, or until the queue is empty if the run ends then."""

    def __init__(self, broker: Broker, inbox: "SimpleQueue[Item]", *, most: int, is_drain: bool) -> None:
        """Receive up to `most` messages at a time."""
        super().__init__(name=broker.name, daemon=True)
        self.broker = broker
        self._inbox = inbox
        self._most = most
        self._is_drain = is_drain
        self._changed = threading.Condition()
        self._is_stopped = False
        self._outstanding = (0, 0)
        self._answer: bool | None = None
        self.turn = 0
        self._position = ""

    # ---- for the thread of the commits

    def send_back(self, position: str) -> None:
        """Go on from a position: all that was received and not committed is received again."""
        with self._changed:
            self.turn += 1
            self._position = position
            self._outstanding = (0, 0)
            self._answer = False
            self._changed.notify_all()

    def done_with(self, delivery: Delivery) -> None:
        """Make room for more: a delivery is committed."""
        with self._changed:
            messages, size = self._outstanding
            self._outstanding = max(0, messages - len(delivery.messages)), max(0, size - delivery.size)
            self._changed.notify_all()

    def answer(self, *, is_over: bool) -> None:
        """Say whether an empty queue is the end, after all that was received before is acknowledged."""
        with self._changed:
            self._answer = is_over
            self._changed.notify_all()

    def stop(self) -> None:
        """Finish what is being received, and end. Does not wait, so that a signal handler may call it."""
        self._is_stopped = True

    # ---- the thread

    def run(self) -> None:
        """Receive until the end."""
        try:
            self._run()
        except BaseException as error:  # noqa: BLE001  # raised again in the thread of the commits
            self._tell(Item(self, self.turn, failure=error))
        self._tell(Item(self, self.turn, is_end=True))

    def _tell(self, item: Item) -> None:
        self._inbox.put(item)

    def _run(self) -> None:
        turn, failures, since = -1, 0, time.monotonic()
        while not self._is_stopped:
            if not self._has_room():
                continue
            if turn != self.turn:
                with self._changed:
                    turn = self.turn
                    self.broker.begin(self._position)
            try:
                delivery = self.broker.receive(self._most, _PAUSES[0] if self._is_drain else _WAIT)
            except (UnreachableError, AbsentError) as error:
                if self._is_drain and (isinstance(error, AbsentError) or time.monotonic() - since >= _PATIENCE):
                    raise
                if not failures:
                    self._tell(Item(self, turn, trouble=str(error)))
                self._pause(_PAUSES[min(failures, len(_PAUSES) - 1)])
                failures += 1
                continue
            failures, since = 0, time.monotonic()
            if delivery is not None:
                with self._changed:
                    if turn == self.turn:
                        messages, size = self._outstanding
                        self._outstanding = messages + len(delivery.messages), size + delivery.size
                self._tell(Item(self, turn, delivery))
            elif self._is_drain and self._is_over(turn):
                return

    def _has_room(self) -> bool:
        with self._changed:
            messages, size = self._outstanding
            if messages < _AHEAD * self._most and size < _AHEAD * MOST_BYTES:
                return True
            self._changed.wait(_PAUSES[0])
            return False

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._is_stopped and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _PAUSES[0]))

    def _is_over(self, turn: int) -> bool:
        """Wait until all that was received is acknowledged, and ask whether anything is left."""
        self._answer = None
        self._tell(Item(self, turn))
        with self._changed:
            while self._answer is None and not self._is_stopped:
                self._changed.wait(_PAUSES[0])
            if not self._answer or turn != self.turn:
                return self._is_stopped
        try:
            is_empty = self.broker.is_empty()
        except UnreachableError:
            is_empty = False
        except BrokerError:
            is_empty = True  # nobody may ask
        if not is_empty:
            self._pause(_PAUSES[0])  # others have what is left
        return is_empty
