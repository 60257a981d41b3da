"""Results are delivered in input order, with absolute line numbers and offsets."""

from collections.abc import Callable
from typing import Final

from eventcli.lines.event import Reject
from eventcli.summary.sources import SourceReport

AHEAD: Final = 2
"""Results per thread that may wait for an earlier one before threads do: bounds the rejects held in memory."""

OnReject = Callable[[Reject], object]

OnProblem = Callable[[SourceReport], object]

OnRepeat = Callable[[str, str], object]
