"""Runs whole processes and measures them; finds the tool that is measured. Knows nothing of workloads or peers."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

MEGABYTE: Final = 1e6

MEMORY_LIMIT: Final = 8 * 10**9
"""Bytes of memory that a process may have of its own, unless told otherwise."""

# A process begins with the peak memory of the one it was forked from, so a small process stands between. It also
# takes the time, so that its own start is not in it, and limits the memory, so that a tool that wants too much ends
# before the machine ends something else.
_LAUNCHER: Final = """
import os, resource, sys, time
limit = int(os.environ["BENCHMARK_MEMORY"])
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
began = time.perf_counter()
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(child, 0)
wall = time.perf_counter() - began
code = os.waitstatus_to_exitcode(status)
with open(int(os.environ["BENCHMARK_REPORT"]), "w") as report:
    report.write(f"[{code}, {wall}, {usage.ru_utime + usage.ru_stime}, {usage.ru_maxrss}]")
"""


class Sample(NamedTuple):
    """One run of a process: seconds on the clock, seconds on all cores together, and the most memory it had.

    `peak` is in MB (10**6 bytes). It cannot be less than the peak of the launcher, about 10 MB.
    """

    wall: float
    cpu: float
    peak: float


class Finished(NamedTuple):
    """How a process ended: `status` is negative after a signal; `sample` is None where it never started or ended."""

    status: int
    stdout: bytes
    stderr: str
    sample: Sample | None
    timed_out: bool = False


def run_process(
    command: Sequence[str], *, environment: Mapping[str, str], timeout: float, memory: int = MEMORY_LIMIT
) -> Finished:
    """Run a command to its end, or kill it and all it started after `timeout` seconds; it gets `memory` bytes."""
    report, write_end = os.pipe()
    try:
        with subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _LAUNCHER, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={
                **os.environ,
                # Python tools keep their bytecode, as they do for users; an environment for tests may have switched
                # that off, and then each run compiles all modules again.
                "PYTHONDONTWRITEBYTECODE": "",
                **environment,
                "BENCHMARK_REPORT": str(write_end),
                "BENCHMARK_MEMORY": str(memory),
            },
            pass_fds=[write_end],
            start_new_session=True,
        ) as launcher:
            os.close(write_end)
            try:
                stdout, stderr = launcher.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                os.killpg(launcher.pid, signal.SIGKILL)
                return Finished(-signal.SIGKILL, b"", f"stopped after {timeout:g} s", None, timed_out=True)
            except BaseException:
                os.killpg(launcher.pid, signal.SIGKILL)
                raise
        with open(report, "rb", closefd=False) as stream:
            written = stream.read()
    finally:
        os.close(report)
    if not written:
        # The launcher could not start the command, and said why.
        return Finished(launcher.returncode, stdout, stderr.decode(errors="replace"), None)
    status, wall, cpu, kilobytes = json.loads(written)
    sample = Sample(wall, cpu, kilobytes * 1024 / MEGABYTE)
    return Finished(status, stdout, stderr.decode(errors="replace"), sample)


def find_tool(name: str) -> str | None:
    """Return the path of a program: the one beside this interpreter, else the one on PATH."""
    beside = os.path.dirname(sys.executable)
    return shutil.which(name, path=beside) or shutil.which(name)


def find_eventstats() -> str:
    """Return the path of the tool that is measured; end the benchmark where it is not installed."""
    path = find_tool("eventstats")
    if path is None:
        sys.exit("eventstats is not installed here: run this with `uv run`, or install the project first")
    return path
