"""Converts a stream to a row of the table `streams`, and back."""

import os
from typing import Any, Final

from eventcli.ledger.store.rows import CHECKSUM_PRIME
from eventcli.ledger.streams.stream import State, Stream
from eventcli.lines.event import Reason
from eventcli.summary.account import Account

STREAM_COLUMNS: Final = (
    'key, name, path, state, device, inode, born, modified, start, "offset", last_line, pending, accepted, filtered,'
    " blank, salvaged, seen, head, tail, raw_size, raw_proof, raw_length, checksum, first_seen, last_seen"
)


def in_hex(checksum: int) -> str:
    """Return a checksum in its stored form."""
    return f"{checksum % CHECKSUM_PRIME:x}"


def row_of(stream: Stream) -> tuple[object, ...]:
    """Return the row for a stream, in column order."""
    account = stream.account
    return (
        stream.key,
        _stored(stream.name),
        _stored(stream.path),
        str(stream.state),
        str(stream.device),
        str(stream.inode),
        stream.born,
        stream.modified,
        stream.start,
        stream.offset,
        stream.lines,
        stream.pending,
        account.accepted,
        account.filtered,
        account.blank,
        account.salvaged,
        stream.seen,
        " ".join(stream.head),
        stream.tail,
        stream.raw_size,
        stream.raw_proof,
        stream.raw_length,
        in_hex(stream.checksum),
        stream.first_seen,
        stream.last_seen,
    )


def stream_of(row: list[Any], rejected: dict[Reason, int]) -> Stream:
    """Return the stream in a row."""
    (
        key,
        name,
        path,
        state,
        device,
        inode,
        born,
        modified,
        start,
        offset,
        lines,
        pending,
        accepted,
        filtered,
        blank,
        salvaged,
        *rest,
    ) = row
    stream = Stream(key, path_of(name))
    stream.path = path_of(path)
    stream.state = State(state)
    stream.device, stream.inode = int(device), int(inode)
    stream.born, stream.modified = int(born), int(modified)
    stream.start, stream.offset, stream.lines, stream.pending = start, offset, lines, pending
    total = accepted + filtered + blank + sum(rejected.values())
    stream.account = Account(total, accepted, rejected, filtered, blank, salvaged)
    stream.seen, head, stream.tail, stream.raw_size, stream.raw_proof, stream.raw_length, checksum, *times = rest
    stream.head = tuple(head.split())
    stream.checksum = int(checksum, 16)
    stream.first_seen, stream.last_seen = times
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
