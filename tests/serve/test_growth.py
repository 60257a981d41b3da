"""The totals that grow with each commit are those that are read, whoever else writes to the ledger."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("fastapi", reason="built without the extra serve")

from eventcli.ledger.store.database import Database
from eventcli.ledger.store.watch import Version
from eventcli.serve import growth as growing
from eventcli.serve.intake import Intake, Outcome, Posted, Reply
from eventcli.serve.questions import Question
from eventcli.serve.scene import scene
from eventcli.serve.serving import Serving
from eventcli.summary.summary import Summary
from logbook import LINES, Logbook


class Watching:
    """A server's thread that writes, and what it shows, in one process."""

    def __init__(self, ledger: Path) -> None:
        """Take a ledger, which need not be there."""
        self._serving = Serving(str(ledger))
        self._outcomes: SimpleQueue[Outcome] = SimpleQueue()
        self._intake = Intake(str(ledger), self._serving.lock, {"max_types": 3}, self._deliver)
        self._intake.on_commit = self._serving.growth.note
        self._intake.begin()

    @property
    def reads(self) -> int:
        """How often all cells were read."""
        return self._serving.growth.reads

    def _deliver(self, done: Sequence[tuple[Callable[[Outcome], object], Outcome]]) -> None:
        for take, outcome in done:
            take(outcome)

    def post(self, body: bytes) -> None:
        """Post lines."""
        self._intake.post(Posted(body, None, self._outcomes.put))
        assert isinstance(self._outcomes.get(timeout=60), Reply)

    def look(self) -> Summary:
        """Check that what is shown is what is read, and return the totals."""

        def shown(database: Database, version: Version) -> Summary:
            whole = self._serving.growth.whole(database, version)
            read, _, _ = Question().answer(database)
            assert whole.records() == read.records()
            assert scene(database, Question(), whole) == scene(database, Question())
            return whole

        return self._serving.views.read(shown)

    def close(self) -> None:
        """End."""
        self._intake.close()
        self._serving.close()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("post"), st.lists(LINES, max_size=5).map(b"".join)),
        st.tuples(st.just("post"), st.lists(LINES, max_size=5).map(b"".join)),
        st.tuples(st.just("ingest"), st.lists(LINES, min_size=1, max_size=3).map(b"".join)),
        st.just(("look", b"")),
    ),
    max_size=12,
)


@given(STEPS)
def test_what_grows_is_what_is_read(steps: list[tuple[str, bytes]]) -> None:
    """However posts, runs of `ingest` and looks follow each other, each look shows the totals in the file."""
    with Logbook(max_types=3) as book, pytest.MonkeyPatch.context() as patch:
        patch.setattr(growing, "_QUICK", 0.0)
        patch.setattr(growing, "SHARE", 100_000)
        watching = Watching(book.ledger)
        try:
            for step, lines in [*steps, ("look", b"")]:
                if step == "post":
                    watching.post(lines)
                elif step == "ingest":
                    book.append([lines])
                    book.ingest()
                else:
                    watching.look()
            assert watching.reads <= 1 + sum(step == "ingest" for step, _ in steps)
        finally:
            watching.close()


@pytest.fixture
def watching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watching]:
    """Return a server of a new ledger, which counts as one that takes long to read."""
    monkeypatch.setattr(growing, "_QUICK", 0.0)
    monkeypatch.setattr(growing, "SHARE", 100_000)
    made = Watching(tmp_path / "ledger.db")
    yield made
    made.close()


def test_what_is_known_holds_for_a_while(watching: Watching, monkeypatch: pytest.MonkeyPatch) -> None:
    """All cells are read again, and so is what another program damaged, once that takes a fiftieth of the time."""
    watching.post(b'{"type":"a","value":1}')
    for _ in range(3):
        watching.look()
    assert watching.reads == 1
    watching.post(b'{"type":"a","value":1}')
    now = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: now() + 1e6)
    watching.look()
    assert watching.reads == 2


def test_too_much_is_read(watching: Watching, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits to be added has a bound: beyond, the ledger is read."""
    watching.look()
    monkeypatch.setattr(growing, "_MOST", 3)
    for _ in range(4):
        watching.post(b'{"type":"a","value":1}')
    assert watching.look()["a"].count == 4
    assert watching.reads == 2
