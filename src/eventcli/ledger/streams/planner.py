"""Finds out which file holds which stream, and so what is to be read, from where on, and what is lost."""

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
"""How often files that are renamed or removed while they are looked at are looked at anew, and after how long."""

_MOST_HELD: Final = 5000
"""Of more files than that, what was read of them is not kept from one step to the next, but read again."""

_MOST_ALIKE: Final = 256
"""So many files or streams that begin alike are compared with one file."""

_EARLY: Final = 4
"""Files that share so many first lines are compared one by one."""

_HEADER: Final = 3
"""Logs of which every generation begins with the same lines have so many of them at most."""


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
        self.is_blind = False
        """Whether there is something that cannot be read, and may be what is sought."""
        self.unresolved: list[Stream] = []

    def rank(self, file: File) -> tuple[int, int | str]:
        """Return the order in which the files were written."""
        return WRITTEN_TO if file.path == self.base else rank(self.base, file.path)

    def in_order(self) -> list[File]:
        """Return the files, the oldest generation first."""
        return sorted(self.files, key=self.rank) if self.files[1:] else self.files


class Reading(NamedTuple):
    """A stream, and the file in which it goes on."""

    stream: Stream
    file: File
    state: State
    is_quiet: bool
    """Whether nothing was written to the file since it was last read."""


class Loss(NamedTuple):
    """A discontinuity: after `offset` of the stream something may be lost, or not be counted."""

    stream: Stream
    offset: int
    message: str
    is_doubt: bool = False
    """Whether it is only not known what is to be counted, and nothing is missing."""


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
    noted: list[Stream]
    """Streams of which nothing is to be read, but something is to be remembered."""


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
        """Take the streams that are known, and what makes keys of new ones.

        Rotated files are also looked for in the `olddirs`.
        """
        self._registry = registry
        self._new_key = new_key
        self._spools = Spools() if spools is None else spools
        self._olddirs = [os.path.abspath(one) for one in olddirs]
        self._refused: dict[str, OSError] = {}
        """Files that could be looked at, but not be read."""
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._claims: dict[int, File] = {}  # by id of the stream
        self._held: dict[int, Stream] = {}  # by id of the file
        self._copies: dict[int, File | None] = {}  # what holds the same, by id of the file
        self._quiet: set[int] = set()
        self._hidden: set[int] = set()
        """Streams whose file is where it was, and cannot be read."""
        self._families: dict[str, Family] = {}
        self._family_of: dict[int, Family] = {}  # by id of the file
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
        """Say what is to be read of these files. The streams are changed only where new ones begin."""
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
        """Look at a file: OSError where it is not there, or could not be read when it was needed."""
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

    # ---- what there is

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
        """Whether a file is known, and nothing was written to it: it need not be opened. If so, it is claimed."""
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

    def _claim_places(self, files: Sequence[File]) -> None:
        """Find the streams in the very files in which they were, and compressed files by all of their bytes."""
        for find in (self._claim_by_place, self._claim_by_raw):
            for file in files:
                if id(file) not in self._held:
                    find(file)
                    self._close(file)

    def _claim_by_place(self, file: File) -> None:
        # What was lost, or only a copy, is not there as long as something else is.
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
        """Look among the siblings for the streams of a family that are not where they were."""
        was_blind, problems = family.is_blind, len(self._plan.problems)
        known = self._registry.of_name(family.base) or self._adopt(family)
        if not known:
            is_doubtful = self._may_be_moved(family)
            self._ignore_siblings(family, is_doubtful=is_doubtful)
            if not is_doubtful:
                # Nothing of what was there before counts, whether it can be read or not.
                family.is_blind = was_blind
                del self._plan.problems[problems:]
            return
        self._reconsider(family)
        if not family.is_named or is_stream(family.base):
            return
        missed = []
        for stream in known:
            # What came from a pipe, or was moved before anything was read of it, cannot be missed.
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
        """See whether a stream that was not found is back among the siblings."""
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
        """Return the streams of a family that was moved here: that are found here, and whose own log is gone."""
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
        """Whether what cannot be read may show that a family was moved here: one of its name is not where it was."""
        if not family.is_blind:
            return False
        base = os.path.basename(family.base)
        names = {one.name for one in self._registry if one.state is not State.COPY} - self._families.keys()
        return any(os.path.basename(name) == base and not os.path.exists(name) for name in names)

    def _reconsider(self, family: Family) -> None:
        """See whether siblings that were ignored in doubt are those of a family that moved here: then they count."""
        doubtful = [one for one in self._registry.of_name(family.base) if one.state is State.IGNORED and one.pending]
        if not doubtful:
            return
        is_moved = bool(self._adopt(family))
        if not is_moved and self._may_be_moved(family):
            return
        for stream in doubtful:
            stream.is_renamed = True  # so that it is written down, whatever comes of it
            if is_moved:
                # Nothing was read of it, and it may be what a known stream goes on in.
                stream.state, stream.seen, stream.head, stream.tail = State.LIVE, 0, (), ""
            else:
                stream.pending = 0

    def _unnamed(self, family: Family) -> Iterator[File]:
        """Yield the siblings that were not asked for, and can be read."""
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
        """Note a sibling that is there, and cannot be read: it may be what is sought, now or in a later run."""
        if error.errno is None:
            return  # an archive, or whatever else holds no log
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
        """Yield the paths of all rotated files of a family, also beside the file that a link at its base leads to.

        They are in the folder of the log, in those that were named for them, and where earlier ones were found.
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
        """Return the names of the rotated files in a folder, by the name of the file that is written to."""
        if folder not in self._folders:
            try:
                self._folders[folder] = by_base(os.listdir(folder))
            except OSError as error:
                if not isinstance(error, FileNotFoundError | NotADirectoryError) and family is not None:
                    self._note_blind(family, folder, error, None)
                return {}
        return self._folders[folder]

    def _ignore_siblings(self, family: Family, *, is_doubtful: bool) -> None:
        """Know the siblings of a family that is new, so that they are not taken for new ones later.

        Those that are ignored in doubt have something pending, by which later runs know them.
        """
        for file in self._unnamed(family):
            self._claim_places([file])
            if id(file) not in self._held and not any(file.proves(one) for one in self._registry.held_by(file)):
                stream = self._new(family.base, State.IGNORED)
                note_place(stream, file)
                # An archive may be large; that nothing of it counts does not depend on all of it.
                note_content(stream, file, len(file.head) if file.is_compressed else file.length)
                stream.pending = max(1, file.size) if is_doubtful else 0
                self._add(stream)
            self._close(file)
        for stream in self._plan.noted:
            if stream.name == family.base and not stream.seen:
                stream.state, stream.pending = State.IGNORED, max(1, stream.pending) if is_doubtful else 0

    def _is_settled(self, stream: Stream, family: Family) -> bool:
        """Whether a rotated stream is where it was, and nothing was added; if something was, the file is taken in."""
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
            return True  # it is there
        if self._all.setdefault(file.key, file) is file:
            file.is_wanted = True
            self._join(family, file)
            self._claim_places([file])
        self._close(file)
        return not self._is_free(stream)

    def _look_beside(self, family: Family) -> None:
        """See whether the log was copied and began anew with what it began with before: that is no change of the log.

        A sibling that nobody knows, and that holds all that was read, tells it, or tells that nothing can be told.
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
        """Whether the log that a file was until now is in a sibling, and the file only begins with the same lines."""
        if not sibling.proves(stream):
            return False
        if file.is_repetitive(stream.seen) and sibling.is_copy(file):
            return sibling.length > file.length
        # Every generation of some logs begins with the same line.
        if not stream.seen < WINDOW or file.is_compressed or file.length == stream.seen:
            return False
        longer = next(one for one in self._registry.held_by(sibling) if sibling.proves(one))
        return longer is stream and not sibling.is_copy(file)

    def _claim_by_content(self, file: File) -> None:
        """Find the stream that a file holds."""
        unsure: Stream | None = None
        # What was only a copy says nothing of a file that holds what was counted, too, and of none that is longer.
        candidates = self._candidates(file, self._registry.held_by(file))
        for stream in sorted(candidates, key=lambda one: one.state is State.COPY):
            if not file.proves(stream) or (stream.state is State.COPY and file.length > stream.seen):
                continue
            is_free = self._is_free(stream)
            is_repetitive = file.is_repetitive(stream.seen)
            if stream.state is State.IGNORED and file.is_named and is_free and not is_repetitive:
                self._claim(stream, file)  # whatever holds it, too: nothing of it was counted
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
        """Whether the holder began anew, and the file is what it held before."""
        family = self._family_of.get(id(file))
        return (
            family is not None
            and self._family_of.get(id(holder)) is family
            and family.rank(file) < family.rank(holder)
            and holder.is_place_of(stream)
            and file.length > holder.length
        )

    def _doubt(self, file: File, stream: Stream) -> None:
        """Read a stream in a file that may hold it, or leave a file that may be a copy; and say that it is not sure."""
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
        """Return the streams to compare a file with; of very many that are alike, those of its family."""
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
        """Whether every generation from the older one of two on was begun after the one before it, up to the log."""
        assert family is not None
        oldest = min(family.rank(file), family.rank(other))
        order = {family.rank(one): one for one in (*family.in_order(), file, other) if family.rank(one) >= oldest}
        ranks = sorted(order)
        return ranks[-1] == WRITTEN_TO and all(
            is_younger(order[later], order[earlier]) for earlier, later in pairwise(ranks)
        )

    def _tell_copy(self, file: File) -> None:
        """See whether a file is a copy that was made when less of the stream was there."""
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
            # A rotated file does not begin anew, as the log itself does.
            is_rotated = family is not None and stream.name == family.base and family.rank(file) < WRITTEN_TO
            if holder is None and is_rotated and file.is_beginning_of(stream):
                if file.is_repetitive(file.length) and stream.state is not State.LIVE:
                    continue  # what is lost is said, and what was read to its end does not become less
                self._copies[id(file)] = None
                self._plan.copies.append((file.name, stream.label))
                return

    def _holder(self, stream: Stream, file: File) -> File | None:
        """Return the other file that holds a stream."""
        return self._claims.get(id(stream)) or self._own_file(stream, file)

    def _own_file(self, stream: Stream, file: File) -> File | None:
        """Return the file in which a stream was last seen, if it holds it still and is not `file`."""
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
        """Read a stream from the longer one of two files that hold it; from `file` if it is as long and preferred."""
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
        """Know a file that may be a copy, so that it is neither counted later nor spoken of again."""
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
        """Begin streams in the files that hold none that is known."""
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
        # Of a stream of which nothing was read there is no more than the hint.
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
                # The oldest one that is sought is the first one that is found; what was rotated may be gone by now.
                sought = [one for one in unread if one in family.unresolved and self._is_free(one)]
                stream = min(sought, key=lambda one: (one.state, one.pending != file.length), default=None)
            if stream is None:
                stream = self._new(family.base)
                self._add(stream)
                self._tell_edit(stream, file, family)
            self._begin(stream, file)

    def _tell_edit(self, stream: Stream, file: File, family: Family) -> None:
        """Say of a log that is new whether it begins like what was read: then it may have been edited beside a copy."""
        if file.path != family.base or file.is_repetitive(file.length):
            return
        found = file.marks
        for mark in reversed(found[_HEADER:]):
            # Of what is not found, that is said anyway.
            if any(not self._is_free(one) for one in self._registry.with_mark(mark, family.base)):
                lines = found.index(mark) + 1
                message = (
                    f"the log begins with {_lines(lines)} that had been counted: if it was edited, they are counted"
                    " again; `eventstats forget` takes back what was counted before"
                )
                self._plan.losses.append(Loss(stream, 0, message, is_doubt=True))
                return

    def _is_copy_of_new(self, file: File) -> bool:
        """Whether a file holds what another one holds that is new, too."""
        unsure: File | None = None
        for earlier in self._alike_new(file):
            if not earlier.is_copy(file):
                continue
            kin = self._kin(file, earlier, None)
            if kin is Kin.SAME:
                self._note_copy(file, earlier, is_preferred=True)  # it is the newer one
                return True
            if kin is Kin.UNSURE and unsure is None:
                unsure = earlier
        if unsure is None:
            return False
        self._note_copy(file, unsure, is_preferred=True, is_doubted=True)
        return True

    def _alike_new(self, file: File) -> list[File]:
        """Return new files that may hold the same: of content that repeats, only those whose names are related."""
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
        # The last line of these may be torn.
        ones += [self._new_by_early.get(mark, ()) for mark in found[:_EARLY][-2:]]
        for one in chain.from_iterable(islice(files, _MOST_ALIKE) for files in ones):
            alike[id(one)] = one
        return list(alike.values())

    def _is_begun(self, file: File) -> bool:
        """Whether a stream that is new, or of which nothing was read, begins in a file."""
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
        """Return a new stream for a file that lost its end: what is left was counted before.

        Only so much content in common says that it was not filled again from the beginning.
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
                is_there = not stream.seen and any(one.is_place_of(stream) for one in family.files)
                if is_there or (stream.is_new and not stream.seen and family.is_missing):
                    # It holds what another file holds; or that it is missing is said.
                    self._plan.retired.append((stream, State.GONE))
                elif stream.state is State.LIVE or stream.pending:
                    self._plan.losses.append(self._loss(stream, family))
                    self._plan.retired.append((stream, State.LOST))
                else:
                    self._plan.retired.append((stream, State.GONE))
            elif stream.state is State.LIVE and family.is_missing:
                # It is just being rotated.
                self._plan.problems[:] = [one for one in self._plan.problems if one.name not in self._given(family)]
        self._tell_gap(family)

    def _loss(self, stream: Stream, family: Family) -> Loss:
        """Say what is known of a stream that is not found: whether the log was edited, or is another one."""
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
        """Whether what is not found is not there: not where the folder, or the named file, cannot be looked at."""
        if not family.is_missing:
            return any(file.path == family.base for file in family.files) or is_stream(family.base)
        try:
            device = os.stat(os.path.dirname(family.base)).st_dev
        except OSError:
            return False
        return all(device == stream.device for stream in family.unresolved)

    def _tell_gap(self, family: Family) -> None:
        """Say that a generation is not there that must have been between the newest one that is known and the log."""
        if not family.files[1:]:
            return
        known = [
            (place, stream)
            for stream in self._registry.of_name(family.base)
            if stream.seen and not stream.is_new and stream.state in (State.LIVE, State.ROTATED)
            for file in family.files
            if (holder := self._claims.get(id(stream))) and holder in (file, self._copies.get(id(file)))
            # A copy of another generation tells nothing of what was rotated since.
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
        """Whether a newer generation was written to: the file that is written to, or the log of a later day."""
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
    """Yield the paths of which this one may be that of a copy: `app.log` and `app` for `app.log.bak`."""
    folder, name = os.path.split(path)
    for end in range(len(name) - 1, 0, -1):
        if name[end] in ".-_~ ":
            yield os.path.join(folder, name[:end])


def _lines(number: int) -> str:
    return "1 line" if number == 1 else f"{number} lines"


def _counted_again(before: Sequence[str], now: Sequence[str], shared: int) -> int | None:
    """Return how many of the first lines of a log were there before lines were taken out of it, as far as lengths tell.

    The first `shared` lines are the same, as marks tell; what comes after the edit has at least the same lengths.
    """
    old, new = (_lengths(marks) for marks in (before, now))
    for kept in range(len(old) - shared, 0, -1):
        if new[shared : shared + kept] == old[-kept:]:
            return shared + kept
    return None


def _lengths(marks: Sequence[str]) -> list[int]:
    ends = [int(mark.partition(":")[0]) for mark in marks]
    return [end - before for before, end in zip([-1, *ends], ends, strict=False)]
