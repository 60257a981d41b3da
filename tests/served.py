"""A server of a ledger: a process of its own, asked over HTTP."""

import http.client
import json
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import process
from forks import Forks
from process import PATIENCE, forked

FORKS: Final = Forks("cli.serve", "serve.run")
"""What forks servers. Measured: without it, loading FastAPI is 1.8 of the 2.2 s of CPU that the start of one takes."""

LINE = '{"type":"%s","value":%s,"occurred_at":"2020-10-06 08:00:03"}\n'


class Answer(NamedTuple):
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


class Served:
    """A running server."""

    def __init__(self, ledger: Path, *args: str) -> None:
        """Start it, and wait until it answers."""
        port = () if "--port" in args else ("--port", "0")
        self._block = ExitStack()
        self.process = self._block.enter_context(forked(FORKS, "serve", "--ledger", str(ledger), *args, *port))
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().decode().strip()
        if not self.url:
            raise AssertionError(f"it does not serve: {self.end()[1]}")
        self.port = int(self.url.rstrip("/").rpartition(":")[2])

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection to it."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        """Ask something; in the names of headers, _ is a dash."""
        connection = self.connect()
        try:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """End it by a signal; return its status and what it wrote to stderr."""
        self.process.send_signal(number)
        _, stderr = self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode is not None
        return self.process.returncode, stderr.decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._block.close()


@contextmanager
def ended_well(server: Served) -> Iterator[Served]:
    """At the end of the block, the server ends by SIGTERM in silence."""
    with server:
        yield server
        assert server.end() == (-signal.SIGTERM, "")


def run(*args: str | Path, check: bool = True) -> bytes:
    """Return what a command prints."""
    ended = process.run(*map(str, args))
    assert ended.status == 0 or not check, ended
    return ended.stdout


def ledger_in(folder: Path, text: str | None = None) -> Path:
    """Return a new ledger of a small log with a bad line."""
    log, ledger = folder / "log.jsonl", folder / "ledger.db"
    log.write_text(LINE % ("a", "1.10") + LINE % ("b/c", "2") + '{"type":1}\n' if text is None else text)
    run("ingest", "--ledger", ledger, log)
    return ledger
