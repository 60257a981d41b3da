"""A question about the totals, as the parameters of a URL put it: the options of `eventstats totals`."""

import re
from typing import Any, Final, NamedTuple

from eventcli.errors import GapsError
from eventcli.ledger import answers
from eventcli.ledger.answers import Answer, Wanted
from eventcli.ledger.store.database import Database
from eventcli.ledger.totals import end
from eventcli.lines import times, windows, zones
from eventcli.lines.query import UNITS, Timing, unit_of
from eventcli.reporting.columns import DEFAULT_STATS, OTHER_LABEL, Stat
from eventcli.reporting.formats import FORMATS
from eventcli.summary import gaps
from eventcli.summary.sources import Status

BOUND: Final = (
    r"^(now|today|yesterday|[1-9][0-9]{0,2}[smhdw]|0|[1-9][0-9]{8,9}|20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
    r"(T([01][0-9]|2[0-3]):00:00(Z|[+-]0[0-9]:00)?)?)$"
)
"""What bounds are written like; many other spellings are understood."""

_MOST_ROWS: Final = 50_000
"""Rows that --gaps may fill in: a million, as on the command line, take half a minute."""

LONGEST: Final = 8192
"""Maximum characters of a question: no URL is longer."""


def _sizes() -> tuple[str, ...]:
    found = dict.fromkeys(UNITS)
    for unit in "smhd":
        for number in range(1, 60):
            try:
                unit_of(f"{number}{unit}")
            except ValueError:
                continue
            found[f"{number}{unit}"] = None
    return tuple(found)


SIZES: Final = _sizes()
"""All sizes of buckets."""


class QuestionError(ValueError):
    """The parameters make no question; the message says why."""


class ContradictionError(QuestionError):
    """Each parameter means something, and together they mean nothing."""


class Question(NamedTuple):
    """A question about the totals; every field is as it was written."""

    types: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    by: str | None = None
    tz: str | None = None
    gaps: bool = False
    stats: tuple[Stat, ...] = DEFAULT_STATS

    @property
    def timing(self) -> Timing | None:
        """The window and the buckets as of now. Raises QuestionError."""
        options: dict[str, Any] = {
            "since": self.since,
            "until": self.until,
            "by": self.by,
            "tz": self.tz,
            "gaps": self.gaps,
        }
        try:
            return windows.timing_of(options)
        except ValueError as error:
            kind = ContradictionError if isinstance(error, windows.ContradictionError) else QuestionError
            raise kind(without_dashes(str(error))) from None

    def answer(self, database: Database, *, is_checked: bool = False) -> Answer:
        """Return the answer of a ledger. With `is_checked`, all rows were proved before."""
        wanted = Wanted(self.types or None, self.timing, (self.since, self.until), self.stats, further=())
        return answers.answer(database, wanted, is_checked=is_checked)


class Rendered(NamedTuple):
    """The bytes of an answer, and in words what is missing from it."""

    body: bytes
    missing: tuple[str, ...] = ()


def render(database: Database, question: Question) -> Rendered:
    """Return the very bytes that `eventstats totals --format json` prints."""
    summary, _, timing = question.answer(database)
    if question.gaps and timing is not None:
        _check_gaps(timing, len(set(question.types).union(*summary.buckets.values())))
        summary = gaps.fill(summary, timing, question.types or None)
    missing = [f"{one.name}: {one.message}" for one in summary.sources if one.status is not Status.COMPLETE]
    return Rendered(FORMATS["json"](summary, question.stats, OTHER_LABEL), tuple(missing))


def _check_gaps(timing: Timing, types: int) -> None:
    """Raise GapsError if a window has so many buckets that all others would wait for this answer."""
    if timing.by is None or timing.since is None or timing.until is None:
        return
    size = end(times.Buckets(timing.by, timing.zone), timing.since // zones.NANOS) - timing.since // zones.NANOS
    if (timing.until - timing.since) // zones.NANOS // max(1, size) * types > _MOST_ROWS:
        raise GapsError(f"more than {_MOST_ROWS:,} rows, most of them empty, would be printed")


def stats_of(text: str) -> tuple[Stat, ...]:
    """Return the statistics in a list separated by commas. Raises QuestionError."""
    try:
        found = tuple(Stat(name.strip()) for name in text.split(","))
    except ValueError:
        raise QuestionError(f"stats: {text!r} is no list of {', '.join(Stat)}") from None
    return tuple(dict.fromkeys(found))


def without_dashes(text: str) -> str:
    """Return a message about options in the words of parameters.

    >>> without_dashes("--since: '1' is no time")
    "since: '1' is no time"
    """
    return re.sub(r"(?<![\w-])--(?=[a-z])", "", text)
