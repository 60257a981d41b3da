"""A log that is written to without pause, the real logrotate that turns it, and the ledger that counts its lines.

Every line is an event of a type of its own, so the totals of the ledger say of each line how often it was counted. What
was written is known from the writer; what could still be read is known from the files.
"""

import bz2
import gzip
import lzma
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple, Self

from process import PATIENCE, Ended, run

RATE: Final = 2000
"""Lines a second."""

LOG: Final = "app.log"

# It writes whole lines, each with one call. `hup` opens the log anew when it is signalled, and says so by a file;
# `poll` does when another file has the name; `keep` never does.
_WRITER: Final = """
import os, signal, sys, time
path, manner, rate = sys.argv[1], sys.argv[2], int(sys.argv[3])
asked = {"reopen": False, "stop": False}
signal.signal(signal.SIGHUP, lambda *_: asked.update(reopen=True))
signal.signal(signal.SIGTERM, lambda *_: asked.update(stop=True))
log = None
def reopen():
    global log
    if log is not None:
        os.close(log)
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
def moved():
    try:
        there, here = os.stat(path), os.fstat(log)
    except FileNotFoundError:
        return True
    return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino)
reopen()
print("ready", flush=True)
number, begin = 0, time.monotonic()
while not asked["stop"]:
    if asked["reopen"] or (manner == "poll" and moved()):
        asked["reopen"] = False
        reopen()
        open(path + "-reopened", "w").close()
    for _ in range(int((time.monotonic() - begin) * rate) - number):
        if asked["stop"] or asked["reopen"]:
            break
        os.write(log, b'{"type":"%d","value":%d}\\n' % (number, number))
        number += 1
    time.sleep(0.002)
print(number, flush=True)
"""
_POSTROTATE: Final = """
    postrotate
        rm -f {log}-reopened
        kill -HUP {pid}
        while [ ! -e {log}-reopened ]; do sleep 0.01; done
    endscript
"""
_OPEN: Final[dict[str, Callable[[bytes], bytes]]] = {
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
}


class Mode(NamedTuple):
    """One way to turn a log: lines of logrotate's configuration, and what the writer does when it happens."""

    directives: str
    manner: str = "hup"
    is_lossless: bool = True
    """Whether every line can be read until the next rotation but one, at the least."""
    options: Sequence[str] = ()
    """What a run must be told of it."""


class Story(NamedTuple):
    """What came of it: the lines that were written, how often each was counted, those still on disk, and all runs."""

    written: int
    counted: dict[int, int]
    on_disk: set[int]
    runs: Sequence[Ended]
    rotations: int


class Rotation:
    """A writer and its log in a folder, and a ledger beside them."""

    def __init__(self, logrotate: str, mode: Mode, folder: Path) -> None:
        """Start the writer."""
        self._logrotate, self._mode = logrotate, mode
        self.folder = folder / "logs"
        (self.folder / "old").mkdir(parents=True)
        self.log = self.folder / LOG
        self._ledger = str(folder / "ledger.db")
        self._state, self._config = folder / "state", folder / "logrotate.conf"
        self._runs: list[Ended] = []
        self._is_over = threading.Event()
        self._stack = ExitStack()
        command = [sys.executable, "-c", _WRITER, str(self.log), mode.manner, str(RATE)]
        self._writer = self._stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        self._stack.callback(self._writer.kill)
        assert self._writer.stdout is not None
        assert self._writer.stdout.readline() == "ready\n"
        script = _POSTROTATE.format(log=self.log, pid=self._writer.pid) if mode.manner == "hup" else ""
        self._config.write_text(f"{self.log} {{\n    rotate 1000\n{mode.directives}\n{script}}}\n")
        self._config.chmod(0o644)

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the writer."""
        self._is_over.set()
        self._stack.close()

    def turn(self) -> None:
        """Let logrotate turn the log."""
        command = [self._logrotate, "--force", "--state", str(self._state), str(self._config)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr

    def age(self, days: float) -> None:
        """Make all rotated files older."""
        for path in self.folder.rglob(LOG + "*"):
            if path.name != LOG:
                then = path.stat().st_mtime - days * 86400
                os.utime(path, (then, then))

    def ingest(self) -> None:
        """Count what is new."""
        options = ("--granularity", "none", "-f", "jsonl", *self._mode.options)
        self._runs.append(run("ingest", "--ledger", self._ledger, str(self.log), *options, cwd=self.folder))

    def _ingest_on(self) -> None:
        while not self._is_over.is_set():
            self.ingest()
            self._is_over.wait(0.05)

    def live(self, rotations: int, pause: float, days: float = 0) -> Story:
        """Turn the log so many times while it is written and counted; then let all come to rest, and tell."""
        self.ingest()
        counting = threading.Thread(target=self._ingest_on)
        counting.start()
        try:
            for _ in range(rotations):
                time.sleep(pause)
                self.age(days)
                self.turn()
            time.sleep(pause)
        finally:
            self._is_over.set()
            counting.join()
        self._writer.terminate()
        assert self._writer.stdout is not None
        written = int(self._writer.stdout.readline())
        self.ingest()
        return Story(written, self._counted(), self._on_disk(), self._runs, rotations)

    def again(self) -> Ended:
        """Count once more, when nothing is new."""
        return run("ingest", "--ledger", self._ledger, str(self.log), "-f", "jsonl")

    def verify(self) -> Ended:
        """Prove the totals."""
        return run("verify", "--ledger", self._ledger, str(self.log))

    def _counted(self) -> dict[int, int]:
        totals = run("totals", "--ledger", self._ledger, "-f", "csv").stdout.decode()
        rows = re.findall(r"^(\d+),(\d+),(\d+)$", totals, re.MULTILINE)
        counted = {int(number): int(count) for number, count, _ in rows}
        assert all(int(number) * int(count) == int(added) for number, count, added in rows)
        return counted

    def _on_disk(self) -> set[int]:
        numbers: set[int] = set()
        for path in self.folder.rglob(LOG.partition(".")[0] + "*"):
            if path.is_file():
                data = _OPEN.get(path.suffix, bytes)(path.read_bytes())
                numbers.update(map(int, re.findall(rb'^\{"type":"(\d+)"', data, re.MULTILINE)))
        return numbers
