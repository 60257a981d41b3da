"""The query for DuckDB, in Python and on its command line."""

from typing import Final

from task import Task

# Decimals and integers cost no more time than DOUBLE here, and their sums are exact. Only decimals of more than 15
# digits are read through a double.
_COLUMN: Final = {"cents": "DECIMAL(18, 2)", "integer": "BIGINT", "long": "DECIMAL(38, 9)"}


def query(task: Task) -> str:
    """Return the query that answers the task."""
    name, value = f'"{task.type_field}"', f'"{task.value_field}"'
    columns = f"{{{name}: 'VARCHAR', {value}: '{_COLUMN[task.number]}'}}"
    return (
        f"SELECT {name} AS type, count(*) AS count, sum({value}) AS sum"  # noqa: S608  # the fields are our own
        f" FROM read_json('{task.path}', format = 'newline_delimited', columns = {columns}"
        f", ignore_errors = {str(task.tolerant).lower()})"
        f" WHERE {name} IS NOT NULL AND {value} IS NOT NULL GROUP BY ALL"
    )
