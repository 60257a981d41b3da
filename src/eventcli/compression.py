"""A stream of bytes is decompressed if its first bytes say that it is compressed; its name says nothing.

Each format is read member by member (a gzip member, a zstd or lz4 frame, a bzip2 or xz stream), so it is known where
one ends and whether something else stands behind it. What stands before damage is handed out, to the last byte that can
be decompressed; then an error says where the damage is.
"""

import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import StrEnum
from typing import BinaryIO, Final, NamedTuple, Protocol, Self, cast

from eventcli.blocks import DamagedError, Readable, TruncatedError, read_into

CHUNK: Final = 256 * 1024
"""Most bytes that are decompressed at a time. Measured: with more, the allocator asks for fresh pages each time."""

HEAD: Final = 512
"""Bytes that are enough to be sure what a stream holds."""

_INPUT: Final = 128 * 1024
"""Compressed bytes that are read at a time. Measured: isal is fastest with this much where its output is copied."""

_DIRECT_INPUT: Final = 32 * 1024
"""And where it is not: what comes of this much is still in the cache of the core when its checksum is made."""

_KEPT: Final = 4 * 1024 * 1024
"""Compressed bytes of a member that are kept, so that a stream without `seek` can be read again up to damage."""

_ZSTD_WINDOW_LOG: Final = 26
"""Largest window of a zstd frame: 64 MiB. `--ultra -20` and `--long` can ask for more."""

_XZ_MEMORY: Final = 80 * 1024 * 1024
"""Memory that xz may take: its strongest preset needs 65 MiB."""


class Encoding(StrEnum):
    """How the bytes of a stream are stored."""

    PLAIN = "plain"
    GZIP = "gzip"
    ZSTD = "zstd"
    BZIP2 = "bzip2"
    XZ = "xz"
    LZ4 = "lz4"


class UnsupportedError(OSError):
    """The stream holds something that is not read here; the message says what it is and what to do about it."""


_MAGICS: Final = (
    (b"\x1f\x8b\x08", Encoding.GZIP),
    (b"\x28\xb5\x2f\xfd", Encoding.ZSTD),
    *((b"BZh%d%b" % (level, kind), Encoding.BZIP2) for level in range(1, 10) for kind in (b"1AY&SY", b"\x17rE8P\x90")),
    (b"\xfd7zXZ\0", Encoding.XZ),
    (b"\x04\x22\x4d\x18", Encoding.LZ4),
)
"""The first bytes of each format. No JSON text begins with one."""

_SKIPPABLE: Final = tuple(bytes((0x50 + number, 0x2A, 0x4D, 0x18)) for number in range(16))
"""The first bytes of a skippable frame, which zstd and lz4 share (RFC 8878, section 3.1.2)."""

_FOREIGN: Final = (
    (b"PK\x03\x04", "a zip archive: `unzip -p FILE | eventstats` reads what is in it"),
    (b"PK\x05\x06", "a zip archive without files"),
    (b"PK\x07\x08", "a part of a zip archive: `zip -s 0 FILE --out WHOLE` joins the parts"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: `7z x -so FILE | eventstats` reads what is in it"),
    (b"\x1f\x9d", "compressed with compress: `gzip -dc FILE | eventstats` reads it"),
    (b"\x02\x21\x4c\x18", "compressed in the legacy format of lz4: `lz4 -dc FILE | eventstats` reads it"),
)
"""The first bytes of what is refused, and what is said of it."""

_TAR: Final = "a tar archive: `tar -xOf FILE | eventstats` reads what is in it"
_TAR_MAGIC: Final = b"ustar"
_TAR_PLACE: Final = 257

_CERTAIN: Final = frozenset(b"{[ \t\r\n\xef")
"""First bytes of which it is certain at once that the stream is plain."""

_FIRST_BYTES: Final = frozenset(magic[0] for magic in (*_SKIPPABLE, *(magic for magic, _ in (*_MAGICS, *_FOREIGN))))


def identify(head: bytes, *, ended: bool) -> Encoding | None:
    r"""Return the encoding of a stream that begins with `head`, or None if more bytes are needed to be sure.

    `ended` says that there are no more. A whole stream that is nothing but the first half of a magic number is taken to
    be truncated if no text begins like that. UnsupportedError for archives and other formats that are not read here.

    >>> print(identify(b'{"type":"sale"', ended=False), identify(b"\x1f\x8b", ended=False))
    plain None
    >>> print(identify(b"\x1f\x8b\x08\x00", ended=False))
    gzip
    """
    if not head:
        return Encoding.PLAIN if ended else None
    if head[0] in _CERTAIN:
        return Encoding.PLAIN
    if head[0] in _FIRST_BYTES:
        for magic, message in _FOREIGN:
            if head.startswith(magic):
                raise UnsupportedError(message)
        for magic, encoding in (*_MAGICS, *((magic, Encoding.ZSTD) for magic in _SKIPPABLE)):
            if head.startswith(magic) or (ended and _is_torn(head, magic)):
                return encoding
        if not ended and any(magic.startswith(head) for magic in _all_magics()):
            return None
    if head[_TAR_PLACE : _TAR_PLACE + len(_TAR_MAGIC)] == _TAR_MAGIC:
        raise UnsupportedError(_TAR)
    if not ended and len(head) < _TAR_PLACE + len(_TAR_MAGIC) and b"\n" not in head[:_TAR_PLACE]:
        return None
    return Encoding.PLAIN


def is_plain(data: bytes) -> bool:
    """Whether a whole stream is read as it is, and is neither compressed nor an archive."""
    try:
        return identify(data[:HEAD], ended=True) is Encoding.PLAIN
    except UnsupportedError:
        return False


def is_certainly_plain(byte: int) -> bool:
    """Whether a stream that begins with this byte is certainly plain."""
    return byte in _CERTAIN


def _all_magics() -> Iterator[bytes]:
    yield from _SKIPPABLE
    for magic, _ in (*_MAGICS, *_FOREIGN):
        yield magic


def _is_torn(head: bytes, magic: bytes) -> bool:
    """Whether a whole stream is the beginning of a magic number, and long enough not to be a short text."""
    return len(head) >= (4 if magic.startswith(b"BZh") else 2) and magic.startswith(head)


# ------------------------------------------------------------------------------------------------ the libraries


class _Decompressor(Protocol):
    """Decompresses one member: what bz2, lzma, lz4, zstd and isal agree on."""

    @property
    def eof(self) -> bool:
        """Whether the end of the member was reached."""

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out before more is put in."""

    @property
    def unused_data(self) -> bytes | None:
        """What was put in and stands behind the end of the member: lz4 says None for nothing."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Put in compressed bytes, and return at most `max_length` decompressed ones."""


class _Library(NamedTuple):
    """How members of one format are decompressed: `new` makes a decompressor, `error` is what it raises."""

    new: Callable[[], _Decompressor]
    error: type[Exception]


class _Zlib:
    """The standard library's decompressor of gzip members, in the form of the others."""

    def __init__(self) -> None:
        import zlib  # noqa: PLC0415  # as below

        self._object = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        self._full = False

    @property
    def eof(self) -> bool:
        return self._object.eof

    @property
    def needs_input(self) -> bool:
        # More may be waiting to come out although all input was taken.
        return not self._object.eof and not self._object.unconsumed_tail and not self._full

    @property
    def unused_data(self) -> bytes:
        return self._object.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        out = self._object.decompress(self._object.unconsumed_tail + data, max_length)
        self._full = len(out) == max_length
        return out


def _gzip() -> _Library:
    try:
        from isal import igzip_lib  # noqa: PLC0415  # start-up of runs on other formats
    except ImportError:
        import zlib  # noqa: PLC0415  # as above

        return _Library(_Zlib, zlib.error)
    return _Library(
        lambda: igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP), cast("type[Exception]", igzip_lib.IsalError)
    )


def _gzip_reader(stream: Readable, base: int) -> Readable | None:
    """Return what decompresses the gzip members from `base` on straight into a buffer, or None where nothing does.

    Measured: that is a sixth faster than to copy what comes out. But it does not say what is wrong, nor where.
    """
    try:
        from isal.isal_zlib import _GzipReader  # noqa: PLC0415  # as above
    except ImportError:
        return None
    cast("BinaryIO", stream).seek(base)
    return cast("Readable", _GzipReader(cast("BinaryIO", stream), _DIRECT_INPUT))


def _zstd() -> _Library:
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd  # noqa: PLC0415  # as above
        else:
            from backports import zstd  # noqa: PLC0415  # as above
    except ImportError:
        raise UnsupportedError("compressed with zstd: `pip install backports.zstd` lets it be read") from None
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
    return _Library(lambda: zstd.ZstdDecompressor(options=options), zstd.ZstdError)


def _bzip2() -> _Library:
    import bz2  # noqa: PLC0415  # as above

    return _Library(bz2.BZ2Decompressor, OSError)


def _xz() -> _Library:
    import lzma  # noqa: PLC0415  # as above

    return _Library(lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY), lzma.LZMAError)


def _lz4() -> _Library:
    try:
        import lz4.frame  # noqa: PLC0415  # as above
    except ImportError:
        raise UnsupportedError("compressed with lz4: `pip install 'eventcli[lz4]'` lets it be read") from None
    return _Library(lz4.frame.LZ4FrameDecompressor, RuntimeError)


_LIBRARIES: Final[dict[Encoding, Callable[[], _Library]]] = {
    Encoding.GZIP: _gzip,
    Encoding.ZSTD: _zstd,
    Encoding.BZIP2: _bzip2,
    Encoding.XZ: _xz,
    Encoding.LZ4: _lz4,
}

_TOO_LARGE: Final = {
    Encoding.ZSTD: ("requires too much memory", "zstd --long=31 -dc FILE | eventstats"),
    Encoding.XZ: ("Memory usage limit exceeded", "xz -dc FILE | eventstats"),
}
"""What a library says where a member needs more memory than it may take, and the command that reads it all the same."""


# -------------------------------------------------------------------------------------------------- the members


class _Feed:
    """The compressed bytes of a stream, handed out in pieces; those of one member can be handed out again."""

    def __init__(self, stream: Readable, head: bytes) -> None:
        self._stream = stream
        self._memory = memoryview(bytearray(_INPUT))
        self._waiting = memoryview(head)
        # Where the stream itself begins, if the same bytes can be read again.
        self._base = _tell(stream)
        self._base = None if self._base is None else self._base - len(head)
        self._kept: list[bytes] | None = []
        self._kept_size = 0
        self._start = 0
        self._size = _INPUT
        self.position = 0
        """Bytes handed out so far, those that were put back not counted."""
        self.last = 0
        """Length of the piece that was handed out last."""

    def begin(self) -> None:
        """Begin a member here. Where the last one was small, pieces are small: what is behind a member is copied."""
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
        """Take back the end of what was handed out last."""
        self.position -= len(piece)
        self._waiting = memoryview(piece + bytes(self._waiting)) if piece else self._waiting

    def head(self, size: int) -> bytes:
        """Return the next `size` bytes, or less at the end of the stream, without handing them out."""
        while len(self._waiting) < size and (got := read_into(self._stream, self._memory)):
            self._waiting = memoryview(bytes(self._waiting) + bytes(self._memory[:got]))
        return bytes(self._waiting[:size])

    def skip(self, size: int) -> int:
        """Leave out `size` bytes; return how many there were."""
        left = size
        while left and (piece := self._take(min(left, _INPUT))):
            left -= len(piece)
        return size - left

    def again(self) -> Iterator[tuple[bytes, bool]]:
        """Yield all pieces of the member again, and whether it is the last; nothing where that cannot be done."""
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


def _tell(stream: Readable) -> int | None:
    """Return the position of a stream in which one can go back, else None."""
    file = cast("BinaryIO", stream)
    try:
        return file.tell() if file.seekable() else None
    except (AttributeError, OSError):
        return None


def _members(feed: _Feed) -> Iterator[bytes]:
    """Yield what all members hold, in chunks."""
    encoding: Encoding | None = None
    while (following := _following(feed, encoding)) is not None:
        encoding = following
        if feed.head(4) in _SKIPPABLE:
            size = int.from_bytes(feed.head(8)[4:], "little")
            if feed.skip(8 + size) < 8 + size:
                raise _broken_off(encoding, feed)
        else:
            yield from _member(feed, encoding, _LIBRARIES[encoding]())


def _following(feed: _Feed, previous: Encoding | None) -> Encoding | None:
    """Return the encoding of the member that follows, None at the end of the stream; DamagedError for anything else."""
    if previous is Encoding.GZIP:
        # The gzip format says nothing of padding; tapes and block devices fill up with zeros, and gzip leaves them out.
        _skip_zeros(feed)
    elif previous is Encoding.XZ and (zeros := _skip_zeros(feed)) % 4:
        # Section 2.2 of the format: stream padding is a multiple of four zero bytes.
        raise DamagedError(
            f"{zeros} zero bytes behind compressed data (xz), where only multiples of 4 may be", feed.position
        )
    head = feed.head(HEAD)
    if not head:
        return None
    try:
        following = identify(head, ended=True)
    except UnsupportedError:
        following = Encoding.PLAIN
    if following is Encoding.PLAIN:
        raise DamagedError(
            f"something else stands behind the compressed data ({previous}) and was not read", feed.position
        )
    return following


def _skip_zeros(feed: _Feed) -> int:
    count = 0
    while (head := feed.head(HEAD)).startswith(b"\0"):
        count += feed.skip(len(head) - len(head.lstrip(b"\0")))
    return count


def _member(feed: _Feed, encoding: Encoding, library: _Library) -> Iterator[bytes]:
    """Yield what one member holds, in chunks, and leave the feed behind its end."""
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
            sign, command = _TOO_LARGE.get(encoding, ("\0", ""))
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
            # Not before nothing more comes out: lz4 may hold something back although it asks for input.
            raise _broken_off(encoding, feed)
    feed.put_back(decompressor.unused_data or b"")


def _up_to_damage(feed: _Feed, library: _Library, length: int) -> Iterator[bytes]:
    """Yield what a damaged member holds behind its first `length` bytes, and leave the feed at the damage.

    A decompressor that fails keeps to itself what it has made since it was called. So the member is decompressed again,
    at last byte by byte. Where that cannot be done, some of the last bytes before the damage are lost, and the feed is
    left where the damage surely is not yet.
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


def _broken_off(encoding: Encoding, feed: _Feed) -> TruncatedError:
    return TruncatedError(f"the compressed data ({encoding}) break off", feed.position)


def _without_tar(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the chunks; UnsupportedError where they begin as a tar archive does."""
    head = b""
    try:
        for chunk in chunks:
            head += chunk
            if head[0] in _CERTAIN or len(head) >= HEAD or b"\n" in head:
                break
        if head[_TAR_PLACE : _TAR_PLACE + len(_TAR_MAGIC)] == _TAR_MAGIC:
            raise UnsupportedError(_TAR)
    except TruncatedError:
        yield head
        raise
    yield head
    yield from chunks


# -------------------------------------------------------------------------------------------------- the streams


class Decompressed:
    """A stream of bytes that is decompressed while it is read, if it is compressed; it may be anything readable.

    With `ahead`, a thread decompresses what is to be read next while the caller works on what it has read; it is
    started for the second chunk, so not for small inputs, nor for gzip in a file, where handing over takes longer.
    OSError and its kin: `TruncatedError` where the compressed data break off, `DamagedError` where they are damaged or
    something else stands behind them, both after all that stands before; `UnsupportedError` for what cannot be read
    here. What the stream itself raises passes through.
    """

    def __init__(self, stream: Readable, *, ahead: bool = False, close: Callable[[], object] = lambda: None) -> None:
        """Read from `stream`, which `close` closes; nothing is read before it is asked for."""
        self._stream = stream
        self._close = close
        self._ahead = ahead
        self._encoding: Encoding | None = None
        self._chunks: Iterator[bytes] = iter(())
        self._failure: OSError | None = None
        self._thread: _Ahead | None = None
        self._waiting = memoryview(b"")
        # What decompresses into the buffer of the caller, where the stream began, and how much came out.
        self._direct: Readable | None = None
        self._base = self._done = 0

    @property
    def raw(self) -> Readable:
        """The stream itself, as it is stored."""
        return self._stream

    @property
    def encoding(self) -> Encoding:
        """How the bytes are stored: the first ones are read for that."""
        if self._encoding is None:
            scratch = memoryview(bytearray(HEAD))
            got = self._begin(scratch)
            if self._encoding is Encoding.PLAIN:
                self._waiting = scratch[:got]
        assert self._encoding is not None
        return self._encoding

    @property
    def is_raw(self) -> bool:
        """Whether it is known by now that what is read next are the next bytes of the stream itself."""
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
        """Decompress into the buffer. Where that fails, begin anew in the way that tells what is wrong, and where."""
        # What may be a tar archive is looked at more closely, too.
        with suppress(Exception):
            got = members.readinto(buffer) or 0
            if self._done or not got or buffer[0] in _CERTAIN:
                self._done += got
                return got
        self._direct = None
        cast("BinaryIO", self._stream).seek(self._base)
        self._chunks = _without_tar(_members(_Feed(self._stream, b"")))
        self.skip(self._done)
        return self.readinto(buffer)

    def _take(self, buffer: memoryview) -> int:
        """Hand out what is waiting; return how much that was."""
        got = min(len(buffer), len(self._waiting))
        buffer[:got] = self._waiting[:got]
        self._waiting = self._waiting[got:]
        return got

    def _refill(self) -> bool:
        """Decompress the next chunk; False at the end. A failure is kept until all that stands before it is read."""
        try:
            chunk = next(filter(None, self._chunks), b"")
        except OSError as failure:
            self._failure = failure
            return False
        self._waiting = memoryview(chunk)
        return bool(chunk)

    def skip(self, count: int) -> int:
        """Leave out `count` bytes, decompressed; return how many there were. Quick where nothing is compressed."""
        scratch = memoryview(bytearray(min(count, CHUNK)))
        left = count
        if self.encoding is Encoding.PLAIN and _tell(self._stream) is not None:
            left -= self._take(scratch[: min(left, HEAD)])
            file = cast("BinaryIO", self._stream)
            start = file.tell()
            left -= file.seek(min(start + left, max(start, file.seek(0, 2)))) - start
        while left and (got := self.readinto(scratch[:left])):
            left -= got
        return count - left

    def close(self) -> None:
        """Close the stream, and end the thread if there is one."""
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
        base = _tell(self._stream) if encoding is Encoding.GZIP else None
        if base is not None:
            self._base = base - filled
            self._direct = _gzip_reader(self._stream, self._base)
        if encoding is not Encoding.PLAIN and self._direct is None:
            chunks = _without_tar(_members(_Feed(self._stream, bytes(buffer[:filled]))))
            self._chunks = self._in_turn(chunks)
        self._encoding = encoding
        return filled

    def _in_turn(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the chunks, those behind the first one from a thread if that is wanted."""
        yield next(chunks, b"")
        if self._ahead:
            # A pipe may be silent for long: the thread that waits for it is left alone in the end.
            # Where no thread can be started, it goes on without.
            with suppress(RuntimeError):
                self._thread = _Ahead(chunks, may_join=_tell(self._stream) is not None)
                chunks = self._thread.chunks()
        yield from chunks


class _Ahead:
    """A thread that takes chunks from an iterator before they are asked for: two at most."""

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
        """Yield what the thread has made; raise what it met."""
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
        """Let the thread end as soon as it is done with its chunk."""
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
        except BaseException as failure:  # noqa: BLE001  # handed to the thread that reads, which raises it
            end = failure
        self._made.append(end)
        self._ready.release()
