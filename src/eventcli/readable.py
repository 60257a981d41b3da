"""The protocol of a stream of bytes, and the errors that reading one can raise."""

from typing import BinaryIO, Protocol, cast


class Readable(Protocol):
    """A stream that fills a buffer: what `open(path, "rb", buffering=0)` gives."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Read up to the length of the buffer; 0 at the end of the stream, None if nothing is there yet."""


class TruncatedError(OSError):
    """A stream ended before its end: what was read is whole, what follows is missing.

    `offset` is where, in bytes from the start of the source as it is stored.
    """

    def __init__(self, message: str, offset: int) -> None:
        """Say what happened, and where."""
        super().__init__(f"{message}, at byte {offset}")
        self.offset = offset


class DamagedError(TruncatedError):
    """A stream cannot be right from some byte on: what was read up to there is all that can be had."""


def read_into(stream: Readable, view: memoryview) -> int:
    """Read at least one byte into `view`, and return how many; 0 at the end of the stream."""
    while (got := stream.readinto(view)) is None:
        # A terminal or pipe that some other process made non-blocking: nothing is there yet, but it is not the end.
        import select  # noqa: PLC0415  # a millisecond of start-up for what hardly ever happens

        select.select([cast("BinaryIO", stream)], [], [])
    return got


def readable(stream: Readable | BinaryIO) -> Readable:
    """Return a stream that has `readinto`, for one that may have only `read`."""
    return cast("Readable", stream) if hasattr(stream, "readinto") else _Reader(stream)


class _Reader:
    """Gives `readinto` to a stream that has only `read`."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readinto(self, buffer: memoryview, /) -> int:
        data = self._stream.read(len(buffer))
        if not isinstance(data, bytes):
            raise TypeError(f"a stream of bytes is needed, not of {type(data).__name__}")
        buffer[: len(data)] = data
        return len(data)
