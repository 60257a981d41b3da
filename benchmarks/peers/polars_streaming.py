"""Polars: a lazy scan with an explicit schema, on the streaming engine.

It reads no decimals from JSON, so cents are added up as floats. `ignore_errors` covers values of a wrong type only: a
line that is not JSON ends the run.
"""

import sys

import polars as pl  # type: ignore[import-not-found, unused-ignore]  # a peer: not installed for development
from task import read_task

task = read_task()
name, value = pl.col(task.type_field), pl.col(task.value_field)
# The sum of 64-bit integers would wrap around.
schema = {task.type_field: pl.String, task.value_field: pl.Int128 if task.number == "integer" else pl.Float64}
(
    pl.scan_ndjson(task.path, schema=schema, ignore_errors=task.tolerant)
    .filter(name.is_not_null() & value.is_not_null())
    .group_by(name.alias("type"))
    .agg(pl.len().alias("count"), value.sum().cast(pl.String).alias("sum"))
    .collect(engine="streaming")
    .write_ndjson(sys.stdout.buffer)
)
