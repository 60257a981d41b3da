"""The rules of places: a stream is in the very file in which it was, or in one with the same compressed bytes."""

from collections.abc import Sequence

from eventcli.ledger.streams.candidate import Candidate, Family
from eventcli.ledger.streams.stream import State
from eventcli.ledger.streams.survey import Survey


def by_place(survey: Survey, family: Family) -> None:
    """Find streams in the very files in which they were."""
    for file in family.files:
        if file.stream is None:
            _claim_by_place(survey, file)
            survey.looking.close(file)


def by_raw(survey: Survey, family: Family) -> None:
    """Find streams in compressed files by all of their bytes."""
    for file in family.files:
        if file.stream is None:
            _claim_by_raw(survey, file)
            survey.looking.close(file)


def claim_places(survey: Survey, files: Sequence[Candidate]) -> None:
    """Apply both rules to some files."""
    for find in (_claim_by_place, _claim_by_raw):
        for file in files:
            if file.stream is None:
                find(survey, file)
                survey.looking.close(file)


def _claim_by_place(survey: Survey, file: Candidate) -> None:
    # A stream that was lost, or was only a copy, is not found while another candidate remains.
    is_missed = file.family is not None and bool(file.family.unresolved)
    order = {State.LIVE: 0, State.ROTATED: 0, State.IGNORED: 1, State.GONE: 1, State.LOST: 2, State.COPY: 3}
    for stream in sorted(survey.registry.of_place(file), key=lambda one: (order[one.state], -one.seen)):
        if not survey.is_free(stream):
            continue
        # A copy of a stream that is missing has all that is left of it.
        if stream.state is State.COPY and (is_missed or file.size > (stream.raw_size or stream.seen)):
            continue
        if (file.is_compressed and stream in survey.registry.of_raw(file)) or file.proves(stream):
            survey.claim(stream, file)
            return


def _claim_by_raw(survey: Survey, file: Candidate) -> None:
    for stream in survey.registry.of_raw(file):
        # All empty archives of one kind have the same bytes.
        if stream.seen and survey.is_free(stream):
            survey.claim(stream, file)
            return
