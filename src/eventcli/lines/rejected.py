"""The record of a rejected line, as one JSON object on a line: written for repair, and read again for a replay."""

from typing import Any, NamedTuple

from eventcli.lines.event import Reason, Reject


class Repair(NamedTuple):
    """A repaired line: its stream and its offset there, the reason for the rejection, and the new line.

    `place` is where it was read, for messages.
    """

    stream: str
    offset: int
    reason: Reason
    raw: bytes
    place: str


def record(reject: Reject) -> bytes:
    """Return the record of a rejected line, from which the line can be repaired and replayed.

    `raw` is the line if it is UTF-8, else `raw_base64` is; neither is there if the line was too long to be held.
    """
    import orjson  # noqa: PLC0415  # keeps start-up fast for nearly all runs

    fields: dict[str, object] = {
        "source": reject.source,
        "line": reject.line,
        "offset": reject.offset,
        "length": reject.length,
        "reason": reject.reason,
        "message": reject.message,
    }
    if reject.stream:
        fields["stream"] = reject.stream
    if len(reject.raw) == reject.length:
        try:
            fields["raw"] = reject.raw.decode("utf-8")
        except UnicodeDecodeError:
            import base64  # noqa: PLC0415  # keeps start-up fast for nearly all runs

            fields["raw_base64"] = base64.b64encode(reject.raw).decode("ascii")
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


def repair(line: bytes, place: str) -> Repair:
    """Return the repair in a record; ValueError, TypeError, KeyError or RecursionError if there is none."""
    import json  # noqa: PLC0415  # keeps start-up fast for nearly all runs

    fields: Any = json.loads(line)
    if not isinstance(fields, dict):
        raise TypeError("not an object")
    if "raw" in fields:
        raw = fields["raw"].encode("utf-8") if isinstance(fields["raw"], str) else None
    elif "raw_base64" in fields:
        import base64  # noqa: PLC0415  # most records are text

        raw = base64.b64decode(fields["raw_base64"], validate=True)
    else:
        raise KeyError("raw")
    offset, stream = fields["offset"], fields["stream"]
    if raw is None or type(offset) is not int or offset < 0 or type(stream) is not str:
        raise TypeError("raw and stream are texts, offset is a number")
    return Repair(stream, offset, Reason(fields["reason"]), raw, place)
