"""A server on loopback that stores objects: by plain HTTP, and as much of S3 and Google Cloud Storage as reading takes.

It can do what networks and servers do: cut a connection, ignore ranges, change an object, refuse, redirect.
"""

import contextlib
import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

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
    seen: list[Seen] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The URL of the server, without a slash at its end."""
        return f"http://{self.host}"

    def ranges_of(self, name: str) -> list[str]:
        """Return the ranges that were asked for of an object, in order; empty texts for the whole."""
        paths = [(unquote(urlsplit(seen.path).path), seen) for seen in self.seen if seen.method == "GET"]
        return [seen.range for path, seen in paths if path.endswith(name)]


@contextlib.contextmanager
def serve() -> Iterator[Server]:
    """Run a server on a free port of loopback."""
    state = Server()
    handler = type("Handler", (_Handler,), {"state": state})
    with _Listener(("127.0.0.1", 0), handler) as listener:
        state.host = f"127.0.0.1:{listener.server_port}"
        thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield state
        finally:
            listener.shutdown()
            thread.join()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

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
        self._answer()

    def do_GET(self) -> None:  # the form of the base class
        """Answer with an object, a list of objects, or what is known of one."""
        self._answer()

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
        if self.headers.get("If-Match", etag) != etag:
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
        cut = state.cuts.popleft() if body and state.cuts else -1
        for start in range(0, len(body) if cut < 0 else cut, _PIECE):
            piece = body[start : start + _PIECE] if cut < 0 else body[start : min(start + _PIECE, cut)]
            if state.drip:
                for byte in piece[:100]:
                    time.sleep(state.drip)
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
