"""What a ledger shows besides its totals: its account, its sources, its rejects and its metrics, as bytes."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from eventcli.ledger import replay, totals
from eventcli.ledger.store.database import Database
from eventcli.ledger.streams.stream import UNCOUNTED, Stream
from eventcli.lines.rejected import record as record_of
from eventcli.reporting import prometheus
from eventcli.reporting.columns import OTHER_LABEL
from eventcli.summary.account import Account
from eventcli.text import name_of


def fields_of(account: Account) -> dict[str, Any]:
    """Return an account for programs: lines = accepted + rejected + filtered + blank."""
    return {
        "lines": account.lines,
        "accepted": account.accepted,
        "rejected": account.rejects,
        "filtered": account.filtered,
        "blank": account.blank,
        "salvaged": account.salvaged,
        "reasons": {str(reason): count for reason, count in account.rejected.items() if count},
    }


def account(database: Database) -> bytes:
    """Return the account of all lines."""
    return _json(fields_of(database.account()))


def sources(database: Database) -> bytes:
    """Return where each source is, how far it was read, and what is uncertain about it."""
    return _json(list_of_sources(database))


def list_of_sources(database: Database) -> list[dict[str, Any]]:
    """Return the same as objects."""
    uncertain: dict[str, list[dict[str, Any]]] = {}
    for one in database.discontinuities():
        if not one.settled:
            noticed = {"offset": one.offset, "noticed_at": one.noticed_at, "kind": one.kind, "message": one.message}
            uncertain.setdefault(one.name, []).append(noticed)
    found = []
    for stream in database.streams():
        if stream.state in UNCOUNTED:
            continue
        own = uncertain.pop(name_of(stream.name), [])
        found.append(_source(stream, own))
    # Their streams were forgotten or pruned.
    found += [{"source": name, "discontinuities": left} for name, left in uncertain.items()]
    return found


def _source(stream: Stream, uncertain: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "source": stream.label,
        "stream": stream.key,
        "state": str(stream.state),
        "position": stream.offset,
        "bytes": stream.offset - stream.start,
        **fields_of(stream.account),
        "pending": stream.pending,
        "lag": _lag(stream),
        "first_seen": stream.first_seen,
        "last_seen": stream.last_seen,
        "discontinuities": uncertain,
    }


def _lag(stream: Stream) -> int | None:
    """Return how many bytes of a file are not read yet; None if only reading it would show."""
    if stream.raw_size or not stream.is_placed:
        return None
    with suppress(OSError, ValueError):
        there = os.stat(stream.path)
        if (there.st_dev, there.st_ino) == (stream.device, stream.inode):
            return max(0, there.st_size - stream.offset)
    return None


def rejects(database: Database) -> bytes:
    """Return the rejected lines that are kept, as `eventstats rejects` writes them."""
    return b"".join(record_of(reject) for reject in replay.rejects(database))


def metrics(database: Database, labels: Mapping[str, str]) -> bytes:
    """Return what `eventstats totals --format prometheus` prints."""
    summary = totals.totals(database)
    record = None if database.is_new else database.last_run()
    return prometheus.metrics_of(summary, record, OTHER_LABEL, labels)


def labels_of(path: str) -> dict[str, str]:
    """Return the label that tells the metrics of two ledgers apart."""
    return {"ledger": os.fsencode(os.path.realpath(path)).decode("utf-8", "backslashreplace")}


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace") + b"\n"
