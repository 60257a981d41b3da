"""What Redis drops, loses or makes again is a discontinuity, with the number of entries where that is known."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

import brokers
from brokers import RedisStream, Server
from consumption import check, consume, consuming, event, run
from eventcli.ledger.store.database import Database
from eventcli.ledger.store.records import Discontinuity
from eventcli.ledger.totals import totals


def losses(ledger: Path) -> list[Discontinuity]:
    """Return the discontinuities of a ledger."""
    with Database.open_to_read(str(ledger)) as database:
        return database.discontinuities()


@pytest.fixture(params=["log", "group"])
def either_way(request: pytest.FixtureRequest, redis: Server) -> Iterator[RedisStream]:
    """Make a stream that is read as a log or through a group."""
    with closing(RedisStream(redis, group="readers" if request.param == "group" else None)) as made:
        yield made


def test_dropped_entries_are_counted(either_way: RedisStream, ledger: Path) -> None:
    """Entries that were trimmed before anybody read them are one discontinuity that says how many, and status 3."""
    stream, sent = either_way, [event(number) for number in range(20)]
    stream.put(sent[:5])
    consume(ledger, stream.source)
    stream.put(sent[5:])
    stream.client.xtrim(stream.name, maxlen=4, approximate=False)
    done = run(ledger, "--drain", stream.source)
    assert done.status == 3
    assert "11 entries were dropped from the stream" in done.stderr
    check(ledger, sent[:5] + sent[16:], losses=1)
    more = [event(number) for number in range(20, 25)]
    stream.put(more)
    assert run(ledger, "--drain", stream.source).status == 0
    stream.client.xtrim(stream.name, maxlen=1, approximate=False)
    assert run(ledger, "--drain", stream.source).status == 0
    check(ledger, sent[:5] + sent[16:] + more, losses=1)


def test_everything_that_is_new_may_be_dropped(either_way: RedisStream, ledger: Path) -> None:
    """A stream of which nothing is left reports all that nobody read."""
    stream, sent = either_way, [event(number) for number in range(20)]
    stream.put(sent[:5])
    consume(ledger, stream.source)
    stream.put(sent[5:])
    stream.client.xtrim(stream.name, maxlen=0, approximate=False)
    assert "15 entries were dropped" in run(ledger, "--drain", stream.source).stderr
    check(ledger, sent[:5], losses=1)
    stream.put([event(20)])
    assert run(ledger, "--drain", stream.source).status == 0
    check(ledger, [*sent[:5], event(20)], losses=1)


def test_what_was_read_may_be_dropped(either_way: RedisStream, ledger: Path) -> None:
    """A stream with a maximum length whose reader keeps up has no discontinuity, whatever was trimmed before."""
    stream, sent = either_way, [event(number) for number in range(30)]
    stream.put(sent[:10])
    stream.client.xtrim(stream.name, maxlen=6, approximate=False)
    for start in (4, 10, 20):
        if start > 4:
            stream.put(sent[start : start + 10])
        consume(ledger, stream.source)
        stream.client.xtrim(stream.name, maxlen=start // 10, approximate=False)
        consume(ledger, stream.source)
    check(ledger, sent[4:])


def test_a_deleted_entry_is_a_loss(stream: RedisStream, ledger: Path) -> None:
    """An entry that was deleted before it was read is missed as soon as the rest is read; one deleted later is not."""
    stream.put([event(number) for number in range(5)])
    consume(ledger, stream.source)
    read = stream.client.xrange(stream.name)
    stream.put([event(number) for number in range(5, 10)])
    new = stream.client.xrange(stream.name)[5:]
    stream.client.xdel(stream.name, read[4][0], read[1][0], new[2][0])
    assert "1 entry was dropped" in run(ledger, "--drain", stream.source).stderr
    check(ledger, [event(number) for number in range(10) if number != 7], losses=1)
    assert run(ledger, "--drain", stream.source).status == 0


def test_an_entry_that_was_delivered_and_deleted_is_a_loss(group: RedisStream, ledger: Path) -> None:
    """An entry that a consumer got and never counted, and that was deleted since, is reported once."""
    group.put([event(number) for number in range(3)])
    consume(ledger, group.source)
    group.put([event(number) for number in range(3, 6)])
    group.client.xreadgroup("readers", "another", {group.name: ">"})
    group.client.xdel(group.name, group.client.xrange(group.name)[4][0])
    done = run(ledger, "--drain", group.source)
    assert done.status == 3
    assert "1 message was deleted after being delivered" in done.stderr
    check(ledger, [event(number) for number in (0, 1, 2, 3, 5)], losses=1)
    assert run(ledger, "--drain", group.source).status == 0


def _deleted(stream: RedisStream) -> None:
    stream.client.delete(stream.name)


def _renamed(stream: RedisStream) -> None:
    stream.client.rename(stream.name, f"{stream.name}.old")


@pytest.mark.parametrize("destroy", [_deleted, _renamed])
@pytest.mark.parametrize("new", [3, 40])
def test_a_stream_that_was_made_anew_is_read_from_its_beginning(
    either_way: RedisStream, ledger: Path, destroy: Callable[[RedisStream], None], new: int
) -> None:
    """A former stream may have held more, which is said; all of the new one counts, whether it is shorter or longer."""
    stream, sent = either_way, [event(number) for number in range(10 + new)]
    stream.put(sent[:10])
    consume(ledger, stream.source)
    destroy(stream)
    stream.put(sent[10:])
    done = run(ledger, "--drain", stream.source)
    assert done.status == 3
    check(ledger, sent, losses=1)
    assert run(ledger, "--drain", stream.source).status == 0


def test_a_stream_with_the_same_ids_is_another_one(stream: RedisStream, ledger: Path) -> None:
    """A stream that was recreated with ids of the former one is recognised by what its entries hold."""
    for number in range(1, 6):
        stream.client.xadd(stream.name, {"body": event(number)}, id=f"1-{number}")
    consume(ledger, stream.source)
    stream.client.delete(stream.name)
    for number in range(1, 9):
        stream.client.xadd(stream.name, {"body": event(10 + number)}, id=f"1-{number}")
    assert "recreated" in run(ledger, "--drain", stream.source).stderr
    check(ledger, [event(number) for number in (*range(1, 6), *range(11, 19))], losses=1)


def test_a_stream_that_is_gone_is_reported_once(either_way: RedisStream, ledger: Path) -> None:
    """A stream that was deleted is a discontinuity in the first run that misses it, and in no other."""
    either_way.put([event(0)])
    consume(ledger, either_way.source)
    either_way.client.delete(either_way.name)
    assert "no longer there" in run(ledger, "--drain", either_way.source).stderr
    consume(ledger, either_way.source)
    check(ledger, [event(0)], losses=1)


def test_a_stream_that_never_was_is_missing(stream: RedisStream, ledger: Path) -> None:
    """With --drain, a stream that does not exist is a missing source, with status 3, and no ledger is made."""
    done = run(ledger, "--drain", stream.source)
    assert (done.status, "missing: there is no such stream" in done.stderr) == (3, True)
    assert not ledger.exists()


@pytest.mark.parametrize("group", [None, "readers"])
def test_a_server_may_be_killed(tmp_path: Path, ledger: Path, group: str | None) -> None:
    """A consumer waits for a server that was killed, and goes on when it is back: nothing is lost or doubled."""
    with brokers.redis_server(tmp_path) as server, closing(RedisStream(server, group=group)) as stream:
        sent = [event(number) for number in range(10)]
        stream.put(sent)
        arguments = ("--batch", "5", "--commit-every", "10ms", stream.source)
        with consuming(ledger, *arguments) as consumer:
            for start in (10, 20, 30):
                server.kill()
                server.start()
                more = [event(number) for number in range(start, start + 10)]
                stream.put(more)
                sent += more
            consumer.terminate()
            _, said = consumer.communicate(timeout=30)
        assert b"Traceback" not in said
        consume(ledger, stream.source)
        check(ledger, sent)


@pytest.mark.parametrize("group", [None, "readers"])
def test_a_server_that_comes_back_without_its_last_entries_is_doubtful(
    tmp_path: Path, ledger: Path, group: str | None
) -> None:
    """Entries that a server lost stay counted; that they are gone is said, and those added later all count."""
    with brokers.redis_server(tmp_path) as server, closing(RedisStream(server, group=group)) as stream:
        stream.put([event(number) for number in range(10)])
        consume(ledger, stream.source)
        log = next((tmp_path / "appendonlydir").glob("*.incr.aof"))
        size = log.stat().st_size
        stream.put([event(number) for number in range(10, 15)])
        consume(ledger, stream.source)
        server.kill()
        with log.open("r+b") as file:
            file.truncate(size)
        server.start()
        stream.put([event(number) for number in range(15, 18)])
        done = run(ledger, "--drain", stream.source)
        assert done.status == 3
        assert "no longer has entries" in done.stderr
        check(ledger, [event(number) for number in range(18)], losses=1)
        stream.put([event(18)])
        assert run(ledger, "--drain", stream.source).status == 0
        check(ledger, [event(number) for number in range(19)], losses=1)


def test_a_field_has_a_name(stream: RedisStream, ledger: Path) -> None:
    """The body is in the field `body` or in the one that is named; an entry without it is a rejected line."""
    stream.client.xadd(stream.name, {"other": "x", "event": event(1)})
    stream.client.xadd(stream.name, {"body": event(2), "trace": "y"})
    consume(ledger, f"{stream.source}&field=event")
    with Database.open_to_read(str(ledger)) as database:
        account = totals(database).account
    assert (account.lines, account.accepted, account.rejects) == (2, 1, 1)


def test_a_queue_may_be_read_from_its_end(either_way: RedisStream, ledger: Path) -> None:
    """With --from end, only what is added after the first run counts; later runs go on where it ended."""
    either_way.put([event(number) for number in range(5)])
    assert run(ledger, "--drain", "--from", "end", either_way.source).status == 0
    either_way.put([event(5)])
    assert run(ledger, "--drain", "--from", "end", either_way.source).status == 0
    assert run(ledger, "--drain", either_way.source).status == 0
    check(ledger, [event(5)])


def test_messages_of_the_same_content_count_each(stream: RedisStream, ledger: Path) -> None:
    """Entries that hold the same are different messages."""
    stream.put([event(1)] * 7)
    consume(ledger, stream.source)
    check(ledger, [event(1)] * 7)


def test_what_another_consumer_left_is_taken_over(group: RedisStream, ledger: Path) -> None:
    """Entries of a consumer that never acknowledged them count as soon as they were idle for long enough."""
    group.put([event(number) for number in range(4)])
    group.client.xgroup_create(group.name, "readers", "0")
    group.client.xreadgroup("readers", "dead", {group.name: ">"}, count=3)
    consume(ledger, group.source)
    check(ledger, [event(number) for number in range(4)])
    assert all(one["pending"] == 0 for one in group.client.xinfo_groups(group.name))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("redis://127.0.0.1", "stream=NAME"),
        ("redis://127.0.0.1/x?stream=a", "number of a database"),
        ("redis://127.0.0.1?stream=a&stream=b", "given twice"),
        ("redis://127.0.0.1?stream=", "stream is empty"),
        ("redis://127.0.0.1?strem=a", "strem"),
        ("redis://127.0.0.1?stream=a&claim=1", "claim needs group"),
        ("redis://127.0.0.1?stream=a&group=b&claim=x", "whole number"),
        ("redis://127.0.0.1:port?stream=a", "ort"),
        ("ftp://127.0.0.1/a", "a queue is"),
        ("events.jsonl", "a queue is"),
    ],
)
def test_a_wrong_address_is_wrong_usage(ledger: Path, source: str, said: str) -> None:
    """What names no queue is refused with status 2 and a reason, before anything is opened."""
    pytest.importorskip("redis", reason="eventcli[queue] is not installed")
    done = run(ledger, "--drain", source)
    assert done.status == 2
    assert said in done.stderr
    assert not ledger.exists()


def test_no_secret_is_shown_or_kept(tmp_path: Path, ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password in a URL or a variable is used, and neither said nor kept; without it, a run is refused at once."""
    with brokers.redis_server(tmp_path) as server, closing(RedisStream(server)) as stream:
        stream.put([event(1), b"bad"])
        stream.client.config_set("requirepass", "s3cr3t")
        source = stream.source.replace("redis://", "redis://:s3cr3t@")
        done = run(ledger, "--drain", source)
        assert done.status == 0
        assert b"s3cr3t" not in done.stderr.encode() + ledger.read_bytes()
        refused = run(ledger, "--drain", stream.source)
        assert refused.status == 3
        assert "Traceback" not in refused.stderr
        stream.put([event(2)])
        monkeypatch.setenv("REDISCLI_AUTH", "s3cr3t")
        assert run(ledger, "--drain", stream.source).status == 0
        check(ledger, [event(1), b"bad", event(2)])
