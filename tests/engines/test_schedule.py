"""`engines.schedule`: whatever fails in whatever order, the result has each task once, in order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli.engines.engine import Job, Task, TaskLostError
from eventcli.engines.schedule import TRIES, Schedule, Unit


def job_of(count: int, ranks: list[int] = []) -> Job:  # noqa: B006  # not changed
    """Return a job of tasks with names for results."""
    tasks = [
        Task(f"{number}.".encode(), f"task {number}", 1, ranks[number] if number < len(ranks) else 0)
        for number in range(count)
    ]
    return Job(tasks, bytes, b"".join, bytes)


def result_of(job: Job, unit: Unit) -> bytes:
    """Do a unit."""
    return b"".join(unit.results or [task.payload for task in job.tasks[unit.first : unit.end]])


@given(
    count=st.integers(1, 300),
    workers=st.integers(1, 9),
    ranks=st.lists(st.integers(0, 3), max_size=20),
    choices=st.randoms(use_true_random=False),
)
def test_the_result_has_each_task_once(count: int, workers: int, ranks: list[int], choices: object) -> None:
    """Units end in any order, and fail now and then at any of their tasks."""
    job = job_of(count, ranks)
    schedule = Schedule(job, workers)
    running: list[Unit] = []
    failures = 0
    while not schedule.is_done:
        while len(running) < workers and (unit := schedule.next()) is not None:
            running.append(unit)
        assert running
        unit = running.pop(choices.randrange(len(running)))  # type: ignore[attr-defined]
        if failures < TRIES - 1 and choices.random() < 0.1:  # type: ignore[attr-defined]
            failures += 1
            schedule.failed(unit, choices.randrange(unit.end - unit.first + 1), "lost")  # type: ignore[attr-defined]
        else:
            schedule.done(unit, result_of(job, unit))
    assert schedule.result == b"".join(task.payload for task in job.tasks)
    assert schedule.parts() == [schedule.result]


def test_a_task_that_fails_again_and_again_is_named() -> None:
    """Only the task at which the worker was is blamed, and it is then tried alone."""
    schedule = Schedule(job_of(400), 1)
    for _ in range(TRIES - 1):
        unit = schedule.next()
        assert unit is not None
        while not unit.first <= 30 < unit.end:
            unit = schedule.next()
            assert unit is not None
        schedule.failed(unit, 30 - unit.first, "killed")
    unit = schedule.next()
    while unit is not None and unit.first != 30:
        unit = schedule.next()
    assert unit is not None
    assert unit.end == 31
    with pytest.raises(TaskLostError, match="task 30: killed"):
        schedule.failed(unit, 0, "killed")


def test_what_takes_long_is_first() -> None:
    """Tasks with a rank begin before all others, the highest first, each by itself."""
    schedule = Schedule(job_of(40, [0, 5, 0, 9]), 1)
    units = [schedule.next() for _ in range(3)]
    assert [(unit.first, unit.end) for unit in units if unit] == [(3, 4), (1, 2), (0, 1)]


def test_a_window_bounds_what_waits() -> None:
    """With a window, no task is begun that is further ahead of the next result."""
    job = job_of(10)
    schedule = Schedule(job, 2, window=3)
    units = [unit for _ in range(5) if (unit := schedule.next()) is not None]
    assert [unit.first for unit in units] == [0, 1, 2]
    schedule.done(units[1], result_of(job, units[1]))
    assert schedule.take() is None
    assert schedule.next() is None
    schedule.done(units[0], result_of(job, units[0]))
    assert [schedule.take(), schedule.take(), schedule.take()] == [b"0.", b"1.", None]
    assert schedule.next() is not None
