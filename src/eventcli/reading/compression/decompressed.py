"""Decompresses a byte stream if its first bytes show that it is compressed; its name does not matter.

Each format is read member by member (a gzip member, a zstd or lz4 frame, a bzip2 or xz stream), so it is known where
each one ends and whether anything else follows. The data before damage is handed out, to the last byte that can be
decompressed; then an error says where the damage is.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import BinaryIO, Self, cast

import eventcli.reading.compression
from eventcli.readable import Readable, read_into
from eventcli.reading.compression.encodings import CERTAIN, HEAD, Encoding, identify


class Decompressed:
    """A byte stream that is decompressed while it is read, if it is compressed; it may be anything readable.

    With `ahead`, a thread decompresses the next chunks while the caller works on the last one. It starts with the
    second chunk, so not for small inputs, nor for gzip in a file, where passing chunks on takes longer.

    Raises OSError and its subclasses: `TruncatedError` if the compressed data breaks off, `DamagedError` if it is
    damaged or other data follows, both after all data before that point; `UnsupportedError` for unsupported formats.
    Errors of the stream itself propagate.
    """

    def __init__(self, stream: Readable, *, ahead: bool = False, close: Callable[[], object] = lambda: None) -> None:
        """Read from `stream`, which `close` closes; nothing is read until it is requested."""
        self._stream = stream
        self._close = close
        self._ahead = ahead
        self._encoding: Encoding | None = None
        self._chunks: Iterator[bytes] = iter(())
        self._failure: OSError | None = None
        self._thread: _Ahead | None = None
        self._waiting = memoryview(b"")
        # The decompressor into the caller's buffer, the start of the stream, and how much output came.
        self._direct: Readable | None = None
        self._base = self._done = 0

    @property
    def raw(self) -> Readable:
        """The stream itself, as it is stored."""
        return self._stream

    @property
    def encoding(self) -> Encoding:
        """The encoding of the bytes; reads the first ones to find out."""
        if self._encoding is None:
            scratch = memoryview(bytearray(HEAD))
            got = self._begin(scratch)
            if self._encoding is Encoding.PLAIN:
                self._waiting = scratch[:got]
        assert self._encoding is not None
        return self._encoding

    @property
    def is_raw(self) -> bool:
        """Whether it is already known that the next bytes come from the stream itself, unchanged."""
        return self._encoding is Encoding.PLAIN and not self._waiting

    def readinto(self, buffer: memoryview, /) -> int:
        """Read at least one byte; 0 at the end of the stream."""
        if self._encoding is None:
            if len(buffer) < HEAD:
                _ = self.encoding
            else:
                got = self._begin(buffer)
                if self._encoding is Encoding.PLAIN:
                    return got
        if self._encoding is Encoding.PLAIN and not self._waiting:
            return read_into(self._stream, buffer)
        if self._direct is not None:
            return self._read_directly(self._direct, buffer)
        filled = self._take(buffer)
        while filled < len(buffer) and self._failure is None and self._refill():
            filled += self._take(buffer[filled:])
        if self._failure is not None and not filled:
            raise self._failure
        return filled

    def _read_directly(self, members: Readable, buffer: memoryview) -> int:
        """Decompress into the buffer. On failure, begin again in the mode that reports what is wrong, and where."""
        # A possible tar archive is examined more closely, too.
        with suppress(Exception):
            got = members.readinto(buffer) or 0
            if self._done or not got or buffer[0] in CERTAIN:
                self._done += got
                return got
        self._direct = None
        cast("BinaryIO", self._stream).seek(self._base)
        self._chunks = eventcli.reading.compression.members.without_tar(
            eventcli.reading.compression.members.all_members(
                eventcli.reading.compression.members.Feed(self._stream, b"")
            )
        )
        self.skip(self._done)
        return self.readinto(buffer)

    def _take(self, buffer: memoryview) -> int:
        """Hand out pending data; return how much there was."""
        got = min(len(buffer), len(self._waiting))
        buffer[:got] = self._waiting[:got]
        self._waiting = self._waiting[got:]
        return got

    def _refill(self) -> bool:
        """Decompress the next chunk; False at the end. A failure is kept until all data before it has been read."""
        try:
            chunk = next(filter(None, self._chunks), b"")
        except OSError as failure:
            self._failure = failure
            return False
        self._waiting = memoryview(chunk)
        return bool(chunk)

    def skip(self, count: int) -> int:
        """Skip `count` decompressed bytes; return how many there were. Fast if nothing is compressed."""
        scratch = memoryview(bytearray(min(count, eventcli.reading.compression.members.CHUNK)))
        left = count
        if self.encoding is Encoding.PLAIN and eventcli.reading.compression.members.tell(self._stream) is not None:
            left -= self._take(scratch[: min(left, HEAD)])
            file = cast("BinaryIO", self._stream)
            start = file.tell()
            left -= file.seek(min(start + left, max(start, file.seek(0, 2)))) - start
        while left and (got := self.readinto(scratch[:left])):
            left -= got
        return count - left

    def close(self) -> None:
        """Close the stream, and stop the thread if there is one."""
        if self._thread is not None:
            self._thread.stop()
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _begin(self, buffer: memoryview) -> int:
        """Read into `buffer` until it is certain what the stream holds; return the number of bytes."""
        filled = 0
        ended = False
        while (encoding := identify(bytes(buffer[: min(filled, HEAD)]), ended=ended)) is None:
            got = read_into(self._stream, buffer[filled:])
            filled += got
            ended = not got
        base = eventcli.reading.compression.members.tell(self._stream) if encoding is Encoding.GZIP else None
        if base is not None:
            self._base = base - filled
            self._direct = eventcli.reading.compression.codecs.gzip_reader(self._stream, self._base)
        if encoding is not Encoding.PLAIN and self._direct is None:
            chunks = eventcli.reading.compression.members.without_tar(
                eventcli.reading.compression.members.all_members(
                    eventcli.reading.compression.members.Feed(self._stream, bytes(buffer[:filled]))
                )
            )
            self._chunks = self._in_turn(chunks)
        self._encoding = encoding
        return filled

    def _in_turn(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the chunks, with `ahead` those after the first one from a thread."""
        yield next(chunks, b"")
        if self._ahead:
            # A pipe may be silent for long: the thread that waits for it is finally abandoned. If no thread can be
            # started, the work goes on without.
            with suppress(RuntimeError):
                self._thread = _Ahead(
                    chunks, may_join=eventcli.reading.compression.members.tell(self._stream) is not None
                )
                chunks = self._thread.chunks()
        yield from chunks


class _Ahead:
    """A thread that takes up to two chunks from an iterator in advance."""

    def __init__(self, chunks: Iterator[bytes], *, may_join: bool) -> None:
        self._source = chunks
        self._may_join = may_join
        self._made: deque[bytes | BaseException | None] = deque()
        self._ready = threading.Semaphore(0)
        self._room = threading.Semaphore(2)
        self._stopped = False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def chunks(self) -> Iterator[bytes]:
        """Yield the chunks of the thread; raise its exception."""
        while True:
            self._ready.acquire()
            made = self._made.popleft()
            if made is None:
                return
            if isinstance(made, BaseException):
                raise made
            yield made
            self._room.release()

    def stop(self) -> None:
        """Make the thread end as soon as its current chunk is done."""
        self._stopped = True
        self._room.release()
        if self._may_join:
            self._thread.join()

    def _work(self) -> None:
        end: BaseException | None = None
        try:
            for chunk in self._source:
                self._made.append(chunk)
                self._ready.release()
                self._room.acquire()
                if self._stopped:
                    return
        except BaseException as failure:  # noqa: BLE001  # passed to the reading thread, which raises it
            end = failure
        self._made.append(end)
        self._ready.release()
