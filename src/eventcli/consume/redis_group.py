"""A stream of Redis through a consumer group: Redis delivers each entry to one consumer until it is acknowledged.

The group remembers in the server what it delivered. A consumer that was killed gets its own entries again, and takes
over those of others that have not been acknowledged for a while. All of that delivers entries more than once, so the
ledger holds the id of each entry that counts, for as long as the stream has entries of that day.
"""

import json
import socket
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from eventcli.consume.broker import DAY, AbsentError, BrokerError, Delivery, Loss
from eventcli.consume.redis_client import Connection, checked, fields_of, id_of, is_absent, is_groupless
from eventcli.consume.redis_entries import Entry, Sizes, day_of, message_of

_AT_ONCE: Final = 1000
"""Entries that are acknowledged at a time."""

_BEGINNING: Final = "0-0"

_PAUSE: Final = 0.05
"""Seconds between two looks at what cannot be waited for."""

_NEW: Final = """
local function of(answer, name)
  for at = 1, #answer, 2 do
    if answer[at] == name then return answer[at + 1] end
  end
  return false
end
local function less(one, other)
  local a, b = string.match(one, '^(%d+)-(%d+)$')
  local c, d = string.match(other, '^(%d+)-(%d+)$')
  if #a ~= #c then return #a < #c end
  if a ~= c then return a < c end
  if #b ~= #d then return #b < #d end
  return b < d
end
if redis.call('EXISTS', KEYS[1]) == 0 then return {'absent'} end
local stream = redis.call('XINFO', 'STREAM', KEYS[1])
local group = false
for _, one in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  if of(one, 'name') == ARGV[1] then group = one end
end
local added, first = of(stream, 'entries-added'), of(stream, 'first-entry')
local dropped = added - of(stream, 'length')
first = first and first[1] or ''
if added < tonumber(ARGV[4]) then return {'back', added, dropped, first} end
if not group then return {'groupless', added, dropped, first} end
local last, read = of(group, 'last-delivered-id'), of(group, 'entries-read')
local is_unread = less(last, of(stream, 'last-generated-id'))
if is_unread and (first == '' or less(last, first)) then
  if read and dropped > read then return {'dropped', added, dropped, first, last, dropped - read} end
  if not read and last ~= '0-0' then return {'dropped', added, dropped, first, last, -1} end
end
local got = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', ARGV[3], 'STREAMS', KEYS[1], '>')
return {'entries', added, dropped, first, last, got and got[1][2] or {}}
"""
"""Delivers new entries, unless there is something that must be in the ledger first."""

_SKIP: Final = """
for _, one in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  if one[2] == ARGV[1] then
    for at = 1, #one, 2 do
      if one[at] == 'last-delivered-id' and one[at + 1] == ARGV[2] then
        redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], ARGV[2], 'ENTRIESREAD', ARGV[3])
      end
    end
  end
end
return 0
"""
"""Lets a group count entries that were dropped as read: earlier releases of Redis 7 do not."""


class Place(NamedTuple):
    """What the ledger holds of a group besides the ids of entries.

    `times` counts how often the stream went back or was recreated. `dropped` is up to which number entries are known to
    have been dropped, `added` how many there ever were, `last` the last id, and `start` the id before the first one.
    """

    times: int = 0
    dropped: int = 0
    added: int = 0
    last: str = _BEGINNING
    start: str = _BEGINNING

    @classmethod
    def of(cls, text: str) -> "Place":
        """Return the place in a position of the ledger."""
        return cls(*json.loads(text)) if text else cls()

    def text(self) -> str:
        """Return the place as a position of the ledger."""
        return json.dumps(self, separators=(",", ":"))


class Membership(NamedTuple):
    """A group, a consumer of it (None: the host), and the seconds after which it takes over what others have."""

    group: str
    consumer: str | None
    claim: int


class Group:
    """A consumer of a group."""

    def __init__(
        self, connection: Connection, stream: str, field: str, membership: Membership, *, from_end: bool
    ) -> None:
        """With `from_end`, a group that the ledger does not know gets no entry that is there already."""
        self._connection = connection
        self._key, self._group = stream, membership.group
        self._field = field.encode()
        self._consumer = membership.consumer or socket.gethostname() or "eventstats"
        self._claim = membership.claim
        self._from_end = from_end
        self._place: Place | None = None
        self._reading = _Reading()
        self._sizes = Sizes()
        self.name = connection.name(stream=stream, group=membership.group)

    def begin(self, position: str) -> None:
        """Go on with what the ledger holds; what is not acknowledged is delivered again."""
        self._place = Place.of(position) if position else None
        self._reading = _Reading()

    def receive(self, most: int, seconds: float) -> Delivery | None:
        """Return entries that were delivered before, or new ones."""
        reading, count = self._reading, self._sizes.count(most)
        if self._place is None:
            return self._join()
        if reading.unrecorded is not None:
            time.sleep(min(seconds, _PAUSE))
            return None
        if reading.own is not None and (delivery := self._of_own(reading, self._place, count)) is not None:
            return delivery
        is_due = time.monotonic() - reading.claimed_at >= self._claim / 2
        if is_due and (delivery := self._of_others(reading, self._place, count)) is not None:
            return delivery
        return self._new(reading, self._place, count, seconds)

    def _join(self) -> Delivery:
        """Begin with a group that the ledger does not know; make it if it does not exist."""
        (about,) = self._connection.together(("XINFO", "STREAM", self._key))
        if is_absent(about):
            raise AbsentError("there is no such stream")
        fields = fields_of(checked(about))
        if "entries-added" not in fields:
            raise BrokerError("Redis 7 or later is needed: earlier ones do not tell how many entries they dropped")
        added, last = int(fields["entries-added"]), fields["last-generated-id"].decode()
        start = last if self._from_end else _BEGINNING
        dropped = added if self._from_end else added - int(fields["length"])
        self._make(start, dropped)
        self._place = Place(0, dropped, added, last, start)
        return Delivery((), None, self._place.text())

    def _make(self, start: str, number: int) -> None:
        try:
            self._connection.command("XGROUP", "CREATE", self._key, self._group, start, "ENTRIESREAD", number)
        except BrokerError as error:
            if "BUSYGROUP" not in str(error):
                raise

    def _of_own(self, reading: "_Reading", place: Place, count: int) -> Delivery | None:
        """Return what was delivered to this consumer and not acknowledged."""
        words = ("XREADGROUP", "GROUP", self._group, self._consumer, "COUNT", count, "STREAMS", self._key, reading.own)
        (answer,) = self._connection.together(words)
        if is_groupless(answer):
            reading.own = None
            return None
        found = checked(answer)
        entries = found[0][1] if found else []
        reading.own = entries[-1][0].decode() if entries else None
        return self._delivery(place, entries) if entries else None

    def _of_others(self, reading: "_Reading", place: Place, count: int) -> Delivery | None:
        """Return what others got and have not acknowledged for a while."""
        words = ("XAUTOCLAIM", self._key, self._group, self._consumer, self._claim * 1000, reading.claim_from)
        (answer,) = self._connection.together((*words, "COUNT", count))
        if is_groupless(answer) or is_absent(answer):
            reading.claimed_at = time.monotonic()
            return None
        reading.claim_from, entries, *more = checked(answer)
        gone = more[0] if more else []
        if reading.claim_from == b"0-0":
            reading.claimed_at = time.monotonic()
        return self._delivery(place, [*entries, *([one, None] for one in gone)]) if entries or gone else None

    def _new(self, reading: "_Reading", place: Place, count: int, seconds: float) -> Delivery | None:
        """Return entries that nobody got yet."""
        answer = self._connection.command("EVAL", _NEW, 1, self._key, self._group, self._consumer, count, place.added)
        kind, added, dropped, first, *rest = (*answer, *([0] * 4))[: max(4, len(answer))]
        if kind == b"absent":
            return self._absent(place, seconds)
        if kind == b"entries":
            last, entries = rest
            if not entries:
                self._wait(last.decode(), seconds)
                return None
            self._place = place._replace(added=max(added, place.added), last=entries[-1][0].decode())
            return self._delivery(self._place, entries, id_of(first)[0] // DAY - 1 if first else None)
        if kind == b"dropped":
            last, lost = rest
            losses = _losses(lost, dropped - place.dropped, last.decode())
            self._place = place._replace(dropped=max(dropped, place.dropped), added=added)
            delivery = Delivery((), None, self._place.text(), losses)
            reading.unrecorded = (delivery, last, dropped)
            return delivery
        self._make(place.start, dropped)
        reading.own = _BEGINNING
        is_other = kind == b"back" and (not first or id_of(first) > id_of(place.last))
        if place.added < 0:
            losses = []
        elif is_other:
            losses = [Loss(f"the stream was recreated: what the former one held after {place.last} may be lost")]
        elif kind == b"back":
            losses = [
                Loss(
                    f"the stream no longer has entries up to {place.last} that were read (was the server restarted"
                    " without its last ones?): they are counted, and count again if they are added again",
                    is_doubt=True,
                )
            ]
        else:
            losses = [
                Loss(
                    "the group is no longer there, and was made again: entries may have been dropped meanwhile",
                    is_doubt=True,
                )
            ]
        start = _BEGINNING if is_other else place.start
        self._place = Place(place.times + 1, dropped, added, place.last, start)
        return Delivery((), None, self._place.text(), losses)

    def _absent(self, place: Place, seconds: float) -> Delivery | None:
        if place.added < 0:
            time.sleep(min(seconds, _PAUSE))
            return None
        self._place = Place(place.times + 1, 0, -1, place.last, place.start)
        loss = Loss(f"the stream is no longer there: what it held after {place.last} may be lost")
        return Delivery((), None, self._place.text(), [loss])

    def _wait(self, last: str, seconds: float) -> None:
        self._connection.wait(self._key, last, seconds)

    def _delivery(self, place: Place, entries: Sequence[Entry], forgettable: int | None = None) -> Delivery:
        start = id_of(place.start)
        wanted = [entry for entry in entries if id_of(entry[0]) > start]
        messages = [message_of(entry, self._field, key=entry[0].decode()) for entry in wanted if entry[1] is not None]
        gone = [(day_of(entry), entry[0].decode()) for entry in wanted if entry[1] is None]
        size = self._sizes.note(messages)
        return Delivery(messages, None, place.text(), gone=gone, forgettable=forgettable, size=size)

    def later(self, position: str, other: str) -> str:
        """Return the later one of two places."""
        return max(position, other, key=lambda text: Place.of(text)[:3] if text else (-1, 0, 0))

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge entries; from now on only another group gets them."""
        reading = self._reading
        if reading.unrecorded is not None and any(one is reading.unrecorded[0] for one in deliveries):
            _, last, dropped = reading.unrecorded
            self._connection.command("EVAL", _SKIP, 1, self._key, self._group, last, dropped)
            reading.unrecorded = None
        ids = [message.receipt for delivery in deliveries for message in delivery.messages]
        ids += [id_ for delivery in deliveries for _, id_ in delivery.gone]
        for start in range(0, len(ids), _AT_ONCE):
            self._connection.command("XACK", self._key, self._group, *ids[start : start + _AT_ONCE])

    def is_empty(self) -> bool:
        """Whether no consumer of the group has anything left."""
        about, groups = self._connection.together(("XINFO", "STREAM", self._key), ("XINFO", "GROUPS", self._key))
        if is_absent(about):
            return True
        last = fields_of(checked(about))["last-entry"]
        own = [group for group in map(fields_of, checked(groups)) if group["name"].decode() == self._group]
        if not own or own[0]["pending"]:
            return False
        return not last or id_of(own[0]["last-delivered-id"]) >= id_of(last[0])

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class _Reading:
    """How far a consumer is with what was delivered before."""

    def __init__(self) -> None:
        self.own: str | None = _BEGINNING
        """The last id of what this consumer had before, as long as there is more of it."""
        self.claim_from: Any = _BEGINNING
        self.claimed_at = 0.0
        self.unrecorded: tuple[Delivery, bytes, int] | None = None
        """A loss that is not in the ledger yet, and the place of the group."""


def _losses(lost: int, unknown: int, last: str) -> list[Loss]:
    """Return how many entries were dropped unread: `lost` (-1: nobody knows), but no more than are not known yet."""
    if unknown <= 0:
        return []
    if lost < 0:
        return [Loss(f"entries after {last} may have been dropped before anybody read them", is_doubt=True)]
    count = min(lost, unknown)
    what = "1 entry was" if count == 1 else f"{count} entries were"
    return [Loss(f"{what} dropped from the stream after {last}, before anybody read them")]
