"""Recovers the event that is certain to end a damaged line, if there is one."""

import re

from eventcli.lines import grammar
from eventcli.lines.event import Event
from eventcli.lines.parse import judge
from eventcli.lines.query import Query


def salvage(line: bytes, query: Query) -> Event | None:
    r"""Return the event that is certain to end a damaged line, or None.

    A crash leaves NUL bytes, or the head of a record, or both, before a whole record. The head is an array or object
    that was cut off, from the beginning of the line on. The whole record begins where the torn one cannot contain an
    object. Text that quotes an event, an object within the torn one, or a second whole record is not certain.

    >>> salvage(b'\x00\x00{"type":"a","value":1}', Query())
    Event(type='a', value=Decimal('1'), integral=True, time=None)
    >>> salvage(b'{"type":"a","va{"type":"b","value":2}', Query()).type
    'b'
    >>> salvage(b'could not store {"type":"b","value":2}', Query())
    """
    start = line.rfind(b"\0") + 1
    for piece in re.finditer(rb"[^\0]++", line[:start]):
        if not (grammar.is_torn(piece[0]) or not piece[0].strip(grammar.WHITE_SPACE)):
            return None
    if not start or not _is_whole(line[start:]):
        torn = grammar.torn_at(line[start:])
        if torn is None:
            return None
        start += torn
    outcome = judge(line[start:], query)
    return outcome if isinstance(outcome, Event) else None


def _is_whole(record: bytes) -> bool:
    return record.lstrip(grammar.WHITE_SPACE)[:1] == b"{" and grammar.is_json(record)
