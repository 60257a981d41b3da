"""The rule of losses: what was not read to its end and is not found, and generations that are missing."""

import os
from collections.abc import Sequence

from eventcli.ledger.streams.candidate import Candidate, Family
from eventcli.ledger.streams.plan import Loss, in_words
from eventcli.ledger.streams.rules.fresh import HEADER
from eventcli.ledger.streams.rules.holders import is_long_enough
from eventcli.ledger.streams.stored import is_stream
from eventcli.ledger.streams.stream import State, Stream
from eventcli.ledger.streams.survey import Survey
from eventcli.reading import deep
from eventcli.reading.fingerprints import WINDOW
from eventcli.reading.rotations import number


def tell_losses(survey: Survey, family: Family) -> None:
    """Report the streams of a family that are certainly not there, and a missing generation."""
    _retire_unread(survey, family)
    if family.is_blind or not family.is_named or not _is_certain(family):
        return
    retired = [stream for stream, _ in survey.plan.retired] if family.unresolved else []
    for stream in family.unresolved:
        file = survey.claims.get(stream.key)
        if stream in retired:
            continue
        if file is None:
            is_there = not stream.seen and any(_may_hold_unread(one, stream) for one in family.files)
            if is_there or (stream.is_new and not stream.seen and family.is_missing):
                # Another file holds the same, or the loss is reported.
                survey.plan.retired.append((stream, State.GONE))
            elif stream.state is State.LIVE or stream.pending:
                survey.plan.losses.append(_loss(stream, family))
                survey.plan.retired.append((stream, State.LOST))
            else:
                survey.plan.retired.append((stream, State.GONE))
        elif stream.state is State.LIVE and family.is_missing:
            # It is being rotated right now.
            survey.plan.problems[:] = [one for one in survey.plan.problems if one.name not in family.given]
    if family.is_searched:
        _forget_copies(survey, family)
    _tell_gap(survey, family)


def _retire_unread(survey: Survey, family: Family) -> None:
    """Retire streams of which nothing was read, and which a file may hold that is known in this run.

    What cannot be read now does not matter: it is noted on its own, and later runs would find that file as it is known.
    """
    retired = [stream for stream, _ in survey.plan.retired] if family.unresolved else []
    for stream in family.unresolved:
        if stream.seen or stream in retired or stream.key in survey.hidden or not survey.is_free(stream):
            continue
        is_in_place = any(file.is_place_of(stream) for file in family.files)
        if not is_in_place and any(_may_hold_unread(file, stream) for file in family.files):
            survey.plan.retired.append((stream, State.GONE))


def _forget_copies(survey: Survey, family: Family) -> None:
    """Look no longer for copies that are not found."""
    for stream in survey.registry.of_name(family.base):
        is_missed = stream.state is State.COPY and stream.is_placed and survey.is_free(stream)
        if is_missed and stream.key not in survey.hidden and not any(file.is_place_of(stream) for file in family.files):
            survey.plan.missed.append(stream)


def _may_hold_unread(file: Candidate, stream: Stream) -> bool:
    """Whether a file is that of a stream of which nothing was read, or one of this run that is as long, or longer."""
    if file.is_place_of(stream):
        return True
    if file.path == stream.name or not is_long_enough(file, stream):
        return False
    held = file.stream
    # What was found elsewhere, or not at all, while that file could not be read, is now found in it.
    is_found = held is not None and (
        not held.seen or held.state in (State.LIVE, State.COPY) or not file.is_place_of(held)
    )
    return file.is_copied or is_found


def _loss(stream: Stream, family: Family) -> Loss:
    """Describe the loss of a stream that is not found: the log was edited, or it is another log."""
    log = next((file for file in family.files if file.path == family.base), None)
    shared = 0
    if log is not None and not log.is_spooled and stream.path == log.real:
        known = set(stream.head)
        shared = max((int(mark.partition(":")[0]) for mark in log.marks if mark in known), default=0)
        lines = log.head[:shared].count(b"\n") + (log.head[shared : shared + 1] == b"\n")
    if not shared or log is None:
        message = (
            "it is gone, and it is not among its siblings;"
            " if rotated files go to another directory, name it with --olddir"
        )
        return Loss(stream, stream.offset, message)
    again = _counted_again(stream.head, log.marks, lines)
    most = stream.lines if log.is_compressed else min(stream.lines, log.count_lines(log.size))
    number = f"up to {in_words(most)}" if again is None or stream.seen > WINDOW else in_words(again)
    message = (
        f"the log was edited, and {number} that had been counted are counted again (`eventstats forget` takes back"
        f" what was counted before); or it was started again with the same {in_words(lines)}, and what followed byte"
        f" {stream.offset} may be lost"
    )
    return Loss(stream, stream.offset, message, is_doubt=True)


def _is_certain(family: Family) -> bool:
    """Whether a missing stream is really absent: false if the folder, or the named file, cannot be examined."""
    if not family.is_missing:
        return any(file.path == family.base for file in family.files) or is_stream(family.base)
    try:
        device = deep.stat(os.path.dirname(family.base)).st_dev
    except OSError:
        return False
    return all(device == stream.device for stream in family.unresolved)


def _tell_gap(survey: Survey, family: Family) -> None:
    """Report a missing generation that must have existed between the newest known one and the log."""
    if not family.files[1:]:
        return
    known = [
        (place, stream)
        for stream in survey.registry.of_name(family.base)
        if stream.seen and not stream.is_new and stream.state in (State.LIVE, State.ROTATED)
        for file in family.files
        if (holder := survey.claims.get(stream.key)) and holder in (file, file.original)
        if _is_rotated(stream, holder)
        if number(family.base, holder.path) is not None
        if (place := number(family.base, file.path)) is not None
    ]
    if not known:
        return
    newest, stream = min(known, key=lambda one: one[0])
    before = number(family.base, stream.path) if stream.state is State.ROTATED else 0
    rotations_since = newest - (before or 0)
    if before and rotations_since == 1 and _is_going_on(family):
        return
    there = {number(family.base, path) for path in survey.paths(family)}
    for missing in range(1, rotations_since + bool(before)):
        if missing not in there:
            message = f"generation {missing} is not there, but {newest} is"
            survey.plan.losses.append(Loss(stream, stream.offset, message))
            return


def _is_going_on(family: Family) -> bool:
    """Whether the log goes on where it was read: generations were shifted, and it may not have been copied yet.

    What its generations may have in common does not prove that.
    """
    for file in family.files:
        stream = file.stream
        if file.path == family.base and stream is not None and not stream.is_new and file.is_place_of(stream):
            return stream.state is State.LIVE and stream.lines > HEADER and not file.is_repetitive(stream.seen)
    return False


def _is_rotated(stream: Stream, holder: Candidate) -> bool:
    """Whether the file of a stream is what became of the one in which it was seen: a copy of that tells nothing."""
    if stream.state is State.LIVE or not stream.is_placed or holder.is_place_of(stream):
        return True
    # A file is compressed once; after that, it is another one only where all files were copied to another folder.
    is_moved = os.path.dirname(holder.real) != os.path.dirname(stream.path)
    return holder.is_compressed and (not stream.raw_size or is_moved)


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
