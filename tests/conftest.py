"""What all tests share: the bodies of the fold, an environment that changes nothing, the profiles of hypothesis."""

import gc
import importlib
import os
import re
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

from eventcli.body import BODY_VARIABLE

REQUIRE_RUST: Final = os.environ.get("EVENTSTATS_REQUIRE_RUST", "") not in ("", "0")
"""Whether a missing Rust body is a failure, as it is for `setup.py`; without this its tests are skipped."""

_NEEDING: Final = {
    "redis": ["long_queues.py", "queue_simulation.py"],
    "distributed": ["dask_cluster.py", "dask_members.py"],
    "pyspark": ["spark_cluster.py"],
}

collect_ignore = [name for library, names in _NEEDING.items() if not find_spec(library) for name in names]
"""What cannot be imported without an extra, when doctests are looked for."""

_EXAMPLES: Final = 50

pytest_plugins: Final = ("broker_fixtures", "cluster_fixtures")

settings.register_profile(
    "default",
    max_examples=_EXAMPLES,
    deadline=None,
    derandomize=os.environ.get("CI") == "true",
    # The fixture `body` is the same for all examples of a test, and the machine may be busy.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# For a second pass on a machine, over what the first one tests with all examples.
settings.register_profile("brief", settings.get_profile("default"), max_examples=_EXAMPLES // 5)
settings.register_profile("long", settings.get_profile("default"), max_examples=100 * _EXAMPLES, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "default")


_LASTING: Final = re.compile("fsspecIO|asyncio_|gcsfs-|IO loop|Dask-Offload|FinalizerWorker|serve_forever")
"""What the threads are called that libraries keep for the next use."""


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    """Fail a test that leaves a thread: a later one would wait for it, or share with it what is random."""
    before = set(threading.enumerate())
    yield
    until = time.monotonic() + 5
    while left := [one for one in set(threading.enumerate()) - before if not _LASTING.search(repr(one))]:
        if time.monotonic() > until:
            pytest.fail(f"threads go on: {left}")
        # A pool of threads that nothing refers to ends when it is collected.
        gc.collect()
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def _neutral_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the developer's own EVENTSTATS_ settings."""
    for name in [name for name in os.environ if name.startswith("EVENTSTATS_")]:
        monkeypatch.delenv(name)


@pytest.fixture(params=["python", "rust"])
def body(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, _neutral_environment: None) -> str:
    """Force one body of the fold, in this process and in those it starts, and return its name."""
    name: str = request.param
    if name == "rust" and not REQUIRE_RUST:
        pytest.importorskip("eventcli._kernel", reason="built without the Rust body", exc_type=ModuleNotFoundError)
    if name == "rust":
        importlib.import_module("eventcli._kernel")
    monkeypatch.setenv(BODY_VARIABLE, name)
    return name
