"""Keeps the outputs of a run apart from its inputs and its ledger: by the identity of files, not by their names."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Final

import click

import eventcli.ledger
from eventcli.cli.settings import Settings
from eventcli.record import Record
from eventcli.reporting.output import STDOUT, STDOUT_PATH
from eventcli.text import STDIN, is_url, name_of

_STDIN: Final = 0

_STDOUT_NAME: Final = "standard output"

_BESIDE: Final = ("", "-journal", "-wal", "-shm", "-lock")
"""The endings of a ledger's file names."""


class ConflictError(click.UsageError):
    """A file would be written that is also read, or written twice; the message says which."""


class _Key(Record):
    """The identity that all names of a file share: device and inode; if missing, those of its folder, and its name."""

    device: int
    inode: int
    name: str = ""
    folder: str = ""
    """The path of a file that does not exist yet; one folder may have several paths."""


class _Target:
    """Something that is written, as the user knows it and as the system does."""

    __slots__ = ("is_pipe", "key", "what")

    def __init__(self, what: str, key: _Key, *, is_pipe: bool) -> None:
        self.what = what
        self.key = key
        self.is_pipe = is_pipe


def check_targets(
    settings: Settings, inputs: Iterable[str] = (), *, files_from: str | None = None, ledger: str | None = None
) -> None:
    """Raise ConflictError for an output that is also read, or written twice; nothing is opened."""
    outputs = {"--output": settings.output, "--save": settings.save, "--rejects": settings.rejects}
    check_outputs(outputs, (*inputs, *((files_from,) if files_from else ())), ledger=ledger)


def check_outputs(
    outputs: dict[str, str | None],
    inputs: Iterable[str] = (),
    *,
    ledger: str | None = None,
) -> None:
    """Do the same for outputs by option; see `check`."""
    is_known = None
    if ledger is not None and os.path.exists(ledger):
        is_known = partial(eventcli.ledger.store.streams_table.source_of, ledger)
    check(outputs, inputs=inputs, ledger=ledger, is_known=is_known)


def check(
    outputs: Mapping[str, str | None],
    *,
    inputs: Iterable[str] = (),
    ledger: str | None = None,
    stdout: bool = True,
    is_known: Callable[[int, int], str | None] | None = None,
) -> None:
    """Raise ConflictError if an output is an input, a file of the ledger, or another output; nothing is opened.

    `outputs` are paths by option, `inputs` the named paths. `stdout` says whether the result goes to standard output if
    `--output` does not lead elsewhere. `is_known` returns the name under which a file, given by device and inode, is
    also read.
    """
    found = list(_targets(outputs, stdout=stdout))
    if not found:
        return
    _check_each_other(found)
    if ledger is not None:
        for ending in _BESIDE:
            for path in {f"{ledger}{ending}", f"{os.path.realpath(ledger)}{ending}"}:
                for target in _same(found, path):
                    raise ConflictError(f"{target.what} is the ledger ({name_of(path)})")
    for path in inputs:
        for target in () if is_url(path) else _same(found, path):
            name = name_of(path)
            if target.what == _STDOUT_NAME:
                raise ConflictError(f"{name}: input file is output file: standard output leads to it")
            raise ConflictError(f"{target.what} is an input ({name}), which would be replaced")
    for target in found:
        known = None if target.key.name or is_known is None else is_known(target.key.device, target.key.inode)
        if known is not None:
            raise ConflictError(f"{target.what} is a source of the ledger ({known})")


def identities(*paths: str | None) -> list[tuple[int, int]]:
    """Return (device, inode) of the run's own outputs, so that a directory scan skips them."""
    files: list[str | int] = [path for path in paths if path and path != STDOUT_PATH]
    found = []
    for file in (*files, STDOUT, STDOUT + 1):
        with suppress(OSError):
            status = os.stat(file)
            if stat.S_ISREG(status.st_mode):
                found.append((status.st_dev, status.st_ino))
    return found


def _targets(outputs: Mapping[str, str | None], *, stdout: bool) -> Iterator[_Target]:
    given = {option: path for option, path in outputs.items() if path}
    on_stdout = [option for option, path in given.items() if path == STDOUT_PATH]
    if stdout and "--output" not in given:
        on_stdout.insert(0, "the result")
    if len(on_stdout) > 1:
        raise ConflictError(f"{on_stdout[0]} and {on_stdout[1]} cannot both go to standard output")
    for option, path in given.items():
        status = _status(STDOUT if path == STDOUT_PATH else path)
        key = _key(path, status)
        if key is not None:
            what = _STDOUT_NAME if path == STDOUT_PATH else f"{option} {name_of(path)}"
            yield _Target(what, key, is_pipe=status is not None and stat.S_ISFIFO(status.st_mode))
    if stdout and "--output" not in given and (status := _status(STDOUT)) and stat.S_ISREG(status.st_mode):
        yield _Target(_STDOUT_NAME, _Key(status.st_dev, status.st_ino), is_pipe=False)


def _check_each_other(targets: list[_Target]) -> None:
    # Several may go to one pipe, as to one terminal.
    files = [target for target in targets if not target.is_pipe]
    for index, target in enumerate(files):
        for other in files[:index]:
            if _is_same(target.key, other.key):
                if _STDOUT_NAME in {target.what, other.what}:
                    raise ConflictError(f"{other.what} and {target.what} must be different files")
                raise ConflictError("--output, --save and --rejects must be different files")


def _same(targets: list[_Target], path: str) -> Iterator[_Target]:
    """Yield the targets that are the file at a path."""
    status = _status(_STDIN if path == STDIN else path)
    if status is None:
        # A missing input rarely shares its name with a target, and there may be very many.
        name = os.path.basename(path).casefold()
        if not os.path.islink(path) and all(target.key.name.casefold() != name for target in targets):
            return
    key = _key(path, status)
    if key is not None:
        yield from (target for target in targets if _is_same(target.key, key))


def _key(path: str, status: os.stat_result | None) -> _Key | None:
    """Return the identity of a file; None for a file that many may write, such as a terminal or /dev/null."""
    if status is not None:
        is_one = stat.S_ISREG(status.st_mode) or stat.S_ISFIFO(status.st_mode)
        return _Key(status.st_dev, status.st_ino) if is_one else None
    folder, name = os.path.split(os.path.realpath(path))
    status = _status(folder)
    return None if status is None or not name else _Key(status.st_dev, status.st_ino, name, folder)


def _is_same(one: _Key, other: _Key) -> bool:
    if one[:3] == other[:3]:
        return True
    if one[:2] != other[:2] or not one.name or not other.name:
        return False
    return _folded(one.name) == _folded(other.name) and _ignores_case(one.folder)


def _folded(name: str) -> str:
    import unicodedata  # noqa: PLC0415  # for names that are hardly ever compared

    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _ignores_case(folder: str) -> bool:
    """Whether names that differ only in case refer to the same file in a folder: only a trial shows."""
    begin = os.path.join(folder, ".eventstats-")
    end = os.urandom(6).hex()
    try:
        os.close(os.open(f"{begin}case-{end}", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError:
        return False  # then nothing else can be created there, either
    try:
        return os.path.lexists(f"{begin}CASE-{end}")
    finally:
        os.unlink(f"{begin}case-{end}")


def _status(file: str | int) -> os.stat_result | None:
    try:
        return os.stat(file)
    except (OSError, ValueError):
        return None
