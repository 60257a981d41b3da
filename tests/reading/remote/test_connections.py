"""`reading.remote.connections`: connections are kept for the next range, and none that is not fit for it."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Final

import pytest

from clusters import wait_for
from eventcli.reading.remote import failures
from eventcli.reading.remote.listing import objects
from eventcli.reading.remote.parts import open_part
from eventcli.reading.source import read_all
from servers import Server, in_background, serve, stands_in

DATA: Final = bytes(range(256)) * 400

RANGES: Final = 103
"""Of which the object is made."""

AHEAD: Final = 3


@pytest.fixture(autouse=True)
def _small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut small objects."""
    monkeypatch.setattr("eventcli.reading.remote.ranges.RANGE", 1000)
    monkeypatch.setattr("eventcli.reading.remote.ranges.AHEAD", AHEAD)
    monkeypatch.setattr(failures, "PAUSE", 0.001)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    """Run a server of objects."""
    with serve() as running:
        stands_in(running, monkeypatch, tmp_path)
        running.objects["bucket/log"] = DATA
        yield running


def read(server: Server) -> bytes:
    """Read an object as a part."""
    [state] = objects(f"{server.url}/bucket/log", None, "{}")
    assert state.size is not None
    assert state.version is not None
    server.connections = 0
    with open_part(state.url, (state.size, state.version), (0, state.size), None, "{}") as part:
        return read_all(part)


def test_ranges_share_connections(server: Server) -> None:
    """As many connections are opened as there are requests at a time, and none stays open."""
    before = threading.active_count()
    assert read(server) == DATA
    assert len(server.ranges_of("log")) >= RANGES
    assert server.connections <= AHEAD
    # Each open connection has a thread of the server.
    wait_for(lambda: threading.active_count() <= before, "a connection is open")


def test_a_server_that_closes_connections_is_connected_again(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that was closed while it waited is no failure: the request goes over a new one."""
    server.hangs_up = True
    # The tries for failures would hide it.
    monkeypatch.setattr(failures, "TRIES", 0)
    assert read(server) == DATA


@pytest.mark.parametrize("header", [{"Connection": "close"}, {"Content-Type": "text/plain"}], ids=str)
def test_a_server_may_ask_for_the_end_of_a_connection(server: Server, header: dict[str, str]) -> None:
    """After an answer that says so, the connection is not used again."""
    server.headers |= header
    assert read(server) == DATA
    assert (server.connections >= RANGES) == ("Connection" in header)


def test_an_answer_that_was_not_read_to_its_end_spoils_its_connection(server: Server) -> None:
    """The rest of an answer is never taken for the answer to the next request."""
    server.refusal = "x" * 5000
    server.statuses.extend([HTTPStatus.SERVICE_UNAVAILABLE, 0, 0, 0] * 3)
    assert read(server) == DATA


@pytest.mark.parametrize("way", ["direct", "proxy"])
def test_connections_with_tls_are_kept(way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ranges share connections with TLS, too, be they direct or through a proxy."""
    trustme = pytest.importorskip("trustme")
    import ssl  # noqa: PLC0415  # needed here alone

    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with serve(context) as server, proxy() as (address, tunnels):
        stands_in(server, monkeypatch, tmp_path)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        if way == "proxy":
            monkeypatch.setenv("https_proxy", f"http://{address}")
        server.objects["bucket/log"] = DATA
        assert read(server) == DATA
        assert server.connections <= AHEAD
        assert bool(tunnels) == (way == "proxy")


@contextmanager
def proxy() -> Iterator[tuple[str, list[str]]]:
    """Run a proxy that passes on the bytes of tunnels; yield its address, and the places that were asked for."""
    tunnels: list[str] = []

    class Tunnel(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            place = self.rfile.readline().split()[1].decode()
            while self.rfile.readline().strip():
                pass
            tunnels.append(place)
            host, _, port = place.partition(":")
            with socket.create_connection((host, int(port))) as there:
                self.connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=_pass_on, args=(there, self.connection))
                back.start()
                _pass_on(self.connection, there)
                back.join()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tunnel) as server, in_background(server):
        yield f"127.0.0.1:{server.server_address[1]}", tunnels


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_WR)
