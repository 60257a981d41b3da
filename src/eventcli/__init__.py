r"""Exact count and sum per event type from newline-delimited JSON logs, every line accounted for.

>>> import io
>>> from eventcli import summarize
>>> summary = summarize(io.BytesIO(b'{"type":"sale","value":0.1}\n{"type":"sale","value":0.2}\nnot JSON\n'))
>>> summary["sale"].sum
Decimal('0.3')
>>> print(summary.account)
3 lines = 2 accepted + 1 rejected + 0 filtered + 0 blank (invalid_json 1)
"""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eventcli.body import BodyError
    from eventcli.errors import ExitCode
    from eventcli.lines.event import Event, Reason, Reject
    from eventcli.lines.parse import parse
    from eventcli.lines.query import Bucket, Calendar, Fields, Query, Timing
    from eventcli.pipeline.summarize import summarize
    from eventcli.reading.portions import ByteRange
    from eventcli.summary.account import Account
    from eventcli.summary.saved import SavedError, dump, load
    from eventcli.summary.sources import SourceReport, Status
    from eventcli.summary.stats import TypeStats
    from eventcli.summary.summary import Summary

__version__ = "0.1.0"

__all__ = [
    "Account",
    "BodyError",
    "Bucket",
    "ByteRange",
    "Calendar",
    "Event",
    "ExitCode",
    "Fields",
    "Query",
    "Reason",
    "Reject",
    "SavedError",
    "SourceReport",
    "Status",
    "Summary",
    "Timing",
    "TypeStats",
    "dump",
    "load",
    "parse",
    "summarize",
]

_HOMES = {
    "body": ["BodyError"],
    "errors": ["ExitCode"],
    "lines.event": ["Event", "Reason", "Reject"],
    "lines.parse": ["parse"],
    "lines.query": ["Bucket", "Calendar", "Fields", "Query", "Timing"],
    "pipeline.summarize": ["summarize"],
    "reading.portions": ["ByteRange"],
    "summary.account": ["Account"],
    "summary.saved": ["SavedError", "dump", "load"],
    "summary.sources": ["SourceReport", "Status"],
    "summary.stats": ["TypeStats"],
    "summary.summary": ["Summary"],
}
"""The module of each public name. It is loaded with the name: the command line needs few of them."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        for home, names in _HOMES.items():
            if name in names:
                __import__(f"eventcli.{home}")
                value = globals()[name] = getattr(sys.modules[f"eventcli.{home}"], name)
                return value
        raise AttributeError(f"module 'eventcli' has no attribute {name!r}", name=name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
