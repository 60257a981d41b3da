"""`engines.gathering`: no answer is given unless every split came once and has the bytes that were planned."""

import pytest

from eventcli.engines.gathering import Gathering
from eventcli.engines.listing import Listed, Repeat
from eventcli.engines.partial import Partial, Piece
from eventcli.engines.plan import Plan
from eventcli.engines.sources import Frozen
from eventcli.lines.query import Query
from eventcli.pipeline.options import Callbacks
from eventcli.summary.account import Account, AccountError
from eventcli.summary.sources import SourceReport, Status
from eventcli.summary.summary import Summary

PLAN = Plan.of(Listed([Frozen("/a", 10, None), Frozen("/b", 3, None)], ["a", "b"], []), 5)

PARTS = [Piece(0, 0, 5, 6, 1, is_stored=True), Piece(0, 5, 10, 4, 1, is_stored=True), Piece(1, 0, 3, 3, 1)]


def partial(place: int, piece: Piece, lines: int | None = None) -> Partial:
    """Return the partial of a split of blank lines."""
    count = piece.lines if lines is None else lines
    return Partial(place, place + 1, Summary(account=Account(count, blank=count)), [piece], [], 0)


def gathered(*partials: Partial) -> Summary:
    """Gather partials."""
    gathering = Gathering(PLAN, Query(), Callbacks())
    for each in partials:
        gathering.add(each)
    return gathering.finish()


def test_the_splits_of_a_plan_make_one_summary() -> None:
    """Each source has the bytes and the lines of all its splits."""
    summary = gathered(*map(partial, range(3), PARTS))
    assert list(summary.sources) == [SourceReport("a", 10, 2), SourceReport("b", 3, 1)]
    assert summary.account == Account(3, blank=3)


@pytest.mark.parametrize("chosen", [[0, 1], [0, 2], [1, 2], [0, 0, 1, 2], [0, 1, 1, 2], [1, 0, 2], []], ids=str)
def test_a_split_that_is_missing_or_repeated_is_an_error(chosen: list[int]) -> None:
    """Whatever an engine does, no sum is printed of which a split is missing, or counted twice."""
    with pytest.raises(AccountError):
        gathered(*(partial(place, PARTS[place]) for place in chosen))


def test_a_source_with_fewer_bytes_than_planned_is_an_error() -> None:
    """The bytes of the lines of all splits are those of the source."""
    short = [PARTS[0], PARTS[1]._replace(bytes=3), PARTS[2]]
    with pytest.raises(AccountError, match="10 bytes were planned"):
        gathered(*map(partial, range(3), short))
    with pytest.raises(AccountError):
        gathered(*map(partial, range(3), [PARTS[0]._replace(end=4), PARTS[1]._replace(start=4, end=9), PARTS[2]]))


def test_lines_that_no_source_has_are_an_error() -> None:
    """The account of the folds and the lines of the sources are compared."""
    with pytest.raises(AccountError):
        gathered(partial(0, PARTS[0], lines=2), *map(partial, range(1, 3), PARTS[1:]))


def test_what_is_said_comes_between_the_sources() -> None:
    """Problems and repeats are told in the order of the names, among those of the sources."""
    missing = SourceReport("m", 0, 0, Status.MISSING, "no such file")
    said: list[tuple[int, SourceReport | Repeat]] = [
        (0, missing),
        (1, Repeat("c", "a")),
        (2, missing._replace(name="z")),
    ]
    plan = Plan.of(PLAN.listed._replace(said=said), 5)
    told: list[object] = []
    gathering = Gathering(plan, Query(), Callbacks(None, None, told.append, lambda *names: told.append(names)))
    damaged = PARTS[1]._replace(status=Status.DAMAGED, message="oops", is_stored=False)
    for place, piece in enumerate([PARTS[0], damaged, PARTS[2]]):
        gathering.add(partial(place, piece))
    assert not gathering.finish().complete
    assert told == [
        missing, SourceReport("a", 10, 2, Status.DAMAGED, "oops"), ("c", "a"), missing._replace(name="z")
    ]  # fmt: skip
