"""The rule of what is new: begin streams in the files that hold no known one and are no copies."""

from collections.abc import Sequence
from typing import Final

from eventcli.ledger.streams.candidate import Candidate, Family
from eventcli.ledger.streams.likeness import Kin
from eventcli.ledger.streams.plan import Loss, in_words
from eventcli.ledger.streams.rules.holders import is_long_enough, kin_of, leave_alone, note_copy
from eventcli.ledger.streams.stream import State, Stream
from eventcli.ledger.streams.survey import Survey
from eventcli.reading.fingerprints import WINDOW
from eventcli.reading.rotations import WRITTEN_TO

HEADER: Final = 3
"""The maximum number of identical first lines in logs whose every generation begins with the same lines."""


def begin_new(survey: Survey, family: Family) -> None:
    """Begin streams in the files that hold no known one."""
    files = [file for file in family.in_order() if file.is_wanted and file.stream is None and not file.is_copied]
    if not files:
        return
    unread = [
        stream
        for stream in survey.registry.of_name(family.base)
        if stream.state in (State.LIVE, State.ROTATED) and not stream.seen and survey.is_free(stream)
    ]
    # For an unread stream, there is only the hint.
    for file in files:
        stream = next((one for one in unread if _may_be_in(one, file)), None)
        if stream is not None:
            unread.remove(stream)
            if _is_copy_of_new(survey, file):
                if not file.is_left_alone:
                    survey.plan.retired.append((stream, State.GONE))
            else:
                _tell_edit(survey, stream, file, family)
                _begin(survey, stream, file)
    for file in files:
        if file.stream is not None or file.is_copied or _is_copy_of_new(survey, file):
            continue
        stream = _cut_back(survey, family, file)
        if stream is None and family.rank(file) < WRITTEN_TO:
            stream = _sought(survey, family, file, unread)
        if stream is None:
            stream = survey.new(family.base)
            survey.add(stream)
            _tell_edit(survey, stream, file, family)
        _begin(survey, stream, file)


def _sought(survey: Survey, family: Family, file: Candidate, unread: Sequence[Stream]) -> Stream | None:
    """Return the unread stream that is not in its place and may be in a rotated file: the oldest one that fits best."""
    sought = [
        one
        for one in unread
        if one in family.unresolved
        and survey.is_free(one)
        and one.key not in survey.hidden
        and not any(other.is_place_of(one) for other in family.files)
    ]
    return min(
        sought, key=lambda one: (not is_long_enough(file, one), one.state, one.pending != file.length), default=None
    )


def _may_be_in(stream: Stream, file: Candidate) -> bool:
    """Whether an unread stream is in this very file, or may be in any file."""
    return file.is_place_of(stream) if stream.is_placed else is_long_enough(file, stream)


def _tell_edit(survey: Survey, stream: Stream, file: Candidate, family: Family) -> None:
    """Check whether a new log begins like what was read: then it may have been edited next to a copy."""
    if file.path != family.base or file.is_repetitive(file.length):
        return
    found = file.marks
    for mark in reversed(found[HEADER:]):
        # A missing stream is reported anyway.
        if any(not survey.is_free(one) for one in survey.registry.with_mark(mark, family.base)):
            lines = found.index(mark) + 1
            message = (
                f"the log begins with {in_words(lines)} that had been counted: if it was edited, they are counted"
                " again; `eventstats forget` removes what was counted before"
            )
            survey.plan.losses.append(Loss(stream, 0, message, is_doubt=True))
            return


def _is_copy_of_new(survey: Survey, file: Candidate) -> bool:
    """Whether a file has the same content as another new one."""
    unsure: Candidate | None = None
    for earlier in survey.begun.alike(file):
        # What became a copy itself is not read.
        if earlier.stream is None or not earlier.is_copy(file):
            continue
        kin = kin_of(survey, file, earlier, None)
        if kin is Kin.SAME:
            note_copy(survey, file, earlier, is_preferred=_is_newer(file, earlier))
            return True
        if kin is Kin.HIDDEN:
            leave_alone(survey, file)
            return True
        if kin is Kin.UNSURE and unsure is None:
            unsure = earlier
    if unsure is None:
        return False
    note_copy(survey, file, unsure, is_preferred=_is_newer(file, unsure), is_doubted=True)
    return True


def _is_newer(file: Candidate, other: Candidate) -> bool:
    """Whether a file is not an older generation than another one of its family: the newest one goes on."""
    family = file.family
    return family is None or family is not other.family or family.rank(file) >= family.rank(other)


def _begin(survey: Survey, stream: Stream, file: Candidate) -> None:
    survey.begun.add(file)
    survey.claim(stream, file)
    survey.looking.close(file)


def _cut_back(survey: Survey, family: Family, file: Candidate) -> Stream | None:
    """Return a new stream for a truncated file: what is left was counted before.

    Only this much common content proves that the file was not refilled from the beginning.
    """
    for stream in survey.registry.of_name(family.base):
        if (
            stream.state is State.LIVE
            and survey.is_free(stream)
            and file.is_place_of(stream)
            and not file.is_compressed
            and WINDOW <= file.length < stream.offset
            and file.marks == stream.head
            and not file.is_repetitive(file.length)
        ):
            left = survey.new(family.base)
            left.start = left.offset = file.whole_lines(0)
            left.lines = file.count_lines(left.offset)
            survey.add(left)
            survey.lose(stream, f"{file.length} bytes are left of it")
            return left
    return None
