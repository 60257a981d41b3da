"""What must hold for every broker: each message counts once, whatever is killed, doubled, reordered or lost."""

import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

import faults
import process
from brokers import KafkaTopic, Queue, RedisStream
from consumption import POINTS, check, consume, consuming, event, killed, run
from eventcli.ledger.store.connection import UnwritableError
from eventcli.ledger.store.database import Database
from eventcli.ledger.totals import totals
from eventcli.lines.event import Reason

BODIES = [
    b'{"type":"a","value":1}',
    b'{"type":"a","value":2}\n{"type":"b","value":3}\n',
    b'{"type":"b","value":0.1}\r\n\r\n{"type":"b","value":0.2}\r\n',
    b"not JSON",
    b" ",
    b'\xef\xbb\xbf{"type":"c","value":1}',
    b'{"type":"huge","value":1,"text":"' + b"x" * 200_000 + b'"}',
    b'{"type":"c","value":1}\n\n',
    b'{"type":"d","value":10000000000000000000000001}',
]
"""Bodies of one line and of many, with and without a newline at the end."""


@pytest.mark.usefixtures("body")
def test_bodies_are_lines(queue: Queue, ledger: Path) -> None:
    """A body is one line or several, and never glued to the next one; bad ones are rejected, and can be repaired."""
    queue.put(BODIES)
    account = consume(ledger, queue.source)
    assert (account.lines, account.accepted, account.blank) == (13, 9, 3)
    assert account.rejected == {Reason.INVALID_JSON: 1}
    check(ledger, [body.removeprefix(b"\xef\xbb\xbf") for body in BODIES])
    assert consume(ledger, queue.source).lines == 0


def test_each_run_goes_on_where_the_last_one_ended(queue: Queue, ledger: Path) -> None:
    """Messages count once over several runs, also with commits of few messages."""
    sent: list[bytes] = []
    for number in range(3):
        some = [event(number * 30 + place) for place in range(30)]
        queue.put(some)
        sent += some
        consume(ledger, queue.source, batch=7)
        check(ledger, sent)


@pytest.mark.parametrize("point", POINTS)
def test_a_consumer_may_be_killed_at_any_point_of_a_commit(queue: Queue, ledger: Path, point: str) -> None:
    """Nothing is lost and nothing counts twice if a consumer is killed around its first and its second commit."""
    sent = [event(number) for number in range(60)]
    queue.put(sent)
    for number in (1, 2):
        assert killed(ledger, queue.source, point, number, batch=10, commit_every=0.0) == -signal.SIGKILL
    consume(ledger, queue.source)
    check(ledger, sent)


def test_a_consumer_may_be_killed_at_any_moment(quick: Queue, ledger: Path) -> None:
    """Nothing is lost and nothing counts twice if consumers are killed at random while messages arrive."""
    draw = random.Random(1)
    sent: list[bytes] = []
    for _ in range(4):
        arguments = ("--batch", "10", "--commit-every", "10ms", quick.source)
        with consuming(ledger, *arguments) as consumer:
            for _ in range(draw.randrange(4, 12)):
                some = [event(len(sent) + place) for place in range(10)]
                quick.put(some)
                sent += some
                time.sleep(draw.uniform(0, 0.15))
            consumer.kill()
            assert consumer.stderr is not None
            assert consumer.stderr.read() in (b"", _absent(quick))
    assert run(ledger, "--drain", quick.source).status == 0
    check(ledger, sent)


def _absent(queue: Queue) -> bytes:
    source = queue.source.partition("&claim")[0]
    what = "topic" if isinstance(queue, KafkaTopic) else "stream"
    return f"eventstats: {source}: there is no such {what}: waiting for it\n".encode()


def test_a_signal_finishes_the_batch_in_hand(quick: Queue, ledger: Path) -> None:
    """SIGTERM commits and acknowledges what was received, silently, and ends the process as a signal does."""
    sent = [event(number) for number in range(25)]
    quick.put(sent)
    arguments = ("--commit-every", "1m", quick.source)
    with consuming(ledger, *arguments) as consumer:
        _until(lambda: _is_in_hand(quick))
        consumer.send_signal(signal.SIGTERM)
        output = consumer.communicate(timeout=30)
    assert (consumer.returncode, output) == (-signal.SIGTERM, (b"", b""))
    assert consume(ledger, quick.source).lines in range(26)
    check(ledger, sent)


def _is_in_hand(queue: Queue) -> bool:
    """Whether a consumer has received messages, as far as the broker shows it; a log shows nothing."""
    if isinstance(queue, KafkaTopic):
        time.sleep(1.5)
        return True
    if not isinstance(queue, RedisStream):
        answer = queue.client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])  # type: ignore[attr-defined]
        return int(answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"]) > 0
    if "group" not in queue.source:
        time.sleep(1)
        return True
    return any(int(one["pending"]) >= 25 for one in queue.client.xinfo_groups(queue.name))


def _until(condition: object) -> None:
    deadline = time.monotonic() + 30
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_two_consumers_share_a_ledger_with_logs(quick: Queue, ledger: Path, tmp_path: Path) -> None:
    """Two consumers of one queue and runs over a log take turns with a ledger; each message and line counts once."""
    log = tmp_path / "log"
    sent: list[bytes] = []
    arguments = ("--batch", "20", "--commit-every", "10ms", quick.source)
    ingest = ("ingest", "--ledger", str(ledger), "--wait", "50", str(log))
    quick.put([])
    with consuming(ledger, *arguments) as one, consuming(ledger, *arguments) as other:
        for _ in range(6):
            some = [event(len(sent) + place) for place in range(20)]
            quick.put(some[:15])
            with log.open("ab") as file:
                file.writelines(body + b"\n" for body in some[15:])
            sent += some
            done = process.run(*ingest)
            assert (done.status, done.stderr) == (0, "")
        for consumer in (one, other):
            consumer.terminate()
            _, said = consumer.communicate(timeout=30)
            assert (consumer.returncode, said.replace(_absent(quick), b"")) == (-signal.SIGTERM, b"")
    consume(ledger, quick.source)
    with Database.open_to_read(str(ledger)) as database:
        assert totals(database).account.accepted == len(sent)


@pytest.mark.skipif(not faults.is_possible(), reason="SQLite's system calls cannot be replaced here")
def test_a_full_disk_loses_nothing(quick: Queue, ledger: Path) -> None:
    """A ledger that cannot be written ends the run; what was received is received again, and counts once."""
    sent = [event(number) for number in range(20)]
    quick.put(sent[:10])
    consume(ledger, quick.source)
    quick.put(sent[10:])

    def action() -> int:
        full = faults.Faults(fail_with=28)
        try:
            consume(ledger, quick.source)
        except UnwritableError:
            return 4
        finally:
            full.undo()
        return 0

    assert faults.in_child(action) == 4
    consume(ledger, quick.source)
    check(ledger, sent)


def test_a_repeated_event_counts_once(either: Queue, ledger: Path) -> None:
    """With --id-field, what a producer sends again is filtered, in the same batch as in a later run."""
    sent = [event(number) for number in range(10)]
    either.put([*sent, sent[3], sent[4] + b"\n" + sent[5]])
    done = run(ledger, "--drain", "--id-field", "id", either.source)
    assert (done.status, done.stderr) == (0, "")
    either.put([sent[0], b'{"type":"a","value":1}', b'{"type":"a","value":1}'])
    run(ledger, "--drain", "--id-field", "id", either.source)
    with Database.open_to_read(str(ledger)) as database:
        account = totals(database).account
        assert (account.lines, account.accepted, account.filtered, account.blank) == (16, 12, 4, 0)


def test_a_queue_that_is_forgotten_counts_again(stream: RedisStream, ledger: Path) -> None:
    """`forget` takes out what a queue added, and the next run reads it from its beginning."""
    sent = [event(number) for number in range(10)]
    stream.put(sent)
    consume(ledger, stream.source)
    assert process.run("forget", "--ledger", str(ledger), stream.source).status == 0
    with Database.open_to_read(str(ledger)) as database:
        assert totals(database).account.lines == 0
    consume(ledger, stream.source)
    check(ledger, sent)


def test_settings_of_a_ledger_hold(either: Queue, ledger: Path) -> None:
    """A queue is read with the settings that the ledger has, and others are refused before anything is received."""
    either.put([b'{"kind":"a","n":1}'])
    options = ("--drain", "--type-field", "kind", "--value-field", "n")
    assert run(ledger, *options, either.source).status == 0
    either.put([b'{"kind":"a","n":2}'])
    refused = run(ledger, "--drain", "--type-field", "type", either.source)
    assert (refused.status, "--type-field" in refused.stderr) == (2, True)
    assert run(ledger, "--drain", either.source).status == 0
    with Database.open_to_read(str(ledger)) as database:
        assert totals(database).account.accepted == 2


def test_a_ledger_that_is_held_is_waited_for(either: Queue, ledger: Path) -> None:
    """A run that holds the ledger keeps a consumer waiting; with --drain and --wait it ends with status 75."""
    either.put([event(1)])
    consume(ledger, either.source)
    either.put([event(2)])
    with ExitStack() as stack:
        with Database.open_to_write(str(ledger), create=False):
            done = run(ledger, "--drain", "--wait", "0.2", either.source)
            assert done.status == 75
            assert "holds the ledger" in done.stderr
            consumer = stack.enter_context(consuming(ledger, either.source))
            time.sleep(0.5)
            assert consumer.poll() is None
        _until(lambda: _accepted(ledger) == 2)
        consumer.terminate()
        consumer.communicate(timeout=30)
    check(ledger, [event(1), event(2)])


def _accepted(ledger: Path) -> int:
    with Database.open_to_read(str(ledger)) as database:
        return totals(database).account.accepted


def test_a_broker_that_does_not_answer_is_reported(ledger: Path, free_port: int) -> None:
    """With --drain, a broker that is not there is an unreadable source, with status 3 and no traceback."""
    pytest.importorskip("redis", reason="eventcli[queue] is not installed")
    patience = "from eventcli.consume import receiver; receiver._PATIENCE = 0.3"
    program = f"{patience}; from eventcli.__main__ import script; script()"
    words = ("consume", "--ledger", str(ledger), "--drain", f"redis://127.0.0.1:{free_port}/0?stream=s")
    done = subprocess.run((sys.executable, "-c", program, *words), capture_output=True, timeout=60, check=False)
    assert done.returncode == 3
    assert b"unreadable" in done.stderr
    assert b"Traceback" not in done.stderr
    assert not ledger.exists()


@pytest.fixture
def free_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port
