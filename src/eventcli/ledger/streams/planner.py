"""Finds out which file holds which stream, and so what to read, from where, and what is lost: rule after rule."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from eventcli.ledger.streams.birth import is_momentary
from eventcli.ledger.streams.candidate import Candidate, Family
from eventcli.ledger.streams.content import note_place
from eventcli.ledger.streams.likeness import Kin
from eventcli.ledger.streams.plan import Plan, Reading
from eventcli.ledger.streams.registry import Registry
from eventcli.ledger.streams.rules.absent import search
from eventcli.ledger.streams.rules.copies import by_beginning, by_content
from eventcli.ledger.streams.rules.fresh import begin_new
from eventcli.ledger.streams.rules.holders import begun_with
from eventcli.ledger.streams.rules.losses import tell_losses
from eventcli.ledger.streams.rules.named import look_at
from eventcli.ledger.streams.rules.places import by_place, by_raw
from eventcli.ledger.streams.stored import Descriptors, path_of
from eventcli.ledger.streams.stream import State
from eventcli.ledger.streams.survey import Looking, Survey

_TRIES: Final = 20

_PAUSE: Final = 0.02
"""How many times files that are renamed or removed during a look are looked at again, and the delay."""

_MOST_HELD: Final = 5000
"""With more files than this, each step rereads their content instead of keeping it."""


def list_readings(survey: Survey, family: Family) -> None:
    """List what to read in the files of a family: the streams that they hold."""
    for file in family.in_order():
        stream = file.stream
        if stream is None:
            continue
        if stream.state is State.COPY:
            if file.real != stream.path or not file.is_place_of(stream):
                survey.keep(stream)
                note_place(stream, file)
                survey.registry.locate(stream)
                survey.plan.noted.append(stream)
            continue
        if file.is_named or stream.state is not State.IGNORED:
            state = State.LIVE if file.path == family.base else State.ROTATED
            survey.plan.readings.append(Reading(stream, file, state, file.is_quiet))


RULES: Final[Sequence[Callable[[Survey, Family], None]]] = (
    by_place,
    by_raw,
    search,
    by_content,
    by_beginning,
    begin_new,
    tell_losses,
    list_readings,
)
"""Each rule sees all families before the next one. `look_at` comes first, and finds the families."""


class Planner:
    """Finds out which file holds which stream."""

    def __init__(
        self,
        registry: Registry,
        new_key: Callable[[], str],
        *,
        descriptors: Descriptors | None = None,
        olddirs: Iterable[str] = (),
    ) -> None:
        """Take the known streams, and a function that makes keys for new ones.

        Rotated files are also searched for in the `olddirs`.
        """
        self._looking = Looking(Descriptors() if descriptors is None else descriptors)
        self._new_survey: Callable[[], Survey] = lambda: Survey(registry, new_key, self._looking, olddirs)
        self._survey = self._new_survey()

    def plan(self, paths: Iterable[str]) -> Plan:
        """Decide what to read of these files. Streams change only where new ones begin."""
        paths = list(paths)
        self._looking.is_lean = len(paths) > _MOST_HELD
        tries = 0
        while True:
            try:
                look_at(self._survey, paths)
                for rule in RULES:
                    for family in self._survey.families.values():
                        rule(self._survey, family)
            except OSError as error:
                path = path_of(error)
                if path is None:
                    raise
                self.undo()
                tries += 1
                if is_momentary(error) and tries < _TRIES:
                    time.sleep(_PAUSE)
                else:
                    self._looking.refused[path] = error
            else:
                return self._survey.plan

    def undo(self) -> None:
        """Forget the streams that were begun."""
        self._survey.undo()
        self._survey = self._new_survey()

    def is_ended(self, file: Candidate) -> bool:
        """Whether nothing will be written to a file any more: it was a pipe, is compressed, or has a successor."""
        family = file.family
        if file.is_ended or family is None or not self._survey.siblings.is_superseded(file, family):
            return file.is_ended
        # It may be a copy that is still being made, taken for an older log that goes on, as their lines are equal.
        return not any(kin is Kin.SAME for _, kin in begun_with(family, file))
