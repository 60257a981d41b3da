"""The README's table of well-known logs: lines in the shape of each are read with the options that stand there."""

import json
import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final, NamedTuple

import pytest

import process
from documents import ROOT

_DAY: Final = datetime(2020, 10, 6, tzinfo=UTC)
_LINES: Final = 300
_TEXTS: Final = ("plain", 'a "quoted" word', "grüße, 世界", "back\\slash\n", "😀", "x" * 300)


class Line(NamedTuple):
    """A line of a log, and what it means: its type, its value, its time."""

    record: Mapping[str, Any]
    type: str
    value: Decimal
    time: datetime


def _iso(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


def _gh_archive(draw: Random, time: datetime) -> Line:
    size = draw.randrange(20)
    is_push = draw.random() < 0.6
    payload = {"push_id": draw.randrange(10**10), "size": size, "commits": [{"message": draw.choice(_TEXTS)}] * 2}
    record = {
        "id": str(draw.randrange(10**11)),
        "type": "PushEvent" if is_push else "WatchEvent",
        "actor": {"id": draw.randrange(10**8), "login": "octocat", "type": "User"},
        "payload": payload if is_push else {"action": "started"},
        "public": True,
        "created_at": _iso(time),
    }
    return Line(record, "PushEvent" if is_push else "WatchEvent", Decimal(size if is_push else 0), time)


def _bluesky(draw: Random, time: datetime) -> Line:
    collection = draw.choice(["app.bsky.feed.post", "app.bsky.feed.like", "app.bsky.graph.follow"])
    time += timedelta(microseconds=draw.randrange(10**6))
    record = {
        "did": "did:plc:yj3sjq3blzpynh27cumnp5ks",
        "time_us": (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1),
        "kind": "commit",
        "commit": {
            "rev": "3lbhtytnn2k2f",
            "operation": "create",
            "collection": collection,
            "rkey": "3lbhtyteurk2y",
            "record": {"$type": collection, "langs": ["en"], "text": draw.choice(_TEXTS)},
        },
    }
    return Line(record, collection, Decimal(0), time)


def _segment(draw: Random, time: datetime) -> Line:
    name = draw.choice(["Order Completed", "Product Viewed"])
    revenue = Decimal(draw.randrange(10**6)) / 100
    is_order = name == "Order Completed"
    record = {
        "type": "track",
        "event": name,
        "userId": "97980cfea0067",
        "context": {"ip": "8.8.8.8", "page": {"url": "/", "title": draw.choice(_TEXTS)}},
        "properties": {"orderId": 1, "revenue": float(revenue)} if is_order else {"sku": "G-32"},
        "timestamp": _iso(time + timedelta(milliseconds=7)),
    }
    return Line(record, name, revenue if is_order else Decimal(0), time)


def _snowplow(draw: Random, time: datetime) -> Line:
    total = Decimal(draw.randrange(10**6)) / 100
    name = draw.choice(["transaction", "page_view"])
    is_sale = name == "transaction"
    record = {
        "app_id": "shop",
        "collector_tstamp": _iso(time + timedelta(milliseconds=987)),
        "event_name": name,
        "page_title": draw.choice(_TEXTS),
        **({"tr_total": float(total)} if is_sale else {}),
    }
    return Line(record, name, total if is_sale else Decimal(0), time)


def _cloudtrail(draw: Random, time: datetime) -> Line:
    name = draw.choice(["AssumeRole", "GetObject", "RunInstances"])
    record = {
        "eventVersion": "1.08",
        "userIdentity": {"type": "IAMUser", "sessionContext": {"attributes": {"mfaAuthenticated": "false"}}},
        "eventTime": _iso(time),
        "eventSource": "s3.amazonaws.com",
        "eventName": name,
        "requestParameters": None,
        "resources": [{"ARN": "arn:aws:s3:::bucket", "note": draw.choice(_TEXTS)}],
    }
    return Line(record, name, Decimal(0), time)


def _nginx(draw: Random, time: datetime) -> Line:
    status, size = draw.choice(["200", "404", "500"]), draw.randrange(10**6)
    record = {
        "time_iso8601": time.astimezone().isoformat(),
        "remote_addr": "203.0.113.9",
        "request": "GET / HTTP/1.1",
        "status": status,
        "body_bytes_sent": str(size),
        "http_user_agent": draw.choice(_TEXTS),
    }
    return Line(record, status, Decimal(size), time)


def _docker(draw: Random, time: datetime) -> Line:
    stream = draw.choice(["stdout", "stderr"])
    record = {"log": draw.choice(_TEXTS) + "\n", "stream": stream, "time": f"{time:%Y-%m-%dT%H:%M:%S}.123456789Z"}
    return Line(record, stream, Decimal(0), time)


SHAPES: Final[Mapping[str, Callable[[Random, datetime], Line]]] = {
    "GH Archive": _gh_archive,
    "Bluesky Jetstream": _bluesky,
    "Segment": _segment,
    "Snowplow": _snowplow,
    "CloudTrail": _cloudtrail,
    "nginx": _nginx,
    "Docker": _docker,
}

_README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
_SECTION: Final = _README.partition("### Well-known logs")[2].partition("\n### ")[0]
ROWS: Final = dict(re.findall(r"^\| ([\w ]+?)(?:,[^|]*|)\| `([^`]+)` \|", _SECTION, re.MULTILINE))


def test_every_row_has_a_shape() -> None:
    """The table of the README and the shapes of this file are about the same logs."""
    assert sorted(ROWS) == sorted(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_a_log_is_read_with_its_options(body: str, name: str) -> None:
    """Counts and sums by hour are those of the lines, none of which is rejected."""
    draw = Random(name)
    lines = [SHAPES[name](draw, _DAY + timedelta(seconds=draw.randrange(6 * 3600))) for _ in range(_LINES)]
    log = "".join(json.dumps(line.record, ensure_ascii=draw.random() < 0.5) + "\n" for line in lines)
    ended = process.run("summarize", *shlex.split(ROWS[name]), "--by", "hour", stdin=log.encode())
    assert (ended.status, ended.stderr) == (0, ""), body

    counts: Counter[tuple[str, str]] = Counter()
    sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for line in lines:
        key = (line.time.replace(minute=0, second=0, microsecond=0).isoformat(), line.type)
        counts[key] += 1
        sums[key] += line.value
    rows = json.loads(ended.stdout, parse_float=Decimal)
    assert {(row["start"], row["type"]): row["count"] for row in rows} == counts
    assert {(row["start"], row["type"]): row["sum"] for row in rows} == sums
