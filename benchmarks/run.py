"""Runs the tools on the workloads, and records how long each took and whether its answer is right.

Every tool is a whole process that reads a file from the page cache and prints its answer. In each round every tool runs
once, in an order that moves on with the round, so that a busy moment of the machine does not fall on one tool only.
Ends with 1 where an answer of eventstats is not the exact one.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Self

import fold
import forms
import report
import workloads
from measuring import MEMORY_LIMIT, Sample, run_process
from tools import Agreement, Kind, Tool, added_tool, all_tools, judge
from workloads import Input, Workload

SCHEMA: Final = "eventstats-benchmark/1"

_HERE: Final = os.path.dirname(os.path.abspath(__file__))
_RUNS: Final = os.path.join(_HERE, "runs")


class Limits(NamedTuple):
    """How often a tool runs: `rounds` times, but once if that takes `once_after` seconds; `timeout` ends a run.

    `memory` is in bytes.
    """

    rounds: int
    once_after: float
    timeout: float
    memory: int


class Cores(NamedTuple):
    """How long the cores of the machine have been busy, and how long with the benchmark, in seconds at some moment."""

    moment: float
    busy: float | None
    ours: float

    @classmethod
    def now(cls) -> Self:
        """Read the clocks; how busy the machine is can be told on Linux only."""
        busy = None
        if os.path.exists("/proc/stat"):
            with open("/proc/stat", encoding="ascii") as file:
                user, nice, system, _, _, interrupt, soft, *_ = map(int, file.readline().split()[1:])
            busy = (user + nice + system + interrupt + soft) / os.sysconf("SC_CLK_TCK")
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return cls(time.monotonic(), busy, sum(usage.ru_utime + usage.ru_stime for usage in used))

    def used_by_others(self) -> float | None:
        """Return the share of all cores that other processes have taken since."""
        then, now = self, type(self).now()
        if then.busy is None or now.busy is None:
            return None
        capacity = (now.moment - then.moment) * (os.cpu_count() or 1)
        return round(max(0.0, now.busy - then.busy - now.ours + then.ours) / capacity, 3)


class Contender:
    """One tool on one workload: its samples, and the worst agreement that was seen."""

    def __init__(self, tool: Tool) -> None:
        self.tool = tool
        self.samples: list[Sample] = []
        self.slow = False
        self.agreement = Agreement.NONE
        self.detail = ""

    def run(self, workload: Workload, made: Input, limits: Limits) -> None:
        """Run the tool once more, unless it is known to fail or to be slow."""
        if self.slow or self.agreement in (Agreement.FAILED, Agreement.TOO_SLOW):
            return
        command = self.tool.command(workload, made.path)
        finished = run_process(command, environment=self.tool.environment, timeout=limits.timeout, memory=limits.memory)
        agreement, detail = judge(self.tool, finished, made)
        if list(Agreement).index(agreement) >= list(Agreement).index(self.agreement):
            self.agreement, self.detail = agreement, detail
        if finished.sample is not None:
            self.samples.append(finished.sample)
            self.slow = len(self.samples) == 1 < limits.rounds and finished.sample.wall > limits.once_after

    def record(self) -> dict[str, Any]:
        """Return what goes into the record."""
        return {
            "tool": self.tool.key,
            "title": self.tool.title,
            "kind": self.tool.kind,
            "agreement": self.agreement,
            "detail": self.detail,
            "once": self.slow,
            "samples": [[round(value, 6) for value in sample] for sample in self.samples],
        }


def warm(path: str) -> None:
    """Bring a file into the page cache afresh: one that came there in small pieces is read at a third of the speed."""
    with open(path, "rb") as file:
        if hasattr(os, "posix_fadvise"):
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while file.read(1 << 20):
            pass


def compare(workload: Workload, made: Input, tools: list[Tool], limits: Limits) -> dict[str, Any]:
    """Run the tools in turns on one workload, and return the part of the record that is about it."""
    contenders = [
        Contender(tool)
        for tool in tools
        if tool.takes_part_in(workload) and (tool.kind is Kind.EVENTSTATS or not workload.only_ours)
    ]
    forms.remove_pieces(made.path)
    for contender in contenders:
        contender.tool.command(workload, made.path)  # makes the form of the input that it reads
    os.sync()
    warm(made.path)
    before = Cores.now()
    for number in range(limits.rounds):
        first = number % max(len(contenders), 1)  # there are none if no chosen tool takes part in the workload
        for contender in contenders[first:] + contenders[:first]:
            contender.run(workload, made, limits)
    return {
        "key": workload.key,
        "title": workload.title,
        "lines": made.lines,
        "bytes": made.size,
        "sha256": made.sha256,
        "type_field": workload.type_field,
        "value_field": workload.value_field,
        "others": before.used_by_others(),
        "results": [contender.record() for contender in contenders],
    }


def machine() -> dict[str, Any]:
    """Return what the numbers depend on, and no name of a machine."""
    model = platform.processor() or platform.machine()
    memory = 0
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
        model = names[0] if names else model
    if hasattr(os, "sysconf"):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cpu": model,
        "cores": cores,
        "memory_bytes": memory,
        "system": platform.system(),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
    }


def commit() -> tuple[str, bool]:
    """Return the commit that is checked out, and whether files differ from it."""

    def git(*args: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", _HERE, *args], capture_output=True, text=True, check=False)
        except FileNotFoundError:
            return None
        return None if done.returncode else done.stdout.strip()

    return git("rev-parse", "--short=10", "HEAD") or "unknown", bool(
        git("status", "--porcelain", ":/", ":(top,exclude)benchmarks/runs")
    )


def write_record(record: dict[str, Any], folder: str) -> str:
    """Write the record under a name of its own: date, commit, and a number where there is one already."""
    os.makedirs(folder, exist_ok=True)
    stem = f"{record['date'][:10]}-{record['commit']}"
    number = 1
    while True:
        path = os.path.join(folder, f"{stem}.json" if number == 1 else f"{stem}-{number}.json")
        try:
            with open(path, "x", encoding="utf-8") as file:
                json.dump(record, file, ensure_ascii=False, indent=1)
                file.write("\n")
        except FileExistsError:
            number += 1
        else:
            return path


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    workloads.add_options(parser, default="abcdefghijkl")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each tool (default: %(default)s)")
    parser.add_argument("--tools", metavar="KEYS", help="which tools, separated by commas (default: all that are here)")
    parser.add_argument(
        "--add",
        action="append",
        default=[],
        metavar="NAME=COMMAND",
        help="one more tool; {path}, {type} and {value} in its command stand for the file and the fields",
    )
    parser.add_argument(
        "--once-after",
        type=float,
        default=20.0,
        help="seconds after which a tool is not run again (default: %(default)s)",
    )
    parser.add_argument(
        "--timeout", type=float, default=180.0, help="seconds after which a run is ended (default: %(default)s)"
    )
    parser.add_argument(
        "--memory", type=float, default=MEMORY_LIMIT / 1e9, help="GB that a tool may take (default: %(default)g)"
    )
    parser.add_argument("--record", default=_RUNS, metavar="DIR", help="folder for the record (default: runs)")
    return parser.parse_args()


def _chosen(keys: str | None, added: list[str]) -> list[Tool]:
    known = {tool.key: tool for tool in all_tools()}
    unknown = [key for key in keys.split(",") if key not in known] if keys else []
    if unknown:
        sys.exit(f"there is no tool {unknown[0]!r}: there are {', '.join(known)}")
    tools = [known[key] for key in keys.split(",")] if keys else list(known.values())
    return tools + [added_tool(definition) for definition in added]


def _command(options: argparse.Namespace) -> str:
    """Return the command line without folders, which differ from one machine to the next."""
    words = ["python benchmarks/run.py", f"--workloads {options.workloads}", f"--rounds {options.rounds}"]
    words += [f"--scale {options.scale:g}"] if options.scale != 1 else []
    words += [f"--tools {options.tools}"] if options.tools else []
    return " ".join(words)


def main() -> int:
    """Run what was chosen, write the record, print the report; return the exit status."""
    options = _options()
    tools = _chosen(options.tools, options.add)
    limits = Limits(options.rounds, options.once_after, options.timeout, round(options.memory * 1e9))
    checked_out, modified = commit()
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": checked_out,
        "modified": modified,
        "command": _command(options),
        "scale": options.scale,
        "rounds": options.rounds,
        "machine": machine(),
        "versions": {tool.key: tool.version for tool in tools},
        "workloads": [],
        "fold": [],
    }
    for workload in workloads.chosen(options.workloads):
        began = time.monotonic()
        made = workloads.prepare(workload, options.data, options.scale)
        prepared = time.monotonic()
        print(f"({workload.key}) prepared in {prepared - began:.0f} s", file=sys.stderr, flush=True)
        record["workloads"].append(compare(workload, made, tools, limits))
        if workload.key in fold.DEFAULT:
            record["fold"] += fold.measure(workload, made, rounds=options.rounds)
        print(f"({workload.key}) compared in {time.monotonic() - prepared:.0f} s", file=sys.stderr, flush=True)
    path = write_record(record, options.record)
    print(report.markdown(record))
    print(f"Recorded in {os.path.basename(path)}.", file=sys.stderr)
    return 1 if report.inexact(record) else 0


if __name__ == "__main__":
    sys.exit(main())
