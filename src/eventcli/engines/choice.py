"""The engine that a name leads to. Each engine's module is loaded only if its name is given."""

import os
from importlib import import_module
from typing import Final, cast

from eventcli.engines.engine import Engine
from eventcli.engines.processes import Processes
from eventcli.errors import WrongUsageError

NAMES: Final = (
    "local, processes[:N], dask://HOST:PORT, tls://HOST:PORT, a scheduler file of Dask, spark://HOST:PORT, spark or"
    " sc://HOST:PORT"
)

_DASK: Final = ("dask://", "tls://")

_SPARK: Final = ("spark://", "sc://")


def engine_of(name: str) -> Engine:
    """Return the engine with a name, connected to its cluster.

    WrongUsageError if there is none, or its extra is not installed; EngineError if there is no connection.
    """
    kind, colon, number = name.partition(":")
    if kind == "processes":
        if colon and not (number.isascii() and number.isdigit() and 0 < int(number) <= 1024):  # noqa: PLR2004
            raise WrongUsageError(f"--engine {name}: N in processes:N is a number of processes, at least 1")
        return Processes(int(number) if colon else None)
    try:
        if name.startswith(_DASK) or name.endswith(".json"):
            return _connect("dask", name)
        if name == "spark" or name.startswith(_SPARK):
            return _connect("spark", name)
    except ImportError as error:
        extra = "spark" if "spark" in name.partition(":")[0] or name.startswith(_SPARK) else "dask"
        raise WrongUsageError(f"--engine {name} needs an extra ({error}): pip install 'eventcli[{extra}]'") from None
    known = " (no such file)" if os.sep in name else ""
    raise WrongUsageError(f"--engine {name!r}{known}: it takes {NAMES}")


def _connect(kind: str, name: str) -> Engine:
    """Return what `engine_of` of an engine's module returns; ImportError without its extra."""
    return cast("Engine", import_module(f"eventcli.engines.{kind}").engine_of(name))
