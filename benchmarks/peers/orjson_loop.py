"""The loop over orjson that people write by hand. Adds up floats."""

import orjson
from task import Task, print_rows, read_task

Totals = tuple[dict[str, int], dict[str, float]]


def trusting(task: Task) -> Totals:
    """Count and add up, and stop at the first bad line."""
    counts: dict[str, int] = {}
    sums: dict[str, float] = {}
    loads = orjson.loads
    type_field, value_field = task.type_field, task.value_field
    with open(task.path, "rb") as file:
        for line in file:
            event = loads(line)
            name = event[type_field]
            counts[name] = counts.get(name, 0) + 1
            sums[name] = sums.get(name, 0) + event[value_field]
    return counts, sums


def tolerant(task: Task) -> Totals:
    """Count and add up, and skip what is no event."""
    counts: dict[str, int] = {}
    sums: dict[str, float] = {}
    loads = orjson.loads
    type_field, value_field = task.type_field, task.value_field
    with open(task.path, "rb") as file:
        for line in file:
            try:
                event = loads(line)
                name, value = event[type_field], event[value_field]
                sums[name] = sums.get(name, 0) + value
            except (ValueError, KeyError, TypeError):
                continue
            counts[name] = counts.get(name, 0) + 1
    return counts, sums


asked = read_task()
counted, added = tolerant(asked) if asked.tolerant else trusting(asked)
print_rows((name, count, added[name]) for name, count in counted.items())
