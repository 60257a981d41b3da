"""The fold alone on one core: blocks of whole lines from memory, through both bodies in turns.

As in the tool, a block is in the core's cache when it is folded: it is copied into a buffer first, untimed. Seconds are
those that the thread spent on a core, so that other processes do not count.
"""

import argparse
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import workloads
from workloads import Input, Workload

from eventcli.body import BODY_VARIABLE, BodyError, body
from eventcli.folding.bodies import new_fold
from eventcli.lines.query import Fields, Query
from eventcli.pipeline.options import BLOCK_SIZE

DEFAULT: Final = "acdefhi"
"""The workloads that differ for the fold."""

_MOST_BYTES: Final = 64_000_000
"""Of an input; the Python body folds it in half a second or so."""


def measure(workload: Workload, made: Input, *, rounds: int) -> list[dict[str, Any]]:
    """Return for each body that is here the gigabytes (10**9 bytes) that it folds in a second, as a sample a round."""
    with open(made.path, "rb") as file:
        data = file.read(_MOST_BYTES)
    cuts = _cuts(data)
    samples: dict[str, list[float]] = {name: [] for name in ("rust", "python") if _is_here(name)}
    for _ in range(rounds):
        for name, speeds in samples.items():
            with _forced(name):
                speeds.append(cuts[-1] / _seconds(data, cuts, Fields(workload.type_field, workload.value_field)) / 1e9)
    return [
        {"key": workload.key, "title": workload.title, "body": name, "gigabytes_per_second": speeds}
        for name, speeds in samples.items()
    ]


def _seconds(data: bytes, cuts: list[int], fields: Fields) -> float:
    fold = new_fold(Query(fields))
    buffer = memoryview(bytearray(max(end - start for start, end in zip([0, *cuts], cuts, strict=False))))
    seconds = 0.0
    start = 0
    for end in cuts:
        block = buffer[: end - start]
        block[:] = data[start:end]
        began = time.thread_time()
        fold.add(block)
        seconds += time.thread_time() - began
        start = end
    began = time.thread_time()
    fold.summary()
    return seconds + time.thread_time() - began


def _cuts(data: bytes) -> list[int]:
    """Return the ends of blocks of about `BLOCK_SIZE` bytes, each after a newline."""
    cuts = [0]
    while (end := data.rfind(b"\n", cuts[-1], cuts[-1] + BLOCK_SIZE) + 1) or (
        end := data.find(b"\n", cuts[-1] + BLOCK_SIZE) + 1
    ):
        cuts.append(end)
    return cuts[1:]


def _is_here(name: str) -> bool:
    with _forced(name):
        try:
            return body() == name
        except BodyError:
            return False


@contextmanager
def _forced(name: str) -> Iterator[None]:
    before = os.environ.get(BODY_VARIABLE)
    os.environ[BODY_VARIABLE] = name
    try:
        yield
    finally:
        os.environ.pop(BODY_VARIABLE)
        if before is not None:
            os.environ[BODY_VARIABLE] = before


def main() -> None:
    """Print the median speeds of both bodies."""
    parser = argparse.ArgumentParser(description=__doc__)
    workloads.add_options(parser, default=DEFAULT)
    parser.set_defaults(scale=0.1)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each body (default: %(default)s)")
    options = parser.parse_args()
    print("| input | body | GB/s on one core |")
    print("|---|---|--:|")
    for workload in workloads.chosen(options.workloads):
        made = workloads.prepare(workload, options.data, options.scale)
        for result in measure(workload, made, rounds=options.rounds):
            speed = statistics.median(result["gigabytes_per_second"])
            print(f"| ({workload.key}) {workload.title} | {result['body']} | {speed:#.3g} |")


if __name__ == "__main__":
    main()
