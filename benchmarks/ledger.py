"""The ledger: what ingesting costs beside summarising, what a long log costs, and what a year of totals costs.

Ingests workload (a) into a new ledger, beside `summarize --by hour`; 100 new lines of a log of 1 GB, beside 100 of an
empty one; and totals a ledger of 876,000 rows, a year of hours by 100 types. Runs are interleaved; prints the medians,
and ends with 1 where one misses its goal.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import workloads
from measuring import Sample, find_eventstats, run_process

LEAST_RATE: Final = 0.8
MOST_RATIO: Final = 1.5
MOST_SECONDS: Final = 2.0
MOST_MEGABYTES: Final = 200.0

_PATIENCE: Final = 600.0
_LONG: Final = 10**9
_HOURS: Final = 8760
_TYPES: Final = 100


def _run(command: Sequence[str]) -> Sample:
    finished = run_process(command, environment={}, timeout=_PATIENCE)
    if finished.status or finished.sample is None:
        sys.exit(f"{' '.join(command)} failed: {finished.stderr}")
    return finished.sample


def _ingest(tool: str, ledger: str, log: str) -> Sample:
    return _run([tool, "ingest", "--ledger", ledger, log, "-o", os.devnull])


def _afresh(tool: str, ledger: str, log: str) -> Sample:
    if os.path.exists(ledger):
        os.unlink(ledger)
    return _ingest(tool, ledger, log)


def _more(tool: str, ledger: str, log: str, lines: bytes) -> Sample:
    with open(log, "ab") as file:
        file.write(lines)
    return _ingest(tool, ledger, log)


def _write_long(path: str, source: str) -> None:
    """Write a log of 1 GB; its lines are those of another one, again and again."""
    with open(path, "wb") as file:
        while file.tell() < _LONG:
            with open(source, "rb") as lines:
                shutil.copyfileobj(lines, file, 1 << 20)


def _write_year(path: str) -> None:
    """Write a log with an event of each of 100 types in each hour of a year."""
    begin = datetime(2025, 1, 1, tzinfo=UTC)
    with open(path, "w", encoding="utf-8") as file:
        for hour in range(_HOURS):
            when = (begin + timedelta(hours=hour)).isoformat()
            file.writelines(
                f'{{"type":"type {number:02}","value":{hour + number / 100:.2f},"occurred_at":"{when}"}}\n'
                for number in range(_TYPES)
            )


def main() -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default=workloads.DEFAULT_FOLDER, metavar="DIR", help="folder that keeps the input")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each, interleaved (default: %(default)s)")
    options = parser.parse_args()
    log = workloads.prepare(workloads.WORKLOADS["a"], options.data, 1.0).path
    tool = find_eventstats()
    with open(log, "rb") as file:
        lines = b"".join(next(file) for _ in range(100))
    with tempfile.TemporaryDirectory(dir=options.data) as folder:
        paths = {
            name: os.path.join(folder, name) for name in ("a.db", "long", "long.db", "short", "short.db", "y", "y.db")
        }
        _write_long(paths["long"], log)
        open(paths["short"], "wb").close()
        _write_year(paths["y"])
        for name in ("long", "short", "y"):
            _ingest(tool, paths[f"{name}.db"], paths[name])
        commands: dict[str, Callable[[], Sample]] = {
            "summarize --by hour, (a)": lambda: _run([tool, "summarize", "--by", "hour", log, "-o", os.devnull]),
            "ingest, (a)": lambda: _afresh(tool, paths["a.db"], log),
            "ingest, 100 lines of an empty log": lambda: _more(tool, paths["short.db"], paths["short"], lines),
            "ingest, 100 lines of 1 GB": lambda: _more(tool, paths["long.db"], paths["long"], lines),
            "totals, 876,000 rows": lambda: _run([tool, "totals", "--ledger", paths["y.db"], "-o", os.devnull]),
        }
        samples: dict[str, list[Sample]] = {title: [] for title in commands}
        for _ in range(options.rounds):
            for title, command in commands.items():
                samples[title].append(command())
    walls = [statistics.median(sample.wall for sample in of_one) for of_one in samples.values()]
    peaks = [max(sample.peak for sample in of_one) for of_one in samples.values()]
    print("| command | median, s | peak, MB |")
    print("|---|--:|--:|")
    for title, wall, peak in zip(samples, walls, peaks, strict=True):
        print(f"| {title} | {wall:.3f} | {peak:.0f} |")
    summarize, ingest, short, long, totals = walls
    goals = (
        (
            f"ingesting (a) at least {LEAST_RATE} of the rate of summarising it by hour",
            summarize / ingest >= LEAST_RATE,
        ),
        (f"100 lines of 1 GB at most {MOST_RATIO} times those of an empty log", long / short <= MOST_RATIO),
        (f"876,000 rows in less than {MOST_SECONDS:g} s", totals < MOST_SECONDS),
        (f"and in less than {MOST_MEGABYTES:g} MB", peaks[-1] < MOST_MEGABYTES),
    )
    print(
        f"\nMedians of {options.rounds}: rate {summarize / ingest:.2f}, 1 GB {long / short:.2f}, totals {totals:.2f} s"
    )
    for text, holds in goals:
        print(f"Goal: {text}: {'reached' if holds else 'MISSED'}")
    return 0 if all(holds for _, holds in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
