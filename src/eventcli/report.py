"""A Summary becomes bytes: one pure function a format."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Final

import orjson

from eventcli import exact
from eventcli.escape import printable
from eventcli.summary import LazyTypes, Summary, TypeStats


class Stat(StrEnum):
    """What can be printed of a type beside its name."""

    COUNT = "count"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    MEAN = "mean"


DEFAULT_STATS: Final = (Stat.COUNT, Stat.SUM)


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


def _objects(summary: Summary, stats: Sequence[Stat]) -> Iterator[str]:
    if not summary.types:
        return iter(())
    names, *numbers = _cells(summary.types, stats, "null")
    # With one name a line: a line break within a name is escaped.
    quoted = orjson.dumps(list(names), option=orjson.OPT_INDENT_2).decode()[4:-2].split(",\n  ")
    template = '{"type":%s' + "".join([f',"{stat}":%s' for stat in stats]) + "}"
    return map(template.__mod__, zip(quoted, *numbers, strict=True))


def json(summary: Summary, stats: Sequence[Stat] = DEFAULT_STATS) -> bytes:
    """Return one JSON array with one object a line."""
    rows = ",\n  ".join(_objects(summary, stats))
    return f"[\n  {rows}\n]\n".encode() if rows else b"[]\n"


def jsonl(summary: Summary, stats: Sequence[Stat] = DEFAULT_STATS) -> bytes:
    """Return one JSON object a line."""
    return "".join([f"{row}\n" for row in _objects(summary, stats)]).encode()


def csv_(summary: Summary, stats: Sequence[Stat] = DEFAULT_STATS) -> bytes:
    """Return comma-separated values with a header; what is null is empty."""
    return _separated(summary, stats, ",")


def tsv(summary: Summary, stats: Sequence[Stat] = DEFAULT_STATS) -> bytes:
    """Return tab-separated values with a header, quoted as in csv where a type holds a tab, a quote or a newline."""
    return _separated(summary, stats, "\t")


def _separated(summary: Summary, stats: Sequence[Stat], delimiter: str) -> bytes:
    import csv  # noqa: PLC0415  # start-up of the other formats

    lines = _Lines()
    writer = csv.writer(lines, delimiter=delimiter, lineterminator=_Lines.END)
    writer.writerow(["type", *stats])
    writer.writerows(zip(*_cells(summary.types, stats), strict=True))
    return "".join(lines).encode()


class _Lines(list[str]):
    """Takes lines of a csv writer, which must end them in CRLF to quote a type with either, and ends them in LF."""

    END: Final = "\r\n"

    def write(self, line: str) -> None:
        self.append(line.removesuffix(self.END) + "\n")


def table(summary: Summary, stats: Sequence[Stat] = DEFAULT_STATS, width: int | None = None) -> bytes:
    """Return a table for people: aligned, thousands separated, a line of totals.

    Control and bidirectional characters of a type are escaped. `width` is that of the terminal in columns: long types
    are cut to fit; None cuts nothing.
    """
    body = [[printable(name), *_people(values, stats)] for name, values in summary.types.items()]
    header = ["type", *stats]
    total = ["total", *_people(summary.total, stats)]
    rows = [header, *body, total]
    widths = [max(_columns(row[column]) for row in rows) for column in range(len(header))]
    if width is not None:
        widths[0] = max(min(widths[0], width - sum(widths[1:]) - 2 * len(stats)), len("total"))
    lines = [_line(row, widths) for row in rows]
    rule = "-" * (sum(widths) + 2 * len(stats))
    return "".join(f"{line}\n" for line in (lines[0], rule, *lines[1:-1], rule, lines[-1])).encode()


def _people(values: TypeStats, stats: Sequence[Stat]) -> list[str]:
    return [_thousands(CELLS[stat](values) or "-") for stat in stats]


def _thousands(number: str) -> str:
    whole, point, fraction = number.partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    head = len(digits) % 3
    groups = [digits[:head]] * bool(head) + [digits[i : i + 3] for i in range(head, len(digits), 3)]
    return sign + ",".join(groups) + point + fraction


def _line(row: Iterable[str], widths: Sequence[int]) -> str:
    name, *cells = row
    name = _cut(name, widths[0])
    padded = name + " " * (widths[0] - _columns(name))
    return "  ".join([padded, *(cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))])


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


FORMATS: Final[dict[str, Callable[[Summary, Sequence[Stat]], bytes]]] = {
    "json": json,
    "jsonl": jsonl,
    "csv": csv_,
    "tsv": tsv,
    "table": table,
}
"""The formats by name."""
