"""What a request may meet, as a status and a sentence for whoever sent it."""

from typing import Final, NamedTuple

from eventcli.errors import GapsError, OutputError
from eventcli.ledger.meaning import MeaningError
from eventcli.ledger.store.hold import BusyError, LedgerError
from eventcli.ledger.store.watch import AbsentError
from eventcli.serve.questions import ContradictionError, QuestionError, without_dashes

RETRY: Final = 1
"""Seconds after which a client should try again what met a busy ledger."""


class Problem(NamedTuple):
    """An HTTP status and a sentence; `retry` is for Retry-After, in seconds."""

    status: int
    detail: str
    retry: int | None = None


class RefusedError(Exception):
    """A request was refused."""

    def __init__(self, status: int, detail: str, retry: int | None = None) -> None:
        """Record the status and the sentence."""
        super().__init__(detail)
        self.problem = Problem(status, detail, retry)


EXPECTED: Final = (
    RefusedError,
    QuestionError,
    MeaningError,
    GapsError,
    AbsentError,
    BusyError,
    LedgerError,
    OutputError,
    OSError,
)
"""The failures that are no bug of the server."""


def problem_of(error: Exception) -> Problem:
    """Return the problem that an expected error is."""
    if isinstance(error, RefusedError):
        return error.problem
    if isinstance(error, ContradictionError):
        return Problem(409, str(error))
    if isinstance(error, QuestionError):
        return Problem(422, str(error))
    if isinstance(error, GapsError):
        return Problem(409, f"{error} (since and until bound them)")
    if isinstance(error, MeaningError):
        return Problem(409, without_dashes(str(error)))
    if isinstance(error, BusyError):
        return Problem(503, "another program holds the ledger: try again", RETRY)
    if isinstance(error, OSError) and not isinstance(error, AbsentError):
        return Problem(503, f"the ledger cannot be read: {error.strerror or error}", RETRY)
    return Problem(503, str(error), RETRY)
