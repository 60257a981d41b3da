"""Which stream a file holds, told by its content. Names, inodes and encodings are hints; hashes are the proof.

A stream is what one writer wrote between two rotations of its log: the same bytes under whatever name, on whatever
disk, compressed or not. Of each stream it is known how far it was consumed, and the hashes of the first and of the
last up to 4 KiB of that. A file holds the stream if it begins with those bytes. The streams that had one name after
the other (`app.log`, then `app.log.1`, then `app.log.2.gz`) are a family: when the named file holds a new one, the rest
of the old one is looked for among its siblings.

What cannot be told apart is counted once: a file whose whole content is the beginning of another one is a copy of it
for as long as that is so.
"""

import errno
import os
import re
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Final, NamedTuple, Self, TypeVar, cast

from eventcli import compression
from eventcli.blocks import read_into
from eventcli.marks import WINDOW, marks, proof
from eventcli.source import STDIN, is_url, name_of, open_source
from eventcli.summary import Account, SourceReport, Status

_BASE: Final[tuple[int, int | str]] = (3, 0)
"""Where the file that is written to stands in the order of generations."""

_SCAN: Final = 64 * 1024

_MAGIC: Final = 512
"""Bytes that say whether a file is compressed."""

_Key = TypeVar("_Key")


class State(StrEnum):
    """What became of a stream."""

    LIVE = "live"
    """It is under the name that it was asked for by."""
    ROTATED = "rotated"
    """It was found under another name of its family."""
    IGNORED = "ignored"
    """It was there before its family was first asked for, and is not counted."""
    GONE = "gone"
    """It was rotated, read to its end, and is not found any more."""
    LOST = "lost"
    """It is not found any more, and nothing proves that it was read to its end."""


class Stream:
    """What is known of one stream."""

    __slots__ = (
        "account",
        "checksum",
        "device",
        "first_seen",
        "head",
        "inode",
        "is_new",
        "is_renamed",
        "key",
        "last_seen",
        "lines",
        "name",
        "offset",
        "path",
        "pending",
        "raw_length",
        "raw_proof",
        "raw_size",
        "seen",
        "start",
        "state",
        "tail",
    )

    def __init__(self, key: str, name: str) -> None:
        """Begin a stream of the family `name` (an absolute path), of which nothing was consumed."""
        self.key = key
        self.name = name
        self.path = name
        """Where it was last seen; a hint, like `device` and `inode`."""
        self.device = self.inode = 0
        self.state = State.LIVE
        self.start = 0
        """From where on it is counted here; 0, unless the file was cut back."""
        self.offset = 0
        """How many bytes were consumed: whole lines."""
        self.pending = 0
        """Bytes of a last line without a newline, when it was last seen."""
        self.lines = 0
        """Lines before `offset`."""
        self.seen = 0
        """How many bytes `head` and `tail` prove: `offset`, or the whole size if it is ignored."""
        self.head: tuple[str, ...] = ()
        """The marks of what was seen."""
        self.tail = ""
        """The proof of the last window of what was seen."""
        self.raw_size = 0
        """The size of the compressed file that it was last seen in; 0 if it was not compressed."""
        self.raw_proof = ""
        self.raw_length = 0
        """The length of its content, if it was read to its end."""
        self.account = Account()
        self.checksum = 0
        self.first_seen = self.last_seen = ""
        self.is_new = True
        self.is_renamed = False
        """Whether its name is another one than before this run."""

    @property
    def label(self) -> str:
        """The name for people."""
        return name_of(self.path)

    @property
    def is_placed(self) -> bool:
        """Whether it was seen in a file that device and inode tell apart."""
        return bool(self.device or self.inode)

    def is_hinted_at(self, file: "File") -> bool:
        """Whether device and inode say that it is in the file, or it is not known in which it is."""
        return not self.is_placed or (self.device, self.inode) == (file.device, file.inode)

    def is_read_up(self, file: "File") -> bool:
        """Whether a compressed file is the one that was read to its end."""
        return file.is_compressed and bool(self.raw_length) and _raw_key(self) == (file.size, file.raw_proof)


class File:
    """A file as it stands. What is looked at is read when it is needed, and the file is closed in between."""

    def __init__(self, path: str, *, is_named: bool, given: str = "") -> None:
        """Look at the file: OSError where it cannot be read. `given` is the path as people know it."""
        self.path = path
        self.name = name_of(given or path)
        self.is_named = is_named
        self.family: Family | None = None
        self.is_wanted = is_named
        """Whether its lines are to be counted if it holds a stream that is not known."""
        self._spool: int | None = None
        self._descriptor: int | None = None
        status = self._look()
        self.device, self.inode, self.size = status.st_dev, status.st_ino, status.st_size
        self._modified = status.st_mtime_ns
        self.real = path if self._spool is not None else os.path.realpath(path)
        self._head: bytes | None = None
        self._marks: tuple[str, ...] | None = None
        self._length: int | None = None
        self._windows: dict[int, bytes | None] = {}
        self.is_compressed = self._spool is None and _is_compressed(self._pread(_MAGIC, 0))
        self.raw_proof = ""
        """The proof of the compressed bytes."""
        if self.is_compressed:
            self.raw_proof = proof(self._pread(WINDOW, 0) + self._pread(WINDOW, max(0, self.size - WINDOW)))

    def _look(self) -> os.stat_result:
        if _is_stream(self.path):
            return self._take_in()
        # Not opened to find out: whoever writes to a pipe would see its reader come and go.
        status = os.stat(self.path)
        if stat.S_ISDIR(status.st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(status.st_mode):
            return self._take_in()
        self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        return os.fstat(self._descriptor)

    def _take_in(self) -> os.stat_result:
        """Copy what can be read only once, so that it can be compared with what is known."""
        import tempfile  # noqa: PLC0415  # start-up of all runs on files

        with open_source(self.path) as source, tempfile.TemporaryFile(buffering=0) as spool:
            view = memoryview(bytearray(1 << 16))
            while got := read_into(source, view):
                spool.write(view[:got])
            self._spool = self._descriptor = os.dup(spool.fileno())
        return os.fstat(self._descriptor)

    def close(self) -> None:
        """Close the file until it is needed again."""
        if self._descriptor is not None and self._spool is None:
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def is_hinted(self) -> bool:
        """Whether device and inode say something of the content."""
        return self._spool is None

    def descriptor(self) -> int:
        """Return the open file; OSError where another one stands at its path by now."""
        if self._descriptor is None:
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            status = os.fstat(self._descriptor)
            if (status.st_dev, status.st_ino) != (self.device, self.inode):
                self.close()
                raise OSError(errno.ESTALE, "another file took its place")
        return self._descriptor

    def _pread(self, length: int, offset: int) -> bytes:
        parts = []
        while length and (part := os.pread(self.descriptor(), length, offset)):
            parts.append(part)
            length -= len(part)
            offset += len(part)
        return b"".join(parts)

    @property
    def head(self) -> bytes:
        """The first up to 4 KiB of the content."""
        if self._head is None:
            self._head = self._read_head() if self.is_compressed else self._pread(WINDOW, 0)
        return self._head

    def _read_head(self) -> bytes:
        head = b""
        with self.open(0) as stream:
            view = memoryview(bytearray(WINDOW))
            with suppress(OSError):  # damage: what stands before it is the content
                while len(head) < WINDOW and (got := read_into(stream, view[: WINDOW - len(head)])):
                    head += bytes(view[:got])
        return head

    @property
    def marks(self) -> tuple[str, ...]:
        """The marks of the content."""
        if self._marks is None:
            self._marks = marks(self.head)
        return self._marks

    @property
    def length(self) -> int:
        """The length of the content in bytes; what stands behind damage is not part of it."""
        if not self.is_compressed:
            return self.size
        if self._length is None:
            self.window(-1)
        return cast("int", self._length)

    def window(self, end: int) -> bytes | None:
        """Return up to 4 KiB of the content that end at `end`; None where it is shorter than that."""
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
        """Return the window that ends at `end`; for one that lies behind the content, note its length."""
        last = b""
        position = 0
        view = memoryview(bytearray(_SCAN))
        with self.open(0) as stream:
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
        """Whether the file at this path is the one that was looked at, and was not written to."""
        status = os.stat(self.path)
        return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns) == (
            self.device,
            self.inode,
            self.size,
            self._modified,
        )

    def is_head_unchanged(self, end: int) -> bool:
        """Whether the content before `end` still begins as it did."""
        length = min(end, WINDOW)
        return self._pread(length, 0) == self.head[:length]

    def whole_lines(self, start: int) -> int:
        """Return where the last line with a newline ends, not before `start`; for a file that is not compressed."""
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
        """Return the content from `start` on; what is compressed is decompressed in a thread of its own if `ahead`."""
        return Content(self, start, ahead=ahead)

    def proves(self, stream: Stream) -> bool:
        """Whether the content begins with what was seen of the stream: the proof, in which no hint takes part."""
        if not stream.seen or (not self.is_compressed and self.size < stream.seen):
            return False
        if stream.head[-1] not in self.marks:
            return False
        window = self.window(stream.seen)
        return window is not None and proof(window) == stream.tail

    def is_beginning_of(self, stream: Stream) -> bool:
        """Whether the whole lines, or the first 4 KiB of them, are the first ones of the stream."""
        head = self.head if len(self.head) == WINDOW else self.head[: self.head.rfind(b"\n") + 1]
        found = marks(head)
        return bool(found) and found[-1] in stream.head

    def is_copy(self, other: "File") -> bool:
        """Whether one of both contents is the beginning of the other, and not empty."""
        common = min(self.length, other.length)
        return bool(
            common
            and self.head[:common] == other.head[:common]
            and (window := self.window(common)) is not None
            and window == other.window(common)
        )


def _is_stream(path: str) -> bool:
    """Whether a path means something that can be read only once."""
    return path == STDIN or is_url(path)


class Content:
    """The content of a file from some offset on, as a stream of bytes."""

    def __init__(self, file: File, start: int, *, ahead: bool) -> None:
        """Begin at `start`, which lies within the content."""
        self._file = file
        self._position = start
        self._decompressed = open_source(file.path, ahead=ahead) if file.is_compressed else None
        if self._decompressed is not None:
            view = memoryview(bytearray(_SCAN))
            while start and (got := read_into(self._decompressed, view[: min(_SCAN, start)])):
                start -= got

    def readinto(self, buffer: memoryview) -> int | None:
        """Fill the buffer, as far as the file was long when it was looked at."""
        if self._decompressed is not None:
            return self._decompressed.readinto(buffer)
        room = min(len(buffer), self._file.size - self._position)
        got = os.preadv(self._file.descriptor(), [buffer[:room]], self._position) if room > 0 else 0
        self._position += got
        return got

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._decompressed is not None:
            self._decompressed.close()


def _is_compressed(head: bytes) -> bool:
    """Whether a file that begins like that is decompressed; OSError where it is an archive."""
    return compression.identify(head, ended=True) is not compression.Encoding.PLAIN


# --------------------------------------------------------------------------------------------------- families

_ENCODINGS: Final = r"(?:\.(?:gz|zst|bz2|xz|lz4|Z))"
_NUMBER: Final = r"[0-9]{1,5}"
_DATE: Final = r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8,})(?:[T_.:-]?[0-9]{1,10})*Z?"
_BEHIND: Final = rf"(.+?)[.\-_](?:({_NUMBER})|({_DATE})|(?:old))"
_WITHIN: Final = rf"(.+?)(?:\.({_NUMBER})|[.\-_]({_DATE}))(\.[A-Za-z][A-Za-z0-9]*)"


class Rotation(NamedTuple):
    """What the name of a rotated file says: of which file, and which generation (the oldest sorts first)."""

    base: str
    generation: tuple[int, int | str]

    @property
    def number(self) -> int | None:
        """The number of the generation, counted from the newest, where it has one."""
        kind, value = self.generation
        return -value if kind == 1 and isinstance(value, int) else None


def rotations(name: str) -> Iterator[Rotation]:
    """Yield what `name` may be a rotated file of: `app.log.1`, `app.log-20260101.gz`, `app-20260101.log`.

    >>> [rotation.base for rotation in rotations("app.log.2.gz")]
    ['app.log', 'app.log.2']
    """
    plain = re.sub(_ENCODINGS + r"\Z", "", name)
    if match := re.fullmatch(_BEHIND, plain):
        yield Rotation(match[1], _generation(match[2], match[3]))
    if match := re.fullmatch(_WITHIN, plain):
        yield Rotation(match[1] + match[4], _generation(match[2], match[3]))
    if plain and plain != name:
        yield Rotation(plain, (2, 0))


def _generation(number: str | None, when: str | None) -> tuple[int, int | str]:
    if number is not None:
        return 1, -int(number)
    return (2, 0) if when is None else (0, re.sub(r"[^0-9]", "", when))


class Family:
    """The files and streams that have one name after the other."""

    def __init__(self, base: str) -> None:
        """Take the path of the file that is written to."""
        self.base = base
        self.files: list[File] = []
        self.is_named = False
        """Whether the base itself was asked for."""
        self.is_missing = False
        """Whether it was asked for, and is not there."""
        self.unresolved: list[Stream] = []

    def add(self, file: File) -> None:
        """Take a file, which belongs to the first family that takes it."""
        self.files.append(file)
        file.family = file.family or self

    def rank(self, file: File) -> tuple[int, int | str]:
        """Return the order in which the files were written."""
        name = os.path.basename(file.path)
        base = os.path.basename(self.base)
        found = [rotation.generation for rotation in rotations(name) if rotation.base == base]
        return found[0] if found else _BASE

    def number(self, path: str) -> int | None:
        """Return the number of the generation at a path of the family, where it has one."""
        base = os.path.basename(self.base)
        return next((one.number for one in rotations(os.path.basename(path)) if one.base == base), None)


# --------------------------------------------------------------------------------------------------- the plan


class Registry:
    """All streams that are known, found by what is known of them."""

    def __init__(self, streams: Iterable[Stream]) -> None:
        """Take the streams."""
        self._streams: list[Stream] = []
        self._by_name: dict[str, list[Stream]] = {}
        self._by_inode: dict[tuple[int, int], list[Stream]] = {}
        self._by_raw: dict[tuple[int, str], list[Stream]] = {}
        self._by_mark: dict[str, list[Stream]] | None = None
        for stream in streams:
            self.add(stream)

    def __iter__(self) -> Iterator[Stream]:
        return iter(self._streams)

    def add(self, stream: Stream) -> None:
        """Know one more stream."""
        self._streams.append(stream)
        self._by_name.setdefault(stream.name, []).append(stream)
        self.locate(stream)
        self._by_mark = None

    def rename(self, name: str, other: str) -> None:
        """Let the streams of a family belong to another one, as its files were copied to another place."""
        for stream in self._by_name.pop(name):
            stream.name = other
            stream.is_renamed = True
            if not stream.seen:
                stream.device = stream.inode = 0  # nothing but that was known of it
            self._by_name.setdefault(other, []).append(stream)

    def locate(self, stream: Stream) -> None:
        """Know where a stream is now."""
        if stream.is_placed:
            _index(self._by_inode, (stream.device, stream.inode), stream)
        if stream.raw_size:
            _index(self._by_raw, _raw_key(stream), stream)
        self._by_mark = None

    def of_name(self, name: str) -> Sequence[Stream]:
        """Return the streams of a family."""
        return self._by_name.get(name, ())

    def of_inode(self, file: File) -> list[Stream]:
        """Return the streams that were last seen in this file, as far as its device and inode tell."""
        found = self._by_inode.get((file.device, file.inode), ()) if file.is_hinted else ()
        return [one for one in found if (one.device, one.inode) == (file.device, file.inode)]

    def of_raw(self, file: File) -> list[Stream]:
        """Return the streams that were last seen in a compressed file with these bytes."""
        key = (file.size, file.raw_proof)
        return [stream for stream in self._by_raw.get(key, ()) if file.is_compressed and _raw_key(stream) == key]

    def sharing_start(self, file: File) -> list[Stream]:
        """Return the streams that may begin like the file, those of which most was seen first."""
        if self._by_mark is None:
            self._by_mark = {}
            for stream in self._streams:
                for mark in stream.head:
                    self._by_mark.setdefault(mark, []).append(stream)
        found = {id(stream): stream for mark in file.marks for stream in self._by_mark.get(mark, ())}
        return sorted(found.values(), key=lambda stream: -stream.seen)


def _index(index: dict[_Key, list[Stream]], key: _Key, stream: Stream) -> None:
    streams = index.setdefault(key, [])
    if stream not in streams:
        streams.append(stream)


def _raw_key(stream: Stream) -> tuple[int, str]:
    return stream.raw_size, stream.raw_proof


class Reading(NamedTuple):
    """A stream, and the file in which it goes on."""

    stream: Stream
    file: File
    state: State


class Loss(NamedTuple):
    """A discontinuity: behind `offset` of the stream something may be lost."""

    stream: Stream
    offset: int
    message: str


class Plan(NamedTuple):
    """What is to be read, in order, and what is to be said."""

    readings: list[Reading]
    losses: list[Loss]
    problems: list[SourceReport]
    copies: list[tuple[str, str]]
    """Files that hold what others hold, too: the names of both."""
    retired: list[tuple[Stream, State]]
    """Streams that are not found any more."""
    settled: list[Stream]
    """Rotated streams that are where they were, with nothing new."""


class Planner:
    """Finds out which file holds which stream."""

    def __init__(self, registry: Registry, new_key: Callable[[], str]) -> None:
        """Take the streams that are known, and what makes keys of new ones."""
        self._registry = registry
        self._new_key = new_key
        self._claims: dict[int, File] = {}  # by id of the stream
        self._held: dict[int, Stream] = {}  # by id of the file
        self._copies: dict[int, File | None] = {}  # what holds the same, by id of the file
        self._families: dict[str, Family] = {}
        self._names: dict[str, str] = {}
        self._plan = Plan([], [], [], [], [], [])
        self._all: dict[tuple[int, int], File] = {}
        self._new: dict[tuple[str, ...], list[File]] = {}
        self._folders: dict[str, dict[str, list[str]]] = {}

    def plan(self, paths: Iterable[str]) -> Plan:
        """Say what is to be read of these files. The streams are changed only where new ones begin."""
        self._look_at(paths)
        families = list(self._families.values())
        for family in families:
            for file in family.files:
                self._claim_by_hint(file)
                file.close()
        for family in families:
            self._search(family)
        for find in (self._claim_by_content, self._tell_copy):
            for family in families:
                for file in sorted(family.files, key=family.rank):
                    if id(file) not in self._held and id(file) not in self._copies:
                        find(file)
                        file.close()
        for family in families:
            self._begin_new(family)
        for family in families:
            self._tell_losses(family)
            for file in sorted(family.files, key=family.rank):
                stream = self._held.get(id(file))
                if stream is not None and (file.is_named or stream.state is not State.IGNORED):
                    state = State.LIVE if file.path == family.base else State.ROTATED
                    self._plan.readings.append(Reading(stream, file, state))
        return self._plan

    # ---- what there is

    def _look_at(self, paths: Iterable[str]) -> None:
        self._names = {path: path if _is_stream(path) else os.path.abspath(path) for path in paths}
        named = set(self._names.values())
        for path, full in self._names.items():
            base = path if _is_stream(path) else self._base(full, named)
            family = self._families.setdefault(base, Family(base))
            family.is_named |= base == full
            try:
                file = File(full, is_named=True, given=path)
            except OSError as error:
                is_missing = isinstance(error, FileNotFoundError)
                family.is_missing |= is_missing and base == full
                status = Status.MISSING if is_missing else Status.UNREADABLE
                self._plan.problems.append(SourceReport(name_of(path), 0, 0, status, error.strerror or str(error)))
                continue
            if self._all.setdefault((file.device, file.inode), file) is file:
                family.add(file)
            else:
                file.close()

    def _base(self, path: str, named: Collection[str]) -> str:
        """Return the path that is written to, of which `path` may be a rotated file."""
        folder, name = os.path.split(path)
        for rotation in rotations(name):
            base = os.path.join(folder, rotation.base)
            if base in named or self._registry.of_name(base) or os.path.exists(base):
                return base
        return path

    # ---- claims

    def _claim(self, stream: Stream, file: File) -> None:
        earlier = self._claims.get(id(stream))
        if earlier is not None:
            self._held.pop(id(earlier), None)
        self._claims[id(stream)] = file
        self._held[id(file)] = stream

    def _is_free(self, stream: Stream) -> bool:
        return id(stream) not in self._claims

    def _claim_by_hint(self, file: File) -> None:
        for stream in self._registry.of_raw(file):
            # All empty archives of one kind have the same bytes.
            if stream.seen and self._is_free(stream):
                self._claim(stream, file)
                return
        for stream in sorted(self._registry.of_inode(file), key=lambda one: -one.seen):
            if self._is_free(stream) and file.proves(stream):
                self._claim(stream, file)
                return

    def _search(self, family: Family) -> None:
        """Look among the siblings for the streams of a family that are not where they were."""
        known = self._registry.of_name(family.base) or self._adopt(family)
        if not known:
            self._ignore_siblings(family)
            return
        if not family.is_named or _is_stream(family.base):
            return
        for stream in known:
            # What came from a pipe, or was moved before anything was read of it, cannot be missed.
            is_sought = stream.is_placed and stream.state in (State.LIVE, State.ROTATED) and self._is_free(stream)
            if is_sought and not self._is_settled(stream, family):
                family.unresolved.append(stream)
        if family.unresolved:
            for file in self._unnamed(family):
                file.is_wanted = True
                self._all[file.device, file.inode] = file
                family.add(file)
                self._claim_by_hint(file)
                file.close()
        else:
            self._look_for_header(family)

    def _adopt(self, family: Family) -> Sequence[Stream]:
        """Return the streams of a family that was moved here: that are found here, and whose own log is gone."""
        for file in (*family.files, *self._unnamed(family)):
            streams = [one for one in self._registry.sharing_start(file) if self._is_free(one) and file.proves(one)]
            file.close()
            for stream in streams:
                if stream.name != family.base and stream.name not in self._families and not os.path.exists(stream.name):
                    self._registry.rename(stream.name, family.base)
                    return self._registry.of_name(family.base)
        return ()

    def _unnamed(self, family: Family) -> Iterator[File]:
        """Yield the siblings that were not asked for."""
        for path in self._siblings(family):
            try:
                file = File(path, is_named=False)
            except OSError:
                continue
            if (file.device, file.inode) not in self._all:
                yield file
            else:
                file.close()

    def _siblings(self, family: Family) -> Iterator[str]:
        """Yield the paths of all rotated files of a family, also beside the file that a link at its base leads to."""
        if _is_stream(family.base):
            return
        for base in dict.fromkeys([family.base, os.path.realpath(family.base)]):
            folder, name = os.path.split(base)
            if folder not in self._folders:
                self._folders[folder] = _rotated_files(folder)
            yield from self._folders[folder].get(name, ())

    def _ignore_siblings(self, family: Family) -> None:
        """Know the siblings of a family that is new, so that they are not taken for new ones later."""
        for file in self._unnamed(family):
            self._claim_by_hint(file)
            if id(file) not in self._held and not any(file.proves(one) for one in self._registry.sharing_start(file)):
                stream = Stream(self._new_key(), family.base)
                stream.state = State.IGNORED
                note_place(stream, file)
                # An archive may be large; that nothing of it counts does not depend on all of it.
                note_content(stream, file, len(file.head) if file.is_compressed else file.length)
                self._registry.add(stream)
            file.close()

    def _is_settled(self, stream: Stream, family: Family) -> bool:
        """Whether a rotated stream is where it was, and nothing was added; if something was, the file is taken in."""
        try:
            status = os.stat(stream.path)
        except OSError:
            return False
        if (status.st_dev, status.st_ino) != (stream.device, stream.inode):
            return False
        if status.st_size == (stream.raw_size or stream.offset + stream.pending) and stream.state is State.ROTATED:
            self._plan.settled.append(stream)
            return True
        try:
            file = File(stream.path, is_named=False)
        except OSError:
            return False
        if self._all.setdefault((file.device, file.inode), file) is file:
            file.is_wanted = True
            family.add(file)
            self._claim_by_hint(file)
        file.close()
        return not self._is_free(stream)

    def _look_for_header(self, family: Family) -> None:
        """See whether a short stream goes on in a sibling, and the named file only begins with the same few lines.

        Such is a log in which every generation begins with the same line, and that was copied and cut back after no
        more than that line had been read.
        """
        for file in list(family.files):
            stream = self._held.get(id(file))
            if stream is None or not 0 < stream.seen < WINDOW or file.is_compressed or file.length == stream.seen:
                continue
            for sibling in self._unnamed(family):
                self._claim_by_hint(sibling)
                if id(sibling) in self._held or not sibling.proves(stream):
                    continue
                longer = [one for one in self._registry.sharing_start(sibling) if sibling.proves(one)]
                if longer[0] is stream and not sibling.is_copy(file):
                    self._claim(stream, sibling)
                    self._all[sibling.device, sibling.inode] = sibling
                    family.add(sibling)
                    return

    def _claim_by_content(self, file: File) -> None:
        """Find the stream that a file holds."""
        for stream in self._registry.sharing_start(file):
            if not file.proves(stream):
                continue
            if stream.state is State.IGNORED and file.is_named and self._is_free(stream):
                self._claim(stream, file)  # whatever holds it, too: nothing of it was counted
                return
            holder = self._holder(stream, file)
            if holder is None or (self._is_free(stream) and holder.is_copy(file)):
                self._claim(stream, file)
                return
            if self._is_copy(file, holder):
                self._note_copy(file, holder)
                return

    def _tell_copy(self, file: File) -> None:
        """See whether a file is a copy that was made when less of the stream was there."""
        family = file.family
        for stream in self._registry.sharing_start(file):
            if file.length >= stream.seen:
                continue
            holder = self._holder(stream, file)
            if holder is not None and self._is_copy(file, holder):
                self._note_copy(file, holder)
                return
            # A rotated file does not begin anew, as the log itself does.
            is_rotated = family is not None and stream.name == family.base and family.rank(file) < _BASE
            if holder is None and is_rotated and file.is_beginning_of(stream):
                self._copies[id(file)] = None
                self._plan.copies.append((file.name, stream.label))
                return

    def _holder(self, stream: Stream, file: File) -> File | None:
        """Return the other file that holds a stream."""
        return self._claims.get(id(stream)) or self._own_file(stream, file)

    def _own_file(self, stream: Stream, file: File) -> File | None:
        """Return the file in which a stream was last seen, if it holds it still and is not `file`."""
        if (stream.device, stream.inode) == (file.device, file.inode):
            return None
        try:
            status = os.stat(stream.path)
            if (status.st_dev, status.st_ino) != (stream.device, stream.inode):
                return None
            own = self._all.get((status.st_dev, status.st_ino)) or File(stream.path, is_named=False)
            return own if own.proves(stream) else None
        except OSError:
            return None

    def _is_copy(self, file: File, holder: File) -> bool:
        """Whether two files are one stream as far as can be told.

        Two logs that are both asked for, and have nothing in common but one line, again and again, only look alike.
        """
        if not holder.is_copy(file):
            return False
        common = min(file.length, holder.length)
        is_alike = common <= WINDOW and len(set(file.head[:common].split(b"\n")) - {b""}) == 1
        both_named = file.is_named and holder.is_named
        return not (is_alike and both_named and file.family is not holder.family)

    def _note_copy(self, file: File, holder: File, *, is_preferred: bool = False) -> None:
        """Read a stream from the longer one of two files that hold it; from `file` if it is as long and preferred."""
        held = self._held.get(id(holder))
        if held is not None and file.is_wanted and file.length > holder.length - is_preferred:
            self._claim(held, file)
            for others in self._new.values():
                others[:] = [file if other is holder else other for other in others]
            file, holder = holder, file
        self._copies[id(file)] = holder
        if file.is_named and file.family is not holder.family:
            self._plan.copies.append((file.name, holder.name))

    # ---- what is new, and what is lost

    def _begin_new(self, family: Family) -> None:
        """Begin streams in the files that hold none that is known."""
        files = [
            file
            for file in sorted(family.files, key=family.rank)
            if file.is_wanted and id(file) not in self._held and id(file) not in self._copies
        ]
        unread = [
            stream
            for stream in self._registry.of_name(family.base)
            if stream.state in (State.LIVE, State.ROTATED) and not stream.seen and self._is_free(stream)
        ]
        # Of a stream of which nothing was read there is no more than the hint.
        for file in files:
            stream = next((one for one in unread if one.is_hinted_at(file)), None)
            if stream is not None:
                unread.remove(stream)
                if self._is_copy_of_new(file):
                    self._plan.retired.append((stream, State.GONE))
                else:
                    self._begin(stream, file)
        for file in files:
            if id(file) in self._held or id(file) in self._copies or self._is_copy_of_new(file):
                continue
            stream = self._cut_back(family, file)
            if stream is None and family.rank(file) < _BASE:
                # The oldest one that is sought is the first one that is found; what was rotated may be gone by now.
                sought = [one for one in unread if one in family.unresolved and self._is_free(one)]
                stream = min(sought, key=lambda one: (one.state, one.pending != file.length), default=None)
            if stream is None:
                stream = Stream(self._new_key(), family.base)
                self._registry.add(stream)
            self._begin(stream, file)

    def _is_copy_of_new(self, file: File) -> bool:
        earlier = next((one for one in self._new.get(file.marks[:1], ()) if self._is_copy(file, one)), None)
        if earlier is not None:
            self._note_copy(file, earlier, is_preferred=True)  # it is the newer one
        return earlier is not None

    def _begin(self, stream: Stream, file: File) -> None:
        if file.marks:
            self._new.setdefault(file.marks[:1], []).append(file)
        self._claim(stream, file)
        file.close()

    def _cut_back(self, family: Family, file: File) -> Stream | None:
        """Return a new stream for a file that lost its end: what is left was counted before.

        Only so much content in common says that it was not filled again from the beginning.
        """
        for stream in self._registry.of_name(family.base):
            if (
                stream.state is State.LIVE
                and self._is_free(stream)
                and (stream.device, stream.inode) == (file.device, file.inode)
                and not file.is_compressed
                and WINDOW <= file.length < stream.offset
                and file.marks == stream.head
            ):
                left = Stream(self._new_key(), family.base)
                left.start = left.offset = file.whole_lines(0)
                left.lines = file.count_lines(left.offset)
                self._registry.add(left)
                self._lose(stream, f"{file.length} bytes are left of it")
                return left
        return None

    def _tell_losses(self, family: Family) -> None:
        if not family.is_named or not self._is_certain(family):
            return
        retired = [stream for stream, _ in self._plan.retired]
        for stream in family.unresolved:
            file = self._claims.get(id(stream))
            if stream in retired:
                continue
            if file is None:
                if stream.state is State.LIVE or stream.pending:
                    self._lose(stream, "it is neither there any more, nor among its siblings")
                else:
                    self._plan.retired.append((stream, State.GONE))
            elif stream.state is State.LIVE and family.is_missing:
                # It is just being rotated.
                self._plan.problems[:] = [one for one in self._plan.problems if one.name not in self._given(family)]
        self._tell_gap(family)

    def _given(self, family: Family) -> list[str]:
        return [name_of(path) for path, full in self._names.items() if full == family.base]

    def _is_certain(self, family: Family) -> bool:
        """Whether what is not found is not there: not where the folder, or the named file, cannot be looked at."""
        if not family.is_missing:
            return any(file.path == family.base for file in family.files) or _is_stream(family.base)
        try:
            device = os.stat(os.path.dirname(family.base)).st_dev
        except OSError:
            return False
        return all(device == stream.device for stream in family.unresolved)

    def _tell_gap(self, family: Family) -> None:
        """Say that a generation is not there that must have been between the newest one that is known and the log."""
        known = [
            (number, stream)
            for stream in self._registry.of_name(family.base)
            if stream.seen and not stream.is_new and stream.state in (State.LIVE, State.ROTATED)
            for file in family.files
            if (holder := self._claims.get(id(stream))) and holder in (file, self._copies.get(id(file)))
            # A copy of another generation tells nothing of what was rotated since.
            if stream.state is State.LIVE or holder.is_compressed or stream.is_hinted_at(holder)
            if family.number(holder.path) is not None
            if (number := family.number(file.path)) is not None
        ]
        if not known:
            return
        number, stream = min(known, key=lambda one: one[0])
        before = family.number(stream.path) if stream.state is State.ROTATED else 0
        rotations_since = number - (before or 0)
        there = {family.number(file.path) for file in family.files}
        for missing in range(1, rotations_since + bool(before)):
            if missing not in there:
                message = f"generation {missing} is not there, but {number} is"
                self._plan.losses.append(Loss(stream, stream.offset, message))
                return

    def _lose(self, stream: Stream, message: str) -> None:
        self._plan.losses.append(Loss(stream, stream.offset, message))
        self._plan.retired.append((stream, State.LOST))


def _rotated_files(folder: str) -> dict[str, list[str]]:
    """Return the paths of the rotated files in a folder, by the name of the file that is written to."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return {}
    found: dict[str, list[str]] = {}
    for name in names:
        for base in dict.fromkeys(rotation.base for rotation in rotations(name)):
            found.setdefault(base, []).append(os.path.join(folder, name))
    return found


def candidates(paths: Iterable[str]) -> Callable[[Stream], Iterator[File]]:
    """Return a function that yields the files that hold a stream: where it was, its siblings, and those at `paths`."""
    given = list(dict.fromkeys(os.path.abspath(path) for path in paths))
    folders: dict[str, dict[str, list[str]]] = {}

    def find(stream: Stream) -> Iterator[File]:
        paths = [stream.path, stream.name]
        for folder in dict.fromkeys(os.path.dirname(path) for path in paths):
            if folder not in folders:
                folders[folder] = _rotated_files(folder)
            paths += folders[folder].get(os.path.basename(stream.name), ())
        for path in dict.fromkeys((*paths, *given)):
            try:
                file = File(path, is_named=False)
                is_found = file.proves(stream)
            except OSError:
                continue
            if is_found:
                yield file
            file.close()

    return find


def note_place(stream: Stream, file: File) -> None:
    """Remember where a stream was seen."""
    stream.path = file.real
    stream.device, stream.inode = (file.device, file.inode) if file.is_hinted else (0, 0)
    stream.raw_size, stream.raw_proof = (file.size, file.raw_proof) if file.is_compressed else (0, "")


def note_content(stream: Stream, file: File, end: int, window: bytes | None = None) -> None:
    """Remember what proves that a file holds the stream: `end` bytes were seen of it, the last ones being `window`."""
    window = file.window(end) if window is None else window
    stream.seen = end
    stream.head = file.marks if end >= len(file.head) else marks(file.head[:end])
    stream.tail = proof(window or b"")
