"""What the workers of Spark call: folds, merges and probes, as functions of `mapInArrow`.

These functions are sent by value, not by name: a worker may lack this package, and must be able to say so. They use
nothing but the standard library, PyArrow, and what they are asked to import.
"""

import gc
import importlib
import os
import pickle
import platform
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, Final

ROWS: Final = "first bigint, end bigint, notes binary, result binary"
"""The columns of results: the tasks from `first` on and before `end`, a note for each, and their one result."""

ANSWERS: Final = "worker string, is_answer boolean, answer binary"
"""The columns of the answers of workers."""

FAILED: Final = "failed in task"
"""What the message about a fold that failed begins with."""

_AT_ONCE: Final = 8
"""Results that are merged at a time: each may be large."""

_NUMBER: Final = 4
"""Bytes of the length of a note."""

Batches = Iterator[Any]
"""Record batches of PyArrow."""

Row = tuple[int, int, bytes, bytes]
"""A row of results."""


def packed(span: Sequence[tuple[int, bytes]]) -> bytes:
    """Return the numbers and payloads of tasks, compressed: every worker gets those of all spans."""
    return zlib.compress(pickle.dumps(span), level=6)


def folding(names: tuple[str, str, str], spans: Sequence[bytes], version: str) -> Callable[[Batches], Batches]:
    """Return what folds the tasks of the spans that it gets, and merges the results of each span.

    The names are those of the functions that fold, note and merge.
    """
    fold, note, merge = names

    def run(batches: Batches) -> Batches:
        found = importlib.import_module("eventcli").__version__
        if found != version:
            raise RuntimeError(f"{_here()} has eventcli {found}, the client {version}")
        _function(f"{__name__}:freeze")()
        for batch in batches:
            for place in batch.column(0).to_pylist():
                tasks = pickle.loads(zlib.decompress(spans[place]))  # noqa: S301  # from the client, whose code this is
                yield _batch(folded(tasks))

    def folded(tasks: Sequence[tuple[int, bytes]]) -> Row:
        notes: list[bytes] = []
        results: list[tuple[int, bytes]] = []
        for task, payload in tasks:
            try:
                result = _function(fold)(payload)
                notes.append(_function(note)(result))
            except Exception as error:  # noqa: BLE001  # of any kind
                # Spark does not always tell which of its tasks failed, nor where, and there may be many in one.
                raise RuntimeError(f"{FAILED} {task} on {_here()}: {type(error).__name__}: {error}") from None
            results.append((1, result))
            # Like the digits of a counter, so that each result is merged only a few times.
            while len(results) > 1 and results[-2][0] == results[-1][0]:
                (weight, left), (_, right) = results[-2:]
                results[-2:] = [(2 * weight, _function(merge)([left, right]))]
        return tasks[0][0], tasks[-1][0] + 1, framed(notes), _merged(merge, [result for _, result in results])

    return run


def merging(merge: str, base: int, width: int) -> Callable[[Batches], Batches]:
    """Return what merges the neighbours among the results that it gets: of `width` tasks each, from `base` on."""

    def run(batches: Batches) -> Batches:
        rows = sorted(row for batch in batches for row in rows_of(batch))
        while rows:
            count = 1
            while count < len(rows) and _are_together(rows[count - 1], rows[count], base, width):
                count += 1
            some, rows = rows[:count], rows[count:]
            notes = b"".join(row[2] for row in some)
            yield _batch((some[0][0], some[-1][1], notes, _merged(merge, [row[3] for row in some])))

    return run


def probing(probe: str, argument: bytes, nap: float) -> Callable[[Batches], Batches]:
    """Return what calls a function once, and says instead what is missing for that."""

    def run(batches: Batches) -> Batches:
        import pyarrow as pa  # noqa: PLC0415  # not needed by the client until then

        for _ in batches:
            pass
        time.sleep(nap)
        try:
            is_answer, answer = True, _function(probe)(argument)
        except ModuleNotFoundError as error:
            version = ".".join(platform.python_version_tuple()[:2])
            is_answer, answer = False, f"{error.name} is not installed there (Python {version})".encode()
        except Exception as error:  # noqa: BLE001  # the client judges whatever it is
            is_answer, answer = False, f"{type(error).__name__}: {error}".encode()
        yield pa.RecordBatch.from_pydict({"worker": [_here()], "is_answer": [is_answer], "answer": [answer]})

    return run


@cache
def freeze() -> None:
    """Leave what this process has loaded out of the collections of garbage, of which PySpark does one after each task.

    They looked at all objects of pandas and PyArrow for 60 ms, where a task takes 200. Once for each process, so it is
    called by its name in the module of the worker.
    """
    gc.freeze()


def rows_of(batch: Any) -> list[Row]:
    """Return the rows of a batch, or of a table."""
    return list(zip(*(column.to_pylist() for column in batch.columns), strict=True))


def framed(notes: Sequence[bytes]) -> bytes:
    """Return notes as bytes that can be put together."""
    return b"".join(len(note).to_bytes(_NUMBER, "little") + note for note in notes)


def notes_of(frames: bytes) -> Iterator[bytes]:
    """Yield the notes of `framed`."""
    at = 0
    while at < len(frames):
        end = at + _NUMBER + int.from_bytes(frames[at : at + _NUMBER], "little")
        yield frames[at + _NUMBER : end]
        at = end


def _are_together(left: Row, right: Row, base: int, width: int) -> bool:
    return left[1] == right[0] and (left[0] - base) // width == (right[0] - base) // width


def _merged(merge: str, results: Sequence[bytes]) -> bytes:
    """Return the results of neighbours as one."""
    while len(results) > 1:
        starts = range(0, len(results), _AT_ONCE)
        results = [_function(merge)(results[start : start + _AT_ONCE]) for start in starts]
    return results[0]


def _function(path: str) -> Callable[..., bytes]:
    module, _, name = path.partition(":")
    function: Callable[..., bytes] = getattr(importlib.import_module(module), name)
    return function


def _here() -> str:
    """Return the name of this worker: the host, and the process that started all Python processes of an executor."""
    return f"{platform.node()}/{os.getppid()}"


def _batch(row: Row) -> Any:
    import pyarrow as pa  # noqa: PLC0415  # not needed by the client until then

    kinds = (pa.int64(), pa.int64(), pa.binary(), pa.binary())
    columns = [pa.array([value], kind) for value, kind in zip(row, kinds, strict=True)]
    return pa.RecordBatch.from_arrays(columns, ["first", "end", "notes", "result"])
