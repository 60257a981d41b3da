"""Jobs for engines that know nothing of events: folds that note what they do, and can fail in every way.

The functions run on workers, which find them by their names.
"""

import json
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from eventcli.engines import stopping
from eventcli.engines.engine import Job, Task


class Watch:
    """Keeps what an engine tells, and cancels when it is told to."""

    def __init__(self) -> None:
        """Begin with nothing told."""
        self.folded: dict[int, bytes] = {}
        self.messages: list[str] = []
        self.is_cancelled = False
        self.beats = 0
        self.cancel_at = -1

    def done(self, task: int, note: bytes = b"") -> None:
        """Keep a task."""
        self.folded[task] = note

    def message(self, text: str) -> None:
        """Keep a message."""
        self.messages.append(text)

    def heartbeat(self) -> None:
        """Count a beat."""
        self.beats += 1


def job(folder: Path, *tasks: dict[str, Any], no_worker_timeout: float | None = None) -> Job:
    """Return a job whose tasks do what they say: `sleep` seconds, `die` or `stop` or `fail` ("once" or "always").

    Each task has `text` for a result, by default its number and a comma.
    """
    made = [
        Task(json.dumps({"folder": str(folder), "number": number, **task}).encode(), f"task {number}", 1)
        for number, task in enumerate(tasks)
    ]
    return Job(made, fold, merge, note, no_worker_timeout)


def fold(payload: bytes) -> bytes:
    """Do what a task says, and return its text."""
    task = json.loads(payload)
    folder, number = Path(task["folder"]), task["number"]
    with (folder / "begun").open("a", encoding="ascii") as log:
        log.write(f"{number} {os.getpid()}\n")
    end = time.monotonic() + task.get("sleep", 0)
    while time.monotonic() < end:
        (folder / f"alive-{number}").write_text(str(time.time()), encoding="ascii")
        stopping.check()
        time.sleep(0.02)
    for kind, number_of_signal in (("die", signal.SIGKILL), ("stop", signal.SIGSTOP)):
        if _is_due(task.get(kind), folder / f"{kind}-{number}"):
            os.kill(os.getpid(), number_of_signal)
            time.sleep(0.2)
    if _is_due(task.get("fail"), folder / f"fail-{number}"):
        raise RuntimeError("a fault of the machinery")
    return str(task.get("text", f"{number},")).encode()


def _is_due(when: str | None, mark: Path) -> bool:
    if when != "once":
        return when is not None
    # Not a question and then a mark: two workers that are asked at the same moment would both find none, and both die.
    with suppress(FileExistsError):
        mark.touch(exist_ok=False)
        return True
    return False


def merge(results: Sequence[bytes]) -> bytes:
    """Join results; the order counts."""
    return b"".join(results)


def note(result: bytes) -> bytes:
    """Return the size of a result."""
    return str(len(result)).encode()


def probe(argument: bytes) -> bytes:
    """Return the argument, and this process, after what the argument asks for: `fail`, `sleep` or `die FILE`."""
    what, _, mark = argument.decode().partition(" ")
    if what == "fail":
        raise PermissionError(13, "no right")
    if what == "sleep":
        time.sleep(2)
    if what == "die" and _is_due("once", Path(mark)):
        os.kill(os.getpid(), signal.SIGKILL)
    return argument + str(os.getpid()).encode()


def tries_of(folder: Path, number: int) -> int:
    """Return how often a task was begun."""
    begun = (folder / "begun").read_text(encoding="ascii").splitlines()
    return sum(line.split()[0] == str(number) for line in begun)


def expected(count: int) -> bytes:
    """Return the result of so many tasks without texts of their own."""
    return b"".join(f"{number},".encode() for number in range(count))
