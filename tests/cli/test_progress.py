"""`cli.progress`: what people see while a run is on, on terminals of all kinds; and that nobody else sees it."""

import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli import Account, Reason
from eventcli.cli import progress
from eventcli.cli.progress import Watch, total
from eventcli.pipeline.intake import Place
from process import GOOD, PATIENCE, Ended, end, environment, start
from servers import serve

JSONL: Final = b'{"type":"a","count":1,"sum":1}\n'


class FakeRun:
    """A run that is as far as it is told."""

    def __init__(self, place: Place, rejects: int = 0) -> None:
        self.at = place
        self.rejects = rejects
        self.crew: int | None = None

    def account(self) -> Account:
        """Return an account of nothing but rejects."""
        return Account(self.rejects, 0, {Reason.BAD_VALUE: self.rejects})

    def place(self) -> Place:
        """Return where it was put."""
        return self.at

    def workers(self) -> int | None:
        """Return how many workers it was given."""
        return self.crew


class Screen:
    """What stands on a terminal after it got some text: lines, of which the last one holds the cursor."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.lines = [""]
        self._column = 0

    def write(self, text: str) -> None:
        """Show text; carriage returns go back, and what is written there replaces what stood there."""
        for character in text:
            if character == "\r":
                self._column = 0
                continue
            if character != "\n":
                line = self.lines[-1].ljust(self._column)
                self.lines[-1] = line[: self._column] + character + line[self._column + 1 :]
                self._column += 1
            if character == "\n" or self._column == self.columns:
                self.lines.append("")
                self._column = 0

    @property
    def shown(self) -> list[str]:
        """The lines without what is blank at their ends; a last one that is empty is left out."""
        lines = [line.rstrip() for line in self.lines]
        return lines if lines[-1] else lines[:-1]


class Terminal(io.StringIO):
    """Standard error as a terminal of some width that is not one of the operating system."""

    def fileno(self) -> int:
        """Return a descriptor that is none."""
        return -1


@contextmanager
def terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Terminal, Screen]]:
    """Make standard error a terminal, and give what is written there."""
    stderr = Terminal()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stderr)
        patch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((columns, 24)))
        yield stderr, Screen(columns or 80)


# ---------------------------------------------------------------------------------------------------- one bar

SIZES: Final = st.one_of(st.none(), st.integers(0, 10**13))


@given(sizes=st.lists(SIZES, max_size=5), data=st.data())
def test_the_total_is_known_if_all_sizes_are(sizes: list[int | None], data: st.DataObject) -> None:
    """Several files are one bar: what was read of those that are ended, and the sizes of all others."""
    ended = data.draw(st.integers(0, len(sizes)))
    read = [data.draw(st.integers(0, 1000)) for _ in sizes[:ended]]
    size = data.draw(SIZES) if ended < len(sizes) else None
    left = list(sizes[ended:])
    if size is not None:
        left[0] = size
    expected = None if None in left else sum(read) + sum(size for size in left if size is not None)
    assert total(Place(ended, sum(read), 0, size), sizes) == expected


@given(
    columns=st.one_of(st.just(0), st.integers(2, 200)),
    position=st.integers(0, 10**13),
    size=SIZES,
    rejects=st.sampled_from([0, 1, 10**9]),
)
def test_a_bar_fits_and_is_taken_off(columns: int, position: int, size: int | None, rejects: int) -> None:
    """On a terminal of any width a bar stays on its line, whatever the numbers, and nothing is left of it."""
    with pytest.MonkeyPatch.context() as monkeypatch, terminal(columns, monkeypatch) as (stderr, screen):
        fake = FakeRun(Place(0, 0, position, size), rejects)
        watch = Watch(fake, started=time.monotonic() - 2, say=print, sizes=lambda: [None])
        watch.tick()
        fake.at = Place(0, 0, 1, None)
        watch.tick()
        with watch.hidden():
            stderr.write("message\n")
        watch.tick()
        watch.__exit__()
        screen.write(stderr.getvalue())
        assert "".join(screen.shown) == "message"


def test_a_bar_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar has the share, bytes, rate, time left, and rejects if there are any, else what is known of that."""
    with terminal(80, monkeypatch) as (stderr, _):
        fake = FakeRun(Place(1, 1_000_000, 500_000, None), 1234)
        watch = Watch(fake, started=time.monotonic() - 3, say=print, sizes=lambda: [7, 2_000_000])
        watch.tick()
        bar = r"\r 50%\|.*\| 1\.50MB/3\.00MB, (49\d|500)kB/s, 00:03 left, 1,234 rejected"
        assert re.fullmatch(bar, stderr.getvalue())
        stderr.truncate(0)
        stderr.seek(0)
        unknown = Watch(FakeRun(fake.at), started=time.monotonic() - 3, say=print, sizes=lambda: [7, None])
        unknown.tick()
        assert re.fullmatch(r"\r1\.50MB, (49\d|500)kB/s, 00:03", stderr.getvalue())


def test_a_bar_of_an_engine_has_its_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a run on an engine, the size is that of the plan, and the workers are counted beside the rejects."""
    with terminal(100, monkeypatch) as (stderr, _):
        fake = FakeRun(Place(0, 0, 1_500_000, 3_000_000), 12)
        fake.crew = 8
        Watch(fake, started=time.monotonic() - 3, say=print, sizes=lambda: [None]).tick()
        assert re.fullmatch(r"\r 50%\|.*\| 1\.50MB/3\.00MB, .* left, 12 rejected, 8 workers", stderr.getvalue())


def test_a_source_that_grew_has_no_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where more was read than there was to be, no share is made up."""
    with terminal(80, monkeypatch) as (stderr, _):
        Watch(FakeRun(Place(0, 0, 11, None)), started=time.monotonic() - 3, say=print, sizes=lambda: [10]).tick()
        assert "%" not in stderr.getvalue()


def test_a_short_run_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no bar in the first second, and the sizes of the sources are not asked for."""
    with terminal(80, monkeypatch) as (stderr, _):
        watch = Watch(
            FakeRun(Place(0, 0, 1, 2)), started=time.monotonic(), say=print, sizes=lambda: pytest.fail("asked")
        )
        watch.tick()
        watch.__exit__()
        assert stderr.getvalue() == ""


def test_no_bar_is_drawn_from_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a shell has sent to the background leaves the terminal alone, until it is fetched back."""
    with terminal(80, monkeypatch) as (stderr, _):
        watch = Watch(FakeRun(Place(0, 0, 1, 2)), started=time.monotonic() - 2, say=print, sizes=lambda: [2])
        monkeypatch.setattr(os, "tcgetpgrp", lambda _: os.getpgrp() + 1)
        watch.tick()
        assert stderr.getvalue() == ""
        monkeypatch.setattr(os, "tcgetpgrp", lambda _: os.getpgrp())
        watch.tick()
        assert stderr.getvalue() != ""


def test_a_terminal_that_went_away_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar that cannot be written is not written."""
    stderr = io.StringIO()
    stderr.close()
    monkeypatch.setattr(sys, "stderr", stderr)
    watch = Watch(FakeRun(Place(0, 0, 1, 2)), started=time.monotonic() - 2, say=print, sizes=lambda: [2])
    watch.tick()
    watch.__exit__()


@pytest.mark.parametrize("bars", [0, 1])
def test_an_interruption_takes_the_bar_off(bars: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left of a bar if the run is interrupted right behind the writing of it, be it the first one or not."""
    with terminal(80, monkeypatch) as (stderr, screen):
        watch = Watch(FakeRun(Place(0, 0, 1, 2)), started=time.monotonic() - 2, say=print, sizes=lambda: [2])
        for _ in range(bars):
            watch.tick()
        with monkeypatch.context() as patch:
            patch.setattr(stderr, "flush", lambda: signal.raise_signal(signal.SIGINT))
            with pytest.raises(KeyboardInterrupt):
                watch.tick()
        watch.__exit__()
        screen.write(stderr.getvalue())
        assert screen.shown == []


@pytest.mark.parametrize("name", [name for name in ("SIGUSR1", "SIGINFO") if hasattr(signal, name)])
def test_signals_are_taken_and_given_back(name: str) -> None:
    """A signal makes the next tick say the account, once; after the run it means what it meant before."""
    number = getattr(signal, name)
    before = signal.getsignal(number)
    said: list[str] = []
    with Watch(FakeRun(Place(0, 0, 1, 2), 3), started=time.monotonic(), say=said.append, sizes=None) as watch:
        watch.tick()
        assert said == []
        signal.raise_signal(number)
        watch.tick()
        watch.tick()
    assert said == ["so far: 3 lines = 0 accepted + 3 rejected + 0 filtered + 0 blank (bad_value 3)"]
    assert signal.getsignal(number) == before


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    """Who starts the tool with SIGUSR1 ignored gets no account, and nothing else either."""
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        with Watch(FakeRun(Place(0, 0, 1, 2)), started=time.monotonic(), say=pytest.fail, sizes=None) as watch:
            signal.raise_signal(signal.SIGUSR1)
            watch.tick()
            assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGUSR1, before)


# --------------------------------------------------------------------------------------------- the command itself


@contextmanager
def pseudo_terminal(columns: int) -> Iterator[tuple[int, int]]:
    """Give both ends of a terminal of some width: the user's, and the program's."""
    user, program = pty.openpty()
    termios.tcsetwinsize(program, (24, columns))
    yield user, program
    os.close(user)
    os.close(program)


def read_until(user: int, mark: bytes, shown: bytes = b"") -> bytes:
    """Read what a terminal shows until a mark is among it."""
    while mark not in shown:
        assert select.select([user], [], [], PATIENCE)[0], shown
        shown += os.read(user, 65536)
    return shown


def rest(user: int, process: subprocess.Popen[bytes], shown: bytes) -> bytes:
    """Read what a terminal shows until the process is gone."""
    while process.poll() is None or select.select([user], [], [], 0)[0]:
        if select.select([user], [], [], 0.05)[0]:
            shown += os.read(user, 65536)
    return shown


def pipe_of(process: subprocess.Popen[bytes]) -> IO[bytes]:
    """Return what the process reads."""
    assert process.stdin is not None
    return process.stdin


def close(process: subprocess.Popen[bytes]) -> None:
    """End the input of the process."""
    pipe_of(process).close()
    process.stdin = None


@pytest.mark.parametrize("columns", [80, 24, 0])
def test_a_bar_on_a_terminal(body: str, columns: int) -> None:
    """Whoever waits at a terminal sees how far the run is; messages are not garbled, and the bar is gone at the end."""
    with pseudo_terminal(columns) as (user, program), start("-f", "jsonl", stderr=program) as process:
        pipe_of(process).write(GOOD + b"no JSON\n")
        shown = read_until(user, b"\r31.0B")
        pipe_of(process).write(b"[]\n")
        shown = read_until(user, b"not_an_object", shown)
        close(process)
        shown = rest(user, process, shown)
        assert end(process) == Ended(0, JSONL, ""), body
    # Messages of a line are wider than a narrow terminal; a bar is not.
    *lines, last = shown.decode().replace("\r\n", "\n").split("\n")
    assert last == ""
    lines = [line.rpartition("\r")[2] for line in lines]
    assert [line.partition(": ")[2][:14] for line in lines] == ["<stdin>:2: inv", "<stdin>:3: not", "3 lines = 1 ac"]
    bars = [part for line in shown.decode().split("\n") for part in line.strip("\r").split("\r")[:-1] if part.strip()]
    assert bars
    assert max(map(len, bars)) < (columns or 80)


def test_the_share_of_an_object_whose_size_is_known(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file and an object of a server are one bar, whose total is known once the object is open."""
    monkeypatch.setenv("no_proxy", "*")
    released = threading.Event()
    with serve() as server, pseudo_terminal(80) as (user, program):
        server.objects["log"] = GOOD * 100
        server.cuts.append(len(GOOD) * 50)
        server.on_cut = lambda: released.wait(PATIENCE)
        with start(f"{server.url}/log", "-f", "jsonl", stdin=subprocess.DEVNULL, stderr=program) as process:
            shown = read_until(user, b"\r 50%|")
            released.set()
            shown = rest(user, process, shown)
            assert end(process) == Ended(0, b'{"type":"a","count":100,"sum":100}\n', ""), body
    assert re.search(rb"\| 1\.1\dkB/2\.30kB, ", shown)
    screen = Screen(80)
    screen.write(shown.decode())
    assert screen.shown == []


def test_nothing_is_shown_where_nobody_looks(body: str) -> None:
    """No bar where stderr is no terminal, where the terminal is a dumb one, and where it is not wanted."""
    environments: Sequence[tuple[bool, tuple[str, ...], dict[str, str]]] = [
        (False, (), {}),
        (True, (), {"TERM": "dumb"}),
        (True, ("--no-progress",), {}),
        (True, (), {"EVENTSTATS_PROGRESS": "0"}),
    ]
    with pseudo_terminal(80) as (user, program):
        with ExitStack() as stack:
            processes = [
                stack.enter_context(
                    start(
                        "-f",
                        "jsonl",
                        *args,
                        stderr=program if is_terminal else subprocess.PIPE,
                        env=environment(**variables),
                    )
                )
                for is_terminal, args, variables in environments
            ]
            # Longer than it takes until a bar is shown.
            time.sleep(2 * progress.DELAY)
            assert [end(process, GOOD) for process in processes] == [Ended(0, JSONL, "")] * len(processes), body
        assert not select.select([user], [], [], 0)[0]


def test_a_bar_that_is_wanted_is_shown_anywhere(body: str) -> None:
    """`--progress` shows the bar also where stderr is a file or a pipe."""
    with start("--progress", "-f", "jsonl") as process:
        assert process.stderr is not None
        pipe_of(process).write(GOOD)
        assert process.stderr.read(6) == b"\r23.0B"
        ended = end(process)
    assert ended.status == 0, body
    screen = Screen(80)
    screen.write("23.0B" + ended.stderr)
    assert screen.shown == []


def test_no_bar_where_events_are_typed(body: str) -> None:
    """Whoever types events at a terminal is not disturbed by a bar."""
    with pseudo_terminal(80) as (user, program), start("-f", "jsonl", stdin=program, stderr=program) as process:
        shown = read_until(user, b"Ctrl-D\r\n")
        time.sleep(1.5 * progress.DELAY)
        os.write(user, GOOD + b"\x04")
        shown = rest(user, process, shown)
        assert end(process) == Ended(0, JSONL, ""), body
    assert shown.decode().splitlines()[1:] == [GOOD.decode().rstrip()]


def _has_taken(process: subprocess.Popen[bytes], number: int) -> bool:
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = re.search(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return caught is not None and bool(int(caught[1], 16) >> (number - 1) & 1)


def taken(process: subprocess.Popen[bytes], number: int) -> None:
    """Wait until the process has taken a signal, which would end it before."""
    patience = time.monotonic() + PATIENCE
    while not _has_taken(process, number):
        assert time.monotonic() < patience
        time.sleep(0.01)


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="only Linux tells which signals a process takes")
@pytest.mark.parametrize("lines", [0, 3])
def test_sigusr1_says_the_account_so_far(body: str, lines: int) -> None:
    """SIGUSR1 makes one line on stderr, also while a pipe is silent, and changes nothing else."""
    with start("-f", "jsonl", "--show-rejects", "0") as process:
        assert process.stderr is not None
        taken(process, signal.SIGUSR1)
        pipe_of(process).write(GOOD * lines)
        expected = f"eventstats: so far: {lines} lines = {lines} accepted + 0 rejected + 0 filtered + 0 blank\n"
        said = b""
        while said.decode() != expected:
            process.send_signal(signal.SIGUSR1)
            said = process.stderr.readline()
            assert said.startswith(b"eventstats: so far: "), body
        ended = end(process, GOOD)
    assert ended == Ended(0, b'{"type":"a","count":%d,"sum":%d}\n' % (lines + 1, lines + 1), "")


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="only Linux tells which signals a process takes")
def test_sigusr1_and_a_bar(body: str) -> None:
    """The account stands on a line of its own, above the bar; an interruption takes the bar off, too."""
    with pseudo_terminal(80) as (user, program), start("-f", "jsonl", stderr=program) as process:
        pipe_of(process).write(GOOD)
        shown = read_until(user, b"\r23.0B")
        process.send_signal(signal.SIGUSR1)
        shown = read_until(user, b"blank\r\n", shown)
        shown = read_until(user, b"\r23.0B", shown[-2:])
        process.send_signal(signal.SIGINT)
        shown += rest(user, process, b"")
        assert end(process) == Ended(-signal.SIGINT, b"", ""), body
    screen = Screen(80)
    screen.write(shown.decode())
    assert "".join(screen.shown[:3]).startswith("eventstats: interrupted; partial totals so far, of 1 lines = 1 acc")
    assert screen.shown[-1] == "total      1    1"
    assert "23.0B" not in "".join(screen.shown)


def test_a_short_run_loads_no_library() -> None:
    """A run that is over in a moment does not load what draws a bar."""
    program = (
        "import sys\nsys.argv = ['eventstats', '--progress']\nfrom eventcli.pipeline import run\n"
        "from eventcli.cli.process import main\nrun._FIRST_HEARTBEAT = 60\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "assert 'tqdm' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], input=GOOD, check=True, stdout=subprocess.DEVNULL)
