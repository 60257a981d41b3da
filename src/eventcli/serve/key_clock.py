"""The clock by which an Idempotency-Key grows old: a wall clock that jumps makes it forget no key too early.

The ledger holds how much time has passed, and only what a server has waited since it first saw that is added to it. So
the clock never runs ahead, however many servers there are. Time in which nobody serves the ledger does not pass.

A server cannot know that another one, new to the ledger, added a key while it waited itself. For that key, its own wait
comes on top of what passes. So it adds a day at most, and keys are kept for a day more.
"""

import time
from typing import Final

_DAY: Final = 86_400

KEPT: Final = 2
"""Days before today whose keys are kept."""

_EVERY: Final = 60.0
"""Seconds after which the ledger records how much time has passed."""


class KeyClock:
    """Tells the day of keys from the position of their stream."""

    def __init__(self) -> None:
        """Begin with the first position."""
        self._position = ""
        self._since = 0.0
        """When this process first saw the position."""

    def day(self, position: str) -> tuple[int, str]:
        """Return the day, and the position that the ledger is to hold from now on. That of a new stream is ""."""
        moment = time.monotonic()
        if not position:
            # The first day may be any: only how many have passed since then is ever asked.
            position = f"{time.time():.3f}"
        if position != self._position:
            self._since = moment
        elif moment - self._since >= _EVERY:
            position, self._since = f"{float(position) + min(moment - self._since, _DAY):.3f}", moment
        self._position = position
        return int(float(position) // _DAY), position
