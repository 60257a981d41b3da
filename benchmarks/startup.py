"""Start-up: `eventstats summarize` of ten lines against `python -c "import click"` with the same interpreter.

Prints the medians of interleaved runs and their ratio; ends with 1 where the ratio misses its goal.
"""

import argparse
import statistics
import sys
from typing import Final

import workloads
from measuring import find_eventstats, run_process
from tools import interpreter_of

MOST_RATIO: Final = 1.3

_PATIENCE: Final = 60.0


def main() -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default=workloads.DEFAULT_FOLDER, metavar="DIR", help="folder that keeps the input")
    parser.add_argument("--rounds", type=int, default=30, help="runs of each, interleaved (default: %(default)s)")
    options = parser.parse_args()
    made = workloads.prepare(workloads.WORKLOADS["g"], options.data, 1.0)
    tool = find_eventstats()
    commands = {
        "eventstats summarize, ten lines": [tool, "summarize", made.path],
        "python -c 'import click'": [interpreter_of(tool), "-c", "import click"],
        "python -c pass": [interpreter_of(tool), "-c", "pass"],
    }
    samples: dict[str, list[float]] = {title: [] for title in commands}
    for _ in range(options.rounds):
        for title, command in commands.items():
            finished = run_process(command, environment={}, timeout=_PATIENCE)
            if finished.status or finished.sample is None:
                sys.exit(f"{title} failed: {finished.stderr}")
            samples[title].append(finished.sample.wall)
    ours, click, _ = medians = [statistics.median(walls) for walls in samples.values()]
    print("| command | median, ms | ratio |")
    print("|---|--:|--:|")
    for title, median in zip(samples, medians, strict=True):
        print(f"| `{title}` | {median * 1000:.1f} | {median / click:.2f} |")
    holds = ours / click <= MOST_RATIO
    print(f"\nGoal: ratio at most {MOST_RATIO}: {'reached' if holds else 'MISSED'} (medians of {options.rounds})")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
