"""What is posted counts once and is durable before the answer, whatever happens to the server and its clients."""

import gzip
import http.client
import json
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import zlib
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from served import LINE, Answer, Served, ended_well, ledger_in, run

pytest.importorskip("fastapi", reason="built without the extra serve")

EVENT = LINE % ("a", "1.10")

KIND = {"Content_Type": "application/x-ndjson"}


def post(server: Served, body: str | bytes, **headers: str) -> Answer:
    """Post events."""
    return server.ask("/events", "POST", body.encode() if isinstance(body, str) else body, **{**KIND, **headers})


def totals(ledger: Path) -> list[dict[str, Any]]:
    """Return what a ledger holds, proved."""
    run("verify", "--ledger", ledger, check=False)
    found: list[dict[str, Any]] = json.loads(run("totals", "--ledger", ledger))
    return found


def test_the_answer_is_the_account_of_the_body(tmp_path: Path, body: str) -> None:
    """Every line of a body is in its account; the lines number from 1; blank lines and a byte-order mark are none."""
    assert body
    ledger = tmp_path / "ledger.db"
    with ended_well(Served(ledger)) as server:
        text = "\ufeff" + EVENT + "\n" + "junk\n" + LINE % ("b/<i>", "2") + '{"type":3}'
        for _ in range(2):
            answer = post(server, text)
            assert answer.status == 200
            found = answer.json
            assert [one["line"] for one in found.pop("rejects")] == [3, 5]
            assert found == {
                "lines": 5,
                "accepted": 2,
                "rejected": 2,
                "filtered": 0,
                "blank": 1,
                "salvaged": 0,
                "reasons": {"invalid_json": 1, "bad_type": 1},
            }
        assert server.ask("/stats").json == [
            {"type": "a", "count": 2, "sum": 2.2},
            {"type": "b/<i>", "count": 2, "sum": 4},
        ]
        assert server.ask("/account").json["lines"] == 10
        assert post(server, "").json["lines"] == 0
        assert post(server, "{").json["rejects"][0]["line"] == 1
    assert [one["count"] for one in totals(ledger)] == [2, 2]


def test_what_is_posted_is_a_source_like_any_other(tmp_path: Path) -> None:
    """Its rejects can be exported, repaired and replayed; it can be verified and forgotten; it shares with logs."""
    ledger = ledger_in(tmp_path, LINE % ("log", "5"))
    with ended_well(Served(ledger)) as server:
        post(server, EVENT + '{"type":"a","value":"x"}\n')
        (tmp_path / "rejects").write_bytes(server.ask("/rejects").body.replace(rb"\"x\"", b"4"))
        run("replay", "--ledger", ledger, tmp_path / "rejects")
        assert server.ask("/stats").json == [
            {"type": "a", "count": 2, "sum": 5.1},
            {"type": "log", "count": 1, "sum": 5},
        ]
        assert [one["source"] for one in server.ask("/sources").json] == [str(tmp_path / "log.jsonl"), "POST /events"]
        run("forget", "--ledger", ledger, "POST /events")
        assert [one["type"] for one in server.ask("/stats").json] == ["log"]
        post(server, EVENT)
    assert [one["count"] for one in totals(ledger)] == [1, 1]


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "zstd", "identity", ""])
def test_bodies_are_decompressed(tmp_path: Path, coding: str) -> None:
    """A compressed body counts like what it was made of, also if it has several members."""
    backports = pytest.importorskip("backports.zstd") if coding == "zstd" and sys.version_info < (3, 14) else None
    pack = {"gzip": gzip.compress, "x-gzip": gzip.compress}.get(coding, bytes)
    if backports is not None:
        pack = backports.compress
    with ended_well(Served(tmp_path / "ledger.db")) as server:
        packed = pack(EVENT.encode() * 50)
        for number in (1, 2):
            answer = post(server, packed * number, Content_Encoding=coding)
            assert answer.json["accepted"] == 50 * number


def test_bodies_that_are_no_events_are_refused(tmp_path: Path) -> None:
    """What cannot be counted gets a status and a sentence, and nothing of it counts."""
    packed = gzip.compress(EVENT.encode() * 1000)
    large = gzip.compress(EVENT.encode() * 2000)
    bomb = zlib.compressobj(wbits=31)
    bombed = bomb.compress(b"\n" * 50_000_000) + bomb.flush()
    with ended_well(Served(tmp_path / "ledger.db", "--max-body", "64KiB")) as server:
        cases: list[tuple[int, bytes, dict[str, str]]] = [
            (415, EVENT.encode(), {"Content_Type": "application/x-www-form-urlencoded"}),
            (415, EVENT.encode(), {"Content_Type": "text/html"}),
            (415, EVENT.encode(), {"Content_Encoding": "br"}),
            (415, packed, {"Content_Encoding": "gzip, gzip"}),
            (400, packed[:-9], {"Content_Encoding": "gzip"}),
            (400, packed + b"x", {"Content_Encoding": "gzip"}),
            (400, EVENT.encode(), {"Content_Encoding": "gzip"}),
            (400, EVENT.encode(), {"Content_Encoding": "zstd"}),
            (413, EVENT.encode() * 2000, {}),
            (413, large, {"Content_Encoding": "gzip"}),
            (413, bombed, {"Content_Encoding": "gzip"}),
            (400, EVENT.encode(), {"Idempotency_Key": ""}),
            (400, EVENT.encode(), {"Idempotency_Key": "a\tb"}),
        ]
        for status, body, headers in cases:
            answer = post(server, body, **headers)
            assert (answer.status, headers) == (status, headers)
            assert answer.json["detail"]
        assert post(server, EVENT, Idempotency_Key="x" * 300).status in (400, 422)
        assert server.ask("/account").json["lines"] == 0
        assert post(server, EVENT, Content_Type="application/json; charset=utf-8").status == 200
        assert server.ask("/events", "POST", EVENT.encode()).status == 200


def test_a_server_that_only_shows_takes_nothing(tmp_path: Path) -> None:
    """With --read-only, what is posted is refused, and the options that say what a line means are wrong usage."""
    ledger = ledger_in(tmp_path)
    before = ledger.read_bytes()
    with ended_well(Served(ledger, "--read-only")) as server:
        assert post(server, EVENT).status == 403
        assert "/events" not in server.ask("/openapi.json").json["paths"]
    assert ledger.read_bytes() == before
    with pytest.raises(AssertionError, match="no use"), Served(ledger, "--read-only", "--type-field", "kind"):
        pass


def test_the_ledger_keeps_what_a_line_means(tmp_path: Path) -> None:
    """The options of a new ledger hold from then on; others are wrong usage, before anything is served."""
    ledger = tmp_path / "ledger.db"
    with ended_well(Served(ledger, "--type-field", "kind", "--count-only", "--granularity", "day")) as server:
        assert post(server, '{"kind":"a"}\n').json["accepted"] == 1
    with ended_well(Served(ledger)) as server:
        assert post(server, '{"kind":"a"}\n').json["accepted"] == 1
    with (
        pytest.raises(AssertionError, match="--type-field type: the ledger was begun with"),
        Served(ledger, "--type-field", "type"),
    ):
        pass
    with pytest.raises(AssertionError, match="there is no such directory"), Served(tmp_path / "no" / "ledger.db"):
        pass


def test_a_key_counts_once(tmp_path: Path) -> None:
    """The same key and body have the same answer, byte for byte, also from another server; another body has none."""
    ledger = tmp_path / "ledger.db"
    body = EVENT + "junk é\n"
    with ended_well(Served(ledger)) as server:
        first = post(server, body, Idempotency_Key="k")
        again = post(server, gzip.compress(body.encode()), Idempotency_Key="k", Content_Encoding="gzip")
        assert again.body == first.body
        assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
        other = post(server, EVENT, Idempotency_Key="k")
        assert (other.status, bool(other.json["detail"])) == (422, True)
        assert post(server, EVENT, Idempotency_Key="k2").status == 200
        assert post(server, EVENT, Idempotency_Key="").status == 400
    with ended_well(Served(ledger)) as server:
        assert post(server, body, Idempotency_Key="k").body == first.body
    assert totals(ledger) == [{"type": "a", "count": 2, "sum": 2.2}]


def test_keys_that_arrive_together_count_once(tmp_path: Path) -> None:
    """Of many requests with one key at the same time, one counts, and all have its answer."""
    ledger = tmp_path / "ledger.db"
    with ended_well(Served(ledger)) as server:
        answers: list[Answer] = []
        threads = [
            threading.Thread(target=lambda: answers.append(post(server, EVENT, Idempotency_Key="k"))) for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {(answer.status, answer.body) for answer in answers} == {(200, answers[0].body)}
        assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert totals(ledger) == [{"type": "a", "count": 1, "sum": 1.1}]


def test_a_body_that_is_cut_counts_nothing(tmp_path: Path) -> None:
    """A client that goes away in the middle of a body, or is slow, adds nothing, and keeps nobody waiting."""
    ledger = tmp_path / "ledger.db"
    head = b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
    with Served(ledger) as server:
        for part in (
            b"Content-Length: 1000\r\n\r\n" + EVENT.encode(),
            b"Transfer-Encoding: chunked\r\n\r\n10\r\n" + EVENT.encode()[:16] + b"\r\n",
        ):
            with socket.create_connection(("127.0.0.1", server.port)) as connection:
                connection.sendall(head + part)
        slow = socket.create_connection(("127.0.0.1", server.port))
        slow.sendall(head + b"Content-Length: 1000\r\n\r\n" + EVENT.encode())
        assert post(server, EVENT).status == 200
        before = time.monotonic()
        assert server.end() == (-signal.SIGTERM, "")
        # Its bound is a second; a busy machine is another matter.
        assert time.monotonic() - before < 20
        with suppress(OSError):
            assert b" 200 " not in slow.recv(65536)
        slow.close()
    assert totals(ledger) == [{"type": "a", "count": 1, "sum": 1.1}]


class Client(threading.Thread):
    """Posts numbered events under keys, again after each failure, until it has had all answers."""

    def __init__(self, name: str, port: list[int], number: int) -> None:
        """Post `number` bodies to whatever server has the port at that moment."""
        super().__init__(daemon=True)
        self.name, self.port, self.number = name, port, number
        self.has_failed: list[str] = []

    def run(self) -> None:
        """Post."""
        for count in range(self.number):
            body = (LINE % (self.name, str(count + 1)) + LINE % (self.name, "0.1")).encode()
            deadline = time.monotonic() + 120
            while time.monotonic() < deadline:
                try:
                    connection = http.client.HTTPConnection("127.0.0.1", self.port[0], timeout=20)
                    connection.request("POST", "/events", body, {"Idempotency-Key": f"{self.name}-{count}"})
                    answer = connection.getresponse()
                    answer.read()
                    connection.close()
                except (OSError, http.client.HTTPException):
                    time.sleep(0.05)
                    continue
                if answer.status == 200:
                    break
                time.sleep(0.05)
            else:
                self.has_failed.append(f"no answer to {count}")
                return


def test_nothing_is_lost_or_doubled_when_the_server_is_killed(tmp_path: Path) -> None:
    """Clients that repeat what had no answer end up counted exactly once, however often the server is killed."""
    ledger, number, random = tmp_path / "ledger.db", 60, Random(7)
    server = Served(ledger)
    port = [server.port]
    clients = [Client(f"c{one}", port, number) for one in range(4)]
    for client in clients:
        client.start()
    try:
        for _ in range(4):
            time.sleep(0.2 + random.random() / 2)
            server.__exit__()
            server = Served(ledger)
            port[0] = server.port
        for client in clients:
            client.join()
            assert not client.has_failed
        assert server.end() == (-signal.SIGTERM, "")
    finally:
        server.__exit__()
    total = number * (number + 1) // 2
    assert totals(ledger) == [
        {"type": client.name, "count": 2 * number, "sum": round(total + number / 10, 1)} for client in clients
    ]


def test_two_writers_have_their_turns(tmp_path: Path) -> None:
    """While events are posted, `ingest` adds a log to the same ledger, and the other way round."""
    ledger, log = tmp_path / "ledger.db", tmp_path / "log.jsonl"
    with ended_well(Served(ledger)) as server:
        client = Client("c", [server.port], 150)
        client.start()
        for count in range(10):
            with log.open("a") as file:
                file.write(LINE % ("log", str(count)))
            run("ingest", "--ledger", ledger, log, "--wait", "60")
        client.join()
        assert not client.has_failed
        assert [one["count"] for one in server.ask("/stats").json] == [300, 10]
    assert totals(ledger) == [{"type": "c", "count": 300, "sum": 11340}, {"type": "log", "count": 10, "sum": 45}]


def test_a_ledger_that_is_held_is_busy(tmp_path: Path) -> None:
    """If another program keeps the ledger locked, what is posted gets 503 and when to try again, and does not count."""
    ledger = ledger_in(tmp_path, LINE % ("log", "5"))
    with ended_well(Served(ledger)) as server:
        assert post(server, EVENT).status == 200
        script = (
            "import sys\nfrom eventcli.ledger.store.hold import Hold\nhold = Hold(sys.argv[1], create=False, wait=30)"
        )
        holder = subprocess.Popen(
            [sys.executable, "-c", f"{script}\nprint(flush=True)\nsys.stdin.read()", str(ledger)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert holder.stdout
        holder.stdout.readline()
        answer = post(server, EVENT)
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert server.ask("/stats").status == 200
        holder.communicate()
        assert post(server, EVENT).status == 200
    assert totals(ledger)[0] == {"type": "a", "count": 2, "sum": 2.2}


def test_a_full_disk_is_said_and_got_over(tmp_path: Path) -> None:
    """What cannot be written gets 503 and does not count; as soon as there is room, all goes on."""
    ledger = tmp_path / "ledger.db"
    with ended_well(Served(ledger)) as server:
        assert post(server, EVENT).status == 200
        # To the process, a limit of the size of files is a disk that is full.
        size = ledger.stat().st_size
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        crowd = "".join(LINE % (f"type {number}", "1") for number in range(5000))
        answer = post(server, crowd)
        assert answer.status == 503
        assert "written" in answer.json["detail"]
        assert server.ask("/stats").json == [{"type": "a", "count": 1, "sum": 1.1}]
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert post(server, crowd).json["accepted"] == 5000
    assert len(totals(ledger)) == 5001


def test_a_ledger_that_changes_under_a_writer_is_noticed(tmp_path: Path) -> None:
    """Nothing is added to a ledger that is gone or damaged; to one that was put in its place, everything is."""
    ledger, kept = tmp_path / "ledger.db", tmp_path / "kept.db"
    with ended_well(Served(ledger)) as server:
        assert post(server, EVENT).status == 200
        kept.write_bytes(ledger.read_bytes())
        ledger.unlink()
        assert post(server, EVENT).status == 503
        assert not ledger.exists()
        kept.rename(ledger)
        assert post(server, EVENT).status == 200
        with sqlite3.connect(ledger) as connection:
            connection.execute("UPDATE streams SET accepted = accepted + 1")
        connection.close()
        before = ledger.read_bytes()
        assert post(server, EVENT).status == 503
        assert ledger.read_bytes() == before
        with sqlite3.connect(ledger) as connection:
            connection.execute("UPDATE streams SET accepted = accepted - 1")
        connection.close()
        assert post(server, EVENT).status == 200
        os.replace(ledger, kept)
        ledger_in(tmp_path, LINE % ("log", "5"))
        assert post(server, EVENT).status == 200
    assert [one["count"] for one in totals(ledger)] == [1, 1]
    assert totals(kept) == [{"type": "a", "count": 3, "sum": 3.3}]


def test_a_posted_body_needs_the_token(tmp_path: Path) -> None:
    """With a token, nothing is taken without it."""
    (tmp_path / "token").write_text("s3cret")
    with ended_well(Served(tmp_path / "ledger.db", "--token-file", str(tmp_path / "token"))) as server:
        assert post(server, EVENT).status == 401
        assert post(server, EVENT, Authorization="Bearer s3cret").status == 200
        assert server.ask("/stats", Authorization="Bearer s3cret").json[0]["count"] == 1
