"""A Summary becomes bytes: one pure function a format."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from itertools import repeat
from typing import Final, Protocol, cast

from eventcli import exact
from eventcli.escape import printable
from eventcli.summary import LazyTypes, Summary, Types, TypeStats


class Stat(StrEnum):
    """What can be printed of a type beside its name."""

    COUNT = "count"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    MEAN = "mean"


DEFAULT_STATS: Final = (Stat.COUNT, Stat.SUM)

OTHER_LABEL: Final = "(other)"
"""What stands in place of a type in the row of all types beyond the limit, unless told otherwise."""


class UnknownStatError(Exception):
    """A statistic was asked for that an input did not hold: a printed result without its min and max."""


def _count(stats: TypeStats) -> str:
    return str(stats.count)


def _sum(stats: TypeStats) -> str:
    return exact.plain(stats.sum, integral=stats.integral)


def _mean(stats: TypeStats) -> str | None:
    # A quotient, and so always with a decimal point.
    return None if stats.mean is None else exact.plain(stats.mean, integral=False)


def _min(stats: TypeStats) -> str | None:
    return _extreme(stats, Stat.MIN, stats.min)


def _max(stats: TypeStats) -> str | None:
    return _extreme(stats, Stat.MAX, stats.max)


def _extreme(stats: TypeStats, stat: Stat, value: Decimal | None) -> str | None:
    if value is not None:
        return exact.plain(value, integral=stats.integral)
    if stats.count:
        raise UnknownStatError(stat)
    return None


CELLS: Final[dict[Stat, Callable[[TypeStats], str | None]]] = {
    Stat.COUNT: _count,
    Stat.SUM: _sum,
    Stat.MIN: _min,
    Stat.MAX: _max,
    Stat.MEAN: _mean,
}
"""Each statistic in plain decimal notation; None for min, max and mean of a count of 0. UnknownStatError if unknown."""


def _cells(types: Mapping[str, TypeStats], stats: Sequence[Stat], null: str | None = None) -> list[Iterable[object]]:
    """Return the names, and each statistic as it is printed; `null` for min, max and mean of a count of 0."""
    columns: list[Iterable[object]] = [types]
    printed: dict[Stat, Callable[[], Iterable[object]]] = {}
    if isinstance(types, LazyTypes):
        kept = types.columns
        printed = {Stat.COUNT: kept.counts, Stat.SUM: kept.sums, Stat.MIN: kept.mins, Stat.MAX: kept.maxs}
    for stat in stats:
        if stat in printed:
            columns.append(printed[stat]())
        else:
            cells = map(CELLS[stat], types.values())
            columns.append([null if cell is None else cell for cell in cells])
    return columns


def has_buckets(summary: Summary) -> bool:
    """Whether rows say when their bucket begins."""
    return summary.calendar is not None or bool(summary.buckets)


def _keys(summary: Summary) -> list[str]:
    return ["start", "type"] if has_buckets(summary) else ["type"]


def _parts(summary: Summary, other_label: str) -> Iterator[tuple[str | None, Types]]:
    """Yield rows that belong together: where their bucket begins (None: they are in none), and their stats by type."""
    if has_buckets(summary):
        from eventcli import times  # noqa: PLC0415  # start-up of all runs that ask for no time
    for bucket, types, other in summary.parts():
        start = None if bucket is None else times.shown(bucket)
        yield start, types
        if other is not None:
            yield start, {other_label: other}


def _objects(parts: Iterable[tuple[str | None, Types]], stats: Sequence[Stat], *, are_timed: bool) -> Iterator[str]:
    heads: list[str] = []
    columns: list[list[object]] = [[] for _ in ("type", *stats)]
    # All buckets at once: most hold few types, and what is done for each takes longer than its rows.
    for start, types in parts:
        head = _head(start) if are_timed else ""
        heads += [head] * len(types)
        for column, cells in zip(columns, _cells(types, stats, "null"), strict=True):
            column.extend(cells)
    if not heads:
        return iter(())
    names, *numbers = columns
    quoted = _quoted(cast("list[str]", names))
    template = '{%s"type":%s' + "".join([f',"{stat}":%s' for stat in stats]) + "}"
    return map(template.__mod__, zip(heads, quoted, *numbers, strict=True))


def _quoted(names: list[str]) -> list[str]:
    """Return names as JSON strings."""
    text = "".join(names)
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return [f'"{name}"' for name in names]
    import orjson  # noqa: PLC0415  # start-up of nearly all runs

    # With one name a line: a line break within a name is escaped.
    return orjson.dumps(names, option=orjson.OPT_INDENT_2).decode()[4:-2].split(",\n  ")


_Around = tuple[str, str, str]
"""What comes first, between two rows, and last."""


def _in_json(summary: Summary, stats: Sequence[Stat], other_label: str, around: _Around) -> bytes:
    """Return one JSON object a row, and what is around them; nothing where there is no row."""
    kept = None if Stat.MEAN in stats else _kept_as_text(summary, stats, other_label, around)
    if kept is not None:
        return kept[0] if len(kept) == 1 else b"".join(kept)
    return _with_ends(list(_objects(_parts(summary, other_label), stats, are_timed=has_buckets(summary))), around)


def _with_ends(rows: list[str], around: _Around) -> bytes:
    """Return rows with what is around them, in as few copies as can be: they can be of gigabytes."""
    if not rows:
        return b""
    first, between, last = around
    rows[0] = first + rows[0]
    rows[-1] += last
    return between.join(rows).encode()


def _kept_as_text(summary: Summary, stats: Sequence[Stat], other_label: str, around: _Around) -> list[bytes] | None:
    """Return the rows of each part of the summary, if its body writes all of them: it does so many times faster."""
    are_timed = has_buckets(summary)
    first, *others = [*(f',"{stat}":' for stat in stats), "}"]
    literals = ["", f'"{first}', *others]
    columns = ["type", *stats]
    parts = [(start, types) for start, types in _parts(summary, other_label) if types]
    if not any(isinstance(types, LazyTypes) for _, types in parts):
        return None
    begin, between, end = around
    rows = []
    for at, (start, types) in enumerate(parts):
        ends = begin if at == 0 else "", between, end if at == len(parts) - 1 else between
        if isinstance(types, LazyTypes):
            literals[0] = f'{{{_head(start)}"type":"' if are_timed else '{"type":"'
            rows.append(types.columns.text(literals, columns, ends))
        elif len(types) == 1:  # that of all other types
            rows.append(_with_ends(list(_objects([(start, types)], stats, are_timed=are_timed)), ends))
        else:
            return None
    return rows


def _head(start: str | None) -> str:
    return '"start":null,' if start is None else f'"start":"{start}",'


def json(summary: Summary, stats: Sequence[Stat] = DEFAULT_STATS, other_label: str = OTHER_LABEL) -> bytes:
    """Return one JSON array with one object a line."""
    return _in_json(summary, stats, other_label, ("[\n  ", ",\n  ", "\n]\n")) or b"[]\n"


def jsonl(summary: Summary, stats: Sequence[Stat] = DEFAULT_STATS, other_label: str = OTHER_LABEL) -> bytes:
    """Return one JSON object a line."""
    return _in_json(summary, stats, other_label, ("", "\n", "\n"))


def csv_(summary: Summary, stats: Sequence[Stat] = DEFAULT_STATS, other_label: str = OTHER_LABEL) -> bytes:
    """Return comma-separated values with a header; what is null is empty."""
    return _separated(summary, stats, other_label, ",")


def tsv(summary: Summary, stats: Sequence[Stat] = DEFAULT_STATS, other_label: str = OTHER_LABEL) -> bytes:
    """Return tab-separated values with a header, quoted as in csv where a type holds a tab, a quote or a newline."""
    return _separated(summary, stats, other_label, "\t")


def _separated(summary: Summary, stats: Sequence[Stat], other_label: str, delimiter: str) -> bytes:
    import csv  # noqa: PLC0415  # start-up of the other formats

    lines = _Lines()
    writer = csv.writer(lines, delimiter=delimiter, lineterminator=_Lines.END)
    writer.writerow([*_keys(summary), *stats])
    for start, types in _parts(summary, other_label):
        cells = _cells(types, stats)
        if has_buckets(summary):
            cells = [repeat(start, len(types)), *cells]
        writer.writerows(zip(*cells, strict=True))
    return "".join(lines).encode()


class _Lines(list[str]):
    """Takes lines of a csv writer, which must end them in CRLF to quote a type with either, and ends them in LF."""

    END: Final = "\r\n"

    def write(self, line: str) -> None:
        self.append(line.removesuffix(self.END) + "\n")


def table(
    summary: Summary,
    stats: Sequence[Stat] = DEFAULT_STATS,
    other_label: str = OTHER_LABEL,
    width: int | None = None,
) -> bytes:
    """Return a table for people: aligned, thousands separated, a line of totals.

    Control and bidirectional characters of a type are escaped. `width` is that of the terminal in columns: long types
    are cut to fit; None cuts nothing.
    """
    keys = _keys(summary)
    names = len(keys)
    body = [
        [*(["-" if start is None else start] if has_buckets(summary) else []), printable(name), *_people(values, stats)]
        for start, types in _parts(summary, other_label)
        for name, values in types.items()
    ]
    total = ["total", *[""] * (names - 1), *_people(summary.total, stats)]
    rows = [[*keys, *stats], *body, total]
    widths = [max(_columns(row[column]) for row in rows) for column in range(len(rows[0]))]
    if width is not None:
        at = names - 1
        others = sum(widths) - widths[at] + 2 * (len(widths) - 1)
        widths[at] = max(min(widths[at], width - others), len("total"))
    lines = [_line(row, widths, names) for row in rows]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    return "".join(f"{line}\n" for line in (lines[0], rule, *lines[1:-1], rule, lines[-1])).encode()


def _people(values: TypeStats, stats: Sequence[Stat]) -> list[str]:
    return [_thousands(CELLS[stat](values) or "-") for stat in stats]


def _thousands(number: str) -> str:
    whole, point, fraction = number.partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    head = len(digits) % 3
    groups = [digits[:head]] * bool(head) + [digits[i : i + 3] for i in range(head, len(digits), 3)]
    return sign + ",".join(groups) + point + fraction


def _line(row: Sequence[str], widths: Sequence[int], names: int) -> str:
    """Return a line of a table: `names` cells to the left, numbers to the right."""
    padded = []
    for name, width in zip(row[:names], widths[:names], strict=True):
        text = _cut(name, width)
        padded.append(text + " " * (width - _columns(text)))
    return "  ".join([*padded, *(cell.rjust(width) for cell, width in zip(row[names:], widths[names:], strict=True))])


def _columns(text: str) -> int:
    """Return how many terminal columns a text takes: East Asian wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    import unicodedata  # noqa: PLC0415  # start-up of nearly all runs

    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.category(character) in {"Mn", "Me"} for character in text)


def _cut(text: str, columns: int) -> str:
    if _columns(text) <= columns:
        return text
    kept = ""
    for character in text:
        if _columns(kept + character) >= columns:
            break
        kept += character
    return kept + "…"


class Format(Protocol):
    """A Summary becomes bytes."""

    def __call__(self, summary: Summary, stats: Sequence[Stat] = ..., other_label: str = ..., /) -> bytes:
        """Return all rows with these statistics; `other_label` names the row of types beyond the limit."""


FORMATS: Final[dict[str, Format]] = {
    "json": json,
    "jsonl": jsonl,
    "csv": csv_,
    "tsv": tsv,
    "table": table,
}
"""The formats by name."""
