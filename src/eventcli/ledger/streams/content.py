"""The content of a file at one moment: the bytes of a log, compressed or not, and which stream they prove."""

import os
from contextlib import suppress
from typing import Final, Self

from eventcli.ledger.streams.stored import Descriptors, StoredFile
from eventcli.ledger.streams.stream import Stream, raw_key
from eventcli.readable import read_into
from eventcli.reading.compression import encodings
from eventcli.reading.compression.decompressed import Decompressed
from eventcli.reading.fingerprints import WINDOW, marks, proof
from eventcli.reading.source import stream_of
from eventcli.text import is_url

_SCAN: Final = 64 * 1024

_MAGIC: Final = 512
"""Bytes that show whether a file is compressed."""


class File(StoredFile):
    """A file at one moment, and its content, compressed or not. Its properties are read on demand."""

    __slots__ = ("_head", "_is_compressed", "_length", "_marks", "_raw_proof", "_windows")

    def __init__(self, path: str, *, given: str = "", descriptors: Descriptors | None = None) -> None:
        """Look at the file, as `StoredFile` does."""
        super().__init__(path, given=given, descriptors=descriptors)
        self._head: bytes | None = None
        self._marks = ""
        self._length: int | None = None
        self._windows: dict[int, bytes | None] = {}
        self._is_compressed = False if self.is_spooled else None
        self._raw_proof = ""

    @property
    def is_ended(self) -> bool:
        """Whether it cannot grow: it was a pipe, or it is compressed, so that its content is final if it is whole."""
        return (self.is_spooled and not is_url(self.path)) or self.is_compressed

    def close(self, *, forget: bool = False) -> None:
        """Close the file until it is needed again; with `forget`, discard what is known of its content."""
        super().close()
        if forget:
            self._head, self._marks = None, ""
            self._windows.clear()

    def peek(self) -> None:
        """Check that the file can be read: OSError if it cannot."""
        assert self.head is not None

    def decompressed(self, *, ahead: bool = False) -> Decompressed:
        """Open the content of a compressed file."""
        descriptor = self._open()
        return stream_of(descriptor, os.fstat(descriptor), ahead=ahead)

    @property
    def is_compressed(self) -> bool:
        """Whether it is compressed, judging by its first bytes; OSError if it is an archive."""
        if self._is_compressed is None:
            with self._failing():
                encoding = encodings.identify(self._pread(_MAGIC, 0), ended=True)
            self._is_compressed = encoding is not encodings.Encoding.PLAIN
        return self._is_compressed

    @property
    def raw_proof(self) -> str:
        """The proof of the compressed bytes."""
        if not self._raw_proof and self.is_compressed:
            self._raw_proof = proof(self._pread(WINDOW, 0) + self._pread(WINDOW, max(0, self.size - WINDOW)))
        return self._raw_proof

    @property
    def head(self) -> bytes:
        """The first 4 KiB of the content, or less."""
        if self._head is None:
            self._head = self._read_head() if self.is_compressed else self._pread(min(WINDOW, self.size), 0)
        return self._head

    def _read_head(self) -> bytes:
        head = b""
        with self.decompressed() as stream:
            view = memoryview(bytearray(WINDOW))
            with suppress(OSError):  # damage: the content ends before it
                while len(head) < WINDOW and (got := read_into(stream, view[: WINDOW - len(head)])):
                    head += bytes(view[:got])
        return head

    @property
    def marks(self) -> tuple[str, ...]:
        """The marks of the content."""
        if not self._marks:
            self._marks = " ".join(marks(self.head))
        return tuple(self._marks.split())

    @property
    def length(self) -> int:
        """The length of the content in bytes; data after damage is not part of it."""
        if not self.is_compressed:
            return self.size
        if self._length is None:
            self.window(-1)
        assert self._length is not None  # see `_decompress_to`
        return self._length

    def window(self, end: int) -> bytes | None:
        """Return up to 4 KiB of the content that end at `end`; None if the content is shorter."""
        if not end:
            return b""
        if not self.is_compressed:
            start = max(0, end - WINDOW)
            data = self._pread(end - start, start)
            return data if len(data) == end - start else None
        if end not in self._windows:
            self._windows[end] = self._decompress_to(end)
        return self._windows[end]

    def _decompress_to(self, end: int) -> bytes | None:
        """Return the window that ends at `end`; if the content is shorter, record its length."""
        last = b""
        position = 0
        view = memoryview(bytearray(_SCAN))
        with self.decompressed() as stream:
            with suppress(OSError):
                while got := read_into(stream, view[: _SCAN if end < 0 else min(_SCAN, end - position)]):
                    position += got
                    last = (last + bytes(view[max(0, got - WINDOW) : got]))[-WINDOW:]
                    if position == end:
                        return last
            self._length = position
            self._windows[position] = last
        return None

    def is_head_unchanged(self, end: int) -> bool:
        """Whether the content before `end` still begins the same way."""
        length = min(end, WINDOW)
        return self._pread(length, 0) == self.head[:length]

    def whole_lines(self, start: int) -> int:
        """Return the end of the last line with a newline, but at least `start`; for uncompressed files."""
        end = self.size
        while end > start:
            begin = max(start, end - _SCAN)
            newline = self._pread(end - begin, begin).rfind(b"\n")
            if newline >= 0:
                return begin + newline + 1
            end = begin
        return start

    def count_lines(self, end: int) -> int:
        """Return how many lines end before `end`."""
        return sum(self._pread(min(_SCAN, end - at), at).count(b"\n") for at in range(0, end, _SCAN))

    def open(self, start: int, *, ahead: bool = False) -> "Content":
        """Return the content from `start` on; with `ahead`, compressed content is decompressed in a separate thread."""
        return Content(self, start, ahead=ahead)

    def is_place_of(self, stream: Stream) -> bool:
        """Whether this is the file in which a stream was last seen."""
        if self.is_spooled or not stream.is_placed or stream.inode != self.inode:
            return False
        # The device number may change when the machine restarts.
        return stream.born == self.born if stream.born and self.born else stream.device == self.device

    def is_as_seen(self, stream: Stream) -> bool:
        """Whether this is the file in which a stream was last seen, unmodified since."""
        size = stream.raw_size or stream.end
        return bool(stream.born) and (self.size, self.modified) == (size, stream.modified) and self.is_place_of(stream)

    def is_read_up(self, stream: Stream) -> bool:
        """Whether this is the compressed file in which a stream was read to its end."""
        return self.is_compressed and bool(stream.raw_length) and raw_key(stream) == (self.size, self.raw_proof)

    def proves(self, stream: Stream) -> bool:
        """Whether the content begins with the seen part of the stream. This is the proof; it uses no hints."""
        if not stream.seen or (not self.is_compressed and self.size < stream.seen):
            return False
        # The mark of a single line without a newline is lost when the line goes on; the window is all of it.
        is_begun = stream.seen <= WINDOW and b"\n" not in self.head[: stream.seen]
        if not is_begun and stream.last_mark not in self.marks:
            return False
        window = self.window(stream.seen)
        return window is not None and proof(window) == stream.tail

    def is_beginning_of(self, stream: Stream) -> bool:
        """Whether its whole lines, or the first 4 KiB of them, are the first lines of the stream."""
        head = self.head if len(self.head) == WINDOW else self.head[: self.head.rfind(b"\n") + 1]
        found = marks(head)
        return bool(found) and found[-1] in stream.head

    def is_copy(self, other: "File") -> bool:
        """Whether one content is a non-empty prefix of the other."""
        common = min(len(self.head), len(other.head))
        if not common or self.head[:common] != other.head[:common]:
            return False
        common = min(self.length, other.length)
        return (window := self.window(common)) is not None and window == other.window(common)

    def is_repetitive(self, end: int) -> bool:
        """Whether the content before `end` may be written again, judging by its first 4 KiB.

        Times, numbers and the like make lines distinct: content in which most lines occur only once belongs to one log.
        Yet another log may begin with the same line, or repeat a few.
        """
        lines = _lines(self.head[:end], is_cut=end > len(self.head))
        return len(lines) <= 1 or len(set(lines)) <= len(lines) * _MOST_DIFFERENT

    def is_fragment(self) -> bool:
        """Whether the content is the beginning of a line, and less than 4 KiB."""
        return 0 < len(self.head) < WINDOW and b"\n" not in self.head

    def is_one_line(self) -> bool:
        """Whether the content is a single line that repeats."""
        return self.size <= WINDOW and len(set(_lines(self.head, is_cut=False))) <= 1


def _lines(data: bytes, *, is_cut: bool) -> list[bytes]:
    """Return the lines that are not empty, except a last line that may be a prefix of another one."""
    lines = [line for line in data.split(b"\n") if line]
    if len(lines) > 1 and not data.endswith(b"\n") and (is_cut or any(one.startswith(lines[-1]) for one in lines[:-1])):
        lines.pop()
    return lines


_MOMENT: Final = 50_000_000
"""Nanoseconds within which two changes of a file may get the same time; Linux clock ticks last up to 10 ms."""

_MOST_DIFFERENT: Final = 0.75
"""With this many distinct lines, repetition is no accident."""


class Content:
    """The content of a file from an offset on, as a byte stream."""

    def __init__(self, file: File, start: int, *, ahead: bool) -> None:
        """Begin at `start`, which lies within the content."""
        self._file = file
        self._position = start
        self._decompressed = file.decompressed(ahead=ahead) if file.is_compressed else None
        if self._decompressed is not None:
            view = memoryview(bytearray(_SCAN))
            while start and (got := read_into(self._decompressed, view[: min(_SCAN, start)])):
                start -= got

    def readinto(self, buffer: memoryview) -> int | None:
        """Fill the buffer, up to the length that the file had when it was looked at."""
        if self._decompressed is not None:
            return self._decompressed.readinto(buffer)
        got = self._file.read_into(buffer, self._position)
        self._position += got
        return got

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._decompressed is not None:
            self._decompressed.close()


def note_place(stream: Stream, file: File) -> None:
    """Record where a stream was seen."""
    stream.path = file.real
    is_placed = not file.is_spooled
    stream.device, stream.inode, stream.born = (file.device, file.inode, file.born) if is_placed else (0, 0, 0)
    stream.raw_size, stream.raw_proof = (file.size, file.raw_proof) if file.is_compressed else (0, "")
    is_certain = file.looked_at - file.modified > _MOMENT
    stream.modified = (file.modified if is_certain else -file.modified) if is_placed else 0


def note_content(stream: Stream, file: File, end: int, window: bytes | None = None) -> None:
    """Record the proof that a file holds the stream: `end` bytes of it were seen, the last ones being `window`."""
    window = file.window(end) if window is None else window
    stream.seen = end
    # A torn last line loses its mark when the line goes on; the window proves it as well.
    whole = file.head.rfind(b"\n", 0, end) + 1 if end < WINDOW else end
    stream.head = file.marks if (whole or end) >= len(file.head) else marks(file.head[: whole or end])
    stream.tail = proof(window or b"")
