"""`follow` shows totals that are exact at any moment, in a terminal and to programs, whatever happens to the logs."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import process

LINE = '{"type":"%s","value":%s,"occurred_at":"2020-10-06 08:00:03"}\n'


class Following:
    """A running `follow`, whose output is a pipe or a terminal."""

    def __init__(self, *args: str | Path, is_terminal: bool = False, size: tuple[int, int] = (24, 80)) -> None:
        """Start it."""
        ours, theirs = pty.openpty() if is_terminal else os.pipe()
        self._ours = ours
        environment = process.environment(LINES=str(size[0]), COLUMNS=str(size[1]), TERM="xterm")
        command = [process.TOOL, "follow", "--every", "0.1", *map(str, args)]
        self.running = subprocess.Popen(command, stdout=theirs, stderr=subprocess.PIPE, env=environment, text=True)
        os.close(theirs)
        self.text = ""
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        with suppress(OSError):  # what a terminal says when nobody writes to it any longer
            while select.select([self._ours], [], []) and (got := os.read(self._ours, 65536)):
                self.text += got.decode("utf-8", "replace")

    def wait(self, is_there: Callable[[str], object]) -> None:
        """Wait until the output has something."""
        deadline = time.monotonic() + process.PATIENCE
        while not is_there(self.text):
            assert time.monotonic() < deadline, self.text
            assert self.running.poll() is None, self.running.communicate()
            time.sleep(0.02)

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """End it by a signal; return its status and what it wrote to stderr."""
        self.running.send_signal(number)
        _, stderr = self.running.communicate(timeout=process.PATIENCE)
        self._thread.join()
        os.close(self._ours)
        return self.running.returncode, stderr


def rows(text: str) -> list[dict[str, Any]]:
    """Return JSON lines."""
    return [json.loads(line) for line in text.splitlines()]


def last_of(text: str) -> dict[str, Any]:
    """Return the last row of each type."""
    return {row["type"]: (row["count"], row["sum"]) for row in rows(text)}


def add(path: Path, text: str) -> None:
    """Append to a log."""
    with path.open("a") as log:
        log.write(text)


@pytest.mark.usefixtures("body")
def test_each_line_counts_once_while_logs_grow_rotate_and_shrink(tmp_path: Path) -> None:
    """Programs get a row whenever it changes, and at the end all rows: those of every line that was ever written."""
    log = tmp_path / "app.log"
    log.write_text(LINE % ("a", "0.1") * 3)
    following = Following(log)
    following.wait(lambda text: last_of(text).get("a") == (3, 0.3))
    add(log, LINE % ("b", "2"))
    following.wait(lambda text: "b" in last_of(text))
    assert [row["type"] for row in rows(following.text)] == ["a", "b"]
    log.rename(tmp_path / "app.log.1")
    log.write_text(LINE % ("a", "0.1") + LINE % ("c", "5"))
    following.wait(lambda text: last_of(text).get("a") == (4, 0.4))
    with log.open("r+") as file:
        file.truncate(0)
    add(log, LINE % ("d", "1"))
    following.wait(lambda text: "d" in last_of(text))
    add(log, '{"type":"e","value":1}\njunk\n')
    following.wait(lambda text: "e" in last_of(text))
    before = len(following.text)
    status, stderr = following.end()
    assert status == -signal.SIGINT
    assert last_of(following.text[before:]) == {"a": (4, 0.4), "b": (1, 2), "c": (1, 5), "d": (1, 1), "e": (1, 1)}
    assert "1 rejected" in stderr


def test_a_terminal_gets_a_table_in_its_place(tmp_path: Path) -> None:
    """The table is drawn over the one before, with a line of blocks for the last buckets, and no wider than allowed."""
    log = tmp_path / "app.log"
    log.write_text(LINE % ("a", "1") * 8 + (LINE % ("a", "1")).replace("08:", "09:"))
    following = Following(log, "--by", "hour", is_terminal=True)
    following.wait(lambda text: "a" in text and "total" in text)
    assert re.search(r"a +9 +9 +█▁", following.text)
    add(log, LINE % ("b\\u001b[31m", "1"))
    following.wait(lambda text: "\\x1b[31m" in text)
    assert re.search(r"\x1b\[\d+F", following.text)
    assert "\x1b[31m" not in following.text
    status, stderr = following.end()
    assert (status, stderr) == (-signal.SIGINT, "")
    plain = re.sub(r"\x1b\[\d*[A-Z]", "", following.text)
    assert max(map(len, plain.splitlines())) <= 80


def test_a_small_terminal_shows_as_much_as_it_can(tmp_path: Path) -> None:
    """With more types than lines, the rest is counted, and the line of totals is there."""
    log = tmp_path / "app.log"
    log.write_text("".join(LINE % (f"type {number}", "1") for number in range(100)))
    following = Following(log, is_terminal=True, size=(12, 40))
    following.wait(lambda text: "more" in text and "total" in text)
    assert following.end(signal.SIGTERM) == (-signal.SIGTERM, "")
    assert following.text.count("\n") <= 2 * 12


def test_a_ledger_is_shared_with_ingest(tmp_path: Path) -> None:
    """With --ledger, what was read stays, and another run has its turn in between; without, nothing is left."""
    log, other, ledger = tmp_path / "app.log", tmp_path / "other.log", tmp_path / "ledger.db"
    log.write_text(LINE % ("a", "1"))
    other.write_text(LINE % ("b", "1"))
    following = Following(log, "--ledger", ledger)
    following.wait(lambda text: "a" in last_of(text))
    subprocess.run([process.TOOL, "ingest", "--ledger", ledger, "--wait", "60", other], check=True, capture_output=True)
    assert following.end()[0] == -signal.SIGINT
    done = subprocess.run([process.TOOL, "totals", "--ledger", ledger, "-f", "jsonl"], check=True, capture_output=True)
    assert [row["type"] for row in rows(done.stdout.decode())] == ["a", "b"]


def test_a_log_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    """It is reported once, and followed as soon as it is there."""
    log = tmp_path / "app.log"
    following = Following(log)
    assert following.running.stderr
    assert "missing" in following.running.stderr.readline()
    log.write_text(LINE % ("a", "1"))
    following.wait(lambda text: "a" in last_of(text))
    assert following.end() == (-signal.SIGINT, "")


def test_wrong_usage_is_said_at_once(tmp_path: Path) -> None:
    """Nothing is followed with options that mean nothing."""
    for options in (["--by", "7m"], ["--by", "hour", "--tz", "Nowhere/City"], ["--type-field", "/a~"], []):
        names = [] if not options else [str(tmp_path / "x.log")]
        done = subprocess.run([process.TOOL, "follow", *options, *names], check=False, capture_output=True, timeout=60)
        assert (done.returncode, done.stdout) == (2, b"")
