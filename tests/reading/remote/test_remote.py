"""`eventcli.reading.remote.urls`: URLs, against servers on loopback that cut, refuse, change and redirect."""

import gzip
import importlib
import re
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from copy import copy
from decimal import Decimal
from http import HTTPStatus
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple, NoReturn
from urllib.parse import quote

import pytest

import process
from eventcli import SourceReport, Status, TypeStats, summarize
from eventcli.readable import TruncatedError
from eventcli.reading.remote import failures, http, ranges
from eventcli.reading.remote import urls as urls_module
from eventcli.reading.source import read_all
from eventcli.text import is_url
from servers import Server, forget_connections, serve, stands_in, url_of

LINE: Final = b'{"type":"a","value":0.1}\n'
LOG: Final = LINE * 40_000
"""A log of a million bytes."""

LARGE: Final = LINE * 400_000
"""An object of several ranges."""

STORES: Final = ["http", "s3", "gs"]


@pytest.fixture
def server() -> Iterator[Server]:
    """Run a server of objects."""
    with serve() as running:
        yield running


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: Server) -> Iterator[None]:
    """Let the libraries find the server, and nothing else."""
    stands_in(server, monkeypatch, tmp_path)
    monkeypatch.setattr(failures, "PAUSE", 0.001)
    yield
    forget_connections()


class Read(NamedTuple):
    """What came of reading one object: how many events, their sum, and what was said of the object."""

    events: int
    sum: Decimal
    status: Status
    message: str


def read(url: str) -> Read:
    """Summarise an object."""
    summary = summarize(url, on_problem=lambda _: None)
    stats = summary.types.get("a", TypeStats())
    [report] = summary.sources
    return Read(stats.count, stats.sum, report.status, report.message)


def whole(log: bytes) -> Read:
    """Return what comes of reading a log that is nothing but `LINE` again and again."""
    count = len(log) // len(LINE)
    return Read(count, Decimal(count) / 10, Status.COMPLETE, "")


# ------------------------------------------------------------------------------------------------- what is read


@pytest.mark.parametrize("store", STORES)
def test_an_object_is_read_like_a_file(body: str, store: str, server: Server) -> None:
    """An object means what a file of the same bytes means, also where it is empty or has an odd name."""
    for name, log in (("events.jsonl", LARGE), ("empty", b""), ("a b/caf\u00e9+%#.jsonl", LINE * 3)):
        server.objects[f"bucket/{name}"] = log
        path = f"bucket/{quote(name)}" if store == "http" else f"bucket/{name}"
        assert read(url_of(server, store, path)) == whole(log), body


@pytest.mark.parametrize("store", STORES)
def test_a_compressed_object_is_decompressed(body: str, store: str, server: Server) -> None:
    """An object is decompressed as a file would be, also after its connection was cut, and whatever it is called."""
    log = b"".join(LINE.replace(b"}", b',"id":%d}' % number) for number in range(100_000))
    server.objects["bucket/events.jsonl"] = gzip.compress(log, 1)
    server.cuts.extend([100_000, 200_000])
    assert read(url_of(server, store)) == whole(LINE * 100_000), body


def test_a_compressed_object_that_is_cut_is_truncated(body: str, server: Server) -> None:
    """Lines that were decompressed before the cut count; the offset of the cut is that in the object."""
    log = b"".join(LINE.replace(b"}", b',"id":%d}' % number) for number in range(100_000))
    server.objects["events"] = gzip.compress(log, 1)
    server.ranges = False
    server.cuts.append(100_000)
    outcome = read(f"{server.url}/events")
    assert outcome.status is Status.TRUNCATED, body
    assert "at byte 100000" in outcome.message
    assert outcome.events > 10_000
    assert outcome.sum == Decimal(outcome.events) / 10


def test_http_is_read_as_it_is_written_elsewhere(body: str, server: Server) -> None:
    """Spaces and letters of other alphabets in a URL need not be escaped; what is behind `#` is not sent."""
    server.objects["a b/caf\u00e9.jsonl"] = LOG
    assert read(f"{server.url}/a b/caf\u00e9.jsonl?x=[1]#part") == whole(LOG), body
    assert server.seen[0].path == "/a%20b/caf%C3%A9.jsonl?x=[1]"


@pytest.mark.parametrize(("chunked", "length"), [(True, True), (False, False)])
def test_http_without_a_length(body: str, chunked: bool, length: bool, server: Server) -> None:  # noqa: FBT001  # parameters of the test
    """An answer in chunks, or one that ends with its connection, is read to its end."""
    server.objects["events"] = LOG
    server.chunked, server.length = chunked, length
    assert read(f"{server.url}/events") == whole(LOG), body


def test_bytes_are_taken_as_they_are_stored(server: Server) -> None:
    """Nothing asks a server to compress, and what says that it is compressed is not decompressed on the way."""
    server.objects["events"] = b"\x1f\x8b not really"
    server.headers["Content-Encoding"] = "gzip"
    with urls_module.open_url(f"{server.url}/events") as stream:
        buffer = memoryview(bytearray(100))
        assert bytes(buffer[: stream.readinto(buffer)]) == b"\x1f\x8b not really"
        assert stream.readinto(buffer) == 0


@pytest.mark.parametrize("store", STORES)
def test_the_size_of_an_object_is_known(store: str, server: Server) -> None:
    """An open object tells its size in bytes."""
    server.objects["bucket/events.jsonl"] = LOG
    with urls_module.open_url(url_of(server, store)) as stream:
        assert stream.size == len(LOG)


@pytest.mark.parametrize("store", ["s3", "gs"])
def test_objects_of_stores_are_read_in_large_ranges(store: str, server: Server) -> None:
    """An object is read in ranges of some MB, each once and together the whole, and not by lines."""
    server.objects["bucket/events.jsonl"] = LARGE
    assert read(url_of(server, store)) == whole(LARGE)
    places = sorted(tuple(map(int, asked[6:].split("-"))) for asked in server.ranges_of("events.jsonl") if asked)
    assert [first for first, _ in places] == list(range(0, len(LARGE), ranges.RANGE))
    assert [last + 1 for _, last in places] == [*(first for first, _ in places[1:]), len(LARGE)]


def test_http_is_read_with_one_request(server: Server) -> None:
    """An object of an HTTP server that is not cut is asked for once."""
    server.objects["events"] = LARGE
    assert read(f"{server.url}/events") == whole(LARGE)
    assert [(seen.method, seen.range) for seen in server.seen] == [("GET", "")]


# ------------------------------------------------------------------------------------------ connections are cut


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("store", STORES)
def test_a_cut_connection_is_taken_up_again(body: str, store: str, reset: bool, server: Server) -> None:  # noqa: FBT001  # parameter of the test
    """However often and wherever a connection is cut, the object is read whole and every line once."""
    server.objects["bucket/events.jsonl"] = LARGE
    server.reset = reset
    server.cuts.extend([0, 1, 1_000_003, 65_536, 2_000_000])
    assert read(url_of(server, store)) == whole(LARGE), body
    assert not server.cuts


def test_http_goes_on_where_it_was_cut(server: Server) -> None:
    """After a cut exactly the rest is asked for, on the condition that the object is the same one."""
    server.objects["events"] = LOG
    server.cuts.extend([100_000, 200_000])
    assert read(f"{server.url}/events") == whole(LOG)
    assert server.ranges_of("events") == ["", "bytes=100000-", "bytes=300000-"]


def test_chunks_are_taken_up_again(body: str, server: Server) -> None:
    """An answer in chunks that was cut goes on, too, and is read to the end that the server then tells."""
    server.objects["events"] = LOG
    server.chunked = True
    server.cuts.extend([100_000, 200_000])
    assert read(f"{server.url}/events") == whole(LOG), body


def test_http_goes_on_by_the_date(server: Server) -> None:
    """Without a strong ETag the date of the last change says that the object is the same one."""
    server.objects["events"] = LOG
    server.etag = lambda _: None
    server.cuts.append(100_000)
    assert read(f"{server.url}/events") == whole(LOG)
    assert server.ranges_of("events") == ["", "bytes=100000-"]


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"ranges": False}, "the server does not give parts of objects"),
        ({"etag": lambda _: None, "modified": None}, "the server gives neither ETag nor Last-Modified to go on by"),
        ({"etag": lambda _: 'W/"1"', "modified": None}, "the server gives neither ETag nor Last-Modified to go on by"),
        ({"cuts": deque([100_000, *[0] * 99])}, f"gave up after {failures.TRIES} tries"),
        ({"statuses": deque([0, 503, 418])}, "resuming failed with HTTP 418 I'm a Teapot"),
        ({"statuses": deque([0, *[503] * 99])}, f"gave up after {failures.TRIES} tries"),
        ({"statuses": deque([0, 404])}, "resuming failed with HTTP 404 Not Found"),
    ],
)
def test_http_that_cannot_go_on_is_truncated(
    body: str,
    attributes: dict[str, object],
    message: str,
    chunked: bool,  # noqa: FBT001  # a parameter of the test
    server: Server,
) -> None:
    """Where the rest is not to be had, whole lines before the cut count, and the source is truncated at that byte."""
    server.objects["events"] = LOG
    server.chunked = chunked
    server.cuts = deque([100_010])
    for name, value in attributes.items():
        setattr(server, name, copy(value))
    cut = 100_000 if "cuts" in attributes else 100_010
    outcome = read(f"{server.url}/events")
    assert outcome == (4000, Decimal(400), Status.TRUNCATED, outcome.message), body
    assert outcome.message.startswith("connection lost (")
    assert f"{message}, at byte {cut}" in outcome.message


@pytest.mark.parametrize("store", STORES)
def test_an_object_that_changes_is_truncated(body: str, store: str, server: Server) -> None:
    """An object that was put in the place of another while that was read is never taken for whole."""
    server.objects["bucket/events.jsonl"] = LARGE

    def change() -> None:
        server.objects["bucket/events.jsonl"] = LARGE.replace(b"0.1", b"0.2")

    server.on_cut = change
    server.cuts.append(100_000)
    outcome = read(url_of(server, store))
    assert outcome.status in {Status.TRUNCATED, Status.UNREADABLE}, body
    assert "the object was changed while it was read" in outcome.message
    if store != "gs":
        # These are asked for what follows on the condition that nothing has changed, so no line of the new one counts.
        assert outcome.sum == Decimal(outcome.events) / 10


@pytest.mark.parametrize("size", [100, len(LARGE), 2 * len(LARGE)])
@pytest.mark.parametrize("store", ["s3", "gs"])
def test_an_object_that_changes_at_its_end_is_noticed(store: str, size: int, server: Server) -> None:
    """A change that no range met is noticed at the end: an object that grew or shrank is not taken for whole."""
    server.objects["bucket/events.jsonl"] = LARGE
    with urls_module.open_url(url_of(server, store)) as stream:
        buffer = memoryview(bytearray(len(LARGE)))
        left = len(LARGE)
        while left:
            left -= stream.readinto(buffer[:left])
        server.objects["bucket/events.jsonl"] = (LARGE * 2)[1 : size + 1]
        with pytest.raises(TruncatedError, match=f"the object was changed while it was read, at byte {len(LARGE)}"):
            stream.readinto(buffer)


@pytest.mark.parametrize("store", ["s3", "gs"])
def test_a_store_that_stays_away_is_truncated(store: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a store lets nothing be read any more, an object that was begun is truncated."""
    url = url_of(server, store)
    monkeypatch.setattr(failures, "TRIES", 1)
    server.objects["bucket/events.jsonl"] = LARGE
    with urls_module.open_url(url) as stream:
        first = memoryview(bytearray(1))
        assert stream.readinto(first)
        server.statuses.extend([403] * 1000)
        with pytest.raises(TruncatedError, match="at byte"):
            read_all(stream)


# ---------------------------------------------------------------------------------- what cannot be read at all


@pytest.mark.parametrize("store", STORES)
def test_a_missing_object_is_a_missing_file(store: str, server: Server) -> None:
    """An object that is not there is missing, also where the bucket is not."""
    server.objects["bucket/other"] = LOG
    for name in ("bucket/events.jsonl", "elsewhere/events.jsonl"):
        url = url_of(server, store, name)
        assert read(url).status is Status.MISSING
        with pytest.raises(FileNotFoundError):
            urls_module.open_url(url)


@pytest.mark.parametrize(
    ("status", "error", "message"),
    [
        (401, PermissionError, "HTTP 401 Unauthorized"),
        (403, PermissionError, "HTTP 403 Forbidden"),
        (410, FileNotFoundError, "HTTP 410 Gone"),
        (418, OSError, "HTTP 418 I'm a Teapot"),
        (599, OSError, "HTTP 599"),
    ],
)
def test_refusals_of_http(status: int, error: type[OSError], message: str, server: Server) -> None:
    """What an HTTP server refuses is an error of the kind that a file would give, and is not asked for again."""
    server.statuses.append(status)
    with pytest.raises(error, match=re.escape(message)):
        urls_module.open_url(f"{server.url}/events")
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(status: int, server: Server) -> None:
    """A server that is busy for a moment is asked again, and not for ever."""
    server.objects["events"] = LOG
    server.statuses.extend([status] * failures.TRIES)
    assert read(f"{server.url}/events") == whole(LOG)
    server.statuses.extend([status] * (failures.TRIES + 1))
    assert read(f"{server.url}/events").message == f"HTTP {status} {HTTPStatus(status).phrase}"


@pytest.mark.parametrize("store", ["s3", "gs"])
def test_a_store_that_refuses(store: str, server: Server) -> None:
    """What a store does not let one read is unreadable, with its reason on one line."""
    server.statuses.extend([403] * 10)
    outcome = read(url_of(server, store))
    assert outcome.status is Status.UNREADABLE
    assert outcome.message
    assert "\n" not in outcome.message


def test_what_a_store_says_is_one_short_line(server: Server) -> None:
    """A message that comes from a server is cut, on one line, and cannot change what a terminal shows."""
    url = url_of(server, "s3", "bucket/*.jsonl")
    server.statuses.extend([403] * 10)
    server.refusal = "no\n\u202eway " * 1000
    with pytest.raises(OSError, match="no") as caught:
        urls_module.expand(url)
    message = caught.value.strerror or str(caught.value)
    assert message.isprintable()
    assert len(message) <= 200


def test_other_schemes_of_fsspec_are_read(body: str) -> None:
    """Whatever else fsspec knows is read by its ranges, too."""
    url_of(Server(), "s3")
    memory = importlib.import_module("fsspec").filesystem("memory")
    memory.pipe_file("/events.jsonl", LARGE)
    try:
        assert read("memory://events.jsonl") == whole(LARGE), body
        assert read("memory://none").status is Status.MISSING
    finally:
        memory.rm_file("/events.jsonl")


@pytest.mark.parametrize("store", ["s3", "gs"])
def test_a_folder_of_a_store_cannot_be_read(store: str, server: Server) -> None:
    """What is only the beginning of names is a directory."""
    server.objects["bucket/logs/events.jsonl"] = LOG
    with pytest.raises(IsADirectoryError):
        urls_module.open_url(url_of(server, store, "bucket/logs"))


def test_redirects_are_followed(server: Server) -> None:
    """A redirect is followed, also when a connection is taken up again; one that leads nowhere is an error."""
    server.objects["events"] = LOG
    server.cuts.append(100_000)
    # The first cut is that of the body of an object: a redirect has none.
    assert read(f"{server.url}/redirect/events") == whole(LOG)
    loop = "redirect/" * 20 + "events"
    assert read(f"{server.url}/{loop}").message == "HTTP 302 Found, too many redirects"


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "gopher://127.0.0.1/",
        "data:text/plain,x",
        "http://[::1",
        "http://",
        "http://127.0.0.1:port/",
        "http://user:word@127.0.0.1/",
        "http://" + "x" * 70 + ".example/",
        "//",
        "http://\x80\xff/",
        "http://a b/\t",
    ],
)
def test_a_redirect_that_leads_nowhere(body: str, location: str, server: Server) -> None:
    """Wherever a server wants to lead, only that source fails, in one line that shows nothing unescaped."""
    server.objects["events"] = LINE
    server.location = location
    reports: list[SourceReport] = []
    urls = [f"{server.url}/away", f"{server.url}/events"]
    summary = summarize(urls, on_problem=reports.append)
    assert summary["a"].count == 1, body
    (report,) = reports
    assert report.status is Status.UNREADABLE
    assert report.message.isprintable()


def test_a_redirect_to_a_name_is_followed(server: Server) -> None:
    """A redirect may be relative, and have other characters than a URL."""
    server.objects["b\u00fccher/events"] = LINE
    server.location = "/b\u00fccher/events".encode().decode("latin-1")
    assert read(f"{server.url}/away") == whole(LINE)


def test_no_header_goes_to_another_host(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a proxy is sent, its password among it, is not sent to a host to which a redirect leads past the proxy."""
    server.objects["events"] = LINE
    with serve() as proxy:
        monkeypatch.setenv("http_proxy", f"http://user:word@{proxy.host}")
        monkeypatch.setenv("no_proxy", server.host)
        proxy.location = f"{server.url}/events"
        assert read("http://other.example/away") == whole(LINE)
        assert [seen.proxy_authorization for seen in proxy.seen] == ["Basic dXNlcjp3b3Jk"]
        assert [seen.proxy_authorization for seen in server.seen] == [""]


@pytest.mark.parametrize("status", [201, 202, 203, 205, 206, 226, 299])
def test_what_is_not_the_whole_is_truncated(body: str, status: int, server: Server) -> None:
    """Only 200 is the answer to a plain request: any other success is truncated, and the next source is read."""
    server.objects |= {"events": LOG, "other": LINE}
    server.whole = status
    reports: list[SourceReport] = []
    summarize(f"{server.url}/events", on_problem=reports.append)
    assert reports[0].status is Status.TRUNCATED, body
    assert f"HTTP {status}" in reports[0].message
    assert "is not the whole object" in reports[0].message


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"Content-Encoding": "br"}, "Content-Encoding 'br'"),
        ({"Content-Encoding": "gzip, \x1b[31m"}, "Content-Encoding '\\\\x1b[31m'"),
        ({"Content-Length": "5"}, "contradicts itself about the length"),
        ({"Content-Length": "many"}, "contradicts itself about the length"),
    ],
)
def test_an_answer_that_cannot_be_read(headers: dict[str, str], message: str, server: Server) -> None:
    """An encoding that is not known, and two lengths, are told and not guessed."""
    server.objects["events"] = LOG
    server.headers = headers
    outcome = read(f"{server.url}/events")
    assert outcome.status is Status.UNREADABLE
    assert message in outcome.message


@pytest.mark.parametrize("store", ["http", "s3"])
def test_a_slow_server_is_given_up(store: str, server: Server) -> None:
    """A server that sends byte by byte holds a run for as long as is allowed, and what it has sent is truncated."""
    server.objects["bucket/events.jsonl"] = LOG
    server.drip = 0.1
    reports: list[SourceReport] = []
    began = time.monotonic()
    summarize(url_of(server, store), on_problem=reports.append, timeout=0.5)
    assert time.monotonic() - began < 5
    assert reports[0].status in {Status.TRUNCATED, Status.UNREADABLE}
    assert reports[0].message.startswith("not done within 0.5 s")


def test_a_host_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that cannot be resolved, and a port where nothing listens, are told in a few words."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    assert read(f"http://127.0.0.1:{port}/events").message == "cannot connect: Connection refused"

    def resolve(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert read("http://nowhere.example/events").message == "cannot connect: Name or service not known"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://", "not a URL: no host is named"),
        ("http://host:port/", "not a URL: "),
        ("http://[::1/", "not a URL: "),
        ("https://user:word@host/", "a user name or a password in a URL is not supported"),
    ],
)
def test_urls_that_are_none(url: str, message: str) -> None:
    """A URL that cannot be meant is refused without asking anybody."""
    with pytest.raises(OSError, match=message):
        urls_module.open_url(url)


def test_a_server_that_is_silent_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection on which nothing arrives for long is taken to be cut."""
    monkeypatch.setattr(http, "SILENCE", 0.05)
    monkeypatch.setattr(failures, "TRIES", 1)
    server.objects["events"] = LOG
    server.cuts.append(1000)
    released = threading.Event()
    server.on_cut = released.wait
    try:
        assert read(f"{server.url}/events") == whole(LOG)
    finally:
        released.set()
    assert server.ranges_of("events") == ["", "bytes=1000-"]


# -------------------------------------------------------------------------------------- names, patterns, extras


@pytest.mark.parametrize("path", ["http://a/b", "s3://a/b", "GS://a/b", "hdfs://a/b"])
def test_a_scheme_makes_a_url(path: str) -> None:
    """A scheme, a colon and two slashes make a URL."""
    assert is_url(path)


@pytest.mark.parametrize(
    "path", ["-", "", "a", "a:b", "./s3://a", "/s3://a", "s3:/a", "://a", "a b://c", "caf\u00e9://"]
)
def test_other_names_are_paths(path: str) -> None:
    """Everything else is a path, so that every file can be named."""
    assert not is_url(path)


@pytest.mark.parametrize("store", ["s3", "gs"])
def test_patterns_name_objects(store: str, server: Server) -> None:
    """A pattern stands for the objects that match it, sorted; one that none matches names a missing object."""
    names = ["logs/b.jsonl", "logs/a.jsonl", "logs/c.txt", "logs/2020/d.jsonl"]
    server.objects.update({f"bucket/{name}": LINE for name in names})
    url = url_of(server, store, "bucket/logs/")
    assert urls_module.expand(f"{url}*.jsonl") == [f"{url}a.jsonl", f"{url}b.jsonl"]
    assert urls_module.expand(f"{url}**/*.jsonl") == [f"{url}2020/d.jsonl", f"{url}a.jsonl", f"{url}b.jsonl"]
    assert urls_module.expand(f"{url}[ab].jsonl") == [f"{url}a.jsonl", f"{url}b.jsonl"]
    assert urls_module.expand(f"{url}a.jsonl") == [f"{url}a.jsonl"]
    with pytest.raises(FileNotFoundError):
        urls_module.expand(f"{url}*.gz")


def test_urls_of_http_are_no_patterns(server: Server) -> None:
    """A question mark in a URL of HTTP begins a query."""
    assert urls_module.expand(f"{server.url}/events?day=*") == [f"{server.url}/events?day=*"]
    assert not server.seen


@pytest.mark.parametrize("url", ["s3://bucket/events.jsonl", "gs://bucket/events.jsonl", "s3://bucket/*.jsonl"])
def test_without_the_extra_the_command_is_told(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the libraries are not installed, the message is the command that installs them."""
    for library in ("fsspec", "fsspec.core", "s3fs", "gcsfs", "gcsfs.core"):
        monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(OSError, match=re.escape("pip install 'eventcli[remote]'")):
        urls_module.expand(url)[0] and urls_module.open_url(url)


@pytest.mark.parametrize("url", ["hdfs://host/events.jsonl", "hdfs:///events.jsonl"])
def test_hdfs_says_what_it_needs(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """HDFS needs more than the extra, and says so."""
    url_of(Server(), "s3")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.fs", None)
    with pytest.raises(OSError, match="pip install pyarrow"):
        urls_module.open_url(url)


def test_hdfs_without_hadoop_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pyarrow finds no Hadoop, its list of places becomes a sentence."""
    url_of(Server(), "s3")

    def fail(*_: object, **__: object) -> NoReturn:
        raise OSError("Unable to load libjvm dlopen(/usr/lib/jvm/libjvm.so) failed")

    pyarrow = ModuleType("pyarrow.fs")
    monkeypatch.setattr(pyarrow, "HadoopFileSystem", fail, raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", ModuleType("pyarrow"))
    monkeypatch.setitem(sys.modules, "pyarrow.fs", pyarrow)
    with pytest.raises(OSError, match="HDFS needs Java and Hadoop's libhdfs: JAVA_HOME"):
        urls_module.open_url("hdfs://host/events.jsonl")


def test_an_unknown_scheme_is_an_error() -> None:
    """A scheme that nobody knows is told as that."""
    url_of(Server(), "s3")
    with pytest.raises(OSError, match="nonsense"):
        urls_module.open_url("nonsense://a/b")


# ------------------------------------------------------------------------------------------ the command itself


def test_urls_on_the_command_line(body: str, server: Server) -> None:
    """A URL stands where a file may; what is cut and what is missing are told, and the rest counts: exit status 3."""
    server.objects.update({"a": LOG, "b": LOG})
    server.ranges = False
    server.cuts.extend([500_010])
    cut = "connection lost (closed by the server), the server does not give parts of objects"
    ended = process.run(f"{server.url}/a", f"{server.url}/none", "-", "-f", "jsonl", stdin=LINE)
    assert ended.status == 3, body
    assert ended.stdout == b'{"type":"a","count":20001,"sum":2000.1}\n'
    rest = "; 10 bytes of an unfinished line before that do not count"
    assert ended.stderr.splitlines() == [
        f"eventstats: {server.url}/a: truncated: {cut}, at byte 500010{rest} (after 20000 lines)",
        f"eventstats: {server.url}/none: missing: HTTP 404 Not Found",
        "eventstats: 20001 lines = 20001 accepted + 0 rejected + 0 filtered + 0 blank; incomplete",
    ]


@pytest.mark.parametrize("store", STORES)
def test_the_same_url_twice_counts_once(body: str, store: str, server: Server) -> None:
    """A URL that is named again, also by a pattern, counts once, and a line says so."""
    server.objects.update({"bucket/a.jsonl": LINE, "bucket/b.jsonl": LINE * 2})
    first, second = (url_of(server, store, f"bucket/{name}.jsonl") for name in "ab")
    again = first if store == "http" else url_of(server, store, "bucket/*.jsonl")
    ended = process.run(first, second, again, "-f", "jsonl")
    assert (ended.status, ended.stdout) == (0, b'{"type":"a","count":3,"sum":0.3}\n'), body
    repeated = [first] if store == "http" else [first, second]
    lines = [f"eventstats: {url}: the same file as {url}, counted once" for url in repeated]
    assert ended.stderr.splitlines() == lines


def test_a_pattern_that_names_nothing_is_missing(server: Server) -> None:
    """Where no object matches, the pattern is a missing source: exit status 3."""
    server.objects["bucket/a.jsonl"] = LINE
    pattern = url_of(server, "s3", "bucket/*.gz")
    ended = process.run(pattern, "-", "-f", "jsonl", stdin=LINE)
    assert (ended.status, ended.stdout) == (3, b'{"type":"a","count":1,"sum":0.1}\n')
    assert ended.stderr.splitlines()[0] == f"eventstats: {pattern}: missing: no object matches"


def test_a_missing_extra_on_the_command_line(tmp_path: Path) -> None:
    """Without the extra the source is unreadable and the message is what to do; the rest counts: exit status 3."""
    for library in ("fsspec", "gcsfs"):
        (tmp_path / f"{library}.py").write_text(f"raise ModuleNotFoundError('No module named {library}')")
    urls = ("s3://bucket/events.jsonl", "gs://bucket/events.jsonl", "hdfs://host/events.jsonl")
    environment = process.environment(PYTHONPATH=str(tmp_path))
    ended = process.run(*urls, "-", "-f", "jsonl", stdin=LINE, env=environment)
    assert (ended.status, ended.stdout) == (3, b'{"type":"a","count":1,"sum":0.1}\n')
    assert ended.stderr.splitlines() == [
        *(f"eventstats: {url}: unreadable: this URL needs an extra: pip install 'eventcli[remote]'" for url in urls),
        "eventstats: 1 lines = 1 accepted + 0 rejected + 0 filtered + 0 blank; incomplete",
    ]


@pytest.mark.parametrize("store", STORES)
def test_a_clean_run_over_urls_is_quiet(body: str, store: str, server: Server) -> None:
    """Neither messages nor warnings of the libraries appear on stderr."""
    server.objects["bucket/events.jsonl"] = LARGE
    ended = process.run(url_of(server, store), "-f", "jsonl")
    assert ended == (0, b'{"type":"a","count":400000,"sum":40000.0}\n', ""), body


@pytest.mark.parametrize("store", STORES)
def test_saved_summaries_are_merged_from_urls(store: str, server: Server) -> None:
    """`merge` takes URLs, too."""
    server.objects["bucket/events.jsonl"] = b'[{"type":"a","count":2,"sum":3}]'
    ended = process.run("merge", url_of(server, store), "-", "-f", "jsonl", stdin=b'{"type":"a","count":1,"sum":0.5}')
    assert ended == (0, b'{"type":"a","count":3,"sum":3.5}\n', "")


@pytest.mark.parametrize("store", STORES)
def test_memory_does_not_grow_with_an_object(store: str, server: Server, tmp_path: Path) -> None:
    """An object of 150 MB takes at most 40 MB more than one of 30 MB, which has as many ranges under way."""
    peaks = []
    for lines in (1_200_000, 6_000_000):
        server.objects["bucket/events.jsonl"] = LINE * lines
        measured = process.measure(url_of(server, store), "-f", "jsonl", cwd=tmp_path)
        assert (measured.status, measured.stderr) == (0, "")
        peaks.append(measured.peak)
    assert peaks[1] - peaks[0] < 40


def test_http_loads_no_library(server: Server) -> None:
    """A URL of HTTP needs no extra, and loads none."""
    server.objects["events"] = LINE
    program = (
        "import sys, eventcli\nassert eventcli.summarize(sys.argv[1])['a'].count == 1\n"
        "assert not {'fsspec', 'aiohttp', 'asyncio'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program, f"{server.url}/events"], check=True)
