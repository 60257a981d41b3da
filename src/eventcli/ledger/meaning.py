"""The settings that give the numbers of a ledger their meaning; fixed once something has been added."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, Self

from eventcli.errors import WrongUsageError
from eventcli.ledger.store.database import Database
from eventcli.ledger.store.hold import LedgerError
from eventcli.ledger.store.layout import SETTING, names_in
from eventcli.lines.query import MAX_TYPE_BYTES, Fields, Form, Query, Timing
from eventcli.reading.blocks import MAX_LINE
from eventcli.summary.aggregates.registry import AGGREGATES
from eventcli.text import name_of

GRANULARITIES: Final = ("minute", "hour", "day", "none")


class MeaningError(WrongUsageError, ValueError):
    """A request does not fit what is in the ledger; the message says why."""


_LATER: Final = frozenset({"time_format", "aggregates", *Form._fields})
"""Settings that ledgers of earlier versions lack; the defaults are what those versions did."""


class Meaning(NamedTuple):
    """What the numbers of a ledger mean; it is set when the ledger is created, and stored as settings by name.

    `lines` says how to read a line, always with `timing`. `granularity` is the size of the stored buckets, in UTC
    ("none": no times are kept).
    """

    lines: Query = Query(timing=Timing("UTC", optional=True))
    granularity: str = "hour"
    max_line: int = MAX_LINE

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """Return the meaning with these settings, and defaults for all others; ValueError if one is invalid."""
        known = {**cls().settings(), **settings}
        form = Form.saved({name: value for name, value in settings.items() if value is not None})
        if form.records is not None and "framing" not in settings:
            form = form._replace(framing="json")
        fields = Fields(known["type_field"], known["value_field"], known["time_field"])
        timing = Timing(known["input_tz"], optional=True, time_format=known["time_format"])
        own = {name: known[name] for name in _OF_QUERY}
        query = Query(fields, timing=timing, aggregates=names_in(known[SETTING]), form=form, **own)
        return cls(query, known["granularity"], known["max_line"])

    def settings(self) -> dict[str, Any]:
        """Return all settings by name, which are also those of the options.

        Of the form, only those that are not the default: earlier versions have none.
        """
        timing = self.lines.timing
        assert timing is not None  # see `of`
        return {
            "type_field": self.lines.fields.type,
            "value_field": self.lines.fields.value,
            "time_field": self.lines.fields.time,
            **{name: getattr(self.lines, name) for name in _OF_QUERY},
            "input_tz": timing.input_zone,
            "time_format": timing.time_format,
            SETTING: ",".join(self.lines.aggregates),
            "granularity": self.granularity,
            "max_line": self.max_line,
            **self.lines.form.settings(),
        }

    @property
    def query(self) -> Query:
        """The query that says how to read a line, with the buckets of the ledger."""
        if self.granularity == "none":
            return self.lines._replace(timing=None)
        assert self.lines.timing is not None  # see `of`
        return self.lines._replace(timing=self.lines.timing._replace(by=self.granularity))


_OF_QUERY: Final = ("default_value", "numeric_strings", "salvage", "max_types", "max_type_bytes")
"""Settings that have the name of their field of the query."""

SETTINGS: Final = (*Meaning().settings(), *Form._fields)
"""The names of all settings."""

_LATER_SETTINGS: Final = {"max_type_bytes": MAX_TYPE_BYTES}
"""Settings that ledgers of earlier versions lack, and their meaning there."""


def meaning_of(database: Database, given: Mapping[str, Any]) -> Meaning:
    """Return the meaning of a ledger, or that of a new one; MeaningError if `given` contradicts it.

    While no line has ever been accepted, the numbers have no meaning yet, and `given` applies.
    """
    if database.is_new:
        return _of(given)
    # Ledgers of earlier versions lack some of them.
    stored = _LATER_SETTINGS | database.settings()
    try:
        meaning = Meaning.of({name: stored[name] for name in SETTINGS if name in stored or name not in _LATER})
    except KeyError as error:
        raise LedgerError(f"{name_of(database.path)}: damaged: no setting {error}") from None
    except (TypeError, ValueError) as error:
        raise LedgerError(f"{name_of(database.path)}: damaged: {error}") from None
    known = {**meaning.lines.form._asdict(), **meaning.settings()}
    if given.get("records") is not None:
        given = {"framing": "json", **given}
    if set(names_in(given.get(SETTING))) <= set(meaning.lines.aggregates):
        given = {name: value for name, value in given.items() if name != SETTING}
    if any(value != known[name] for name, value in given.items()) and not database.account().accepted:
        return _of({**known, **given})
    check_kept(meaning, names_in(given.get(SETTING)))
    for name, value in given.items():
        if value != known[name]:
            option = f"--{name.replace('_', '-')}"
            raise MeaningError(
                f"{option} {_shown(value)}: the ledger was begun with {option} {_shown(known[name])};"
                " numbers with different meanings cannot be added up: create a new ledger, or remove everything that"
                " was added with `eventstats forget`"
            )
    return meaning


def _of(given: Mapping[str, Any]) -> Meaning:
    try:
        return Meaning.of(given)
    except ValueError as error:
        raise MeaningError(str(error)) from None


def check_kept(meaning: Meaning, aggregates: Iterable[str]) -> None:
    """Raise MeaningError unless a ledger keeps these optional aggregates."""
    kept = meaning.lines.aggregates
    for one in AGGREGATES:
        if one.name in aggregates and one.name not in kept:
            raise MeaningError(
                f"--stats {' or '.join(one.columns)}: the ledger was begun without it, and what it keeps of the values"
                " that were added is not enough to work it out: begin a new ledger with it, or take out all that was"
                " added with `eventstats forget`"
            )


def _shown(value: object) -> str:
    return (
        {None: "none", True: "on", False: "off"}.get(value, str(value))
        if isinstance(value, bool | None)
        else str(value)
    )
