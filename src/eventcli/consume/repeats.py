"""Events that a producer sent again: recognised by a field of the event itself, whatever message they come in."""

import json
from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from eventcli.consume.broker import Message
from eventcli.ledger.recorder import Recorder
from eventcli.ledger.streams.stream import Stream
from eventcli.lines import paths
from eventcli.lines.event import Event
from eventcli.lines.grammar import loads
from eventcli.lines.parse import is_blank, judge
from eventcli.lines.query import Query

if TYPE_CHECKING:
    from eventcli.ledger.store.positions import Key

_LONGEST: Final = 64
"""Characters of an id that are kept as they are; of a longer one, a hash is."""


class Ids:
    """The field that identifies an event, and for how many days its values are kept."""

    def __init__(self, field: str, days: int) -> None:
        """Take a key, a dotted path or a JSON Pointer. PathError if it is none."""
        paths.parts(field)
        self._field = field
        self.days = days

    def without_repeats(
        self, recorder: Recorder, stream: Stream, messages: Sequence[Message], query: Query
    ) -> tuple[list[bytes], int]:
        """Return the bodies with a blank line for each event that is counted already, and how many those are.

        The others are noted. A line that is no event, or that has no id, is left as it is.
        """
        bodies = [message.body.removesuffix(b"\n").split(b"\n") for message in messages]
        found: list[tuple[int, int, str]] = []
        for number, lines in enumerate(bodies):
            found += [(number, at, text) for at, line in enumerate(lines) if (text := self._id(line, query))]
        first = min((message.day for message in messages), default=0) - self.days
        known = recorder.counted_texts(stream, first, list({text for _, _, text in found}))
        keys: set[Key] = set()
        repeats = 0
        for number, at, text in found:
            if text in known:
                bodies[number][at] = b""
                repeats += 1
            else:
                known.add(text)
                keys.add((messages[number].day, text))
        recorder.note_messages(stream, keys)
        return [b"\n".join(lines) + b"\n" for lines in bodies], repeats

    def _id(self, line: bytes, query: Query) -> str:
        """Return the id of an event as a key, which no key of a message equals; empty if there is none."""
        if is_blank(line) or not isinstance(judge(line, query), Event):
            return ""
        value: Any = paths.find(loads(line), self._field)
        if type(value) not in (str, int, float) or value == "":
            return ""
        text = f"={json.dumps(value, ensure_ascii=False)}"
        return text if len(text) <= _LONGEST else f"=#{blake2b(text.encode(), digest_size=24).hexdigest()}"
