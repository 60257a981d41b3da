"""A record of a benchmark run as tables in Markdown: one for all workloads, one for each, and the goals.

The speed of a tool is that of the fastest peer with a right answer (exact, or rounded as float sums are) set to 1.
"""

import argparse
import json
import statistics
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

Record = dict[str, Any]
Result = dict[str, Any]

_RIGHT: Final = ("exact", "rounded")
_WALL, _CPU, _PEAK = range(3)


class Goal(NamedTuple):
    """Something to reach: `measured` is None where the record does not tell."""

    text: str
    measured: float | None
    bound: float
    at_least: bool = True

    @property
    def reached(self) -> bool | None:
        """Whether it was reached, if that is known."""
        if self.measured is None:
            return None
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound


def markdown(record: Record) -> str:
    """Return the whole report."""
    parts = [_heading(record)]
    if record["workloads"]:
        parts.append(_overview(record))
    parts += [_details(workload) for workload in record["workloads"]]
    if record["fold"]:
        parts.append(_fold(record))
    if record["scale"] == 1:
        parts.append(_goals(record))
    parts += [f"Not exact: {text}\n" for text in inexact(record)]
    return "\n".join(parts)


def inexact(record: Record) -> list[str]:
    """Return the workloads and bodies on which eventstats did not give the exact answer."""
    return [
        f"({workload['key']}) {result['title']}: {result['agreement']} {result['detail']}".rstrip()
        for workload in record["workloads"]
        for result in workload["results"]
        if result["kind"] == "eventstats" and result["agreement"] != "exact"
    ]


# ------------------------------------------------------------------------------------------ tables


def _heading(record: Record) -> str:
    machine = record["machine"]
    versions = ", ".join(f"{tool} {version}" for tool, version in record["versions"].items() if version)
    absent = ", ".join(tool for tool, version in record["versions"].items() if not version)
    computer = f"{machine['cores']} cores of {machine['cpu']}, {machine['memory_bytes'] / 1e9:.0f} GB"
    system = f"{machine['system']} {machine['kernel']}"
    changes = " with changes" if record["modified"] else ""
    paragraphs = (
        f"Commit {record['commit']}{changes}, {record['date'][:10]}, {computer}, {system}.",
        f"Medians of {record['rounds']} interleaved runs of the whole process, warm cache.",
        f"Command: `{record['command']}`",
        f"Versions: {versions}." + (f" Not here: {absent}." if absent else ""),
    )
    return "".join(f"{paragraph}\n\n" for paragraph in paragraphs)


def _overview(record: Record) -> str:
    """Return the table that docs/speed.md shows: a row a tool, a column a workload, seconds and speed."""
    titles: dict[str, str] = {}
    for workload in record["workloads"]:
        titles |= {result["tool"]: result["title"] for result in workload["results"]}
    rows = [["seconds (speed)", *(f"({workload['key']})" for workload in record["workloads"])]]
    for tool, title in titles.items():
        row = [title]
        for workload in record["workloads"]:
            result = _result(workload, tool)
            row.append("" if result is None else _cell(result, fastest_peer(workload)))
        rows.append(row)
    workloads = "; ".join(
        f"({workload['key']}) {workload['title']}: {_amount(workload)}" for workload in record["workloads"]
    )
    marks = "≈: rounded sums. ¹: run once, because it is slow. Speed: the fastest peer with a right answer is 1."
    return f"{_table(rows)}\n{workloads}. {marks}\n"


def _cell(result: Result, fastest: Result | None) -> str:
    if result["agreement"] in ("wrong", "failed", "too slow"):
        return str(result["agreement"])
    wall = median(result, _WALL)
    text = f"{_three_digits(wall)}{'≈' if result['agreement'] == 'rounded' else ''}{_once(result)}"
    return f"{text} ({_speed(median(fastest, _WALL) / wall)})" if fastest is not None else text


def _details(workload: dict[str, Any]) -> str:
    rows = [["tool", "answer", "seconds", "GB/s", "speed", "CPU seconds", "peak memory, MB"]]
    fastest = fastest_peer(workload)
    for result in sorted(workload["results"], key=_place):
        row = [result["title"], result["agreement"]]
        if result["agreement"] not in ("failed", "too slow"):
            wall = median(result, _WALL)
            row += [
                _three_digits(wall) + _once(result),
                _three_digits(workload["bytes"] / wall / 1e9) if workload["bytes"] > 1e6 else "",  # noqa: PLR2004
                _speed(median(fastest, _WALL) / wall) if fastest is not None else "",
                _three_digits(median(result, _CPU)),
                f"{median(result, _PEAK):.0f}",
            ]
        rows.append(row + [""] * (len(rows[0]) - len(row)))
    notes = [f"- {result['title']}: {result['detail']}" for result in workload["results"] if result["detail"]]
    if workload["others"] is not None:
        notes.append(f"- Other processes took {workload['others']:.0%} of the cores meanwhile.")
    title = f"### ({workload['key']}) {workload['title']}: {_amount(workload)}"
    return "\n".join([title, "", _table(rows), *notes, ""])


def _fold(record: Record) -> str:
    rows = [["the fold alone, on one core", "body", "GB/s"]]
    for result in record["fold"]:
        speed = statistics.median(result["gigabytes_per_second"])
        rows.append([f"({result['key']}) {result['title']}", result["body"], _three_digits(speed)])
    return _table(rows)


def _goals(record: Record) -> str:
    rows = [["goal", "bound", "measured", ""]]
    for goal in goals(record):
        bound = f"{'at least' if goal.at_least else 'at most'} {goal.bound:g}"
        verdict = {None: "not measured", True: "reached", False: "MISSED"}[goal.reached]
        rows.append([goal.text, bound, "" if goal.measured is None else f"{goal.measured:.2f}", verdict])
    return _table(rows)


def _table(rows: list[list[str]]) -> str:
    head, *body = rows
    ruler = ["---", *("---" if text in ("answer", "body", "") else "--:" for text in head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ruler, *body]) + "\n"


def _place(result: Result) -> tuple[bool, float]:
    unfinished = result["agreement"] in ("failed", "too slow")
    return unfinished, 0.0 if unfinished else median(result, _WALL)


def _amount(workload: dict[str, Any]) -> str:
    megabytes = workload["bytes"] / 1e6
    size = f"{megabytes:,.0f} MB" if megabytes >= 1 else f"{workload['bytes']:,} bytes"
    return f"{workload['lines']:,} lines, {size}"


def _three_digits(number: float) -> str:
    return f"{number:#.3g}" if number < 100 else f"{number:.0f}"  # noqa: PLR2004  # three digits


def _speed(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.1f}"  # noqa: PLR2004  # enough digits to compare


def _once(result: Result) -> str:
    return "¹" if result["once"] else ""


# ------------------------------------------------------------------------------------------ numbers


def median(result: Result, which: int) -> float:
    """Return the median of one number of the samples."""
    values: list[float] = [sample[which] for sample in result["samples"]]
    return statistics.median(values)


def fastest_peer(workload: dict[str, Any]) -> Result | None:
    """Return the result of the fastest peer that gave a right answer."""
    right = [result for result in workload["results"] if result["kind"] == "peer" and result["agreement"] in _RIGHT]
    return min(right, key=lambda result: median(result, _WALL), default=None)


def goals(record: Record) -> Iterator[Goal]:
    """Yield what the Rust body is to reach, with what the record says about it."""
    found = {workload["key"]: workload for workload in record["workloads"]}

    def number(key: str, tool: str, which: int = _WALL) -> float | None:
        result = _result(found[key], tool) if key in found else None
        done = result is not None and result["agreement"] not in ("wrong", "failed", "too slow")
        return median(result, which) if result is not None and done else None

    def peer(key: str) -> float | None:
        fastest = fastest_peer(found[key]) if key in found else None
        return None if fastest is None else median(fastest, _WALL)

    def ratio(numerator: float | None, denominator: float | None) -> float | None:
        return None if numerator is None or denominator is None else numerator / denominator

    def difference(whole: float | None, start: float | None) -> float | None:
        return None if whole is None or start is None else whole - start

    for key, bound in (("a", 4.0), ("b", 7.0), ("c", 3.0), ("d", 3.0), ("e", 2.0), ("f", 3.0)):
        yield Goal(f"({key}) speed, the fastest peer is 1", ratio(peer(key), number(key, "rust")), bound)
    click = ratio(number("g", "rust"), number("g", "click"))
    yield Goal("(g) time, as a multiple of importing click", click, 1.3, at_least=False)
    speeds = [
        statistics.median(fold["gigabytes_per_second"])
        for fold in record["fold"]
        if (fold["key"], fold["body"]) == ("a", "rust")
    ]
    # 1.5 GB/s where DuckDB needs 1.0 s for 360 MB: its seconds for as much say how fast this machine is.
    duckdb = number("a", "duckdb-cli") or number("a", "duckdb")
    scaled = speeds[0] * duckdb * 360e6 / found["a"]["bytes"] if speeds and duckdb is not None else None
    yield Goal("the fold alone on (a), GB/s times DuckDB's seconds for 360 MB", scaled, 1.5)
    threads = ratio(number("b", "rust-1"), number("b", "rust"))
    yield Goal("(b) speed, one thread is 1", threads, 1.7)
    longer = ratio(number("j", "rust"), number("a", "rust"))
    yield Goal("(j) time, as a multiple of (a), a tenth of it", longer, 10.5, at_least=False)
    hour = ratio(number("a", "rust-hour"), number("a", "rust"))
    yield Goal("(a) time by the hour, the plain run is 1", hour, 1.5, at_least=False)
    window = ratio(number("a", "rust-window"), number("a", "rust"))
    yield Goal("(a) time within a window, the plain run is 1", window, 1.5, at_least=False)
    nested = ratio(number("k", "rust"), number("a", "rust"))
    yield Goal("(k) time with nested fields, (a) is 1", nested, 1.2, at_least=False)
    # The rate of a library is that without a start of Python; ten lines tell how long each takes for that.
    isal, gzip = (difference(number("a", tool), number("g", tool)) for tool in ("isal", "rust-gzip"))
    yield Goal("(a) rate on gzip behind the start, isal that only decompresses is 1", ratio(isal, gzip), 0.9)
    files = ratio(number("a", "rust-files"), number("a", "rust"))
    yield Goal("(a) time as 10,000 files, one file is 1", files, 1.5, at_least=False)
    titles = {"rust-hour": "by the hour", "rust-window": "within a window"}
    titles |= {"rust-gzip": "on gzip", "rust-files": "as 10,000 files"}
    for tool, title in titles.items():
        yield Goal(f"(a) peak memory {title}, MB", number("a", tool, _PEAK), 120.0, at_least=False)
    for key in "bj":
        yield Goal(f"({key}) peak memory, MB", number(key, "rust", _PEAK), 100.0, at_least=False)
    memory = ratio(number("j", "rust", _PEAK), number("a", "rust", _PEAK))
    yield Goal("(j) peak memory, as a multiple of (a)", memory, 1.1, at_least=False)


def _result(workload: dict[str, Any], tool: str) -> Result | None:
    return next((result for result in workload["results"] if result["tool"] == tool), None)


def main() -> None:
    """Print the report of a record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("record", metavar="RECORD", help="a file of benchmarks/runs")
    options = parser.parse_args()
    with open(options.record, encoding="utf-8") as file:
        print(markdown(json.load(file)))


if __name__ == "__main__":
    main()
