"""Reports bad lines and bad sources to people, on stderr."""

from eventcli.lines.event import Reject
from eventcli.summary.sources import SourceReport, Status
from eventcli.summary.summary import Summary
from eventcli.text import excerpt, printable


def of_reject(reject: Reject) -> str:
    """Return `FILE:LINE: code: message`, with the beginning of the line if there is one."""
    text = f"{printable(reject.source)}:{reject.line}: {reject.reason}: {reject.message}"
    return f"{text}: {excerpt(reject.raw)}" if reject.raw else text


def of_source(report: SourceReport) -> str:
    """Return `FILE: status: message` for a source that could not be read to its end."""
    text = f"{printable(report.name)}: {report.status}: {report.message}"
    if report.status is Status.MISSING or not report.lines:
        return text
    return f"{text} (after {report.lines} lines)"


def closing(summary: Summary) -> str | None:
    """Return the account as the closing line of a run, or None if no line was bad and no source incomplete."""
    account, is_complete = summary.account, summary.complete
    if not account.rejects and not account.salvaged and is_complete:
        return None
    return with_pending(summary) if is_complete else f"{with_pending(summary)}; incomplete"


def with_pending(summary: Summary) -> str:
    """Return the account, and how many last lines were left because they had no newline yet."""
    pending = sum(1 for source in summary.sources if source.pending)
    return f"{summary.account}; {pending} pending" if pending else str(summary.account)
