"""The command line by example: every case of `tests/cases` is run, on every body.

A file of cases has tables `[[case]]` with these keys. A text is a string, or a list of parts: strings, `{hex = "ff"}`
for bytes that are no text, `{repeat = "ab", times = 10000}` for what is long.

- `name`: unique among all cases; `says`: what must hold, in one sentence.
- `args`: the arguments, each a text. `stdin`: a text. `env`: variables.
- `files`: names and texts, there before the run. `after`: names and texts, there after it; `false` for a file that
  must be gone. Files that are not named there must be as they were, and there must be no others.
- `stdout`: a text; it is not looked at if absent. `exit`: the status, 0 if absent.
- `stderr`: a text, empty if absent; or instead `stderr_contains`: what each line in turn contains.
"""

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

import process
from eventcli import ExitCode, Reason

_FOLDER: Final = Path(__file__).parent / "cases"

Text = str | Sequence[str | Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One run of the tool: what it is given, and what must come of it."""

    name: str
    says: str
    args: Sequence[Text] = ()
    stdin: Text = ""
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Text] = field(default_factory=dict)
    after: Mapping[str, Text | bool] = field(default_factory=dict)
    stdout: Text | None = None
    stderr: Text | None = None
    stderr_contains: Sequence[str] | None = None
    exit: int = 0


def data(text: Text) -> bytes:
    """Return the bytes that a text of a case stands for."""
    if isinstance(text, str):
        return text.encode()
    return b"".join(_part(part) for part in text)


def _part(part: str | Mapping[str, Any]) -> bytes:
    if isinstance(part, str):
        return part.encode()
    if part.keys() == {"hex"}:
        return bytes.fromhex(part["hex"])
    if part.keys() == {"repeat", "times"}:
        return str(part["repeat"]).encode() * int(part["times"])
    raise ValueError(f"no part of a text: {part!r}")


def _cases() -> Iterator[Any]:
    for path in sorted(_FOLDER.glob("*.toml")):
        for table in tomllib.loads(path.read_text(encoding="utf-8"))["case"]:
            case = Case(**table)
            yield pytest.param(case, id=f"{path.stem}:{case.name}")


CASES: Final = list(_cases())

WHOLE: Final = frozenset(
    next(param.values[0].name for param in CASES if str(param.id).startswith(f"{path.stem}:"))
    for path in _FOLDER.glob("*.toml")
)
"""The first case of each file: it is also run from the start of an interpreter on, as users do."""


@pytest.mark.usefixtures("body")
@pytest.mark.parametrize("case", CASES)
def test_case(case: Case, tmp_path: Path) -> None:
    """What the case says."""
    _check(case, tmp_path, process.run)


@pytest.mark.usefixtures("body")
@pytest.mark.parametrize("case", [param for param in CASES if param.values[0].name in WHOLE])
def test_case_from_the_start_on(case: Case, tmp_path: Path) -> None:
    """What the case says holds for a process of its own."""
    _check(case, tmp_path, process.run_whole)


def _check(case: Case, tmp_path: Path, run: Callable[..., process.Ended]) -> None:
    for name, text in case.files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data(text))

    ended = run(*map(data, case.args), stdin=data(case.stdin), cwd=tmp_path, env=process.environment(**case.env))

    # stderr first: where something is wrong, it says what.
    if case.stderr_contains is None:
        assert ended.stderr == data(case.stderr or "").decode(), case.says
    else:
        lines = ended.stderr.splitlines()
        assert len(lines) == len(case.stderr_contains), (case.says, ended.stderr)
        for line, part in zip(lines, case.stderr_contains, strict=True):
            assert part in line, case.says
    assert ended.status == case.exit, case.says
    if case.stdout is not None:
        assert ended.stdout == data(case.stdout), case.says
    expected = {**case.files, **case.after}
    assert _files(tmp_path) == {name: data(text) for name, text in expected.items() if not isinstance(text, bool)}


def _files(folder: Path) -> dict[str, bytes]:
    paths = (Path(top) / name for top, _, names in os.walk(folder) for name in names)
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_cases_are_well_formed() -> None:
    """Names are unique, each case says what must hold, expects one kind of stderr, and removes only what it names."""
    cases: list[Case] = [param.values[0] for param in CASES]
    names = [case.name for case in cases]
    assert len(names) == len(set(names))
    for case in cases:
        assert case.says.endswith("."), case.name
        assert case.stderr is None or case.stderr_contains is None, case.name
        assert all(text is not True for text in case.after.values()), case.name
        assert all(name in case.files for name, text in case.after.items() if text is False), case.name


def test_every_reject_reason_has_a_case() -> None:
    """Each reason that a run can give is met by at least one case."""
    shown = {word.strip(":,() ") for param in CASES for line in _said(param.values[0]) for word in line.split()}
    assert shown >= set(Reason) - {Reason.MISSING_TIME, Reason.BAD_TIME}


def test_every_exit_status_has_a_case() -> None:
    """Each exit status that needs no signal, no bug and no second process is met by at least one case."""
    met = {param.values[0].exit for param in CASES}
    signals = {ExitCode.INTERRUPTED, ExitCode.TERMINATED, ExitCode.READER_GONE}
    assert met >= set(ExitCode) - signals - {ExitCode.BUG, ExitCode.BUSY}


def _said(case: Case) -> list[str]:
    return list(case.stderr_contains or data(case.stderr or "").decode().splitlines())
