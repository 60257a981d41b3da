"""The format `table`, for people: aligned, thousands separated, cut to the width of a terminal."""

from collections.abc import Sequence

from eventcli.reporting.columns import COLUMNS, DEFAULT_STATS, OTHER_LABEL, Stat, has_buckets, keys_of, parts_of
from eventcli.summary.stats import TypeStats
from eventcli.summary.summary import Summary
from eventcli.text import printable


def table(
    summary: Summary,
    stats: Sequence[Stat] = DEFAULT_STATS,
    other_label: str = OTHER_LABEL,
    width: int | None = None,
) -> bytes:
    """Return a table for people: aligned, thousands separated, with a line of totals.

    Control and bidirectional characters in a type are escaped. `width` is the terminal width in columns: long types are
    cut to fit; None cuts nothing.
    """
    keys = keys_of(summary)
    names = len(keys)
    body = [
        [*(["-" if start is None else start] if has_buckets(summary) else []), printable(name), *_people(values, stats)]
        for start, types in parts_of(summary, other_label)
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
    return [_thousands(COLUMNS[stat].text(values) or "-") for stat in stats]


def _thousands(number: str) -> str:
    whole, point, fraction = number.partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    head = len(digits) % 3
    groups = [digits[:head]] * bool(head) + [digits[i : i + 3] for i in range(head, len(digits), 3)]
    return sign + ",".join(groups) + point + fraction


def _line(row: Sequence[str], widths: Sequence[int], names: int) -> str:
    """Return a line of a table: `names` cells aligned left, numbers right."""
    padded = []
    for name, width in zip(row[:names], widths[:names], strict=True):
        text = _cut(name, width)
        padded.append(text + " " * (width - _columns(text)))
    return "  ".join([*padded, *(cell.rjust(width) for cell, width in zip(row[names:], widths[names:], strict=True))])


def _columns(text: str) -> int:
    """Return how many terminal columns a text takes: East Asian wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    import unicodedata  # noqa: PLC0415  # keeps start-up fast for nearly all runs

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
