"""The protocol of a byte stream, and the errors that reading one can raise."""

from typing import BinaryIO, Protocol, cast


class Readable(Protocol):
    """A stream that fills a buffer, such as the result of `open(path, "rb", buffering=0)`."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Read up to the length of the buffer; 0 at the end of the stream, None if nothing is there yet."""


class TruncatedError(OSError):
    """A stream broke off before its end: the data read is sound, the rest is missing.

    `offset` is the position, in bytes from the start of the source as stored.
    """

    def __init__(self, message: str, offset: int) -> None:
        """Record what happened, and where."""
        super().__init__(f"{message}, at byte {offset}")
        self.offset = offset


class DamagedError(TruncatedError):
    """A stream is damaged from some byte on: only the data before it is available."""


class ReplacedError(OSError):
    """A source is no longer the one that was meant: none of its bytes that were read since count."""


def read_into(stream: Readable, view: memoryview) -> int:
    """Read at least one byte into `view`, and return how many; 0 at the end of the stream."""
    while (got := stream.readinto(view)) is None:
        # A terminal or pipe that another process made non-blocking: no data yet, but not the end.
        import select  # noqa: PLC0415  # a millisecond of start-up for what hardly ever happens

        select.select([cast("BinaryIO", stream)], [], [])
    return got


def readable(stream: Readable | BinaryIO) -> Readable:
    """Return a stream that has `readinto`, for one that may only have `read`."""
    return cast("Readable", stream) if hasattr(stream, "readinto") else _Reader(stream)


class _Reader:
    """Adds `readinto` to a stream that only has `read`."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readinto(self, buffer: memoryview, /) -> int:
        data = self._stream.read(len(buffer))
        if not isinstance(data, bytes):
            raise TypeError(f"a stream of bytes is needed, not of {type(data).__name__}")
        buffer[: len(data)] = data
        return len(data)
