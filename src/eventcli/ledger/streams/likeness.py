"""Whether two files, one of which is a prefix of the other, are one log, two logs, or indistinguishable.

Content distinguishes them wherever lines differ. Repetitive lines, such as heartbeats without times, prove nothing.
Then the files themselves decide: which of them was read before, which was created first, and which is the newer
generation by its name.
"""

import os
from enum import Enum, auto
from typing import NamedTuple

from eventcli.ledger.streams.content import File
from eventcli.ledger.streams.stream import State, Stream
from eventcli.reading.rotations import WRITTEN_TO, is_comparable, rank


class Kin(Enum):
    """How a file relates to another one with the same content."""

    SAME = auto()
    """A copy: the lines count once."""
    OTHER = auto()
    """Another log: its lines count, too."""
    UNSURE = auto()
    """One of the two, and nothing proves which."""
    HIDDEN = auto()
    """One of the two, and what cannot be read now may prove which."""


class Pair(NamedTuple):
    """A file, and another one with the same content: `base` is the log of which both are generations, if they are.

    `stream` is what the holder holds, if known. `is_in_order` says whether each generation, from the older of the two
    up to the log itself, began after its predecessor: a log that is copied is older than its copies.
    """

    file: File
    holder: File
    base: str | None
    stream: Stream | None
    is_in_order: bool

    def kin(self) -> Kin:
        """Return how the file relates to its holder."""
        is_repetitive = self.file.is_repetitive(min(self.file.length, self.holder.length))
        if self.base is None:
            # Input from a pipe is known by its content alone, so it can be fed twice.
            if not is_repetitive or self.file.is_spooled or self.holder.is_spooled:
                return Kin.SAME
            return Kin.UNSURE if are_related(self.file.path, self.holder.path) else Kin.OTHER
        mine, its = (rank(self.base, one.path) for one in (self.file, self.holder))
        if mine == its and mine != WRITTEN_TO:
            return Kin.SAME  # app.log.1 next to app.log.1.gz
        if not is_comparable(mine, its):
            return Kin.UNSURE if is_repetitive else Kin.SAME
        told = self._told_by_place(is_newer=mine > its, is_repetitive=is_repetitive)
        if told is None and is_repetitive:
            told = Kin.OTHER if self.is_in_order and not self._is_of_third() else Kin.UNSURE
        return told or Kin.SAME

    def _is_of_third(self) -> bool:
        """Whether the stream was seen in a third file, of which both may be copies: the holder was not made of it."""
        stream = self.stream
        if stream is None or not stream.seen or not stream.is_placed:
            return False
        # What was compressed is a new file. In another folder, all files may be: then times of creation prove nothing.
        if self.holder.is_compressed and os.path.dirname(stream.path) == os.path.dirname(self.holder.path):
            return False
        return not any(one.is_place_of(stream) for one in (self.file, self.holder))

    def _told_by_place(self, *, is_newer: bool, is_repetitive: bool) -> Kin | None:
        """Decide by which of the two files is the one in which the stream was seen."""
        if self.stream is None or self.stream.name != self.base:
            return None
        if is_newer:
            # The log was renamed, and another file replaced it. An earlier rotated file may be a copy of it.
            is_later = self.is_in_order or (is_repetitive and not self.file.born)
            is_base = rank(self.stream.name, self.file.path) == WRITTEN_TO
            # A run that was killed may have left the state of a stream that it had found in a rotated file.
            was_log = self.stream.state is State.LIVE and rank(self.stream.name, self.stream.path) == WRITTEN_TO
            is_log = was_log or (is_base and is_later)
            if is_log and self.holder.is_place_of(self.stream):
                return Kin.OTHER
            # The older file holds what was seen of it; the log was truncated, and began again.
            is_cut = self.file.length < max(self.stream.seen, self.holder.length)
            return Kin.OTHER if is_cut and is_repetitive and self.file.is_place_of(self.stream) else None
        if is_untouched(self.stream, self.holder):
            return Kin.SAME
        is_cut = self.file.length > self.holder.length
        return Kin.OTHER if is_cut and is_repetitive and self.holder.is_place_of(self.stream) else None


def is_younger(newer: File, older: File) -> bool:
    """Whether a generation was begun after its predecessor, as far as times tell."""
    if newer.is_spooled or older.is_spooled:
        return False
    # A compressor keeps the modification time of a file, but not its creation time.
    if newer.is_compressed:
        return older.is_compressed and older.modified < newer.modified
    # Copying a folder keeps the times, too: then files are younger than their content.
    if newer.born > newer.modified or (not older.is_compressed and older.born > older.modified):
        return False
    is_begun_before = not older.is_compressed and 0 < older.born < newer.born
    return is_begun_before or older.modified < newer.born


def is_untouched(stream: Stream, file: File) -> bool:
    """Whether a stream was seen in this file, and the file has not been modified since, as far as its time tells."""
    is_same = (file.size, file.modified) == (stream.raw_size or stream.end, abs(stream.modified))
    return is_same and file.is_place_of(stream)


def is_rewritten(stream: Stream, file: File) -> bool:
    """Whether a file was written to but still ends at the same offset: either nothing was added, or it began again."""
    return (
        stream.modified != 0
        and file.modified != abs(stream.modified)
        and file.size == stream.end
        and not stream.raw_size
        and file.is_place_of(stream)
    )


def follows(file: File, stream: Stream) -> Kin:
    """Return how a file relates to a repetitive stream that it begins with and that no other file holds."""
    base = stream.name
    if file.is_spooled or not stream.is_placed:
        return Kin.SAME
    if os.path.basename(file.path) != os.path.basename(stream.path):
        mine, its = rank(base, file.path), rank(base, stream.path)
        is_family = os.path.basename(base) == os.path.basename(file.path) or mine != WRITTEN_TO
        if not is_family:
            return Kin.OTHER
        # Generations only get older, never newer.
        if is_comparable(mine, its) and mine > its:
            return Kin.OTHER
        return Kin.UNSURE if stream.state in (State.GONE, State.LOST) else Kin.SAME
    is_moved = os.path.dirname(file.path) != os.path.dirname(stream.path) or file.device != stream.device
    if not is_moved and not file.is_compressed and stream.state is not State.LIVE:
        return Kin.OTHER  # another file has its name
    return Kin.UNSURE


def of_birth(older: File, newer: File) -> Kin:
    """Return how an older generation relates to a newer one that begins with it, by their creation times alone.

    A log that was renamed is older than its successor; a copy is younger than the log.
    """
    if older.is_compressed or newer.is_compressed or not older.born or not newer.born or older.born > older.modified:
        return Kin.UNSURE
    return Kin.OTHER if older.born < newer.born else Kin.SAME


def are_related(path: str, other: str) -> bool:
    """Whether one name marks a copy of the other: `app.log.bak`, `app.log~`."""
    short, long = sorted((path, other), key=len)
    return long.startswith(short) and long[len(short) : len(short) + 1] in tuple(".-_~ ")
