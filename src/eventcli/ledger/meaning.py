"""The settings that give the numbers of a ledger their meaning; fixed once something has been added."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from eventcli.errors import WrongUsageError
from eventcli.ledger.store.database import Database
from eventcli.ledger.store.hold import LedgerError
from eventcli.ledger.store.layout import SETTING, names_in
from eventcli.lines.query import MAX_TYPE_BYTES, MAX_TYPES, Fields, Query, Timing
from eventcli.reading.blocks import MAX_LINE
from eventcli.summary.aggregates.registry import AGGREGATES
from eventcli.text import name_of

GRANULARITIES: Final = ("minute", "hour", "day", "none")


class MeaningError(WrongUsageError, ValueError):
    """A request does not fit what is in the ledger; the message says why."""


_LATER: Final = frozenset({"time_format", "aggregates"})
"""Settings that ledgers of earlier versions lack; the defaults are what those versions did."""


class Meaning(NamedTuple):
    """The settings that give the numbers of a ledger their meaning; they are set when the ledger is created.

    A `value_field` of None counts events without values. `granularity` is the size of the stored buckets, in UTC.
    `aggregates` are the optional ones that are kept, separated by commas.
    """

    type_field: str = "type"
    value_field: str | None = "value"
    time_field: str = "occurred_at"
    default_value: str | None = None
    numeric_strings: bool = False
    salvage: bool = False
    input_tz: str = "UTC"
    granularity: str = "hour"
    max_types: int = MAX_TYPES
    max_type_bytes: int = MAX_TYPE_BYTES
    max_line: int = MAX_LINE
    time_format: str | None = None
    aggregates: str = ""

    @property
    def query(self) -> Query:
        """The query that says how to read a line."""
        timing = None
        if self.granularity != "none":
            timing = Timing(self.input_tz, by=self.granularity, optional=True, time_format=self.time_format)
        fields = Fields(self.type_field, self.value_field, self.time_field)
        most = self.max_types, self.max_type_bytes
        kept = names_in(self.aggregates)
        return Query(fields, None, self.default_value, self.numeric_strings, self.salvage, timing, *most, kept)


_LATER_SETTINGS: Final = {"max_type_bytes": MAX_TYPE_BYTES}
"""Settings that ledgers of earlier versions lack, and their meaning there."""


def meaning_of(database: Database, given: Mapping[str, Any]) -> Meaning:
    """Return the meaning of a ledger, or that of a new one; MeaningError if `given` contradicts it.

    While no line has ever been accepted, the numbers have no meaning yet, and `given` applies.
    """
    if database.is_new:
        return Meaning(**given)
    # Ledgers of earlier versions lack some of them.
    stored = _LATER_SETTINGS | database.settings()
    try:
        known_settings = [name for name in Meaning._fields if name in stored or name not in _LATER]
        meaning = Meaning(**{name: stored[name] for name in known_settings})  # type: ignore[arg-type]
    except KeyError as error:
        raise LedgerError(f"{name_of(database.path)}: damaged: no setting {error}") from None
    except TypeError as error:
        raise LedgerError(f"{name_of(database.path)}: damaged: {error}") from None
    if set(names_in(given.get(SETTING))) <= set(names_in(meaning.aggregates)):
        given = {name: value for name, value in given.items() if name != SETTING}
    if any(value != getattr(meaning, name) for name, value in given.items()) and not database.account().accepted:
        return meaning._replace(**given)
    check_kept(meaning, names_in(given.get(SETTING)))
    for name, value in given.items():
        known = getattr(meaning, name)
        if value != known:
            option = f"--{name.replace('_', '-')}"
            raise MeaningError(
                f"{option} {_shown(value)}: the ledger was begun with {option} {_shown(known)};"
                " numbers with different meanings cannot be added up: create a new ledger, or remove everything that"
                " was added with `eventstats forget`"
            )
    return meaning


def check_kept(meaning: Meaning, aggregates: Iterable[str]) -> None:
    """Raise MeaningError unless a ledger keeps these optional aggregates."""
    kept = names_in(meaning.aggregates)
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
