"""Runs of the tool without the start of an interpreter: each is forked from a process that has loaded the tool.

Whatever a run is given is its own, as in a process that is started for it: arguments, environment, folder, standard
descriptors and files. Only loading the tool, most of a short run, is not repeated. So this tests neither the start
itself nor what the environment changes in an interpreter: `process.run_whole` does.
"""

import atexit
import io
import json
import os
import select
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NoReturn, Self

_AVAILABLE: Final = all(hasattr(os, name) for name in ("pidfd_open", "memfd_create"))

_LATE: Final = ("EVENTSTATS_", "_EVENTSTATS_", "AWS_", "COMP_", "PYSPARK_", "PYTEST_", "REDISCLI_", "SPARK_")
"""How variables begin that are looked at when a command runs, not when an interpreter starts; or not at all."""

_LOADED: Final = (
    "cli.process",
    "cli.ingest",
    "cli.merge",
    "cli.replay",
    "cli.totals",
    "cli.verify",
    "folding.reference",
    "lines.parse",
    "lines.zones",
    "reporting.table",
)
"""Modules of the tool that most runs need, or that many of those need that take long to start."""

_NUMBER: Final = struct.Struct("i")

_CHUNK: Final = 1 << 16

_FILES: Final = (("stdin", "rb", "r"), ("stdout", "wb", "w"), ("stderr", "wb", "w"))


class Forks:
    """The process that has loaded the tool. It is started for the first run, and forks one for each."""

    def __init__(self, *modules: str) -> None:
        """Keep the environment of now: runs that share it can be forked. `modules` of the tool are loaded as well."""
        self._modules = modules
        self._environment = _of_the_start(os.environ)
        self._owner = os.getpid()
        # Open from now on, so that a test that counts descriptors before and after its run finds the same number.
        self._ours, self._theirs = socket.socketpair()
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self._end)

    def can_run(self, environment: Mapping[str, str]) -> bool:
        """Whether a forked run is like a whole one in this environment."""
        return _AVAILABLE and os.getpid() == self._owner and _of_the_start(environment) == self._environment

    def run(
        self, args: Sequence[bytes], stdin: bytes | int, folder: str, environment: Mapping[str, str], patience: float
    ) -> tuple[int, bytes, bytes]:
        """Return the status of a run, negative if a signal ended it, and what it wrote to stdout and to stderr."""
        with self.start(args, stdin, folder, environment) as forked:
            out, err = forked.communicate(stdin if isinstance(stdin, bytes) else b"", patience)
        assert forked.returncode is not None
        return forked.returncode, out, err

    def start(self, args: Sequence[bytes], stdin: bytes | int, folder: str, environment: Mapping[str, str]) -> "Forked":
        """Start a run; its input is a descriptor, or a pipe to which `communicate` writes the bytes."""
        if self._process is None:
            self._start()
        request = {"args": [os.fsdecode(arg) for arg in args], "folder": folder, "environment": dict(environment)}
        with ExitStack() as given, ExitStack() as ours:

            def pipe(near: int) -> tuple[io.FileIO, io.FileIO]:
                ends = [io.FileIO(end, mode) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True)]
                return ours.enter_context(ends[near]), given.enter_context(ends[1 - near])

            note = given.enter_context(io.FileIO(os.memfd_create("request"), "wb"))
            note.write(json.dumps(request).encode())
            outputs, theirs = zip(pipe(0), pipe(0), pipe(0), strict=True)
            feed, source = pipe(1) if isinstance(stdin, bytes) else (None, None)
            descriptor = stdin if isinstance(stdin, int) else source.fileno() if source else -1
            socket.send_fds(self._ours, [b"!"], [descriptor, *(file.fileno() for file in (note, *theirs))])
            given.close()
            pid = _number(outputs[2].read(_NUMBER.size))
            ours.pop_all()
        return Forked(pid, feed, *outputs)

    def _start(self) -> None:
        descriptor = self._theirs.fileno()
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(descriptor), *self._modules],
            stdin=subprocess.DEVNULL,
            env=self._environment,
            pass_fds=[descriptor],
        )

    def _end(self) -> None:
        if os.getpid() != self._owner:
            return
        self._ours.close()
        self._theirs.close()
        if self._process is not None:
            # Some other process that a test left may still hold an end of the connection.
            self._process.terminate()
            self._process.wait()


class Forked:
    """A run that was forked: of `subprocess.Popen`, what tests use. Its outputs have no buffers."""

    def __init__(
        self, pid: int, feed: io.FileIO | None, stdout: io.FileIO, stderr: io.FileIO, answer: io.FileIO
    ) -> None:
        """`feed` is what its input is written to; `answer` gets its status."""
        self.pid = pid
        self.stdout = stdout
        self.stderr = stderr
        self.returncode: int | None = None
        self._feed = feed
        self._answer = answer

    def poll(self) -> int | None:
        """Return its status if it has ended."""
        if self.returncode is None and select.select([self._answer], [], [], 0)[0]:
            self._finish()
        return self.returncode

    def _finish(self) -> None:
        self.returncode = _number(self._answer.read(_NUMBER.size))
        self._answer.close()

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it is there."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, data: bytes = b"", timeout: float = 60.0) -> tuple[bytes, bytes]:
        """Write its input, and wait until it has ended; return the rest of what it writes."""
        end = time.monotonic() + timeout
        out, err = _exchange(self._feed, data, [self.stdout, self.stderr], timeout)
        if self.returncode is None:
            if not select.select([self._answer], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TimeoutError
            self.poll()
        return out, err

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.kill()
        if self.returncode is None:
            self._finish()
        for file in (self._feed, self.stdout, self.stderr):
            if file is not None:
                file.close()


def _of_the_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith(_LATE)}


def _number(data: bytes | None) -> int:
    assert data, "the process that forks has ended"
    number: int = _NUMBER.unpack(data)[0]
    return number


def _exchange(feed: io.FileIO | None, data: bytes, outputs: Sequence[io.FileIO], patience: float) -> list[bytes]:
    """Write the input of a run, and return what it writes to each output until all are closed."""
    read: dict[io.FileIO, list[bytes]] = {output: [] for output in outputs}
    rest = memoryview(data)
    end = time.monotonic() + patience
    with selectors.DefaultSelector() as selector:
        for output in outputs:
            selector.register(output, selectors.EVENT_READ)
        if feed is not None:
            os.set_blocking(feed.fileno(), False)
            selector.register(feed, selectors.EVENT_WRITE)
        while selector.get_map():
            ready = selector.select(end - time.monotonic())
            if not ready and time.monotonic() > end:
                raise TimeoutError
            for key, _ in ready:
                file: Any = key.fileobj
                if file not in read:
                    try:
                        rest = rest[file.write(rest[:_CHUNK]) or 0 :] if rest else rest
                    except BrokenPipeError:
                        rest = rest[:0]
                    done = not rest
                else:
                    chunk = file.read(_CHUNK)
                    read[file].append(chunk)
                    done = not chunk
                if done:
                    selector.unregister(file)
                    file.close()
    return [b"".join(chunks) for chunks in read.values()]


def _serve(requests: socket.socket, script: Path, modules: Sequence[str]) -> None:
    """Fork a run for each request, and report how it ended, until nobody can request any more."""
    for name in _LOADED:
        import_module(f"eventcli.{name}")
    for name in modules:
        with suppress(ModuleNotFoundError):  # installed without the extra that it needs
            import_module(f"eventcli.{name}")
    code = compile(script.read_bytes(), script, "exec")
    running: dict[int, tuple[int, int]] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(requests, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is not requests:
                    pid, answer = running.pop(key.fd)
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                    with suppress(BrokenPipeError):  # nobody waits for a run that was killed
                        os.write(answer, _NUMBER.pack(status))
                    os.close(answer)
                    continue
                data, descriptors, _, _ = socket.recv_fds(requests, 1, 5)
                if not data:
                    return
                *given, answer = descriptors
                pid = os.fork()
                if not pid:
                    _become(script, code, given)
                os.write(answer, _NUMBER.pack(pid))
                for descriptor in given:
                    os.close(descriptor)
                watch = os.pidfd_open(pid)
                running[watch] = pid, answer
                selector.register(watch, selectors.EVENT_READ)


def _become(script: Path, code: Any, given: Sequence[int]) -> NoReturn:
    """Run the tool in this forked process, which has nothing of the one that it was forked from but its modules."""
    try:
        stdin, note, stdout, stderr = given
        os.lseek(note, 0, os.SEEK_SET)
        request = json.loads(os.read(note, os.fstat(note).st_size))
        for standard, descriptor in enumerate((stdin, stdout, stderr)):
            os.dup2(descriptor, standard)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["folder"])
        sys.argv = [str(script), *request["args"]]
        sys.orig_argv = [sys.executable, *sys.argv]
        for descriptor, (name, binary, text) in enumerate(_FILES):
            setattr(sys, name, _standard(descriptor, f"<{name}>", binary, text, getattr(sys, name)))
            setattr(sys, f"__{name}__", getattr(sys, name))
        main = ModuleType("__main__")
        main.__dict__.update(__file__=str(script), __builtins__=__builtins__)
        sys.modules["__main__"] = main
        exec(code, main.__dict__)  # noqa: S102  # the tool's own script
    except BaseException:  # noqa: BLE001  # as an interpreter ends
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(1)


def _standard(descriptor: int, name: str, binary: str, text: str, like: io.TextIOWrapper) -> io.TextIOWrapper:
    """Open a standard file as an interpreter does at its start."""
    buffer: Any = open(descriptor, binary, closefd=False)  # noqa: SIM115  # open until the process ends
    is_lively = name == "<stderr>" or os.isatty(descriptor)
    file = io.TextIOWrapper(buffer, like.encoding, like.errors, newline="\n", line_buffering=is_lively)
    buffer.raw.name = name
    file.mode = text  # type: ignore[misc]
    return file


if __name__ == "__main__":
    folder = Path(sys.executable).parent
    names = [name for name in ("eventstats-python", "eventstats") if (folder / name).exists()]
    sys.path[0] = str(folder)
    with suppress(KeyboardInterrupt), socket.socket(fileno=int(sys.argv[1])) as given:
        _serve(given, folder / names[0], sys.argv[2:])
