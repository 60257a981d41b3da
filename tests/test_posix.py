"""`eventcli.posix`: the package can be imported, and sums up streams of bytes, where the system has no POSIX names."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from eventcli.posix import PosixError, require
from process import environment

WITHOUT: Final = """
import io, mmap, os, select, signal, sys, _signal
import decimal, orjson, re, threading, typing  # what others import is none of our business
windows = '''
    abc altsep chdir chmod close cpu_count curdir defpath devnull DirEntry dup dup2 environ error extsep fdopen fsdecode
    fsencode fspath fstat fsync ftruncate get_exec_path get_inheritable get_terminal_size getcwd getcwdb getenv getpid
    getppid isatty kill linesep link listdir lseek lstat makedirs mkdir name open pardir path pathsep pipe putenv read
    readlink remove removedirs rename renames replace rmdir scandir sep set_inheritable stat stat_result strerror st
    supports_bytes_environ supports_dir_fd supports_fd supports_follow_symlinks symlink sys system truncate umask unlink
    unsetenv urandom utime walk write PathLike Mapping MutableMapping GenericAlias O_APPEND O_CREAT O_EXCL O_RDONLY
    O_RDWR O_TRUNC O_WRONLY R_OK W_OK X_OK F_OK SEEK_CUR SEEK_END SEEK_SET
'''.split()
for name in list(vars(os)):
    if not name.startswith("_") and name not in windows:
        delattr(os, name)
for name in "fcntl", "grp", "pty", "pwd", "resource", "termios", "tty":
    sys.modules[name] = None
for module in signal, _signal:
    for name in list(vars(module)):
        if name.startswith("SIG") and name not in ("SIGINT", "SIGTERM", "SIG_DFL", "SIG_IGN"):
            delattr(module, name)
for name in [name for name in vars(mmap) if name.startswith(("MAP_", "PROT_", "MADV_"))]:
    delattr(mmap, name)
for name in "poll", "epoll":
    vars(select).pop(name, None)
"""
"""A program that leaves of the standard library what Windows has."""


def _run(program: str, folder: Path) -> str:
    command = [sys.executable, "-c", f"{WITHOUT}\n{program}"]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    assert not done.stderr
    return done.stdout


@pytest.mark.usefixtures("body")
def test_streams_are_summarised_anywhere(tmp_path: Path) -> None:
    """All public names can be imported, and streams of bytes are summarised, with times and by several threads."""
    program = """
import eventcli
for name in eventcli.__all__:
    getattr(eventcli, name)
log = b'{"type":"a","value":0.5,"occurred_at":"2020-10-06 10:02:05"}\\n' * 1000
timing = eventcli.Timing(by="hour", zone="+02:00")
for options in {}, {"jobs": 2, "block_size": 4096}, {"timing": timing}, {"max_line": 10}:
    summary = eventcli.summarize([io.BytesIO(log), io.BytesIO(log)], **options)
    print(summary.account.accepted, summary.exit_code)
print(eventcli.load(eventcli.dump(summary)) == summary)
"""
    assert _run(program, tmp_path).splitlines() == ["2000 0", "2000 0", "2000 0", "0 1", "True"]


@pytest.mark.usefixtures("body")
@pytest.mark.parametrize(
    ("what", "use"),
    [
        ("reading files", "import eventcli; eventcli.summarize('app.log')"),
        ("reading files", "import eventcli; eventcli.summarize(['app.log'])"),
        ("writing files", "from eventcli.reporting.output import OutputFile; OutputFile('out')"),
        (
            "a ledger",
            "from eventcli.ledger.store.database import Database; Database.open_to_write('l.db', create=True)",
        ),
        ("a ledger", "from eventcli.ledger.store.database import Database; Database.open_to_read('l.db')"),
    ],
)
def test_what_needs_posix_says_so(what: str, use: str, tmp_path: Path) -> None:
    """What cannot work without POSIX raises an error that says what is missing, when it is used and not before."""
    program = f"from eventcli.posix import PosixError\ntry:\n    {use}\nexcept PosixError as error:\n    print(error)"
    expected = f"{what} needs a POSIX system such as Linux or macOS: os.O_CLOEXEC is missing here\n"
    assert _run(program, tmp_path) == expected
    assert not list(tmp_path.iterdir())


def test_a_missing_module_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system with all names of `os` but no locks has no ledger either."""
    require("a ledger")
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(PosixError, match=r"a ledger needs a POSIX system .*: fcntl is missing here"):
        require("a ledger")
