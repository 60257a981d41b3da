"""`eventcli.engines.spark_tasks`: what the workers of Spark call, here without Spark."""

import gc
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="no pyarrow: eventcli[spark] is not installed")

import pyarrow as pa

import cluster_jobs
from eventcli import __version__
from eventcli.engines import spark_tasks


def test_what_a_worker_has_loaded_is_left_out_of_collections_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PySpark collects garbage after each task; all that is loaded is frozen before the first one, not before each."""
    calls: list[None] = []
    monkeypatch.setattr(gc, "freeze", lambda: calls.append(None))
    spark_tasks.freeze.cache_clear()
    tasks = cluster_jobs.job(tmp_path, {}, {}).tasks
    spans = [spark_tasks.packed([(number, task.payload)]) for number, task in enumerate(tasks)]
    names = ("cluster_jobs:fold", "cluster_jobs:note", "cluster_jobs:merge")
    results = []
    for number in range(2):
        fold = spark_tasks.folding(names, spans, __version__)
        batch = pa.RecordBatch.from_pydict({"id": [number]})
        results += [row for made in fold(iter([batch])) for row in spark_tasks.rows_of(made)]
    assert [(first, end, result) for first, end, _, result in results] == [(0, 1, b"0,"), (1, 2, b"1,")]
    assert len(calls) == 1
    spark_tasks.freeze.cache_clear()
