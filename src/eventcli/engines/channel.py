"""Messages between a client and a worker process: a few blobs of bytes each, over pipes."""

from collections.abc import Sequence
from typing import BinaryIO, Final

_NUMBER: Final = 8
"""Bytes of a number."""


def send(stream: BinaryIO, blobs: Sequence[bytes]) -> None:
    """Write a message. Raises OSError if the other side is gone."""
    lengths = [len(blobs), *map(len, blobs)]
    stream.write(b"".join(length.to_bytes(_NUMBER, "little") for length in lengths))
    stream.writelines(blobs)
    stream.flush()


def receive(stream: BinaryIO) -> list[bytes] | None:
    """Read a message; None if the other side is gone."""
    try:
        count = _read_number(stream)
        return [_read(stream, length) for length in [_read_number(stream) for _ in range(count)]]
    except (EOFError, OSError, ValueError):
        return None


def _read_number(stream: BinaryIO) -> int:
    return int.from_bytes(_read(stream, _NUMBER), "little")


def _read(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise EOFError
    return data
