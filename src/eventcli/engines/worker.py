"""A worker process of the engine `processes`: calls functions of this package, and ends with its client.

A thread reads what the client sends, so that its end is noticed while a split is folded; another one shows that the
process is alive.
"""

import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from typing import Final, cast

from eventcli.engines.channel import receive, send

BEAT: Final = 1.0
"""Seconds between two signs of life."""

ALIVE: Final = b"alive"
STEP: Final = b"step"
DONE: Final = b"done"
FAILED: Final = b"failed"
CALL: Final = b"call"
FOLD: Final = b"fold"
MERGE: Final = b"merge"


def main() -> None:
    """Serve the client at standard input and output until it goes away."""
    _Server().serve()


class _Server:
    """Does what messages ask for, one after the other."""

    def __init__(self) -> None:
        self._input = os.fdopen(os.dup(0), "rb")
        self._output = os.fdopen(os.dup(1), "wb")
        # Nothing else may write into the channel.
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        self._writing = threading.Lock()
        self._messages: queue.SimpleQueue[list[bytes]] = queue.SimpleQueue()

    def serve(self) -> None:
        """Answer until the client is gone."""
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._beat, daemon=True).start()
        while True:
            kind, *blobs = self._messages.get()
            try:
                answer = [DONE, self._answer(kind, blobs)]
            except BaseException as error:  # noqa: BLE001  # the client judges whatever it is
                answer = [FAILED, f"{type(error).__name__}: {error}".encode(errors="backslashreplace")]
            self._tell(answer)

    def _answer(self, kind: bytes, blobs: list[bytes]) -> bytes:
        if kind == CALL:
            return bytes(_function(blobs[0])(blobs[1]))
        if kind == MERGE:
            return bytes(_function(blobs[0])(blobs[1:]))
        fold, note, merge = map(_function, blobs[:3])
        results: list[tuple[int, bytes]] = []
        for payload in blobs[3:]:
            result = fold(payload)
            self._tell([STEP, note(result)])
            results.append((1, result))
            # Like the digits of a counter, so that each result is merged only a few times.
            while len(results) > 1 and results[-2][0] == results[-1][0]:
                (weight, left), (_, right) = results[-2:]
                results[-2:] = [(2 * weight, merge([left, right]))]
        return bytes(results[0][1] if len(results) == 1 else merge([result for _, result in results]))

    def _tell(self, blobs: list[bytes]) -> None:
        try:
            with self._writing:
                send(self._output, blobs)
        except OSError:
            os._exit(0)

    def _listen(self) -> None:
        while (message := receive(self._input)) is not None:
            self._messages.put(message)
        os._exit(0)

    def _beat(self) -> None:
        while True:
            self._tell([ALIVE])
            time.sleep(BEAT)


def _function(name: bytes) -> Callable[..., bytes]:
    module, _, attribute = name.decode().rpartition(":")
    return cast("Callable[..., bytes]", getattr(import_module(module), attribute))


def name_of(function: Callable[..., bytes]) -> bytes:
    """Return the name by which a worker finds a function of a module."""
    return f"{function.__module__}:{function.__qualname__}".encode()


def command() -> list[str]:
    """Return the command that starts a worker with the package of this process."""
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    program = "import sys; sys.path.append(sys.argv[1]); from eventcli.engines.worker import main; main()"
    # -P: a file in the current directory must not take the place of a module.
    return [sys.executable, "-P", "-c", program, here]
