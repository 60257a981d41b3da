"""Converts a stream to a row of the table `streams`, and back."""

import os
from collections.abc import Mapping
from typing import Any

from eventcli.ledger.store.rows import CHECKSUM_PRIME
from eventcli.ledger.streams.stream import State, Stream
from eventcli.lines.event import Reason
from eventcli.summary.account import Account


def in_hex(checksum: int) -> str:
    """Return a checksum in its stored form."""
    return f"{checksum % CHECKSUM_PRIME:x}"


def row_of(stream: Stream) -> dict[str, object]:
    """Return the row for a stream, by column."""
    account = stream.account
    return {
        "key": stream.key,
        "name": _stored(stream.name),
        "path": _stored(stream.path),
        "state": str(stream.state),
        "device": str(stream.device),
        "inode": str(stream.inode),
        "born": stream.born,
        "modified": stream.modified,
        "start": stream.start,
        "offset": stream.offset,
        "last_line": stream.lines,
        "pending": stream.pending,
        "accepted": account.accepted,
        "filtered": account.filtered,
        "blank": account.blank,
        "salvaged": account.salvaged,
        "seen": stream.seen,
        "head": " ".join(stream.head),
        "tail": stream.tail,
        "raw_size": stream.raw_size,
        "raw_proof": stream.raw_proof,
        "raw_length": stream.raw_length,
        "checksum": in_hex(stream.checksum),
        "first_seen": stream.first_seen,
        "last_seen": stream.last_seen,
    }


def stream_of(row: Mapping[str, Any], rejected: dict[Reason, int]) -> Stream:
    """Return the stream in a row."""
    stream = Stream(row["key"], path_of(row["name"]))
    stream.path = path_of(row["path"])
    stream.state = State(row["state"])
    stream.device, stream.inode = int(row["device"]), int(row["inode"])
    stream.born, stream.modified = int(row["born"]), int(row["modified"])
    stream.start, stream.offset, stream.lines = row["start"], row["offset"], row["last_line"]
    stream.pending = row["pending"]
    accepted, filtered, blank, salvaged = (row[name] for name in ("accepted", "filtered", "blank", "salvaged"))
    total = accepted + filtered + blank + sum(rejected.values())
    stream.account = Account(total, accepted, rejected, filtered, blank, salvaged)
    stream.seen, stream.head, stream.tail = row["seen"], tuple(row["head"].split()), row["tail"]
    stream.raw_size, stream.raw_proof, stream.raw_length = row["raw_size"], row["raw_proof"], row["raw_length"]
    stream.checksum = int(row["checksum"], 16)
    stream.first_seen, stream.last_seen = row["first_seen"], row["last_seen"]
    stream.is_new = False
    return stream


def _stored(path: str) -> str | bytes:
    """Return a path as text, or as bytes if it is not valid text."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def path_of(stored: str | bytes) -> str:
    """Return the path that is stored as text or bytes."""
    return os.fsdecode(stored)
