"""Whoever watches gets everything first, and then only what changes; the end of the server ends the stream."""

import http.client
import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from served import LINE, Served, ended_well, ledger_in

pytest.importorskip("fastapi", reason="built without the extra serve")

SUM = "123456789012345678901234567890.12345"


class Watcher:
    """A client of the stream."""

    def __init__(self, server: Served, question: str = "", **headers: str) -> None:
        """Connect, and check that it is a stream."""
        self.connection = server.connect()
        self.connection.request("GET", f"/live{question}", headers=headers)
        self.answer = self.connection.getresponse()
        self.status = self.answer.status

    def event(self) -> dict[str, Any]:
        """Return the next event with data."""
        while True:
            line = self.answer.readline()
            assert line, "the stream has ended"
            if line.startswith(b"data: "):
                found: dict[str, Any] = json.loads(line[6:])
                return found

    def close(self) -> None:
        """Leave."""
        self.connection.close()


def post(server: Served, text: str) -> None:
    """Post events."""
    assert server.ask("/events", "POST", text.encode()).status == 200


def numbers_in(value: Any) -> list[object]:
    """Return all numbers of a JSON value."""
    if isinstance(value, dict):
        return [number for one in value.values() for number in numbers_in(one)]
    if isinstance(value, list):
        return [number for one in value for number in numbers_in(one)]
    return [value] if isinstance(value, (int, float)) and not isinstance(value, bool) else []


def test_the_first_event_has_everything_and_others_what_differs(tmp_path: Path) -> None:
    """All numbers are texts, exact; a type that did not change is not sent again, one that is gone is named."""
    ledger = ledger_in(tmp_path, LINE % ("a", "1") + LINE % ("huge", SUM) + "junk\n")
    with ended_well(Served(ledger)) as server:
        watcher = Watcher(server)
        first = watcher.event()
        assert first["whole"]
        assert first["types"] == [["a", "1", "1"], ["huge", "1", SUM]]
        assert first["account"]["reasons"] == {"invalid_json": "1"}
        assert [one["source"] for one in first["sources"]] == [str(tmp_path / "log.jsonl")]
        assert first["hours"]["lines"][0] == {"type": None, "counts": ["2"]}
        assert not numbers_in(first)
        post(server, LINE % ("a", "2"))
        second = watcher.event()
        assert second["types"] == [["a", "2", "3"]]
        assert "whole" not in second
        assert second["account"]["lines"] == "4"
        late = Watcher(server)
        assert late.event()["types"] == [["a", "2", "3"], ["huge", "1", SUM]]
        ledger.unlink()
        assert "deleted" in watcher.event()["problem"]
        (tmp_path / "other").mkdir()
        ledger_in(tmp_path / "other", LINE % ("a", "2")).rename(ledger)  # at once: while it is made, it has no types
        last = watcher.event()
        assert (last["problem"], last["gone"]) == (None, ["huge"])
        watcher.close()
        late.close()


def test_a_question_can_be_watched(tmp_path: Path) -> None:
    """A window and a zone are those of the ledger; what means nothing is refused before any event."""
    ledger = ledger_in(tmp_path, LINE % ("a", "1") + (LINE % ("b", "1")).replace("2020", "2021"))
    with ended_well(Served(ledger)) as server:
        watcher = Watcher(server, "?since=2021-01-01&tz=Asia/Tokyo")
        first = watcher.event()
        assert first["types"] == [["b", "1", "1"]]
        assert first["hours"]["starts"] == ["2021-10-06T17:00:00+09:00"]
        watcher.close()
        # Its hours begin within those of the ledger.
        watcher = Watcher(server, "?tz=Asia/Kolkata")
        assert "whole hours" in watcher.event()["hours"]["why"]
        watcher.close()
        for question in ("?since=never", "?since=2021-01-01&until=never", "?since=1h&tz=Nowhere"):
            assert server.ask(f"/live{question}").status == 422
        assert server.ask("/live", Host="evil.example").status == 400


def test_a_hundred_pages_keep_no_server_alive(tmp_path: Path) -> None:
    """With many streams open, all get what changes, and a signal ends the server within a second, in silence."""
    with Served(ledger_in(tmp_path)) as server:
        watchers = [Watcher(server) for _ in range(100)]
        for watcher in watchers:
            assert watcher.event()["whole"]
        post(server, LINE % ("new", "1"))
        for watcher in watchers:
            assert watcher.event()["types"] == [["new", "1", "1"]]
        before = time.monotonic()
        assert server.end() == (-signal.SIGTERM, "")
        # Its bound is a second; a busy machine is another matter.
        assert time.monotonic() - before < 20
        for watcher in watchers:
            assert not watcher.answer.read().strip()
            watcher.close()


def test_clients_that_leave_are_forgotten(tmp_path: Path) -> None:
    """A question that nobody watches any longer makes room for others."""
    with ended_well(Served(ledger_in(tmp_path))) as server:
        for number in range(70):
            watcher = Watcher(server, f"?since=2020-01-01T{number % 24:02}:00&until=20{30 + number // 24}-01-01")
            while watcher.status == 503:
                watcher.close()
                time.sleep(0.1)
                watcher = Watcher(server, f"?since=2020-01-01T{number % 24:02}:00&until=20{30 + number // 24}-01-01")
            assert watcher.event()["whole"]
            watcher.close()
        assert server.ask("/healthz").status == 200


def test_the_stream_is_for_no_cache(tmp_path: Path) -> None:
    """Proxies neither keep nor gather events."""
    with ended_well(Served(ledger_in(tmp_path))) as server:
        watcher = Watcher(server)
        headers = watcher.answer.headers
        assert headers["content-type"].startswith("text/event-stream")
        assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store", "no")
        watcher.close()
        assert isinstance(watcher.answer, http.client.HTTPResponse)
