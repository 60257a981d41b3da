"""`eventcli.cli.failures`: each error ends in one line and in its own exit status."""

import errno

import click
import pytest

from eventcli import BodyError, ExitCode
from eventcli.cli.failures import report, status_of
from eventcli.errors import GapsError, LostError, OutputError, ReaderGoneError
from eventcli.interruption import SignalError
from eventcli.ledger.meaning import MeaningError
from eventcli.ledger.store.hold import BusyError, LedgerError
from eventcli.reporting.columns import UnknownStatError

FULL = OSError(errno.ENOSPC, "No space left on device")
FILES = OSError(errno.EMFILE, "Too many open files")


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (BodyError("no such body"), ExitCode.USAGE, "no such body"),
        (MeaningError("other settings"), ExitCode.USAGE, "other settings (see eventstats ingest --help)"),
        (click.UsageError("no such option"), ExitCode.USAGE, "no such option (see eventstats ingest --help)"),
        (UnknownStatError("min"), ExitCode.USAGE, "--stats min: an input holds no min; merge saved summaries (--save)"),
        (GapsError("many rows"), ExitCode.DATA, "no result: many rows (--since and --until bound them)"),
        (LostError("a.log changed"), ExitCode.INCOMPLETE, "no result: a.log changed"),
        (OutputError("out", FULL), ExitCode.OUTPUT, "out: cannot be written: No space left on device"),
        (LedgerError("damaged"), ExitCode.LEDGER, "damaged"),
        (BusyError("held"), ExitCode.BUSY, "held"),
        (MemoryError(), ExitCode.INCOMPLETE, "no result: out of memory"),
        (FILES, ExitCode.INCOMPLETE, "no result: too many open files for one process (`ulimit -n` raises the limit)"),
        (FULL, ExitCode.BUG, "internal error: OSError: [Errno 28] No space left on device (--debug shows where)"),
    ],
    ids=lambda part: type(part).__name__ if isinstance(part, Exception) else "",
)
def test_an_error_ends_in_a_line_and_its_status(
    error: Exception, status: ExitCode, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line on stderr says what happened, and the exit status is that of the error."""
    assert report(error, "eventstats ingest") == status_of(error) == status
    assert capsys.readouterr().err == f"eventstats: {line}\n"


def test_without_a_reader_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """A reader that went away asked for no message."""
    assert report(ReaderGoneError()) == ExitCode.READER_GONE
    assert capsys.readouterr().err == ""


def test_signals_have_the_status_that_shells_report() -> None:
    """The status that a ledger keeps of an interrupted run is the one that its caller saw."""
    assert status_of(KeyboardInterrupt()) == status_of(SignalError(2)) == ExitCode.INTERRUPTED
    assert status_of(SignalError(15)) == ExitCode.TERMINATED


def test_debug_shows_where_a_bug_is(capsys: pytest.CaptureFixture[str]) -> None:
    """The traceback comes before the line, and only for a bug."""
    with pytest.raises(RuntimeError) as raised:
        raise RuntimeError("as never before")
    assert report(raised.value, debug=True) == ExitCode.BUG
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first.startswith("Traceback")
    assert last == "eventstats: internal error: RuntimeError: as never before (--debug shows where)"
    assert report(LedgerError("damaged"), debug=True) == ExitCode.LEDGER
    assert capsys.readouterr().err == "eventstats: damaged\n"
