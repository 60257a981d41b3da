"""Signals end the tool at any moment, by the signal itself: no traceback, no litter, standard output empty or whole."""

import io
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from eventcli import interruption
from eventcli.folding.kernel import KernelFold
from eventcli.folding.reference import ReferenceFold
from eventcli.pipeline import run as run_module
from eventcli.pipeline.options import Options
from eventcli.pipeline.run import Run
from process import GOOD, PATIENCE, TOOL, start

RUNS: Final = int(os.environ.get("EVENTSTATS_INTERRUPTS", "25"))
"""Interrupts of each command by each signal. By hand, 2,000 make 50,000 in all."""

HAS_LAUNCHER: Final = Path(f"{TOOL}-python").exists()
"""Whether signals are kept away from Python while it starts; without that, its own start shows an interruption."""

ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

COMMANDS: Final = {
    "summarize": ("log", "log2", "-o", "out", "--save", "saved", "--rejects", "rejects"),
    "to stdout": ("log", "log2", "-f", "jsonl"),
    "ingest": ("ingest", "--ledger", "ledger", "log", "-f", "jsonl"),
    "merge": ("merge", "result", "result", "--allow-overlap", "-f", "jsonl"),
    "generate": ("generate", "--events", "20000", "-o", "out"),
}


def _is_litter(name: str) -> bool:
    return name.endswith((".eventstats-tmp", "-journal"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with logs, one of which has a bad line."""
    (tmp_path / "log").write_bytes(GOOD * 40_000)
    (tmp_path / "log2").write_bytes(b"bad\n" + GOOD * 10_000)
    (tmp_path / "result").write_bytes(b'{"type":"a","count":1,"sum":1}\n')
    return tmp_path


def _is_ours(pid: int) -> bool:
    """Whether a process has come as far as to what signals do: what it ignores is told by the kernel."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("SigIgn:"):
                return bool(int(line.split()[1], 16) & 1 << (signal.SIGUSR1 - 1))
    return False


def _begun(args: tuple[str, ...], folder: Path, *, at_once: bool = False) -> "subprocess.Popen[bytes]":
    """Start a command, and return `at_once`, or as soon as its first statements ran."""
    process = subprocess.Popen([TOOL, *args], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not at_once and not _is_ours(process.pid) and process.poll() is None:
        time.sleep(0.0002)
    return process


@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize("command", COMMANDS)
def test_any_moment(command: str, number: signal.Signals, folder: Path) -> None:
    """A signal at any moment, twice at some, ends the tool by itself, and leaves nothing that is not whole."""
    earlier = set(os.listdir(folder))
    seed = random.randrange(1 << 30)
    moments = random.Random(seed)
    for run in range(RUNS):
        process = _begun(COMMANDS[command], folder, at_once=HAS_LAUNCHER)
        time.sleep(moments.random() ** 2 * 0.2)
        for _ in range(1 + run % 2):
            process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
        what = (seed, run, process.returncode, out, err)
        assert process.returncode in {0, -number}, what
        text = err.decode()
        assert not any(word in text for word in ("Traceback", "Error", "Exception", "internal")), what
        assert out in {
            b"",
            b'{"type":"a","count":50000,"sum":50000}\n',
            b'{"type":"a","count":40000,"sum":40000}\n',
            b'{"type":"a","count":2,"sum":2}\n',
        }, what
        left = set(os.listdir(folder)) - earlier
        assert not any(map(_is_litter, left)), (left, what)
        for name in left:
            (folder / name).unlink()


@pytest.mark.parametrize("command", [*COMMANDS, "totals", "verify", "rejects", "help"])
def test_who_asks_is_not_punished(command: str, folder: Path) -> None:
    """SIGUSR1 ends no command, at whatever moment it comes from its first statement on."""
    more = {name: (name, "--ledger", "ledger") for name in ("totals", "verify", "rejects")} | {"help": ("--help",)}
    if command in more:
        subprocess.run([TOOL, *COMMANDS["ingest"]], cwd=folder, stdout=subprocess.DEVNULL, check=True)
    for _ in range(5):
        process = _begun((COMMANDS | more)[command], folder)
        while process.poll() is None:
            process.send_signal(signal.SIGUSR1)
            time.sleep(0.003)
        out, err = process.communicate()
        assert process.returncode == 0, (out, err)
        if command == "ingest":
            (folder / "ledger").unlink()


def test_a_hangup_that_is_ignored_stays_ignored() -> None:
    """A run under nohup goes on when its terminal goes away."""
    with start("-f", "jsonl", before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as process:
        assert process.stdin is not None
        process.stdin.write(GOOD)
        process.send_signal(signal.SIGHUP)
        out, err = process.communicate(GOOD, timeout=PATIENCE)
    assert (process.returncode, out, err) == (0, b'{"type":"a","count":2,"sum":2}\n', b"")


def test_an_interruption_that_is_ignored_stays_ignored() -> None:
    """A run in the background of a script is not ended by Ctrl-C."""
    with start("-f", "jsonl", before=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)) as process:
        assert process.stdin is not None
        process.stdin.write(GOOD)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(GOOD, timeout=PATIENCE)
    assert (process.returncode, out) == (0, b'{"type":"a","count":2,"sum":2}\n')


@pytest.mark.parametrize("when", ["before", "after", "twice"])
@pytest.mark.parametrize("source", [GOOD, GOOD + b'{"type":"a","value":1,"x":1e5}\nbad\n'])
def test_interrupted_while_folds_are_merged(
    body: str, when: str, source: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Partial totals are those of what was folded, also where the interruption comes while that is added up."""
    kind: Any = KernelFold if body == "rust" else ReferenceFold
    merge = kind.merge
    raised: list[str] = []

    def interrupted(self: Any, other: Any) -> None:
        if when != "before" or raised:
            merge(self, other)
        if len(raised) < (2 if when == "twice" else 1):
            raised.append(when)
            raise KeyboardInterrupt

    monkeypatch.setattr(kind, "merge", interrupted)
    run = Run([io.BytesIO(source * 2000)], Options(max_line=1000, block_size=1000, jobs=4))
    with pytest.raises(KeyboardInterrupt):
        run.complete()
    if when == "twice":
        with pytest.raises(KeyboardInterrupt):
            run.partial()
    partial = run.partial()
    partial.check()
    lines = source.count(b"\n") * 2000
    assert partial.account.lines == lines
    assert partial.account.accepted == partial["a"].count == lines - partial.account.rejects


def test_interrupt_ends_the_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """What interrupts a run may be called at any moment, also before it waits, and while it holds its locks."""
    monkeypatch.setattr(run_module, "_FIRST_HEARTBEAT", PATIENCE)
    reading, writing = os.pipe()
    with open(reading, "rb") as pipe, open(writing, "wb"):
        run = Run([pipe], Options(max_line=1000, block_size=1000, jobs=1))
        with run._delivery.lock:  # noqa: SLF001  # as a handler may find it
            run.interrupt()
            run.interrupt()
        with pytest.raises(KeyboardInterrupt):
            run.complete()


@pytest.fixture
def _handlers() -> Iterator[None]:
    """Put back what signals do."""
    numbers = [*ENDING, signal.SIGUSR1]
    earlier = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, earlier, strict=True):
        signal.signal(number, handler)
    interruption._ignored_by_us.clear()  # noqa: SLF001  # of this process


@pytest.mark.usefixtures("_handlers")
def test_the_first_statements() -> None:
    """An interruption is no exception any more, and who asks is ignored until somebody answers."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    interruption.begin()
    assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_IGN
    asked: list[int] = []
    with interruption.answering(lambda number, _frame: asked.append(number)):
        os.kill(os.getpid(), signal.SIGUSR1)
    assert asked == [signal.SIGUSR1]
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_IGN


@pytest.mark.usefixtures("_handlers")
@pytest.mark.parametrize("number", ENDING)
def test_what_a_ledger_is_told(number: signal.Signals) -> None:
    """A signal is an exception where something is to be rolled back, and a second one is none."""
    signal.signal(number, signal.SIG_DFL)
    expected = KeyboardInterrupt if number == signal.SIGINT else interruption.SignalError
    with interruption.raising():
        with pytest.raises(expected):
            os.kill(os.getpid(), number)
        assert signal.getsignal(number) is interruption._clean_and_end  # noqa: SLF001  # what ends it
    assert signal.getsignal(number) == signal.SIG_DFL


@pytest.mark.parametrize("number", ENDING)
def test_an_import_is_not_interrupted(number: signal.Signals, tmp_path: Path) -> None:
    """A signal while a module is loaded is raised when that is done: a module in C may not survive an exception."""
    (tmp_path / "outer.py").write_text("import inner\nis_whole = True\n")
    (tmp_path / "inner.py").write_text(f"import os\nos.kill(os.getpid(), {int(number)})\nis_whole = True\n")
    program = (
        "import signal, sys, time\n"
        "from eventcli import interruption\n"
        "sys.path.insert(0, '.')\n"
        f"signal.signal({int(number)}, signal.SIG_DFL)\n"  # nohup, for one, has it ignored
        "interruption.begin()\n"
        "try:\n"
        "    with interruption.raising():\n"
        "        import outer\n"
        "        time.sleep(60)\n"
        "except (KeyboardInterrupt, interruption.SignalError):\n"
        "    print(sys.modules['outer'].is_whole and sys.modules['inner'].is_whole)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"True\n", b"")


def test_an_exception_that_nobody_gets() -> None:
    """Where the interpreter would tell of an interruption in a callback, the process is ended instead."""
    program = (
        "import os, signal, weakref\n"
        "from eventcli import interruption\n"
        "class Thing: pass\n"
        "interruption.begin()\n"
        "with interruption.raising():\n"
        "    thing = Thing()\n"
        "    watch = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGINT))\n"
        "    del thing\n"
        "    print('went on')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")
