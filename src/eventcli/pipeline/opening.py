"""Opens each source once, however many names lead to it: looks at it, claims it, and only then reads it."""

import os
import stat
from collections.abc import Callable
from typing import TypeAlias

import eventcli.reading
from eventcli.pipeline.opened import Reading, Stream, failed
from eventcli.pipeline.options import Options
from eventcli.pipeline.tasks import Small
from eventcli.reading import deep
from eventcli.reading.claims import Claims, Key
from eventcli.reading.discovery import Found
from eventcli.reading.portions import ByteRange, LineRange
from eventcli.reading.small_files import FLAGS
from eventcli.reading.source import identity, open_path, open_source, stream_of
from eventcli.summary.sources import SourceReport
from eventcli.text import STDIN, is_url, name_of

Opened: TypeAlias = Reading | SourceReport | str
"""A source to be read, the report of one that cannot be, or of one that counts already the name under which it does: ''
if that need not be reported."""


class Opening:
    """Opens sources, and remembers which files count under which name."""

    def __init__(self, options: Options, *, jobs: int, strict: bool, may_map: bool) -> None:
        """With `strict`, errors propagate; without, they become reports. With `may_map`, large files are mapped."""
        self.claims = Claims()
        self.strict = strict
        self._options = options
        self._jobs = jobs
        self._may_map = may_map

    def source(self, found: Found) -> Opened:
        """Open a source by itself."""
        source, name = found.source, name_of(found.source)
        (mine,) = self.claims.places([source if isinstance(source, str) else name], [found.origin])
        try:
            if found.error is not None:
                raise found.error
            if isinstance(source, LineRange):
                return self._reading(name, source, may_map=self._may_map)
            if isinstance(source, ByteRange):
                return self._range(name, source, mine)
            if not isinstance(source, str):
                return self._reading(name, open_source(source, ahead=self._jobs == 1))
            if found.status is None and is_url(source):
                return self._url(name, source, mine)
            return self._path(name, source, mine)
        except OSError as failure:
            return self.failed(name, failure)

    def small(self, some: Small, at: int, wait: Callable[[], object]) -> Opened:
        """Open a file that was claimed by the key that its directory had for it; '' also if it is left out.

        `wait` returns when all earlier sources are read: a file that has replaced another one may be one of theirs.
        """
        mine, key = some.places[at], (some.files.device, some.files.inodes[at])
        path = self.claims.path(mine)
        name = name_of(path)
        try:
            descriptor = deep.open_at(path, FLAGS)
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                os.close(descriptor)
                raise OSError("Is no longer a regular file")
        except OSError as error:
            self.claims.give_up(key, mine)
            return self.failed(name, error)
        if identity(status) != key or self.claims.holder(key) != mine:
            try:
                wait()
                first = self._replaced(some, at, (status.st_dev, status.st_ino))
            except BaseException:
                os.close(descriptor)
                raise
            if first != mine:
                os.close(descriptor)
                return "" if first is None else self.claims.name_instead(mine, first)
        is_shared = status.st_size > self._options.most_alone
        stream = stream_of(descriptor, status, ahead=is_shared and self._jobs == 1)
        reading = self._reading(name, stream, may_map=is_shared and self._may_map)
        reading.size = status.st_size
        return reading

    def failed(self, name: str, error: OSError) -> SourceReport:
        """Return the report of a source that could not be opened, or raise the error if nobody handles reports."""
        if self.strict:
            raise error
        return failed(name, error)

    def _reading(self, name: str, stream: Stream, *, may_map: bool = False) -> Reading:
        return Reading(name, stream, self._options, strict=self.strict, may_map=may_map)

    def _path(self, name: str, path: str, mine: int) -> Reading | str:
        """Open a file, a pipe or a device."""
        if path != STDIN:
            key = identity(deep.stat(path))
            if key is not None and (holder := self.claims.holder(key)) is not None:
                # A pipe that is opened twice waits for a second writer.
                return self.claims.name_instead(mine, holder)
        descriptor, status = open_path(path)
        key = identity(status)
        if key is None or (first := self.claims.claim(key, mine)) == mine:
            stream = stream_of(descriptor, status, ahead=self._jobs == 1, close=path != STDIN)
            return self._reading(name, stream, may_map=self._may_map)
        if path != STDIN:
            os.close(descriptor)
        return self.claims.name_instead(mine, first)

    def _url(self, name: str, url: str, mine: int) -> Reading | str:
        if (first := self.claims.claim((None, url), mine)) != mine:
            return self.claims.name_instead(mine, first)
        return self._reading(name, open_source(url, ahead=self._jobs == 1, timeout=self._options.timeout))

    def _range(self, name: str, part: ByteRange, mine: int) -> Reading | str:
        """Open a byte range: the same one counts once, others of the same file are other lines."""
        if self._options.query.form.is_framed:
            # A text, or a part of one, may go on in the next range.
            raise OSError("A byte range consists of lines: this framing has none")
        lines, file = eventcli.reading.ranges.open_range(part)
        if (first := self.claims.claim((file, (part.start, part.end)), mine)) != mine:
            lines.close()
            return self.claims.name_instead(mine, first)
        return self._reading(name, lines)

    def _replaced(self, some: Small, at: int, key: Key) -> int | None:
        """Return which source counts if a file has replaced another one; None if it is skipped."""
        mine = some.places[at]
        self.claims.give_up((some.files.device, some.files.inodes[at]), mine)
        if not some.named and key in self._options.left_out:
            return None
        first = self.claims.claim(key, mine)
        if first > mine and not leads_to(self.claims.path(first), key):
            # Nobody has read it under that name, and nobody will: it was renamed, or is a new file.
            return self.claims.pass_on(key, mine)
        return first


def leads_to(path: str, key: Key) -> bool:
    """Whether the file at a path is still the one with this identity."""
    try:
        return identity(deep.stat(path)) == key
    except OSError:
        return False
