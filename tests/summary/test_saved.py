"""`eventcli.summary.saved`: what was saved or printed reads back exactly, and damage is noticed."""

import io
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import laws
from eventcli import (
    Account,
    Reason,
    SavedError,
    SourceReport,
    Status,
    Summary,
    TypeStats,
    dump,
    load,
    summarize,
    testing,
)
from eventcli.reporting import formats
from eventcli.reporting.columns import DEFAULT_STATS, Stat
from outcome import ALWAYS, printed

SUMMARIES = laws.STATES[Summary].states
KNOWN = (Stat.COUNT, Stat.SUM, Stat.MEAN)


def row(**changes: Any) -> bytes:
    """Return a printed row, changed."""
    return json.dumps({"type": "a", "count": 1, "sum": 1} | changes).encode()


def saved(**changes: Any) -> bytes:
    """Return a saved summary, changed."""
    summary = Summary(
        {"a": TypeStats(2, Decimal("0.3"), integral=False, min=Decimal("0.1"), max=Decimal("0.2"))},
        Account(4, 2, {Reason.BAD_TYPE: 1}, 0, 1),
        (SourceReport("log", 100, 4),),
    )
    return json.dumps(json.loads(dump(summary)) | changes).encode()


def check_loads_whole_or_not_at_all(data: bytes) -> None:
    """Assert that damaged input is a SavedError, and that whatever is read can be merged, printed and saved."""
    try:
        summary = load(data)
    except SavedError:
        return
    summary.account.check()
    assert summary.account.accepted == summary.total.count
    assert load(dump(summary)) == summary
    assert printed(summary + summary, KNOWN)


# -------------------------------------------------------------------------------------------- round trips


@given(SUMMARIES)
def test_a_saved_summary_reads_back(summary: Summary) -> None:
    """What was saved is equal when it is read, and saved again gives the same bytes."""
    data = dump(summary)
    assert load(data) == summary
    assert dump(load(data)) == data


@given(SUMMARIES)
def test_a_saved_summary_is_one_line_of_json(summary: Summary) -> None:
    """A saved summary is one JSON object on one line that begins with its schema and version, and its sums are text."""
    data = dump(summary)
    assert data.endswith(b"}\n")
    assert data.count(b"\n") == 1
    document = json.loads(data)
    usual = ["schema", "version", "complete", "account", "sources", "types"]
    assert list(document)[: len(usual)] == usual
    assert set(document) <= {*usual, "max_types", "max_type_bytes", "by", "tz"}
    assert (document["schema"], document["version"]) == ("eventstats.summary", 1)
    assert document["complete"] == summary.complete
    assert sum(document["account"]["rejected"].values()) == summary.account.rejects
    assert all(isinstance(found["sum"], str) for found in document["types"])


@given(st.lists(SUMMARIES, max_size=4))
def test_saved_summaries_one_after_the_other_are_merged(summaries: list[Summary]) -> None:
    """A file of several saved summaries, as `cat` makes one, is their merge."""
    assert load(b"".join(dump(summary) for summary in summaries)) == Summary.union(summaries)


WAYS = st.sampled_from(["saved", "json", "jsonl"])


@given(
    logs=st.lists(st.tuples(testing.logs(max_lines=6), WAYS), min_size=1, max_size=4),
    types=st.sampled_from([None, ("purchase", "never seen")]),
)
@example(logs=[(b'{"type":"a","value":1e-7}', "json"), (b'{"type":"a","value":1e300}', "jsonl")], types=None)
def test_merging_what_was_kept_is_one_run(
    body: str, logs: list[tuple[bytes, str]], types: tuple[str, ...] | None
) -> None:
    """Saved summaries and printed results of parts of a log merge to the bytes of one run over the whole log."""
    whole = summarize([io.BytesIO(log) for log, _ in logs], types=types)
    parts, parts_with_defaults = [], []
    for log, way in logs:
        part = summarize(io.BytesIO(log), types=types)
        if way == "saved":
            parts.append(load(dump(part)))
            parts_with_defaults.append(load(dump(part)))
        else:
            parts.append(load(formats.FORMATS[way](part, ALWAYS)))
            parts_with_defaults.append(load(formats.FORMATS[way](part, DEFAULT_STATS)))
    assert printed(Summary.union(parts)) == printed(whole), body
    assert printed(Summary.union(parts_with_defaults), KNOWN) == printed(whole, KNOWN)


def test_a_printed_result_holds_what_it_shows() -> None:
    """A printed result gives its types, an account of accepted lines only, and extremes if they were printed."""
    summary = load(b'[\n  {"type":"a","count":2,"sum":3.0}\n]\n')
    assert summary == Summary({"a": TypeStats(2, Decimal(3), integral=False)}, Account(2, 2))
    assert load(b'{"type":"a","count":1,"sum":3,"min":3,"max":3,"mean":3.0}\n')["a"].max == 3
    assert load(b'{"type":"a","count":0,"sum":0,"min":null}\n')["a"] == TypeStats()


@pytest.mark.parametrize("data", [b"", b"\n", b"[]", b" [] \n", b"\r\n"])
def test_an_empty_result_is_an_empty_summary(data: bytes) -> None:
    """What is printed of nothing is nothing again."""
    assert load(data) == Summary()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.0000001", "1e-7"),
        ("0.0", "0"),
        ("-0.0", "0"),
        ("100000000000000000000000.0", "1e23"),
        ("0." + "0" * 399 + "1", "1e-400"),
        ("1" + "0" * 320, "1e320"),
        ("9007199254740993", "9007199254740993"),
    ],
)
def test_numbers_of_a_printed_result_are_read_exactly(text: str, value: str) -> None:
    """A sum is read as it is printed, however small, large or long."""
    stats = load(f'{{"type":"a","count":1,"sum":{text}}}'.encode())["a"]
    assert stats.sum == Decimal(value)
    assert stats.integral == ("." not in text)


def test_an_incomplete_summary_stays_incomplete() -> None:
    """A source that was not read to its end is still so after saving, reading and merging."""
    summary = Summary(sources=(SourceReport("log", 5, 1, Status.UNREADABLE, "Input/output error"),))
    assert not (load(dump(summary)) + load(saved())).complete


# ------------------------------------------------------------------------------------------------ damage


@given(st.one_of(st.binary(), st.text().map(str.encode), testing.logs()))
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b"[" * 100_000 + b"]" * 100_000)
@example(b"\xff")
@example(b"\xef\xbb\xbf[]")
@example(b"NaN")
@example(b"1")
@example(b"[1]")
@example(b"null")
@example(b"[[]]")
@example(b'{"type":"a","value":1}')
@example(b"type,count,sum\na,1,1\n")
@example(b"1" * 5000)
def test_other_text_is_refused(data: bytes) -> None:
    """Text that is not a saved summary or printed result is a SavedError and nothing else."""
    check_loads_whole_or_not_at_all(data)


@given(SUMMARIES, st.integers(0, 10_000), st.integers(0, 5), st.binary(max_size=4))
def test_a_damaged_summary_is_refused_or_whole(summary: Summary, place: int, length: int, other: bytes) -> None:
    """A saved summary in which some bytes were lost or replaced is a SavedError, or still a whole summary."""
    data = dump(summary)
    place %= len(data)
    check_loads_whole_or_not_at_all(data[:place] + other + data[place + length :])


@given(SUMMARIES, st.data())
def test_a_torn_summary_is_refused(summary: Summary, data: st.DataObject) -> None:
    """The beginning of a saved summary is not a summary."""
    text = dump(summary)
    end = data.draw(st.integers(1, len(text) - 2))
    with pytest.raises(SavedError):
        load(text[:end])


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 5),
    st.sampled_from([10**18, 2**63, 2**64, 10**30, 10**4000, 0.5, 1e300]),
    st.sampled_from(["", "0", "-1", "1.5", "1e5", "NaN", "\u0661", "a", "\ud800", "9" * 6000, "0." + "1" * 6000]),
    st.just([]),
    st.just({}),
    st.just([{}]),
    st.just({"a": 1}),
)


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values in a JSON document."""
    found = [path] if path else []
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in items:
        found += places(value, (*path, key))
    return found


@given(st.data())
def test_a_wrong_value_is_refused_or_whole(data: st.DataObject) -> None:
    """A saved summary in which some value was replaced or lost is a SavedError, or still a whole summary."""
    document = json.loads(saved())
    *path, key = data.draw(st.sampled_from(places(document)))
    holder = document
    for step in path:
        holder = holder[step]
    if data.draw(st.booleans()):
        del holder[key]
    else:
        holder[key] = data.draw(VALUES)
    check_loads_whole_or_not_at_all(json.dumps(document).encode())


@given(st.dictionaries(st.sampled_from(["type", "count", "sum", "min", "max", "mean"]), VALUES), st.integers(1, 2))
@example(changes={"count": 2**64}, times=1)
@example(changes={"count": 2**63}, times=2)
def test_a_wrong_row_is_refused_or_whole(changes: dict[str, Any], times: int) -> None:
    """Printed rows with other values are a SavedError, or can be merged, printed and saved like any."""
    check_loads_whole_or_not_at_all((row(**changes) + b"\n") * times)


BAD = {
    "an event log": b'{"type":"a","value":1}\n{"type":"b","value":2}\n',
    "one event": b'{"type":"a","value":1}\n',
    "csv": b"type,count,sum\na,1,1\n",
    "not UTF-8": b'{"type":"\xff","count":1,"sum":1}',
    "a number": b"1",
    "text": b'"a"',
    "two documents on a line": row() + row(),
    "a row cut off": row() + b"\n" + row()[:-5],
    "no count": b'{"type":"a","sum":1}',
    "no sum": b'{"type":"a","count":1}',
    "no type": b'{"count":1,"sum":1}',
    "a type that is no text": row(type=1),
    "a type that is null": row(type=None),
    "a type with a lone surrogate": b'{"type":"\\ud800","count":1,"sum":1}',
    "a count below zero": row(count=-1),
    "a count that is no integer": row(count=1.5),
    "a count that is true": row(count=True),
    "a count in quotes": row(count="1"),
    "a sum with a hostile exponent": b'{"type":"a","count":1,"sum":1e999999999}',
    "a sum that is true": row(sum=True),
    "a sum that is null": row(sum=None),
    "a sum that is NaN": b'{"type":"a","count":1,"sum":NaN}',
    "a sum that is a word": row(sum="NaN"),
    "a sum of nothing that is not zero": row(count=0, sum=5),
    "a sum in other digits": row(sum="\u0661"),
    "a minimum that is a word": row(min="x"),
    "sums that cannot be added": row(sum="9" * 6000) + b"\n" + row(sum="0." + "0" * 6000 + "1"),
    "too deep": b"[" * 100_000,
    "a newer version": saved(version=2),
    "a version that is text": saved(version="1"),
    "another schema": saved(schema="eventstats.ledger"),
    "no version": b'{"schema":"eventstats.summary"}',
    "an account that does not add up": saved(
        account={"lines": 9, "accepted": 2, "rejected": {}, "filtered": 0, "blank": 0}
    ),
    "other accepted lines than the types have": saved(
        account={"lines": 5, "accepted": 5, "rejected": {}, "filtered": 0, "blank": 0}
    ),
    "an unknown reason": saved(account={"lines": 3, "accepted": 2, "rejected": {"new": 1}, "filtered": 0, "blank": 0}),
    "an unknown status": saved(sources=[{"name": "x", "bytes": 0, "lines": 0, "status": "new", "message": ""}]),
    "a source without lines": saved(sources=[{"name": "x", "bytes": 0, "status": "complete", "message": ""}]),
    "a type twice": saved(types=[{"type": "a", "count": 1, "sum": "1"}] * 2),
    "complete, but not its sources": saved(
        sources=[{"name": "x", "bytes": 0, "lines": 4, "status": "missing", "message": "No such file"}]
    ),
    "not complete, but all its sources": saved(complete=False),
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_what_is_no_summary_is_refused(data: bytes) -> None:
    """Each of these is a SavedError: nothing is guessed, and no partial answer passes as a whole one."""
    with pytest.raises(SavedError):
        load(data)


def test_the_message_says_what_is_wrong() -> None:
    """The error names the version that cannot be read, or the key that is missing."""
    with pytest.raises(SavedError, match=r"version 2 .* reads version 1"):
        load(saved(version=2))
    with pytest.raises(SavedError, match="no key 'count'"):
        load(b'{"type":"a","value":1}\n')


@given(SUMMARIES)
def test_a_printed_result_is_not_mistaken_for_a_log(summary: Summary) -> None:
    """A log of events never loads as a result, whatever the types."""
    assume(summary.types)
    log = b"".join(b'{"type":%b,"value":1}\n' % json.dumps(name).encode() for name in summary.types)
    with pytest.raises(SavedError):
        load(log)
