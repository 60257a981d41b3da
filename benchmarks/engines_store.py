"""Stores on loopback for `engines.py`, each in a process of its own: `list OBJECTS`, or `read FILE LIMIT`.

`list` is a bucket of S3 with that many objects in folders of a thousand, listed a thousand at a time. `read` serves a
file by ranges; each connection gets so many bytes a second. The URL is printed.
"""

import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SO_SNDBUF, SOL_SOCKET
from typing import Final
from urllib.parse import parse_qs, urlsplit

_PAGE: Final = 1000

_PIECE: Final = 1 << 19
"""Bytes that are sent at a time. With a quarter of it, a server of 400 MB/s took half of a core to wake up so often."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # As servers do that keep connections: else the last bytes of an answer wait 40 ms for word of those before.
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def answer(self, body: bytes, kind: str, **headers: str) -> None:
        """Send a whole body."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class Lister(_Handler):
    """A bucket, as S3 lists it."""

    objects = 0

    def do_HEAD(self) -> None:  # the form of the base class
        """Say that the bucket is there."""
        self.do_GET()

    def do_GET(self) -> None:  # the form of the base class
        """Answer with a page of a list."""
        query = {
            name: values[0] for name, values in parse_qs(urlsplit(self.path).query, keep_blank_values=True).items()
        }
        prefix, at = query.get("prefix", ""), int(query.get("continuation-token", "0"))
        folders = [f"day={number:04}/" for number in range(-(-self.objects // _PAGE))]
        if query.get("delimiter") and not prefix:
            page = "".join(f"<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>" for folder in folders)
            end, count = len(folders), len(folders)
        else:
            first = _PAGE * folders.index(prefix) if prefix in folders else 0
            count = min(_PAGE, self.objects - first) if prefix in folders else 0 if prefix else self.objects
            end = min(count, at + min(_PAGE, int(query.get("max-keys", _PAGE))))
            page = "".join(
                f"<Contents><Key>day={number // _PAGE:04}/part-{number % _PAGE:05}.log</Key>"
                f"<LastModified>2020-10-06T10:02:05.000Z</LastModified><ETag>&quot;{number:032x}&quot;</ETag>"
                "<Size>12345678</Size><StorageClass>STANDARD</StorageClass></Contents>"
                for number in range(first + at, first + end)
            )
        more = f"<NextContinuationToken>{end}</NextContinuationToken>" if end < count else ""
        self.answer(
            (
                '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>logs</Name>'
                f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>{more}{page}</ListBucketResult>"
            ).encode(),
            "application/xml",
        )


class Reader(_Handler):
    """A file, by ranges, at a limited rate."""

    path_of_file = ""
    limit = 0.0

    def do_HEAD(self) -> None:  # the form of the base class
        """Say how long the file is."""
        size = os.path.getsize(self.path_of_file)
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", '"one"')
        self.end_headers()

    def do_GET(self) -> None:  # the form of the base class
        """Answer with a range of the file."""
        size = os.path.getsize(self.path_of_file)
        first, _, last = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last or size) + 1, size)
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Content-Length", str(end - start))
        self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", '"one"')
        self.end_headers()
        # What lies in the socket's buffer has not been limited.
        self.connection.setsockopt(SOL_SOCKET, SO_SNDBUF, _PIECE)
        began, at = time.monotonic(), start
        try:
            with open(self.path_of_file, "rb") as file:
                while at < end:
                    piece = min(_PIECE, end - at)
                    # First, so that no reader has a piece before its time, and none more by many short requests.
                    time.sleep(max(0.0, began + (at + piece - start) / self.limit - time.monotonic()))
                    at += self.connection.sendfile(file, at, piece)
        except OSError:
            self.close_connection = True  # the reader has had enough


def main() -> None:
    """Serve until the process is ended."""
    kind, *args = sys.argv[1:]
    if kind == "list":
        Lister.objects = int(args[0])
    else:
        Reader.path_of_file, Reader.limit = args[0], float(args[1])
    with _Server(("127.0.0.1", 0), Lister if kind == "list" else Reader) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
