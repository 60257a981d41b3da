"""`engines.preflight`: a worker that cannot do the work is one clear sentence, before anything is read."""

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from eventcli.engines import preflight
from eventcli.engines.engine import PreflightError
from eventcli.engines.listing import listed
from eventcli.engines.plan import Plan
from eventcli.engines.preflight import check, here, probe
from eventcli.pipeline.options import Options
from servers import serve, stands_in


class Workers:
    """An engine of which each worker answers what this process does, but for some things."""

    def __init__(self, *differences: dict[str, str]) -> None:
        self._differences = differences

    def check(self, ask: Callable[[bytes], bytes], argument: bytes) -> Sequence[tuple[str, bytes]]:
        """Answer for each worker."""
        answer = json.loads(ask(argument))
        return [
            (f"w{number}", json.dumps({**answer, **difference}).encode())
            for number, difference in enumerate(self._differences)
        ]


def checked(folder: Path, *differences: dict[str, str], has_shipped: bool = False) -> None:
    """Check workers for a plan with one file."""
    path = folder / "a.log"
    path.write_bytes(b"{}\n")
    plan = Plan.of(listed([str(path)], Options()))
    engine: Any = Workers(*differences)
    check(engine, plan, Options(), has_shipped=has_shipped)


def test_workers_that_are_like_this_process_pass(body: str, tmp_path: Path) -> None:
    """The same versions and the same body, and a file that can be opened, are all that is needed."""
    assert here()["body"] == body
    checked(tmp_path, {}, {})


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        ({"eventcli": "0.0.9"}, "worker w1 has eventstats 0.0.9, this process "),
        ({"python": "3.10"}, "worker w1 has Python 3.10, this process 3."),
        ({"failure": "Permission denied"}, "worker w1 cannot open .*a.log: Permission denied"),
    ],
    ids=str,
)
def test_a_difference_is_named(tmp_path: Path, difference: dict[str, str], words: str) -> None:
    """One worker with another version, or without a right that the others have, ends the run."""
    with pytest.raises(PreflightError, match=words):
        checked(tmp_path, {}, difference)


def test_a_slower_body_is_no_surprise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker without the Rust body is named where this process has it, unless the package was shipped."""
    monkeypatch.setattr(preflight, "body", lambda: "rust")
    slow = {"body": "python", "why": "built without it"}
    with pytest.raises(PreflightError, match=r"worker w0 lacks the Rust body .* built without it"):
        checked(tmp_path, slow)
    checked(tmp_path, slow, has_shipped=True)
    monkeypatch.setattr(preflight, "body", lambda: "python")
    checked(tmp_path, {"body": "rust"})


def test_a_path_that_only_the_client_has_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If no worker can open a file that this process can, the path is not on shared storage."""
    failure = {"failure": "No such file or directory"}
    with pytest.raises(PreflightError, match=r"cannot open .*a.log: No such file"):
        checked(tmp_path, failure, failure)
    # What this process cannot open either is reported like on one machine; perhaps others can be read.
    monkeypatch.setattr(preflight, "_failure", lambda _: "Permission denied")
    checked(tmp_path, {}, {})


@pytest.mark.parametrize("name", ["plain.log", "packed.log.gz"])
def test_little_is_read_of_an_object(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that is asked whether it can open a large object requests some kilobytes of it."""
    data = b'{"type":"a","value":1}\n' * 400_000
    with serve() as server:
        stands_in(server, monkeypatch, tmp_path)
        server.objects[name] = gzip.compress(data, compresslevel=0) if name.endswith(".gz") else data
        plan = Plan.of(listed([f"{server.url}/{name}"], Options()))
        server.seen.clear()
        engine: Any = Workers({})
        check(engine, plan, Options(), has_shipped=False)
        (asked,) = server.ranges_of(name)
    first, last = asked.removeprefix("bytes=").split("-")
    assert int(last) - int(first) < 10_000


@pytest.mark.parametrize("change", ["remove", "replace"])
def test_a_file_that_changes_while_workers_are_asked_is_the_fault_of_none(tmp_path: Path, change: str) -> None:
    """If a file goes after one worker opened it and before another did, the run goes on and reports the file."""
    path, other = tmp_path / "a.log", tmp_path / "b.log"
    for file in (path, other):
        file.write_bytes(b"{}\n")
    plan = Plan.of(listed([str(path)], Options()))

    class Slow:
        def check(self, ask: Callable[[bytes], bytes], argument: bytes) -> Sequence[tuple[str, bytes]]:
            first = ask(argument)
            if change == "remove":
                path.unlink(missing_ok=True)
            elif other.exists():
                other.replace(path)
            return [("w0", first), ("w1", ask(argument))]

    engine: Any = Slow()
    check(engine, plan, Options(), has_shipped=False)


def test_a_right_that_this_process_lacks_may_be_missing_on_one_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If one of two workers and this process cannot open a file, the worker is named."""
    monkeypatch.setattr(preflight, "_failure", lambda _: "Permission denied")
    with pytest.raises(PreflightError, match=r"worker w1 cannot open .*a.log: Permission denied"):
        checked(tmp_path, {"failure": ""}, {})


def test_a_probe_tells_what_it_found(tmp_path: Path) -> None:
    """A file that is gone is a failure in words, not an exception."""
    path = tmp_path / "a.log"
    path.write_bytes(b"{}\n")
    plan = Plan.of(listed([str(path)], Options()))
    path.unlink()
    seen: list[dict[str, Any]] = []

    class Seeing(Workers):
        def check(self, ask: Callable[[bytes], bytes], argument: bytes) -> Sequence[tuple[str, bytes]]:
            seen.append(json.loads(probe(argument)))
            return super().check(ask, argument)

    engine: Any = Seeing({})
    check(engine, plan, Options(), has_shipped=False)
    assert seen[0]["failure"] == "No such file or directory"
