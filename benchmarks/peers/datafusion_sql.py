"""DataFusion: a registered file with an explicit schema, and SQL. It has no option to skip bad lines."""

import pyarrow as pa  # type: ignore[import-not-found, unused-ignore]  # a peer: not installed for development
from datafusion import SessionContext  # type: ignore[import-not-found, unused-ignore]  # likewise
from task import print_rows, read_task

task = read_task()
# The sum of 64-bit integers would wrap around.
numbers = {"cents": pa.decimal128(18, 2), "integer": pa.decimal128(20, 0), "long": pa.decimal128(38, 9)}
schema = pa.schema([(task.type_field, pa.string()), (task.value_field, numbers[task.number])])
context = SessionContext()
context.register_json("events", task.path, schema=schema, file_extension=".jsonl")
table = context.sql(
    f'SELECT "{task.type_field}" AS type, count(*) AS count, sum("{task.value_field}") AS sum'  # noqa: S608
    f' FROM events GROUP BY "{task.type_field}"'
).to_arrow_table()
print_rows(zip(*(column.to_pylist() for column in table.columns), strict=True))
