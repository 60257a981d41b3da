"""The rule of the log that began again with the same lines: a copy beside it shows that."""

from eventcli.ledger.streams.candidate import Candidate, Family
from eventcli.ledger.streams.likeness import is_rewritten, is_untouched
from eventcli.ledger.streams.plan import Loss
from eventcli.ledger.streams.rules.holders import note_copy
from eventcli.ledger.streams.stream import UNCOUNTED, Stream
from eventcli.ledger.streams.survey import Survey
from eventcli.reading.fingerprints import WINDOW


def look_beside(survey: Survey, family: Family) -> None:
    """See whether the log was copied and began again with the same lines, so that its content shows no change.

    An unknown sibling that holds everything that was read proves it, or shows that nothing can be proved.
    """
    for file in list(family.files):
        stream = file.stream
        if stream is None or stream.state in UNCOUNTED or not stream.seen or file.is_spooled:
            continue
        if file.is_quiet or file.path != family.base or is_untouched(stream, file):
            continue
        is_repetitive = file.is_repetitive(stream.seen)
        siblings = []
        if is_repetitive or stream.seen < WINDOW:
            siblings = [one for one in survey.unnamed(family) if not survey.registry.of_place(one)]
        for sibling in siblings:
            if _is_log_of(survey, stream, file, sibling):
                survey.claim(stream, sibling)
                survey.looking.close(file)
                for one in siblings:  # there may have been more generations since
                    if one.key not in survey.files:
                        one.is_wanted = True
                        survey.take_in(family, one)
                return
            if is_repetitive and sibling.proves(stream) and sibling.is_copy(file):
                survey.take_in(family, sibling)
                note_copy(survey, sibling, file, is_doubted=True)
            survey.looking.close(sibling)
        if is_repetitive and not siblings and is_rewritten(stream, file):
            message = (
                f"{file.name} was written to, and still has the same content: if it was started again with the same"
                " lines, they are not counted"
            )
            survey.plan.losses.append(Loss(stream, stream.offset, message, is_doubt=True))
        survey.looking.close(file)


def _is_log_of(survey: Survey, stream: Stream, file: Candidate, sibling: Candidate) -> bool:
    """Whether a sibling holds the former log of this file, and the file merely begins with the same lines."""
    if not sibling.proves(stream):
        return False
    if file.is_repetitive(stream.seen) and sibling.is_copy(file):
        return sibling.length > file.length
    # In some logs, every generation begins with the same line.
    if not stream.seen < WINDOW or file.is_compressed or file.length == stream.seen:
        return False
    longer = next(one for one in survey.registry.held_by(sibling) if sibling.proves(one))
    return longer is stream and not sibling.is_copy(file)
