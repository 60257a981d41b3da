"""`eventcli.cli.completion`: the lines that docs/install.md has for shells complete words in the real ones."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from documents import ROOT, environment
from shells import Terminal, program

PAGE: Final = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
COMPINIT: Final = "autoload -Uz compinit; compinit"
ASK_BASH: Final = "COMP_WORDS=(eventstats summ) COMP_CWORD=1; _eventstats_completion eventstats; echo ${COMPREPLY[@]}"
ASK_FISH: Final = "complete --do-complete 'eventstats summ' | string split --fields 1 \\t"


def _line(shell: str) -> str:
    """Return the page's line for a shell, as printed but for its comment."""
    match = re.search(rf"^(.*_EVENTSTATS_COMPLETE={shell}_source.*?) +# in ~", PAGE, re.MULTILINE)
    assert match is not None
    return match[1]


@pytest.mark.parametrize(("shell", "ask"), [("bash", ASK_BASH), ("fish", ASK_FISH)], ids=["bash", "fish"])
def test_line_of_the_page_completes(shell: str, ask: str, tmp_path: Path) -> None:
    """The shell takes the page's line without a word, and knows the commands then."""
    command = [program(shell), "-c", f"{_line(shell)}\n{ask}"]
    variables = environment() | {"HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("summarize\n", "")


@pytest.mark.parametrize(
    "setup",
    [
        "{line}\n{compinit}",
        "{compinit}\n{line}",
        "{compinit}\n{line}\n{compinit}",
        "{line}\nautoload -U +X compinit && compinit",
    ],
)
def test_line_for_zsh_completes_wherever_it_stands(setup: str, tmp_path: Path) -> None:
    """Before compinit, after it, and between two of them: zsh says nothing, and completes at its first prompt."""
    zsh = program("zsh")
    (tmp_path / ".zshrc").write_text(
        f"PS1='ready> '; unsetopt prompt_sp\n{setup.format(line=_line('zsh'), compinit=COMPINIT)}\n"
    )
    variables = environment() | {"HOME": str(tmp_path), "ZDOTDIR": str(tmp_path), "TERM": "dumb"}
    for _ in ("without a dump of compinit", "with it"):
        with Terminal([zsh, "-d", "-i"], variables, tmp_path) as terminal:
            assert terminal.wait("ready> ").partition("ready> ")[0].strip() == ""
            terminal.type("eventstats summ\t")
            terminal.wait("summarize")


def test_line_for_zsh_is_quiet_without_compinit(tmp_path: Path) -> None:
    """A zsh that completes nothing is left alone."""
    zsh = program("zsh")
    (tmp_path / ".zshrc").write_text(_line("zsh") + "\n")
    variables = environment() | {"HOME": str(tmp_path), "ZDOTDIR": str(tmp_path), "TERM": "dumb"}
    command = [zsh, "-d", "-i", "-c", "print $+functions[_eventstats_completion]"]
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_script_for_zsh_may_lie_in_a_folder_of_functions(tmp_path: Path) -> None:
    """Kept as `_eventstats` in a folder of fpath, the script is what compinit finds by itself."""
    zsh = program("zsh")
    variables = environment() | {"HOME": str(tmp_path), "ZDOTDIR": str(tmp_path), "TERM": "dumb"}
    tool = str(Path(sys.executable).parent / "eventstats")
    asking = variables | {"_EVENTSTATS_COMPLETE": "zsh_source"}
    (tmp_path / "_eventstats").write_bytes(subprocess.run([tool], env=asking, capture_output=True, check=True).stdout)
    (tmp_path / ".zshrc").write_text(f"PS1='ready> '\nfpath=({tmp_path} $fpath)\n{COMPINIT}\n")
    with Terminal([zsh, "-d", "-i"], variables, tmp_path) as terminal:
        terminal.wait("ready> ")
        terminal.type("eventstats summ\t")
        terminal.wait("summarize")


WORDS: Final = {
    "summ": {"summarize", "summer.log"},
    "app": {"app.log"},
    "summarize app": {"app.log"},
    "app.log summ": {"summer.log"},
    "--strict app": {"app.log"},
    "-o app": {"app.log"},
    "--files-from app": {"app.log"},
    "ingest --ledger app": {"app.log"},
    "ingest --ledger shop.db summ": {"summer.log"},
    "ingest --olddir fol": {"folder/"},
    "merge summ": {"summer.log"},
    "--for": {"--format"},
    "-f js": {"json", "jsonl"},
}
"""What completes a word, in a directory with some files."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a directory with some files."""
    for name in ("app.log", "summer.log", "sum of it.log", ".hidden"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize("words", WORDS)
def test_fish_completes_commands_and_files(words: str, folder: Path) -> None:
    """Where a file can be named, fish completes files, also beside the commands that the first word may be."""
    ask = f"complete --do-complete 'eventstats {words}' | string split --fields 1 \\t"
    command = [program("fish"), "-c", f"{_line('fish')}\n{ask}"]
    variables = environment() | {"HOME": str(folder)}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert (set(done.stdout.splitlines()), done.stderr) == (WORDS[words], "")


@pytest.mark.parametrize("words", WORDS)
def test_bash_completes_commands_and_files(words: str, folder: Path) -> None:
    """Bash is asked to complete files itself where nothing else fits, and is told their names where a command does."""
    *before, last = f"eventstats {words}".split(" ")
    ask = (
        f"COMP_WORDS=({' '.join([*before, last])}); COMP_CWORD={len(before)};"
        ' compopt() { [[ $2 != default ]] || compgen -f -- "${COMP_WORDS[COMP_CWORD]}"; };'
        ' _eventstats_completion eventstats; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    command = [program("bash"), "-c", f"{_line('bash')}\n{ask}"]
    variables = environment() | {"HOME": str(folder)}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=True)
    assert {line.removesuffix("/") for line in done.stdout.splitlines() if line} == {
        word.removesuffix("/") for word in WORDS[words]
    }
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("words", "completed"), [("app", "app.log"), ("-o app", "app.log"), ("summarize sum", "summer")]
)
def test_zsh_completes_files(words: str, completed: str, folder: Path) -> None:
    """Where a file can be named, zsh completes files."""
    zsh = program("zsh")
    (folder / ".zshrc").write_text(f"PS1='ready> '; unsetopt prompt_sp\n{COMPINIT}\n{_line('zsh')}\n")
    (folder / "sum of it.log").unlink()
    variables = environment() | {"HOME": str(folder), "ZDOTDIR": str(folder), "TERM": "dumb"}
    with Terminal([zsh, "-d", "-i"], variables, folder) as terminal:
        terminal.wait("ready> ")
        terminal.type(f"eventstats {words}\t")
        terminal.wait(completed)
