"""`engines.aside`: what waits for others can be given up."""

import threading
import time

import pytest

from eventcli.engines.aside import aside


def test_the_result_and_the_error_of_the_work_come_through() -> None:
    """It is as if the work were done here."""
    assert aside(lambda: 7, lambda: None) == 7
    with pytest.raises(ZeroDivisionError):
        aside(lambda: 1 // 0, lambda: None)


def test_an_error_of_the_pause_ends_the_wait() -> None:
    """Work that hangs is left alone."""
    release = threading.Event()
    begun = time.monotonic()

    def pause() -> None:
        raise KeyboardInterrupt

    try:
        with pytest.raises(KeyboardInterrupt):
            aside(lambda: release.wait(60), pause)
        assert time.monotonic() - begun < 30
    finally:
        release.set()
