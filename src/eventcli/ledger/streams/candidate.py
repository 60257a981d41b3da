"""A file that may hold a stream, and the family of files that have had one name in succession."""

from typing import Self

from eventcli.ledger.streams.content import File
from eventcli.ledger.streams.stored import Descriptors
from eventcli.ledger.streams.stream import Stream
from eventcli.reading.rotations import WRITTEN_TO, rank


class Candidate(File):
    """A file, and what one plan has found out about it."""

    __slots__ = ("family", "is_copied", "is_named", "is_quiet", "is_wanted", "original", "stream")

    def __init__(
        self, path: str, *, is_named: bool = False, given: str = "", descriptors: Descriptors | None = None
    ) -> None:
        """Look at the file, as `File` does."""
        super().__init__(path, given=given, descriptors=descriptors)
        self.is_named = is_named
        """Whether it was requested."""
        self.is_wanted = is_named
        """Whether its lines count if it holds an unknown stream."""
        self.is_quiet = False
        """Whether it has not been modified since it was last read."""
        self.family: Family | None = None
        self.stream: Stream | None = None
        """The stream that is read in it."""
        self.is_copied = False
        """Whether it is left alone, since another file holds the same lines."""
        self.original: Candidate | None = None
        """That file, if it is known."""

    @property
    def is_left_alone(self) -> bool:
        """Whether nothing of it is read in this run, as what it may be a copy of cannot be told."""
        return self.is_copied and self.original is None

    def hold(self, stream: Stream | None) -> None:
        """Record that it holds a stream, or that another file does after all."""
        self.stream = stream

    def note_copy_of(self, original: Self | None) -> None:
        """Leave it alone: another file, which may not be known, holds the same lines."""
        self.is_copied, self.original = True, original


class Family:
    """The files and streams that have had one name in succession."""

    def __init__(self, base: str) -> None:
        """Take the path of the live file."""
        self.base = base
        self.files: list[Candidate] = []
        self.given: list[str] = []
        """The names by which the live file was requested, to display."""
        self.is_missing = False
        """Whether it was requested and is missing."""
        self.is_blind = False
        """Whether there is an unreadable file that may hold a missing stream."""
        self.is_searched = False
        """Whether all of its siblings joined it."""
        self.unresolved: list[Stream] = []
        """Streams of the family that are not in their place."""

    @property
    def is_named(self) -> bool:
        """Whether the live file itself was requested."""
        return bool(self.given)

    @property
    def is_log_unreadable(self) -> bool:
        """Whether the live file was requested and is there, but cannot be read."""
        is_there = self.is_named and self.is_blind and not self.is_missing
        return is_there and not any(file.path == self.base for file in self.files)

    def join(self, file: Candidate) -> None:
        """Add a file."""
        self.files.append(file)
        file.family = file.family or self

    def rank(self, file: Candidate) -> tuple[int, int | str]:
        """Return the order in which the files were written, as a sort key."""
        return WRITTEN_TO if file.path == self.base else rank(self.base, file.path)

    def in_order(self) -> list[Candidate]:
        """Return the files, oldest generation first."""
        return sorted(self.files, key=self.rank) if self.files[1:] else self.files
