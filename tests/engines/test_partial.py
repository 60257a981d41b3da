"""`engines.partial`: partials survive as bytes, and merging neighbours in any grouping gives the same."""

from functools import reduce
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli import testing
from eventcli.engines.listing import listed
from eventcli.engines.partial import (
    Partial,
    Piece,
    account_bytes,
    account_of,
    from_bytes,
    joined,
    merge,
    merge_bytes,
    to_bytes,
)
from eventcli.engines.plan import Plan, Tasks
from eventcli.engines.split import Split, folded
from eventcli.ledger.store.rows import rows_of
from eventcli.lines.query import Query, Timing
from eventcli.pipeline.options import Options
from eventcli.reporting.formats import FORMATS
from eventcli.summary.account import Account, AccountError
from eventcli.summary.aggregates.registry import OPTIONAL, Stat
from eventcli.summary.summary import Summary

QUERIES = (
    Query(),
    Query(aggregates=OPTIONAL, max_types=2),
    Query(timing=Timing(by="hour", optional=True), max_type_bytes=8),
    Query(types=("a", "never")),
)


def partials_of(folder: Path, logs: list[bytes], query: Query, split_size: int) -> list[Partial]:
    """Return the partials of all splits of some files."""
    for number, log in enumerate(logs):
        (folder / f"{number}.log").write_bytes(log)
    options = Options(query, stretches=True)
    paths = [str(folder / f"{number}.log") for number in range(len(logs))]
    plan = Plan.of(listed(paths, options), split_size)
    return [folded(Split.from_bytes(task.payload)) for task in Tasks(plan, options, 7)]


@given(
    logs=st.lists(testing.logs(max_lines=6), min_size=1, max_size=3),
    query=st.sampled_from(QUERIES),
    split_size=st.integers(5, 200),
    data=st.data(),
)
def test_neighbours_merge_in_any_grouping(
    body: str,  # noqa: ARG001  # both bodies fold
    tmp_path_factory: pytest.TempPathFactory,
    logs: list[bytes],
    query: Query,
    split_size: int,
    data: st.DataObject,
) -> None:
    """All at once, one after the other, or in halves: the partial is the same, also as bytes."""
    partials = partials_of(tmp_path_factory.mktemp("partial"), logs, query, split_size)
    whole = merge(partials)
    assert reduce(lambda left, right: merge([left, right]), partials) == whole
    cut = data.draw(st.integers(1, len(partials)))
    halves = [some for some in (partials[:cut], partials[cut:]) if some]
    assert merge([merge(half) for half in halves]) == whole
    assert [from_bytes(to_bytes(partial)) for partial in partials] == partials
    assert from_bytes(merge_bytes([to_bytes(partial) for partial in partials])) == whole
    assert account_of(account_bytes(to_bytes(whole))) == whole.summary.account


@given(log=testing.logs(max_lines=12), query=st.sampled_from(QUERIES))
def test_a_partial_that_was_read_is_printed_as_before(
    body: str,  # noqa: ARG001  # both bodies fold
    tmp_path_factory: pytest.TempPathFactory,
    log: bytes,
    query: Query,
) -> None:
    """What was sent as bytes is printed in each format, and stored, as the summary that a fold returned."""
    (partial,) = partials_of(tmp_path_factory.mktemp("partial"), [log], query, 1 << 20)
    own = partial.summary.in_form()
    read = Summary.union([from_bytes(to_bytes(partial)).summary]).in_form()
    stats = (Stat("count"), Stat("sum"), Stat("min"), Stat("max"))
    for form in FORMATS.values():
        for some in (stats[:1], stats, (*stats, Stat("stddev" if query.aggregates else "mean"))):
            assert form(read, some) == form(own, some)
    assert rows_of(read) == rows_of(own)


@pytest.mark.parametrize("count", [0, 1000, 1001, 2000])
def test_many_types_that_were_read_are_printed_as_before(count: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Rows become text some at a time, and none is lost or runs into another between them."""
    log = b"".join(b'{"type":"a\\"%d","value":%d.5}\n' % (number, number) for number in range(count))
    (partial,) = partials_of(tmp_path_factory.mktemp("partial"), [log or b"\n"], QUERIES[0], 1 << 20)
    read = Summary.union([from_bytes(to_bytes(partial)).summary]).in_form()
    for form in FORMATS.values():
        assert form(read, (Stat("count"), Stat("sum"))) == form(partial.summary.in_form(), (Stat("count"), Stat("sum")))


def test_only_neighbours_merge() -> None:
    """A split that is missing, or is there twice, is an error and never a sum."""
    one, two, three = (Partial(place, place + 1, Summary(), [Piece(0, place, place + 1)], [], 0) for place in range(3))
    assert merge([one, two, three]).end == 3
    for wrong in ([one, three], [two, one], [one, one]):
        with pytest.raises(AccountError):
            merge(wrong)


def test_pieces_of_a_source_are_joined_without_gaps() -> None:
    """The bytes that neighbours own adjoin, the first failure stays, and other sources are kept apart."""
    left, right = Piece(0, 0, 5, 5, 1), Piece(0, 5, 9, 3, 2, is_stored=True)
    assert joined([left, right, Piece(1, 0, 4)]) == [Piece(0, 0, 9, 8, 3), Piece(1, 0, 4)]
    with pytest.raises(AccountError):
        joined([left, right._replace(start=6)])


def test_an_account_has_all_its_parts() -> None:
    """What people see of a partial is its whole account."""
    partial = Partial(0, 1, Summary(account=Account(5, 0, filtered=2, blank=3)), [], [], 0)
    assert account_of(account_bytes(to_bytes(partial))) == partial.summary.account
