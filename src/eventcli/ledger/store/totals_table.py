"""The tables of totals: what each stream added, by type and bucket, and by bucket alone beyond the limit of types."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from eventcli.ledger.store import layout, schema
from eventcli.ledger.store.access import Access
from eventcli.ledger.store.connection import errors
from eventcli.ledger.store.hold import LedgerError
from eventcli.ledger.store.layout import Kept
from eventcli.ledger.store.rows import Row
from eventcli.ledger.store.schema import PRUNED
from eventcli.summary.stats import TypeStats
from eventcli.text import name_of

_AT_ONCE: Final = 100
"""Rows per INSERT statement, which takes a quarter less time than one statement each."""

_TYPES: Final = """
    types (type) AS (
        SELECT min(type) FROM totals
        UNION ALL SELECT (SELECT min(type) FROM totals WHERE type > types.type) FROM types WHERE type NOT NULL
    )"""
"""All types, found by a look for each, for queries that then look at the starts of each.

Cells are in the order of types, then of starts: that takes the place of reading all of them.
"""


class TotalsTable(Access):
    """The rows of totals."""

    _kept: Kept | None = None

    @property
    def kept_aggregates(self) -> Kept:
        """The names of the optional aggregates in the tables of totals."""
        if self._kept is None:
            with errors(self.path):
                self._kept = layout.kept_in(self._connection)
        return self._kept

    def check_totals(self) -> None:
        """Raise LedgerError unless all rows of totals are as written and match the event counts of the streams."""
        with errors(self.path):
            fault = schema.fault_of_totals(self._connection)
        if fault:
            raise LedgerError(f"{name_of(self.path)}: damaged: {fault}")

    def has_times(self) -> bool:
        """Whether any event has a time."""
        queries = (f"SELECT 1 FROM {table} WHERE start > '' LIMIT 1" for table in schema.TOTALS)  # noqa: S608
        return any(next(self._rows(query), None) for query in queries)

    def timeless(self, types: tuple[str, ...] | None) -> int:
        """Return how many events of these types (None: all) have no usable time."""
        if types is None:
            query = (
                "SELECT (SELECT total(count) FROM totals WHERE start = '') + total(count) AS events FROM other_totals"
            )
            return int(next(self._rows(f"{query} WHERE start = ''"))["events"])
        with errors(self.path):
            self._want("names", "number", [(one, 0) for one in types])
        query = "SELECT total(count) AS events FROM totals WHERE start = '' AND type IN (SELECT start FROM names)"
        return int(next(self._rows(query))["events"])

    def starts(self, types: tuple[str, ...] | None = None) -> list[str]:
        """Return the starts of all buckets, or of those in which there are these types."""
        query = "SELECT DISTINCT start FROM totals UNION SELECT start FROM other_totals"
        if types is not None:
            with errors(self.path):
                self._want("names", "number", [(one, 0) for one in types])
            query = "SELECT DISTINCT start FROM totals WHERE type IN (SELECT start FROM names)"
        return [start for (start,) in self._rows(query)]

    def last_start(self) -> str:
        """Return the start of the last bucket; empty if there is none."""
        query = f"""
            WITH RECURSIVE {_TYPES}
            SELECT max(start) AS start FROM (
                SELECT (SELECT max(start) FROM totals WHERE totals.type = types.type) AS start FROM types
                UNION ALL SELECT max(start) FROM other_totals
            )"""  # noqa: S608  # constants
        return str(next(self._rows(query))["start"] or "")

    def events_since(self, first: str) -> list[tuple[str, int]]:
        """Return the number of events in each bucket from a start on, in order."""
        query = f"""
            WITH RECURSIVE {_TYPES}
            SELECT start, sum(count) AS events FROM (
                SELECT start, count FROM types CROSS JOIN totals ON totals.type = types.type AND start >= :first
                UNION ALL SELECT start, count FROM other_totals WHERE start >= :first
            ) GROUP BY start ORDER BY start"""  # noqa: S608  # constants
        return [(row["start"], int(row["events"])) for row in self._rows(query, first=first)]

    def totals(
        self,
        buckets: Mapping[str, int] | None,
        types: tuple[str, ...] | None,
        *,
        aggregates: Collection[str] | None = None,
    ) -> Iterator[tuple[int, str, TypeStats]]:
        """Yield the number that `buckets` assigns to the start, the type and the stats of the cells of these buckets.

        `buckets` of None means all, with the number 0. `aggregates` are those to read (None: all): without min and max,
        that takes half the time.
        """
        yield from self._totals("totals", "type", buckets, types, aggregates=aggregates)

    def other_totals(
        self, buckets: Mapping[str, int] | None, *, aggregates: Collection[str] | None = None
    ) -> Iterator[tuple[int, TypeStats]]:
        """Yield the same for all types beyond the limit, which share one row."""
        for number, _, stats in self._totals("other_totals", "''", buckets, None, aggregates=aggregates):
            yield number, stats

    def _totals(
        self,
        table: str,
        name: str,
        buckets: Mapping[str, int] | None,
        types: tuple[str, ...] | None,
        *,
        aggregates: Collection[str] | None,
    ) -> Iterator[tuple[int, str, TypeStats]]:
        """Add up the cells that go into one bucket: SQLite joins the numbers, and they are added in one step here."""
        number, join, where = "0", "", ""
        with errors(self.path):
            if buckets is not None:
                self._want("starts", "number", buckets.items())
                number, join = "starts.number", "CROSS JOIN starts USING (start)"
            if types is not None:
                self._want("names", "number", [(one, 0) for one in types])
                where = f"WHERE {name} IN (SELECT start FROM names)"  # noqa: S608  # a constant
            chosen, columns = layout.sums(self.kept_aggregates, aggregates)
            states_of = layout.gathering(chosen)
            rows = self._tuples(
                f"SELECT {name}, {number}, count(*), {columns} FROM {table} {join} {where}"  # noqa: S608  # constants
                f" GROUP BY {name}{'' if buckets is None else f', {number}'}"
            )
            for row in rows:
                if row[2]:
                    yield row[1], row[0], TypeStats.of(states_of(row[3:]))

    def _want(self, table: str, number: str, rows: Iterable[tuple[str, int]]) -> None:
        """Store the requested values in a temporary table of this connection."""
        self._connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS {table} (start TEXT PRIMARY KEY, {number} INTEGER)")
        self._connection.execute(f"DELETE FROM {table}")  # noqa: S608  # constants
        self._connection.executemany(f"INSERT OR IGNORE INTO {table} VALUES (?, ?)", rows)  # noqa: S608  # constants

    def rows(self) -> Iterator[Row]:
        """Yield all rows; rows that several streams added to come one by one."""
        for _, row in self.rows_of_streams():
            yield row

    def rows_of_streams(self, numbers: Iterable[int] | None = None) -> Iterator[tuple[int, Row]]:
        """Yield the stream id and the row for all streams, or for these."""
        states = layout.selection(self.kept_aggregates)
        where = "" if numbers is None else f"WHERE stream IN ({', '.join(f'{number:d}' for number in numbers)})"
        for query in (
            f"SELECT stream, type, start, {states} FROM totals",  # noqa: S608  # constants
            f"SELECT stream, NULL, start, {states} FROM other_totals",  # noqa: S608  # constants
        ):
            for row in self._tuples(f"{query} {where}"):
                yield row[0], row[1:]

    def add_totals(self, rows: Iterable[Row], stream: str | int = PRUNED) -> None:
        """Add rows to those with the same types and starts that a stream, given by key or id, added before."""
        self.add_totals_of([(stream, rows)])

    def add_totals_of(self, parts: Iterable[tuple[str | int, Iterable[Row]]]) -> None:
        """Add the rows of many streams."""
        own: list[tuple[object, ...]] = []
        other: list[tuple[object, ...]] = []
        kept = self.kept_aggregates
        are_whole = layout.are_whole(kept)
        for stream, rows in parts:
            number = self._ids[stream] if isinstance(stream, str) else stream
            for type_, start, *every in rows:
                states = every if are_whole else layout.states_of(every, kept)
                if type_ is None:
                    other.append((start, number, *states))
                    continue
                own.append((type_, start, number, *states))
                if len(own) == _AT_ONCE:
                    self._add("totals", own)
                    own.clear()
        self._add("totals", own)
        for row in other:
            self._add("other_totals", [row])

    def _add(self, table: str, rows: Sequence[tuple[object, ...]]) -> None:
        keys = "type, start, stream" if table == "totals" else "start, stream"
        kept = self.kept_aggregates
        names = ", ".join(schema.columns(table, kept))
        merges, row_proof = layout.merges(kept), schema.proof(table, kept=kept)
        # Nothing is added to a row that is not as it was written: no number would prove the sum.
        proof = f"CASE WHEN proof = {row_proof} THEN {schema.proof(table, merges, kept)} END"
        assignments = ", ".join(f"{name} = {value}" for name, value in merges.items())
        if not rows:
            return
        given = ", ".join(f"column{number} AS {name}" for number, name in enumerate(schema.columns(table, kept), 1))
        values = ", ".join([f"({', '.join('?' * len(rows[0]))})"] * len(rows))
        self._connection.execute(
            f"INSERT INTO {table} ({names}, proof) SELECT *, {row_proof} FROM"  # noqa: S608  # constants
            f" (SELECT {given} FROM (VALUES {values})) WHERE true"
            f" ON CONFLICT ({keys}) DO UPDATE SET {assignments}, proof = {proof}",
            list(chain.from_iterable(rows)),
        )
