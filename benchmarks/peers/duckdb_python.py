"""DuckDB in Python: explicit columns, order of insertion not kept, as its performance guide has it."""

import duckdb  # type: ignore[import-not-found, unused-ignore]  # a peer: not installed for development
from duckdb_query import query
from task import read_task

connection = duckdb.connect()
connection.execute("SET preserve_insertion_order = false")
# Written by DuckDB itself: turning 100,000 rows into Python objects would be held against it.
connection.execute(f"COPY ({query(read_task())}) TO '/dev/stdout' (FORMAT json)")
