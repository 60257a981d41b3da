"""Whatever happens to a queue and to its consumers, each message counts once or is known to be lost."""

from contextlib import closing

import pytest

pytest.importorskip("redis", reason="eventcli[queue] is not installed")

from eventcli.consume import receiver
from queue_simulation import History

HISTORIES = 1000


@pytest.mark.parametrize("first", range(0, HISTORIES, 100))
def test_each_message_counts_once(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a thousand histories, nothing counts twice, and nothing is missing that no discontinuity reports."""
    monkeypatch.setattr(receiver, "_PAUSES", (0.002,))
    for seed in range(first, first + 100):
        with closing(History(seed)) as history:
            history.run()
