"""The content of one transaction of a ledger: what streams added, their positions, rejects and discontinuities."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from eventcli.ledger.store.database import Database
from eventcli.ledger.store.records import Discontinuity, KeptReject
from eventcli.ledger.store.rows import Gathered, Row, by_type
from eventcli.ledger.streams.stream import Stream
from eventcli.ledger.totals import Types
from eventcli.summary.stats import add_all

if TYPE_CHECKING:
    from eventcli.ledger.store.positions import Key


class Batch:
    """What has been read since the last transaction. Each begins with an empty one."""

    def __init__(self) -> None:
        """Begin empty."""
        self.bytes = 0
        self.streams: dict[str, Stream] = {}
        """The streams to write, by key."""
        self.rejects: list[KeptReject] = []
        self.losses: list[tuple[Stream, Discontinuity]] = []
        self.found: list[Stream] = []
        """Streams that were lost, and are there again."""
        self.messages: dict[str, set[Key]] = {}
        """The keys of the messages that count from now on, by stream."""
        self.forgettable: dict[str, int] = {}
        """The first day whose keys are still needed, by stream."""
        self._rows: dict[str, Gathered] = {}

    def note(self, stream: Stream) -> None:
        """Write this stream."""
        self.streams[stream.key] = stream

    def add(self, stream: Stream, rows: Sequence[Row], rejects: Sequence[KeptReject]) -> None:
        """Add what a step of a stream added."""
        self.note(stream)
        self.rejects += rejects
        self._rows.setdefault(stream.key, Gathered()).add(rows)

    def add_to(self, types: Types) -> Types:
        """Return these stats together with those of the batch."""
        types = dict(types)
        for gathered in self._rows.values():
            add_all(types, by_type(gathered.rows()))
        return types

    def write(self, database: Database, moment: str) -> None:
        """Write everything, within a transaction."""
        database.put_streams(self.streams.values(), moment)
        database.add_totals_of((key, gathered.rows()) for key, gathered in self._rows.items())
        database.put_rejects(self.rejects)
        for stream, one in self.losses:
            database.put_discontinuity(stream.key, one)
        for stream in self.found:
            database.settle_discontinuities(moment, stream.key)
        for key, messages in self.messages.items():
            database.messages.put(key, messages)
        for key, day in self.forgettable.items():
            database.messages.drop(key, day)
