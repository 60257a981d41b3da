"""PyArrow: its threaded JSON reader with an explicit schema and larger blocks, then group_by.

It has no option to skip bad lines.
"""

import sys
from importlib.abc import MetaPathFinder
from typing import Any

from task import print_rows, read_task


class _NoPandas(MetaPathFinder):
    """Hides pandas, which some other peer brings along: PyArrow imports it if it can, and needs half a second."""

    def find_spec(self, fullname: str, *_: Any) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname, name=fullname)


sys.meta_path.insert(0, _NoPandas())

import pyarrow as pa  # type: ignore[import-not-found, unused-ignore]  # noqa: E402  # a peer; and see above
import pyarrow.json as pj  # type: ignore[import-not-found, unused-ignore]  # noqa: E402

task = read_task()
# The sum of 64-bit integers would wrap around.
numbers = {"cents": pa.decimal128(18, 2), "integer": pa.decimal128(20, 0), "long": pa.decimal128(38, 9)}
schema = pa.schema([(task.type_field, pa.string()), (task.value_field, numbers[task.number])])
events = pj.read_json(
    task.path,
    read_options=pj.ReadOptions(use_threads=True, block_size=4 << 20),
    parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
)
groups = events.group_by(task.type_field).aggregate([(task.value_field, "count"), (task.value_field, "sum")])
print_rows(zip(*(column.to_pylist() for column in groups.columns), strict=True))
