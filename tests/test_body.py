"""`eventcli.body`: the body in use is the fastest one that is there, or the one that was asked for."""

import importlib.util

import pytest

from eventcli import BodyError, Query
from eventcli import body as body_module
from eventcli.body import BODY_VARIABLE
from eventcli.fold import new_fold

HAS_RUST = importlib.util.find_spec("eventcli._kernel") is not None


def test_the_body_in_use_is_the_one_asked_for(body: str) -> None:
    """The environment chooses the body."""
    assert body_module.body() == body


def test_the_fastest_body_is_used_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a wish, or with an empty one, the Rust body is used where there is one."""
    assert body_module.body() == ("rust" if HAS_RUST else "python")
    monkeypatch.setenv(BODY_VARIABLE, "")
    assert body_module.body() == ("rust" if HAS_RUST else "python")


@pytest.mark.parametrize("wish", ["Python", "c", " rust"])
def test_an_unknown_body_is_refused(wish: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wish for a body that does not exist is an error that names what there is."""
    monkeypatch.setenv(BODY_VARIABLE, wish)
    with pytest.raises(BodyError, match="python or rust"):
        new_fold(Query())


def test_an_absent_body_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wish for the Rust body where it was not built is an error: no silent fallback."""
    monkeypatch.setattr(body_module, "kernel", None)
    monkeypatch.setenv(BODY_VARIABLE, "rust")
    with pytest.raises(BodyError, match="without the Rust body"):
        new_fold(Query())
