"""`eventcli.reading.remote.requests`: what is waited for, and for how long; `test_remote.py` has the servers."""

import pytest

from eventcli.reading.remote.requests import Deadline, LateError, RefusedError, quoted


def test_a_deadline_comes_once() -> None:
    """Time is left until the end, never more than is asked for, and none behind it."""
    assert Deadline(None).left(60) == 60
    assert Deadline(1000).left(60) == 60
    assert 0 < Deadline(5).left(60) <= 5
    over = Deadline(1e-9)
    with pytest.raises(LateError, match="not done within 1e-09 s"):
        over.pause(60)


def test_urls_are_sent_quoted() -> None:
    """A URL is sent without its fragment and with other characters escaped; one without a host is none."""
    assert quoted("http://host/a b/\u00fc?x=\u00fc#part") == "http://host/a%20b/%C3%BC?x=%C3%BC"
    with pytest.raises(RefusedError):
        quoted("http:///x")
