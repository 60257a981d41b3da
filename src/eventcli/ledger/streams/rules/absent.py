"""The rule of what is absent: streams of a family that are not in their place are searched for among the siblings."""

from collections.abc import Sequence

from eventcli.ledger.streams.birth import is_momentary
from eventcli.ledger.streams.candidate import Family
from eventcli.ledger.streams.content import note_content, note_place
from eventcli.ledger.streams.likeness import Kin
from eventcli.ledger.streams.rules.beside import look_beside
from eventcli.ledger.streams.rules.holders import begun_with
from eventcli.ledger.streams.rules.moved import adopt, may_be_moved
from eventcli.ledger.streams.rules.places import claim_places
from eventcli.ledger.streams.stored import is_stream
from eventcli.ledger.streams.stream import State, Stream
from eventcli.ledger.streams.survey import Survey
from eventcli.reading.rotations import WRITTEN_TO, rank


def search(survey: Survey, family: Family) -> None:
    """Search the siblings for streams of a family that are not in their place."""
    was_blind, problems = family.is_blind, len(survey.plan.problems)
    known = survey.registry.of_name(family.base) or adopt(survey, family)
    if not known:
        is_doubtful = may_be_moved(survey, family)
        _ignore_siblings(survey, family, is_doubtful=is_doubtful)
        if not is_doubtful:
            # Nothing that was there before counts, whether it is readable or not.
            family.is_blind = was_blind
            del survey.plan.problems[problems:]
        return
    _reconsider(survey, family)
    if not family.is_named or is_stream(family.base):
        return
    missed = []
    for stream in known:
        # Input from a pipe, or a file moved before anything of it was read, cannot be missed.
        if not stream.is_placed or not survey.is_free(stream):
            continue
        if stream.state in (State.LIVE, State.ROTATED):
            if not _is_settled(survey, stream, family):
                family.unresolved.append(stream)
            elif stream.state is State.LIVE and rank(family.base, stream.path) != WRITTEN_TO:
                # A run was killed that had found what was the log in a rotated file, and perhaps not looked further.
                family.is_searched = True
        elif stream.state in (State.GONE, State.LOST):
            missed.append(stream)
        elif stream.state is State.COPY:
            family.is_searched |= not _is_copy_there(survey, stream, family)
    family.is_searched |= bool(family.unresolved)
    _release_copies(survey, family)
    if family.is_searched:
        siblings = list(survey.unnamed(family))
        for file in siblings:
            file.is_wanted = True
            survey.take_in(family, file)
        claim_places(survey, siblings)
        return
    if missed:
        _look_for(survey, missed, family)
    look_beside(survey, family)


def _release_copies(survey: Survey, family: Family) -> None:
    """Let go of what seemed to be copies in their places, where a missing stream may be: one has all that is left."""
    for file in family.files if family.unresolved else ():
        copy = file.stream
        if copy is not None and copy.state is State.COPY and any(file.proves(one) for one in family.unresolved):
            survey.release(copy)
            file.is_quiet = False
            survey.looking.close(file)


def _look_for(survey: Survey, missed: Sequence[Stream], family: Family) -> None:
    """See whether a missing stream is back among the siblings."""
    for file in survey.unnamed(family):
        here = survey.registry.of_place(file)
        if any(stream in missed for stream in here):
            claim_places(survey, [file])
        elif not here:
            back = (one for one in missed if one.state is State.LOST and survey.is_free(one) and file.proves(one))
            stream = next((one for one in back if not file.is_repetitive(one.seen)), None)
            if stream is not None:
                survey.claim(stream, file)
        if file.stream is not None:
            survey.take_in(family, file)
        survey.looking.close(file)


def _reconsider(survey: Survey, family: Family) -> None:
    """See whether siblings that were ignored in doubt belong to a family that moved here: then they count."""
    doubtful = [one for one in survey.registry.of_name(family.base) if one.state is State.IGNORED and one.pending]
    if not doubtful:
        return
    is_moved = bool(adopt(survey, family))
    if not is_moved and may_be_moved(survey, family):
        return
    files = [*family.files, *survey.unnamed(family)] if is_moved else []
    for stream in doubtful:
        stream.is_renamed = True  # so that it is recorded in any case
        if is_moved:
            # Nothing of it was read, and it may be the continuation of a known stream.
            stream.state, stream.seen, stream.head, stream.tail = State.LIVE, 0, (), ""
            stream.raw_size, stream.raw_proof = 0, ""
            survey.release(stream)
            if not any(file.is_place_of(stream) for file in files):
                stream.device = stream.inode = stream.born = 0  # it moved before anything was read of it
        else:
            stream.pending = 0


def _ignore_siblings(survey: Survey, family: Family, *, is_doubtful: bool) -> None:
    """Record the siblings of a new family, so that they are not mistaken for new files later.

    Siblings that are ignored in doubt have something pending, which is how later runs recognise them.
    """
    for file in survey.unnamed(family):
        claim_places(survey, [file])
        # A copy of the log that is still being made may become all that is left of it.
        is_begun = file.is_fragment() and any(kin is Kin.SAME for _, kin in begun_with(family, file))
        is_known = file.stream is not None or any(file.proves(one) for one in survey.registry.held_by(file))
        if not is_begun and not is_known:
            stream = survey.new(family.base, State.IGNORED)
            note_place(stream, file)
            # An archive may be large, and ignoring it does not require its whole content.
            note_content(stream, file, len(file.head) if file.is_compressed else file.length)
            stream.pending = max(1, file.size) if is_doubtful else 0
            survey.add(stream)
        survey.looking.close(file)
    for stream in survey.plan.noted:
        if stream.name == family.base and not stream.seen:
            stream.state, stream.pending = State.IGNORED, max(1, stream.pending) if is_doubtful else 0


def _is_copy_there(survey: Survey, stream: Stream, family: Family) -> bool:
    """Whether what seemed to be a copy is in its place; if it went on, it is no copy, and its file joins the family."""
    try:
        file = survey.looking.at(stream.path)
    except OSError as error:
        return not is_momentary(error)
    if not file.is_place_of(stream):
        return False
    if file.size <= (stream.raw_size or stream.seen) or file.key in survey.files:
        return True
    if any(one.state is not State.COPY and one.seen for one in survey.registry.of_place(file)):
        return True
    try:
        file.peek()
    except OSError as error:
        if is_momentary(error):
            raise
        survey.note_blind(family, file.path, error, file)
        return True
    file.is_wanted = True
    survey.take_in(family, file)
    survey.looking.close(file)
    return True


def _is_settled(survey: Survey, stream: Stream, family: Family) -> bool:
    """Whether a rotated stream is in its place with nothing added; otherwise its file joins the family."""
    try:
        file = survey.looking.at(stream.path)
    except OSError:
        return False
    if not file.is_place_of(stream):
        return False
    is_whole = file.size == (stream.raw_size or stream.end) and stream.state is State.ROTATED
    if is_whole and not (stream.pending and survey.siblings.is_superseded(file, family)):
        survey.plan.settled.append(stream)
        return True
    try:
        file.peek()
    except OSError as error:
        if is_momentary(error):
            raise
        survey.note_blind(family, file.path, error, file)
        return True  # it is in its place
    if survey.files.setdefault(file.key, file) is file:
        file.is_wanted = True
        family.join(file)
        claim_places(survey, [file])
    survey.looking.close(file)
    return not survey.is_free(stream)
