"""The time of an event in the Python body: the bucket it counts in, or that it is outside the requested bounds."""

from typing import Final

import eventcli.lines
from eventcli.lines.query import Bucket, Timing

OUTSIDE: Final = Bucket(0, -1)
"""Takes the place of a bucket if the time of an event is outside the requested bounds."""

_UNKNOWN: Final = Bucket(0, -2)

_MOST_TIMES: Final = 1 << 14
"""Number of times whose bucket is remembered: in a busy log, many lines share a second."""


class Moments:
    """Finds buckets for times, as a query with this timing asks for them; remembers those of recent times."""

    def __init__(self, timing: Timing | None) -> None:
        """Without timing, no event has a bucket."""
        self._timing = timing
        self._buckets = None
        if timing is not None and timing.by is not None:
            self._buckets = eventcli.lines.times.Buckets(timing.by, timing.zone)
        self._bucket_of_time: dict[object, Bucket | None] = {}

    def of(self, time: object) -> Bucket | None:
        """Return the bucket of a plainly readable time (`OUTSIDE` if it is filtered), else raise a KeyError."""
        if time.__class__ is not str and time.__class__ is not int:
            raise KeyError(time)
        bucket = self._bucket_of_time.get(time, _UNKNOWN)
        if bucket is _UNKNOWN:
            if len(self._bucket_of_time) == _MOST_TIMES:
                self._bucket_of_time.clear()
            bucket = self._bucket_of_time[time] = self._read(time)
        return bucket

    def at(self, instant: int | None) -> Bucket | None:
        """Return the bucket of an instant (None: no buckets, or an unknown instant), or `OUTSIDE`."""
        timing = self._timing
        if timing is None or instant is None:
            return None
        if (timing.since is not None and instant < timing.since) or (
            timing.until is not None and instant >= timing.until
        ):
            return OUTSIDE
        return None if self._buckets is None else self._buckets.bucket(instant // 1_000_000_000)

    def _read(self, time: object) -> Bucket | None:
        assert self._timing is not None
        clock = eventcli.lines.clock.clock_of(self._timing)
        instant = clock.of_text(time) if isinstance(time, str) else clock.of_number(str(time))
        if instant is None:
            raise KeyError(time)
        return self.at(instant)
