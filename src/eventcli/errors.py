"""The exit statuses of `eventstats`, and the errors that end a run with one of them.

Every error that users can cause or cure is an `ExpectedError`, wherever in the package it is defined, and carries its
status. `cli.failures` turns them into words and an exit status; nothing else maps errors to numbers. Any other
exception that ends a run is a bug, unless the machine lacks something (see `shortage`).
"""

from enum import IntEnum
from typing import ClassVar, Self

from eventcli import shortage


class ExitCode(IntEnum):
    """How a run ended; `meaning` describes it."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        """Attach the meaning to the number."""
        code = int.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code

    OK = 0, "every input was read to its end; rejected lines are within the budget"
    DATA = 1, "--strict met a bad line, --max-rejects was passed, or every non-blank line was rejected"
    USAGE = 2, "wrong usage: nothing was read"
    INCOMPLETE = (
        shortage.STATUS,
        (
            "an input was missing, unreadable, truncated or damaged; the rest was summarised and printed;"
            " or memory, threads or open files ran out, or a cluster failed, and nothing was printed"
        ),
    )
    OUTPUT = (
        4,
        (
            "output could not be written; an earlier file at --output is untouched, and so is a ledger unless a"
            " message says otherwise"
        ),
    )
    LEDGER = 5, "the file is a damaged ledger, none at all, or written by a later version; it is untouched"
    BUG = 70, "a bug in eventstats; --debug shows where"
    BUSY = 75, "another run or program holds the ledger: nothing was read; try again later, or with --wait"
    INTERRUPTED = 130, "SIGINT: totals so far on stderr, marked partial; stdout is empty"
    READER_GONE = 141, "the reader of stdout went away"
    TERMINATED = 143, "SIGTERM: nothing is printed"


class ExpectedError(Exception):
    """An error that users can cause or cure: it ends a run with a message and an exit status."""

    status: ClassVar[ExitCode]

    def words(self) -> str:
        """Return the message of the run; empty if nobody is left to read it."""
        return str(self)


class WrongUsageError(ExpectedError):
    """The command was used wrongly; the message names what is wrong, and the help of the command is mentioned."""

    status = ExitCode.USAGE


class OutputError(ExpectedError):
    """Output could not be written; the message names the file and the reason."""

    status = ExitCode.OUTPUT

    def __init__(self, name: str, error: OSError) -> None:
        """Name what could not be written, and why."""
        super().__init__(f"{name}: cannot be written: {error.strerror or error}")


class ReaderGoneError(ExpectedError):
    """The reader of standard output is gone."""

    status = ExitCode.READER_GONE


class GapsError(ExpectedError):
    """There are too many empty buckets."""

    status = ExitCode.DATA

    def words(self) -> str:
        """Return the message of the run."""
        return f"no result: {self} (--since and --until bound them)"


class LostError(ExpectedError, OSError):
    """A lease was lost while its lines were folded, so they may have changed meanwhile."""

    status = ExitCode.INCOMPLETE

    def words(self) -> str:
        """Return the message of the run."""
        return f"no result: {self}"
