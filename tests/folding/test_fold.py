"""`eventcli.folding.bodies`: every body means the same, line by line, whatever it is given and however that is cut."""

import importlib.util
import io
import os
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import bodies
from eventcli import Account, Fields, Query, Reason, Reject, Summary, Timing, TypeStats, parse, summarize, testing
from eventcli.body import BODY_VARIABLE, kernel
from eventcli.folding import bodies as bodies_module
from eventcli.folding.fold import Mark
from eventcli.folding.reference import ReferenceFold
from eventcli.lines.parse import is_blank
from eventcli.lines.query import MAX_TYPE_BYTES, MAX_TYPES

HAS_RUST = importlib.util.find_spec("eventcli._kernel") is not None
LEVELS = kernel.levels() if HAS_RUST else ["portable"]

BLOCKS = testing.logs(max_lines=10)
TYPES = st.sampled_from([None, (), ("purchase",), ("purchase", "", "never seen")])

NUMBERS = st.one_of(testing.ordinary_numbers(), testing.unusual_numbers(accepted=True))


def lines_of(block: bytes) -> list[bytes]:
    """Return the lines of a block."""
    lines = block.split(b"\n")
    return lines if lines[-1] else lines[:-1]


def one_by_one(
    block: bytes,
    fields: Fields = Fields(),  # noqa: B008  # immutable
    types: tuple[str, ...] | None = None,
) -> tuple[Summary, list[Mark]]:
    """Return what `parse` says of each line, added up one after the other."""
    stats: dict[str, TypeStats] = {}
    marks: list[Mark] = []
    rejected: dict[Reason, int] = {}
    accepted = filtered = blank = offset = 0
    lines = lines_of(block)
    for index, line in enumerate(lines):
        outcome = None if is_blank(line) else parse(line, fields)
        if outcome is None:
            blank += 1
        elif isinstance(outcome, Reject):
            marks.append(Mark(outcome.reason, index, offset, offset + len(line)))
            rejected[outcome.reason] = rejected.get(outcome.reason, 0) + 1
        elif types is not None and outcome.type not in types:
            filtered += 1
        else:
            accepted += 1
            value = outcome.value
            event = TypeStats(1, value, outcome.integral, value, value)
            stats[outcome.type] = stats.get(outcome.type, TypeStats()).merge(event)
        offset += len(line) + 1
    account = Account(len(lines), accepted, rejected, filtered, blank)
    return Summary(stats, account, max_types=MAX_TYPES, max_type_bytes=MAX_TYPE_BYTES), marks


@given(block=BLOCKS, types=TYPES)
@example(block=b"", types=None)
@example(block=b"\n", types=None)
@example(block=b"\n\n", types=None)
@example(block=b'{"type":"a","value":1}', types=None)
@example(block=b'[]\n\n{"type":"a","value":1}\n\n', types=None)
@example(block=b'{"type":"a","value":true}\n{"type":"a","value":1}\n', types=None)
@example(block=b'{"type":1,"value":1}\n{"type":1.0,"value":1}\n{"type":true,"value":1.0}\n', types=None)
def test_a_block_means_what_its_lines_mean(body: str, block: bytes, types: tuple[str, ...] | None) -> None:
    """Folding a block gives what the authority says of each line by itself, and marks the same ones as rejected."""
    folded = bodies_module.new_fold(Query(types=types))
    lines, marks = folded.add(block)
    summary, expected = one_by_one(block, types=types)
    assert lines == len(lines_of(block))
    assert marks == expected
    assert folded.summary() == summary, body
    assert folded.account() == summary.account


@given(block=BLOCKS, types=TYPES, salvage=st.booleans())
@example(
    block=b'{"type":1,"value":"\xff"}\n{"type":"\xff"\n{"type":1,"value":1e999\n{"value":1e999}\n',
    types=None,
    salvage=False,
)
@example(
    block=b'{"type":"a","value":null}\n{"type":"a"}\n{}\n{"type":[],"value":{}}\n{"type":"a\nx\n\xff\n',
    types=None,
    salvage=False,
)
@example(
    block=b"[" * 1025 + b"]" * 1025 + b'\n{"type":' + b"[" * 1025 + b"]" * 1025 + b"}\n", types=None, salvage=False
)
@example(
    block=b'{"type":"\\ud800","value":1}\n\x00{"type":"a","value":1}\n\x0c\n\xef\xbb\xbf{}', types=None, salvage=False
)
@example(block=b'\x00{"type":"a","value":1}\n{"type":"a","val{"type":"a","value":1}\nx', types=None, salvage=True)
def test_lines_are_counted_alike_without_marks(
    body: str, block: bytes, types: tuple[str, ...] | None, *, salvage: bool
) -> None:
    """Where nobody asks which lines are rejected, as many are accepted and rejected, and for the same reasons."""
    query = Query(types=types, salvage=salvage)
    reference, folded = ReferenceFold(query), bodies_module.new_fold(query)
    lines, marks = reference.add(block)
    parts = list(folded.add_in_parts(block, marks=False))
    assert sum(part.lines for part in parts) == lines
    assert {mark for part in parts for mark in part.marks} <= set(marks)
    assert folded.summary() == reference.summary(), body


@given(numbers=st.lists(NUMBERS, min_size=1, max_size=30), other=NUMBERS)
@example(numbers=["0.1"] * 10, other="0")
@example(numbers=["0.5", "-0.0"], other="0")
@example(numbers=["1e-7", "1E+5", "0.25"], other="12345678901234567890.5")
@example(numbers=["0e5", "0.5"], other="0")
@example(numbers=["0e-5", "1.5"], other="1e5")
@example(numbers=["999999999999999", "99999999999999.9", "0.000000000000001"], other="0")
@example(numbers=["123456789012.345", "0.1", "1.10", "100000000000000.0"], other="0")
@example(numbers=["0.30000000000000004", "0.3"], other="0")
@example(numbers=["5e-324", "2e-308", "1e-400", "1.5"], other="0")
@example(numbers=["999999.9999995", "0.5"], other="0")
@example(numbers=["18446744073709551616", "18446744073709551615", "0.5"], other="0")
@example(numbers=["-0", "-0"], other="0")
def test_numbers_are_added_up_as_written(body: str, numbers: list[str], other: str) -> None:
    """The stats of a block are exact for any mix of literals, and whatever numbers stand under other keys."""
    block = b"".join(b'{"type":"a","value":%b}\n' % number.encode() for number in numbers)
    block += b'{"type":"b","value":1,"other":%b}\n' % other.encode()
    folded = bodies_module.new_fold(Query())
    assert folded.add(block) == (len(numbers) + 1, [])
    stats = folded.summary()["a"]
    values = [Decimal(number) for number in numbers]
    assert folded.summary() == one_by_one(block)[0], body
    assert (stats.count, stats.min, stats.max) == (len(values), min(values), max(values))
    assert stats.integral == (not set("".join(numbers)) & set(".eE"))


@given(
    places=st.lists(st.integers(0, 15), min_size=1, max_size=3),
    units=st.lists(st.integers(-(10**15) + 1, 10**15 - 1), min_size=1, max_size=60),
)
@example(places=[15], units=[999999999999999, -1])
@example(places=[0, 15], units=[1, 10**14])
@example(places=[2], units=[10**15 - 1] * 50)
def test_many_decimals_of_few_places(body: str, places: list[int], units: list[int]) -> None:
    """Sums of many decimals are exact, also where later ones have more places than the first, or many digits."""
    values = [Decimal(unit).scaleb(-places[index % len(places)]) for index, unit in enumerate(units)]
    block = b"".join(b'{"type":"a","value":%b}\n' % f"{value:f}".encode() for value in values)
    folded = bodies_module.new_fold(Query())
    folded.add(block)
    stats = folded.summary()["a"]
    assert Fraction(stats.sum) == sum(map(Fraction, values)), body
    assert (stats.min, stats.max) == (min(values), max(values))


@given(blocks=st.lists(BLOCKS, max_size=4), types=TYPES)
def test_state_is_kept_across_blocks(body: str, blocks: list[bytes], types: tuple[str, ...] | None) -> None:
    """A fold of several blocks holds what folds of each hold together."""
    folded = bodies_module.new_fold(Query(types=types))
    for block in blocks:
        folded.add(block)
    parts = [one_by_one(block, types=types)[0] for block in (b"", *blocks)]
    assert folded.summary() == Summary.union(parts), body
    assert folded.summary() == Summary.union(parts), "asking changes nothing"


@given(a=st.lists(BLOCKS, max_size=2), b=st.lists(BLOCKS, max_size=2), c=BLOCKS, types=TYPES)
def test_folds_merge_as_their_summaries_do(
    body: str, a: list[bytes], b: list[bytes], c: bytes, types: tuple[str, ...] | None
) -> None:
    """A fold that took over another holds both, and can go on."""
    taker, giver = bodies_module.new_fold(Query(types=types)), bodies_module.new_fold(Query(types=types))
    for block in a:
        taker.add(block)
    for block in b:
        giver.add(block)
    taker.merge(giver)
    taker.add(c)
    assert taker.summary() == Summary.union(one_by_one(block, types=types)[0] for block in (*a, *b, c)), body


@given(block=testing.logs(fields=Fields("Value", "other\u2028"), max_lines=6))
def test_fields_are_where_they_are_said_to_be(body: str, block: bytes) -> None:
    """Type and value are taken from the keys that were asked for."""
    fields = Fields("Value", "other\u2028")
    folded = bodies_module.new_fold(Query(fields))
    _, marks = folded.add(block)
    assert (folded.summary(), marks) == one_by_one(block, fields), body


QUERIES = st.builds(
    Query,
    st.sampled_from([Fields(), Fields("d.t", "d.v", "d.o"), Fields("/d/t", "d.a.1"), Fields(value=None)]),
    st.sampled_from([None, ("a", "never seen")]),
    default_value=st.sampled_from([None, "0.50"]),
    numeric_strings=st.booleans(),
    salvage=st.booleans(),
    timing=st.sampled_from(
        [
            None,
            Timing(by="hour", zone="Europe/Berlin"),
            Timing("Europe/Berlin", by="day"),
            Timing(since=1_603_584_000_000_000_000, until=1_603_590_000_000_000_000),
            Timing(by="month", zone="Pacific/Apia", optional=True),
        ]
    ),
    max_types=st.sampled_from([1, 2, 1000]),
    max_type_bytes=st.sampled_from([1, 8, 10_000]),
)
TIMES = st.sampled_from(
    [
        '"2020-10-25 00:30:00"',
        '"2020-10-25T01:30:00.5Z"',
        '"2020-10-25T01:30:00+05:30"',
        '"2016-12-31T23:59:60Z"',
        "1603587600",
        "1603587600123",
        "1603587600.25",
        "16035876e2",
        '"never"',
        "null",
        "true",
        "1e400",
    ]
)
VALUES = st.one_of(NUMBERS, st.sampled_from(['"19.99"', '"x"', "null", "1e401", "true", '"1e400"', "[1,2.5]"]))
TYPES_AS_WRITTEN = st.sampled_from(['"a"', '"b"', '"\\u0061"', '"\u00e9"', "1", "null"])


@st.composite
def event_lines(draw: st.DrawFn) -> bytes:
    """Return a line that has its fields at the top or within, some of them missing or odd, or damaged."""
    fields = {"type": TYPES_AS_WRITTEN, "value": VALUES, "occurred_at": TIMES}
    inner = {"t": TYPES_AS_WRITTEN, "v": VALUES, "o": TIMES, "a": VALUES.map(lambda value: f"[0,{value}]")}
    parts = [f'"{key}":{draw(value)}' for key, value in fields.items() if draw(st.integers(0, 9))]
    nested = [f'"{key}":{draw(value)}' for key, value in inner.items() if draw(st.integers(0, 9))]
    parts.append(f'"d":{{{",".join(nested)}}}')
    line = f"{{{','.join(draw(st.permutations(parts)))}}}".encode()
    cut = draw(st.sampled_from([0, 0, 0, 0, 7, len(line) - 3]))
    return draw(st.sampled_from([b"", b"", b"", b"\0\0", b'{"type":"torn'])) + line[cut:] + b"\n"


@given(lines=st.lists(event_lines(), max_size=8), query=QUERIES)
def test_a_query_means_the_same_line_by_line(body: str, lines: list[bytes], query: Query) -> None:
    """Whatever is asked for, a block means what the authority says of its lines one by one."""
    block = b"".join(lines)
    folded, judged = bodies_module.new_fold(query), ReferenceFold(query)
    _, marks = folded.add(block)
    places, start = [], 0
    for index, line in enumerate(lines):
        places.append((index, start, start + len(line) - 1))
        start += len(line)
    assert marks == judged.add_lines(memoryview(block), places), body
    assert folded.summary() == judged.summary()
    folded.summary().check()


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_blocks_of_any_kind_of_bytes(body: str, kind: type[bytes | bytearray | memoryview]) -> None:
    """A block may be bytes, a bytearray or a memoryview, and may be used again for something else."""
    memory = bytearray(b'{"type":"a","value":1}\nbad\n')
    folded = bodies_module.new_fold(Query())
    assert folded.add(kind(memory)) == (2, [Mark(Reason.INVALID_JSON, 1, 23, 26)]), body
    memory[:] = bytes(len(memory))
    assert list(folded.summary().types) == ["a"]


_NAMES = ('"a"', '"a"', '"page_view"', '"b"', r'"caf\u00e9"', '"12"', "1", "null")
_VALUES = (
    "1",
    "-5",
    "19.99",
    "1e2",
    "12345678901234567890.5",
    '"19.99"',
    '"7"',
    '"1e400"',
    '"x"',
    "null",
    "[]",
    "true",
)
_TIMES = (
    '"2020-10-06 10:02:05"',
    '"2020-10-06 10:02:05.500000001"',
    '"2020-10-06T10:02:05Z"',
    '"2020-10-25T02:30:00+02:00"',
    '"2020-10-25 02:30:00"',
    '"2020-10-03 15:29:59Z"',
    '"2020-03-29 02:30:00"',
    '"2018-11-04 00:00:00-03:00"',
    '"2016-12-31T23:59:60Z"',
    '"0001-01-01T00:00:00+05:00"',
    '"9999-12-31T23:59:59-01:00"',
    '"2020-02-30 10:00:00"',
    '"2020-10-06"',
    "1601978525",
    "1601978525.5",
    "1601978525499",
    "1601978525500000",
    "1601978525500000001",
    "-62135596801",
    "-0.0000000001",
    "1e9",
    "1e20",
    "null",
    "{}",
)
_SHAPES = (
    '{"type":%(name)s,"value":%(value)s,"occurred_at":%(time)s}',
    '{"occurred_at" : %(time)s, "value" : %(value)s, "type" : %(name)s, "n": 10}',
    '{"data":{"type":%(name)s,"value":%(value)s,"at":%(time)s},"type":"a","value":1}',
    '{"data":[%(name)s,{"value":%(value)s,"at":%(time)s}],"type":%(name)s}',
    '{"data":{"type":%(name)s,"":{"x":%(value)s}},"":%(time)s,"data.at":%(time)s}',
    '{"type":%(name)s,"value":%(time)s,"data":{"value":%(value)s,"at":%(time)s,"type":%(name)s}}',
    '{"type":%(name)s,"occurred_at":%(time)s}',
    '{"type":%(name)s,"value":%(value)s}',
    '{"data":{"type":"x","type":%(name)s},"data.value":%(value)s,"d\\u0061ta.at":%(time)s}',
    '\0\0{"type":%(name)s,"value":%(value)s,"occurred_at":%(time)s}',
    '{"type":"to{"type":%(name)s,"value":%(value)s,"occurred_at":%(time)s}',
    "%(name)s%(value)s",
)


@st.composite
def shaped_logs(draw: st.DrawFn) -> bytes:
    """Draw logs in which few shapes of lines come again and again, as in real ones, with values of every kind."""
    shapes = draw(st.lists(st.sampled_from(_SHAPES), min_size=1, max_size=3))
    # Mostly few values, so that the lines of a shape are mostly events.
    names, values, times = (
        draw(st.lists(st.sampled_from(texts), min_size=1, max_size=4)) for texts in (_NAMES, _VALUES, _TIMES)
    )
    line = st.builds(
        lambda shape, name, value, time: shape % {"name": name, "value": value, "time": time},
        st.sampled_from(shapes),
        st.sampled_from(names),
        st.sampled_from(values),
        st.sampled_from(times),
    )
    lines = draw(st.lists(line, min_size=1, max_size=40))
    return "\n".join(lines * draw(st.integers(1, 3))).encode()


@pytest.mark.skipif(not HAS_RUST, reason="built without the Rust body")
@given(
    fields=st.integers(0, 255),
    options=st.integers(0, 255),
    timing=st.integers(0, 255),
    seed=st.integers(0, 255),
    how=st.tuples(st.sampled_from(LEVELS), st.sampled_from(bodies.CACHES)),
    log=shaped_logs(),
)
def test_the_bodies_agree_on_every_query(  # each shrinks on its own
    fields: int, options: int, timing: int, seed: int, how: tuple[str, Sequence[str] | None], log: bytes
) -> None:
    """Every query means the same in both bodies, whatever instructions and caches the Rust body uses."""
    level, caches = how
    with mock.patch.dict(os.environ, {BODY_VARIABLE: f"rust-{level}"}):
        assert bodies.difference(bodies.cut(log, seed), bodies.query(fields, options, timing), caches) is None


@pytest.mark.skipif(not HAS_RUST, reason="built without the Rust body")
@given(log=testing.logs(max_lines=8), by=st.sampled_from([None, Timing(by="hour", optional=True)]))
@example(log=b'{"type":"a","value":1E+2}\n{"type":"a","value":2.50}\n{"type":"b","value":-0.0}\n', by=None)
@example(log=b'{"type":"a","value":%d}\n{"type":"a","value":0.10}\n' % 10**40, by=None)
def test_numbers_look_alike(log: bytes, by: Timing | None) -> None:
    """What a library user is given looks the same with either body, to the digits of each number."""
    shown = []
    for body in ("python", "rust"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("EVENTSTATS_KERNEL", body)
            shown.append(repr(summarize(io.BytesIO(log), timing=by)))
    assert shown[0] == shown[1]
