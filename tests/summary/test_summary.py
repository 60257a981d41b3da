"""`eventcli.summary.summary`: the laws of merging, the account, and the order of what is kept."""

import copy
import functools
import importlib
import inspect
import io
import json
import pickle
import pkgutil
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

import eventcli
import laws
from eventcli import Account, ExitCode, Reason, SourceReport, Status, Summary, Timing, TypeStats, summarize, testing
from eventcli.body import BODY_VARIABLE, kernel
from eventcli.reporting.objects import jsonl
from eventcli.summary.account import AccountError
from eventcli.summary.aggregates.aggregate import UnknownStatError
from eventcli.summary.aggregates.registry import Stat
from eventcli.summary.sources import LazyReports, WholeFiles
from eventcli.summary.summary import Terms
from process import run

WHOLE = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 9), st.integers(0, 9)), max_size=3)
"""Names, bytes and lines of files."""

REPORTS = st.builds(SourceReport, st.sampled_from("abc"), st.integers(0, 9), st.integers(0, 9), st.sampled_from(Status))

SUMMARIES = laws.STATES[Summary].states


@pytest.mark.parametrize("kind", laws.STATES)
@given(data=st.data())
def test_merging_is_a_commutative_monoid(kind: type, data: st.DataObject) -> None:
    """Merging has an identity, and neither the order nor the grouping of merges changes the result."""
    laws.check(laws.STATES[kind], data)


@given(laws.STATES[Account].states, laws.STATES[Account].states)
def test_an_account_without_a_part_is_that_of_the_rest(one: Account, other: Account) -> None:
    """Taking an account out is the opposite of adding it."""
    assert (one + other) - other == one


def test_every_type_that_merges_is_under_the_laws() -> None:
    """A class of the package whose `merge` gives a new value is one that the laws are applied to."""
    modules = []
    for one in pkgutil.walk_packages(eventcli.__path__, "eventcli."):
        if not one.name.startswith("eventcli._"):
            try:
                modules.append(importlib.import_module(one.name))
            except ModuleNotFoundError as error:
                if str(error.name).startswith("eventcli"):
                    raise  # only an extra may be missing
    classes = {kind for module in modules for kind in vars(module).values() if isinstance(kind, type)}
    merging = {
        kind
        for kind in classes
        if kind.__module__.startswith("eventcli.")
        and inspect.isfunction(merge := getattr(kind, "merge", None))
        and inspect.signature(merge).return_annotation is not None
    }
    assert merging == set(laws.STATES)


@given(st.lists(SUMMARIES, max_size=4))
def test_union_is_repeated_merging(summaries: list[Summary]) -> None:
    """The union of summaries is what merging them one after the other gives."""
    assert Summary.union(summaries) == functools.reduce(Summary.merge, summaries, Summary())


@given(SUMMARIES, SUMMARIES, st.data())
def test_rows_in_any_order_make_the_summary(a: Summary, b: Summary, data: st.DataObject) -> None:
    """The Summary of the rows of two summaries, in any order, is their merge; types without events are rows, too."""
    whole = a + b
    rows = data.draw(st.permutations([*a.rows(), *b.rows()]))
    assert Summary.of_rows(rows, whole.account, whole.sources, whole.terms) == whole


@given(SUMMARIES)
def test_a_summary_with_another_part_keeps_the_rest(summary: Summary) -> None:
    """Terms are given whole or by name, and a value with one part replaced is recreated, so its order holds."""
    named = {name: getattr(summary.terms, name) for name in ("max_types", "calendar", "max_type_bytes")}
    parts = summary.types, summary.account, summary.sources, summary.buckets, summary.other
    assert Summary(*parts, **named) == Summary(*parts, summary.terms) == summary
    turned = {bucket: dict(list(types.items())[::-1]) for bucket, types in list(summary.buckets.items())[::-1]}
    assert repr(summary.replace(buckets=turned, terms=Terms(**named))) == repr(summary)


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


RECORDED = ("count", "sum", "min", "max", "mean")


@given(SUMMARIES)
def test_records_are_the_rows_that_are_printed(summary: Summary) -> None:
    """A record has the numbers of its row in the format jsonl, exactly, and the start of its bucket as a datetime."""
    try:
        printed = jsonl(summary, [Stat(one) for one in RECORDED]).splitlines()
    except UnknownStatError:
        with pytest.raises(UnknownStatError):
            summary.records(RECORDED)
        return
    rows = [json.loads(line, parse_int=Decimal, parse_float=Decimal) for line in printed]
    records = summary.records(RECORDED)
    assert [list(record) for record in records] == [list(row) for row in rows]
    for record, row in zip(records, rows, strict=True):
        if row.get("start") is not None:
            assert record["start"].timestamp() == datetime.fromisoformat(row["start"]).timestamp()
        assert {**record, "start": None} == {**row, "start": None}
        assert type(record["count"]) is int
        assert all(type(record[name]) in {Decimal, type(None)} for name in RECORDED[1:])


def test_records_in_a_zone() -> None:
    """The start of a bucket is in the zone of the buckets, before and after its clock changes."""
    times = ("2020-10-25T00:30:00Z", "2020-10-25T01:30:00Z")
    log = b"".join(b'{"type":"a","value":1,"occurred_at":"%s"}\n' % time.encode() for time in times)
    found = summarize(io.BytesIO(log), timing=Timing(by="hour", zone="Europe/Berlin")).records()
    assert [str(record["start"]) for record in found] == ["2020-10-25 02:00:00+02:00", "2020-10-25 02:00:00+01:00"]
    assert {record["start"].tzinfo for record in found} == {ZoneInfo("Europe/Berlin")}
    found = summarize(io.BytesIO(log), timing=Timing(by="day", zone="-03:30")).records()
    assert [str(record["start"]) for record in found] == ["2020-10-24 00:00:00-03:30"]


def test_records_of_the_row_of_all_others() -> None:
    """The row of types beyond the limit has a label, as in print; an unknown statistic is refused."""
    summary = summarize(io.BytesIO(b'{"type":"a","value":1}\n{"type":"b","value":0.5}\n'), max_types=1)
    assert [record["type"] for record in summary.records()] == ["a", "(other)"]
    assert summary.records(("sum",), other_label="rest")[1] == {"type": "rest", "sum": Decimal("0.5")}
    with pytest.raises(ValueError, match="median"):
        summary.records(("median",))


def test_records_make_data_frames() -> None:
    """Data frames take records as they are, buckets and missing answers included."""
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    log = b'{"type":"a","value":1.5,"occurred_at":"2020-10-25T00:30:00Z"}\n'
    for timing in (None, Timing(by="hour", zone="Europe/Berlin")):
        records = summarize(io.BytesIO(log), types=("a", "b"), timing=timing).records(RECORDED)
        assert pandas.DataFrame(records).to_dict("records") == records
        assert polars.DataFrame(records).to_dicts() == records


@given(SUMMARIES)
def test_a_summary_is_a_collection_of_its_types(summary: Summary) -> None:
    """Iteration gives each type once, in order; these types are in the summary, and have stats."""
    names = list(summary)
    assert names == sorted({name for _, name, _ in summary.rows() if name is not None})
    assert all(name in summary for name in names)
    assert all(summary[name].count >= 0 for name in names)
    assert "no such type" not in summary
    assert None not in summary


@pytest.mark.parametrize(
    ("log", "code"),
    [
        (b"", ExitCode.OK),
        (b"\n", ExitCode.OK),
        (b'{"type":"a","value":1}\nbad\n', ExitCode.OK),
        (b"bad\n\n", ExitCode.DATA),
    ],
)
def test_the_exit_code_is_that_of_the_command(log: bytes, code: ExitCode, tmp_path: Path) -> None:
    """A program that ends with it ends like the command, without a budget for rejects."""
    (tmp_path / "log").write_bytes(log)
    assert summarize(io.BytesIO(log)).exit_code is code
    assert run("log", cwd=tmp_path).status == code
    assert summarize(io.BytesIO(log), tmp_path / "missing", on_problem=lambda _: None).exit_code is ExitCode.INCOMPLETE
    assert run("log", "missing", cwd=tmp_path).status == ExitCode.INCOMPLETE


@given(st.lists(testing.logs(), max_size=3), st.sampled_from([None, Timing(by="hour")]), st.sampled_from([1, 10**6]))
def test_numbers_look_the_same_on_both_bodies(logs: list[bytes], timing: Timing | None, most: int) -> None:
    """Whatever body added them up, and however they are asked for, equal Decimals have equal digits."""
    seen = set()
    for body in ("python", "rust") if kernel is not None else ("python",):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(BODY_VARIABLE, body)
            summary = summarize([io.BytesIO(log) for log in logs], timing=timing, max_types=most)
            both = Summary.union([summary, summary])
            parts = (dict(summary.types), summary.other, summary.total, [summary[name] for name in summary])
            seen.add(repr((*parts, summary.records(RECORDED), both.total, dict(both.types))))
    assert len(seen) == 1
