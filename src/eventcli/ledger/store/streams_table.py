"""The tables of streams: what is known of each, its rejected lines by reason, and the position of a queue."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress

from eventcli.ledger.store import positions, schema
from eventcli.ledger.store.access import Access
from eventcli.ledger.store.connection import TOO_OLD, connect, errors
from eventcli.ledger.store.hold import LedgerError
from eventcli.ledger.store.schema import PRUNED
from eventcli.ledger.store.stream_rows import path_of, row_of, stream_of
from eventcli.ledger.streams.stream import Stream
from eventcli.lines.event import Reason
from eventcli.reading import deep
from eventcli.summary.account import Account
from eventcli.text import name_of


class StreamsTable(Access):
    """The streams of a ledger."""

    def streams(self) -> list[Stream]:
        """Return all streams except the pruned ones."""
        if self.is_new:
            return []
        rejected = self._rejected()
        with errors(self.path):
            places = positions.positions(self._connection)
        found = []
        for row in self._rows("SELECT * FROM streams NOT INDEXED WHERE id <> :pruned ORDER BY id", pruned=PRUNED):
            number = self._ids[row["key"]] = row["id"]
            try:
                stream = stream_of(dict(row), rejected.get(number, {}))
                stream.position = places.get(number)
                found.append(stream)
            except (ValueError, TypeError) as error:
                raise LedgerError(f"{name_of(self.path)}: {error}: {TOO_OLD}") from None
        return found

    def _rejected(self) -> dict[int, dict[Reason, int]]:
        """Return the number of rejected lines by stream and reason."""
        rejected: dict[int, dict[Reason, int]] = {}
        for row in self._rows("SELECT stream, reason, count FROM rejected"):
            rejected.setdefault(row["stream"], {})[self._reason(row["reason"])] = row["count"]
        return rejected

    def account(self) -> Account:
        """Return the account of all lines, with replayed lines under their new outcome."""
        sums = ", ".join(f"total({name}) AS {name}" for name in ("accepted", "filtered", "blank", "salvaged"))
        total = {name: int(number) for name, number in dict(next(self._rows(f"SELECT {sums} FROM streams"))).items()}  # noqa: S608  # constants
        rejected = {
            self._reason(row["reason"]): row["count"]
            for row in self._rows("SELECT reason, sum(count) AS count FROM rejected GROUP BY reason")
        }
        query = "SELECT reason, outcome, count(*) AS count FROM replayed GROUP BY reason, outcome"
        for row in self._rows(query):
            rejected[self._reason(row["reason"])] -= row["count"]
            total[row["outcome"]] += row["count"]
        accepted, filtered, blank, salvaged = total.values()
        lines = accepted + filtered + blank + sum(rejected.values())
        return Account(lines, accepted, rejected, filtered, blank, salvaged)

    def attributed(self) -> set[int]:
        """Return the ids of the streams whose whole contribution is kept apart."""
        return {row["id"] for row in self._rows("SELECT id FROM streams WHERE attributed")}

    def pruned_checksum(self) -> int:
        """Return the checksum of the contributions of pruned streams."""
        row = next(self._rows("SELECT checksum FROM streams WHERE id = :pruned", pruned=PRUNED))
        return int(row["checksum"], 16)

    def put_streams(self, streams: Iterable[Stream], now: str) -> None:
        """Write what is known of streams; `now` is the first-seen time of new ones."""
        for stream in streams:
            stream.first_seen = stream.first_seen or now
            stream.last_seen = stream.last_seen or now
            row = row_of(stream)
            if stream.is_new:
                names, values = ", ".join(f'"{name}"' for name in row), ", ".join(f":{name}" for name in row)
                query = f"INSERT INTO streams ({names}, attributed, proof) VALUES ({values}, 1, 0)"  # noqa: S608  # constants
                self._ids[stream.key] = self._connection.execute(query, row).lastrowid or 0
            else:
                assignments = ", ".join(f'"{name}" = :{name}' for name in row)
                query = f"UPDATE streams SET {assignments} WHERE id = :id"  # noqa: S608  # constants
                self._connection.execute(query, {**row, "id": self._ids[stream.key]})
            number = self._ids[stream.key]
            self._connection.execute(schema.sealing("streams", "id = :id"), {"id": number})
            self._connection.executemany(
                schema.insertion("rejected", "INSERT OR REPLACE"),
                [
                    {"stream": number, "reason": str(reason), "count": count}
                    for reason, count in stream.account.rejected.items()
                ],
            )
            if stream.position is not None:
                positions.put_position(self._connection, number, stream.position)


def source_of(path: str, device: int, inode: int) -> str | None:
    """Return where a ledger last saw a stream, if that is still the file with this device and inode.

    It takes no lock and does not check for damage: it is called before anything else is done.
    """
    with suppress(sqlite3.Error, OSError), closing(connect(path, "ro")) as connection:
        names = {"device": str(device), "inode": str(inode)}
        for row in connection.execute("SELECT path FROM streams WHERE device = :device AND inode = :inode", names):
            path = path_of(row["path"])
            status = deep.stat(path)
            if (status.st_dev, status.st_ino) == (device, inode):
                return path
    return None
