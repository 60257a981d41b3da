"""`engines.split`: what a worker makes of a split, and what is not for it to judge."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from eventcli.engines import split, stopping
from eventcli.engines.gathering import Gathering
from eventcli.engines.listing import listed
from eventcli.engines.partial import merge
from eventcli.engines.plan import Plan, Tasks
from eventcli.engines.split import Split, folded
from eventcli.pipeline.options import Callbacks, Options
from eventcli.pipeline.run import Run
from eventcli.reading import mapping
from eventcli.reading.blocks import Buffer
from eventcli.summary.saved import dump
from eventcli.summary.sources import Status


def test_a_file_large_enough_to_be_mapped_is_read_alike(
    body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts that are mapped from memory, in a file without a last newline and with lines across their ends, agree."""
    maps: list[int] = []
    leased = mapping.MappedFile.lines

    def lines_of(file: mapping.MappedFile, start: int) -> mapping.LeasedLines | None:
        found = leased(file, start)
        maps.append(found is not None)
        return found

    monkeypatch.setattr(mapping.MappedFile, "lines", lines_of)
    monkeypatch.setattr(mapping, "SMALLEST", 1)
    monkeypatch.setattr(mapping, "ROOM", 4096)
    path = tmp_path / "a.log"
    lines = (b'{"type":"%d","value":%d.5,"text":"%b"}' % (n % 7, n, b"x" * (n % 900)) for n in range(2000))
    path.write_bytes(b"\xef\xbb\xbf" + b"\nbad\n".join(lines))
    options = Options(stretches=True, block_size=2000)
    for size in (10_000, 300_000):
        here: list[Any] = []
        there: list[Any] = []
        one = dump(Run([str(path)], options, Callbacks(here.append, 9)).complete())
        plan = Plan.of(listed([str(path)], options), size)
        partials = [folded(Split.from_bytes(task.payload)) for task in Tasks(plan, options, 9)]
        gathering = Gathering(plan, options.query, Callbacks(there.append, 9))
        gathering.add(merge(partials))
        assert (dump(gathering.finish()), there) == (one, here), body
    # Only the Rust body maps, and only where the file system can lend a file.
    with path.open("rb", buffering=0) as file:
        can_map = body == "rust" and mapping.mapped(file, path.stat().st_size) is not None
    assert sum(maps) > 20 if can_map else not maps


def test_the_splits_of_a_thread_have_one_buffer(body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is made once for all splits with the same options, and a split is folded alike after a longer line."""
    made: list[tuple[int, int]] = []

    class Counted(Buffer):
        def __init__(self, size: int, max_line: int) -> None:
            made.append((size, max_line))
            super().__init__(size, max_line)

    monkeypatch.setattr(split, "Buffer", Counted)
    path = tmp_path / "a.log"
    path.write_bytes(b'{"type":"%b","value":1}\n' % (b"x" * 50_000) + b'{"type":"a","value":2}\n' * 3000)
    for options in (Options(block_size=3000), Options(block_size=2000, max_line=40_000)):
        plan = Plan.of(listed([str(path)], options), 20_000)
        partials = [folded(Split.from_bytes(task.payload)) for task in Tasks(plan, options, 0)]
        gathering = Gathering(plan, options.query, Callbacks())
        gathering.add(merge(partials))
        assert dump(gathering.finish()) == dump(Run([str(path)], options).complete()), body
    assert made == [(3000, Options().max_line), (2000, 40_000)]


def test_a_shortage_on_a_worker_is_no_fault_of_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without file descriptors, a split raises, so that the engine tries again; other failures are in the partial."""
    path = tmp_path / "a.log"
    path.write_bytes(b"{}\n")
    plan = Plan.of(listed([str(path)], Options()))
    (task,) = Tasks(plan, Options(), 0)
    numbers = iter([errno.EACCES, errno.EMFILE])

    def fail(*_: object) -> None:
        number = next(numbers)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(split, "open_part", fail)
    (piece,) = folded(Split.from_bytes(task.payload)).pieces
    assert (piece.status, piece.message, piece.lines) == (Status.UNREADABLE, "Permission denied", 0)
    with pytest.raises(OSError, match="Too many open files"):
        folded(Split.from_bytes(task.payload))


def test_a_split_ends_when_nobody_wants_its_result(tmp_path: Path) -> None:
    """A fold whose engine says so is given up between two reads."""
    path = tmp_path / "a.log"
    path.write_bytes(b'{"type":"a","value":1}\n' * 50_000)
    options = Options(block_size=1000)
    plan = Plan.of(listed([str(path)], options), 500_000)
    payload = Tasks(plan, options, 0)[1].payload
    answers = iter([False] * 5)
    with stopping.stopping_if(lambda: next(answers, True)), pytest.raises(stopping.StoppedError):
        folded(Split.from_bytes(payload))
