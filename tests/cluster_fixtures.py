"""The clusters on which engines are tested: each is started once."""

from collections.abc import Iterator

import pytest

import clusters
from clusters import Cluster


@pytest.fixture(scope="session", params=clusters.KINDS)
def _cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Start a cluster of each kind."""
    with clusters.started(request.param) as cluster:
        yield cluster


@pytest.fixture
def cluster(_cluster: Cluster) -> Cluster:
    """Return a cluster of each kind, with all its workers."""
    _cluster.heal()
    return _cluster
