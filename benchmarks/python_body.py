"""The Python body of the fold against the bare loop over orjson that people write by hand, which adds up floats.

Prints, for each input, events per second of both (medians of interleaved runs in one process) and their ratio, and the
peak memory of the whole command. Exits with 1 where a ratio or the memory misses its goal, or the answers differ.
"""

import argparse
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from random import Random
from typing import Final, NamedTuple

import orjson
from measuring import find_eventstats, run_process

from eventcli import summarize
from eventcli.body import BODY_VARIABLE
from eventcli.cli.generate import generate

LEAST_RATIO: Final = 0.45
MOST_MEGABYTES: Final = 60

Totals = dict[str, tuple[int, Decimal]]

_CLOSE: Final = Decimal("1e-9")
_PATIENCE: Final = 120.0


def shop(events: int) -> Iterator[bytes]:
    """Yield events of a shop, whole numbers and cents mixed."""
    return generate(events, seed=1)


def floats(events: int) -> Iterator[bytes]:
    """Yield events whose values all have a point, with 1 to 3 places and up to 8 digits."""
    draw = Random(2).random
    for _ in range(events):
        places = 1 + int(draw() * 3)
        value = draw() * 10 ** (1 + int(draw() * 4))
        kind = ("load_ms", "price", "score")[int(draw() * 3)]
        yield b'{"type":"%b","value":%.*f,"occurred_at":"2020-10-06 10:02:05"}\n' % (kind.encode(), places, value)


def long_lines(events: int) -> Iterator[bytes]:
    """Yield fewer events, on lines of about 2 kB with nested objects."""
    draw = Random(3).random
    items = [
        b'{"id":%d,"title":"item number %d","tags":["new","sale \\u00e9t\\u00e9"],"price":{"amount":%.2f,"vat":null}}'
        % (number, number, number / 7)
        for number in range(100)
    ]
    for number in range(events // 10):
        some = b",".join(items[int(draw() * len(items))] for _ in range(20))
        kind = ("order", "refund", "quote")[int(draw() * 3)].encode()
        yield b'{"id":"%024d","type":"%b","items":[%b],"value":%d,"ok":true}\n' % (number, kind, some, draw() * 1e6)


def with_identifiers(events: int) -> Iterator[bytes]:
    """Yield fewer events, whose values all have a point, each with an identifier of 32 hexadecimal digits."""
    draw = Random(4).random
    for line in floats(events // 5):
        yield b'{"id":"%032x",%b' % (int(draw() * 2**64) << 64 | int(draw() * 2**64), line[1:])


class Input(NamedTuple):
    """One input: what the lines are, and whether the goal is about it."""

    title: str
    lines: Callable[[int], Iterator[bytes]]


INPUTS: Final = (
    Input("shop events", shop),
    Input("all values with a point", floats),
    Input("lines of 2 kB", long_lines),
    # Digits in a row elsewhere on the line cost the Python body its fast way to exact decimals.
    Input("all values with a point, long identifiers", with_identifiers),
)


def bare_loop(path: str) -> Totals:
    """Count and add up as a short script does. The sums are binary floats, and no bad line is survived."""
    counts: dict[str, int] = {}
    sums: dict[str, float] = {}
    loads = orjson.loads
    with open(path, "rb") as file:
        for line in file:
            event = loads(line)
            name = event["type"]
            counts[name] = counts.get(name, 0) + 1
            sums[name] = sums.get(name, 0) + event["value"]
    return {name: (count, Decimal(sums[name])) for name, count in counts.items()}


def python_body(path: str) -> Totals:
    """Count and add up exactly, by one call of the library."""
    return {name: (stats.count, stats.sum) for name, stats in summarize(path).types.items()}


def median_times(path: str, rounds: int) -> tuple[float, float]:
    """Return the median seconds of the Python body and of the bare loop, which take turns."""
    samples: dict[Callable[[str], Totals], list[float]] = {python_body: [], bare_loop: []}
    for _ in range(rounds):
        for contender, times in samples.items():
            began = time.perf_counter()
            contender(path)
            times.append(time.perf_counter() - began)
    return statistics.median(samples[python_body]), statistics.median(samples[bare_loop])


def agree(exact: Totals, rounded: Totals) -> bool:
    """Whether the counts are equal, and the sums but for the rounding of floats."""
    return exact.keys() == rounded.keys() and all(
        count == rounded[name][0] and abs(total - rounded[name][1]) <= _CLOSE * abs(total)
        for name, (count, total) in exact.items()
    )


def peak_memory(path: str) -> float:
    """Return the peak memory of `eventstats summarize` on the file, in MB (10**6 bytes)."""
    command = [find_eventstats(), "summarize", "-j", "1", path]
    finished = run_process(command, environment={BODY_VARIABLE: "python"}, timeout=_PATIENCE)
    if finished.status or finished.sample is None:
        sys.exit(f"eventstats failed with status {finished.status}: {finished.stderr}")
    return finished.sample.peak


def main() -> int:
    """Compare on every input; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=400_000, help="events of an input (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="runs of each, interleaved (default: %(default)s)")
    options = parser.parse_args()
    os.environ[BODY_VARIABLE] = "python"
    holds = True
    print("| input | lines | Python body, events/s | bare orjson loop, events/s | ratio | peak memory, MB |")
    print("|---|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as folder:
        for title, lines in INPUTS:
            path = os.path.join(folder, "events.jsonl")
            with io.BufferedWriter(io.FileIO(path, "w")) as file:
                file.writelines(lines(options.events))
            exact, rounded = python_body(path), bare_loop(path)
            count = sum(count for count, _ in exact.values())
            ours, loop = median_times(path, options.rounds)
            peak = peak_memory(path)
            ratio = loop / ours
            print(f"| {title} | {count:,} | {count / ours:,.0f} | {count / loop:,.0f} | {ratio:.2f} | {peak:.0f} |")
            if not agree(exact, rounded):
                print(f"The answers differ on {title}: {exact}, {rounded}", file=sys.stderr)
            holds = holds and agree(exact, rounded) and peak < MOST_MEGABYTES and ratio >= LEAST_RATIO
    goal = f"ratio at least {LEAST_RATIO}, peak memory below {MOST_MEGABYTES} MB"
    print(f"\nGoal: {goal}: {'reached' if holds else 'MISSED'} (medians of {options.rounds})")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
