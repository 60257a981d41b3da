"""The tables of rejects: lines that are kept for repair, and those that were repaired."""

from collections.abc import Iterable, Iterator
from typing import Final

from eventcli.ledger.store import schema
from eventcli.ledger.store.access import Access
from eventcli.ledger.store.records import KeptReject, Replayed
from eventcli.ledger.store.stream_rows import path_of
from eventcli.lines.event import Reason
from eventcli.text import name_of

REJECT_COST: Final = 64
"""Approximate overhead of a kept reject, in bytes, beyond its line."""


class RejectsTable(Access):
    """Rejected lines, kept and repaired."""

    def rejects(self) -> Iterator[tuple[str, KeptReject]]:
        """Yield the stream's path and the reject for every kept reject."""
        query = (
            'SELECT path, key, rejects."offset", line, length, reason, raw FROM rejects'
            ' JOIN streams ON streams.id = stream ORDER BY stream, rejects."offset"'
        )
        for row in self._rows(query):
            reason = self._reason(row["reason"])
            one = KeptReject(row["key"], row["offset"], row["line"], row["length"], reason, row["raw"])
            yield name_of(path_of(row["path"])), one

    def kept(self) -> int:
        """Return the approximate size of the kept rejects in bytes."""
        query = "SELECT total(length(raw) + :cost) AS size FROM rejects"
        return int(next(self._rows(query, cost=REJECT_COST))["size"])

    def reject_at(self, stream: int, offset: int) -> Reason | None:
        """Return the reason of the kept reject at an offset."""
        query = 'SELECT reason FROM rejects WHERE stream = :stream AND "offset" = :offset'
        row = next(self._rows(query, stream=stream, offset=offset), None)
        return self._reason(row["reason"]) if row else None

    def unkept(self, stream: int, reason: Reason) -> int:
        """Return how many rejects of a stream were neither kept nor replayed."""
        query = (
            "SELECT total(count) - (SELECT count(*) FROM rejects WHERE stream = :stream AND reason = :reason)"
            " - (SELECT count(*) FROM replayed WHERE stream = :stream AND reason = :reason) AS number"
            " FROM rejected WHERE stream = :stream AND reason = :reason"
        )
        return int(next(self._rows(query, stream=stream, reason=str(reason)))["number"])

    def is_replayed(self, stream: int, offset: int) -> bool:
        """Whether the reject at an offset was repaired before."""
        query = 'SELECT 1 FROM replayed WHERE stream = :stream AND "offset" = :offset'
        return next(self._rows(query, stream=stream, offset=offset), None) is not None

    def replays(self) -> Iterator[Replayed]:
        """Yield all repaired rejects."""
        for row in self._rows('SELECT stream, "offset", reason, outcome, type, start, value, integral FROM replayed'):
            one = Replayed(**dict(row))
            integral = None if one.integral is None else bool(one.integral)
            yield one._replace(reason=self._reason(one.reason), integral=integral)

    def put_rejects(self, rejects: Iterable[KeptReject]) -> None:
        """Store rejected lines."""
        self._connection.executemany(
            schema.insertion("rejects", "INSERT OR REPLACE"),
            [{**one._asdict(), "stream": self._ids[one.stream], "reason": str(one.reason)} for one in rejects],
        )

    def put_replayed(self, one: Replayed, now: str) -> None:
        """Turn a reject into its repaired line."""
        self._connection.execute(
            schema.insertion("replayed"),
            {**one._asdict(), "reason": str(one.reason), "replayed_at": now},
        )
        names = {"stream": one.stream, "offset": one.offset}
        self._connection.execute('DELETE FROM rejects WHERE stream = :stream AND "offset" = :offset', names)
