"""`engines.choice`: a name leads to its engine, and a wrong one to words that help."""

import sys

import pytest

from eventcli.engines.choice import engine_of
from eventcli.engines.processes import Processes
from eventcli.errors import ExitCode, WrongUsageError
from eventcli.pipeline import cores


def test_processes_may_be_counted() -> None:
    """Without a number there is one for each core."""
    assert isinstance(engine_of("processes"), Processes)
    assert engine_of("processes").name == f"processes:{cores.usable()}"
    assert engine_of("processes:7").name == "processes:7"


@pytest.mark.parametrize("name", ["processes:", "processes:0", "processes:-1", "processes:1e3", "processes:99999"])
def test_a_number_of_processes_is_one(name: str) -> None:
    """Anything else is wrong usage."""
    with pytest.raises(WrongUsageError, match="at least 1"):
        engine_of(name)


@pytest.mark.parametrize("name", ["hadoop", "threads", "Dask", "http://localhost", "sparky"])
def test_an_unknown_name_is_answered_with_those_that_are_known(name: str) -> None:
    """The message lists what can be given."""
    with pytest.raises(WrongUsageError, match="it takes local, processes") as raised:
        engine_of(name)
    assert raised.value.status is ExitCode.USAGE


@pytest.mark.parametrize(
    ("name", "extra", "library"),
    [
        ("dask://127.0.0.1:1", "dask", "distributed"),
        ("tls://127.0.0.1:1", "dask", "distributed"),
        ("cluster.json", "dask", "distributed"),
        ("spark", "spark", "pyspark"),
        ("spark://127.0.0.1:1", "spark", "pyspark"),
        ("sc://127.0.0.1:1", "spark", "pyspark"),
    ],
)
def test_a_missing_extra_is_named_with_its_command(
    name: str, extra: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its library, an engine is wrong usage, and the message has the command that installs it."""
    for module in [module for module in sys.modules if module.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, module)
    for module in [module for module in sys.modules if module.startswith(f"eventcli.engines.{extra}")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(WrongUsageError, match=rf"pip install 'eventcli\[{extra}\]'"):
        engine_of(name)
