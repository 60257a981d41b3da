"""The records of a ledger: settings, runs, kept rejects, repairs, discontinuities."""

from datetime import UTC, datetime
from typing import NamedTuple

from eventcli.lines.event import Reason


def now() -> str:
    """Return the present moment as a ledger writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class Setting(NamedTuple):
    """Something that gives the numbers of a ledger their meaning, and its value as text (None: none)."""

    name: str
    value: str | None


class Run(NamedTuple):
    """What came of one run: its beginning (RFC 3339), its length in seconds, bytes, lines by outcome, exit status."""

    started_at: str
    seconds: float
    bytes: int
    accepted: int
    rejected: int
    filtered: int
    blank: int
    pending: int
    discontinuities: int
    status: int | None


class KeptReject(NamedTuple):
    """A rejected line that is kept for repair; `stream` is a key."""

    stream: str
    offset: int
    line: int
    length: int
    reason: Reason
    raw: bytes


class Replayed(NamedTuple):
    """A reject that was repaired: what it was, and the event that it became (None: a blank line)."""

    stream: int
    offset: int
    reason: Reason
    outcome: str
    type: str | None
    start: str | None
    value: str | None
    integral: bool | None


class Discontinuity(NamedTuple):
    """What is not certain of a stream; `settled` is when that was found again, or taken note of.

    Of `kind` LOST, what followed `offset` was not found; of kind DOUBT, it is not known whether it was to be counted.
    """

    name: str
    offset: int
    noticed_at: str
    message: str
    settled: str
    kind: str
