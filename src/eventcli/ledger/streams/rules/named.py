"""The first rule: look at the files that were requested, and sort them into families."""

from collections.abc import Iterable

from eventcli.ledger.streams.birth import is_momentary
from eventcli.ledger.streams.candidate import Candidate, Family
from eventcli.ledger.streams.stored import is_stream, lasting
from eventcli.ledger.streams.stream import State
from eventcli.ledger.streams.survey import Survey
from eventcli.text import name_of


def look_at(survey: Survey, paths: Iterable[str]) -> None:
    """Look at the requested files. A file that is known and unmodified is claimed without being opened."""
    names = {path: lasting(path) for path in paths}
    named = set(names.values())
    for path, full in names.items():
        base = full if is_stream(path) else survey.siblings.base(full, named)
        family = survey.families.setdefault(base, Family(base))
        if base == full:
            family.given.append(name_of(path))
        file = None
        try:
            file = survey.looking.at(full, is_named=True, given=path)
            if survey.files.setdefault(file.key, file) is not file:
                continue
            if not _claim_quiet(survey, file):
                file.peek()
        except OSError as error:
            if file is not None and is_momentary(error):
                raise  # it was there a moment ago
            is_missing = isinstance(error, FileNotFoundError)
            family.is_missing |= is_missing and base == full
            family.is_blind |= not is_missing
            if file is not None:
                survey.hidden.update(stream.key for stream in survey.registry.of_place(file))
            survey.say_problem(full, name_of(path), error)
            continue
        family.join(file)
        survey.looking.close(file)


def _claim_quiet(survey: Survey, file: Candidate) -> bool:
    """Whether a file is known and unmodified, so that it need not be opened. If so, it is claimed."""
    if file.is_spooled:
        return False
    for stream in survey.registry.of_place(file):
        is_whole = not stream.raw_size or stream.raw_length
        if is_whole and stream.state is not State.IGNORED and survey.is_free(stream) and file.is_as_seen(stream):
            survey.claim(stream, file)
            file.is_quiet = True
            return True
    return False
