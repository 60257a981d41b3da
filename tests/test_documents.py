"""The documents cannot lie: their commands are run, and what they say of the program is compared with it."""

import doctest
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from documents import DOCUMENTS, PAGES, ROOT, Block, anchors, blocks, environment, links, play, workplace
from eventcli import ExitCode, Reason
from eventcli.cli.commands import commands

README = (ROOT / "README.md").read_text()


def _named(language: str) -> list[tuple[str, Block]]:
    present = [name for name in DOCUMENTS if (ROOT / name).exists()]
    return [(name, block) for name in present for block in blocks((ROOT / name).read_text(), language)]


def _broken(name: str, text: str) -> Iterator[str]:
    """Yield the links of a document that lead to no file of the project, or to no heading."""
    for target in links(text):
        file, _, anchor = target.partition("#")
        path = os.path.normpath(os.path.join(os.path.dirname(name), file)) if file else name
        there = ROOT / path
        is_there = there.exists() and not path.startswith("..")
        if not is_there or (anchor and anchor not in anchors(there.read_text() if file else text)):
            yield target


@pytest.mark.parametrize("name", [*DOCUMENTS, "CHANGELOG.md"])
def test_every_link_leads_somewhere(name: str) -> None:
    """Every relative link of a document leads to a file, and every anchor to a heading there."""
    assert not list(_broken(name, (ROOT / name).read_text()))


def test_broken_links_are_found() -> None:
    """A missing file, a missing heading, and a file outside the project are broken links; other hosts are not asked."""
    good = "[a](docs/ledger.md) [b](#one-more) [c](#one-more-1) [d](https://example.org/#x) `[e](none.md)`\n"
    heads = "# One `more`\n## One more\n```sh\n# no heading\n```\n"
    assert not list(_broken("README.md", good + heads))
    bad = ["docs/none.md", "#no-heading", "docs/ledger.md#none", "../README.md"]
    assert list(_broken("README.md", "".join(f"[a]({target})\n" for target in bad) + heads)) == bad


def test_the_readme_lists_every_page() -> None:
    """The README's table of pages has a row for each page of docs/, and no other."""
    rows = re.findall(r"^\| \[docs/\S+\]\((docs/\S+?)\) \|", README, re.MULTILINE)
    assert sorted(rows) == sorted(PAGES)


@pytest.mark.parametrize("name", sorted({name for name, _ in _named("console")}))
def test_console_blocks_show_what_the_commands_print(name: str, tmp_path: Path) -> None:
    """Every command in a console block prints exactly what the document shows."""
    place = workplace(tmp_path)
    for block in blocks((ROOT / name).read_text(), "console"):
        assert play(block, place) == block.text


@pytest.mark.parametrize(("name", "block"), _named("sh"), ids=lambda part: part if isinstance(part, str) else "")
def test_shell_blocks_are_valid_shell(name: str, block: Block) -> None:
    """Commands that cannot be run in a test (installation, containers) are at least shell."""
    subprocess.run(["bash", "-n", "-c", block.text], check=True)
    assert name


@pytest.mark.parametrize("name", ["README.md", *PAGES])
def test_every_block_for_users_is_of_a_kind_that_tests_run(name: str) -> None:
    """No block is only to be looked at: `test_jobs` has those of cron, systemd and logrotate, this file the others."""
    kinds = set(re.findall(r"^```(.+)$", (ROOT / name).read_text(), re.MULTILINE))
    assert kinds <= {"console", "sh", "pycon", "crontab", "ini", "logrotate"}


@pytest.mark.parametrize(("name", "block"), _named("pycon"), ids=lambda part: part if isinstance(part, str) else "")
def test_python_blocks_hold(name: str, block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python session in a document gives what it shows."""
    monkeypatch.chdir(workplace(tmp_path))
    test = doctest.DocTestParser().get_doctest(block.text, {}, name, name, 0)
    assert test.examples
    assert not doctest.DocTestRunner().run(test).failed


def test_every_reject_reason_is_documented() -> None:
    """The table of bad lines names every reason, and no other, in the order of precedence."""
    page = (ROOT / "docs" / "bad-lines.md").read_text()
    rows = re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert named == list(Reason)


def test_every_command_is_documented() -> None:
    """The table of commands names every command of the program, and no other."""
    section = (ROOT / "docs" / "command-line.md").read_text().split("\n## Commands\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`eventstats .*?) \|", section, re.MULTILINE)
    named = [name.removeprefix("eventstats ") for row in rows for name in re.findall(r"`(.+?)`", row)]
    assert sorted(named) == sorted(commands.list_commands(click.Context(commands)))


@pytest.mark.parametrize("name", ["README.md", "docs/exit-status.md"])
def test_every_exit_status_is_documented(name: str) -> None:
    """Each table of exit statuses names every status of the program, and no other."""
    page = (ROOT / name).read_text()
    named = [int(code) for row in re.findall(r"^\| ([0-9 /]+) \|", page, re.MULTILINE) for code in row.split(" / ")]
    assert sorted(named) == sorted(ExitCode)


def test_headline_figures_are_those_of_the_whole_table() -> None:
    """Each row of figures in the README is a selection from a row of docs/speed.md."""
    rows = [row.split(" | ") for row in re.findall(r"^\| (.*\d (?:\(.*\)).*) \|$", README, re.MULTILINE)]
    whole = (ROOT / "docs" / "speed.md").read_text()
    assert len(rows) > 4
    for tool, *figures in rows:
        (cells,) = (line.split(" | ") for line in whole.splitlines() if line.startswith(f"| {tool} | {figures[0]} "))
        assert set(figures) <= set(cells)


def test_the_build_server_runs_the_two_commands_of_the_readme() -> None:
    """What the README tells people to run on a fresh clone is what `.ci/run` runs."""
    setup = next(blocks(README.split("## Two commands")[1], "sh")).text.splitlines()
    script = (ROOT / ".ci" / "run").read_text()
    assert all(command.removeprefix("pip install uv && ") in script for command in setup)


def test_sample_data_is_what_its_readme_says() -> None:
    """The commands in the table of sample_data/README.md make the files, byte for byte."""
    rows = re.findall(r"^\| `(\S+)` \| `(.*?)` \|", (ROOT / "sample_data" / "README.md").read_text(), re.MULTILINE)
    assert len(rows) == 2
    for file, command in rows:
        made = subprocess.run(["bash", "-c", command], env=environment(), stdout=subprocess.PIPE, check=True).stdout
        assert made == (ROOT / "sample_data" / file).read_bytes()


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no clone: git does not say what belongs to the project")
def test_files_are_free_of_what_does_not_belong_there() -> None:
    """No lock file of uv is tracked: it holds addresses of the registry it was made with."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert "uv.lock" not in tracked.split()
