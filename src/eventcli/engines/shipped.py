"""Makes the package importable where it is not installed: this file is sent to workers, and runs there by itself.

So it imports the standard library only, and knows nothing of the package.
"""

import hashlib
import importlib
import os
import sys
from importlib.util import find_spec
from typing import Final

_PACKAGE: Final = "eventcli"

_PREFIX: Final = "eventcli-shipped-"


def install(archive: bytes, folder: str) -> None:
    """Import the package from a zip, kept in a folder, unless it is installed; an earlier zip makes way."""
    path = os.path.join(folder, f"{_PREFIX}{hashlib.sha256(archive).hexdigest()[:16]}.zip")
    found = _home()
    if found is not None and (_PREFIX not in found or found.startswith(path)):
        return
    _forget()
    if not os.path.exists(path):
        with open(path, "wb") as file:
            file.write(archive)
    sys.path.append(path)
    importlib.invalidate_caches()


def _home() -> str | None:
    """Return where the package is imported from."""
    try:
        spec = find_spec(_PACKAGE)
    except (ImportError, ValueError):
        return None
    return None if spec is None else spec.origin


def _forget() -> None:
    """Take away what was sent before."""
    sys.path[:] = [path for path in sys.path if _PREFIX not in path]
    for name in [name for name in sys.modules if name.partition(".")[0] == _PACKAGE]:
        del sys.modules[name]
