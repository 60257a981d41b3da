"""`engines.run`: what a run asks of its engine, and how it ends; `engines.listing`: what it may read."""

import io
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from eventcli import ByteRange, Reject, SourceReport, summarize
from eventcli.engines.engine import CancelledError, EngineLostError, Job, Watch
from eventcli.engines.run import MOST_REJECTS, EngineRun, Summarizes, Ways
from eventcli.errors import WrongUsageError
from eventcli.pipeline.options import Callbacks, Options
from servers import serve


class Here(Summarizes):
    """An engine that does everything in this process, and keeps what it was asked for."""

    name = "here"
    dashboard = None

    def __init__(self, on_check: Callable[[], object] = lambda: None) -> None:
        """Call something during the check."""
        self.asked: list[str] = []
        self.on_check = on_check

    def workers(self) -> int:
        """Return one."""
        return 1

    def ship(self, archive: str) -> None:
        """Keep the name."""
        self.asked.append(f"ship {archive}")

    def check(self, probe: Callable[[bytes], bytes], argument: bytes) -> Sequence[tuple[str, bytes]]:
        """Run it here."""
        self.asked.append("check")
        self.on_check()
        return [("here", probe(argument))]

    def reduce(self, job: Job, watch: Watch) -> bytes:
        """Fold everything, the last task first; stop where the watch says so."""
        self.asked.append("reduce")
        results: list[bytes] = []
        for number in reversed(range(len(job.tasks))):
            if watch.is_cancelled:
                raise CancelledError(results)
            results.insert(0, job.fold(job.tasks[number].payload))
            for _ in range(2):
                watch.done(number, job.note(results[0]))
            watch.heartbeat()
        return job.merge(results)

    def stream(self, job: Job, watch: Watch) -> Iterator[bytes]:
        """Fold one task after the other."""
        self.asked.append("stream")
        for number, task in enumerate(job.tasks):
            result = job.fold(task.payload)
            watch.done(number)
            yield result

    def cancel(self) -> None:
        """Keep that it was cancelled."""
        self.asked.append("cancel")

    def close(self) -> None:
        """Keep that it was closed."""
        self.asked.append("close")


@pytest.fixture
def log(tmp_path: Path) -> str:
    """Return a file with events and bad lines."""
    path = tmp_path / "a.log"
    path.write_bytes(b'{"type":"a","value":1}\nbad\n' * 50)
    return str(path)


@pytest.mark.parametrize(
    ("limit", "way"),
    [(0, "reduce"), (5, "reduce"), (MOST_REJECTS, "reduce"), (MOST_REJECTS + 1, "stream"), (None, "stream")],
)
def test_rejects_go_through_the_client_only_if_many_are_asked_for(log: str, limit: int | None, way: str) -> None:
    """A few rejects travel with the partials; else results are streamed, split by split."""
    engine = Here()
    rejects: list[Reject] = []
    summary = EngineRun(engine, [log], callbacks=Callbacks(rejects.append, limit), ways=Ways(100)).complete()
    assert engine.asked == ["check", way]
    assert [reject.line for reject in rejects] == [2 * number for number in range(1, 51)][:limit]
    assert summary.account.rejects == 50


def test_nothing_is_asked_of_an_engine_if_there_is_nothing_to_read(tmp_path: Path) -> None:
    """A missing file is reported without a cluster."""
    engine = Here()
    said: list[SourceReport] = []
    summary = EngineRun(engine, [str(tmp_path / "none")], callbacks=Callbacks(on_problem=said.append)).complete()
    assert engine.asked == []
    assert [report.status for report in said] == ["missing"]
    assert not summary.complete


def test_the_package_is_shipped_before_the_workers_are_checked(log: str) -> None:
    """Otherwise the check would find that they lack it."""
    engine = Here()
    EngineRun(engine, [log], ways=Ways(archive="it.zip")).complete()
    assert engine.asked == ["ship it.zip", "check", "reduce"]


def test_a_run_tells_how_far_it_is(log: str) -> None:
    """Bytes and account grow with the splits, each counted once however often it is told."""
    run = EngineRun(Here(), [log], ways=Ways(100))
    size = Path(log).stat().st_size
    run.complete()
    assert (run.place().position, run.place().size) == (size, size)
    assert run.account().lines == 100
    assert run.workers() == 1


def test_an_interruption_leaves_what_was_done(log: str) -> None:
    """The partial summary has the splits whose results were at hand, and says that it is one."""
    run = EngineRun(Here(), [log], ways=Ways(100))
    watch = run._watch  # noqa: SLF001
    done = watch.done

    def interrupt(task: int, note: bytes = b"") -> None:
        done(task, note)
        if run.account().lines > 20:
            run.interrupt()

    watch.done = interrupt  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        run.complete()
    partial = run.partial()
    assert 20 < partial.account.lines < 100
    assert [str(source.status) for source in partial.sources] == ["interrupted"]
    assert not partial.complete


def test_an_interruption_ends_a_check_that_hangs(log: str) -> None:
    """The engine is told, and the run ends, although the check does not."""
    release = threading.Event()
    run: EngineRun

    def hang() -> None:
        run.interrupt()
        release.wait(60)

    engine = Here(hang)
    run = EngineRun(engine, [log])
    try:
        with pytest.raises(KeyboardInterrupt):
            run.complete()
    finally:
        release.set()
    assert engine.asked == ["check", "cancel"]
    assert run.partial().account.lines == 0


def test_an_error_of_the_engine_ends_the_run(log: str) -> None:
    """It has its own words and its own status."""

    def fail() -> None:
        raise EngineLostError("here: the scheduler is gone")

    with pytest.raises(EngineLostError) as raised:
        EngineRun(Here(fail), [log]).complete()
    assert (raised.value.words(), int(raised.value.status)) == ("no result: here: the scheduler is gone", 3)


def test_workers_read_files_and_urls_only(log: str) -> None:
    """A stream of the caller and a byte range are wrong usage; options that make no sense are, too."""
    for source in (io.BytesIO(b"{}"), ByteRange(log, 0, 10)):
        with pytest.raises(WrongUsageError, match="workers cannot read it"):
            summarize(source, engine=Here())
    with pytest.raises(ValueError, match="must be at least 1"):
        EngineRun(Here(), [log], Options(max_line=0))


def test_many_urls_are_listed_at_once_and_stay_in_order() -> None:
    """Sizes and versions are asked for in parallel; files and patterns between them keep their places."""
    with serve() as server:
        for number in range(90):
            server.objects[f"{number}.log"] = b'{"type":"t%d","value":1}\n' % number
        urls = [f"{server.url}/{number}.log" for number in range(90)]
        said: list[Any] = []
        engine = Here()
        summary = summarize([*urls, urls[3], f"{server.url}/none"], engine=engine, on_problem=said.append)
        assert summary.account.accepted == 90
        assert [report.status for report in said] == ["missing"]
        assert json.dumps([source.name for source in summary.sources if source.lines]) == json.dumps(sorted(urls))
