"""`eventcli.reporting.formats`: what is printed can be read back by the standard library, and by people."""

import csv
import io
import json
import unicodedata
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eventcli import Account, Summary, TypeStats, summarize, testing
from eventcli.lines.query import Timing
from eventcli.reporting import objects as objects_module
from eventcli.reporting import separated, table
from eventcli.reporting.columns import DEFAULT_STATS, Stat, UnknownStatError
from eventcli.reporting.formats import FORMATS
from eventcli.text import printable
from outcome import ALWAYS

ALL = ALWAYS

NUMBERS = st.lists(st.one_of(testing.ordinary_numbers(), testing.unusual_numbers(accepted=True)), max_size=3)


def stats_of(literals: list[str]) -> TypeStats:
    """Return the stats of some values."""
    total = TypeStats()
    for literal in literals:
        value = Decimal(literal)
        total += TypeStats(1, value, literal.lstrip("-").isdigit(), value, value)
    return total


SUMMARIES = st.dictionaries(testing.event_types(), NUMBERS.map(stats_of), max_size=5).map(Summary)

SELECTIONS = st.lists(st.sampled_from(ALL), min_size=1, max_size=5, unique=True).map(tuple)


def expected(stats: TypeStats, stat: Stat) -> Decimal | int | None:
    """Return the number that is to be printed."""
    values = (stats.count, stats.sum, stats.min, stats.max, stats.mean)
    return dict(zip(ALL, values, strict=True))[stat]


@pytest.mark.parametrize("name", ["json", "jsonl"])
@given(summary=SUMMARIES, stats=SELECTIONS)
def test_json_reads_back(name: str, summary: Summary, stats: tuple[Stat, ...]) -> None:
    """The standard library reads the same types and exact numbers, in the same order and with the keys asked for."""
    text = FORMATS[name](summary, stats).decode()
    if name == "json":
        objects = json.loads(text, parse_float=Decimal)
    else:
        objects = [json.loads(line, parse_float=Decimal) for line in text.split("\n")[:-1]]
    assert [list(found) for found in objects] == [["type", *stats]] * len(summary.types)
    assert [(found["type"], *(found[stat] for stat in stats)) for found in objects] == [
        (kind, *(expected(values, stat) for stat in stats)) for kind, values in summary.types.items()
    ]


@pytest.mark.parametrize("name", FORMATS)
@given(log=testing.logs(), stats=SELECTIONS)
def test_what_a_body_keeps_as_text_is_printed_alike(name: str, body: str, log: bytes, stats: tuple[Stat, ...]) -> None:
    """The summary of a fold, whose numbers may be text already, gives the same bytes as one made of numbers."""
    summary = summarize(io.BytesIO(log))
    expected_bytes = FORMATS[name](Summary({**summary.types}, summary.account, summary.sources), stats)
    assert FORMATS[name](summarize(io.BytesIO(log)), stats) == expected_bytes, body


def timed_line(kind: str, value: str, time: str) -> bytes:
    """Return an event; where the time is empty it has none."""
    at = f',"occurred_at":"{time}"' if time else ""
    return f'{{"type":{json.dumps(kind)},"value":{value}{at}}}'.encode()


TIMED_LOGS = testing.logs(
    line=st.builds(
        timed_line,
        st.sampled_from(("sale", "a b", "", 'a "quote"', "caf\u00e9")),
        st.sampled_from(("1", "-0.50")),
        st.sampled_from(("2020-10-06 10:02:05", "2020-10-06 11:00:00", "")),
    )
)


@pytest.mark.parametrize("name", FORMATS)
@given(log=TIMED_LOGS, stats=SELECTIONS, by=st.sampled_from(("hour", "day")), max_types=st.sampled_from((1, 100)))
def test_what_a_body_keeps_of_buckets_is_printed_alike(
    name: str, body: str, log: bytes, stats: tuple[Stat, ...], by: str, max_types: int
) -> None:
    """The same holds for rows in buckets, and for those of all types beyond a limit."""
    summary = summarize(io.BytesIO(log), timing=Timing(by=by, optional=True), max_types=max_types)
    buckets = {bucket: {**types} for bucket, types in summary.buckets.items()}
    made = Summary(
        {**summary.types},
        summary.account,
        (),
        buckets,
        summary.other,
        max_types=max_types,
        calendar=summary.calendar,
        max_type_bytes=summary.max_type_bytes,
    )
    assert FORMATS[name](summary, stats) == FORMATS[name](made, stats), body


@given(SUMMARIES)
def test_json_is_one_object_a_line(summary: Summary) -> None:
    """The array has one object a line, the objects are those of jsonl, and the last line ends with a newline."""
    text = objects_module.json(summary).decode()
    objects = objects_module.jsonl(summary).decode().split("\n")[:-1]
    assert text == ("[\n" + ",\n".join(f"  {line}" for line in objects) + "\n]\n" if objects else "[]\n")


@given(SUMMARIES)
def test_integers_and_decimals_look_different(summary: Summary) -> None:
    """A sum of integers is an integer to a reader of JSON, any other sum is not, and none has an exponent."""
    for found, stats in zip(
        json.loads(objects_module.json(summary), parse_float=str), summary.types.values(), strict=True
    ):
        assert isinstance(found["sum"], int if stats.integral else str)
        assert "e" not in str(found["sum"]).lower()


@pytest.mark.parametrize(("name", "delimiter"), [("csv", ","), ("tsv", "\t")])
@given(summary=SUMMARIES, stats=SELECTIONS)
@example(summary=Summary({"a\rb": TypeStats()}), stats=DEFAULT_STATS)
@example(summary=Summary({"": TypeStats(), "\n": TypeStats(), '"': TypeStats(), ",\t": TypeStats()}), stats=(Stat.MIN,))
def test_separated_values_read_back(name: str, delimiter: str, summary: Summary, stats: tuple[Stat, ...]) -> None:
    """The csv module reads the same types and exact numbers under a header; what is null is empty."""
    text = FORMATS[name](summary, stats).decode()
    header, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    assert header == ["type", *stats]
    assert [(kind, *(Decimal(cell) if cell else None for cell in cells)) for kind, *cells in rows] == [
        (kind, *(expected(values, stat) for stat in stats)) for kind, values in summary.types.items()
    ]


def columns(text: str) -> int:
    """Return the columns that a terminal gives to printable text."""
    marks = sum(unicodedata.category(character) in {"Mn", "Me"} for character in text)
    return len(text) + sum(unicodedata.east_asian_width(character) in "WF" for character in text) - marks


@given(summary=SUMMARIES, stats=SELECTIONS)
@example(summary=Summary({"漢字": TypeStats(), "e\u0301": TypeStats(), "क\u0941": TypeStats()}), stats=DEFAULT_STATS)
@example(summary=Summary({"Stra\u00dfe": TypeStats(), "a\u20dd": TypeStats()}), stats=DEFAULT_STATS)
def test_a_table_is_aligned(summary: Summary, stats: tuple[Stat, ...]) -> None:
    """All lines of a table take the same number of columns, and no type can break a line or move the cursor."""
    lines = table.table(summary, stats).decode().split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(summary.types) + 4
    assert len({columns(line) for line in lines}) == 1
    assert all(line.isprintable() for line in lines)
    assert lines[0].split() == ["type", *stats]


@given(SUMMARIES)
def test_a_table_ends_with_totals(summary: Summary) -> None:
    """The last line of a table holds the totals; thousands are separated, and no digit is changed."""
    lines = table.table(summary).decode().split("\n")[:-1]
    for line, stats in zip((*lines[2:-2], lines[-1]), (*summary.types.values(), summary.total), strict=True):
        count, total = line.rsplit(maxsplit=2)[-2:]
        assert count == f"{stats.count:,}"
        assert Decimal(total.replace(",", "")) == stats.sum
        groups = total.lstrip("-").partition(".")[0].split(",")
        assert all(len(group) == 3 for group in groups[1:])
        assert 1 <= len(groups[0]) <= 3


@given(summary=SUMMARIES, width=st.integers(1, 200))
@example(summary=Summary({"漢字" * 50: TypeStats(1), "x" * 100: TypeStats(2)}), width=40)
@example(summary=Summary({"漢字" * 50: TypeStats(1), "x" * 100: TypeStats(2)}), width=41)
def test_a_table_fits_the_terminal(summary: Summary, width: int) -> None:
    """A table is cut to the width of the terminal as long as the numbers leave five columns for the types."""
    uncut = table.table(summary).decode().split("\n")[:-1]
    names = max(columns(printable(name)) for name in (*summary.types, "total"))
    needed = columns(uncut[0]) - names + len("total")
    lines = table.table(summary, DEFAULT_STATS, width=width).decode().split("\n")[:-1]
    assert len({columns(line) for line in lines}) == 1
    assert columns(lines[0]) <= max(width, needed)


def test_a_type_that_is_cut_says_so() -> None:
    """A type that does not fit ends with an ellipsis; one that just fits is whole."""
    summary = Summary({"abcdefgh": TypeStats(1, Decimal(1))})
    wide, narrow = (table.table(summary, DEFAULT_STATS, width=width).decode().split("\n")[2] for width in (20, 19))
    assert wide.startswith("abcdefgh ")
    assert narrow.startswith("abcdef… ")


def test_every_format_of_one_summary() -> None:
    """Each format prints the same small summary as documented."""
    summary = Summary(
        {
            "page_view": TypeStats(60, Decimal(60), min=Decimal(1), max=Decimal(1)),
            "purchase": TypeStats(75, Decimal("1650.00"), integral=False, min=Decimal("0.50"), max=Decimal(99)),
            "refund": TypeStats(),
        },
        Account(135, 135),
    )
    assert objects_module.json(summary) == (
        b'[\n  {"type":"page_view","count":60,"sum":60},\n'
        b'  {"type":"purchase","count":75,"sum":1650.0},\n'
        b'  {"type":"refund","count":0,"sum":0}\n]\n'
    )
    assert objects_module.jsonl(summary, ALL) == (
        b'{"type":"page_view","count":60,"sum":60,"min":1,"max":1,"mean":1.0}\n'
        b'{"type":"purchase","count":75,"sum":1650.0,"min":0.5,"max":99.0,"mean":22.0}\n'
        b'{"type":"refund","count":0,"sum":0,"min":null,"max":null,"mean":null}\n'
    )
    assert separated.csv_(summary, ALL) == (
        b"type,count,sum,min,max,mean\npage_view,60,60,1,1,1.0\npurchase,75,1650.0,0.5,99.0,22.0\nrefund,0,0,,,\n"
    )
    assert separated.tsv(summary) == b"type\tcount\tsum\npage_view\t60\t60\npurchase\t75\t1650.0\nrefund\t0\t0\n"
    assert table.table(summary).decode() == (
        "type       count      sum\n"
        "-------------------------\n"
        "page_view     60       60\n"
        "purchase      75  1,650.0\n"
        "refund         0        0\n"
        "-------------------------\n"
        "total        135  1,710.0\n"
    )


def test_nothing_is_printed_as_nothing() -> None:
    """A summary without types is an empty array, no lines, a header, or a table with totals of zero."""
    assert objects_module.json(Summary()) == b"[]\n"
    assert objects_module.jsonl(Summary()) == b""
    assert separated.csv_(Summary()) == b"type,count,sum\n"
    assert table.table(Summary()).decode().splitlines()[-1].split() == ["total", "0", "0"]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("stat", [Stat.MIN, Stat.MAX])
def test_what_is_not_known_is_not_printed(name: str, stat: Stat) -> None:
    """Where min and max were not in an input, asking for them is an error, not a null."""
    summary = Summary({"a": TypeStats(1, Decimal(5))})
    with pytest.raises(UnknownStatError, match=stat):
        FORMATS[name](summary, (stat,))
