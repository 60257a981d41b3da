"""Which stream a file holds, decided by its content. Names, inodes and encodings are hints; hashes are the proof.

A stream is what one writer wrote between two rotations of its log: the same bytes under any name, on any disk,
compressed or not. A ledger knows how far each stream was consumed, and the hashes of the first and of the last up to
4 KiB of that part. A file holds the stream if it begins with those bytes. The streams that had one name in succession
(`app.log`, then `app.log.1`, then `app.log.2.gz`) are a family: when the named file holds a new stream, the rest of the
old one is searched for among its siblings.

Repetitive content cannot distinguish two logs. In that case, the file itself must: its inode and its creation time. If
these do not decide either, a possible copy is counted once, and a doubt is recorded.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, Self

from eventcli.summary.account import Account
from eventcli.text import name_of


class State(StrEnum):
    """The state of a stream."""

    LIVE = "live"
    """It is under the name by which it was requested."""
    ROTATED = "rotated"
    """It was found under another name of its family."""
    IGNORED = "ignored"
    """It existed before its family was first requested, and is not counted."""
    GONE = "gone"
    """It was rotated and read to its end, and is no longer found."""
    LOST = "lost"
    """It is no longer found, and nothing proves that it was read to its end."""
    COPY = "copy"
    """Another stream of its family holds the same content, and it may be a copy; it is not counted."""


UNCOUNTED: Final = (State.IGNORED, State.COPY)
"""The states of streams that have never been counted."""


class Sighting:
    """Where a stream was last seen: hints that say where to look first, and prove nothing."""

    __slots__ = ("born", "device", "inode", "modified", "path", "raw_length", "raw_proof", "raw_size")

    def __init__(self, path: str) -> None:
        """Begin at a path, in a file of which nothing is known."""
        self.path = path
        self.device = self.inode = 0
        self.born = 0
        """When the file was created; 0 if unknown. See `birth`."""
        self.modified = 0
        """When the file was last modified; negative if more may have been written at that moment; 0 if unknown."""
        self.raw_size = 0
        """The size of the file, if it was compressed, or 0."""
        self.raw_proof = ""
        self.raw_length = 0
        """The length of the content of a compressed file, if it was read to its end."""

    @property
    def label(self) -> str:
        """The name to display."""
        return name_of(self.path)

    @property
    def is_placed(self) -> bool:
        """Whether it was seen in a file that device and inode identify."""
        return bool(self.device or self.inode)


class Part(Sighting):
    """The part of a stream that was read, and what proves it."""

    __slots__ = ("_head", "lines", "offset", "pending", "position", "seen", "start", "tail")

    def __init__(self, path: str) -> None:
        """Begin with nothing read."""
        super().__init__(path)
        self.start = 0
        """The offset from which it is counted here; 0, unless the file was truncated."""
        self.offset = 0
        """How many bytes were consumed; always whole lines."""
        self.position: str | None = None
        """Where a queue goes on, in the words of its broker ("": at its beginning); None for a file, whose position is
        `offset`. What is read of a queue counts as bytes and lines, too."""
        self.pending = 0
        """Bytes of a last line without a newline, when it was last seen."""
        self.lines = 0
        """Lines before `offset`."""
        self.seen = 0
        """How many bytes `head` and `tail` prove: `offset`, or the whole size if it is ignored."""
        self._head = ""
        self.tail = ""
        """The proof of the last window that was seen."""

    @property
    def head(self) -> tuple[str, ...]:
        """The marks of what was seen; held as one text, which takes a third of the memory."""
        return tuple(self._head.split())

    @head.setter
    def head(self, marks: Iterable[str]) -> None:
        self._head = " ".join(marks)

    @property
    def last_mark(self) -> str:
        """The mark of its whole head; any file that holds the stream has it, too."""
        return self._head[self._head.rfind(" ") + 1 :]

    @property
    def end(self) -> int:
        """The end of what was seen of an uncompressed file."""
        return self.offset + self.pending

    def is_beginning_of(self, other: Self) -> bool:
        """Whether what was seen of another one begins with what was seen of this one, judging by what proves both."""
        if self.seen == other.seen:
            return bool(self.seen) and (self.last_mark, self.tail) == (other.last_mark, other.tail)
        return 0 < self.seen < other.seen and self.last_mark in other.head


class Stream(Part):
    """What is known about one stream."""

    __slots__ = ("account", "checksum", "first_seen", "is_new", "is_renamed", "key", "last_seen", "name", "state")

    def __init__(self, key: str, name: str) -> None:
        """Begin a stream of the family `name` (an absolute path), with nothing consumed."""
        super().__init__(name)
        self.key = key
        self.name = name
        self.state = State.LIVE
        self.account = Account()
        self.checksum = 0
        self.first_seen = self.last_seen = ""
        self.is_new = True
        self.is_renamed = False
        """Whether its name has changed since before this run."""

    def restore(self, before: Self) -> None:
        """Take back all changes since a copy was made, but that of the name, by which it may be found already."""
        for kind in (Sighting, Part, Stream):
            for slot in kind.__slots__:
                if slot not in ("name", "is_renamed"):
                    setattr(self, slot, getattr(before, slot))


def raw_key(stream: Stream) -> tuple[int, str]:
    """Return a key for the bytes of the compressed file in which a stream was last seen."""
    return stream.raw_size, stream.raw_proof
