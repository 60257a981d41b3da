"""chDB, which is ClickHouse in a process: the file function with an explicit structure, on all cores.

Where bad lines are to be skipped, lines are read as text and looked into with JSONExtract. The setting made for this,
`input_format_allow_errors_ratio`, is asked for with one more argument, `allow_errors`: it adds values of some lines to
the types of others.
"""

import sys

import chdb  # type: ignore[import-not-found, unused-ignore]  # a peer: not installed for development
from task import read_task

allow_errors = sys.argv.pop() if sys.argv[-1] == "allow_errors" else None
task = read_task()
number = {"cents": "Decimal(18, 2)", "integer": "Int64", "long": "Decimal(76, 9)"}[task.number]
# The sum of 64-bit integers would wrap around.
total = "sum(toInt128(value))" if task.number == "integer" else "sum(value)"
if task.tolerant and not allow_errors:
    fields = f"Tuple(`{task.type_field}` Nullable(String), `{task.value_field}` Nullable({number}))"
    table = (
        f"SELECT event.1 AS type, event.2 AS value FROM (SELECT JSONExtract(line, '{fields}') AS event"  # noqa: S608
        f" FROM file('{task.path}', LineAsString, 'line String')) WHERE isNotNull(type) AND isNotNull(value)"
    )
else:
    table = (
        f"SELECT `{task.type_field}` AS type, `{task.value_field}` AS value"  # noqa: S608
        f" FROM file('{task.path}', JSONEachRow, '`{task.type_field}` String, `{task.value_field}` {number}')"
    )
settings = " SETTINGS input_format_allow_errors_num = 1000000000, input_format_allow_errors_ratio = 1"
answer = chdb.query(
    f"SELECT type, count() AS count, {total} AS sum FROM ({table}) GROUP BY type"  # noqa: S608
    + (settings if allow_errors else ""),
    "JSONEachRow",
)
sys.stdout.write(str(answer))
