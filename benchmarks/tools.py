"""The tools that are compared: how each is started on a workload, which version is here, and what it answered."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from decimal import Context, Decimal, Inexact
from enum import StrEnum
from functools import partial
from importlib import metadata, util
from typing import Any, Final, NamedTuple

import forms
from duckdb_query import query
from measuring import Finished, find_eventstats, find_tool
from task import Task
from workloads import Answer, Input, Workload

from eventcli.body import BODY_VARIABLE


class Kind(StrEnum):
    """What a tool is in the comparison. A floor gives no sums: it shows what is hardly possible to beat."""

    EVENTSTATS = "eventstats"
    PEER = "peer"
    FLOOR = "floor"


class Agreement(StrEnum):
    """How an answer compares with the exact one, from good to bad."""

    NONE = "no answer"
    EXACT = "exact"
    ROUNDED = "rounded"
    """Counts are equal, and sums but for a relative error of at most 10**-9: float sums."""
    WRONG = "wrong"
    FAILED = "failed"
    TOO_SLOW = "too slow"


RIGHT: Final = frozenset((Agreement.EXACT, Agreement.ROUNDED))

_CLOSE: Final = Decimal("1e-9")
_EXACT: Final = Context(prec=200, traps=[Inexact])

_HERE: Final = os.path.dirname(os.path.abspath(__file__))
_PEERS: Final = os.path.join(_HERE, "peers")

_DETAIL: Final = 160

Command = Callable[[Workload, str], list[str]]


class Tool(NamedTuple):
    """One tool: `command` gives its arguments for a workload and the path of its file.

    `version` is None where it is not installed. It takes part in the workloads of `only` alone, if there are any.
    """

    key: str
    title: str
    kind: Kind
    version: str | None
    command: Command
    environment: Mapping[str, str] = {}
    only: str = ""

    def takes_part_in(self, workload: Workload) -> bool:
        """Whether this tool is to be run on the workload."""
        return self.version is not None and (not self.only or workload.key in self.only)


def all_tools() -> list[Tool]:
    """Return every tool of the comparison, installed or not."""
    rust, python = _body("rust"), _body("python")

    def variant(key: str, title: str, command: Command, only: str = "a") -> Tool:
        title = f"eventstats, Rust body, {title}"
        return Tool(key, title, Kind.EVENTSTATS, rust.version, command, rust.environment, only=only)

    return [
        Tool("rust", "eventstats, Rust body", Kind.EVENTSTATS, rust.version, _eventstats(), rust.environment),
        Tool(
            "rust-1",
            "eventstats, Rust body, -j 1",
            Kind.EVENTSTATS,
            rust.version,
            _eventstats("-j", "1"),
            rust.environment,
        ),
        # The answer is the exact one if it adds up over the hours, and if the window holds all events: that is the
        # slowest case of a filter, which leaves out nothing.
        variant("rust-hour", "--by hour", _eventstats("--by", "hour")),
        variant(
            "rust-window", "--since and --until", _eventstats("--since", "2020-10-06T08:00", "--until", "2100-01-01")
        ),
        # The same bytes in other forms, which are made beside the input.
        variant("rust-gzip", "gzip", _eventstats(form=forms.compressed), only="ag"),
        variant("rust-files", "10,000 files", _eventstats(form=forms.in_pieces)),
        variant("rust-array", "one array", _eventstats("--framing", "json", form=forms.in_array)),
        variant("rust-unwrap", "events in strings", _eventstats("--unwrap", "log", form=forms.in_strings)),
        variant("rust-prefix", "behind a prefix", _eventstats("--skip-prefix", form=forms.behind_prefix)),
        Tool("isal", "isal alone, gzip", Kind.FLOOR, _package("isal"), _isal, only="ag"),
        Tool("python", "eventstats, Python body", Kind.EVENTSTATS, python.version, _eventstats(), python.environment),
        _program("duckdb-cli", "DuckDB, command line", _duckdb(), _duckdb_query),
        _script("duckdb", "DuckDB, Python", "duckdb_python.py"),
        _script("polars", "Polars, streaming", "polars_streaming.py"),
        _script("datafusion", "DataFusion", "datafusion_sql.py"),
        _script("chdb", "chDB (ClickHouse)", "chdb_local.py"),
        _script("chdb-errors", "chDB, allow_errors", "chdb_local.py", "allow_errors", package="chdb", only="f"),
        _script("pyarrow", "PyArrow", "pyarrow_json.py"),
        _script("msgspec", "msgspec loop", "msgspec_loop.py"),
        _script("orjson", "orjson loop", "orjson_loop.py"),
        _program("miller", "Miller", find_tool("mlr"), _miller),
        _program("jq", "jq", find_tool("jq"), _jq),
        _program("gojq", "gojq", find_tool("gojq"), _jq),
        _program("wc", "`wc -l`", find_tool("wc"), _count_lines, kind=Kind.FLOOR),
        Tool("click", "`python -c 'import click'`", Kind.FLOOR, _package("click"), _import_click, only="g"),
    ]


def added_tool(definition: str) -> Tool:
    """Return the peer that NAME=COMMAND defines; {path}, {type} and {value} in it stand for the file and the fields."""
    name, equals, command = definition.partition("=")
    if not (name and equals and command):
        sys.exit(f"{definition!r} is not of the form NAME=COMMAND")

    def filled(workload: Workload, path: str) -> list[str]:
        fields = {"{path}": path, "{type}": workload.type_field, "{value}": workload.value_field}
        return [fields.get(word, word) for word in shlex.split(command)]

    return Tool(name, name, Kind.PEER, "added", filled)


# ------------------------------------------------------------------------------------------ how each is started


class _Body(NamedTuple):
    version: str | None
    environment: Mapping[str, str]


def _body(name: str) -> _Body:
    environment = {BODY_VARIABLE: name}
    return _Body(_printed_version(find_eventstats(), environment), environment)


def _eventstats(*options: str, form: Callable[[str], str] = str) -> Command:
    def command(workload: Workload, path: str) -> list[str]:
        fields = ["--type-field", workload.type_field, "--value-field", workload.value_field]
        return [find_eventstats(), "summarize", *options, *fields, form(path)]

    return command


def _isal(_: Workload, path: str) -> list[str]:
    return [sys.executable, os.path.join(_PEERS, "isal_alone.py"), forms.compressed(path)]


def _script(key: str, title: str, name: str, *more: str, package: str | None = None, only: str = "") -> Tool:
    """Return the peer that is a script of ours around a Python package, run by this interpreter."""

    def command(workload: Workload, path: str) -> list[str]:
        tolerant = "tolerant" if workload.has_bad_lines else "strict"
        task = [path, workload.type_field, workload.value_field, workload.number, tolerant]
        return [sys.executable, os.path.join(_PEERS, name), *task, *more]

    return Tool(key, title, Kind.PEER, _package(package or key), command, {"PYTHONPATH": _HERE}, only)


def _program(
    key: str,
    title: str,
    path: str | None,
    command: Callable[[str, Workload, str], list[str]],
    *,
    kind: Kind = Kind.PEER,
) -> Tool:
    """Return the tool that is a program at `path`, which is None where it is not installed."""
    version = _printed_version(path, {}) if path else None
    return Tool(key, title, kind, version, partial(command, path or key))


def _duckdb() -> str | None:
    """Return DuckDB's command line: the program itself, where PyPI's package has put a script in front of it."""
    package = util.find_spec("duckdb_cli")
    if package is not None and package.origin is not None:
        inside = os.path.join(os.path.dirname(package.origin), "duckdb")
        if os.path.exists(inside):
            return inside
    return find_tool("duckdb")


def _duckdb_query(program: str, workload: Workload, path: str) -> list[str]:
    task = Task(path, workload.type_field, workload.value_field, workload.number, workload.has_bad_lines)
    return [program, "-no-init", "-jsonlines", "-c", "SET preserve_insertion_order = false", "-c", query(task)]


def _miller(program: str, workload: Workload, path: str) -> list[str]:
    kind, value = workload.type_field, workload.value_field
    rename = ["then", "rename", f"{value}_count,count,{value}_sum,sum"]
    if kind != "type":
        rename += ["then", "rename", f"{kind},type"]
    return [program, "--ijsonl", "--ojsonl", "stats1", "-a", "count,sum", "-f", value, "-g", kind, *rename, path]


_JQ_REDUCE: Final = (
    "reduce %s as $e ({}; $e[$type] as $k | .[$k] as $s | .[$k] = [$s[0] + 1, $s[1] + $e[$value]])"
    " | to_entries | map([.key] + .value)"
)
_JQ_EVENTS: Final = (
    '(inputs | fromjson? | select(type == "object" and (.[$type] | type) == "string"'
    ' and (.[$value] | type) == "number"))'
)


def _jq(program: str, workload: Workload, path: str) -> list[str]:
    fields = ["--arg", "type", workload.type_field, "--arg", "value", workload.value_field]
    if workload.has_bad_lines:
        return [program, "-nRc", *fields, _JQ_REDUCE % _JQ_EVENTS, path]
    return [program, "-nc", *fields, _JQ_REDUCE % "inputs", path]


def _count_lines(program: str, _: Workload, path: str) -> list[str]:
    return [program, "-l", path]


def _import_click(_: Workload, __: str) -> list[str]:
    return [interpreter_of(find_eventstats()), "-c", "import click"]


def interpreter_of(script: str) -> str:
    """Return the interpreter that runs a console script: the one beside it, else this one."""
    beside = os.path.join(os.path.dirname(script), "python")
    return beside if os.path.exists(beside) else sys.executable


# ------------------------------------------------------------------------------------------ which version is here


def _package(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _printed_version(program: str, environment: Mapping[str, str]) -> str | None:
    """Return the first version number that `--version` prints; None where it fails."""
    done = subprocess.run(
        [program, "--version"],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"\d+(\.\d+)+", done.stdout)
    return found.group() if found and not done.returncode else None


# ------------------------------------------------------------------------------------------ what it answered


def judge(tool: Tool, finished: Finished, made: Input) -> tuple[Agreement, str]:
    """Compare the answer of a run with the exact one; the second value says briefly what is amiss."""
    if finished.timed_out:
        return Agreement.TOO_SLOW, finished.stderr
    if finished.status or finished.sample is None:
        return Agreement.FAILED, _message(finished.stderr) or f"status {finished.status}"
    if tool.kind is Kind.FLOOR:
        return Agreement.NONE, ""
    try:
        answer = _rows(finished.stdout.decode())
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        return Agreement.FAILED, f"the answer cannot be read: {_message(str(error))}"
    return compare(answer, made.answer)


def compare(answer: Answer, exact: Answer) -> tuple[Agreement, str]:
    """Return how an answer agrees with the exact one, and the first difference that makes it wrong."""
    verdict = Agreement.EXACT
    for name in sorted(answer.keys() | exact.keys()):
        if name not in answer or name not in exact:
            return Agreement.WRONG, f"type {name!r} is {'missing' if name in exact else 'too many'}"
        (count, total), (exact_count, exact_total) = answer[name], exact[name]
        if count != exact_count:
            return Agreement.WRONG, f"count of {name!r} is {count}, not {exact_count}"
        if total != exact_total:
            if not total.is_finite() or abs(total - exact_total) > _CLOSE * abs(exact_total):
                return Agreement.WRONG, f"sum of {name!r} is {total}, not {exact_total}"
            verdict = Agreement.ROUNDED
    return verdict, ""


def _rows(text: str) -> Answer:
    """Read one array of rows, which are arrays or objects of type, count and sum, or such objects, one a line.

    Rows of one type that begin at different times add up.
    """
    decode = json.JSONDecoder(parse_float=Decimal).decode
    whole = text.strip()
    rows: list[Any] = decode(whole) if whole.startswith("[") else [decode(line) for line in whole.splitlines()]
    answer: Answer = {}
    known = set()
    for row in rows:
        name, count, total = (row["type"], row["count"], row["sum"]) if isinstance(row, dict) else row
        start = row.get("start") if isinstance(row, dict) else None
        if (name, start) in known:
            raise ValueError(f"{name!r} has two rows")
        known.add((name, start))
        before = answer.get(name, (0, Decimal(0)))
        answer[name] = before[0] + int(count), _EXACT.add(before[1], Decimal(total))
    return answer


def _message(text: str) -> str:
    """Return the line that says most, shortened, without the folders of paths: records are published."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    said = lines[-1] if lines[0].startswith("Traceback") else lines[0]
    return re.sub(r"(?:/[^/\s'\"]+)+/", "", said)[:_DETAIL]
