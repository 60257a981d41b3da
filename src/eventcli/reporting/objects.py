"""The formats `json` and `jsonl`: one object per row, numbers as exact literals."""

from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from eventcli.reporting.columns import COLUMNS, DEFAULT_STATS, OTHER_LABEL, Stat, cells_of, has_buckets, parts_of
from eventcli.summary.stats import LazyTypes, Types
from eventcli.summary.summary import Summary


def _objects(parts: Iterable[tuple[str | None, Types]], stats: Sequence[Stat], *, are_timed: bool) -> Iterator[str]:
    heads: list[str] = []
    columns: list[list[object]] = [[] for _ in ("type", *stats)]
    # All buckets at once: most hold few types, and the work per bucket takes longer than that for its rows.
    for start, types in parts:
        head = _head(start) if are_timed else ""
        heads += [head] * len(types)
        for column, cells in zip(columns, cells_of(types, stats, "null"), strict=True):
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
    import orjson  # noqa: PLC0415  # keeps start-up fast for nearly all runs

    # With one name per line: a line break within a name is escaped.
    return orjson.dumps(names, option=orjson.OPT_INDENT_2).decode()[4:-2].split(",\n  ")


_Around = tuple[str, str, str]
"""The bytes before the first row, between two rows, and after the last."""


def _in_json(summary: Summary, stats: Sequence[Stat], other_label: str, around: _Around) -> bytes:
    """Return one JSON object per row, with `around`; nothing if there is no row."""
    are_states = all(COLUMNS[stat].is_state for stat in stats)
    kept = _kept_as_text(summary, stats, other_label, around) if are_states else None
    if kept is not None:
        return kept[0] if len(kept) == 1 else b"".join(kept)
    return _with_ends(list(_objects(parts_of(summary, other_label), stats, are_timed=has_buckets(summary))), around)


def _with_ends(rows: list[str], around: _Around) -> bytes:
    """Return rows with `around`, in as few copies as possible: they can have gigabytes."""
    if not rows:
        return b""
    first, between, last = around
    rows[0] = first + rows[0]
    rows[-1] += last
    return between.join(rows).encode()


def _kept_as_text(summary: Summary, stats: Sequence[Stat], other_label: str, around: _Around) -> list[bytes] | None:
    """Return the rows of each part of the summary, if its body writes all of them, which is many times faster."""
    are_timed = has_buckets(summary)
    first, *others = [*(f',"{stat}":' for stat in stats), "}"]
    literals = ["", f'"{first}', *others]
    columns = ["type", *stats]
    parts = [(start, types) for start, types in parts_of(summary, other_label) if types]
    if not any(isinstance(types, LazyTypes) for _, types in parts):
        return None
    begin, between, end = around
    rows = []
    for at, (start, types) in enumerate(parts):
        ends = begin if at == 0 else "", between, end if at == len(parts) - 1 else between
        if isinstance(types, LazyTypes):
            literals[0] = f'{{{_head(start)}"type":"' if are_timed else '{"type":"'
            rows.append(types.columns.text(literals, columns, ends))
        elif len(types) == 1:  # the row of all other types
            rows.append(_with_ends(list(_objects([(start, types)], stats, are_timed=are_timed)), ends))
        else:
            return None
    return rows


def _head(start: str | None) -> str:
    return '"start":null,' if start is None else f'"start":"{start}",'


def json(summary: Summary, stats: Sequence[Stat] = DEFAULT_STATS, other_label: str = OTHER_LABEL) -> bytes:
    """Return one JSON array with one object per line."""
    return _in_json(summary, stats, other_label, ("[\n  ", ",\n  ", "\n]\n")) or b"[]\n"


def jsonl(summary: Summary, stats: Sequence[Stat] = DEFAULT_STATS, other_label: str = OTHER_LABEL) -> bytes:
    """Return one JSON object per line."""
    return _in_json(summary, stats, other_label, ("", "\n", "\n"))
