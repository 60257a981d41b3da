"""Which other file holds a stream, how two files with the same content relate, and which of the two is read."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from eventcli.ledger.streams.begun import MOST_ALIKE
from eventcli.ledger.streams.birth import is_momentary
from eventcli.ledger.streams.candidate import Candidate, Family
from eventcli.ledger.streams.content import note_content, note_place
from eventcli.ledger.streams.likeness import Kin, Pair, is_younger, of_birth
from eventcli.ledger.streams.rules.moved import was_copied
from eventcli.ledger.streams.stream import State, Stream
from eventcli.ledger.streams.survey import Survey
from eventcli.reading.rotations import WRITTEN_TO, rank


def compared(survey: Survey, file: Candidate, streams: Sequence[Stream]) -> Iterable[Stream]:
    """Return the streams to compare a file with; if very many are alike, only those of its family."""
    if len(streams) <= MOST_ALIKE:
        return streams
    family = file.family
    own = [stream for stream in streams if family is not None and stream.name == family.base]
    return [*own, *(stream for stream in streams if survey.is_free(stream))][:MOST_ALIKE]


def kin_of(survey: Survey, file: Candidate, holder: Candidate, stream: Stream | None) -> Kin:
    """Return how a file relates to another one with the same content, which may hold a known stream."""
    family, other = file.family, holder.family
    base = None
    if family is not None:
        is_one = family is other or (other is None and stream is not None and stream.name == family.base)
        base = family.base if is_one else None
        is_older = is_one and family.rank(file) < family.rank(holder)
        # A copy has an older name than what it was made of.
        if is_older and file.is_repetitive(min(file.length, holder.length)):
            # A copy that is still being made was empty, too, when it began: then it is younger than the log.
            if was_empty(survey, file) and of_birth(file, holder) is not Kin.SAME:
                return Kin.OTHER
            missed = (one for one in family.unresolved if one is not stream and survey.is_free(one))
            if any(_is_empty(one) or file.proves(one) for one in missed):
                return Kin.UNSURE  # this may be what became of it
    is_in_order = base is not None and family is not None and _is_in_order(survey, family, file, holder)
    kin = Pair(file, holder, base, stream, is_in_order).kin()
    if kin is not Kin.OTHER:
        return kin
    if was_copy(survey, file):
        return Kin.UNSURE
    is_hidden = is_in_order and family is not None and family.is_blind and file.path != family.base
    return Kin.HIDDEN if is_hidden and file.is_repetitive(min(file.length, holder.length)) else kin


def begun_with(family: Family, file: Candidate) -> Iterator[tuple[Candidate, Kin]]:
    """Yield the newer generations that begin with all of a file, and how it relates to each by creation times."""
    for newer in family.in_order():
        if family.rank(newer) > family.rank(file) and newer.length >= file.length and newer.is_copy(file):
            yield newer, of_birth(file, newer)


def was_copy(survey: Survey, file: Candidate) -> bool:
    """Whether this file was taken for a copy before, when more could be seen; it may be compressed since."""
    family = file.family
    known = survey.registry.of_place(file) if family is None else survey.registry.of_name(family.base)
    return any(one.state is State.COPY and is_still(file, one) and file.proves(one) for one in known)


def is_still(file: Candidate, stream: Stream) -> bool:
    """Whether a file is the copy that was seen, or has its name but for that of an encoding."""
    family = file.family
    is_named_so = family is not None and rank(family.base, stream.path) == family.rank(file)
    return file.is_place_of(stream) or (is_named_so and file.is_compressed)


def was_empty(survey: Survey, file: Candidate) -> bool:
    """Whether this very file was seen before, as a log or a generation of its own, and was empty: no copy is."""
    return any(_is_empty(one) for one in survey.registry.of_place(file))


def _is_empty(stream: Stream) -> bool:
    """Whether a stream was seen as a log or a generation of its own, and was empty."""
    return stream.state in (State.LIVE, State.ROTATED) and not stream.seen and not stream.pending


def _is_in_order(survey: Survey, family: Family, file: Candidate, other: Candidate) -> bool:
    """Whether every generation, from the older of the two up to the log, was begun after its predecessor."""
    oldest = min(family.rank(file), family.rank(other))
    order = {family.rank(one): one for one in (*family.in_order(), file, other) if family.rank(one) >= oldest}
    # A compressed file never tells when its content was begun, so a copy of it looks like any other one.
    if any(one.is_compressed for one in order.values()) and was_copied(survey, family):
        return False
    ranks = sorted(order)
    return ranks[-1] == WRITTEN_TO and all(
        is_younger(order[later], order[earlier]) for earlier, later in pairwise(ranks)
    )


def is_long_enough(file: Candidate, stream: Stream) -> bool:
    """Whether a file may hold an unread stream: nothing gets shorter while it rotates."""
    return stream.pending <= max(file.length, file.size)  # what is compressed was noted with its size


def holder_of(survey: Survey, stream: Stream, file: Candidate) -> Candidate | None:
    """Return the other file that holds a stream."""
    return survey.claims.get(stream.key) or _own_file(survey, stream, file)


def _own_file(survey: Survey, stream: Stream, file: Candidate) -> Candidate | None:
    """Return the file in which a stream was last seen, if it still holds the stream and is not `file`."""
    if file.is_place_of(stream) or not stream.is_placed:
        return None
    try:
        own = survey.looking.at(stream.path)
    except OSError:
        refusal = survey.looking.refusal(stream)
        if refusal is not None:
            survey.hide(stream, refusal)
        return None
    if not own.is_place_of(stream) or own.key == file.key:
        return None
    own = survey.files.get(own.key, own)
    try:
        holds = own.proves(stream)
    except OSError as error:
        if is_momentary(error):
            raise
        survey.hide(stream, error)
        return None
    finally:
        own.close()
    return own if holds else None


def note_copy(
    survey: Survey, file: Candidate, holder: Candidate, *, is_preferred: bool = False, is_doubted: bool = False
) -> None:
    """Read a stream from the longer of the two files that hold it; from `file` if it is as long and preferred."""
    held = holder.stream
    family = file.family
    # The log itself goes on.
    is_preferred |= family is not None and file.path == family.base and holder.family is family
    if held is not None and file.is_wanted and file.length > holder.length - is_preferred:
        survey.claim(held, file)
        holder.is_quiet = False
        survey.begun.replace(holder, file)
        file, holder = holder, file
    file.note_copy_of(holder)
    if is_doubted and held is not None:
        survey.say_doubt(held, file, f"{holder.name} holds the same lines")
        note_as_copy(survey, file, held.name)
    elif file.is_named and file.family is not holder.family:
        survey.plan.copies.append((file.name, holder.name))
    elif file.family is not None and not file.is_named and not file.is_compressed:
        note_as_copy(survey, file, file.family.base)  # should it go on, it is looked at again


def leave_alone(survey: Survey, file: Candidate) -> None:
    """Read nothing of a file that may be a copy until what tells can be read."""
    file.is_copied = True
    if file.family is not None and file.path != file.family.base:
        survey.note_unread(file.family, file)


def note_as_copy(survey: Survey, file: Candidate, name: str) -> None:
    """Record a possible copy, so that it is neither counted nor reported again."""
    if file.is_spooled:
        return
    stream = next((one for one in survey.registry.of_place(file) if one.state is State.COPY), None)
    if stream is None:
        stream = survey.new(name, State.COPY)
        note_place(stream, file)
        note_content(stream, file, file.length)
        survey.add(stream)
    else:
        survey.keep(stream)
        note_place(stream, file)
        note_content(stream, file, file.length)
        survey.registry.locate(stream)
    survey.plan.noted.append(stream)
