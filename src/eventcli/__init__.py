r"""Exact count and sum per event type from newline-delimited JSON logs, every line accounted for.

>>> import io
>>> from eventcli import summarize
>>> summary = summarize(io.BytesIO(b'{"type":"sale","value":0.1}\n{"type":"sale","value":0.2}\nnot JSON\n'))
>>> summary["sale"].sum
Decimal('0.3')
>>> print(summary.account)
3 lines = 2 accepted + 1 rejected + 0 filtered + 0 blank (invalid_json 1)
"""

from eventcli.body import BodyError
from eventcli.event import Bucket, Event, Fields, Query, Reason, Reject, Timing
from eventcli.exits import ExitCode
from eventcli.parse import parse
from eventcli.pipeline import summarize
from eventcli.saved import SavedError, dump, load
from eventcli.summary import Account, Calendar, SourceReport, Status, Summary, TypeStats

__version__ = "0.1.0"

__all__ = [
    "Account",
    "BodyError",
    "Bucket",
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
