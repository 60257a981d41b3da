"""A file as it is at one moment, and its content: the bytes of a log, compressed or not.

A file is open only while it is being read, and each time it is checked to be the file that was looked at. So the number
of files is not limited by that of descriptors, and a file that took another's place is never read by mistake.
"""

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Final, Self

from eventcli.ledger.streams.birth import Look, look
from eventcli.ledger.streams.stream import Stream, raw_key
from eventcli.readable import read_into
from eventcli.reading import deep
from eventcli.reading.compression import encodings
from eventcli.reading.compression.decompressed import Decompressed
from eventcli.reading.fingerprints import WINDOW, marks, proof
from eventcli.reading.source import open_source, refuse, stream_of
from eventcli.text import STDIN, is_url, name_of

_SCAN: Final = 64 * 1024

_PATH: Final = "path_of_log"
"""The name of the attribute that holds the file an error is about."""

_MAGIC: Final = 512
"""Bytes that show whether a file is compressed."""


def is_stream(path: str) -> bool:
    """Whether a path names something that can be read only once."""
    return path == STDIN or is_url(path)


def lasting(path: str) -> str:
    """Return the name of a path for later runs: for a URL, its display name, since its secrets may change."""
    if is_url(path):
        return name_of(path)
    return path if path == STDIN else os.path.abspath(path)


def real_path(path: str) -> str:
    """Return the path with all links resolved."""
    if os.path.islink(path):
        return os.path.realpath(path)
    folder, name = os.path.split(path)
    return os.path.join(real_folder(folder), name)


@lru_cache(maxsize=64)
def real_folder(folder: str) -> str:
    """Return the path of a folder with all links resolved, as it was when the run began to look at files."""
    return os.path.realpath(folder)


def path_of(error: OSError) -> str | None:
    """Return the path of the file that could not be read."""
    path = vars(error).get(_PATH)
    return path if isinstance(path, str) else None


class Spools:
    """Copies input that can be read only once into one shared file; it is read once, however often a run plans."""

    def __init__(self) -> None:
        """Start without copies."""
        self._descriptor: int | None = None
        self._end = 0
        self._places: dict[str, tuple[int, int]] = {}

    def take_in(self, path: str) -> tuple[int, int]:
        """Copy the input at a path, and return the start and end of the copy: OSError if it cannot be read."""
        import tempfile  # noqa: PLC0415  # keeps start-up fast for runs on files

        if path in self._places:
            return self._places[path]
        if self._descriptor is None:
            with tempfile.TemporaryFile(buffering=0) as file:
                self._descriptor = os.dup(file.fileno())
        begin = self._end
        with open_source(path) as source:
            view = memoryview(bytearray(1 << 16))
            while got := read_into(source, view):
                done = 0
                while done < got:
                    done += os.pwrite(self._descriptor, view[done:got], self._end + done)
                self._end += got
        self._places[path] = begin, self._end
        return begin, self._end

    @property
    def descriptor(self) -> int:
        """The descriptor of the shared file."""
        assert self._descriptor is not None  # something was copied
        return self._descriptor

    def close(self) -> None:
        """Discard all copies."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        self._places.clear()


class File:
    """A file at one moment. Its properties are read on demand; `path_of` returns the file that an error is about."""

    __slots__ = (
        "_address",
        "_begin",
        "_descriptor",
        "_head",
        "_is_compressed",
        "_length",
        "_marks",
        "_raw_proof",
        "_real",
        "_windows",
        "born",
        "device",
        "inode",
        "is_spooled",
        "looked_at",
        "modified",
        "name",
        "path",
        "size",
        "spools",
    )

    def __init__(self, path: str, *, given: str = "", spools: Spools | None = None) -> None:
        """Look at the file: OSError if it is missing. `given`: the path as the user wrote it, or the whole URL."""
        self.path = path
        self._address = given if is_url(given) else path
        self.name = name_of(given or path)
        self.spools = spools
        self.is_spooled = False
        self._begin = 0
        self._descriptor: int | None = None
        self.looked_at = time.time_ns()
        found = self._look()
        self.device, self.inode, self.born = found.device, found.inode, found.born
        self.size, self.modified = found.size, found.modified
        self._real = path if self.is_spooled else ""
        self._head: bytes | None = None
        self._marks = ""
        self._length: int | None = None
        self._windows: dict[int, bytes | None] = {}
        self._is_compressed = False if self.is_spooled else None
        self._raw_proof = ""

    def _look(self) -> Look:
        if not is_stream(self.path):
            with self._failing():
                found = look(self.path)
                # Not opened to find out: the writer of a pipe would see its reader come and go.
                refuse(found.mode)
            if stat.S_ISREG(found.mode):
                return found
        self.spools = self.spools or Spools()
        self.is_spooled = True
        self._begin, end = self.spools.take_in(self._address)
        return Look(stat.S_IFREG, 0, 0, end - self._begin, 0, 0)

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Attach the path of this file to errors."""
        try:
            yield
        except OSError as error:
            vars(error)[_PATH] = self.path
            raise

    @property
    def key(self) -> object:
        """An identity that no other file has and that all links share; for a spooled file, its path."""
        return self._address if self.is_spooled else (self.device, self.inode)

    @property
    def is_ended(self) -> bool:
        """Whether it cannot grow: it was a pipe, or it is compressed, so that its content is final if it is whole."""
        return (self.is_spooled and not is_url(self.path)) or self.is_compressed

    @property
    def real(self) -> str:
        """The path with all links resolved."""
        if not self._real:
            self._real = real_path(self.path)
        return self._real

    def close(self, *, forget: bool = False) -> None:
        """Close the file until it is needed again; with `forget`, discard what is known of its content."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        if forget:
            self._head, self._marks = None, ""
            self._windows.clear()

    def peek(self) -> None:
        """Check that the file can be read: OSError if it cannot."""
        assert self.head is not None

    def descriptor(self) -> int:
        """Return the open file; OSError if another file has taken its place."""
        if self.is_spooled:
            assert self.spools is not None  # see `_look`
            return self.spools.descriptor
        if self._descriptor is None:
            self._descriptor = self._open()
        return self._descriptor

    def _open(self) -> int:
        with self._failing():
            descriptor = deep.open_at(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                found = look(descriptor)
                if (found.device, found.inode, found.born) != (self.device, self.inode, self.born):
                    raise OSError(errno.ESTALE, "another file replaced it")
            except BaseException:
                os.close(descriptor)
                raise
        return descriptor

    def _pread(self, length: int, offset: int) -> bytes:
        """Read bytes as they are stored."""
        if self.is_spooled:
            length = max(0, min(length, self.size - offset))
            offset += self._begin
        parts = []
        with self._failing():
            while length and (part := os.pread(self.descriptor(), length, offset)):
                parts.append(part)
                length -= len(part)
                offset += len(part)
        return b"".join(parts)

    def read_into(self, buffer: memoryview, position: int) -> int:
        """Fill a buffer with the content of an uncompressed file, up to the size it had when it was looked at."""
        room = min(len(buffer), self.size - position)
        with self._failing():
            return os.preadv(self.descriptor(), [buffer[:room]], self._begin + position) if room > 0 else 0

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

    def is_unchanged(self) -> bool:
        """Whether the file at this path is the one that was looked at, and has not been written to."""
        if self.is_spooled:
            return True
        with self._failing():
            found = look(self.path)
        was = (self.device, self.inode, self.born, self.size, self.modified)
        return (found.device, found.inode, found.born, found.size, found.modified) == was

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
        if stream.last_mark not in self.marks:
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
