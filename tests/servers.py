"""A server on loopback that stores objects: by plain HTTP, and as much of S3 and Google Cloud Storage as reading takes.

It can do what networks and servers do: cut a connection, ignore ranges, change an object, refuse, redirect.
"""

import asyncio
import contextlib
import importlib
import json
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest

from process import PATIENCE

MODIFIED: Final = "Tue, 06 Oct 2020 10:02:05 GMT"

_PIECE: Final = 65536


class Seen(NamedTuple):
    """A request that the server got: its method, its path, the range that it asked for, and what a proxy is told."""

    method: str
    path: str
    range: str
    proxy_authorization: str = ""


@dataclass
class Server:
    """What the server holds, and how it is to behave."""

    host: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    """By `bucket/name`; over HTTP that is the path."""
    cuts: deque[int] = field(default_factory=deque)
    """After how many bytes of a body the connection is cut, for one answer after the other."""
    on_cut: Callable[[], object] = lambda: None
    statuses: deque[int] = field(default_factory=deque)
    """What is answered to the next requests, in place of what they ask for."""
    refusal: str = "Refused"
    """What is said with those."""
    reset: bool = False
    """Whether connections are cut by a reset, and not by closing them."""
    ranges: bool = True
    conditions: bool = True
    """Whether requests that name another version are refused."""
    chunked: bool = False
    length: bool = True
    etag: Callable[[bytes], str | None] = lambda data: f'"{hash(data)}"'
    modified: str | None = MODIFIED
    headers: dict[str, str] = field(default_factory=dict)
    whole: int = 200
    """The status of the answer to a request for a whole object."""
    location: str = ""
    """Where `away` leads to."""
    drip: float = 0
    """Seconds between two small pieces of a body."""
    hangs_up: bool = False
    """Whether connections are closed after each answer, without a word about it."""
    connections: int = 0
    """Those that were opened."""
    is_over: threading.Event = field(default_factory=threading.Event)
    """Set when the test ends, so that no answer goes on."""
    seen: list[Seen] = field(default_factory=list)
    is_secure: bool = False

    @property
    def url(self) -> str:
        """The URL of the server, without a slash at its end."""
        return f"{'https' if self.is_secure else 'http'}://{self.host}"

    def ranges_of(self, name: str) -> list[str]:
        """Return the ranges that were asked for of an object, in order; empty texts for the whole."""
        paths = [(unquote(urlsplit(seen.path).path), seen) for seen in self.seen if seen.method == "GET"]
        return [seen.range for path, seen in paths if path.endswith(name)]


@contextlib.contextmanager
def in_background(server: socketserver.BaseServer) -> Iterator[None]:
    """Have a server answer on a thread of its own while the block runs."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def serve(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Run a server on a free port of loopback."""
    state = Server(is_secure=tls is not None)
    handler = type("Handler", (_Handler,), {"state": state})
    with _Listener(("127.0.0.1", 0), handler) as listener:
        if tls is not None:
            listener.socket = tls.wrap_socket(listener.socket, server_side=True)
        state.host = f"127.0.0.1:{listener.server_port}"
        try:
            with in_background(listener):
                try:
                    yield state
                finally:
                    state.is_over.set()
        finally:
            listener.end_connections()


def stands_in(server: Server, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Let the libraries of stores find the server, and neither credentials nor proxies nor services of this machine."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
    monkeypatch.setenv("FSSPEC_GS_TOKEN", "anon")
    if find_spec("fsspec") is not None:
        # The variable is for processes that are started; in this one it may have been looked at before.
        monkeypatch.setitem(importlib.import_module("fsspec.config").conf, "gs", {"token": "anon"})


def forget_connections() -> None:
    """Forget what the libraries keep for the next object of the same store: each test has a server of its own.

    What was given up must end, too: gcsfs would try for minutes to reach a server that is gone.
    """
    if (asyn := sys.modules.get("fsspec.asyn")) is not None and asyn.loop[0] is not None:
        until = time.monotonic() + PATIENCE
        while any(thread.name.startswith("eventstats-range") for thread in threading.enumerate()):
            assert time.monotonic() < until, "a request for an object does not end"
            asyncio.run_coroutine_threadsafe(_cancel_all(), asyn.loop[0]).result(PATIENCE)
            time.sleep(0.001)
    if (fsspec := sys.modules.get("fsspec")) is not None:
        for kind in _subclasses(fsspec.AbstractFileSystem):
            kind.clear_instance_cache()


async def _cancel_all() -> None:
    """Cancel all other tasks of this loop."""
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


def _subclasses(kind: Any) -> Iterator[Any]:
    for subclass in kind.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def url_of(server: Server, store: str, name: str = "bucket/events.jsonl") -> str:
    """Return the URL of an object in one of the stores; skip the test where its library is missing."""
    if store == "http":
        return f"{server.url}/{name}"
    if find_spec({"s3": "s3fs", "gs": "gcsfs"}[store]) is None:
        pytest.skip("installed without the extra eventcli[remote]")
    return f"{store}://{name}"


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._open: set[socket.socket] = set()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Answer all requests of a connection, which clients keep open for the next one."""
        self._open.add(request)
        try:
            super().finish_request(request, client_address)
        finally:
            self._open.discard(request)

    def end_connections(self) -> None:
        """End the connections that are open, and with them their threads."""
        for connection in tuple(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients go away in these tests."""


class _Handler(BaseHTTPRequestHandler):
    state: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name in the base class
        """Say nothing."""

    def do_HEAD(self) -> None:  # the form of the base class
        """Answer with the headers of an object."""
        self.do_GET()

    def do_GET(self) -> None:  # the form of the base class
        """Answer with an object, a list of objects, or what is known of one."""
        self._answer()
        if self.state.hangs_up:
            self.close_connection = True

    def setup(self) -> None:
        """Count the connection."""
        super().setup()
        self.state.connections += 1

    def _answer(self) -> None:
        state = self.state
        authorization = self.headers.get("Proxy-Authorization", "")
        state.seen.append(Seen(self.command, self.path, self.headers.get("Range", ""), authorization))
        if state.statuses and (status := state.statuses.popleft()):
            self._refuse(status, state.refusal)
            return
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        path = unquote(parts.path).strip("/")
        if path.startswith("redirect/"):
            self._send(302, b"", {"Location": f"{state.url}/{path.removeprefix('redirect/')}"})
        elif path == "away":
            self._send(302, b"x" * 1000, {"Location": state.location})
        elif path.startswith(("storage/v1/b/", "download/storage/v1/b/")):
            bucket, _, name = path.partition("/v1/b/")[2].partition("/o")
            self._google(bucket, name.strip("/"), query)
        elif "list-type" in query:
            self._list_of_s3(path, query)
        elif any(name.startswith(f"{path}/") for name in state.objects) and "/" not in path:
            self._send(200, b"", {})  # a bucket
        elif path in state.objects:
            self._object(state.objects[path])
        else:
            self._refuse(404, "NoSuchKey" if "/" in path else "NoSuchBucket")

    # ---------------------------------------------------------------------------------------------- objects

    def _object(self, data: bytes) -> None:
        state = self.state
        etag = state.etag(data)
        if state.conditions and self.headers.get("If-Match", etag) != etag:
            self._refuse(412, "PreconditionFailed")
            return
        if (
            state.conditions
            and state.modified
            and self.headers.get("If-Unmodified-Since", state.modified) != state.modified
        ):
            self._refuse(412, "PreconditionFailed")
            return
        headers = {"Accept-Ranges": "bytes" if state.ranges else "none", **state.headers}
        if etag:
            headers["ETag"] = etag
        if state.modified:
            headers["Last-Modified"] = state.modified
        wanted = self.headers.get("Range", "")
        if not wanted or not state.ranges or self.headers.get("If-Range", etag) not in {etag, state.modified}:
            self._send(state.whole, data, headers)
            return
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last or len(data)) + 1, len(data))
        if start >= end:
            self._refuse(416, "InvalidRange")
            return
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
        self._send(206, data[start:end], headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        state = self.state
        chunked = state.chunked and status == HTTPStatus.OK
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif state.length or status != HTTPStatus.OK:
            self.send_header("Content-Length", str(len(body)))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command == "HEAD":
            return
        # What a client asks about an object is shorter than what is cut.
        cut = state.cuts.popleft() if body and state.cuts and state.cuts[0] <= len(body) else -1
        for start in range(0, len(body) if cut < 0 else cut, _PIECE):
            piece = body[start : start + _PIECE] if cut < 0 else body[start : min(start + _PIECE, cut)]
            if state.drip:
                for byte in piece[:100]:
                    if state.is_over.wait(state.drip):
                        return
                    self.wfile.write(bytes((byte,)))
                return
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        if cut >= 0:
            state.on_cut()
            self._cut()
        elif chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _cut(self) -> None:
        self.close_connection = True
        if self.state.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            self.connection.shutdown(socket.SHUT_RDWR)

    def _refuse(self, status: int, code: str) -> None:
        self._send(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode(), {})

    # ------------------------------------------------------------------------------------------------ lists

    def _found(self, bucket: str, query: dict[str, str]) -> tuple[dict[str, bytes], list[str]]:
        """Return the objects of a bucket below a prefix, and the prefixes that a delimiter puts together."""
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        objects: dict[str, bytes] = {}
        prefixes = set()
        for path, data in self.state.objects.items():
            place, _, name = path.partition("/")
            if place == bucket and name.startswith(prefix):
                head, mark, _ = name[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
                if mark:
                    prefixes.add(prefix + head + mark)
                else:
                    objects[name] = data
        return objects, sorted(prefixes)

    def _list_of_s3(self, bucket: str, query: dict[str, str]) -> None:
        objects, prefixes = self._found(bucket, query)
        if not any(path.startswith(f"{bucket}/") for path in self.state.objects):
            self._refuse(404, "NoSuchBucket")
            return
        contents = "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>{len(data)}</Size><ETag>{self.state.etag(data)}</ETag>"
            "<LastModified>2020-10-06T10:02:05.000Z</LastModified><StorageClass>STANDARD</StorageClass></Contents>"
            for name, data in sorted(objects.items())
        )
        common = "".join(f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>" for name in prefixes)
        body = (
            '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{bucket}</Name><IsTruncated>false</IsTruncated>{contents}{common}</ListBucketResult>"
        )
        self._send(200, body.encode(), {"Content-Type": "application/xml"})

    def _google(self, bucket: str, name: str, query: dict[str, str]) -> None:
        data = self.state.objects.get(f"{bucket}/{name}")
        if not name:
            objects, prefixes = self._found(bucket, query)
            items = [self._about(bucket, *pair) for pair in sorted(objects.items())]
            self._send_json({"kind": "storage#objects", "items": items, "prefixes": prefixes})
        elif data is None:
            self._refuse(404, "Not Found")
        elif query.get("alt") == "media":
            self._object(data)
        else:
            self._send_json(self._about(bucket, name, data))

    def _about(self, bucket: str, name: str, data: bytes) -> dict[str, str]:
        """Return what Google Cloud Storage tells about an object; a generation is a number."""
        stamp = "2020-10-06T10:02:05.000Z"
        about = {"kind": "storage#object", "bucket": bucket, "name": name, "size": str(len(data))}
        return {**about, "generation": str(abs(hash(data))), "updated": stamp, "timeCreated": stamp}

    def _send_json(self, answer: object) -> None:
        self._send(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})
