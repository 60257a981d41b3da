"""The records of a ledger: settings, runs, kept rejects, repairs, discontinuities."""

from datetime import UTC, datetime
from typing import NamedTuple

from eventcli.lines.event import Reason


def now() -> str:
    """Return the current time in the format of a ledger."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class Setting(NamedTuple):
    """A setting that gives the numbers of a ledger their meaning, and its value as text (None: none)."""

    name: str
    value: str | None


class Run(NamedTuple):
    """The record of one run: its start (RFC 3339), its duration in seconds, bytes, lines by outcome, exit status."""

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
    """A repaired reject: what it was, and the event it became (None: a blank line)."""

    stream: int
    offset: int
    reason: Reason
    outcome: str
    type: str | None
    start: str | None
    value: str | None
    integral: bool | None


class Discontinuity(NamedTuple):
    """An uncertainty about a stream; `settled` is when the data was found again or the entry was acknowledged.

    If `kind` is LOST, the data after `offset` was not found. If it is DOUBT, it is unknown whether that data should
    count.
    """

    name: str
    offset: int
    noticed_at: str
    message: str
    settled: str
    kind: str
