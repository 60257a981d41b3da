"""What is posted goes into the ledger by one thread, with the answers to keys that came before."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Semaphore, Timer

import pytest

pytest.importorskip("fastapi", reason="built without the extra serve")

from eventcli.ledger.pieces import Piece, Pieces
from eventcli.ledger.store.database import Database
from eventcli.ledger.verify import check_sums
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


def together(ledger: Path, bodies: Sequence[bytes], **given: object) -> list[Outcome]:
    """Post bodies that go into one transaction; return the outcomes in their order."""
    outcomes: SimpleQueue[tuple[int, Outcome]] = SimpleQueue()

    def deliver(done: Sequence[tuple[Callable[[Outcome], object], Outcome]]) -> None:
        for take, outcome in done:
            take(outcome)

    intake = Intake(str(ledger), lock := FairLock(), given, deliver)
    intake.begin()
    with lock:  # the thread waits with the first body, and finds all others when it has its turn
        for number, body in enumerate(bodies):
            intake.post(Posted(body, None, partial(lambda place, outcome: outcomes.put((place, outcome)), number)))
            if not number:
                time.sleep(0.1)
    found = dict(outcomes.get(timeout=60) for _ in bodies)
    intake.close()
    return [found[number] for number in range(len(bodies))]


BODIES = [LINE.encode() % (b"a", b"1"), b"", b"bad", b"\xef\xbb\xbf" + LINE.encode() % (b"b", b"2"), b"\n\nbad\nbad\n"]


@pytest.mark.parametrize("given", [{}, {"max_line": 60}, {"framing": "json"}])
def test_each_body_has_its_own_answer(tmp_path: Path, given: dict[str, object]) -> None:
    """Bodies of one transaction have the answers that they have alone, whether they are folded together or not."""
    for one, together_ in zip(BODIES, together(tmp_path / "ledger.db", BODIES, **given), strict=True):
        (alone,) = together(tmp_path / "alone.db", [one], **given)
        assert isinstance(alone, Reply)
        assert alone == together_


def test_a_body_that_no_fold_takes_is_nobody_elses_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug that one body meets is its own outcome: all others of its transaction count, each once."""
    add = Pieces.add

    def fails(self: Pieces, piece: bytes) -> Piece:
        found = add(self, piece)
        if b"poison" in piece:
            raise ArithmeticError
        return found

    monkeypatch.setattr(Pieces, "add", fails)
    ledger = tmp_path / "ledger.db"
    outcomes = together(ledger, [*BODIES, LINE.encode() % (b"poison", b"1"), *BODIES])
    assert [type(one) for one in outcomes] == [*[Reply] * len(BODIES), ArithmeticError, *[Reply] * len(BODIES)]
    with Database.open_to_read(str(ledger)) as database:
        check_sums(database)
        assert (database.account().accepted, database.account().lines) == (4, 14)


def sizes(monkeypatch: pytest.MonkeyPatch, ledger: Path, clients: int, rounds: int) -> list[int]:
    """Let clients post again a little after each answer; return how many bodies each transaction had."""
    found: list[int] = []
    left = Semaphore(0)

    def commit(_: Intake, group: Sequence[Posted]) -> list[Outcome]:
        found.append(len(group))
        time.sleep(0.4)
        return [Reply(b"")] * len(group)

    def answered(_: Outcome) -> None:
        left.release()
        Timer(0.01, intake.post, [posted]).start()

    def deliver(done: Sequence[tuple[Callable[[Outcome], object], Outcome]]) -> None:
        for take, outcome in done:
            take(outcome)

    posted = Posted(b"", None, answered)
    intake = Intake(str(ledger), FairLock(), {}, deliver)
    intake.begin()
    monkeypatch.setattr(Intake, "_commit", commit)
    for _ in range(clients):
        intake.post(posted)
        time.sleep(0.05)
    for _ in range(clients * rounds):
        assert left.acquire(timeout=60)
    intake.close()
    return found


def test_who_had_an_answer_comes_again_with_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that began at different times soon share each transaction, and a client alone has each for itself."""
    assert sizes(monkeypatch, tmp_path / "many.db", 4, 4)[2:4] == [4, 4]
    assert set(sizes(monkeypatch, tmp_path / "one.db", 1, 3)) == {1}
