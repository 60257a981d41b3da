"""A writer of logs and whatever happens to its files, with an oracle that sees every line.

The oracle knows nothing of how the ledger works. It knows which lines a file holds, which of them a committed run
could see, and which were destroyed before any could.
"""

import bz2
import gzip
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

LOG: Final = "app.log"

_TICK: Final = 0.012
"""Seconds after which a file has another time than the one before it: where lines repeat, times tell files apart."""

_MIDDLE: Final = 4

_COMPRESS: Final[dict[str, Callable[[bytes], bytes]]] = {".gz": gzip.compress, ".bz2": bz2.compress}


def line(number: int) -> bytes:
    """Return a line; its number is its type and its value."""
    return b'{"type":"%d","value":%d,"occurred_at":"2020-10-06 %02d:00:00"}\n' % (number, number, number % 24)


class Generation:
    """What the writer wrote between two rotations: where it is, its lines, and what may be said of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[int] = []
        self.stream: set[int] = set()
        """All lines of its stream; a copy of its beginning holds only some of them."""
        self.is_copy = False
        self.torn: int | None = None
        """The number of a line that was begun."""
        self.was_live = False
        """Whether the last run saw it as the file that is written to."""
        self.was_rotated = False
        """Whether a run saw it as a rotated file."""
        self.is_uncertain = False
        """Whether a run that was killed may have seen it so."""
        self.is_joined = False
        """Whether it began in a file whose last bytes may have been counted as a line: its first one may seem to be
        the rest of that."""

    def add(self, line: int) -> None:
        """Note a line that was written."""
        self.lines.append(line)
        self.stream.add(line)


class World:
    """One log with its rotated files, in a folder."""

    def __init__(self, folder: Path, *, is_repetitive: bool = False) -> None:
        """Begin with an empty log; if `is_repetitive`, of lines that are all the same."""
        self.folder = folder
        self.is_repetitive = is_repetitive
        self.folder.mkdir(parents=True)
        self.generations: list[Generation] = []
        """The oldest first; the last is written to."""
        self.counted: set[int] = set()
        self.is_lost = False
        """Whether lines that no run could see were destroyed since the last run."""
        self.is_moved = False
        """Whether no run has seen the folder."""
        self.is_torn = False
        """Whether the beginning of a line was ever written alone."""
        self.may_be_broken: set[int] = set()
        """Lines of which a run may have counted the beginning, as nothing could be added to their file any more."""
        self.may_be_joined: set[int] = set()
        """Lines that may seem to be the rest of one that was counted: a run leaves them out, and says so."""
        self.may_be_lost = False
        """Whether something was removed of which nothing proves that it was read to its end."""
        self._was_doubtful = False
        """Whether a run that could not see everything, or was killed, may have recorded a doubt."""
        self._next = 0
        self._unlinked = 0
        self.begin()

    @property
    def live(self) -> Generation:
        """The generation that is written to."""
        return self.generations[-1]

    @property
    def log(self) -> Path:
        """The file that is written to."""
        return self.folder / LOG

    def begin(self) -> None:
        """Begin a new generation in a file of its own."""
        if self.is_repetitive:
            time.sleep(_TICK)
        self.log.touch()
        self.generations.append(Generation(self.log))

    # ---- the writer

    def append(self, lines: int, *, old: bool = False) -> None:
        """Write whole lines, also to a file that was renamed while it was open."""
        generation = self.generations[-2] if old and len(self.generations) > 1 else self.live
        if generation.is_copy or generation.path.suffix in _COMPRESS or not generation.path.exists():
            return
        with generation.path.open("ab") as file:
            self._complete(generation, file.write)
            for _ in range(lines):
                self._next += 1
                file.write(self.text(self._next))
                self._add(generation, self._next)

    def tear(self, length: int) -> None:
        """Write the beginning of a line, or more of one."""
        generation = self.live
        self.is_torn = True
        with generation.path.open("ab") as file:
            if generation.torn is None:
                self._next += 1
                generation.torn = self._next
                file.write(self.text(self._next)[: 1 + length % 20])

    def _complete(self, generation: Generation, write: Callable[[bytes], object]) -> None:
        if generation.torn is not None:
            written = generation.path.read_bytes().rpartition(b"\n")[2]
            write(self.text(generation.torn)[len(written) :])
            self._add(generation, generation.torn)
            generation.torn = None

    def _add(self, generation: Generation, number: int) -> None:
        if generation.is_joined and not generation.lines:
            self.may_be_joined.add(number)
        generation.add(number)

    def text(self, number: int) -> bytes:
        """Return a line."""
        return line(0 if self.is_repetitive else number)

    # ---- rotation

    def rename(self) -> None:
        """Rotate by renaming, as logrotate does by default."""
        self._shift()
        self.live.path = self.live.path.rename(self.folder / f"{LOG}.1")
        self.begin()

    def copytruncate(self) -> None:
        """Rotate by copying and cutting back."""
        self._shift()
        shutil.copyfile(self.log, self.folder / f"{LOG}.1")
        self._cut()

    def _cut(self) -> None:
        """Cut the log back, which was copied."""
        self.live.path = self.folder / f"{LOG}.1"
        os.truncate(self.log, 0)
        is_joined = self.live.torn in self.may_be_broken or (self.live.is_joined and not self.live.lines)
        self.begin()
        self.live.is_joined = is_joined

    def half_copytruncate(self) -> None:
        """Copy, and stop before the log is cut back."""
        self._shift()
        shutil.copyfile(self.log, self.folder / f"{LOG}.1")
        copy = Generation(self.folder / f"{LOG}.1")
        copy.lines, copy.stream = list(self.live.lines), self.live.stream
        copy.is_copy, copy.torn = True, self.live.torn
        self.generations.insert(-1, copy)

    def begin_copy(self, length: int) -> None:
        """Copy so many bytes of the log, as a copy that is still being made has them."""
        self._shift()
        copy = Generation(self.folder / f"{LOG}.1")
        copy.path.touch()
        copy.stream, copy.is_copy = self.live.stream, True
        self.generations.insert(-1, copy)
        self.copy_on(length)

    def copy_on(self, length: int | None = None) -> None:
        """Copy so many more bytes of the log, or the rest."""
        copy = self.generations[-2]
        data = self.log.read_bytes()
        begin = copy.path.stat().st_size
        end = len(data) if length is None else min(len(data), begin + length)
        with copy.path.open("ab") as file:
            file.write(data[begin:end])
        copy.lines = self.live.lines[: data[:end].count(b"\n")]
        if length is None:
            copy.torn = self.live.torn

    def cut(self) -> None:
        """Cut the log back, of which the copy is whole."""
        del self.generations[-2]
        self._cut()

    def _shift(self) -> None:
        if self.is_repetitive:
            time.sleep(_TICK)
        for generation in self.generations[:-1]:
            name = generation.path.name.removeprefix(f"{LOG}.")
            number, point, encoding = name.partition(".")
            if generation.path.exists():
                generation.path = generation.path.rename(self.folder / f"{LOG}.{int(number) + 1}{point}{encoding}")

    def compress(self, encoding: str) -> None:
        """Compress the newest rotated file that is not compressed."""
        for generation in reversed(self.generations[:-1]):
            if generation.path.exists() and generation.path.suffix not in _COMPRESS:
                data = generation.path.read_bytes()
                generation.path.unlink()
                generation.path = Path(f"{generation.path}{encoding}")
                generation.path.write_bytes(_COMPRESS[encoding](data))
                return

    def move(self) -> None:
        """Copy all files to another folder, as to another disk, and go on there.

        Nothing would tell that it is the same log if no file held all that was counted of a stream.
        """
        known = ((one, self.counted & one.stream) for one in self.generations)
        if not any(counted and counted <= set(one.lines) for one, counted in known):
            return
        # A copy that is made in the very tick in which a file was written looks as if it had been written there.
        time.sleep(_TICK)
        folder = self.folder.with_name(f"{self.folder.name}+")
        shutil.copytree(self.folder, folder)
        shutil.rmtree(self.folder)
        for generation in self.generations:
            generation.path = folder / generation.path.name
        self.folder = folder
        self.is_moved = True

    # ---- destruction

    def cut_back(self, *, reuse_inode: bool) -> None:
        """Lose the log and begin a new one, in the same inode or in another one.

        Nobody could tell if no line of it had been counted.
        """
        if self.is_moved or not self._is_known(self.live) or self._has_older_copy(self.live):
            return
        # Two copies of a log of one line, without the log, look like two logs that began with the same line.
        if len(self.live.lines) == 1 and sum(one.lines == self.live.lines for one in self.generations) > 2:
            return
        self._destroy(self.live)
        if reuse_inode:
            os.truncate(self.log, 0)
        else:
            # The old file stays somewhere else, so that its inode is not used again.
            self._unlinked += 1
            self.log.rename(self.folder.parent / f"unlinked-{self._unlinked}")
        self.generations.pop()
        self.begin()

    def delete(self, index: int) -> None:
        """Delete a rotated file, as far as somebody could tell that lines are missing.

        Nobody can if a file grew after it had been rotated and read, or if there is no older file that shows the gap.
        """
        rotated = self.generations[:-1]
        if not rotated or self.is_moved:
            return
        generation = rotated[index % len(rotated)]
        has_grown = generation.is_uncertain and not set(generation.lines) <= self.counted
        if has_grown or self._has_older_copy(generation):
            return
        older = self.generations[: self.generations.index(generation)]
        is_finished = generation.was_rotated and set(generation.lines) <= self.counted
        if is_finished or self.is_lost or any(map(self._is_known, [generation, *older])):
            self._destroy(generation)
            generation.path.unlink()
            self.generations.remove(generation)

    def _is_known(self, generation: Generation) -> bool:
        """Whether the last run saw it as the log, and counted lines of it."""
        return generation.was_live and not generation.is_copy and bool(self.counted & set(generation.lines))

    def _has_older_copy(self, generation: Generation) -> bool:
        """Whether a copy looks like the whole of it, but is not: what was written between copying and cutting back."""
        lines = set(generation.lines)
        return any(
            one is not generation and lines & self.counted <= lines & set(one.lines) < lines for one in self.generations
        )

    def _destroy(self, generation: Generation) -> None:
        elsewhere = {line for one in self.generations if one is not generation for line in one.lines}
        self.is_lost |= bool(set(generation.lines) - self.counted - elsewhere)
        self.may_be_lost |= (
            self.is_lost or generation.is_uncertain or not generation.was_rotated or generation.torn is not None
        )

    def edit(self, *, reuse_inode: bool) -> bool:
        """Take a line out of the middle of the log, if it was read; return whether that was done."""
        if self.is_repetitive or self.is_moved or not self._is_known(self.live) or len(self.live.lines) < _MIDDLE + 2:
            return False
        if not set(self.live.lines) <= self.counted or self.live.torn is not None:
            return False
        lines = self.log.read_bytes().splitlines(keepends=True)
        if len(lines) < _MIDDLE + 2:  # earlier edits took others
            return False
        del lines[_MIDDLE]
        edited = self.log if reuse_inode else self.log.with_name("edited")
        edited.write_bytes(b"".join(lines))
        edited.replace(self.log)
        return True

    # ---- what a run sees

    @property
    def may_be_doubted(self) -> bool:
        """Whether there are files of which nothing tells whether they are copies: they share no more than one line.

        And whether they were moved, or a line was torn, which may have been counted before it was ended.
        """
        begun = [tuple(one.lines[:1]) for one in self.generations if one.lines]
        return len(begun) > len(set(begun)) or self.is_torn or self.is_moved or self._was_doubtful

    @property
    def visible(self) -> set[int]:
        """The lines that a run must have counted: those that were counted before, and those that are there."""
        return self.counted.union(*(one.lines for one in self.generations))

    def note_attempt(self) -> None:
        """Note that a run may have read what is there, whatever became of it."""
        self._was_doubtful = self.may_be_doubted
        self.may_be_broken |= {one.torn for one in self.generations if one is not self.live and one.torn is not None}

    def note_partial(self, counted: set[int]) -> None:
        """Note what a run had committed when it was killed.

        Whether it noted that it had read a rotated file to its end is not known: what is added to such a file later,
        and removed with it before the next run, may leave no trace.
        """
        self.counted = counted
        for generation in self.generations[:-1]:
            generation.is_uncertain |= set(generation.lines) <= counted

    def note_run(self) -> None:
        """Note that a run was committed."""
        self.note_attempt()
        self.counted = self.visible
        self.is_lost = self.may_be_lost = self.is_moved = self._was_doubtful = False
        for generation in self.generations:
            generation.was_live = generation is self.live
            generation.was_rotated |= generation is not self.live
            generation.is_uncertain = False
