"""Whatever is read on an engine, however it is split, the answer is that of one machine, byte for byte."""

import bz2
import gzip
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusters import Cluster
from eventcli import summarize, testing
from eventcli.engines.engine import Engine
from eventcli.engines.run import EngineRun, Ways
from eventcli.lines.query import Fields, Form, Query, Timing
from eventcli.pipeline.options import Callbacks, Options
from eventcli.pipeline.run import Run
from eventcli.reading.discovery import Choice
from eventcli.summary.aggregates.registry import OPTIONAL
from eventcli.summary.saved import dump
from servers import serve

LINES: Final = st.one_of(
    testing.lines(),
    testing.good_lines(),
    st.sampled_from(
        [b"", b" \t\r", b'{"type":"a","value":1}\r', b'{"type":"a","value":1e2}', b"nonsense", b"\xff\x00"]
    ),
    st.integers(0, 700).map(lambda size: b'{"type":"long","value":0.5,"text":"%b"}' % (b"x" * size)),
)

QUERIES: Final = (
    Query(),
    Query(types=("a", "never")),
    Query(timing=Timing(by="hour", zone="Europe/Berlin")),
    Query(timing=Timing(by="day", optional=True)),
    Query(max_types=2),
    Query(max_type_bytes=5),
    Query(default_value="7", numeric_strings=True, salvage=True, aggregates=OPTIONAL),
    Query(fields=Fields("type", None), aggregates=OPTIONAL),
    Query(form=Form(framing="json")),
    Query(form=Form(skip_prefix=True, scalar_types=True, missing_type="none")),
)


class Log(NamedTuple):
    """A file to be read: its lines, how they end, and how it is stored."""

    lines: Sequence[bytes]
    end: bytes
    is_ended: bool
    mark: bytes
    stored: str

    def data(self) -> bytes:
        """Return the bytes of the file."""
        text = self.mark + self.end.join(self.lines) + self.end * self.is_ended
        if self.stored == "plain":
            return text
        packed = gzip.compress(text, 1) if "gzip" in self.stored else bz2.compress(text)
        if "cut" in self.stored:
            return packed[: 2 * len(packed) // 3]
        if "damaged" in self.stored:
            return packed[:-6] + bytes(byte ^ 0x55 for byte in packed[-6:])
        return packed


LOGS: Final = st.builds(
    Log,
    st.lists(LINES, max_size=12),
    st.sampled_from([b"\n", b"\n", b"\r\n"]),
    st.booleans(),
    st.sampled_from([b"", b"", b"\xef\xbb\xbf"]),
    st.sampled_from(["plain"] * 6 + ["gzip", "bzip2", "cut gzip", "damaged gzip"]),
)

KINDS: Final = ("new", "new", "new", "missing", "again", "hard link", "symbolic link", "folder", "glob", "misnamed")


class Case(NamedTuple):
    """Files, how they are named on the command line, the query, and how it is split."""

    logs: Sequence[tuple[Log, str]]
    query: Query
    split_size: int
    max_line: int
    limit: int | None


CASES: Final = st.builds(
    Case,
    st.lists(st.tuples(LOGS, st.sampled_from(KINDS)), max_size=5),
    st.sampled_from(QUERIES),
    st.integers(1, 200) | st.just(1_000_000),
    st.sampled_from([40, 16 * 1024 * 1024]),
    st.sampled_from([0, 1, 8, None]),
)


def inputs_of(case: Case, folder: Path) -> list[str]:
    """Write the files of a case, and return the names that lead to them."""
    inputs: list[str] = []
    for number, (log, kind) in enumerate(case.logs):
        ending = "" if kind == "misnamed" else {"gzip": ".gz", "bzip2": ".bz2"}.get(log.stored.split()[-1], "")
        path = folder / f"{number}.log{ending}"
        earlier = [name for name in inputs if os.path.isfile(name)]
        if kind in ("again", "hard link", "symbolic link") and earlier:
            if kind == "again":
                inputs.append(earlier[0])
                continue
            (os.link if kind == "hard link" else os.symlink)(earlier[-1], path)
        elif kind == "folder":
            path = folder / str(number)
            (path / "below").mkdir(parents=True)
            (path / f"one.log{ending}").write_bytes(log.data())
            (path / "below" / "two.jsonl").write_bytes(Log(log.lines, b"\n", True, b"", "plain").data())  # noqa: FBT003
            (path / "notes.txt").write_bytes(b"no log")
        elif kind == "glob":
            for part in range(3):
                (folder / f"{number}-{part}.log{ending}").write_bytes(log.data())
            path = folder / f"{number}-[02].*"
        elif kind != "missing":
            path.write_bytes(log.data())
        inputs.append(str(path))
    return inputs


class Answer(NamedTuple):
    """All that a run gives: what is saved of its summary, the rejects, problems and repeats in order."""

    saved: bytes
    said: list[Any]


def answer(run: Run | EngineRun, said: list[Any]) -> Answer:
    """Return what a run gives."""
    return Answer(dump(run.complete()), said)


def callbacks_of(said: list[Any], limit: int | None) -> Callbacks:
    """Return callbacks that keep all they are called with."""
    return Callbacks(said.append, limit, said.append, lambda *names: said.append(names))


def answers(
    engine: Engine, inputs: list[str], options: Options, split_size: int, limit: int | None
) -> tuple[Answer, Answer]:
    """Return what one machine gives, and what an engine gives."""
    here: list[Any] = []
    there: list[Any] = []
    one = answer(Run(inputs, options, callbacks_of(here, limit)), here)
    return one, answer(EngineRun(engine, inputs, options, callbacks_of(there, limit), Ways(split_size)), there)


@pytest.fixture
def engine(cluster: Cluster, body: str) -> Iterator[Engine]:
    """Return an engine on each kind of cluster, whose workers have the same body as this process."""
    if cluster.has_own_workers and body == "python":
        pytest.skip("the workers of this cluster have been started with the other body")
    with closing(cluster.engine()) as engine:
        yield engine


# Hypothesis takes numbers that other threads draw from `random`, such as those of Dask's client, for ours.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
def test_any_cutting_gives_the_answer_of_one_machine(
    cluster: Cluster, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """For any files, queries and sizes of splits, summary, rejects and problems are the same, in the same order."""

    @settings(max_examples=cluster.examples)
    @given(case=CASES)
    def check(case: Case) -> None:
        inputs = inputs_of(case, tmp_path_factory.mktemp("case"))
        options = Options(case.query, case.max_line, choice=Choice(), stretches=True)
        one, other = answers(engine, inputs, options, case.split_size, case.limit)
        assert other.said == one.said
        assert other.saved == one.saved

    check()


@pytest.mark.parametrize("size", [1, 2, 7, 20, 63, 200])
def test_a_line_may_be_longer_than_a_split_or_two(engine: Engine, tmp_path: Path, size: int) -> None:
    """Who owns the first byte of a line owns the line, whatever its length; also the last one without a newline."""
    lines = [b'{"type":"%b","value":0.1}' % (b"t" * length) for length in (1, 150, 2, 60, 0, 99, 1)]
    path = tmp_path / "a.log"
    for text in (b"\n".join(lines), b"\xef\xbb\xbf" + b"\r\n".join([*lines, b"bad", b""]), b"", b"\n", b"x"):
        path.write_bytes(text)
        one, other = answers(engine, [str(path)], Options(stretches=True), size, None)
        assert other == one


def test_a_line_over_the_limit_may_span_many_splits(engine: Engine, tmp_path: Path) -> None:
    """A line that is too long is one reject with its whole length, and the splits in its middle own nothing."""
    path = tmp_path / "a.log"
    path.write_bytes(b'{"type":"a","value":1}\n' + b"y" * 5000 + b'\n{"type":"a","value":2}\n')
    one, other = answers(engine, [str(path)], Options(max_line=100), 64, None)
    assert other == one


def test_sums_of_many_digits_stay_exact(engine: Engine, tmp_path: Path) -> None:
    """Numbers of 400 digits are added exactly on workers, whose decimal contexts have 28."""
    path = tmp_path / "a.log"
    numbers = ["9" * 300, "0." + "0" * 390 + "1", "-" + "9" * 299, "1e308", "0." + "3" * 390]
    path.write_text("".join(f'{{"type":"a","value":{number}}}\n' for number in numbers), encoding="ascii")
    one, other = answers(engine, [str(path)], Options(Query(aggregates=OPTIONAL)), 100, None)
    assert other == one


def test_rejects_beyond_what_partials_carry_come_in_order(engine: Engine, tmp_path: Path) -> None:
    """Thousands of rejects stream through the client with the same lines and offsets as on one machine."""
    path = tmp_path / "a.log"
    path.write_bytes(b"".join(b"bad %d\n" % number for number in range(9000)))
    one, other = answers(engine, [str(path), str(path)], Options(), 5000, None)
    assert len(one.said) == 9001
    assert other == one


@pytest.mark.parametrize("limit", [0, None])
def test_a_file_that_changes_after_the_plan_is_said_to(cluster: Cluster, tmp_path: Path, limit: int | None) -> None:
    """A file that was cut is truncated, one that was replaced is replaced, one that has grown is read as planned."""
    good = b'{"type":"a","value":1}\n'
    paths = {name: tmp_path / f"{name}.log" for name in ("cut", "grown", "kept", "moved", "overwritten", "rewritten")}
    for path in paths.values():
        path.write_bytes(good * 100)
    said: list[Any] = []
    with closing(cluster.engine()) as engine:
        changing = _Changing(engine, lambda: _change(paths))
        run = EngineRun(changing, map(str, paths.values()), callbacks=callbacks_of(said, limit), ways=Ways(500))
        summary = run.complete()
    statuses = {Path(source.name).stem: str(source.status) for source in summary.sources}
    assert statuses == {
        "cut": "truncated", "grown": "complete", "kept": "complete",
        "moved": "replaced", "overwritten": "replaced", "rewritten": "replaced",
    }  # fmt: skip
    lines = {Path(source.name).stem: source.lines for source in summary.sources}
    assert (lines["grown"], lines["kept"]) == (100, 100)
    assert (lines["moved"], lines["overwritten"], lines["rewritten"]) == (0, 0, 0)
    assert summary["a"].count == sum(lines.values())
    assert {Path(report.name).stem for report in said} == {"cut", "moved", "overwritten", "rewritten"}
    assert not summary.complete


def test_objects_on_a_server_are_read_in_parts(engine: Engine) -> None:
    """Plain objects are divided, compressed ones not, also where one has the wrong name; a busy server is asked again.

    The answer is that of one machine, also for an object that is missing or given twice.
    """
    log = b"".join(b'{"type":"%d","value":%d.5,"text":"%b"}\n' % (n % 7, n, b"x" * (n % 90)) for n in range(300))
    with serve() as server:
        server.objects = {
            "plain.jsonl": log + b"bad\n" + log,
            "packed.jsonl.gz": gzip.compress(log),
            "misnamed.jsonl": bz2.compress(log + os.urandom(3000).hex().encode()),
            "empty.jsonl": b"",
        }
        names = ["plain.jsonl", "packed.jsonl.gz", "none.jsonl", "misnamed.jsonl", "empty.jsonl", "plain.jsonl"]
        urls = [f"{server.url}/{name}" for name in names]
        here: list[Any] = []
        one = answer(Run(urls, Options(stretches=True), callbacks_of(here, None)), here)
        server.statuses = deque([503, 0, 0, 0, 0, 0, 0, 503, 0, 503])
        there: list[Any] = []
        run = EngineRun(engine, urls, Options(stretches=True), callbacks_of(there, None), Ways(4000))
        assert answer(run, there) == one
        assert len({asked for asked in server.ranges_of("plain.jsonl") if asked}) > 5


def test_an_object_that_changes_after_the_plan_is_said_to(cluster: Cluster) -> None:
    """No line of the new object is counted, however many of its splits are still to come."""
    with serve() as server, closing(cluster.engine()) as engine:
        server.objects = {"a.jsonl": b'{"type":"a","value":1}\n' * 1000, "b.jsonl": b'{"type":"b","value":1}\n' * 10}

        def change() -> None:
            server.objects["a.jsonl"] = b'{"type":"c","value":2}\n' * 1000

        said: list[Any] = []
        urls = [f"{server.url}/a.jsonl", f"{server.url}/b.jsonl"]
        run = EngineRun(_Changing(engine, change), urls, callbacks=callbacks_of(said, 0), ways=Ways(3000))
        summary = run.complete()
    assert {source.name[-7:]: str(source.status) for source in summary.sources} == {
        "a.jsonl": "replaced", "b.jsonl": "complete"
    }  # fmt: skip
    assert list(summary.types) == ["b"]
    assert [report.status for report in said] == ["replaced"]


class _Changing:
    """An engine before whose first task something changes, after the plan was made and checked."""

    def __init__(self, engine: Engine, change: Callable[[], object]) -> None:
        self._engine = engine
        self._change = change

    def __getattr__(self, name: str) -> Any:
        if name in ("reduce", "stream"):
            self._change()
        return getattr(self._engine, name)


def _change(paths: dict[str, Path]) -> None:
    """Change files in every way."""
    other = b'{"type":"b","value":2}\n'
    os.truncate(paths["cut"], 1000)
    with paths["grown"].open("ab") as file:
        file.write(other * 50)
    moved = paths["moved"]
    moved.with_suffix(".new").write_bytes(other * 120)
    os.replace(moved.with_suffix(".new"), moved)
    paths["overwritten"].write_bytes(other * 150)
    paths["rewritten"].write_bytes(other * 100)
    os.utime(paths["rewritten"], ns=(1, 1))


def test_an_engine_is_an_argument_of_the_library(engine: Engine, tmp_path: Path) -> None:
    """`summarize(..., engine=)` returns what it returns without, and raises the same errors."""
    path = tmp_path / "a.log"
    path.write_bytes(b'{"type":"a","value":1}\nbad\n')
    summary = summarize(str(path), engine=engine)  # type: ignore[arg-type]
    assert summary == summarize(str(path))
    with pytest.raises(FileNotFoundError):
        summarize(str(tmp_path / "none.log"), engine=engine)  # type: ignore[arg-type]
