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
from eventcli.errors import ExitCode
from eventcli.lines.event import Event, Reason, Reject
from eventcli.lines.parse import parse
from eventcli.lines.query import Bucket, Calendar, Fields, Query, Timing
from eventcli.pipeline.summarize import summarize
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
