"""The clusters on which engines are tested: each is started once."""

import os
from collections.abc import Iterator
from typing import Any, Final

import pytest

import clusters
from clusters import Cluster

WHOLE: Final = os.environ.get("EVENTSTATS_SPARK") == "whole"
"""Whether all tests of engines run on Spark, too, which takes many minutes: `make engines`."""

_SHORT: Final = (
    "test_a_result_has_every_task_once_and_in_order[spark-50]",
    "test_a_stream_has_every_task_once_and_in_order[spark-50]",
    "test_every_worker_is_asked[spark]",
    "test_a_worker_that_dies_once_costs_nothing_but_time[spark-die]",
    "test_a_task_that_always_kills_its_worker_is_named[spark-die]",
    "test_cancelling_takes_a_second[spark]",
    "test_a_line_over_the_limit_may_span_many_splits[spark-rust]",
    "test_rejects_beyond_what_partials_carry_come_in_order[spark-rust]",
)
"""The tests for all engines that run on Spark in the short form. That the tool writes what one machine writes, which
starts a driver and its executors (23 s of CPU), `test_spark.py` tests."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[Any]) -> None:
    """Leave out what only the whole form runs on Spark."""
    if WHOLE:
        return
    left = [
        item
        for item in items
        if "callspec" in vars(item)
        and item.callspec.params.get("_cluster") == "spark"
        and item.name not in _SHORT
        and item.path.name in ("test_conformance.py", "test_engine.py", "test_engines.py")
    ]
    items[:] = [item for item in items if item not in left]
    config.hook.pytest_deselected(items=left)


@pytest.fixture(scope="session", params=clusters.KINDS)
def _cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Start a cluster of each kind."""
    with clusters.started(request.param) as cluster:
        yield cluster


@pytest.fixture
def cluster(_cluster: Cluster) -> Iterator[Cluster]:
    """Return a cluster of each kind, with all its workers."""
    with clusters.tests_on_path():
        _cluster.heal()
        yield _cluster
