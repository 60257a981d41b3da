"""The package as a zip file, for workers that have none: pure Python, as a compiled module cannot be imported of it."""

import os
import zipfile
from typing import Final

NAME: Final = "eventcli-shipped.zip"

_ENDINGS: Final = (".py", ".html", ".css", ".js", ".svg", ".typed")


def archive_in(folder: str) -> str:
    """Write the package of this process into a zip file in a folder, and return its path."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    path = os.path.join(folder, NAME)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for top, folders, names in os.walk(package):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            for name in sorted(names):
                if name.endswith(_ENDINGS):
                    place = os.path.relpath(os.path.join(top, name), os.path.dirname(package))
                    # The same package gives the same bytes: engines know files by their content.
                    with open(os.path.join(top, name), "rb") as file:
                        archive.writestr(zipfile.ZipInfo(place), file.read(), zipfile.ZIP_DEFLATED)
    return path
