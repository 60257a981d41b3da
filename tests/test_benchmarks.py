"""The benchmarks: their inputs are what they say, and a wrong answer does not pass for a right one."""

import importlib
import json
import os
import re
import select
import shlex
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from eventcli import Fields, Reason, summarize

ROOT: Final = Path(__file__).parent.parent
BENCHMARKS: Final = ROOT / "benchmarks"
KEYS: Final = "abcdefghijk"
SCALE: Final = 0.0001

Load = Callable[[str], ModuleType]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Return what imports a module of the benchmarks: they are scripts and stand outside of the package."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module


def run(name: str, *args: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the benchmarks to its end."""
    command = [sys.executable, str(BENCHMARKS / name), *args]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT, env=os.environ | variables
    )


def test_inputs_are_the_same_every_time(tmp_path: Path) -> None:
    """Every workload gives the same bytes in every process."""
    printed = [
        run(
            "workloads.py",
            "--workloads",
            KEYS,
            "--scale",
            str(SCALE),
            "--data",
            str(tmp_path / seed),
            PYTHONHASHSEED=seed,
        )
        for seed in ("1", "2")
    ]
    assert printed[0].stdout == printed[1].stdout
    assert [line[1] for line in printed[0].stdout.splitlines()] == list(KEYS), printed[0].stderr


@pytest.mark.parametrize("key", KEYS)
def test_inputs_are_accepted_as_intended(key: str, load: Load, tmp_path: Path, body: str) -> None:
    """All lines are accepted but those that are meant to be bad, and the sums are those of the exact answer."""
    workloads = load("workloads")
    workload = workloads.WORKLOADS[key]
    made = workloads.prepare(workload, str(tmp_path), SCALE)
    summary = summarize(made.path, fields=Fields(workload.type_field, workload.value_field))
    assert {name: (stats.count, stats.sum) for name, stats in summary.types.items()} == made.answer, body
    assert summary.account.lines == made.lines == workload.length_at(SCALE)
    assert bool(summary.account.rejects) is workload.has_bad_lines


def test_the_answer_of_an_input_is_made_once(load: Load, tmp_path: Path) -> None:
    """An input that is there already is not made again."""
    workloads = load("workloads")
    first = workloads.prepare(workloads.WORKLOADS["a"], str(tmp_path), SCALE)
    before = os.stat(first.path)
    assert workloads.prepare(workloads.WORKLOADS["a"], str(tmp_path), SCALE) == first
    assert os.stat(first.path) == before
    assert len(os.listdir(tmp_path)) == 2


def test_five_percent_of_the_lines_are_bad(load: Load, tmp_path: Path) -> None:
    """The workload of bad lines has about 5 % of them, of every kind that a flaky producer makes."""
    workloads = load("workloads")
    made = workloads.prepare(workloads.WORKLOADS["f"], str(tmp_path), 0.001)
    account = summarize(made.path).account
    assert 0.04 < (account.rejects + account.blank) / account.lines < 0.06
    assert account.blank
    kinds = {Reason.INVALID_JSON, Reason.MISSING_TYPE, Reason.MISSING_VALUE, Reason.BAD_VALUE}
    assert kinds <= set(account.rejected)


@pytest.mark.parametrize(
    ("key", "shortest", "longest"),
    [("a", 60, 80), ("c", 1000, 3200), ("d", 400, 600), ("h", 60, 180), ("i", 70, 90), ("l", 110, 240)],
)
def test_lines_are_as_long_as_the_workload_says(key: str, shortest: int, longest: int, load: Load) -> None:
    """The lengths of lines are what the tables of results say about them."""
    lengths = [len(line) for line in load("workloads").WORKLOADS[key].lines(1000)]
    assert shortest <= min(lengths) <= max(lengths) <= longest


def test_some_events_of_a_container_have_a_stack_trace(load: Load) -> None:
    """Between one and three of a hundred events are followed by the lines of a trace."""
    logs = [json.loads(line) for line in load("workloads").WORKLOADS["l"].lines(20_000)]
    calls = sum(log["log"].startswith("\tat ") for log in logs)
    errors = sum(log["log"].startswith("ERROR") for log in logs)
    assert 0.01 < errors / (len(logs) - calls) < 0.03
    assert 10 < calls / errors < 40


def test_types_and_values_are_what_the_workload_says(load: Load) -> None:
    """There are as many types, scripts and digits as the tables of results say."""
    workloads = load("workloads").WORKLOADS
    assert len({json.loads(line)["type"] for line in workloads["e"].lines(2000)}) > 1900
    other_scripts = list(workloads["h"].lines(500))
    assert not any(json.loads(line)["type"].isascii() for line in other_scripts)
    assert 10 < sum(line.isascii() for line in other_scripts) < 100
    values = [
        re.sub(rb'.*"value":([0-9.]+).*\n', rb"\1", line).replace(b".", b"") for line in workloads["i"].lines(500)
    ]
    assert {len(value) for value in values} == {17, 18, 19, 20}


EXACT: Final = {"a": (2, Decimal("0.3")), "b": (1, Decimal(10**20))}


@pytest.mark.parametrize(
    ("answer", "agreement"),
    [
        ({"a": (2, Decimal("0.30")), "b": (1, Decimal("1e20"))}, "exact"),
        ({"a": (2, Decimal("0.30000000000000004")), "b": (1, Decimal(10**20))}, "rounded"),
        ({"a": (2, Decimal("0.3000000004")), "b": (1, Decimal(10**20))}, "wrong"),
        ({"a": (2, Decimal("NaN")), "b": (1, Decimal(10**20))}, "wrong"),
        ({"a": (2, Decimal("0.3")), "b": (1, Decimal(10**20 - 2**64))}, "wrong"),
        ({"a": (3, Decimal("0.3")), "b": (1, Decimal(10**20))}, "wrong"),
        ({"a": (2, Decimal("0.3"))}, "wrong"),
        ({**EXACT, "": (1, Decimal(0))}, "wrong"),
    ],
)
def test_answers_are_compared(answer: dict[str, tuple[int, Decimal]], agreement: str, load: Load) -> None:
    """A float sum is rounded; a sum that is off by more, a count, or a type that differs is wrong."""
    assert load("tools").compare(answer, EXACT)[0] == agreement


@pytest.mark.parametrize(
    ("printed", "agreement"),
    [
        ('[{"type":"a","count":2,"sum":0.3},\n{"type":"b","count":1,"sum":100000000000000000000}]', "exact"),
        ('{"type":"b","count":1,"sum":"1e20"}\n{"type":"a","count":2,"sum":"0.30"}\n', "exact"),
        ('[["a", 2, 0.30000000000000004], ["b", 1, 1e20]]', "rounded"),
        ('[["a", 2, 0.3], ["b", 1, 1e20], ["a", 2, 0.3]]', "failed"),
        (
            (
                '[{"start":"t1","type":"a","count":1,"sum":0.1},{"start":"t1","type":"b","count":1,"sum":1e20},'
                '{"start":"t2","type":"a","count":1,"sum":0.2}]'
            ),
            "exact",
        ),
        ('[{"start":"t1","type":"a","count":1,"sum":0.1},{"start":"t1","type":"a","count":1,"sum":0.2}]', "failed"),
        ("a 2 0.3", "failed"),
        ("", "wrong"),
    ],
)
def test_answers_are_read(printed: str, agreement: str, load: Load) -> None:
    """Answers are read in the forms that the tools print, and nothing else passes for one."""
    tools, measuring = load("tools"), load("measuring")
    finished = measuring.Finished(0, printed.encode(), "", measuring.Sample(1.0, 1.0, 1.0))
    made = load("workloads").Input("", 0, 3, "", EXACT)
    assert tools.judge(tools.added_tool("some=tool"), finished, made)[0] == agreement


def test_a_run_records_who_was_right(tmp_path: Path) -> None:
    """A run ends with 0 if eventstats is exact, and its record tells which peers are wrong or fail."""
    wrong = shlex.join([sys.executable, "-c", 'print(\'[{"type":"page_view","count":1,"sum":1}]\')'])
    failing = shlex.join([sys.executable, "-c", "import sys; sys.exit('no such luck with ' + sys.argv[1])", "{path}"])
    options = ["--workloads", "fg", "--scale", str(SCALE), "--rounds", "2", "--tools", "python,orjson,wc"]
    places = ["--data", str(tmp_path / "data"), "--record", str(tmp_path / "runs")]
    done = run("run.py", *options, *places, "--add", f"liar={wrong}", "--add", f"failing={failing}")
    assert done.returncode == 0, done.stderr
    assert "| liar | wrong |" in done.stdout
    (path,) = (tmp_path / "runs").iterdir()
    text = path.read_text(encoding="utf-8")
    assert not any(str(place) in text for place in (tmp_path, ROOT, sys.executable))
    record = json.loads(text)
    assert [workload["key"] for workload in record["workloads"]] == ["f", "g"]
    for workload in record["workloads"]:
        results = {result["tool"]: result for result in workload["results"]}
        assert results["python"]["agreement"] == "exact"
        assert results["orjson"]["agreement"] in ("exact", "rounded")
        assert results["wc"]["agreement"] == "no answer"
        assert results["liar"]["agreement"] == "wrong"
        assert results["failing"]["agreement"] == "failed"
        assert results["failing"]["detail"].startswith("no such luck")
        assert all(len(results[tool]["samples"]) == 2 for tool in ("python", "orjson", "wc", "liar"))
        assert all(wall > 0 < peak for wall, _, peak in results["python"]["samples"])
    assert run("report.py", str(path)).stdout.strip() == done.stdout.strip()


def test_a_run_ends_with_1_where_eventstats_is_not_exact(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An answer of eventstats that is wrong, if only rounded, fails the run, and the report says so."""
    module, tools = load("run"), load("tools")
    program = 'print(\'[["page_view", 8, 8.000000001], ["added_to_basket", 1, 1], ["purchase", 1, 1]]\')'

    def all_tools() -> list[Any]:
        kind = tools.Kind.EVENTSTATS
        return [tools.Tool("rust", "eventstats", kind, "0", lambda *_: [sys.executable, "-c", program])]

    monkeypatch.setattr(module, "all_tools", all_tools)
    places = ["--data", str(tmp_path / "data"), "--record", str(tmp_path / "runs")]
    monkeypatch.setattr(sys, "argv", ["run.py", "--workloads", "g", "--rounds", "1", *places])
    assert module.main() == 1
    assert "Not exact: (g) eventstats: wrong" in capsys.readouterr().out


def test_a_process_is_ended_in_time(load: Load, tmp_path: Path) -> None:
    """A tool that hangs is ended after the time it was given, and so is all it started."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    held = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        command = ["sh", "-c", 'exec 3>"$0"; echo started >&3; sleep 30 & wait', str(pipe)]
        finished = load("measuring").run_process(command, environment={}, timeout=2.0)
        assert finished.timed_out
        assert finished.sample is None
        assert os.read(held, 100) == b"started\n"
        # The pipe ends when nobody holds its other end any more.
        assert select.select([held], [], [], 20.0)[0]
        assert os.read(held, 100) == b""
    finally:
        os.close(held)


def test_a_process_gets_no_more_memory_than_is_set(load: Load) -> None:
    """A tool that wants more memory than it may have fails, before the machine runs short of it."""
    command = [sys.executable, "-c", "len(bytearray(10**9))"]
    finished = load("measuring").run_process(command, environment={}, timeout=60.0, memory=5 * 10**8)
    assert finished.status == 1
    assert "MemoryError" in finished.stderr


def test_a_program_that_does_not_exist_fails(load: Load) -> None:
    """A command that cannot be started is no sample of anything."""
    finished = load("measuring").run_process(["./no such program"], environment={}, timeout=60.0)
    assert finished.status
    assert finished.sample is None
    assert not finished.timed_out


def test_goals_are_measured(load: Load) -> None:
    """The goals compare the Rust body with the fastest peer whose answer is right, and name what is missed."""

    def result(tool: str, kind: str, agreement: str, wall: float) -> dict[str, Any]:
        samples = [[wall * factor, wall, 50.0] for factor in (0.5, 1, 9)]
        return {"tool": tool, "title": tool, "kind": kind, "agreement": agreement, "samples": samples}

    results = [
        result("rust", "eventstats", "exact", 0.1),
        result("duckdb", "peer", "exact", 0.5),
        result("polars", "peer", "rounded", 0.39),
        result("chdb", "peer", "wrong", 0.2),
        {**result("jq", "peer", "failed", 0.1), "samples": []},
        result("wc", "floor", "no answer", 0.01),
    ]
    record = {"workloads": [{"key": key, "bytes": 360e6, "results": results} for key in "ac"], "fold": []}
    reached = {goal.text[:3]: goal for goal in load("report").goals(record) if goal.measured is not None}
    assert set(reached) == {"(a)", "(c)"}
    assert reached["(a)"].measured == pytest.approx(3.9)
    assert reached["(a)"].reached is False
    assert reached["(c)"].reached is True


@pytest.mark.parametrize(
    ("script", "options", "rows"),
    [
        ("python_body.py", ["--events", "1000", "--rounds", "1"], 4),
        ("startup.py", ["--rounds", "1", "--data", "{}"], 3),
        ("fold.py", ["--workloads", "a", "--rounds", "1", "--scale", str(SCALE), "--data", "{}"], 1),
    ],
)
def test_scripts_print_a_table(script: str, options: list[str], rows: int, tmp_path: Path) -> None:
    """Each of the smaller comparisons runs, whatever it measures, and its answers do not differ."""
    done = run(script, *(option.format(tmp_path) for option in options))
    assert done.returncode in (0, 1)
    assert not done.stderr
    table = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert len(table) >= 2 + rows, done.stdout
