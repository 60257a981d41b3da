"""What is posted goes into the ledger by one thread, with the answers to keys that came before."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue

import pytest

pytest.importorskip("fastapi", reason="built without the extra serve")

from eventcli.serve.fair_lock import FairLock
from eventcli.serve.intake import Intake, Outcome, Posted, Reply
from served import LINE


def posted(ledger: Path, *keys: str) -> list[bool]:
    """Post an event under each key, one after the other; return which of them had come before."""
    outcomes: SimpleQueue[Outcome] = SimpleQueue()

    def deliver(done: Sequence[tuple[Callable[[Outcome], object], Outcome]]) -> None:
        for take, outcome in done:
            take(outcome)

    intake = Intake(str(ledger), FairLock(), {}, deliver)
    intake.begin()
    found = []
    for key in keys:
        intake.post(Posted((LINE % ("a", "1")).encode(), key, outcomes.put))
        outcome = outcomes.get(timeout=60)
        assert isinstance(outcome, Reply), outcome
        found.append(outcome.is_repeated)
    intake.close()
    return found


@pytest.mark.parametrize("days", [2, -2, 400])
def test_a_clock_that_jumps_forgets_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    """A key counts once although the clock of the machine jumped, before the server started again and after that."""
    ledger, now = tmp_path / "ledger.db", time.time
    assert posted(ledger, "k", "k") == [False, True]
    monkeypatch.setattr(time, "time", lambda: now() + days * 86_400)
    assert posted(ledger, "k", "other", "k") == [True, False, True]
    monkeypatch.setattr(time, "time", now)
    assert posted(ledger, "k", "other") == [True, True]
