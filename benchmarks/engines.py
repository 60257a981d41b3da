"""Measures runs on engines, on this machine, and checks each answer: `engines.py [--short] [--record FILE]`.

The clusters are started before anything is measured. Where a goal is missed, or an answer differs from the exact one,
the status is 1.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

from measuring import find_eventstats
from workloads import DEFAULT_FOLDER, WORKLOADS, Answer, prepare

ROOT: Final = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import dask_cluster  # noqa: E402  # of the tests
import spark_cluster  # noqa: E402
from eventcli import __version__  # noqa: E402
from eventcli.engines.dask import engine_of  # noqa: E402
from eventcli.engines.engine import Engine  # noqa: E402
from eventcli.engines.run import EngineRun, Ways  # noqa: E402
from eventcli.engines.spark import SparkEngine  # noqa: E402
from eventcli.pipeline.options import Options  # noqa: E402
from eventcli.pipeline.run import Run  # noqa: E402
from eventcli.reading.remote.ranges import AHEAD  # noqa: E402
from eventcli.summary.summary import Summary  # noqa: E402

MEBIBYTE: Final = 1 << 20

SPLIT: Final = 64 * MEBIBYTE

WORKERS: Final = 2

LIMIT: Final = 50_000_000
"""Bytes a second that the store gives to a connection, or to all of a worker."""


class Goal(NamedTuple):
    """What a figure should be: at least or at most that."""

    figure: str
    bound: float
    is_least: bool


GOALS: Final = (
    Goal("rate of dask to local", 0.85, is_least=True),
    Goal("rate of spark to local", 0.7, is_least=True),
    *(
        Goal(f"client of {kind}, {what}: MB", 200, is_least=False)
        for kind in ("dask", "spark")
        for what in ("20,000 splits with 100 types", "100 splits with 100,000 types")
    ),
    Goal("plan of 100,000 objects: s", 20, is_least=False),
    Goal("8 workers to 1, store with 50 MB/s a connection", 7, is_least=True),
    Goal("8 workers to 1, store with 50 MB/s a worker", 7, is_least=True),
)


class Sizes(NamedTuple):
    """How much is measured."""

    copies: int
    """Of workload (a), 345 MB each."""
    scale: float
    rounds: int
    splits: int
    types: int
    objects: int
    store: int
    """Bytes in the store with limited connections."""


FULL: Final = Sizes(12, 1.0, 5, 20_000, 100_000, 100_000, 2 << 30)

SHORT: Final = Sizes(3, 0.1, 1, 400, 2_000, 5_000, 64 * MEBIBYTE)


class WrongError(Exception):
    """An answer is not the exact one."""


def check(summary: Summary, exact: Answer) -> None:
    """Compare a summary with the exact answer."""
    found = {name: (stats.count, Decimal(stats.sum)) for name, stats in summary.types.items()}
    if found != exact:
        raise WrongError(
            f"{len(found)} types, of which {sum(found.get(name) != row for name, row in exact.items())} differ"
        )


# -------------------------------------------------------------------------------------------------------- rates


def rates(sizes: Sizes, folder: Path, engines: dict[str, Engine], data: str) -> dict[str, float]:
    """Return the bytes a second of each engine, and of threads here: medians of rounds in which each runs once."""
    made = prepare(WORKLOADS["a"], data, sizes.scale)
    path = folder / "large.jsonl"
    block = Path(made.path).read_bytes()
    with path.open("wb") as file:
        for _ in range(sizes.copies):
            file.write(block)
    exact = {name: (count * sizes.copies, total * sizes.copies) for name, (count, total) in made.answer.items()}
    split = SPLIT if sizes is FULL else MEBIBYTE

    def runs() -> dict[str, Callable[[], Summary]]:
        there: dict[str, Callable[[], Summary]] = {
            kind: EngineRun(engine, [str(path)], Options(), ways=Ways(split)).complete
            for kind, engine in engines.items()
        }
        return {"local": Run([str(path)], Options(jobs=WORKERS)).complete} | there

    found: dict[str, list[float]] = {kind: [] for kind in runs()}
    # The first one fills caches and starts the Python processes of Spark.
    for number in range(sizes.rounds + 1):
        for kind, complete in runs().items():
            began = time.perf_counter()
            summary = complete()
            took = time.perf_counter() - began
            check(summary, exact)
            if number:
                found[kind].append(path.stat().st_size / took)
    path.unlink()
    rates = {kind: statistics.median(samples) for kind, samples in found.items()}
    figures = {f"{kind}: MB/s": round(rate / 1e6) for kind, rate in rates.items()}
    return figures | {f"rate of {kind} to local": round(rates[kind] / rates["local"], 3) for kind in engines}


# ------------------------------------------------------------------------------------------------------- memory


def memory(sizes: Sizes, folder: Path, clusters: dict[str, str]) -> dict[str, float]:
    """Return the most memory that the process of the client has, in MB; the JVM of Spark is another one."""
    figures: dict[str, float] = {}
    for what, splits, types in (
        ("20,000 splits with 100 types", sizes.splits, 100),
        ("100 splits with 100,000 types", 100, sizes.types),
    ):
        path = folder / "types.jsonl"
        block = b"".join(b'{"type":"type %06d","value":%d.25}\n' % (number, number) for number in range(types))
        with path.open("wb") as file:
            for _ in range(splits):
                file.write(block)
        exact = {f"type {number:06}": (splits, splits * (number + Decimal("0.25"))) for number in range(types)}
        for kind, option in clusters.items():
            command = [find_eventstats(), "summarize", str(path), "--engine", option, "--split-size", str(len(block))]
            with tempfile.TemporaryFile() as output:
                peak, took = peak_of([*command, "--format", "jsonl"], output)
                output.seek(0)
                rows = [json.loads(line, parse_float=Decimal) for line in output]
            if {row["type"]: (row["count"], Decimal(row["sum"])) for row in rows} != exact:
                raise WrongError(f"{kind}, {what}")
            figures[f"client of {kind}, {what}: MB"] = round(peak / 1e6)
            figures[f"client of {kind}, {what}: s"] = round(took, 1)
        path.unlink()
    return figures


def peak_of(command: Sequence[str], output: Any) -> tuple[int, float]:
    """Run a command; return the peak memory of its own process without its children, and the seconds it took."""
    began, peak = time.perf_counter(), 0
    with subprocess.Popen(command, stdout=output) as process:
        while process.poll() is None:
            lines = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines()
            peak = max([peak, *(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))])
            time.sleep(0.05)
    if process.returncode:
        raise WrongError(f"{' '.join(command)}: status {process.returncode}")
    return peak, time.perf_counter() - began


# -------------------------------------------------------------------------------------------------------- stores

_STORE: Final = Path(__file__).parent / "engines_store.py"


@contextmanager
def store(*args: str) -> Iterator[str]:
    """Run a store in a process of its own, and yield its URL."""
    with subprocess.Popen([sys.executable, str(_STORE), *args], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def planning(sizes: Sizes) -> dict[str, float]:
    """Return how long `eventstats plan` takes for a bucket of many objects, in folders of a thousand."""
    with store("list", str(sizes.objects)) as url:
        variables = {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        began = time.perf_counter()
        done = subprocess.run(
            [find_eventstats(), "plan", "s3://logs/*/*.log", "--format", "json"],
            stdout=subprocess.PIPE,
            env={**os.environ, **variables},
            check=True,
        )
        took = time.perf_counter() - began
    if json.loads(done.stdout)["sources"] != sizes.objects:
        raise WrongError(f"a plan of {json.loads(done.stdout)}")
    return {"plan of 100,000 objects: s": round(took, 1)}


def scaling(sizes: Sizes, data: str, start_worker: Callable[[], object], engine: Engine) -> dict[str, float]:
    """Return how much faster 8 workers are than one, where the store gives so much to a connection, or to a worker.

    A worker reads over a few connections. Eight of them can have more than two cores can move, so the second figure,
    with the limit shared among the connections of a worker, tells how machines scale, and the first one how cores do.
    """
    made = prepare(WORKLOADS["a"], data, sizes.scale)
    line_end = b"\n"
    text = Path(made.path).read_bytes()[: sizes.store // 4]
    text = text[: text.rfind(line_end) + 1]
    copies = sizes.store // len(text)
    limits = {"a connection": LIMIT, "a worker": LIMIT // AHEAD}
    took: dict[str, list[float]] = {kind: [] for kind in limits}
    with tempfile.NamedTemporaryFile() as file, ExitStack() as stack:
        file.write(text * copies)
        file.flush()
        exact = Run([file.name], Options()).complete()
        urls = {kind: stack.enter_context(store("read", file.name, str(limit))) for kind, limit in limits.items()}
        for workers in (1, 8):
            while engine.workers() < workers:
                start_worker()
            for kind, url in urls.items():
                samples = []
                # New workers load the package first.
                for number in range(2 if workers == 1 else 4):
                    began = time.perf_counter()
                    ways = Ways(sizes.store // 32)
                    summary = EngineRun(engine, [f"{url}/log"], Options(), ways=ways).complete()
                    if number:
                        samples.append(time.perf_counter() - began)
                    if dict(summary.types) != dict(exact.types):
                        raise WrongError(f"{workers} workers")
                took[kind].append(statistics.median(samples))
    figures = {}
    for kind, (one, eight) in took.items():
        figures[f"1 worker, store with 50 MB/s {kind}: MB/s"] = round(len(text) * copies / one / 1e6, 1)
        figures[f"8 workers to 1, store with 50 MB/s {kind}"] = round(one / eight, 2)
    return figures


# ---------------------------------------------------------------------------------------------------------- all


def measure(sizes: Sizes, data: str) -> dict[str, float]:
    """Return all figures."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="eventstats-engines-") as place:
        folder = Path(place)
        for name in ("dask", "one"):
            (folder / name).mkdir()
        with (
            spark_cluster.cluster(**{"spark.driver.extraJavaOptions": "-Xss1m"}) as spark,
            dask_cluster.dask_cluster(folder / "dask", WORKERS) as dask,
        ):
            with closing(engine_of(dask.url)) as engine:
                figures |= rates(sizes, folder, {"dask": engine, "spark": SparkEngine(spark.session())}, data)
                _show(figures)
            figures |= memory(sizes, folder, {"dask": dask.url, "spark": spark.option})
        _show(figures)
        # Alone: clusters at rest take time of the two cores, too.
        figures |= planning(sizes)
        with (
            dask_cluster.dask_cluster(folder / "one", 1) as grown,
            closing(engine_of(grown.url)) as engine,
        ):
            figures |= scaling(sizes, data, grown.start_worker, engine)
    return figures


def _show(figures: dict[str, float]) -> None:
    print(json.dumps(figures), file=sys.stderr, flush=True)


def main() -> int:
    """Measure all, print a table, and write a record if one is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a hundredth of the work, and no goals: does it work?")
    parser.add_argument("--data", default=DEFAULT_FOLDER, help="where the inputs are kept")
    parser.add_argument("--record", help="name of a file in benchmarks/runs")
    options = parser.parse_args()
    began = time.perf_counter()
    try:
        figures = measure(SHORT if options.short else FULL, options.data)
    except WrongError as error:
        print(f"wrong answer: {error}", file=sys.stderr)
        return 1
    missed = []
    goals = {goal.figure: goal for goal in GOALS}
    for name, figure in figures.items():
        goal = goals.get(name)
        said = ""
        if goal is not None and not options.short:
            is_met = figure >= goal.bound if goal.is_least else figure <= goal.bound
            said = (
                f"   goal: {'at least' if goal.is_least else 'at most'} {goal.bound:g}{'' if is_met else ' (missed)'}"
            )
            missed += [] if is_met else [name]
        print(f"{name:50}{figure:>10}{said}")
    print(f"{'all: s':50}{time.perf_counter() - began:>10.0f}")
    if options.record:
        about = {
            "version": __version__,
            "machine": platform.platform(),
            "cores": os.cpu_count(),
            "load": os.getloadavg()[0],
            "figures": figures,
            "missed": missed,
        }
        path = ROOT / "benchmarks" / "runs" / f"{options.record}.json"
        path.write_text(f"{json.dumps(about, indent=1)}\n", encoding="utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
