"""Which stream a file holds, told by its content. Names, inodes and encodings are hints; hashes are the proof.

A stream is what one writer wrote between two rotations of its log: the same bytes under whatever name, on whatever
disk, compressed or not. Of each stream it is known how far it was consumed, and the hashes of the first and of the
last up to 4 KiB of that. A file holds the stream if it begins with those bytes. The streams that had one name after
the other (`app.log`, then `app.log.1`, then `app.log.2.gz`) are a family: when the named file holds a new one, the rest
of the old one is looked for among its siblings.

Content that repeats does not tell two logs apart. There a file itself must: its inode and the moment at which it was
made. Where they do not say it either, what may be a copy is counted once, and that is recorded as a doubt.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from eventcli.summary.account import Account
from eventcli.text import name_of


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
    COPY = "copy"
    """It holds what another stream of its family holds, too, and may be a copy of it; it is not counted."""


UNCOUNTED: Final = (State.IGNORED, State.COPY)
"""The states of streams of which nothing was ever counted."""


class Stream:
    """What is known of one stream."""

    __slots__ = (
        "_head",
        "account",
        "born",
        "checksum",
        "device",
        "first_seen",
        "inode",
        "is_new",
        "is_renamed",
        "key",
        "last_seen",
        "lines",
        "modified",
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
        self.born = 0
        """When the file was made that it was last seen in; 0 if that is not known. See `birth`."""
        self.modified = 0
        """When that file was written to last, negative if more may have been written at the same moment; 0: unknown."""
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
        self._head = ""
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
    def head(self) -> tuple[str, ...]:
        """The marks of what was seen; held as one text, which takes a third of the memory."""
        return tuple(self._head.split())

    @head.setter
    def head(self, marks: Iterable[str]) -> None:
        self._head = " ".join(marks)

    @property
    def last_mark(self) -> str:
        """The mark of all of its head; a file that holds the stream has it, too."""
        return self._head[self._head.rfind(" ") + 1 :]

    @property
    def end(self) -> int:
        """Where what was seen of a file that is not compressed ended."""
        return self.offset + self.pending

    @property
    def label(self) -> str:
        """The name for people."""
        return name_of(self.path)

    @property
    def is_placed(self) -> bool:
        """Whether it was seen in a file that device and inode tell apart."""
        return bool(self.device or self.inode)


def raw_key(stream: Stream) -> tuple[int, str]:
    """Return what tells the bytes of the compressed file that a stream was last seen in."""
    return stream.raw_size, stream.raw_proof
