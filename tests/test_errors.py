"""`eventcli.errors`: the exit statuses are a promise to scripts, and every error that ends a run carries one."""

import importlib
import pkgutil
from collections.abc import Iterator

import click
import pytest

import eventcli
from eventcli import ExitCode, SavedError, shortage
from eventcli.errors import ExpectedError
from eventcli.interruption import SignalError
from eventcli.summary.account import AccountError


def test_the_exit_statuses_are_the_documented_ones() -> None:
    """The numbers that scripts test for are these and no others."""
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0,
        "DATA": 1,
        "USAGE": 2,
        "INCOMPLETE": 3,
        "OUTPUT": 4,
        "LEDGER": 5,
        "BUG": 70,
        "BUSY": 75,
        "INTERRUPTED": 130,
        "READER_GONE": 141,
        "TERMINATED": 143,
    }


def test_every_exit_status_has_a_meaning_of_its_own() -> None:
    """Each exit status is explained in words, and no two in the same ones."""
    meanings = [code.meaning for code in ExitCode]
    assert all(meanings)
    assert len(set(meanings)) == len(meanings)


def test_an_exit_status_fits_the_operating_system() -> None:
    """A status is a number of one byte, and no two outcomes share it."""
    assert all(isinstance(code, int) and 0 <= code < 256 for code in ExitCode)
    assert len({int(code) for code in ExitCode}) == len(ExitCode.__members__)


def _errors() -> Iterator[type[BaseException]]:
    """Yield every exception class of the package."""
    for module in pkgutil.walk_packages(eventcli.__path__, "eventcli."):
        if module.name in {"eventcli._kernel", "eventcli.__main__"}:
            continue
        try:
            found = list(vars(importlib.import_module(module.name)).values())
        except ModuleNotFoundError:
            continue  # an extra that is not installed here
        yield from (
            one
            for one in found
            if isinstance(one, type) and issubclass(one, BaseException) and one.__module__ == module.name
        )


HANDLED = ("eventcli.serve.", "eventcli.engines.", "eventcli.consume.broker", "eventcli.ledger.store.watch")
"""Modules whose errors are handled: a server answers with the statuses of HTTP, a consumer waits for its broker, an
engine tries again or cancels; what ends a run on one is an EngineError."""

ERRORS = sorted(_errors(), key=lambda error: error.__name__)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_error_has_its_exit_status_or_a_place_that_handles_it(error: type[BaseException]) -> None:
    """What ends a run says with which status; anything else is about one input or one argument, or a bug."""
    if issubclass(error, ExpectedError) and error is not ExpectedError:
        assert isinstance(error.status, ExitCode)
        return
    if error.__module__.startswith(HANDLED):
        return
    assert issubclass(error, (ExpectedError, OSError, ValueError, click.UsageError)) or error in {
        AccountError,
        SavedError,
        SignalError,
    }


def test_the_status_without_memory_is_a_documented_one() -> None:
    """What ends a run that cannot load the exit statuses is one of them."""
    assert int(ExitCode.INCOMPLETE) == shortage.STATUS
