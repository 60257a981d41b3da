"""`reading.remote.parts` and `listing`: parts of objects are of the version that was listed, or of none."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from eventcli.readable import ReplacedError, TruncatedError
from eventcli.reading.remote import failures, stores
from eventcli.reading.remote.listing import ObjectState, objects
from eventcli.reading.remote.parts import open_part
from eventcli.reading.remote.ranges import Ranges
from eventcli.reading.source import read_all
from servers import Server, forget_connections, serve, stands_in, url_of

DATA: Final = bytes(range(256)) * 4096
"""An object of a million bytes."""

STORES: Final = ["http", "s3", "gs"]


@pytest.fixture
def server() -> Iterator[Server]:
    """Run a server of objects."""
    with serve() as running:
        running.objects["bucket/events.jsonl"] = DATA
        yield running


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: Server) -> Iterator[None]:
    """Let the libraries find the server, and nothing else."""
    stands_in(server, monkeypatch, tmp_path)
    monkeypatch.setattr(failures, "PAUSE", 0.001)
    yield
    forget_connections()


def listed(url: str) -> ObjectState:
    """List one object."""
    [state] = objects(url, None, "{}")
    return state


def part_of(state: ObjectState, start: int, end: int) -> Ranges:
    """Open a part of an object that was listed."""
    assert state.size is not None
    assert state.version is not None
    return open_part(state.url, (state.size, state.version), (start, end), None, "{}")


@pytest.mark.parametrize("store", STORES)
def test_a_part_begins_anywhere_and_can_be_read_on(store: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part has the bytes from its start to the end of the object, and the beginning of the object on demand."""
    monkeypatch.setattr("eventcli.reading.remote.ranges.RANGE", 100_000)
    state = listed(url_of(server, store))
    assert (state.size, state.whole) == (len(DATA), "")
    for start, end in ((0, 10), (5, 5), (1000, 500_000), (len(DATA) - 1, len(DATA)), (len(DATA), len(DATA))):
        with part_of(state, start, end) as part:
            assert part.head(300) == DATA[:300]
            assert read_all(part) == DATA[start:]
            assert part.position == len(DATA)


@pytest.mark.parametrize("store", STORES)
def test_little_more_is_requested_than_is_read(store: str, server: Server) -> None:
    """What is behind the end of a part is requested in small steps, and only when it is read."""
    state = listed(url_of(server, store))
    server.seen.clear()
    with part_of(state, 1000, 2000) as part:
        view = memoryview(bytearray(1000))
        assert bytes(view[: part.readinto(view)]) == DATA[1000:2000]
        ranges = [asked for asked in server.ranges_of("events.jsonl") if asked]
        assert ranges == ["bytes=1000-1999"]
        part.readinto(view)
    assert sum(_length(asked) for asked in server.ranges_of("events.jsonl") if asked) < 100_000


def _length(asked: str) -> int:
    first, last = asked.removeprefix("bytes=").split("-")
    return int(last) - int(first) + 1


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("when", ["before it is opened", "while it is read"])
def test_an_object_that_was_changed_is_not_read(
    store: str, when: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a change, a part is an error: at once, at the next request, or when it is checked at its end."""
    monkeypatch.setattr("eventcli.reading.remote.ranges.RANGE", 1000)
    monkeypatch.setattr("eventcli.reading.remote.ranges.AHEAD", 1)
    state = listed(url_of(server, store))
    other = DATA[::-1]
    if when == "before it is opened":
        server.objects["bucket/events.jsonl"] = other
        with pytest.raises(ReplacedError, match="changed after it was listed"), part_of(state, 0, 5000) as part:
            read_all(part)
        return
    with part_of(state, 0, 5000) as part:
        view = memoryview(bytearray(1000))
        assert bytes(view[: part.readinto(view)]) == DATA[:1000]
        server.objects["bucket/events.jsonl"] = other
        with pytest.raises(ReplacedError):
            _read_and_check(part)


def _read_and_check(part: Ranges) -> None:
    """Read a part to its end. Most stores refuse to go on after a change; of the others, the check finds out."""
    read_all(part)
    part.check()


@pytest.mark.parametrize("other", [DATA[::-1], DATA[:-1], b""], ids=["other bytes", "shorter", "empty"])
def test_a_server_that_knows_no_conditions_is_found_out(other: bytes, server: Server) -> None:
    """The version and the size in the answer count, whether the server compared them or not."""
    state = listed(url_of(server, "http"))
    server.objects["bucket/events.jsonl"] = other
    server.conditions = False
    with pytest.raises(ReplacedError), part_of(state, 0, 10) as part:
        read_all(part)
    server.etag = lambda _: state.version
    if len(other) != len(DATA):
        with pytest.raises(ReplacedError), part_of(state, 0, 10) as part:
            read_all(part)


def test_the_time_of_change_stands_in_for_a_weak_etag(server: Server) -> None:
    """Without a strong ETag, the time of the last change is the version; without either, there are no parts."""
    server.etag = lambda _: 'W/"weak"'
    state = listed(url_of(server, "http"))
    assert state.version == server.modified
    with part_of(state, 5, 10) as part:
        assert read_all(part) == DATA[5:]
    server.modified = "Tue, 06 Oct 2020 10:02:06 GMT"
    with pytest.raises(ReplacedError), part_of(state, 5, 10) as part:
        read_all(part)
    server.modified = None
    assert listed(url_of(server, "http")).whole == "the server tells no version of it"


def test_a_server_without_ranges_has_whole_objects(server: Server) -> None:
    """An object of which no part can be had is one split; so is one whose length is not known."""
    server.ranges = False
    assert listed(url_of(server, "http"))[1:] == (len(DATA), None, "the server does not give parts of it")
    server.length = False
    assert listed(url_of(server, "http"))[1:] == (None, None, "the server does not give parts of it")
    server.ranges = server.length = True
    server.objects["bucket/events.jsonl"] = b""
    assert listed(url_of(server, "http")).size == 0


@pytest.mark.parametrize("store", ["http", "s3"])
def test_a_busy_server_is_asked_again(store: str, server: Server) -> None:
    """A 503 is no reason to give up, neither for the listing nor for a part."""
    server.statuses = deque([503, 503])
    state = listed(url_of(server, store))
    server.statuses = deque([503, 0, 503])
    with part_of(state, 7, 90) as part:
        assert read_all(part) == DATA[7:]


def test_a_connection_that_is_cut_is_resumed(server: Server) -> None:
    """The rest of a range is requested after a cut; after too many, what is missing is said."""
    state = listed(url_of(server, "http"))
    server.cuts = deque([1000, 5, 100])
    with part_of(state, 0, len(DATA)) as part:
        assert read_all(part) == DATA
    server.cuts = deque([10_000, *[0] * 50])
    with part_of(state, 0, 20_000) as part, pytest.raises(OSError, match=r"connection lost .*gave up after 5 tries"):
        read_all(part)


def test_what_is_lost_after_a_beginning_is_truncated(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that breaks off after its first bytes is truncated where they end."""
    monkeypatch.setattr("eventcli.reading.remote.ranges.RANGE", 1000)
    monkeypatch.setattr("eventcli.reading.remote.ranges.AHEAD", 1)
    state = listed(url_of(server, "http"))
    with part_of(state, 0, 3000) as part:
        view = memoryview(bytearray(1000))
        part.readinto(view)
        server.statuses = deque([404] * 20)
        with pytest.raises(TruncatedError) as raised:
            read_all(part)
        assert raised.value.offset in (1000, 2000)


@pytest.mark.parametrize("store", ["s3", "gs"])
@pytest.mark.parametrize(
    "pattern",
    ["logs/*/a.log", "logs/2026-0?/*.log", "logs/2026-01/*", "logs/**", "logs/*", "*/2026-0[12]/a.log", "none/*/x"],
)
def test_a_pattern_lists_what_it_lists_for_one_machine(store: str, pattern: str, server: Server) -> None:
    """Directories that are listed in parallel give the same objects in the same order, each with its version."""
    for month in ("2026-01", "2026-02", "2026-11"):
        for name in ("a.log", "b.log", "deep/a.log"):
            server.objects[f"bucket/logs/{month}/{name}"] = f"{month}{name}".encode()
    url = url_of(server, store, f"bucket/{pattern}")
    try:
        expected = _expanded(url)
    except FileNotFoundError:
        with pytest.raises(FileNotFoundError, match="no object matches"):
            objects(url, None, "{}")
        return
    found = objects(url, None, "{}")
    assert [state.url for state in found] == expected
    for state in found:
        [alone] = objects(state.url, None, "{}")
        assert alone == state


def _expanded(url: str) -> list[str]:
    from eventcli.reading.remote.urls import expand  # noqa: PLC0415

    return expand(url)


def test_options_of_a_store_lead_to_it(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint among the options is used for listing and reading, whatever the environment says."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    url = url_of(server, "s3")
    storage = f'{{"endpoint_url": "{server.url}"}}'
    [state] = objects(url, None, storage)
    assert (state.size, state.version) == (len(DATA), str(stores.version_of({"ETag": server.etag(DATA)})))
    assert state.version is not None
    with open_part(url, (len(DATA), state.version), (0, 10), None, storage) as part:
        assert read_all(part) == DATA


def test_a_form_that_is_not_read_is_refused_as_on_one_machine(server: Server) -> None:
    """An object that is sent compressed in a way that nothing here undoes cannot be listed."""
    server.headers["Content-Encoding"] = "br"
    with pytest.raises(OSError, match="sent with Content-Encoding 'br', which is not supported"):
        objects(url_of(server, "http"), None, "{}")


def test_a_store_without_versions_has_whole_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be told from what replaces it is one split."""
    monkeypatch.setattr("eventcli.reading.remote.listing.version_of", lambda _: None)
    monkeypatch.setattr("eventcli.reading.remote.listing.file_system", lambda *_: (_Store(), "x/a.log"))
    assert objects("mem://x/a.log", None, "{}") == [
        ObjectState("mem://x/a.log", 7, None, "its store tells no version of it")
    ]


class _Store:
    """A store that knows nothing of an object but its size."""

    def info(self, path: str) -> dict[str, object]:
        """Return what it knows."""
        return {"name": path, "type": "file", "size": 7}


def test_a_missing_object_has_the_words_of_one_machine(server: Server) -> None:
    """What cannot be listed is reported as what cannot be read."""
    for store in ("http", "s3"):
        with pytest.raises(FileNotFoundError):
            objects(url_of(server, store, "bucket/none.log"), None, "{}")
    server.statuses = deque([403])
    with pytest.raises(PermissionError, match="HTTP 403 Forbidden"):
        objects(url_of(server, "http"), None, "{}")
