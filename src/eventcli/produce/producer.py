"""Sends lines at a rate, some of them twice, until there are no more or it is stopped; waits for an absent target."""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from eventcli.consume.broker import UnreachableError
from eventcli.produce.target import Parcel, Target

_TICK: Final = 0.1
"""Seconds between two batches at a given rate."""

_MOST: Final = 500
"""Messages of a batch."""

_PAUSES: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds until a target that does not answer is tried again."""


class Sent(NamedTuple):
    """How many lines were sent, and how many messages, those that repeat an earlier one among them."""

    lines: int = 0
    messages: int = 0
    repeats: int = 0


class Producer:
    """Sends to one target."""

    def __init__(self, target: Target, *, rate: float | None, say: Callable[[str], object]) -> None:
        """Send so many messages a second; as fast as possible if that is None."""
        self._target = target
        self._rate = rate
        self._say = say
        self._is_stopped = False
        self.sent = Sent()

    def stop(self) -> None:
        """Finish the batch in hand, and end; for a signal handler."""
        self._is_stopped = True

    def run(self, parcels: Iterable[tuple[Parcel, bool]]) -> None:
        """Send messages; the flag says whether one repeats an earlier one. Raises BrokerError."""
        left = iter(parcels)
        started, done = time.monotonic(), 0
        while not self._is_stopped:
            room = _MOST
            if self._rate is not None:
                room = min(room, int((time.monotonic() - started) * self._rate) + 1 - done)
            batch = list(islice(left, max(0, room)))
            if batch:
                self._send([parcel for parcel, _ in batch])
                done += len(batch)
                lines, messages, repeats = self.sent
                new = sum(parcel.body.removesuffix(b"\n").count(b"\n") + 1 for parcel, _ in batch)
                self.sent = Sent(lines + new, messages + len(batch), repeats + sum(again for _, again in batch))
            elif room > 0:
                return
            if self._rate is not None:
                time.sleep(min(_TICK, 1 / self._rate))

    def _send(self, parcels: list[Parcel]) -> None:
        failures = 0
        while True:
            try:
                self._target.send(parcels)
            except UnreachableError as error:
                if not failures:
                    self._say(f"{error}: trying again: what arrived already may be repeated")
                if self._is_stopped:
                    return
                time.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
                failures += 1
            else:
                return


def parcels_of(
    lines: Iterable[bytes], *, name: str, at_once: int, repeat: float, draw: Callable[[], float]
) -> Iterator[tuple[Parcel, bool]]:
    """Yield messages of some lines each, and now and then one of the last ones again, with a share of `repeat`.

    `name` begins the keys; no two producers should have the same.
    """
    recent: list[Parcel] = []
    left = iter(lines)
    number = 0
    while some := list(islice(left, at_once)):
        body = b"".join(some)
        parcel = Parcel(body.removesuffix(b"\n") if at_once == 1 else body, f"{name} {number}")
        number += 1
        yield parcel, False
        recent = [*recent[-9:], parcel]
        while repeat and draw() < repeat:
            yield recent[int(draw() * len(recent))], True
