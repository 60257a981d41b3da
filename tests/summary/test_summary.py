"""`eventcli.summary.summary`: the laws of merging, the account, and the order of what is kept."""

import copy
import functools
import importlib
import inspect
import io
import pickle
import pkgutil
from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import eventcli
import laws
from eventcli import Account, Reason, SourceReport, Status, Summary, TypeStats, summarize, testing
from eventcli.summary.account import AccountError
from eventcli.summary.sources import LazyReports, WholeFiles

WHOLE = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 9), st.integers(0, 9)), max_size=3)
"""Names, bytes and lines of files."""

REPORTS = st.builds(SourceReport, st.sampled_from("abc"), st.integers(0, 9), st.integers(0, 9), st.sampled_from(Status))

SUMMARIES = laws.STATES[Summary].states


@pytest.mark.parametrize("kind", laws.STATES)
@given(data=st.data())
def test_merging_is_a_commutative_monoid(kind: type, data: st.DataObject) -> None:
    """Merging has an identity, and neither the order nor the grouping of merges changes the result."""
    laws.check(laws.STATES[kind], data)


def test_every_type_that_merges_is_under_the_laws() -> None:
    """A class of the package whose `merge` gives a new value is one that the laws are applied to."""
    found = pkgutil.walk_packages(eventcli.__path__, "eventcli.")
    modules = [importlib.import_module(one.name) for one in found if not one.name.startswith("eventcli._")]
    classes = {kind for module in modules for kind in vars(module).values() if isinstance(kind, type)}
    merging = {
        kind
        for kind in classes
        if kind.__module__.startswith("eventcli.")
        and hasattr(kind, "merge")
        and inspect.signature(kind.merge).return_annotation is not None
    }
    assert merging == set(laws.STATES)


@given(st.lists(SUMMARIES, max_size=4))
def test_union_is_repeated_merging(summaries: list[Summary]) -> None:
    """The union of summaries is what merging them one after the other gives."""
    assert Summary.union(summaries) == functools.reduce(Summary.merge, summaries, Summary())


@given(SUMMARIES, SUMMARIES)
def test_merging_changes_neither_operand(a: Summary, b: Summary) -> None:
    """Merging makes a new value and leaves its operands as they were, `+` is the same operation."""
    before = repr((a, b))
    merged = a.merge(b)
    assert repr((a, b)) == before
    assert a + b == merged


@given(SUMMARIES)
def test_types_stand_in_code_point_order(summary: Summary) -> None:
    """Types are kept in the order of their code points, sources in the order of their names."""
    assert list(summary.types) == sorted(summary.types, key=lambda name: [ord(character) for character in name])
    assert list(summary.sources) == sorted(summary.sources)


@given(SUMMARIES)
def test_the_account_of_a_summary_adds_up(summary: Summary) -> None:
    """Folding, reading back and merging keep the account whole, and its accepted lines are those of the types."""
    summary.account.check()
    assert summary.account.accepted == summary.total.count == sum(stats.count for _, _, stats in summary.rows())


@given(SUMMARIES, SUMMARIES)
def test_what_is_incomplete_stays_incomplete(a: Summary, b: Summary) -> None:
    """A summary is complete if every source was, and merging a complete one does not make it so."""
    broken = Summary(sources=(SourceReport("lost.jsonl", 0, 0, Status.MISSING, "No such file"),))
    assert (a + b).complete
    assert not (a + broken + b).complete


@pytest.mark.parametrize("name", ["account", "sources", "types"])
def test_summaries_are_immutable(name: str) -> None:
    """No part of a summary can be replaced."""
    with pytest.raises(AttributeError):
        setattr(Summary(), name, None)


@pytest.mark.parametrize("name", ["lines", "accepted", "rejected", "filtered", "blank"])
def test_accounts_are_immutable(name: str) -> None:
    """No part of an account can be replaced."""
    with pytest.raises(AttributeError):
        setattr(Account(), name, None)


@pytest.mark.parametrize("name", ["count", "sum", "integral", "min", "max"])
def test_stats_are_immutable(name: str) -> None:
    """No part of the stats of a type can be replaced."""
    with pytest.raises(AttributeError):
        setattr(TypeStats(), name, None)


@given(SUMMARIES)
def test_summaries_can_be_copied_and_sent(summary: Summary) -> None:
    """A summary is equal to its copies and to itself after pickling, and to nothing else."""
    assert copy.deepcopy(summary) == copy.copy(summary) == summary
    assert pickle.loads(pickle.dumps(summary)) == summary  # noqa: S301  # its own bytes
    assert summary != summary + Summary(account=Account(1, blank=1))
    assert summary != (summary.types, summary.account, summary.sources)


def test_what_a_summary_is_made_of_stays_with_the_caller() -> None:
    """A summary and an account do not change with the mappings that they were made of."""
    types, rejected = {"a": TypeStats(1)}, {Reason.BAD_TYPE: 1}
    summary = Summary(types, Account(2, 1, rejected))
    types["b"] = TypeStats(1)
    rejected[Reason.BAD_TYPE] = 2
    assert list(summary.types) == ["a"]
    assert summary.account.rejects == 1


@given(testing.logs())
def test_types_that_are_made_late_are_like_a_dict(body: str, log: bytes) -> None:
    """However a body keeps its types, they are like a dict in equality, order, length, look-up, repr and pickles."""

    def folded() -> Mapping[str, TypeStats]:
        return summarize(io.BytesIO(log)).types

    made = dict(folded().items())
    assert list(folded()) == list(made), body
    assert len(folded()) == len(made)
    assert made == folded() == made
    assert folded() == folded()
    assert repr(folded()) == repr(made)
    assert pickle.loads(pickle.dumps(folded())) == made  # noqa: S301  # its own bytes
    assert all(folded()[name] == stats for name, stats in made.items())
    assert folded() != {**made, "no type of the log": TypeStats()}
    with pytest.raises(KeyError):
        folded()["no type of the log"]


@given(reports=st.lists(REPORTS, max_size=4), whole=st.lists(WHOLE, max_size=3))
def test_reports_that_are_made_late_are_like_a_tuple(
    reports: list[SourceReport], whole: list[list[tuple[str, int, int]]]
) -> None:
    """Reports that are made when they are asked for are like a sorted tuple of all, and merged like one."""
    rows = [SourceReport(*row) for files in whole for row in files]
    columns = [
        WholeFiles([name for name, _, _ in files], [size for _, size, _ in files], [lines for _, _, lines in files])
        for files in whole
    ]
    made = tuple(sorted(reports + rows))

    def late() -> LazyReports:
        return LazyReports(reports, columns)

    assert (late().lines, len(late())) == (sum(report.lines for report in made), len(made))
    assert late() == made
    assert late() == late()
    assert (*late(), late()[:2], list(late()[-1:])) == (*made, made[:2], list(made[-1:]))
    assert (repr(late()), pickle.loads(pickle.dumps(late()))) == (repr(made), made)  # noqa: S301  # its own bytes
    summary, plain = Summary(sources=late()), Summary(sources=made)
    assert (summary, summary.complete) == (plain, plain.complete)
    assert summary + plain == plain + Summary(sources=late()) == plain + plain
    assert Summary.union([Summary(), Summary()], late()).sources == made
    assert Summary.union([plain], late()) == plain + plain


def test_unknown_extremes_stay_unknown() -> None:
    """Merging with stats whose min or max is not known gives stats whose min or max is not known, each by itself."""
    both = TypeStats(1, Decimal(5), min=Decimal(5), max=Decimal(5))
    neither = TypeStats(2, Decimal(7))
    least = TypeStats(2, Decimal(7), min=Decimal(3))
    greatest = TypeStats(2, Decimal(7), max=Decimal(4))
    assert both + neither == TypeStats(3, Decimal(12))
    assert both + least == TypeStats(3, Decimal(12), min=Decimal(3))
    assert both + greatest == TypeStats(3, Decimal(12), max=Decimal(5))
    assert least + least == TypeStats(4, Decimal(14), min=Decimal(3))
    assert least + greatest == TypeStats(4, Decimal(14))
    assert TypeStats() + least == least


def test_the_mean_is_a_quotient() -> None:
    """The mean is sum / count, and there is none of nothing."""
    assert TypeStats(4, Decimal("0.2"), integral=False).mean == Decimal("0.05")
    assert TypeStats().mean is None


def test_a_type_is_looked_up_by_name() -> None:
    """A summary gives the stats of a type by its name, and KeyError for one that was not seen."""
    summary = Summary({"b": TypeStats(1, Decimal(2))})
    assert summary["b"].count == 1
    with pytest.raises(KeyError, match="a"):
        summary["a"]


@pytest.mark.parametrize(
    "account",
    [
        Account(lines=1),
        Account(accepted=1),
        Account(3, 1, {Reason.BAD_TYPE: 1}, 0, 0),
        Account(1, 1, {}, 1),
        Account(0, 0, {}, 0, 1),
    ],
)
def test_a_gap_in_the_account_is_an_error(account: Account) -> None:
    """An account whose parts are not its lines is refused."""
    with pytest.raises(AccountError, match="accounted for"):
        account.check()


def test_the_account_as_text() -> None:
    """The account reads as the equation, with the reasons in their documented order and without those at zero."""
    rejected = {Reason.BAD_VALUE: 46, Reason.BAD_TIME: 0, Reason.MISSING_VALUE: 23}
    account = Account(270, 200, rejected, 0, 1)
    account.check()
    assert str(account) == (
        "270 lines = 200 accepted + 69 rejected + 0 filtered + 1 blank (missing_value 23, bad_value 46)"
    )
    assert str(Account()) == "0 lines = 0 accepted + 0 rejected + 0 filtered + 0 blank"
