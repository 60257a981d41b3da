"""The rule of moves: a family whose files are found in another place, while its log is gone, was moved there."""

import os
from collections.abc import Sequence
from itertools import islice

from eventcli.ledger.streams.begun import MOST_ALIKE
from eventcli.ledger.streams.candidate import Family
from eventcli.ledger.streams.stream import State, Stream
from eventcli.ledger.streams.survey import Survey
from eventcli.reading import deep


def adopt(survey: Survey, family: Family) -> Sequence[Stream]:
    """Return the streams of a family that was moved here: they are found here, and their own log is gone."""
    for file in (*family.files, *survey.unnamed(family)):
        for stream in islice(survey.registry.held_by(file), MOST_ALIKE):
            name = stream.name
            if name == family.base or name in survey.families or not survey.is_free(stream) or deep.exists(name):
                continue
            if not file.proves(stream):
                continue
            is_told = file.is_place_of(stream) or not file.is_repetitive(stream.seen)
            if is_told or os.path.basename(name) == os.path.basename(family.base):
                survey.looking.close(file)
                survey.registry.rename(name, family.base)
                return survey.registry.of_name(family.base)
        survey.looking.close(file)
    return ()


def was_copied(survey: Survey, family: Family) -> bool:
    """Whether the files of a family are copies of those in another folder: then times of creation prove nothing.

    A run that ends early keeps the new name of a stream, but not its new place.
    """
    folder = os.path.dirname(family.base)
    return any(
        one.state is State.LIVE
        and one.is_placed
        and os.path.dirname(one.path) != folder
        and not any(file.is_place_of(one) for file in family.files)
        for one in survey.registry.of_name(family.base)
    )


def may_be_moved(survey: Survey, family: Family) -> bool:
    """Whether an unreadable file may show that a family was moved here: one with its name is not in its place."""
    if not family.is_blind:
        return False
    return any(may_be_of(survey, family, one) for one in survey.registry if one.name != family.base)


def may_be_of(survey: Survey, family: Family, stream: Stream) -> bool:
    """Whether a stream is one of a family, or may be, as what cannot be read may show that it was moved here."""
    if stream.name == family.base or not family.is_blind or stream.state is State.COPY:
        return stream.name == family.base
    is_asked_for = stream.name in survey.families
    is_alike = os.path.basename(stream.name) == os.path.basename(family.base)
    return is_alike and not is_asked_for and not deep.exists(stream.name)
