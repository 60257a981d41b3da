"""`eventcli.engines.stopping`: a fold ends early when its engine says that nobody wants the result."""

import threading

import pytest

from eventcli.engines import stopping


def test_a_fold_is_not_stopped_unless_an_engine_says_so() -> None:
    """Outside an engine, and while the result is wanted, the check passes."""
    stopping.check()
    with stopping.stopping_if(lambda: False):
        stopping.check()


def test_a_fold_stops_when_nobody_wants_its_result() -> None:
    """The check raises as soon as the engine says so, and no longer after the fold."""
    answers = iter([False, True])
    with stopping.stopping_if(lambda: next(answers)):
        stopping.check()
        with pytest.raises(stopping.StoppedError):
            stopping.check()
    stopping.check()


def test_a_fold_does_not_stop_those_on_other_threads() -> None:
    """Folds on other threads of the worker go on."""
    raised: list[BaseException] = []

    def other() -> None:
        try:
            stopping.check()
        except stopping.StoppedError as error:
            raised.append(error)

    with stopping.stopping_if(lambda: True):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert not raised
