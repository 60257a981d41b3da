"""A queue counts exactly once, like a file: its position is written together with what was read before it."""

import io
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import mkdtemp

import pytest

from eventcli import Account
from eventcli.ledger.cursor import Read, Step
from eventcli.ledger.forget import forget, streams_of
from eventcli.ledger.meaning import meaning_of
from eventcli.ledger.recorder import Options, Recorder
from eventcli.ledger.replay import rejects, replay
from eventcli.ledger.store.database import Database
from eventcli.ledger.store.hold import LedgerError
from eventcli.ledger.store.schema import PRUNED
from eventcli.ledger.streams.stream import Stream
from eventcli.ledger.totals import totals
from eventcli.ledger.verify import check_sums, prune, verify
from eventcli.lines.event import Reason
from eventcli.lines.rejected import Repair
from eventcli.summary.sources import SourceReport, Status
from logbook import FAST, ingest_of

pytestmark = pytest.mark.usefixtures("body")

NAME = "redis://host/orders"

MESSAGES = [b'{"type":"a","value":%d}' % number for number in range(4)] + [b"bad"]


class Queue:
    """A queue in memory whose entries have ids that only grow, as a cursor that takes some entries at a time."""

    is_growing = True

    def __init__(self, stream: Stream, entries: Sequence[tuple[str, bytes]], at_once: int = 2) -> None:
        """Take the entries after the position of the stream."""
        self.stream = stream
        self.name = stream.label
        self.is_replaced = False
        self._left = [entry for entry in entries if entry[0] > (stream.position or "")]
        self._at_once = at_once
        self._taken: list[tuple[str, bytes]] = []

    def read_on(self, size: int, seconds: float) -> Step | None:
        """Return some entries as lines."""
        assert size > 0 < seconds
        self._taken, self._left = self._left[: self._at_once], self._left[self._at_once :]
        content = b"".join(message + b"\n" for _, message in self._taken)
        return Step(io.BytesIO(content), len(content)) if self._taken else None

    def is_proved(self, read: Read) -> bool:
        """Whether the queue is the one that was there before."""
        return not self.is_replaced and not read.pending

    def advance(self, read: Read) -> None:
        """Move behind the last entry."""
        assert read.lines == len(self._taken)
        self.stream.offset, self.stream.lines = read.end, self.stream.lines + read.lines
        self.stream.position = self._taken[-1][0]


def entries(messages: Sequence[bytes], first: int = 1) -> list[tuple[str, bytes]]:
    """Return messages with ids."""
    return [(f"{number:04}-0", message) for number, message in enumerate(messages, first)]


@pytest.fixture
def ledger() -> Iterator[Path]:
    """Return where a ledger is."""
    folder = Path(mkdtemp(dir=FAST))
    yield folder / "ledger.db"
    shutil.rmtree(folder)


def consume(ledger: Path, messages: Sequence[bytes], *, commits: bool = True, replaced: bool = False) -> bool:
    """Read all entries after the position, and commit after each step; return whether all was read."""
    with Database.open_to_write(str(ledger), create=True) as database:
        recorder = Recorder(database, meaning_of(database, {}), Options(jobs=1))
        cursor = Queue(recorder.queue(NAME), entries(messages))
        cursor.is_replaced = replaced
        done = recorder.read(cursor, lambda _: recorder.commit(is_last=False) if commits else None)
        if commits:
            recorder.commit(is_last=True)
        return done


def account(ledger: Path) -> Account:
    """Return the account of a sound ledger."""
    with Database.open_to_read(str(ledger)) as database:
        check_sums(database)
        return totals(database).account


def test_a_queue_goes_on_where_it_was_left(ledger: Path) -> None:
    """Each entry counts once over many runs, with the same totals and rejects as lines of a file."""
    for number in range(len(MESSAGES) + 1):
        assert consume(ledger, MESSAGES[:number])
        assert account(ledger).lines == number
    assert account(ledger) == Account(5, 4, {Reason.INVALID_JSON: 1})
    with Database.open_to_read(str(ledger)) as database:
        (stream,) = database.streams()
        assert (stream.position, stream.name, stream.lines) == ("0005-0", NAME, 5)
        assert str(totals(database)["a"].sum) == "6"
        (reject,) = rejects(database)
        assert (reject.raw, reject.line, reject.source) == (b"bad", 5, NAME)


def test_what_was_not_committed_is_read_again(ledger: Path) -> None:
    """A run that ends before its commit adds nothing and moves no position."""
    consume(ledger, MESSAGES[:2])
    consume(ledger, MESSAGES, commits=False)
    assert account(ledger).lines == 2
    consume(ledger, MESSAGES)
    assert account(ledger).lines == 5


def test_what_is_not_proved_does_not_count(ledger: Path) -> None:
    """Nothing of a step counts if the queue is another one than before."""
    consume(ledger, MESSAGES[:2])
    assert not consume(ledger, MESSAGES, replaced=True)
    assert account(ledger).lines == 2
    assert consume(ledger, MESSAGES)
    assert account(ledger).lines == 5


def test_a_repaired_message_counts_once(ledger: Path) -> None:
    """A rejected message is repaired and replayed like a line."""
    consume(ledger, MESSAGES)
    with Database.open_to_write(str(ledger), create=False) as database:
        (reject,) = rejects(database)
        repair = Repair(reject.stream, reject.offset, reject.reason, b'{"type":"b","value":9}', "")
        replay(database, [repair, repair], lambda _: None)
    assert account(ledger) == Account(5, 5)


def test_a_queue_is_forgotten_and_read_again(ledger: Path) -> None:
    """What a queue added is taken out, also its rejects and keys, and the next run begins where the queue begins."""
    consume(ledger, MESSAGES)
    with Database.open_to_write(str(ledger), create=False) as database:
        (stream,) = database.streams()
        recorder = Recorder(database, meaning_of(database, {}))
        recorder.note_messages(stream, [(1, "x")])
        recorder.commit(is_last=True)
        streams = streams_of(database, stream.key)
        assert forget(database, streams).account == Account(5, 4, {Reason.INVALID_JSON: 1})
        assert not database.streams()
        assert not Recorder(database, meaning_of(database, {})).counted(stream, [(1, "x")])
    assert account(ledger) == Account()
    consume(ledger, MESSAGES)
    assert account(ledger).lines == 5


def test_verify_does_not_read_a_queue(ledger: Path) -> None:
    """A queue is neither gone nor proved, and its position is never forgotten, however long nothing came."""
    consume(ledger, MESSAGES)
    with Database.open_to_write(str(ledger), create=False) as database:
        verdicts = list(verify(database, []))
        assert [(stream.label, verdict) for stream, verdict, _ in verdicts] == [(NAME, "unproved")]
        assert not prune(database, verdicts, 0)
    consume(ledger, MESSAGES)
    assert account(ledger).lines == 5


def test_files_and_queues_share_a_ledger(ledger: Path) -> None:
    """A run over files leaves queues alone, and the other way round, even if their names and lines are the same."""
    log = ledger.parent / "orders"
    log.write_bytes(b"".join(message + b"\n" for message in MESSAGES))
    for _ in range(2):
        consume(ledger, MESSAGES)
        with Database.open_to_write(str(ledger), create=False) as database:
            ingest_of(database, meaning_of(database, {})).run([str(log)])
        assert account(ledger) == Account(10, 8, {Reason.INVALID_JSON: 2})
    with Database.open_to_read(str(ledger)) as database:
        assert [stream.position for stream in database.streams()] == ["0005-0", None]


def test_other_settings_begin_a_queue_again(ledger: Path) -> None:
    """If nothing was accepted, settings can change; then the queue is read again from its beginning."""
    consume(ledger, [b"bad"])
    with Database.open_to_write(str(ledger), create=False) as database:
        recorder = Recorder(database, meaning_of(database, {"type_field": "kind"}), Options(jobs=1))
        stream = recorder.queue(NAME)
        assert stream.position == ""
        recorder.read(Queue(stream, entries([b"bad", b'{"kind":"a","value":1}'])))
        recorder.commit(is_last=True)
    assert account(ledger) == Account(2, 1, {Reason.INVALID_JSON: 1})


def test_a_position_can_move_without_lines(ledger: Path) -> None:
    """A position that moved over entries without lines is written, too."""

    class Empty(Queue):
        def read_on(self, size: int, seconds: float) -> Step | None:
            """Skip whatever is there."""
            assert size > 0 < seconds
            self.stream.position = f"{int((self.stream.position or '0')[:4]) + 9:04}-0"
            return None

    for place in ("0009-0", "0018-0"):
        with Database.open_to_write(str(ledger), create=True) as database:
            recorder = Recorder(database, meaning_of(database, {}))
            recorder.read(Empty(recorder.queue(NAME), []))
            recorder.commit(is_last=True)
        with Database.open_to_read(str(ledger)) as database:
            assert [stream.position for stream in database.streams()] == [place]


def test_messages_without_positions_are_known_by_their_keys(ledger: Path) -> None:
    """A key counts from its commit on, in this run and later ones; no other queue has it, and old ones can go."""
    keys = [(20_000 + number // 500, f"message {number}") for number in range(1200)]
    with Database.open_to_write(str(ledger), create=True) as database:
        recorder = Recorder(database, meaning_of(database, {}))
        stream, other = recorder.queue(NAME), recorder.queue("amqp://host/other")
        assert not recorder.counted(stream, keys)
        recorder.note_messages(stream, keys[:1100])
        assert recorder.counted(stream, keys) == set(keys[:1100])
        recorder.commit(is_last=False)
        assert recorder.counted(stream, keys) == set(keys[:1100])
        assert not recorder.counted(other, keys)
    with Database.open_to_write(str(ledger), create=True) as database:
        recorder = Recorder(database, meaning_of(database, {}))
        stream = recorder.queue(NAME)
        assert recorder.counted(stream, keys[1000:]) == set(keys[1000:1100])
        assert recorder.counted_texts(stream, 20_002, ["message 7", "message 1000"]) == {"message 1000"}
        recorder.forget_messages(stream, 20_002)
        recorder.commit(is_last=False)
        assert recorder.counted(stream, keys) == set(keys[1000:1100])
        recorder.forget_messages(stream, 20_003)
        recorder.commit(is_last=True)
        assert not recorder.counted(stream, keys)


def test_a_damaged_key_is_found(ledger: Path) -> None:
    """A key that is not as it was written would let a message count twice: nobody gets an answer then."""
    with Database.open_to_write(str(ledger), create=True) as database:
        recorder = Recorder(database, meaning_of(database, {}))
        recorder.note_messages(recorder.queue(NAME), [(1, "first key"), (2, "second key")])
        recorder.commit(is_last=True)
    ledger.write_bytes(ledger.read_bytes().replace(b"first key", b"fiRst key"))
    with Database.open_to_write(str(ledger), create=True) as database:
        recorder = Recorder(database, meaning_of(database, {}))
        with pytest.raises(LedgerError, match="damaged: a row of messages"):
            recorder.counted(recorder.queue(NAME), [(1, "first key")])
        with pytest.raises(LedgerError, match="damaged: a row of messages"):
            list(verify(database, []))


def test_a_loss_in_a_queue_is_a_discontinuity(ledger: Path) -> None:
    """What a broker dropped before it was read is recorded and reported until it is acknowledged."""
    said: list[SourceReport] = []
    with Database.open_to_write(str(ledger), create=True) as database:
        recorder = Recorder(database, meaning_of(database, {}), Options(jobs=1, on_problem=said.append))
        stream = recorder.queue(NAME)
        recorder.note_loss(stream, stream.offset, "entries before 0007-0 were dropped", is_doubt=False)
        recorder.read(Queue(stream, entries(MESSAGES, 7)))
        recorder.commit(is_last=True)
    assert [(one.name, one.status) for one in said] == [(NAME, Status.DISCONTINUITY)]
    with Database.open_to_read(str(ledger)) as database:
        assert not totals(database).complete
        assert database.last_run() is not None
        assert database.pruned_checksum() == PRUNED
