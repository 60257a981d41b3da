"""`pipeline.reordering`: results are handed on in the order of the input, however tasks are taken, split and done."""

import threading
from collections.abc import Iterator
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from eventcli.pipeline.reordering import ReorderBuffer, Slot

Tasks = Iterator["Task"]
Task = tuple[int, list["Task"]]
"""A number, and what is left of the task when it is taken: tasks behind it."""


TREES: Final[st.SearchStrategy[list[Any]]] = st.recursive(
    st.just([]), lambda trees: st.lists(trees, max_size=4), max_leaves=15
)
"""For each task, in lists, the tasks that it turns out to be behind itself."""


def numbered(tree: list[Any], first: int = 0) -> list[Task]:
    """Return tasks with numbers in their order."""
    tasks: list[Task] = []
    for rest in tree:
        behind = numbered(rest, first + 1)
        tasks.append((first, behind))
        first += 1 + count(behind)
    return tasks


def count(tasks: list[Task]) -> int:
    """Return how many tasks there are, with all that they turn out to be."""
    return sum(1 + count(rest) for _, rest in tasks)


@given(tree=TREES, choices=st.lists(st.integers(0, 99)))
def test_results_have_the_order_of_the_input(tree: list[Any], choices: list[int]) -> None:
    """Whoever takes, splits and ends tasks in whatever order, their results come out in that of the input."""
    tasks = numbered(tree)
    order: ReorderBuffer[Tasks, int] = ReorderBuffer(iter(tasks))
    working: list[tuple[Slot[Tasks, int], Task]] = []
    results: list[int | None] = []
    choose = iter(choices)
    while (queue := order.queue()) is not None or working:
        choice = next(choose, 0)
        if queue is not None and queue.queue is not None and (not working or choice % 2):
            task = next(queue.queue, None)
            if task is None:
                order.close(queue)
            elif (slot := order.take(queue, may_split=bool(task[1]))) is not None:
                working.append((slot, task))
        else:
            slot, (number, rest) = working.pop(choice % len(working))
            if rest:
                order.split(slot, iter(rest))
            assert order.is_first(slot) == (number == len(results))
            order.done(slot, number)
        results += order.ready()
    assert results == list(range(count(tasks)))
    assert order.is_empty()
    assert order.taken == count(tasks)
    assert not order.wait()


@given(done=st.lists(st.booleans(), min_size=1, max_size=6), is_split=st.booleans())
def test_after_a_stop_only_what_was_taken_is_handed_on(done: list[bool], is_split: bool) -> None:  # noqa: FBT001  # drawn
    """What was taken before a stop is handed on in its order, with a gap for each queue; nothing more is taken."""
    order: ReorderBuffer[str, int] = ReorderBuffer("all")
    queue = order.queue()
    assert queue is not None
    slots = [slot for _ in done if (slot := order.take(queue, may_split=True)) is not None]
    if is_split:
        order.split(slots[0], "rest")
    order.stop()
    assert order.take(queue, may_split=False) is None
    assert order.queue() is None
    assert not order.wait()
    results = list(order.ready())
    for number in sorted(range(len(done)), key=lambda number: done[number]):
        order.done(slots[number], number)
        results += order.ready()
    assert results == [0, *([None] if is_split else []), *range(1, len(done)), None]
    assert order.is_empty()


def test_whoever_has_nothing_to_take_waits_for_what_may_be_split() -> None:
    """While a task may turn out to be more, others wait; they take of it when it does, and else they leave."""
    for splits in (True, False):
        order: ReorderBuffer[str, int] = ReorderBuffer("all")
        queue = order.queue()
        assert queue is not None
        slot = order.take(queue, may_split=True)
        assert slot is not None
        order.close(queue)
        found: list[str | None] = []

        def look(order: ReorderBuffer[str, int] = order, found: list[str | None] = found) -> None:
            is_more, queue = order.wait(), order.queue()
            found.append(queue.queue if is_more and queue else None)

        thread = threading.Thread(target=look)
        thread.start()
        if splits:
            order.split(slot, "rest")
        else:
            order.done(slot, 1)
        thread.join()
        assert found == ["rest" if splits else None]
