"""`cli.engines`: a run on an engine writes what a run on this machine writes, everywhere; and the command `plan`."""

import gzip
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest

import process
from clusters import Cluster
from eventcli.cli.engines import Elsewhere
from eventcli.engines.run import Ways
from eventcli.text import STDIN
from forks import Forks
from process import GOOD, Ended
from servers import serve

FORKS: Final = Forks("cli.engines", "engines.dask", "engines.processes")
"""What forks runs on clusters. Measured: without it, loading Dask is 3.3 s of CPU in each run on its cluster."""

BAD: Final = b'{"type":"a","value":"x"}\nnot JSON\n[]\n' * 4

LOGS: Final = {
    "a.jsonl": b"".join(
        b'{"type":"%b","value":%d.%d0,"occurred_at":"2026-03-%02d 10:00:00"}\n' % (name, day, day, day)
        for day in range(1, 25)
        for name in (b"sale", b"view", b"caf\xc3\xa9")
    ),
    "bad.jsonl": GOOD + BAD + GOOD * 3 + b"\n \n" + b'{"type":"last","value":1}',
    "sub/packed.log.gz": gzip.compress(GOOD * 50 + BAD, mtime=0),
    "sub/torn.log.gz": gzip.compress(GOOD * 5000, mtime=0)[:40],
    "sub/empty.log": b"",
    "crlf.log": b"\xef\xbb\xbf" + GOOD.replace(b"\n", b"\r\n") * 30,
    "pretty.json": json.dumps([{"type": "p", "value": number} for number in range(20)], indent=1).encode(),
}

COMMANDS: Final = [
    ["a.jsonl"],
    ["."],
    [".", "a.jsonl", "missing.log", "--save", "saved.json", "--rejects", "rejects.jsonl"],
    ["a.jsonl", "./a.jsonl", "link.jsonl", "hard.jsonl", "--save", "saved.json"],
    ["*.jsonl", "sub/*", "--exclude", "torn*", "-f", "table", "--stats", "count,sum,min,max,mean,stddev"],
    ["a.jsonl", "--by", "week", "--tz", "Europe/Berlin", "--since", "2026-03-05", "-f", "csv"],
    ["a.jsonl", "--by", "day", "--gaps", "--type", "sale", "--type", "never", "-f", "jsonl", "-o", "out.jsonl"],
    ["bad.jsonl", "--strict"],
    ["bad.jsonl", "--max-rejects", "90%", "--show-rejects", "0"],
    ["bad.jsonl", "--max-rejects", "11", "--save", "saved.json", "--rejects", "rejects.jsonl"],
    ["a.jsonl", "bad.jsonl", "--max-types", "2", "--other-label", "rest", "--max-line", "60"],
    ["--files-from", "list", "--numeric-strings", "--salvage", "--rejects", "rejects.jsonl"],
    ["pretty.json", "--framing", "json", "--save", "saved.json"],
    ["bad.jsonl", "--skip-prefix", "--show-rejects", "100"],
    ["a.jsonl", "--type-field", "typ"],
    ["sub/torn.log.gz", "sub/empty.log"],
    ["missing.log"],
]


@pytest.fixture
def cluster(_cluster: Cluster) -> Cluster:
    """Return a cluster of each kind, with all its workers. They need no module of tests, so runs can be forked."""
    _cluster.heal()
    return _cluster


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Return a folder with logs of many kinds."""
    for name, data in LOGS.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    (tmp_path / "link.jsonl").symlink_to("a.jsonl")
    os.link(tmp_path / "a.jsonl", tmp_path / "hard.jsonl")
    (tmp_path / "list").write_bytes(b"bad.jsonl\nsub\nbad.jsonl\nnone\n")
    return tmp_path


def outcome(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> tuple[Ended, dict[str, bytes]]:
    """Return how a run ended, and the files that it wrote, which are removed."""
    variables = process.environment(**(env or {}))
    if FORKS.can_run(variables):
        ended = process.run_forked(FORKS, *arguments, cwd=folder, env=variables)
    else:
        ended = process.run(*arguments, cwd=folder, env=variables)
    written = {}
    for name in ("saved.json", "rejects.jsonl", "out.jsonl"):
        if (folder / name).exists():
            written[name] = (folder / name).read_bytes()
            (folder / name).unlink()
    return ended, written


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_an_engine_writes_what_this_machine_writes(cluster: Cluster, logs: Path, arguments: list[str]) -> None:
    """Standard output, standard error, the exit status, saved summaries and rejects are the same, byte for byte."""
    here = outcome(logs, *arguments)
    assert here == outcome(logs, *arguments, "--engine", "local")
    there = outcome(logs, *arguments, env={"EVENTSTATS_ENGINE": cluster.option, "EVENTSTATS_SPLIT_SIZE": "100"})
    assert there[0].stderr == here[0].stderr
    assert there == here


@pytest.mark.parametrize("name", [STDIN, "pipe", "/dev/null"])
def test_what_only_this_process_can_read_is_wrong_usage(logs: Path, name: str) -> None:
    """Standard input, a pipe and a device are refused with status 2, and nothing is read."""
    os.mkfifo(logs / "pipe")
    ended = process.run("a.jsonl", name, "--engine", "processes:1", cwd=logs)
    assert (ended.status, ended.stdout) == (2, b"")
    assert "workers cannot read it" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--engine", "hadoop"], "it takes local, processes[:N], dask://"),
        (["--engine", "processes:0"], "a number of processes"),
        (["--engine", "processes:x"], "a number of processes"),
        (["--engine", "processes", "--jobs", "2"], "--jobs is for the threads of this machine"),
        (["--engine", "processes", "--storage-options", "{"], "not JSON"),
        (["--engine", "processes", "--storage-options", "[]"], "a JSON object is needed"),
        (["--engine", "processes", "--storage-options", '{"client_kwargs":[{"aws_secret":1}]}'], "may be a secret"),
        (["--storage-options", "{}"], "--engine"),
        (["--ship"], "--engine"),
        (["--engine", "processes", "https://user:pass@localhost/a.log"], "may be a secret"),
        (["--engine", "processes", "https://localhost/a.log?sig=s3cr3t"], "may be a secret"),
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_wrong_usage(logs: Path, arguments: list[str], words: str) -> None:
    """What cannot be is refused with status 2 before anything is read, in one line without secrets."""
    ended = process.run("a.jsonl", *arguments, cwd=logs)
    assert (ended.status, ended.stdout) == (2, b"")
    assert words in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert "s3cr3t" not in ended.stderr
    assert "pass" not in ended.stderr


def test_an_interruption_ends_a_run_within_a_second(logs: Path) -> None:
    """Ctrl-C prints what was done as partial, ends with the signal, and no worker is left."""
    with serve() as server:
        server.objects["slow.jsonl"] = GOOD * 3000
        server.objects["quick.jsonl"] = GOOD
        arguments = [f"{server.url}/quick.jsonl", f"{server.url}/slow.jsonl", "--engine", "processes:2"]
        with process.start(*arguments, "--split-size", "30", cwd=logs) as running:
            _wait_for(lambda: len(server.ranges_of("slow.jsonl")) > 100)
            workers = _children(running.pid)
            running.send_signal(signal.SIGINT)
            begun = time.monotonic()
            ended = process.end(running)
            assert time.monotonic() - begun < 5  # busy machines are slow: test_engine has the second itself
        assert ended.status == -signal.SIGINT
        assert ended.stdout == b""
        assert "interrupted; partial totals so far" in ended.stderr
        assert len(workers) == 2
        _wait_for(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in workers))


def test_an_interruption_ends_the_listing_of_a_store(logs: Path) -> None:
    """Ctrl-C does not wait for a server that does not answer."""
    with serve() as server:
        server.objects["a.jsonl"] = GOOD
        server.drip = 30
        with process.start(f"{server.url}/a.jsonl", "--engine", "processes:2", cwd=logs) as running:
            _wait_for(lambda: server.seen)
            time.sleep(0.3)
            running.send_signal(signal.SIGINT)
            assert process.end(running).status == -signal.SIGINT


def test_a_signal_asks_how_far_a_run_on_an_engine_is(logs: Path) -> None:
    """SIGUSR1 has the account of the splits so far reported, with bytes and workers; the run goes on."""
    with serve() as server:
        server.objects["slow.jsonl"] = GOOD * 1000
        arguments = [f"{server.url}/slow.jsonl", "--engine", "processes:2", "--split-size", "30"]
        with process.start(*arguments, cwd=logs) as running:
            _wait_for(lambda: len(server.ranges_of("slow.jsonl")) > 100)
            running.send_signal(signal.SIGUSR1)
            ended = process.end(running)
        assert ended.status == 0
        assert json.loads(ended.stdout) == [{"type": "a", "count": 1000, "sum": 1000}]
        assert f"bytes of {len(GOOD) * 1000:,}, 2 workers" in ended.stderr


def test_a_page_of_an_engine_is_told_to_people_who_watch(capsys: pytest.CaptureFixture[str]) -> None:
    """Where an engine has a page, its address is one line on standard error; where it has none, nothing is said."""
    for page in ("http://127.0.0.1:8787/status", None):
        engine: Any = SimpleNamespace(name="dask://127.0.0.1", dashboard=page)
        Elsewhere(engine, Ways(), "{}").announce()
    assert capsys.readouterr().err == "eventstats: dask://127.0.0.1: http://127.0.0.1:8787/status\n"


def test_a_plan_is_printed_without_reading(logs: Path) -> None:
    """`plan` says how many splits there are, how large, and what cannot be divided; nothing has to be readable."""
    ended = process.run("plan", "a.jsonl", "sub", "--split-size", "50", cwd=logs)
    size = sum(len(LOGS[name]) for name in ("a.jsonl", "sub/packed.log.gz", "sub/torn.log.gz", "sub/empty.log"))
    assert ended.status == 0
    assert f"bytes    {size:,}\n" in ended.stdout.decode()
    assert f"splits   {-(-len(LOGS['a.jsonl']) // 50) + 3} of up to 50 bytes\n" in ended.stdout.decode()
    assert f"whole    sub/packed.log.gz: {len(LOGS['sub/packed.log.gz'])} bytes, compressed\n" in ended.stdout.decode()


def test_a_plan_has_a_form_for_programs(logs: Path) -> None:
    """As JSON it is one object; as JSON lines, one for each split, whose bytes add up."""
    whole = json.loads(process.run("plan", ".", "--split-size", "1K", "-f", "json", cwd=logs).stdout)
    ended = process.run("plan", ".", "--split-size", "1K", "-f", "jsonl", cwd=logs)
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [row["split"] for row in rows] == list(range(whole["splits"]))
    assert sum(row["bytes"] for row in rows) == whole["bytes"]
    assert rows[1]["what"].startswith("./a.jsonl, bytes 1024 to ")


def test_a_plan_says_what_is_missing(logs: Path) -> None:
    """A name that leads to nothing is reported with status 3, and a repeated one as for a run."""
    ended = process.run("plan", "none.log", "a.jsonl", "hard.jsonl", "-f", "json", cwd=logs)
    assert ended.status == 3
    assert json.loads(ended.stdout)["sources"] == 1
    assert ended.stderr == (
        "eventstats: none.log: missing: No such file or directory\n"
        "eventstats: hard.jsonl: the same file as a.jsonl, counted once\n"
    )


def test_without_an_engine_nothing_of_it_is_loaded(logs: Path) -> None:
    """A usual run loads no module of the wing, and a run with processes no library of a cluster."""
    program = (
        "import sys; sys.argv = ['eventstats', *sys.argv[1:]]\n"
        "from eventcli.cli.process import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([name for name in sys.modules if name.startswith(('eventcli.engines', 'distributed', 'pyspark'))])"
    )
    command = [process.TOOL.replace("eventstats", "python"), "-c", program, "a.jsonl"]
    plain = subprocess.run(command, cwd=logs, capture_output=True, text=True, check=True)
    assert plain.stdout.endswith("\n[]\n")
    there = subprocess.run([*command, "--engine", "processes:1"], cwd=logs, capture_output=True, text=True, check=True)
    loaded = there.stdout.splitlines()[-1]
    assert "eventcli.engines.processes" in loaded
    assert "distributed" not in loaded
    assert "pyspark" not in loaded


def _wait_for(condition: object) -> None:
    end = time.monotonic() + process.PATIENCE
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.01)


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text(encoding="ascii").split()]
