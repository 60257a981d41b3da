"""Starts the tool as its users do: the installed console script, in a process of its own; and looks at this one."""

import ctypes
import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, Protocol

from forks import Forks

TOOL: Final = str(Path(sys.executable).parent / "eventstats")

PATIENCE: Final = 60.0
"""Seconds after which a process is taken to hang. No test waits for that long unless it fails."""

LONG: Final = os.environ.get("HYPOTHESIS_PROFILE") == "long"
"""Whether tests may last for minutes."""

GOOD: Final = b'{"type":"a","value":1}\n'
"""One event on a line, for tests in which it does not matter which."""

FORKS: Final = Forks()
"""What forks the runs of these tests."""

File = int | IO[Any]


class Ended(NamedTuple):
    """How a process ended: its status (negative: minus the signal), and what it wrote."""

    status: int
    stdout: bytes
    stderr: str


class Measured(NamedTuple):
    """How a process ended, and the most memory it had at any moment, in MB (10**6 bytes)."""

    status: int
    stdout: bytes
    stderr: str
    peak: float


class Running(Protocol):
    """A process that was started, forked or not."""

    pid: int

    @property
    def returncode(self) -> int | None:
        """Its status, once it was found to have ended."""

    @property
    def stdout(self) -> IO[bytes] | None:
        """What it prints."""

    @property
    def stderr(self) -> IO[bytes] | None:
        """What it writes to stderr."""

    def poll(self) -> int | None:
        """Return its status if it has ended."""

    def send_signal(self, number: int, /) -> None:
        """Send it a signal, if it is there."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it at once."""

    def communicate(self, *, timeout: float) -> tuple[bytes, bytes]:
        """Wait until it has ended; return the rest of what it writes."""


def open_descriptors() -> set[str]:
    """Return the descriptors of this process, without those that belong to garbage of earlier tests."""
    gc.collect()
    return set(os.listdir("/dev/fd"))


def environment(**variables: str) -> dict[str, str]:
    """Return this process's environment with some variables added."""
    return os.environ | variables


def run(
    *args: str | bytes,
    stdin: bytes | File = b"",
    stdout: File = subprocess.PIPE,
    stderr: File = subprocess.PIPE,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    before: Callable[[], object] | None = None,
) -> Ended:
    """Run the tool to its end. `stdin` is what it reads, or a file; `before` is called in the new process.

    Where it makes no difference, the process is forked from one that has loaded the tool: see `forks`.
    """
    env = environment() if env is None else env
    if before is None and stdout == stderr == subprocess.PIPE and FORKS.can_run(env) and _is_given(stdin):
        given = stdin if isinstance(stdin, (bytes, int)) else stdin.fileno()
        return run_forked(FORKS, *args, stdin=given, cwd=cwd, env=env)
    with start(*args, stdin=stdin, stdout=stdout, stderr=stderr, cwd=cwd, env=env, before=before) as process:
        return end(process, stdin if isinstance(stdin, bytes) else None)


def run_forked(
    forks: Forks, *args: str | bytes, stdin: bytes | int = b"", cwd: Path | None = None, env: Mapping[str, str]
) -> Ended:
    """Run the tool to its end, forked."""
    folder = os.path.abspath(cwd or os.curdir)
    status, out, err = forks.run([os.fsencode(arg) for arg in args], stdin, folder, env, PATIENCE)
    return Ended(status, out, err.decode("utf-8", "surrogateescape"))


def run_whole(
    *args: str | bytes, stdin: bytes = b"", cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Ended:
    """Run the tool to its end as its users do, from the start of the interpreter on."""
    with start(*args, stdin=stdin, cwd=cwd, env=env) as process:
        return end(process, stdin)


def _is_given(stdin: bytes | File) -> bool:
    """Whether it is bytes or a file that is open, and none of the constants of subprocess."""
    return not isinstance(stdin, int) or stdin >= 0


def end(process: subprocess.Popen[bytes], stdin: bytes | None = None) -> Ended:
    """Send the rest of its input to a process, and let it end."""
    out, err = process.communicate(stdin, timeout=PATIENCE)
    return Ended(process.returncode, out or b"", (err or b"").decode("utf-8", "surrogateescape"))


@contextmanager
def start(
    *args: str | bytes,
    stdin: bytes | File = b"",
    stdout: File = subprocess.PIPE,
    stderr: File = subprocess.PIPE,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    before: Callable[[], object] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start the tool, with pipes; it is gone when the block ends, one way or the other."""
    process = subprocess.Popen(
        [TOOL, *args],
        bufsize=0,
        stdin=subprocess.PIPE if isinstance(stdin, bytes) else stdin,
        stdout=stdout,
        stderr=stderr,
        cwd=cwd,
        env=environment() if env is None else env,
        preexec_fn=before,  # noqa: PLW1509  # the tests that give one start no threads
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


@contextmanager
def forked(forks: Forks, *args: str) -> Iterator[Running]:
    """Start the tool without input, where it makes no difference as a fork; it is gone when the block ends."""
    if not forks.can_run(os.environ):
        with start(*args, stdin=subprocess.DEVNULL) as process:
            yield process
        return
    with open(os.devnull, "rb") as nothing:
        running = forks.start([os.fsencode(arg) for arg in args], nothing.fileno(), os.getcwd(), os.environ)
    with running:
        yield running


def give_up_privileges() -> None:
    """Make the bits of permission hold for this process and its children, also where they run as root."""
    if os.geteuid() == 0:
        pr_capbset_drop, cap_dac_override, cap_dac_read_search = 24, 1, 2
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (cap_dac_override, cap_dac_read_search):
            if libc.prctl(pr_capbset_drop, capability, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "the capabilities of root cannot be given up")


def measure(*args: str, cwd: Path) -> Measured:
    """Run the tool on a large input, and tell how much memory it took."""
    # A child begins with the peak of what it was forked from, so a small process stands between it and this one.
    program = (
        "import os, sys\n"
        "child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)\n"
        "_, status, usage = os.wait4(child, 0)\n"
        "print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", program, TOOL, *args],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=cwd,
        timeout=PATIENCE,
        check=True,
    )
    *lines, last = done.stdout.splitlines(keepends=True)
    status, kilobytes = last.split()
    return Measured(int(status), b"".join(lines), done.stderr.decode(), int(kilobytes) * 1024 / 1e6)
