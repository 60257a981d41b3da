"""The door of a wing: its modules that only some runs need are loaded when they are first used.

Each wing lists them in its `__init__`. Users write the full name, `eventcli.summary.saved.dump`, after an import of
the wing. Measured: without them, a run over a small file takes 3.3 ms less CPU of 48.
"""

import sys
from collections.abc import Callable, Collection
from types import ModuleType


def door(package: str, modules: Collection[str]) -> Callable[[str], ModuleType]:
    """Return the `__getattr__` of a package that loads these modules of it on demand."""

    def load(name: str) -> ModuleType:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name)
        # The import system then makes the module an attribute of the package: this is called once for each.
        __import__(f"{package}.{name}")
        return sys.modules[f"{package}.{name}"]

    return load
