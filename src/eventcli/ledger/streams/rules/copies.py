"""The rules of content: a file that begins with what was seen of a stream holds it, or is a copy."""

from eventcli.ledger.streams.candidate import Candidate, Family
from eventcli.ledger.streams.likeness import Kin, follows
from eventcli.ledger.streams.rules.holders import (
    begun_with,
    compared,
    holder_of,
    is_still,
    kin_of,
    leave_alone,
    note_as_copy,
    note_copy,
    was_copy,
    was_empty,
)
from eventcli.ledger.streams.rules.moved import may_be_of
from eventcli.ledger.streams.stream import UNCOUNTED, State, Stream
from eventcli.ledger.streams.survey import Survey
from eventcli.reading.rotations import WRITTEN_TO


def by_content(survey: Survey, family: Family) -> None:
    """Find the streams that the files of a family hold, whatever their names and inodes are."""
    for file in family.in_order():
        if file.stream is None and not file.is_copied:
            _claim_by_content(survey, file)
            survey.looking.close(file)


def by_beginning(survey: Survey, family: Family) -> None:
    """Find the files of a family that are copies, made when a stream was shorter."""
    for file in family.in_order():
        if file.stream is None and not file.is_copied:
            if not _is_fragment_of_newer(survey, family, file):
                _tell_copy(survey, file)
            survey.looking.close(file)


def _is_fragment_of_newer(survey: Survey, family: Family, file: Candidate) -> bool:
    """Whether a rotated file holds less than a line, with which a newer generation begins: then it waits.

    It may be a copy that is still being made. Marks end with lines, so they cannot find what it is a copy of.
    """
    for newer, kin in begun_with(family, file) if file.is_fragment() else ():
        if kin is not Kin.OTHER:
            note_copy(survey, file, newer, is_doubted=kin is Kin.UNSURE)
            return True
    return False


def _claim_by_content(survey: Survey, file: Candidate) -> None:
    """Find the stream that a file holds."""
    unsure: Stream | None = None
    # A mere copy proves nothing about a file that also holds counted data, nor about one that is longer.
    candidates = compared(survey, file, survey.registry.held_by(file))
    for stream in sorted(candidates, key=lambda one: one.state is State.COPY):
        if not file.proves(stream) or (stream.state is State.COPY and file.length > stream.seen):
            continue
        if stream.state is State.COPY and unsure is not None and not is_still(file, stream):
            break  # rather what it may be a copy of
        is_free = survey.is_free(stream)
        is_repetitive = file.is_repetitive(stream.seen)
        if stream.state is State.IGNORED and file.is_named and is_free and not is_repetitive:
            survey.claim(stream, file)  # whatever else holds it: nothing of it was counted
            return
        holder = holder_of(survey, stream, file)
        is_hidden = survey.is_hidden(stream) or (is_repetitive and _may_be_in_log(stream, file))
        if holder is None and is_hidden:
            leave_alone(survey, file)
            return
        if holder is None and is_repetitive and not file.is_place_of(stream):
            kin = follows(file, stream)
            if kin is Kin.SAME or was_copy(survey, file):
                survey.claim(stream, file)
                return
            if kin is Kin.OTHER and _may_be_in_sibling(survey, stream, file):
                leave_alone(survey, file)
                return
            if kin is Kin.UNSURE and unsure is None:
                unsure = stream
        elif holder is None or (is_free and (not is_repetitive or file.is_spooled) and holder.is_copy(file)):
            survey.claim(stream, file)
            return
        elif holder.is_copy(file):
            kin = kin_of(survey, file, holder, stream)
            if kin is Kin.SAME:
                note_copy(survey, file, holder)
                return
            if kin is Kin.HIDDEN:
                leave_alone(survey, file)
                return
            if kin is Kin.UNSURE and unsure is None:
                unsure = stream
            if kin is Kin.OTHER and _is_of_older(file, holder, stream) and not was_empty(survey, file):
                survey.claim(stream, file)
                return
    if unsure is not None:
        _doubt(survey, file, unsure)


def _may_be_in_log(stream: Stream, file: Candidate) -> bool:
    """Whether the log itself, which cannot be read, may go on with a stream that was last seen as the log."""
    family = file.family
    return stream.state is State.LIVE and family is not None and family.is_log_unreadable


def _may_be_in_sibling(survey: Survey, stream: Stream, file: Candidate) -> bool:
    """Whether a sibling of a rotated file, which cannot be read, may be what the file is a copy of."""
    family = file.family
    if family is None or not family.is_blind or family.rank(file) == WRITTEN_TO:
        return False
    return stream.state not in UNCOUNTED and may_be_of(survey, family, stream)


def _is_of_older(file: Candidate, holder: Candidate, stream: Stream) -> bool:
    """Whether the holder began again, and the file has its former content."""
    family = file.family
    return (
        family is not None
        and holder.family is family
        and family.rank(file) < family.rank(holder)
        and holder.is_place_of(stream)
        and file.length > holder.length
    )


def _doubt(survey: Survey, file: Candidate, stream: Stream) -> None:
    """Read a stream in a file that may hold it, or skip a file that may be a copy; and report the doubt."""
    holder = holder_of(survey, stream, file)
    if file.family is not None and holder is not None:
        # Rather a copy of what is younger by its name, and older by its creation: it may still be made.
        made_of = (one for one, kin in begun_with(file.family, file) if kin is Kin.SAME and one.stream is not None)
        holder = next(made_of, holder)
    if holder is not None:
        if holder.stream is None:
            survey.claim(stream, file)
            survey.say_doubt(stream, file, f"{holder.name} holds the same lines")
        else:
            note_copy(survey, file, holder, is_doubted=True)
        return
    survey.claim(stream, file)
    survey.say_doubt(stream, file, "it holds the same lines as the file that was read before")


def _tell_copy(survey: Survey, file: Candidate) -> None:
    """See whether a file is a copy that was made when the stream was shorter."""
    family = file.family
    for stream in compared(survey, file, survey.registry.beginning_with(file)):
        if file.length >= stream.seen:
            continue
        holder = holder_of(survey, stream, file)
        if holder is not None and holder.original is not None and stream.state is State.COPY:
            continue  # rather compared with what that is a copy of
        if holder is not None and holder.is_copy(file):
            kin = kin_of(survey, file, holder, stream)
            if kin is Kin.HIDDEN:
                leave_alone(survey, file)
                return
            if kin is not Kin.OTHER:
                note_copy(survey, file, holder, is_doubted=kin is Kin.UNSURE)
                return
        if holder is None and survey.is_hidden(stream):
            leave_alone(survey, file)
            return
        # A rotated file does not begin again, as the log itself does.
        is_rotated = family is not None and family.rank(file) < WRITTEN_TO and may_be_of(survey, family, stream)
        if holder is None and is_rotated and file.is_beginning_of(stream):
            if file.is_repetitive(file.length) and stream.state is not State.LIVE:
                continue  # a loss is reported, and a stream that was read to its end does not shrink
            file.is_copied = True
            if file.is_repetitive(file.length):
                note_as_copy(survey, file, stream.name)  # later, when that stream is lost, nothing would show it
            survey.plan.copies.append((file.name, stream.label))
            return
