"""What `generate` writes arrives at every target, at the rate and with the repeats that were asked for."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from brokers import Queue, RedisStream
from consumption import FORKS, check, consume, run, tool
from eventcli.cli.generate import generate
from eventcli.ledger.store.database import Database
from eventcli.ledger.totals import totals
from process import Ended, forked
from servers import in_background


def produce(*arguments: str) -> Ended:
    """Run the command."""
    return tool("produce", *arguments)


def target_of(queue: Queue) -> str:
    """Return the target that fills a queue."""
    return queue.source.partition("&group")[0]


def test_a_queue_gets_what_generate_writes(quick: Queue, ledger: Path) -> None:
    """Consuming what was produced gives what folding what was generated gives, bad lines included."""
    done = produce(target_of(quick), "--events", "200", "--seed", "5", "--bad-rate", "0.2")
    assert (done.status, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"lines": 200, "messages": 200, "repeats": 0}
    consume(ledger, quick.source)
    check(ledger, list(generate(200, seed=5, bad_rate=0.2)))


def test_repeats_are_recognised_by_their_ids(stream: RedisStream, ledger: Path) -> None:
    """Messages that are sent again count once if events have ids, also if a message has several lines."""
    arguments = ("--events", "300", "--lines", "4", "--repeat", "0.3", "--id-field", "event_id")
    sent = json.loads(produce(stream.source, *arguments).stdout)
    assert sent["repeats"] > 0
    assert sent["messages"] == 75 + sent["repeats"]
    assert run(ledger, "--drain", "--id-field", "event_id", stream.source).status == 0
    with Database.open_to_read(str(ledger)) as database:
        account = totals(database).account
    assert (account.accepted, account.filtered) == (300, sent["lines"] - 300)


def test_a_signal_ends_it_with_an_account(stream: RedisStream) -> None:
    """SIGTERM finishes the batch in hand, and what was sent is printed."""
    with forked(FORKS, "produce", stream.source, "--rate", "200") as producer:
        deadline = time.monotonic() + 30
        while not stream.client.xlen(stream.name):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        producer.send_signal(signal.SIGTERM)
        output, _ = producer.communicate(timeout=30)
    assert producer.returncode == -signal.SIGTERM
    assert json.loads(output)["messages"] == stream.client.xlen(stream.name)


@contextmanager
def _server(statuses: list[int]) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Run a server that notes each request, with its key, and answers with these statuses, then with 200."""
    seen: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name in the base class
            """Say nothing."""

        def do_POST(self) -> None:
            """Take events."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((self.headers["Idempotency-Key"], body))
            self.send_response(statuses.pop(0) if statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        with in_background(server):
            yield f"http://127.0.0.1:{server.server_port}/events", seen


def test_a_server_gets_the_same_request_until_it_takes_it() -> None:
    """A request that may have failed is sent again with the same key and the same body."""
    with _server([503, 500]) as (url, seen):
        assert produce(url, "--events", "5").status == 0
    assert len(seen) == 3
    assert len(set(seen)) == 1
    assert seen[0][1] == b"".join(generate(5))


def test_a_server_may_refuse() -> None:
    """A request that will never be taken ends the run with status 4 and the reason."""
    with _server([413]) as (url, seen):
        done = produce(url, "--events", "5")
    assert (done.status, len(seen)) == (4, 1)
    assert "HTTP status 413" in done.stderr


@pytest.mark.parametrize("target", ["redis://h", "sqs://", "kafka://h", "file.jsonl", "ftp://h/x"])
def test_a_wrong_target_is_wrong_usage(target: str) -> None:
    """What is no target is refused with status 2."""
    pytest.importorskip("redis", reason="eventcli[queue] is not installed")
    assert produce(target, "--events", "1").status == 2


def test_a_target_without_its_server_is_waited_for(stream: RedisStream) -> None:
    """A target that does not answer yet gets everything when it does."""
    with closing(stream):
        wrong = stream.source.replace(stream.source.rpartition(":")[2].partition("/")[0], "9")
        with forked(FORKS, "produce", wrong, "--events", "3") as producer:
            assert producer.stderr is not None
            assert b"trying again" in producer.stderr.readline()
            producer.terminate()
            producer.communicate(timeout=30)
