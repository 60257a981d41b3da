"""The members of a compressed stream in order, and the errors in them."""

from collections.abc import Iterator
from typing import BinaryIO, Final, cast

from eventcli.readable import DamagedError, Readable, TruncatedError, read_into
from eventcli.reading.compression.codecs import LIBRARIES, TOO_LARGE, Library
from eventcli.reading.compression.encodings import (
    CERTAIN,
    HEAD,
    SKIPPABLE,
    TAR,
    TAR_MAGIC,
    TAR_PLACE,
    Encoding,
    UnsupportedError,
    identify,
)

CHUNK: Final = 256 * 1024
"""Maximum bytes decompressed at a time. Measured: with more, the allocator requests fresh pages each time."""

_INPUT: Final = 128 * 1024
"""Compressed bytes read at a time. Measured: isal is fastest with this much if its output is copied."""

_KEPT: Final = 4 * 1024 * 1024
"""Compressed bytes of a member that are kept, so that a stream without `seek` can be reread up to the damage."""


class Feed:
    """The compressed bytes of a stream, handed out in pieces; those of one member can be handed out again."""

    def __init__(self, stream: Readable, head: bytes) -> None:
        self._stream = stream
        self._memory = memoryview(bytearray(_INPUT))
        self._waiting = memoryview(head)
        # The start of the stream itself, if the same bytes can be reread.
        self._base = tell(stream)
        self._base = None if self._base is None else self._base - len(head)
        self._kept: list[bytes] | None = []
        self._kept_size = 0
        self._start = 0
        self._size = _INPUT
        self.position = 0
        """Bytes handed out so far, excluding those that were put back."""
        self.last = 0
        """Length of the last piece that was handed out."""

    def begin(self) -> None:
        """Begin a member here. After a small one, pieces are small: the data after a member is copied."""
        self._size = min(_INPUT, max(HEAD, 2 * (self.position - self._start)) if self.position else _INPUT)
        self._start = self.position
        self._kept, self._kept_size = [], 0

    def read(self) -> bytes:
        """Return the next piece of the member; empty at the end of the stream."""
        piece = self._take(self._size)
        self._size = min(2 * self._size, _INPUT)
        if self._kept is not None:
            self._kept.append(piece)
            self._kept_size += len(piece)
            if self._kept_size > _KEPT:
                self._kept = None
        self.last = len(piece)
        return piece

    def put_back(self, piece: bytes) -> None:
        """Put back the end of the last piece."""
        self.position -= len(piece)
        self._waiting = memoryview(piece + bytes(self._waiting)) if piece else self._waiting

    def head(self, size: int) -> bytes:
        """Return the next `size` bytes, or fewer at the end of the stream, without consuming them."""
        while len(self._waiting) < size and (got := read_into(self._stream, self._memory)):
            self._waiting = memoryview(bytes(self._waiting) + bytes(self._memory[:got]))
        return bytes(self._waiting[:size])

    def skip(self, size: int) -> int:
        """Skip `size` bytes; return how many there were."""
        left = size
        while left and (piece := self._take(min(left, _INPUT))):
            left -= len(piece)
        return size - left

    def again(self) -> Iterator[tuple[bytes, bool]]:
        """Yield all pieces of the member again, each with whether it is the last; nothing if that is impossible."""
        if self._kept is not None:
            yield from ((piece, False) for piece in self._kept[:-1])
            yield self._kept[-1], True
        elif self._base is not None:
            cast("BinaryIO", self._stream).seek(self._base + self._start)
            self._waiting = memoryview(b"")
            left = self.position - self.last - self._start
            self.position = self._start
            while left and (piece := self._take(min(left, _INPUT))):
                left -= len(piece)
                yield piece, False
            yield self._take(self.last), True

    def _take(self, size: int) -> bytes:
        if self._waiting:
            piece, self._waiting = bytes(self._waiting[:size]), self._waiting[size:]
        else:
            piece = bytes(self._memory[: read_into(self._stream, self._memory[:size])])
        self.position += len(piece)
        return piece


def tell(stream: Readable) -> int | None:
    """Return the position of a seekable stream, else None."""
    file = cast("BinaryIO", stream)
    try:
        return file.tell() if file.seekable() else None
    except (AttributeError, OSError):
        return None


def all_members(feed: Feed) -> Iterator[bytes]:
    """Yield the content of all members, in chunks."""
    encoding: Encoding | None = None
    while (following := _following(feed, encoding)) is not None:
        encoding = following
        if feed.head(4) in SKIPPABLE:
            size = int.from_bytes(feed.head(8)[4:], "little")
            if feed.skip(8 + size) < 8 + size:
                raise _broken_off(encoding, feed)
        else:
            yield from _member(feed, encoding, LIBRARIES[encoding]())


def _following(feed: Feed, previous: Encoding | None) -> Encoding | None:
    """Return the encoding of the next member, None at the end of the stream; DamagedError for anything else."""
    if previous is Encoding.GZIP:
        # The gzip format does not mention padding; tapes and block devices pad with zeros, and gzip skips them.
        _skip_zeros(feed)
    elif previous is Encoding.XZ and (zeros := _skip_zeros(feed)) % 4:
        # Section 2.2 of the format: stream padding is a multiple of four zero bytes.
        raise DamagedError(
            f"{zeros} zero bytes after compressed data (xz), where only multiples of 4 are allowed", feed.position
        )
    head = feed.head(HEAD)
    if not head:
        return None
    try:
        following = identify(head, ended=True)
    except UnsupportedError:
        following = Encoding.PLAIN
    if following is Encoding.PLAIN:
        raise DamagedError(f"something else follows the compressed data ({previous}) and was not read", feed.position)
    return following


def _skip_zeros(feed: Feed) -> int:
    count = 0
    while (head := feed.head(HEAD)).startswith(b"\0"):
        count += feed.skip(len(head) - len(head.lstrip(b"\0")))
    return count


def _member(feed: Feed, encoding: Encoding, library: Library) -> Iterator[bytes]:
    """Yield the content of one member, in chunks, and leave the feed after its end."""
    feed.begin()
    decompressor = library.new()
    length = 0
    broken_off = False
    while not decompressor.eof:
        piece = b""
        if decompressor.needs_input:
            piece = feed.read()
            broken_off = not piece
        try:
            chunk = decompressor.decompress(piece, CHUNK)
        except library.error as error:
            reason = str(error)
            if "lloc" in reason:
                # zstd: "Allocation error : not enough memory"; others: "cannot allocate".
                raise MemoryError from None
            sign, command = TOO_LARGE.get(encoding, ("\0", ""))
            if sign in reason:
                raise UnsupportedError(
                    f"compressed with {encoding} in a way that needs much memory: `{command}` reads it"
                ) from None
            yield from _up_to_damage(feed, library, length)
            raise DamagedError(f"the compressed data ({encoding}) are damaged: {reason}", feed.position) from None
        length += len(chunk)
        if chunk:
            yield chunk
        elif broken_off:
            # Only when no more output comes: lz4 may hold some back although it asks for input.
            raise _broken_off(encoding, feed)
    feed.put_back(decompressor.unused_data or b"")


def _up_to_damage(feed: Feed, library: Library, length: int) -> Iterator[bytes]:
    """Yield the content of a damaged member after its first `length` bytes, and leave the feed at the damage.

    A decompressor that fails discards its output since the last call. So the member is decompressed again, finally byte
    by byte. If that is impossible, some of the last bytes before the damage are lost, and the feed is left at a
    position that is certainly before the damage.
    """
    position = feed.position - feed.last
    decompressor = library.new()
    out = bytearray()
    for piece, is_last in feed.again():
        step = 1 if is_last else len(piece)
        for place in range(0, len(piece), step):
            part = piece[place : place + step]
            try:
                while part or not (decompressor.needs_input or decompressor.eof):
                    out += decompressor.decompress(part, CHUNK)
                    part = b""
                    if len(out) >= CHUNK:
                        yield bytes(out[length:])
                        length = max(0, length - len(out))
                        out.clear()
            except library.error:
                position += place
                break
    feed.position = position
    if len(out) > length:
        yield bytes(out[length:])


def _broken_off(encoding: Encoding, feed: Feed) -> TruncatedError:
    return TruncatedError(f"the compressed data ({encoding}) break off", feed.position)


def without_tar(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the chunks; UnsupportedError if they begin like a tar archive."""
    head = b""
    try:
        for chunk in chunks:
            head += chunk
            if head[0] in CERTAIN or len(head) >= HEAD or b"\n" in head:
                break
        if head[TAR_PLACE : TAR_PLACE + len(TAR_MAGIC)] == TAR_MAGIC:
            raise UnsupportedError(TAR)
    except TruncatedError:
        yield head
        raise
    yield head
    yield from chunks
