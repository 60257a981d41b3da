"""The formats `csv` and `tsv`, quoted as the csv module of the standard library quotes."""

from collections.abc import Sequence
from itertools import repeat
from typing import Final

from eventcli.reporting.columns import DEFAULT_STATS, OTHER_LABEL, Stat, cells_of, has_buckets, keys_of, parts_of
from eventcli.summary.summary import Summary


def csv_(summary: Summary, stats: Sequence[Stat] = DEFAULT_STATS, other_label: str = OTHER_LABEL) -> bytes:
    """Return comma-separated values with a header; null values are empty."""
    return _separated(summary, stats, other_label, ",")


def tsv(summary: Summary, stats: Sequence[Stat] = DEFAULT_STATS, other_label: str = OTHER_LABEL) -> bytes:
    """Return tab-separated values with a header, quoted as in csv if a type contains a tab, a quote or a newline."""
    return _separated(summary, stats, other_label, "\t")


def _separated(summary: Summary, stats: Sequence[Stat], other_label: str, delimiter: str) -> bytes:
    import csv  # noqa: PLC0415  # keeps start-up fast for other formats

    lines = _Lines()
    writer = csv.writer(lines, delimiter=delimiter, lineterminator=_Lines.END)
    writer.writerow([*keys_of(summary), *stats])
    for start, types in parts_of(summary, other_label):
        cells = cells_of(types, stats)
        if has_buckets(summary):
            cells = [repeat(start, len(types)), *cells]
        writer.writerows(zip(*cells, strict=True))
    return "".join(lines).encode()


class _Lines(list[str]):
    """Ends lines of a csv writer in LF: the writer must use CRLF so that it quotes types with either character."""

    END: Final = "\r\n"

    def write(self, line: str) -> None:
        self.append(line.removesuffix(self.END) + "\n")
