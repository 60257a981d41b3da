"""`eventcli.cli.command`: what holds for the options and the help of every command."""

import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final

import click
import pytest

import process
from eventcli.cli.command import Option
from eventcli.cli.commands import commands
from process import GOOD, run

CONTEXT: Final = click.Context(commands)
COMMANDS: Final = {name: commands.get_command(CONTEXT, name) for name in commands.list_commands(CONTEXT)}

SINGLE: Final = [
    (name, option)
    for name, command in COMMANDS.items()
    if command is not None
    for option in command.params
    if isinstance(option, Option) and option.takes_one_value
]

EXAMPLES: Final = [
    line
    for name in ("", *COMMANDS)
    for line in run(*([name] if name else []), "--help").stdout.decode().partition("Examples:\n")[2].splitlines()
]


def _value(option: click.Option) -> str:
    """Return a value that an option takes."""
    if isinstance(option.type, click.Choice):
        return str(option.type.choices[0])
    return {"--stats": "sum", "--by": "day"}.get(option.opts[-1], "1")


@pytest.mark.parametrize(("name", "option"), SINGLE, ids=lambda part: part if isinstance(part, str) else part.opts[-1])
def test_an_option_that_takes_one_value_is_given_once(name: str, option: click.Option, tmp_path: Path) -> None:
    """A second value of an option is wrong usage, in whatever spelling, and nothing is read or written."""
    long = option.opts[-1]
    given = [f"{long}={_value(option)}", option.opts[0], _value(option)]
    ended = run(name, *given, cwd=tmp_path)
    assert ended.status == 2
    assert ended.stderr == f"eventstats: {long} takes one value, and was given twice (see eventstats {name} --help)\n"
    assert not ended.stdout
    assert not list(tmp_path.iterdir())


def test_options_that_repeat_still_do() -> None:
    """Flags, and options that collect values, may be given as often as wanted."""
    ended = run("--strict", "--strict", "-t", "a", "-t", "b", "--no-mmap", "--mmap", "-f", "csv", stdin=GOOD)
    assert ended == (0, b"type,count,sum\na,1,1\nb,0,0\n", "")


def test_a_variable_is_no_second_value() -> None:
    """The command line overrides a variable."""
    ended = run("-f", "jsonl", stdin=GOOD, env=process.environment(EVENTSTATS_FORMAT="csv"))
    assert ended == (0, b'{"type":"a","count":1,"sum":1}\n', "")


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_ends_with_three_examples(name: str) -> None:
    """The help of every command has its options under headings, the exit statuses, and at the end three examples."""
    text = run(*([name] if name else []), "--help").stdout.decode()
    headings = re.findall(r"^(\S.*):$", text, re.MULTILINE)
    assert headings[-2:] == ["Exit status", "Examples"]
    assert len(headings) > 3
    *_, last = text.partition("Examples:\n")
    assert len(last.splitlines()) == 3
    assert all(line.startswith("  ") and f"eventstats {name}".strip() in line for line in last.splitlines())
    assert max(map(len, text.splitlines())) <= 100


def test_every_option_is_under_a_heading() -> None:
    """No option is left out of the help, and none comes under the heading of another kind by accident."""
    for name, command in COMMANDS.items():
        assert command is not None
        text = run(name, "--help").stdout.decode()
        for option in command.params:
            if isinstance(option, Option):
                assert option.heading, (name, option.name)
                assert f"\n{option.heading}:\n" in text
                assert text.count(f" {option.opts[-1]} ") >= 1


SETUP: Final = """
    for name in events.jsonl app.log logs/a.log backup/logs/a.log old.log new.log test.log shop.log; do
        for value in 1 2 3; do
            echo '{"type":"purchase","value":'$value',"occurred_at":"2999-10-06 10:02:05","in":"'$name'"}'
        done > $name
    done
    echo '{"type":"purchase","value":NaN,"occurred_at":"2999-10-06 10:02:05"}' >> shop.log
    gzip -k app.log
    for name in monday tuesday day-1 day-2; do
        echo '{"type":"'$name'","value":1}' | eventstats --save $name.json > /dev/null
    done
    eventstats ingest --ledger shop.db *.log > /dev/null 2>&1
    eventstats ingest --ledger europe.db old.log > /dev/null
    eventstats ingest --ledger asia.db new.log > /dev/null
    eventstats rejects --ledger shop.db > rejects.jsonl
    sed 's/.*//' rejects.jsonl > repaired.jsonl
    echo secret > token.txt
"""
"""Makes the files that the examples name."""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the files that the examples name."""
    folder = tmp_path_factory.mktemp("world")
    for name in ("logs", "backup/logs"):
        (folder / name).mkdir(parents=True)
    _bash(SETUP, folder).check_returncode()
    shutil.copytree(folder, folder.with_name("original"))
    return folder


@pytest.fixture
def world(original: Path) -> Path:
    """Return the directory as it was at first: a ledger knows its path."""
    shutil.rmtree(original)
    return Path(shutil.copytree(original.with_name("original"), original))


def _bash(script: str, folder: Path) -> "subprocess.CompletedProcess[bytes]":
    bash = shutil.which("bash")
    assert bash
    environment = process.environment(PATH=f"{Path(process.TOOL).parent}:/usr/bin:/bin")
    command = [bash, "-eo", "pipefail", "-c", script]
    return subprocess.run(
        command, check=False, cwd=folder, env=environment, capture_output=True, timeout=process.PATIENCE
    )


LASTING: Final = ("eventstats serve ", "eventstats follow ")
"""The beginnings of examples that run until a signal ends them."""


ELSEWHERE: Final = ("eventstats consume ", "eventstats produce ")
"""The beginnings of examples that need a broker or a server, which other tests have."""


@pytest.mark.parametrize("example", [line for line in EXAMPLES if line.strip().startswith(LASTING)])
def test_examples_that_last_work(example: str, world: Path) -> None:
    """A user who copies an example of a command that lasts sees that it works, and ends it by a signal."""
    if "serve" in example:
        pytest.importorskip("fastapi", reason="built without the extra serve")
    _, *words = re.sub(r"--port \d+", "--port 0", example).split()
    environment = process.environment(EVENTSTATS_PORT="0")
    with subprocess.Popen([process.TOOL, *words], cwd=world, env=environment, stdout=subprocess.PIPE) as running:
        try:
            assert running.stdout
            assert running.stdout.readline()
            running.terminate()
            assert running.wait(process.PATIENCE) == -signal.SIGTERM
        finally:
            running.kill()


@pytest.mark.parametrize("example", [line for line in EXAMPLES if not line.strip().startswith(LASTING + ELSEWHERE)])
def test_examples_work(example: str, world: Path) -> None:
    """A user who copies an example gets a result, given files of these names."""
    line = example.strip().replace("/var/log/", "").replace("/backup/", "backup/")
    if "jq" in line and shutil.which("jq") is None:
        pytest.skip("jq is not installed here")
    before = {path.name for path in world.iterdir()}
    done = _bash(line, world)
    assert done.returncode == 0, done.stderr.decode()
    assert b"--help" not in done.stderr
    assert done.stdout or {path.name for path in world.iterdir()} > before
