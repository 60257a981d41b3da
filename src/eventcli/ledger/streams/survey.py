"""What one plan sees: the files and their families, and which file holds which stream. The rules share it."""

import os
from collections.abc import Callable, Iterable, Iterator
from copy import copy

from eventcli.ledger.streams.begun import Begun
from eventcli.ledger.streams.birth import is_momentary
from eventcli.ledger.streams.candidate import Candidate, Family
from eventcli.ledger.streams.plan import Loss, Plan
from eventcli.ledger.streams.registry import Registry
from eventcli.ledger.streams.siblings import Siblings
from eventcli.ledger.streams.stored import Descriptors, real_folder
from eventcli.ledger.streams.stream import UNCOUNTED, State, Stream
from eventcli.summary.sources import SourceReport, Status
from eventcli.text import name_of


class Looking:
    """How a run looks at files."""

    def __init__(self, descriptors: Descriptors) -> None:
        """Take the copies of input that can be read only once."""
        self._descriptors = descriptors
        self.refused: dict[str, OSError] = {}
        """Files that could be looked at, but not read."""
        self.is_lean = False
        """Whether there are so many files that each step rereads their content instead of keeping it."""

    def at(self, path: str, *, is_named: bool = False, given: str = "") -> Candidate:
        """Look at a file: OSError if it is missing, or could not be read when it was needed."""
        if path in self.refused:
            raise self.refused[path]
        return Candidate(path, is_named=is_named, given=given, descriptors=self._descriptors)

    def refusal(self, stream: Stream) -> OSError | None:
        """Return why the file in which a stream was last seen could not be read when it was needed, if it is there."""
        error = self.refused.get(stream.path)
        try:
            return error if error is not None and Candidate(stream.path).is_place_of(stream) else None
        except OSError:
            return None

    def close(self, file: Candidate) -> None:
        """Close a file until it is needed again."""
        file.close(forget=self.is_lean)


class Survey:
    """The state of one plan."""

    def __init__(
        self, registry: Registry, new_key: Callable[[], str], looking: Looking, olddirs: Iterable[str] = ()
    ) -> None:
        """Take the known streams, a function that makes keys for new ones, and where rotated files may be."""
        self.registry = registry
        self.looking = looking
        self.siblings = Siblings(registry, olddirs)
        self.families: dict[str, Family] = {}
        """By the path of the live file."""
        self.files: dict[object, Candidate] = {}
        """The files whose lines may count, by their identity."""
        self.claims: dict[str, Candidate] = {}
        """The file that holds a stream, by the key of the stream."""
        self.hidden: set[str] = set()
        """The keys of streams whose file is still there, but unreadable."""
        self.begun = Begun()
        """The files in which new streams begin."""
        self.plan = Plan.empty()
        self._new_key = new_key
        self._undoing: list[Callable[[], object]] = []
        """What takes back each change of a known or new stream."""
        self._said: dict[str, SourceReport] = {}
        real_folder.cache_clear()

    def undo(self) -> None:
        """Forget the streams that were begun, and what was changed of others: the next plan must find all of it out."""
        for family in self.families.values():
            for file in family.files:
                file.close()
        while self._undoing:
            self._undoing.pop()()

    # ---- streams

    def new(self, name: str, state: State = State.LIVE) -> Stream:
        """Return a new stream of a family, which is not added yet."""
        stream = Stream(self._new_key(), name)
        stream.state = state
        return stream

    def add(self, stream: Stream) -> None:
        """Add a new stream."""
        self.registry.add(stream)
        self._undoing.append(lambda: self.registry.remove(stream))

    def keep(self, stream: Stream) -> None:
        """Keep what is known of a stream before it is changed, so that the change can be undone."""
        before = copy(stream)

        def restore() -> None:
            stream.restore(before)
            self.registry.locate(stream)

        self._undoing.append(restore)

    def claim(self, stream: Stream, file: Candidate) -> None:
        """Decide that a file holds a stream, and no other file does."""
        self.release(stream)
        self.claims[stream.key] = file
        file.hold(stream)

    def release(self, stream: Stream) -> None:
        """Take back that a file holds a stream."""
        file = self.claims.pop(stream.key, None)
        if file is not None:
            file.hold(None)

    def is_free(self, stream: Stream) -> bool:
        """Whether no file holds a stream yet."""
        return stream.key not in self.claims

    def is_hidden(self, stream: Stream) -> bool:
        """Whether the file of a stream that counts is there, but unreadable."""
        return stream.key in self.hidden and stream.state not in UNCOUNTED

    def lose(self, stream: Stream, message: str) -> None:
        """Report that the rest of a stream is lost."""
        self.plan.losses.append(Loss(stream, stream.offset, message))
        self.plan.retired.append((stream, State.LOST))

    def say_doubt(self, stream: Stream, file: Candidate, why: str) -> None:
        """Report that a file may be a copy or another log."""
        message = f"nothing proves whether {file.name} is a copy or another log: {why}, and they are counted once"
        offset = min(file.length, stream.seen or file.length)
        self.plan.losses.append(Loss(stream, offset, message, is_doubt=True))

    def say_problem(self, path: str, name: str, error: OSError) -> None:
        """Report a file that is missing or cannot be read, once, by the name to display."""
        if self._said.get(path) in self.plan.problems:
            return
        status = Status.MISSING if isinstance(error, FileNotFoundError) else Status.UNREADABLE
        self._said[path] = SourceReport(name, 0, 0, status, error.strerror or str(error))
        self.plan.problems.append(self._said[path])

    # ---- files

    def take_in(self, family: Family, file: Candidate) -> None:
        """Add a sibling to its family."""
        self.files[file.key] = file
        family.join(file)

    def paths(self, family: Family) -> Iterator[str]:
        """Yield the paths of all rotated files of a family; report a folder that cannot be listed."""
        return self.siblings.paths(family.base, lambda folder, error: self.note_blind(family, folder, error, None))

    def unnamed(self, family: Family) -> Iterator[Candidate]:
        """Yield the siblings that were not requested and can be read."""
        for path in self.paths(family):
            try:
                file = self.looking.at(path)
            except OSError as error:
                if not is_momentary(error):
                    self.note_blind(family, path, error, None)
                elif path not in self.looking.refused and not os.path.islink(path):
                    raise
                continue
            if file.key in self.files or file.is_spooled:
                continue
            try:
                if not any(file.is_as_seen(stream) for stream in self.registry.of_place(file)):
                    file.peek()
            except OSError as error:
                if is_momentary(error):
                    raise
                self.note_blind(family, path, error, file)
                continue
            finally:
                file.close()  # there may be more siblings than descriptors
            yield file

    def hide(self, stream: Stream, error: OSError) -> None:
        """Note that the file of a stream is there, but unreadable: what may be a copy of it is left alone, and why."""
        self.hidden.add(stream.key)
        self.say_problem(stream.path, stream.label, error)

    def note_blind(self, family: Family, path: str, error: OSError, file: Candidate | None) -> None:
        """Record a sibling that exists but cannot be read: it may hold a missing stream, now or in a later run."""
        if error.errno is None:
            return  # an archive, or something else that holds no log
        known = [] if file is None else self.registry.of_place(file)
        self.hidden.update(stream.key for stream in known)
        if file is not None and known and not any(_may_count(family, file, stream) for stream in known):
            return
        family.is_blind = True
        self.say_problem(path, name_of(path), error)
        if file is not None:
            self.note_unread(family, file)

    def note_unread(self, family: Family, file: Candidate) -> None:
        """Record a file of which nothing is read in this run, so that later runs look at it."""
        if file.is_spooled or self.registry.of_place(file):
            return
        stream = self.new(family.base)
        stream.path = file.path
        stream.device, stream.inode, stream.born = file.device, file.inode, file.born
        stream.pending = file.size
        self.add(stream)
        self.plan.noted.append(stream)


def _may_count(family: Family, file: Candidate, stream: Stream) -> bool:
    """Whether lines may count of a file that cannot be read, in which a stream was last seen."""
    if stream.state is not State.COPY:
        return stream.state is not State.IGNORED or stream.pending > 0
    if file.size > (stream.raw_size or stream.seen):
        return True  # it went on, or it was still being made
    # If the log was cut back, what was copied of it is all that is left.
    return any(missing.is_beginning_of(stream) for missing in family.unresolved)
