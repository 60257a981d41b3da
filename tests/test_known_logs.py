"""The table of well-known logs: lines in the shape of each are read with the options that stand there."""

import json
import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
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


def _millis(time: datetime) -> int:
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _level(draw: Random) -> str:
    return draw.choice(["debug", "info", "warn", "error"])


def _bunyan(draw: Random, time: datetime) -> Line:
    name = draw.choice(["shop", "mailer"])
    record = {
        "name": name,
        "hostname": "web-1",
        "pid": 4711,
        "level": draw.choice([20, 30, 40, 50]),
        "msg": draw.choice(_TEXTS),
        "time": f"{time:%Y-%m-%dT%H:%M:%S}.{draw.randrange(1000):03}Z",
        "v": 0,
    }
    return Line(record, name, Decimal(0), time)


def _zap(draw: Random, time: datetime) -> Line:
    level = _level(draw)
    record = {
        "level": level,
        "ts": _millis(time) / 1000 + draw.randrange(1000) / 1000,
        "logger": "shop.cart",
        "caller": "cart/add.go:42",
        "msg": draw.choice(_TEXTS),
        **({"stacktrace": "main.main\n\t/app/main.go:7"} if level == "error" else {}),
    }
    return Line(record, level, Decimal(0), time)


def _zerolog(draw: Random, time: datetime) -> Line:
    level = _level(draw)
    # zerolog.TimeFieldFormat: RFC 3339 by default, or seconds, or milliseconds.
    moment = draw.choice([_iso(time), _millis(time) // 1000, _millis(time)])
    record = {"level": level, "service": "shop", "time": moment, "message": draw.choice(_TEXTS)}
    return Line(record, level, Decimal(0), time)


def _winston(draw: Random, time: datetime) -> Line:
    level = draw.choice(["error", "warn", "info", "http", "verbose"])
    record = {"level": level, "message": draw.choice(_TEXTS), "timestamp": _iso(time + timedelta(milliseconds=3))}
    return Line(record, level, Decimal(0), time)


def _logstash(draw: Random, time: datetime) -> Line:
    level = _level(draw).upper()
    record = {
        "@timestamp": f"{time:%Y-%m-%dT%H:%M:%S}.{draw.randrange(10**9):09}Z",
        "@version": "1",
        "message": draw.choice(_TEXTS),
        "logger_name": "org.example.Shop",
        "thread_name": "main",
        "level": level,
        "level_value": 20000,
        "tags": ["cart"],
    }
    return Line(record, level, Decimal(0), time)


def _ecs(draw: Random, time: datetime) -> Line:
    level = _level(draw).upper()
    # The libraries of Elastic write keys with points, Filebeat nested objects.
    nested: dict[str, Any] = {
        "log": {"level": level, "logger": "shop"},
        "ecs": {"version": "8.11.0"},
        "service": {"name": "shop"},
    }
    flat: dict[str, Any] = {
        "log.level": level,
        "ecs.version": "1.2.0",
        "service.name": "shop",
        "log": {"logger": "shop"},
    }
    record = {
        "@timestamp": _iso(time + timedelta(milliseconds=9)),
        "message": draw.choice(_TEXTS),
        **draw.choice([nested, flat]),
    }
    return Line(record, level, Decimal(0), time)


def _gelf(draw: Random, time: datetime) -> Line:
    host = draw.choice(["web-1", "web-2.example.org"])
    record = {
        "version": "1.1",
        "host": host,
        "short_message": draw.choice(_TEXTS),
        "timestamp": _millis(time) / 1000 + draw.randrange(1000) / 1000,
        "level": draw.randrange(8),
        "_user_id": 9001,
    }
    return Line(record, host, Decimal(0), time)


def _journald(draw: Random, time: datetime) -> Line:
    unit = draw.choice(["nginx.service", "cron.service"])
    micros = _millis(time) * 1000 + draw.randrange(10**6)
    message = draw.choice([*_TEXTS, [27, 91, 51, 49, 109]])  # what is not UTF-8 is an array of bytes
    record = {
        "__CURSOR": "s=0639;i=1a;b=7f",
        "__REALTIME_TIMESTAMP": str(micros),
        "__MONOTONIC_TIMESTAMP": str(micros % 10**12),
        "_TRANSPORT": "stdout",
        "PRIORITY": "6",
        "_SYSTEMD_UNIT": unit,
        "_PID": "812",
        "MESSAGE": message,
    }
    return Line(record, unit, Decimal(0), time)


def _caddy(draw: Random, time: datetime) -> Line:
    method, size = draw.choice(["GET", "POST"]), draw.randrange(10**6)
    record = {
        "level": "info",
        "ts": _millis(time) / 1000 + draw.randrange(1000) / 1000,
        "logger": "http.log.access.log0",
        "msg": "handled request",
        "request": {
            "remote_ip": "203.0.113.9",
            "proto": "HTTP/2.0",
            "method": method,
            "host": "example.org",
            "uri": "/?q=" + draw.choice(_TEXTS),
            "headers": {"User-Agent": ["curl/7.82.0"]},
            "tls": {"resumed": False, "version": 772},
        },
        "bytes_read": 0,
        "duration": 0.000929675,
        "size": size,
        "status": 200,
        "resp_headers": {"Server": ["Caddy"]},
    }
    return Line(record, method, Decimal(size), time)


def _traefik(draw: Random, time: datetime) -> Line:
    router, size = draw.choice(["web@docker", "api@file"]), draw.randrange(10**6)
    record = {
        "ClientAddr": "203.0.113.9:51234",
        "DownstreamContentSize": size,
        "DownstreamStatus": 200,
        "Duration": draw.randrange(10**9),
        "RequestMethod": "GET",
        "RequestPath": "/" + draw.choice(_TEXTS),
        "RouterName": router,
        "StartLocal": f"{time:%Y-%m-%dT%H:%M:%S}.123456789Z",
        "StartUTC": f"{time:%Y-%m-%dT%H:%M:%S}.123456789Z",
        "level": "info",
        "msg": "",
        "time": _iso(time + timedelta(seconds=1)),
    }
    return Line(record, router, Decimal(size), time)


def _suricata(draw: Random, time: datetime) -> Line:
    kind, size = draw.choice(["flow", "alert", "dns"]), draw.randrange(10**6)
    has_flow = kind != "dns"
    record = {
        "timestamp": f"{time:%Y-%m-%dT%H:%M:%S}.{draw.randrange(10**6):06}+0000",
        "flow_id": draw.randrange(10**15),
        "event_type": kind,
        "src_ip": "10.0.0.7",
        "dest_port": 443,
        **(
            {"flow": {"pkts_toserver": 9, "bytes_toserver": size, "bytes_toclient": 1}}
            if has_flow
            else {"dns": {"id": 7}}
        ),
    }
    return Line(record, kind, Decimal(size if has_flow else 0), time)


def _postgresql(draw: Random, time: datetime) -> Line:
    severity = draw.choice(["LOG", "ERROR", "FATAL"])
    record = {
        "timestamp": f"{time:%Y-%m-%d %H:%M:%S}.{draw.randrange(1000):03} UTC",
        "user": "shop",
        "dbname": "shop",
        "pid": 901,
        "session_id": "5f7c4e2a.385",
        "session_start": f"{time:%Y-%m-%d %H:%M:%S} UTC",
        "error_severity": severity,
        "state_code": "42P01",
        "message": draw.choice(_TEXTS),
        "query_id": 0,
    }
    return Line(record, severity, Decimal(0), time)


def _alb(draw: Random, time: datetime) -> Line:
    status, size = draw.choice(["200", "302", "502"]), draw.randrange(10**6)
    record = {
        "type": "https",
        "timestamp": f"{time:%Y-%m-%dT%H:%M:%S}.{draw.randrange(10**6):06}Z",
        "elb": "app/shop/50dc6c495c0c9188",
        "client_host": "203.0.113.9:2817",
        "elb_status_code": status,
        "received_bytes": 34,
        "sent_bytes": size,
        "request_method": "GET",
        "user_agent": draw.choice(_TEXTS),
    }
    return Line(record, status, Decimal(size), time)


def _cloudfront(draw: Random, time: datetime) -> Line:
    status, size = draw.choice(["200", "304", "403"]), draw.randrange(10**6)
    record = {
        "date": f"{time:%Y-%m-%d}",
        "time": f"{time:%H:%M:%S}",
        "x-edge-location": "FRA56-P1",
        "sc-bytes": str(size),
        "sc-status": status,
        "cs(User-Agent)": draw.choice(_TEXTS),
        "time-taken": "0.001",
        "timestamp(ms)": str(_millis(time)),
    }
    return Line(record, status, Decimal(size), time)


def _amplitude(draw: Random, time: datetime) -> Line:
    name = draw.choice(["Purchase", "[Amplitude] Page Viewed"])
    revenue = Decimal(draw.randrange(10**6)) / 100
    is_sale = name == "Purchase"
    record = {
        "$insert_id": "0f1c",
        "app": 187520,
        "event_type": name,
        "event_time": f"{time:%Y-%m-%d %H:%M:%S}.{draw.randrange(10**6):06}",
        "event_properties": {"revenue": float(revenue)} if is_sale else {"title": draw.choice(_TEXTS)},
        "user_properties": {},
        "user_id": None,
    }
    return Line(record, name, revenue if is_sale else Decimal(0), time)


def _mixpanel(draw: Random, time: datetime) -> Line:
    name = draw.choice(["Order Completed", "$mp_web_page_view"])
    amount = Decimal(draw.randrange(10**6)) / 100
    is_order = name == "Order Completed"
    properties = {
        "time": _millis(time) // 1000,
        "distinct_id": "91304156-cafc-4673-a237-623d1129c801",
        "$browser": "Firefox",
        "title": draw.choice(_TEXTS),
        **({"amount": float(amount)} if is_order else {}),
    }
    return Line({"event": name, "properties": properties}, name, amount if is_order else Decimal(0), time)


def _stripe(draw: Random, time: datetime) -> Line:
    name, cents = draw.choice(["charge.succeeded", "charge.refunded", "customer.created"]), draw.randrange(10**6)
    is_charge = name.startswith("charge.")
    record = {
        "id": "evt_1CiPtv2eZvKYlo2CcUZsDcO6",
        "object": "event",
        "api_version": "2018-05-21",
        "created": _millis(time) // 1000,
        "data": {
            "object": {
                "id": "ch_1",
                "description": draw.choice(_TEXTS),
                "currency": "eur",
                **({"amount": cents} if is_charge else {}),
            },
            "previous_attributes": None,
        },
        "livemode": False,
        "type": name,
    }
    return Line(record, name, Decimal(cents if is_charge else 0), time)


def _pino(draw: Random, time: datetime) -> Line:
    level = draw.choice([10, 20, 30, 40, 50, 60])
    record = {
        "level": level,
        "time": _millis(time) + draw.randrange(1000),
        "pid": 94473,
        "hostname": "web-1",
        "req": {"id": 1, "method": "GET", "headers": {"host": "example.org"}},
        "msg": draw.choice(_TEXTS),
    }
    return Line(record, str(level), Decimal(0), time)


def _otlp(draw: Random, time: datetime) -> Line:
    severity = draw.choice(["INFO", "WARN", "ERROR"])
    record = {
        "timeUnixNano": str(_millis(time) * 10**6 + draw.randrange(10**9)),
        "observedTimeUnixNano": str(_millis(time) * 10**6),
        "severityNumber": 9,
        "severityText": severity,
        "body": {"stringValue": draw.choice(_TEXTS)},
        "attributes": [{"key": "http.request.method", "value": {"stringValue": "GET"}}],
        "traceId": "5b8efff798038103d269b633813fc60c",
    }
    return Line(record, severity, Decimal(0), time)


SHAPES: Final[Mapping[str, Callable[[Random, datetime], Line]]] = {
    "GH Archive": _gh_archive,
    "Bluesky Jetstream": _bluesky,
    "Segment": _segment,
    "Snowplow": _snowplow,
    "CloudTrail": _cloudtrail,
    "nginx": _nginx,
    "Docker": _docker,
    "bunyan": _bunyan,
    "zap": _zap,
    "zerolog": _zerolog,
    "winston": _winston,
    "logstash": _logstash,
    "ECS": _ecs,
    "GELF": _gelf,
    "journald": _journald,
    "Caddy": _caddy,
    "Traefik": _traefik,
    "Suricata": _suricata,
    "PostgreSQL": _postgresql,
    "ALB": _alb,
    "CloudFront": _cloudfront,
    "Amplitude": _amplitude,
    "Mixpanel": _mixpanel,
    "Stripe": _stripe,
    "pino": _pino,
    "OTLP": _otlp,
}

_PAGE: Final = (ROOT / "docs" / "known-logs.md").read_text(encoding="utf-8")
ROWS: Final = dict(re.findall(r"^\| ([\w ]+?)(?:,[^|]*|)\| `([^`]+)` \|", _PAGE, re.MULTILINE))


def _resource_logs(records: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    scopes = [{"scope": {"name": "shop"}, "logRecords": records[start::2]} for start in range(2)]
    return {"resourceLogs": [{"resource": {"attributes": []}, "scopeLogs": scopes}, {"resource": {}, "scopeLogs": []}]}


BATCHES: Final[Mapping[str, Callable[[Sequence[Mapping[str, Any]]], Mapping[str, Any]]]] = {
    "CloudTrail": lambda records: {"Records": records},
    "OTLP": _resource_logs,
}
"""Logs that hold many records in one JSON text."""


def _written(name: str, records: Sequence[Mapping[str, Any]], draw: Random) -> str:
    """Return a log with some records, as its program writes it."""
    if name in BATCHES:
        size = len(records) // 3
        parts = [records[start : start + size] for start in range(0, len(records), size)]
        return "".join(json.dumps(BATCHES[name](part)) + "\n" for part in parts)
    return "".join(json.dumps(record, ensure_ascii=draw.random() < 0.5) + "\n" for record in records)


def test_every_row_has_a_shape() -> None:
    """The table of the page and the shapes of this file are about the same logs."""
    assert sorted(ROWS) == sorted(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_a_log_is_read_with_its_options(body: str, name: str) -> None:
    """Counts and sums by hour are those of the lines, none of which is rejected."""
    draw = Random(name)
    lines = [SHAPES[name](draw, _DAY + timedelta(seconds=draw.randrange(6 * 3600))) for _ in range(_LINES)]
    log = _written(name, [line.record for line in lines], draw)
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
