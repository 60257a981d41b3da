"""Finds out which file holds which stream, and so what to read, from where, and what is lost."""

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain, islice, pairwise
from typing import Final, NamedTuple

from eventcli.ledger.streams.birth import is_momentary, look
from eventcli.ledger.streams.content import (
    File,
    Spools,
    is_stream,
    lasting,
    note_content,
    note_place,
    path_of,
    real_folder,
    real_path,
)
from eventcli.ledger.streams.likeness import Kin, Pair, follows, is_rewritten, is_untouched, is_younger
from eventcli.ledger.streams.registry import Registry
from eventcli.ledger.streams.stream import UNCOUNTED, State, Stream
from eventcli.reading.fingerprints import WINDOW
from eventcli.reading.rotations import WRITTEN_TO, by_base, is_date, number, rank, rotations
from eventcli.summary.sources import SourceReport, Status
from eventcli.text import name_of

_TRIES: Final = 20

_PAUSE: Final = 0.02
"""How many times files that are renamed or removed during a look are looked at again, and the delay."""

_MOST_HELD: Final = 5000
"""With more files than this, each step rereads their content instead of keeping it."""

_MOST_ALIKE: Final = 256
"""At most this many files or streams that begin alike are compared with one file."""

_EARLY: Final = 4
"""Files that share this many first lines are compared one by one."""

_HEADER: Final = 3
"""The maximum number of identical first lines in logs whose every generation begins with the same lines."""


class Family:
    """The files and streams that have had one name in succession."""

    def __init__(self, base: str) -> None:
        """Take the path of the live file."""
        self.base = base
        self.files: list[File] = []
        self.is_named = False
        """Whether the base itself was requested."""
        self.is_missing = False
        """Whether it was requested and is missing."""
        self.is_blind = False
        """Whether there is an unreadable file that may hold a missing stream."""
        self.unresolved: list[Stream] = []

    def rank(self, file: File) -> tuple[int, int | str]:
        """Return the order in which the files were written, as a sort key."""
        return WRITTEN_TO if file.path == self.base else rank(self.base, file.path)

    def in_order(self) -> list[File]:
        """Return the files, oldest generation first."""
        return sorted(self.files, key=self.rank) if self.files[1:] else self.files


class Reading(NamedTuple):
    """A stream, and the file in which it continues."""

    stream: Stream
    file: File
    state: State
    is_quiet: bool
    """Whether the file has not been modified since it was last read."""


class Loss(NamedTuple):
    """A discontinuity: after `offset`, part of the stream may be lost or left uncounted."""

    stream: Stream
    offset: int
    message: str
    is_doubt: bool = False
    """Whether the doubt is only about what should count, with nothing missing."""


class Plan(NamedTuple):
    """What to read, in order, and what to report."""

    readings: list[Reading]
    losses: list[Loss]
    problems: list[SourceReport]
    copies: list[tuple[str, str]]
    """Files with the same content as others: the names of both."""
    retired: list[tuple[Stream, State]]
    """Streams that are no longer found."""
    settled: list[Stream]
    """Rotated streams that are still in their place, with nothing new."""
    noted: list[Stream]
    """Streams that need no reading, but have something to record."""


class Planner:
    """Finds out which file holds which stream."""

    def __init__(
        self,
        registry: Registry,
        new_key: Callable[[], str],
        *,
        spools: Spools | None = None,
        olddirs: Iterable[str] = (),
    ) -> None:
        """Take the known streams, and a function that makes keys for new ones.

        Rotated files are also searched for in the `olddirs`.
        """
        self._registry = registry
        self._new_key = new_key
        self._spools = Spools() if spools is None else spools
        self._olddirs = [os.path.abspath(one) for one in olddirs]
        self._refused: dict[str, OSError] = {}
        """Files that could be looked at, but not read."""
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._claims: dict[int, File] = {}  # by stream id
        self._held: dict[int, Stream] = {}  # by file id
        self._copies: dict[int, File | None] = {}  # the file with the same content, by file id
        self._quiet: set[int] = set()
        self._hidden: set[int] = set()
        """Streams whose file is still there, but unreadable."""
        self._families: dict[str, Family] = {}
        self._family_of: dict[int, Family] = {}  # by file id
        self._names: dict[str, str] = {}
        self._plan = Plan([], [], [], [], [], [], [])
        self._all: dict[object, File] = {}
        self._new_by_last: dict[str, list[File]] = {}
        self._new_by_early: dict[str, list[File]] = {}
        self._new_by_path: dict[str, File] = {}
        self._folders: dict[str, dict[str, list[str]]] = {}
        self._added: list[Stream] = []
        self._is_lean = False
        real_folder.cache_clear()

    def plan(self, paths: Iterable[str]) -> Plan:
        """Decide what to read of these files. Streams change only where new ones begin."""
        paths = list(paths)
        tries = 0
        while True:
            try:
                return self._plan_once(paths)
            except OSError as error:
                path = path_of(error)
                if path is None:
                    raise
                self.undo()
                tries += 1
                if is_momentary(error) and tries < _TRIES:
                    time.sleep(_PAUSE)
                else:
                    self._refused[path] = error

    def undo(self) -> None:
        """Forget the streams that were begun."""
        for family in self._families.values():
            for file in family.files:
                file.close()
        for stream in self._added:
            self._registry.remove(stream)
        self._begin_anew()

    def _plan_once(self, paths: Sequence[str]) -> Plan:
        self._is_lean = len(paths) > _MOST_HELD
        self._look_at(paths)
        families = list(self._families.values())
        self._claim_places([file for family in families for file in family.files])
        for family in families:
            self._search(family)
        for find in (self._claim_by_content, self._tell_copy):
            for family in families:
                for file in family.in_order():
                    if id(file) not in self._held and id(file) not in self._copies:
                        find(file)
                        self._close(file)
        for family in families:
            self._begin_new(family)
        for family in families:
            self._tell_losses(family)
            for file in family.in_order():
                stream = self._held.get(id(file))
                if stream is None or stream.state is State.COPY:
                    continue
                if file.is_named or stream.state is not State.IGNORED:
                    state = State.LIVE if file.path == family.base else State.ROTATED
                    self._plan.readings.append(Reading(stream, file, state, id(file) in self._quiet))
        return self._plan

    def _close(self, file: File) -> None:
        file.close(forget=self._is_lean)

    def _file(self, path: str, *, is_named: bool = False, given: str = "") -> File:
        """Look at a file: OSError if it is missing, or could not be read when it was needed."""
        if path in self._refused:
            raise self._refused[path]
        return File(path, is_named=is_named, given=given, spools=self._spools)

    def _add(self, stream: Stream) -> None:
        self._registry.add(stream)
        self._added.append(stream)

    def _new(self, name: str, state: State = State.LIVE) -> Stream:
        stream = Stream(self._new_key(), name)
        stream.state = state
        return stream

    # ---- which files exist

    def _look_at(self, paths: Iterable[str]) -> None:
        self._names = {path: lasting(path) for path in paths}
        named = set(self._names.values())
        for path, full in self._names.items():
            base = full if is_stream(path) else self._base(full, named)
            family = self._families.setdefault(base, Family(base))
            family.is_named |= base == full
            file = None
            try:
                file = self._file(full, is_named=True, given=path)
                if self._all.setdefault(file.key, file) is not file:
                    continue
                if not self._is_quiet(file):
                    file.peek()
            except OSError as error:
                if file is not None and is_momentary(error):
                    raise  # it was there a moment ago
                is_missing = isinstance(error, FileNotFoundError)
                family.is_missing |= is_missing and base == full
                family.is_blind |= not is_missing
                status = Status.MISSING if is_missing else Status.UNREADABLE
                self._plan.problems.append(SourceReport(name_of(path), 0, 0, status, error.strerror or str(error)))
                continue
            self._join(family, file)
            self._close(file)

    def _join(self, family: Family, file: File) -> None:
        family.files.append(file)
        self._family_of.setdefault(id(file), family)

    def _is_quiet(self, file: File) -> bool:
        """Whether a file is known and unmodified, so that it need not be opened. If so, it is claimed."""
        if file.is_spooled:
            return False
        for stream in self._registry.of_place(file):
            is_whole = not stream.raw_size or stream.raw_length
            if is_whole and stream.state is not State.IGNORED and self._is_free(stream) and file.is_as_seen(stream):
                self._claim(stream, file)
                self._quiet.add(id(file))
                return True
        return False

    def _base(self, path: str, named: Collection[str]) -> str:
        """Return the path of the live log that `path` may be a rotation of."""
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

    def _claim_places(self, files: Sequence[File]) -> None:
        """Find streams in the very files they were in, and compressed files by all of their bytes."""
        for find in (self._claim_by_place, self._claim_by_raw):
            for file in files:
                if id(file) not in self._held:
                    find(file)
                    self._close(file)

    def _claim_by_place(self, file: File) -> None:
        # A stream that was lost, or was only a copy, is not found while another candidate remains.
        order = {State.LIVE: 0, State.ROTATED: 0, State.IGNORED: 1, State.GONE: 1, State.LOST: 2, State.COPY: 3}
        for stream in sorted(self._registry.of_place(file), key=lambda one: (order[one.state], -one.seen)):
            if not self._is_free(stream) or (
                stream.state is State.COPY and file.size > (stream.raw_size or stream.seen)
            ):
                continue
            if (file.is_compressed and stream in self._registry.of_raw(file)) or file.proves(stream):
                self._claim(stream, file)
                return

    def _claim_by_raw(self, file: File) -> None:
        for stream in self._registry.of_raw(file):
            # All empty archives of one kind have the same bytes.
            if stream.seen and self._is_free(stream):
                self._claim(stream, file)
                return

    def _search(self, family: Family) -> None:
        """Search the siblings for streams of a family that are not in their place."""
        was_blind, problems = family.is_blind, len(self._plan.problems)
        known = self._registry.of_name(family.base) or self._adopt(family)
        if not known:
            is_doubtful = self._may_be_moved(family)
            self._ignore_siblings(family, is_doubtful=is_doubtful)
            if not is_doubtful:
                # Nothing that was there before counts, whether it is readable or not.
                family.is_blind = was_blind
                del self._plan.problems[problems:]
            return
        self._reconsider(family)
        if not family.is_named or is_stream(family.base):
            return
        missed = []
        for stream in known:
            # Input from a pipe, or a file moved before anything of it was read, cannot be missed.
            if not stream.is_placed or not self._is_free(stream):
                continue
            if stream.state in (State.LIVE, State.ROTATED):
                if not self._is_settled(stream, family):
                    family.unresolved.append(stream)
            elif stream.state in (State.GONE, State.LOST):
                missed.append(stream)
        if family.unresolved:
            siblings = list(self._unnamed(family))
            for file in siblings:
                file.is_wanted = True
                self._take_in(family, file)
            self._claim_places(siblings)
            return
        if missed:
            self._look_for(missed, family)
        self._look_beside(family)

    def _take_in(self, family: Family, file: File) -> None:
        self._all[file.key] = file
        self._join(family, file)

    def _look_for(self, missed: Sequence[Stream], family: Family) -> None:
        """See whether a missing stream is back among the siblings."""
        for file in self._unnamed(family):
            here = self._registry.of_place(file)
            if any(stream in missed for stream in here):
                self._claim_places([file])
            elif not here:
                back = (one for one in missed if one.state is State.LOST and self._is_free(one) and file.proves(one))
                stream = next((one for one in back if not file.is_repetitive(one.seen)), None)
                if stream is not None:
                    self._claim(stream, file)
            if id(file) in self._held:
                self._take_in(family, file)
            self._close(file)

    def _adopt(self, family: Family) -> Sequence[Stream]:
        """Return the streams of a family that was moved here: they are found here, and their own log is gone."""
        for file in (*family.files, *self._unnamed(family)):
            for stream in islice(self._registry.held_by(file), _MOST_ALIKE):
                name = stream.name
                if name == family.base or name in self._families or not self._is_free(stream) or os.path.exists(name):
                    continue
                if not file.proves(stream):
                    continue
                is_told = file.is_place_of(stream) or not file.is_repetitive(stream.seen)
                if is_told or os.path.basename(name) == os.path.basename(family.base):
                    self._close(file)
                    self._registry.rename(name, family.base)
                    return self._registry.of_name(family.base)
            self._close(file)
        return ()

    def _may_be_moved(self, family: Family) -> bool:
        """Whether an unreadable file may show that a family was moved here: one with its name is not in its place."""
        if not family.is_blind:
            return False
        return any(self._may_be_of(family, one) for one in self._registry if one.name != family.base)

    def _may_be_of(self, family: Family, stream: Stream) -> bool:
        """Whether a stream is one of a family, or may be, as what cannot be read may show that it was moved here."""
        if stream.name == family.base or not family.is_blind or stream.state is State.COPY:
            return stream.name == family.base
        is_asked_for = stream.name in self._families
        is_alike = os.path.basename(stream.name) == os.path.basename(family.base)
        return is_alike and not is_asked_for and not os.path.exists(stream.name)

    def _reconsider(self, family: Family) -> None:
        """See whether siblings that were ignored in doubt belong to a family that moved here: then they count."""
        doubtful = [one for one in self._registry.of_name(family.base) if one.state is State.IGNORED and one.pending]
        if not doubtful:
            return
        is_moved = bool(self._adopt(family))
        if not is_moved and self._may_be_moved(family):
            return
        for stream in doubtful:
            stream.is_renamed = True  # so that it is recorded in any case
            if is_moved:
                # Nothing of it was read, and it may be the continuation of a known stream.
                stream.state, stream.seen, stream.head, stream.tail = State.LIVE, 0, (), ""
                if not os.path.exists(stream.path):
                    stream.device = stream.inode = stream.born = 0  # it moved before anything was read of it
            else:
                stream.pending = 0

    def _unnamed(self, family: Family) -> Iterator[File]:
        """Yield the siblings that were not requested and can be read."""
        for path in self._siblings(family):
            try:
                file = self._file(path)
            except OSError as error:
                if not is_momentary(error):
                    self._note_blind(family, path, error, None)
                elif path not in self._refused and not os.path.islink(path):
                    raise
                continue
            if file.key in self._all or file.is_spooled:
                continue
            try:
                if not any(file.is_as_seen(stream) for stream in self._registry.of_place(file)):
                    file.peek()
            except OSError as error:
                if is_momentary(error):
                    raise
                self._note_blind(family, path, error, file)
                continue
            yield file

    def _note_blind(self, family: Family, path: str, error: OSError, file: File | None) -> None:
        """Record a sibling that exists but cannot be read: it may hold a missing stream, now or in a later run."""
        if error.errno is None:
            return  # an archive, or something else that holds no log
        known = [] if file is None else self._registry.of_place(file)
        if any(stream.state in UNCOUNTED and not stream.pending for stream in known):
            return
        family.is_blind = True
        report = SourceReport(name_of(path), 0, 0, Status.UNREADABLE, error.strerror or str(error))
        if report not in self._plan.problems:
            self._plan.problems.append(report)
        if file is not None and not known:
            stream = self._new(family.base)
            stream.path = file.path
            stream.device, stream.inode, stream.born = file.device, file.inode, file.born
            stream.pending = file.size
            self._add(stream)
            self._plan.noted.append(stream)

    def _siblings(self, family: Family) -> Iterator[str]:
        """Yield the paths of all rotated files of a family, including those next to the target of a link at its base.

        They are in the folder of the log, in the given folders for rotated files, and where earlier ones were found.
        """
        if is_stream(family.base):
            return
        places = [os.path.split(base) for base in (family.base, real_path(family.base))]
        name = os.path.basename(family.base)
        places += [(folder, name) for folder in self._olddirs]
        places += [(os.path.dirname(stream.path), name) for stream in self._registry.of_name(family.base)]
        for folder, base in dict.fromkeys(places):
            for found in self._rotated(folder, family).get(base, ()):
                yield os.path.join(folder, found)

    def _rotated(self, folder: str, family: Family | None = None) -> dict[str, list[str]]:
        """Return the names of the rotated files in a folder, by the name of their live file."""
        if folder not in self._folders:
            try:
                self._folders[folder] = by_base(os.listdir(folder))
            except OSError as error:
                if not isinstance(error, FileNotFoundError | NotADirectoryError) and family is not None:
                    self._note_blind(family, folder, error, None)
                return {}
        return self._folders[folder]

    def _ignore_siblings(self, family: Family, *, is_doubtful: bool) -> None:
        """Record the siblings of a new family, so that they are not mistaken for new files later.

        Siblings that are ignored in doubt have something pending, which is how later runs recognise them.
        """
        for file in self._unnamed(family):
            self._claim_places([file])
            if id(file) not in self._held and not any(file.proves(one) for one in self._registry.held_by(file)):
                stream = self._new(family.base, State.IGNORED)
                note_place(stream, file)
                # An archive may be large, and ignoring it does not require its whole content.
                note_content(stream, file, len(file.head) if file.is_compressed else file.length)
                stream.pending = max(1, file.size) if is_doubtful else 0
                self._add(stream)
            self._close(file)
        for stream in self._plan.noted:
            if stream.name == family.base and not stream.seen:
                stream.state, stream.pending = State.IGNORED, max(1, stream.pending) if is_doubtful else 0

    def _is_settled(self, stream: Stream, family: Family) -> bool:
        """Whether a rotated stream is in its place with nothing added; otherwise its file joins the family."""
        try:
            file = self._file(stream.path)
        except OSError:
            return False
        if not file.is_place_of(stream):
            return False
        is_whole = file.size == (stream.raw_size or stream.end) and stream.state is State.ROTATED
        if is_whole and not (stream.pending and self.is_superseded(file, family)):
            self._plan.settled.append(stream)
            return True
        try:
            file.peek()
        except OSError as error:
            if is_momentary(error):
                raise
            self._note_blind(family, file.path, error, file)
            return True  # it is in its place
        if self._all.setdefault(file.key, file) is file:
            file.is_wanted = True
            self._join(family, file)
            self._claim_places([file])
        self._close(file)
        return not self._is_free(stream)

    def _look_beside(self, family: Family) -> None:
        """See whether the log was copied and began again with the same lines, so that its content shows no change.

        An unknown sibling that holds everything that was read proves it, or shows that nothing can be proved.
        """
        for file in list(family.files):
            stream = self._held.get(id(file))
            if stream is None or stream.state in UNCOUNTED or not stream.seen or file.is_spooled:
                continue
            if id(file) in self._quiet or file.path != family.base or is_untouched(stream, file):
                continue
            is_repetitive = file.is_repetitive(stream.seen)
            siblings = []
            if is_repetitive or stream.seen < WINDOW:
                siblings = [one for one in self._unnamed(family) if not self._registry.of_place(one)]
            for sibling in siblings:
                if self._is_log_of(stream, file, sibling):
                    self._claim(stream, sibling)
                    self._take_in(family, sibling)
                    self._close(file)
                    return
                if is_repetitive and sibling.proves(stream) and sibling.is_copy(file):
                    self._take_in(family, sibling)
                    self._note_copy(sibling, file, is_doubted=True)
                self._close(sibling)
            if is_repetitive and not siblings and is_rewritten(stream, file):
                message = (
                    f"{file.name} was written to, and holds what it held: if it began anew with the same lines,"
                    " they are not counted"
                )
                self._plan.losses.append(Loss(stream, stream.offset, message, is_doubt=True))
            self._close(file)

    def _is_log_of(self, stream: Stream, file: File, sibling: File) -> bool:
        """Whether a sibling holds the former log of this file, and the file merely begins with the same lines."""
        if not sibling.proves(stream):
            return False
        if file.is_repetitive(stream.seen) and sibling.is_copy(file):
            return sibling.length > file.length
        # In some logs, every generation begins with the same line.
        if not stream.seen < WINDOW or file.is_compressed or file.length == stream.seen:
            return False
        longer = next(one for one in self._registry.held_by(sibling) if sibling.proves(one))
        return longer is stream and not sibling.is_copy(file)

    def _claim_by_content(self, file: File) -> None:
        """Find the stream that a file holds."""
        unsure: Stream | None = None
        # A mere copy proves nothing about a file that also holds counted data, nor about one that is longer.
        candidates = self._candidates(file, self._registry.held_by(file))
        for stream in sorted(candidates, key=lambda one: one.state is State.COPY):
            if not file.proves(stream) or (stream.state is State.COPY and file.length > stream.seen):
                continue
            is_free = self._is_free(stream)
            is_repetitive = file.is_repetitive(stream.seen)
            if stream.state is State.IGNORED and file.is_named and is_free and not is_repetitive:
                self._claim(stream, file)  # whatever else holds it: nothing of it was counted
                return
            holder = self._holder(stream, file)
            if holder is None and id(stream) in self._hidden:
                self._copies[id(file)] = None  # perhaps: it is left alone until the other one can be read
                return
            if holder is None and is_repetitive and not file.is_place_of(stream):
                kin = follows(file, stream)
                if kin is Kin.SAME:
                    self._claim(stream, file)
                    return
                if kin is Kin.UNSURE and unsure is None:
                    unsure = stream
            elif holder is None or (is_free and (not is_repetitive or file.is_spooled) and holder.is_copy(file)):
                self._claim(stream, file)
                return
            elif holder.is_copy(file):
                kin = self._kin(file, holder, stream)
                if kin is Kin.SAME:
                    self._note_copy(file, holder)
                    return
                if kin is Kin.UNSURE and unsure is None:
                    unsure = stream
                if kin is Kin.OTHER and self._is_of_older(file, holder, stream):
                    self._claim(stream, file)
                    return
        if unsure is not None:
            self._doubt(file, unsure)

    def _is_of_older(self, file: File, holder: File, stream: Stream) -> bool:
        """Whether the holder began again, and the file has its former content."""
        family = self._family_of.get(id(file))
        return (
            family is not None
            and self._family_of.get(id(holder)) is family
            and family.rank(file) < family.rank(holder)
            and holder.is_place_of(stream)
            and file.length > holder.length
        )

    def _doubt(self, file: File, stream: Stream) -> None:
        """Read a stream in a file that may hold it, or skip a file that may be a copy; and report the doubt."""
        holder = self._holder(stream, file)
        if holder is not None:
            if id(holder) not in self._held:
                self._claim(stream, file)
                self._say_doubt(stream, file, f"{holder.name} holds the same lines")
            else:
                self._note_copy(file, holder, is_doubted=True)
            return
        self._claim(stream, file)
        self._say_doubt(stream, file, "it holds the same lines as the file that was read before")

    def _say_doubt(self, stream: Stream, file: File, why: str) -> None:
        message = f"nothing proves whether {file.name} is a copy or another log: {why}, and they are counted once"
        offset = min(file.length, stream.seen or file.length)
        self._plan.losses.append(Loss(stream, offset, message, is_doubt=True))

    def _candidates(self, file: File, streams: Sequence[Stream]) -> Iterable[Stream]:
        """Return the streams to compare a file with; if very many are alike, only those of its family."""
        if len(streams) <= _MOST_ALIKE:
            return streams
        family = self._family_of.get(id(file))
        own = [stream for stream in streams if family is not None and stream.name == family.base]
        return [*own, *(stream for stream in streams if self._is_free(stream))][:_MOST_ALIKE]

    def _kin(self, file: File, holder: File, stream: Stream | None) -> Kin:
        family, other = self._family_of.get(id(file)), self._family_of.get(id(holder))
        base = None
        if family is not None:
            is_one = family is other or (other is None and stream is not None and stream.name == family.base)
            base = family.base if is_one else None
        return Pair(file, holder, base, stream, base is not None and self._is_in_order(family, file, holder)).kin()

    def _is_in_order(self, family: Family | None, file: File, other: File) -> bool:
        """Whether every generation, from the older of the two up to the log, was begun after its predecessor."""
        assert family is not None
        oldest = min(family.rank(file), family.rank(other))
        order = {family.rank(one): one for one in (*family.in_order(), file, other) if family.rank(one) >= oldest}
        ranks = sorted(order)
        return ranks[-1] == WRITTEN_TO and all(
            is_younger(order[later], order[earlier]) for earlier, later in pairwise(ranks)
        )

    def _tell_copy(self, file: File) -> None:
        """See whether a file is a copy that was made when the stream was shorter."""
        family = self._family_of.get(id(file))
        for stream in self._candidates(file, self._registry.beginning_with(file)):
            if file.length >= stream.seen:
                continue
            holder = self._holder(stream, file)
            if holder is not None and holder.is_copy(file):
                kin = self._kin(file, holder, stream)
                if kin is not Kin.OTHER:
                    self._note_copy(file, holder, is_doubted=kin is Kin.UNSURE)
                    return
            if holder is None and id(stream) in self._hidden:
                self._copies[id(file)] = None
                return
            # A rotated file does not begin again, as the log itself does.
            is_rotated = family is not None and family.rank(file) < WRITTEN_TO and self._may_be_of(family, stream)
            if holder is None and is_rotated and file.is_beginning_of(stream):
                if file.is_repetitive(file.length) and stream.state is not State.LIVE:
                    continue  # a loss is reported, and a stream that was read to its end does not shrink
                self._copies[id(file)] = None
                self._plan.copies.append((file.name, stream.label))
                return

    def _holder(self, stream: Stream, file: File) -> File | None:
        """Return the other file that holds a stream."""
        return self._claims.get(id(stream)) or self._own_file(stream, file)

    def _own_file(self, stream: Stream, file: File) -> File | None:
        """Return the file in which a stream was last seen, if it still holds the stream and is not `file`."""
        if file.is_place_of(stream) or not stream.is_placed:
            return None
        try:
            own = self._file(stream.path)
        except OSError:
            return None
        if not own.is_place_of(stream) or own.key == file.key:
            return None
        own = self._all.get(own.key, own)
        try:
            holds = own.proves(stream)
        except OSError as error:
            if is_momentary(error):
                raise
            self._hidden.add(id(stream))
            return None
        finally:
            own.close()
        return own if holds else None

    def _note_copy(self, file: File, holder: File, *, is_preferred: bool = False, is_doubted: bool = False) -> None:
        """Read a stream from the longer of the two files that hold it; from `file` if it is as long and preferred."""
        held = self._held.get(id(holder))
        family = self._family_of.get(id(file))
        # The log itself goes on.
        is_preferred |= family is not None and file.path == family.base and self._family_of.get(id(holder)) is family
        if held is not None and file.is_wanted and file.length > holder.length - is_preferred:
            self._claim(held, file)
            self._quiet.discard(id(holder))
            for index in (self._new_by_last, self._new_by_early):
                for mark in holder.marks:
                    others = index.get(mark, [])
                    others[:] = [file if other is holder else other for other in others]
            file, holder = holder, file
        self._copies[id(file)] = holder
        if is_doubted and held is not None:
            self._say_doubt(held, file, f"{holder.name} holds the same lines")
            self._note_as_copy(file, held.name)
        elif file.is_named and self._family_of.get(id(file)) is not self._family_of.get(id(holder)):
            self._plan.copies.append((file.name, holder.name))

    def _note_as_copy(self, file: File, name: str) -> None:
        """Record a possible copy, so that it is neither counted nor reported again."""
        if file.is_spooled:
            return
        stream = next((one for one in self._registry.of_place(file) if one.state is State.COPY), None)
        if stream is None:
            stream = self._new(name, State.COPY)
            note_place(stream, file)
            note_content(stream, file, file.length)
            self._add(stream)
        else:
            note_place(stream, file)
            note_content(stream, file, file.length)
            self._registry.locate(stream)
        self._plan.noted.append(stream)

    # ---- what is new, and what is lost

    def _begin_new(self, family: Family) -> None:
        """Begin streams in the files that hold no known one."""
        files = [
            file
            for file in family.in_order()
            if file.is_wanted and id(file) not in self._held and id(file) not in self._copies
        ]
        if not files:
            return
        unread = [
            stream
            for stream in self._registry.of_name(family.base)
            if stream.state in (State.LIVE, State.ROTATED) and not stream.seen and self._is_free(stream)
        ]
        # For an unread stream, there is only the hint.
        for file in files:
            stream = next((one for one in unread if not one.is_placed or file.is_place_of(one)), None)
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
            if stream is None and family.rank(file) < WRITTEN_TO:
                # The oldest stream sought is the first one found; rotated files may be gone already.
                sought = [one for one in unread if one in family.unresolved and self._is_free(one)]
                stream = min(sought, key=lambda one: (one.state, one.pending != file.length), default=None)
            if stream is None:
                stream = self._new(family.base)
                self._add(stream)
                self._tell_edit(stream, file, family)
            self._begin(stream, file)

    def _tell_edit(self, stream: Stream, file: File, family: Family) -> None:
        """Check whether a new log begins like what was read: then it may have been edited next to a copy."""
        if file.path != family.base or file.is_repetitive(file.length):
            return
        found = file.marks
        for mark in reversed(found[_HEADER:]):
            # A missing stream is reported anyway.
            if any(not self._is_free(one) for one in self._registry.with_mark(mark, family.base)):
                lines = found.index(mark) + 1
                message = (
                    f"the log begins with {_lines(lines)} that had been counted: if it was edited, they are counted"
                    " again; `eventstats forget` takes back what was counted before"
                )
                self._plan.losses.append(Loss(stream, 0, message, is_doubt=True))
                return

    def _is_copy_of_new(self, file: File) -> bool:
        """Whether a file has the same content as another new one."""
        unsure: File | None = None
        for earlier in self._alike_new(file):
            # What became a copy itself is not read.
            if id(earlier) not in self._held or not earlier.is_copy(file):
                continue
            kin = self._kin(file, earlier, None)
            if kin is Kin.SAME:
                self._note_copy(file, earlier, is_preferred=self._is_newer(file, earlier))
                return True
            if kin is Kin.UNSURE and unsure is None:
                unsure = earlier
        if unsure is None:
            return False
        self._note_copy(file, unsure, is_preferred=self._is_newer(file, unsure), is_doubted=True)
        return True

    def _is_newer(self, file: File, other: File) -> bool:
        """Whether a file is not an older generation than another one of its family: the newest one goes on."""
        family = self._family_of.get(id(file))
        return family is None or family is not self._family_of.get(id(other)) or family.rank(file) >= family.rank(other)

    def _alike_new(self, file: File) -> list[File]:
        """Return new files that may have the same content; if it is repetitive, only those with related names."""
        found = file.marks
        if not found:
            return []
        alike: dict[int, File] = {}
        if file.is_repetitive(file.length):
            family = self._family_of.get(id(file))
            files = [] if family is None else family.files
            own = [one for one in files if one is not file and self._is_begun(one)]
            others = [one for path in _stems(file.path) if (one := self._new_by_path.get(path)) is not None]
            alike = {id(one): one for one in (*own, *others)}
            if file.is_one_line():
                return list(alike.values())
        ones = [self._new_by_last.get(mark, ()) for mark in found]
        # Their last line may be torn.
        ones += [self._new_by_early.get(mark, ()) for mark in found[:_EARLY][-2:]]
        for one in chain.from_iterable(islice(files, _MOST_ALIKE) for files in ones):
            alike[id(one)] = one
        return list(alike.values())

    def _is_begun(self, file: File) -> bool:
        """Whether a new or unread stream begins in a file."""
        stream = self._held.get(id(file))
        return stream is not None and not stream.seen

    def _begin(self, stream: Stream, file: File) -> None:
        found = file.marks
        if found:
            self._new_by_last.setdefault(found[-1], []).append(file)
            for mark in found[:_EARLY]:
                self._new_by_early.setdefault(mark, []).append(file)
            if file.is_repetitive(file.length):
                for path in (file.path, *_stems(file.path)):
                    self._new_by_path.setdefault(path, file)
        self._claim(stream, file)
        self._close(file)

    def _cut_back(self, family: Family, file: File) -> Stream | None:
        """Return a new stream for a truncated file: what is left was counted before.

        Only this much common content proves that the file was not refilled from the beginning.
        """
        for stream in self._registry.of_name(family.base):
            if (
                stream.state is State.LIVE
                and self._is_free(stream)
                and file.is_place_of(stream)
                and not file.is_compressed
                and WINDOW <= file.length < stream.offset
                and file.marks == stream.head
                and not file.is_repetitive(file.length)
            ):
                left = self._new(family.base)
                left.start = left.offset = file.whole_lines(0)
                left.lines = file.count_lines(left.offset)
                self._add(left)
                self._lose(stream, f"{file.length} bytes are left of it")
                return left
        return None

    def _tell_losses(self, family: Family) -> None:
        if family.is_blind or not family.is_named or not self._is_certain(family):
            return
        retired = [stream for stream, _ in self._plan.retired] if family.unresolved else []
        for stream in family.unresolved:
            file = self._claims.get(id(stream))
            if stream in retired:
                continue
            if file is None:
                is_there = not stream.seen and any(self._may_hold_unread(one, stream) for one in family.files)
                if is_there or (stream.is_new and not stream.seen and family.is_missing):
                    # Another file holds the same, or the loss is reported.
                    self._plan.retired.append((stream, State.GONE))
                elif stream.state is State.LIVE or stream.pending:
                    self._plan.losses.append(self._loss(stream, family))
                    self._plan.retired.append((stream, State.LOST))
                else:
                    self._plan.retired.append((stream, State.GONE))
            elif stream.state is State.LIVE and family.is_missing:
                # It is being rotated right now.
                self._plan.problems[:] = [one for one in self._plan.problems if one.name not in self._given(family)]
        self._tell_gap(family)

    def _may_hold_unread(self, file: File, stream: Stream) -> bool:
        """Whether a file is that of a stream of which nothing was read, or one of this run that is as long as that."""
        if file.is_place_of(stream):
            return True
        if file.path == stream.name or file.length != stream.pending:
            return False
        held = self._held.get(id(file))
        return id(file) in self._copies or (held is not None and not held.seen)

    def _loss(self, stream: Stream, family: Family) -> Loss:
        """Describe the loss of a stream that is not found: the log was edited, or it is another log."""
        log = next((file for file in family.files if file.path == family.base), None)
        shared = 0
        if log is not None and not log.is_spooled and stream.path == log.real:
            known = set(stream.head)
            shared = max((int(mark.partition(":")[0]) for mark in log.marks if mark in known), default=0)
            lines = log.head[:shared].count(b"\n") + (log.head[shared : shared + 1] == b"\n")
        if not shared or log is None:
            message = (
                "it is neither there any more, nor among its siblings;"
                " if rotated files go to another folder, name it with --olddir"
            )
            return Loss(stream, stream.offset, message)
        again = _counted_again(stream.head, log.marks, lines)
        most = stream.lines if log.is_compressed else min(stream.lines, log.count_lines(log.size))
        number = f"up to {_lines(most)}" if again is None or stream.seen > WINDOW else _lines(again)
        message = (
            f"the log was edited, and {number} that had been counted are counted again (`eventstats forget` takes back"
            f" what was counted before); or it began anew with the same {_lines(lines)}, and what followed byte"
            f" {stream.offset} may be lost"
        )
        return Loss(stream, stream.offset, message, is_doubt=True)

    def _given(self, family: Family) -> list[str]:
        return [name_of(path) for path, full in self._names.items() if full == family.base]

    def _is_certain(self, family: Family) -> bool:
        """Whether a missing stream is really absent: false if the folder, or the named file, cannot be examined."""
        if not family.is_missing:
            return any(file.path == family.base for file in family.files) or is_stream(family.base)
        try:
            device = os.stat(os.path.dirname(family.base)).st_dev
        except OSError:
            return False
        return all(device == stream.device for stream in family.unresolved)

    def _tell_gap(self, family: Family) -> None:
        """Report a missing generation that must have existed between the newest known one and the log."""
        if not family.files[1:]:
            return
        known = [
            (place, stream)
            for stream in self._registry.of_name(family.base)
            if stream.seen and not stream.is_new and stream.state in (State.LIVE, State.ROTATED)
            for file in family.files
            if (holder := self._claims.get(id(stream))) and holder in (file, self._copies.get(id(file)))
            # A copy of another generation tells nothing about later rotations.
            if stream.state is State.LIVE or holder.is_compressed or not stream.is_placed or holder.is_place_of(stream)
            if number(family.base, holder.path) is not None
            if (place := number(family.base, file.path)) is not None
        ]
        if not known:
            return
        newest, stream = min(known, key=lambda one: one[0])
        before = number(family.base, stream.path) if stream.state is State.ROTATED else 0
        rotations_since = newest - (before or 0)
        there = {number(family.base, file.path) for file in family.files}
        for missing in range(1, rotations_since + bool(before)):
            if missing not in there:
                message = f"generation {missing} is not there, but {newest} is"
                self._plan.losses.append(Loss(stream, stream.offset, message))
                return

    def _lose(self, stream: Stream, message: str) -> None:
        self._plan.losses.append(Loss(stream, stream.offset, message))
        self._plan.retired.append((stream, State.LOST))

    # ---- what can still grow

    def is_ended(self, file: File) -> bool:
        """Whether nothing will be written to a file any more: it was a pipe, is compressed, or has a successor."""
        family = self._family_of.get(id(file))
        return file.is_ended or (family is not None and self.is_superseded(file, family))

    def is_superseded(self, file: File, family: Family) -> bool:
        """Whether a newer generation has been written to: the live file, or the log of a later day."""
        if is_stream(family.base):
            return False
        if file.path != family.base:
            mine = family.rank(file)
            if _is_written(family.base):
                return True
            return any(rank(family.base, path) > mine and _is_written(path) for path in self._siblings(family))
        folder, name = os.path.split(file.path)
        for rotation in rotations(name):
            if is_date(rotation.generation):
                for other in reversed(self._rotated(folder).get(rotation.base, ())):
                    path = os.path.join(folder, other)
                    later = rank(os.path.join(folder, rotation.base), path)
                    if is_date(later) and later > rotation.generation and _is_written(path):
                        return True
        return False


def _is_written(path: str) -> bool:
    try:
        return look(path).size > 0
    except OSError:
        return False


def _stems(path: str) -> Iterator[str]:
    """Yield the paths that this one may be a copy of: `app.log` and `app` for `app.log.bak`."""
    folder, name = os.path.split(path)
    for end in range(len(name) - 1, 0, -1):
        if name[end] in ".-_~ ":
            yield os.path.join(folder, name[:end])


def _lines(number: int) -> str:
    return "1 line" if number == 1 else f"{number} lines"


def _counted_again(before: Sequence[str], now: Sequence[str], shared: int) -> int | None:
    """Return how many first lines of a log existed before an edit removed lines, judging by line lengths.

    The marks prove that the first `shared` lines are the same; the lines after the edit have at least the same lengths.
    """
    old, new = (_lengths(marks) for marks in (before, now))
    for kept in range(len(old) - shared, 0, -1):
        if new[shared : shared + kept] == old[-kept:]:
            return shared + kept
    return None


def _lengths(marks: Sequence[str]) -> list[int]:
    ends = [int(mark.partition(":")[0]) for mark in marks]
    return [end - before for before, end in zip([-1, *ends], ends, strict=False)]
