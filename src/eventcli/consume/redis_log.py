"""A stream of Redis as a log: the position is the id of the last entry, and no group keeps state in the server.

Redis deletes entries without a word (MAXLEN, XTRIM, XDEL), and a server that was killed may come back without its last
seconds. What it keeps is the number of entries that were ever added. So the position also holds how many of them are
read or known to be lost, and the fingerprints of some entries, from the last one back at growing distances: they prove
that a stream is still the one that was read.
"""

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from eventcli.consume.broker import AbsentError, BrokerError, Delivery, Loss
from eventcli.consume.redis_client import Connection, Id, checked, fields_of, id_of, is_absent, text_of
from eventcli.consume.redis_entries import Entry, Sizes, messages_of, proof_of

_BEGINNING: Final = "0-0"

_MARKS: Final = 24
"""Fingerprints that a position holds at most."""


class Mark(NamedTuple):
    """An entry that was read: its id, how many had been added up to it, and its fingerprint."""

    id: str
    number: int
    proof: str


class Place(NamedTuple):
    """A position: the last id, how many entries were added up to it, marks from the newest on, whether it is gone."""

    id: str = _BEGINNING
    number: int = 0
    marks: tuple[Mark, ...] = ()
    is_gone: bool = False

    @classmethod
    def of(cls, text: str) -> "Place":
        """Return the place in a position of the ledger."""
        id_, number, marks, is_gone = json.loads(text)
        return cls(id_, number, tuple(Mark(*mark) for mark in marks), is_gone)

    def text(self) -> str:
        """Return the place as a position of the ledger."""
        return json.dumps(self, separators=(",", ":"))

    def behind(self, entries: Sequence[Entry], number: int) -> "Place":
        """Return the place after some entries, with marks for the last ones, and ever fewer of those further back."""
        distances = [distance for distance in (0, *(1 << power for power in range(20))) if distance < len(entries)]
        recent = [(entries[-1 - distance], number - distance) for distance in distances]
        marks = [Mark(entry[0].decode(), place, proof_of(entry)) for entry, place in recent]
        kept: dict[int, Mark] = {}
        for mark in (*marks, *self.marks):
            kept.setdefault(max(0, number - mark.number).bit_length(), mark)
        return Place(marks[0].id, number, tuple(kept.values())[:_MARKS])


class Seen(NamedTuple):
    """A stream at one moment: entries after a position, and numbers about all of it."""

    added: int
    length: int
    first: Id | None
    last: Id
    entries: Sequence[Entry]
    is_all: bool
    """Whether these are all entries after the position."""

    def rest(self, place: Place) -> int | None:
        """Return how many entries are after a place; None if that is not known."""
        if self.is_all:
            return len(self.entries)
        return self.length if self.first is None or self.first > id_of(place.id) else None


class Log:
    """A stream, read from the position that the ledger holds."""

    def __init__(self, connection: Connection, stream: str, field: str, *, from_end: bool) -> None:
        """With `from_end`, a stream that the ledger does not know is read from its end on."""
        self._connection = connection
        self._key = stream
        self._field = field.encode()
        self._from_end = from_end
        self._before = ""
        self._sizes = Sizes()
        self.name = connection.name(stream=stream)

    def begin(self, position: str) -> None:
        """Go on from a position."""
        self._before = position

    def receive(self, most: int, seconds: float) -> Delivery | None:
        """Return the entries after the position."""
        place = Place.of(self._before) if self._before else Place()
        seen = self._look(place, self._sizes.count(most))
        if seen is None:
            return self._absent(place, seconds)
        losses: list[Loss] = []
        if not self._before:
            # Nobody asked for entries that were dropped before the first run.
            place = Place(number=seen.added - seen.length)
            if self._from_end:
                return self._delivery(Place(text_of(seen.last), seen.added), seen._replace(entries=()), losses)
        elif not self._is_proved(place):
            place, seen = self._doubted(place, seen, losses)
        place, lost = _counted(place, seen)
        if lost < 0 and not losses:
            losses.append(_went_back(place))
        elif lost > 0:
            losses.append(Loss(f"{_entries(lost)} dropped from the stream after {place.id}, before anybody read them"))
        if not seen.entries and not losses and self._before:
            self._wait(place, seconds)
            return None
        return self._delivery(place, seen, losses)

    def _delivery(self, place: Place, seen: Seen, losses: Sequence[Loss]) -> Delivery:
        messages = messages_of(seen.entries, self._field)
        size = self._sizes.note(messages)
        if seen.entries:
            place = place.behind(seen.entries, place.number + len(seen.entries))
        before, self._before = self._before, place.text()
        return Delivery(messages, before, self._before, losses, size=size)

    def _look(self, place: Place, count: int) -> Seen | None:
        """Return the stream as it is now; None if there is none."""
        about, entries = self._connection.together(
            ("XINFO", "STREAM", self._key), ("XRANGE", self._key, f"({place.id}", "+", "COUNT", count)
        )
        if is_absent(about):
            return None
        fields = fields_of(checked(about))
        if "entries-added" not in fields:
            raise BrokerError("Redis 7 or later is needed: earlier ones do not tell how many entries they dropped")
        first = fields["first-entry"]
        entries = checked(entries)
        return Seen(
            int(fields["entries-added"]),
            int(fields["length"]),
            id_of(first[0]) if first else None,
            id_of(fields["last-generated-id"]),
            entries,
            len(entries) < count,
        )

    def _absent(self, place: Place, seconds: float) -> Delivery | None:
        if not self._before:
            raise AbsentError("there is no such stream")
        if place.is_gone:
            self._wait(place, seconds)
            return None
        before, self._before = self._before, place._replace(is_gone=True).text()
        loss = Loss(f"the stream is no longer there: what it held after {place.id} may be lost")
        return Delivery((), before, self._before, [loss])

    def _is_proved(self, place: Place) -> bool:
        """Whether the last entry that was read is still there, so that the stream is the same, and not trimmed."""
        return not place.is_gone and bool(place.marks) and self._is_there(place.marks[:1]) == [True]

    def _is_there(self, marks: Sequence[Mark]) -> list[bool | None]:
        """Return for each mark whether its entry is there; None if there is none with its id, False if another is."""
        answers = self._connection.together(*(("XRANGE", self._key, mark.id, mark.id) for mark in marks))
        found: list[Any] = [checked(answer) for answer in answers]
        return [
            proof_of(entries[0]) == mark.proof if entries else None for entries, mark in zip(found, marks, strict=True)
        ]

    def _doubted(self, place: Place, seen: Seen, losses: list[Loss]) -> tuple[Place, Seen]:
        """Find out what became of a stream in which the last entry that was read is not there any more."""
        there = self._is_there(place.marks) if place.marks else []
        rest = seen.rest(place)
        is_back = seen.last < id_of(place.id) or seen.added < place.number
        is_impossible = seen.added - place.number < (len(seen.entries) if rest is None else rest)
        # The ids of a stream that was recreated begin where those of the former one ended.
        is_later = seen.first is None or seen.first > id_of(place.id)
        if False in there or (True not in there and is_later and (place.is_gone or is_back or is_impossible)):
            if not place.is_gone:
                losses.append(Loss(f"the stream was recreated: what the former one held after {place.id} may be lost"))
            again = self._look(Place(), self._sizes.count(len(seen.entries) or 1)) or seen
            return Place(number=again.added - again.length), again
        if is_back or is_impossible:
            losses.append(_went_back(place))
            last = min(seen.last, id_of(place.id))
            return Place(text_of(last), seen.added - (rest or len(seen.entries)), place.marks), seen
        return place._replace(is_gone=False), seen

    def _wait(self, place: Place, seconds: float) -> None:
        """Wait for an entry after a place."""
        self._connection.wait(self._key, place.id, seconds)

    def later(self, position: str, other: str) -> str:
        """Return the other one: this queue has positions."""
        return other or position

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Do nothing: the ledger alone holds the position."""

    def is_empty(self) -> bool:
        """Whether there was nothing after the position."""
        return True

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _counted(place: Place, seen: Seen) -> tuple[Place, int]:
    """Return the place with the number of entries before those that were seen, and how many of them were never read.

    It is negative if there are fewer than were read: the server lost some, and has others since.
    """
    rest = seen.rest(place)
    if rest is None:
        return place, 0
    return place._replace(number=seen.added - rest), seen.added - place.number - rest


def _went_back(place: Place) -> Loss:
    return Loss(
        f"the stream no longer has entries up to {place.id} that were read (was the server restarted without them?):"
        " they are counted, and count again if they are added again",
        is_doubt=True,
    )


def _entries(count: int) -> str:
    return "1 entry was" if count == 1 else f"{count} entries were"
