"""Real programs around the tool, as its users run them: where they are, and shells that sit before a terminal."""

import os
import pty
import select
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

import pytest

from process import PATIENCE

PLACES: Final = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))


def program(name: str) -> str:
    """Return the path of a program; the test is skipped where there is none."""
    path = shutil.which(name, path=PLACES)
    if path is None:
        pytest.skip(f"{name} is not installed here")
    return path


class Terminal:
    """A shell before a terminal, in a session of its own. It is gone when the block ends."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        """Start it."""
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            try:
                os.chdir(folder)
                os.execve(command[0], list(command), environment)  # noqa: S606  # it is a shell
            finally:
                os._exit(127)
        self.shown = ""

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the shell."""
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._terminal)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._terminal, keys.encode())

    def wait(self, text: str) -> str:
        """Return all that was shown, as soon as the text is in what came since the last call."""
        new, end = "", time.monotonic() + PATIENCE
        while text not in new:
            ready, _, _ = select.select([self._terminal], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                pytest.fail(f"{text!r} was not shown, but this: {new!r}")
            try:
                read = os.read(self._terminal, 65536)
            except OSError:  # the shell is gone
                read = b""
            if not read:
                pytest.fail(f"{text!r} was not shown before the end, but this: {new!r}")
            new += read.decode("utf-8", "replace")
        self.shown += new
        return self.shown
