"""The meaning of one line: the query, the event, the parser, exact numbers, times."""

from typing import TYPE_CHECKING

from eventcli.door import door

if TYPE_CHECKING:
    from eventcli.lines import bounds, clock, parse, rejected, salvage, spellings, timeformats, times, zones

__all__ = ["bounds", "clock", "parse", "rejected", "salvage", "spellings", "timeformats", "times", "zones"]

if not TYPE_CHECKING:
    __getattr__ = door(__name__, __all__)
