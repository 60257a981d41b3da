"""A key is kept for a day of time that really passed, whatever the clocks of machines say."""

import time
from types import SimpleNamespace
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eventcli.serve import key_clock
from eventcli.serve.key_clock import KEPT, KeyClock

_HOUR = 3600.0

_DAY = 24 * _HOUR


class World:
    """Real time, a wall clock that is set now and then, and processes that serve one ledger."""

    def __init__(self) -> None:
        """Begin with one process."""
        self.real = 0.0
        self.wall = 1_600_000_000.0
        self.position = ""
        self.processes = [KeyClock()]

    def pass_time(self, seconds: float) -> None:
        """Let time pass; all clocks show it."""
        self.real += seconds
        self.wall += seconds

    def set_wall(self, seconds: float) -> None:
        """Set the wall clock forward or back."""
        self.wall = max(0.0, self.wall + seconds)

    def commit(self, process: int) -> int:
        """Let a process write; return the day of what it writes."""
        vars(key_clock)["time"] = SimpleNamespace(time=lambda: self.wall, monotonic=lambda: self.real)
        day, self.position = self.processes[process % len(self.processes)].day(self.position)
        return day


@pytest.fixture(autouse=True)
def _clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(vars(key_clock), "time", time)  # what a test puts there is undone


_STEPS: Final = st.lists(
    st.tuples(
        st.one_of(
            st.tuples(st.just("pass"), st.sampled_from([0.5, 59.0, 61.0, _HOUR, 6 * _HOUR, 30 * _HOUR])),
            st.tuples(st.just("set"), st.sampled_from([-3 * _DAY, -_HOUR, _HOUR, 3 * _DAY])),
            st.tuples(st.just("start"), st.booleans()),
        ),
        st.integers(0, 2),
    ),
    max_size=40,
)


@given(steps=_STEPS)
@example(steps=[(("start", True), 0), (("pass", 30 * _HOUR), 1), (("pass", 6 * _HOUR), 0)])
def test_no_key_is_forgotten_within_a_day(steps: list[tuple[tuple[str, Any], int]]) -> None:
    """However clocks are set and processes come and go, no key of the last 24 hours is of a day that is not kept."""
    world = World()
    written = [(world.real, world.commit(0))]
    for (name, value), process in steps:
        if name == "pass":
            world.pass_time(value)
        elif name == "set":
            world.set_wall(value)
        else:
            world.processes = [*world.processes, KeyClock()][-3:] if value else [KeyClock()]
        day = world.commit(process)
        assert day >= written[-1][1]
        # The position holds milliseconds, so each time that it is written may add a part of one.
        assert all(before >= day - KEPT for real, before in written if world.real - real < _DAY - 0.1)
        written.append((world.real, day))


@pytest.mark.parametrize("processes", [1, 2])
def test_keys_are_forgotten_in_the_end(processes: int) -> None:
    """While servers run, however many, a day of the clock takes a day."""
    world = World()
    world.processes = [KeyClock() for _ in range(processes)]
    first = world.commit(0)
    for hour in range(96):
        world.pass_time(_HOUR)
        day = world.commit(hour)
    assert day - first == 4
