"""Opens parts of sources as the plan froze them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Self, cast

import eventcli.reading
from eventcli.engines import stopping
from eventcli.engines.sources import Part
from eventcli.pipeline.options import Options
from eventcli.readable import Readable
from eventcli.reading.aligned import AlignedLines, before, end_of_lines
from eventcli.reading.compression.encodings import is_plain
from eventcli.reading.fingerprints import WINDOW
from eventcli.reading.frozen import FileState, FrozenFile
from eventcli.reading.portions import LineRange

if TYPE_CHECKING:
    from eventcli.reading.mapping import MappedFile
    from eventcli.reading.remote.urls import RemoteStream


class Opened:
    """An open part of a source: nothing to read if another part has all of it (`stream` is None).

    `is_aligned` says that only the lines are read that begin in the part; else it is the whole source. `head` are the
    first bytes of a source of which only a part is read. `check` raises OSError if what was read does not count.
    """

    def __init__(
        self,
        stream: Readable | None,
        close: Callable[[], object],
        check: Callable[[], object] = lambda: None,
        *,
        head: bytes = b"",
        mapped: "Callable[[], MappedFile | None]" = lambda: None,
    ) -> None:
        """Take a stream, and how to close it."""
        self.mapped: Final = mapped
        self.stream: Final = stream
        self.is_aligned: Final = isinstance(stream, AlignedLines)
        self.head: Final = head
        self.check: Final = check
        self._close = close

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._close()

    def source(self, name: str) -> BinaryIO | LineRange:
        """Return the stream as a source of a run."""
        if isinstance(self.stream, AlignedLines):
            return LineRange(name, self.stream, self.stream.start, lambda: None, self.mapped)
        cast("BinaryIO", self.stream).name = name  # type: ignore[misc]
        return cast("BinaryIO", self.stream)


class _Wanted:
    """An open object, whose fold ends when nobody wants it any more."""

    def __init__(self, stream: "RemoteStream") -> None:
        self._stream = stream
        self.size = stream.size
        self.close = stream.close
        self.name = ""

    def readinto(self, buffer: memoryview, /) -> int:
        stopping.check()
        return self._stream.readinto(buffer)


class _File(FrozenFile):
    """A file of a plan, whose fold ends when nobody wants it any more."""

    def readinto(self, buffer: Any, /) -> int:
        """Read like any file; StoppedError if the result is not wanted."""
        stopping.check()
        return super().readinto(buffer)


def open_part(part: Part, options: Options) -> Opened:
    """Open a part of a source. Raises OSError on failure, ReplacedError if it is another one than in the plan."""
    source = part.source
    if isinstance(source.version, FileState):
        file = _File(source.path, source.version)
        try:
            return _part_of_file(part, file)
        except BaseException:
            file.close()
            raise
    return _part_of_object(part, options)


def _part_of_file(part: Part, file: _File) -> Opened:
    if not part.is_divided:
        return Opened(file, file.close, file.check)
    head = bytearray(WINDOW)
    del head[file.readinto(head) :]
    file.seek(0)
    # By its name it is plain; what is compressed all the same belongs to its first part alone.
    if not is_plain(bytes(head)):
        return Opened(None if part.start else cast("Readable", file), file.close, file.check, head=bytes(head))
    file.seek(before(part.start))
    lines = AlignedLines(cast("Readable", file), part.start, part.end)

    def mapped() -> "MappedFile | None":
        return eventcli.reading.mapping.mapped(lines, end_of_lines(file.fileno(), part.end, file.size))

    return Opened(lines, file.close, file.check, head=bytes(head), mapped=mapped)


def _part_of_object(part: Part, options: Options) -> Opened:
    source = part.source
    remote = eventcli.reading.remote
    if source.size is None or source.version is None:
        download = _Wanted(remote.urls.open_url(source.path, options.timeout))
        return Opened(download, download.close)
    bytes_of_part = (before(part.start), part.end) if part.is_divided else (0, source.size)
    listed = source.size, str(source.version)
    opened = remote.parts.open_part(source.path, listed, bytes_of_part, options.timeout, options.storage)
    stream = _Wanted(opened)
    if not part.is_divided:
        return Opened(stream, opened.close, opened.check)
    try:
        head = opened.head(WINDOW)
        if is_plain(head):
            aligned = AlignedLines(cast("Readable", stream), part.start, part.end)
            return Opened(aligned, opened.close, opened.check, head=head)
        if part.start:
            return Opened(None, opened.close, head=head)
    except BaseException:
        opened.close()
        raise
    return Opened(cast("Readable", stream), opened.close, opened.check, head=head)
