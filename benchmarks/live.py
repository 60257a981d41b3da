"""The figures of `eventstats serve`: requests and events a second, commit to page, the end with pages open.

Needs wrk for the requests. Prints one JSON object; --record adds it to a file. Ends with 1 where a goal is missed.
"""

import argparse
import json
import os
import re
import selectors
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from measuring import find_eventstats

_EVENT: Final = '{"type":"t%02d","value":%d.5,"occurred_at":"2020-10-%02dT%02d:00:00Z"}\n'

_TICKS: Final = os.sysconf("SC_CLK_TCK")

_CONNECTIONS: Final = 32

GOALS: Final = {
    "stats requests/s": (8000, True),
    "stats CPU us": (100, False),
    "post 1 line, requests/s": (1000, True),
    "post 1000 lines, events/s": (600_000, True),
    "commit to 500 pages, s": (0.5, False),
    "refresh of 67,200 cells, s": (0.06, False),
    "SIGTERM with 500 pages, s": (1, False),
}
"""What is to be reached, and whether more is better."""


class Load(NamedTuple):
    """What wrk measured, and the server's CPU seconds meanwhile."""

    requests: int
    seconds: float
    cpu: float
    p50: str
    p99: str


class Server:
    """A server of a ledger in a process of its own."""

    def __init__(self, ledger: Path) -> None:
        """Start it, and wait until it answers."""
        command = [find_eventstats(), "serve", "--ledger", str(ledger), "--port", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        self.port = int(self.url.rstrip("/").rpartition(":")[2])

    def cpu(self) -> float:
        """Return the CPU seconds that it has taken."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def load(self, path: str, seconds: int, script: Path | None = None) -> Load:
        """Load it with wrk."""
        before = self.cpu()
        command = ["wrk", "-t1", f"-c{_CONNECTIONS}", f"-d{seconds}s", "--latency"]
        command += ["-s", str(script)] if script else []
        text = subprocess.run([*command, self.url + path], capture_output=True, text=True, check=True).stdout
        assert "Non-2xx" not in text, text
        done = re.search(r"(\d+) requests in ([\d.]+)s", text)
        latency = dict(re.findall(r"(50|99)%\s+(\S+)", text))
        assert done
        return Load(int(done[1]), float(done[2]), self.cpu() - before, latency["50"], latency["99"])

    def post(self, body: str) -> None:
        """Post events."""
        head = f"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall((head + body).encode())
            answer = connection.recv(65536)
            assert b" 200 " in answer, answer

    def watch(self) -> socket.socket:
        """Return a connection to which what changes is sent, after the first event."""
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.sendall(b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        got = b""
        while b"data: {" not in got or not got.endswith(b"\n\n\r\n"):
            got += connection.recv(65536)
        return connection

    def end(self) -> float:
        """End it by a signal, and return how long that took."""
        began = time.perf_counter()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        return time.perf_counter() - began


@contextmanager
def serving(ledger: Path) -> Iterator[Server]:
    """Serve a ledger for as long as the block lasts."""
    server = Server(ledger)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.communicate()


def told(server: Server, watchers: list[socket.socket], rounds: int) -> float:
    """Return the median of seconds from a post to the moment when all watchers have it."""
    waits = []
    for _ in range(rounds):
        time.sleep(0.5)
        began = time.perf_counter()
        server.post(_EVENT % (1, 1, 20, 1))
        left = set(watchers)
        with selectors.DefaultSelector() as selector:
            for watcher in watchers:
                selector.register(watcher, selectors.EVENT_READ)
            while left:
                for key, _ in selector.select():
                    if b"data: {" in key.fileobj.recv(1 << 20):  # type: ignore[union-attr]
                        left.discard(key.fileobj)
        waits.append(time.perf_counter() - began)
    return statistics.median(waits)


def measure(folder: Path, seconds: int, pages: int, hours: int) -> dict[str, Any]:
    """Return all figures."""
    figures: dict[str, Any] = {}
    with serving(folder / "small.db") as server:
        server.post("".join(_EVENT % (number, number, 6, 8) for number in range(100)))
        if shutil.which("wrk"):
            load = server.load("stats", seconds)
            figures["stats requests/s"] = round(load.requests / load.seconds)
            figures["stats CPU us"] = round(load.cpu / load.requests * 1e6, 1)
            figures["stats p50, p99"] = [load.p50, load.p99]
            for lines in (1, 100, 1000, 10_000):
                body = "".join(_EVENT % (number % 100, number, 6, 8) for number in range(lines))
                script = folder / "post.lua"
                script.write_text(f'wrk.method = "POST"\nwrk.body = [[{body}]]\n', encoding="ascii")
                load = server.load("events", seconds, script)
                rate = load.requests / load.seconds
                name = f"post {lines} line{'s' * (lines > 1)}"
                figures[f"{name}, requests/s"] = round(rate)
                figures[f"{name}, events/s"] = round(rate * lines)
                figures[f"{name}, p50, p99"] = [load.p50, load.p99]
        watchers = [server.watch() for _ in range(pages)]
        figures[f"commit to {pages} pages, s"] = round(told(server, watchers, 5), 3)
        figures[f"SIGTERM with {pages} pages, s"] = round(server.end(), 3)
        for watcher in watchers:
            watcher.close()
    with serving(folder / "large.db") as server:
        for hour in range(hours):
            body = "".join(_EVENT % (number, hour, 1 + hour // 24, hour % 24) for number in range(100))
            server.post(body)
        watchers = [server.watch()]
        server.post(_EVENT % (1, 1, 20, 1))
        before = server.cpu()
        rounds = 10
        told(server, watchers, rounds)
        # What the server does for a commit and a refresh of the page.
        figures[f"refresh of {hours * 100:,} cells, s"] = round((server.cpu() - before) / rounds, 3)
        watchers[0].close()
    return figures


def main() -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="of each load (default: %(default)s)")
    parser.add_argument("--pages", type=int, default=500, help="open at once (default: %(default)s)")
    parser.add_argument("--hours", type=int, default=672, help="in the large ledger, of 100 types (%(default)s)")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write the figures to FILE, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="eventstats-live-") as folder:
        figures = measure(Path(folder), options.seconds, options.pages, options.hours)
    text = json.dumps(figures, indent=1)
    print(text)
    if options.record:
        options.record.write_text(f"{text}\n", encoding="ascii")
    missed = [
        name
        for name, (goal, is_more) in GOALS.items()
        if name in figures and ((figures[name] < goal) if is_more else (figures[name] > goal))
    ]
    for name in missed:
        print(f"missed: {name} {figures[name]}, to reach {GOALS[name][0]}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
