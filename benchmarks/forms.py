"""Inputs in other forms: the same bytes compressed, or as many small files. Made once, beside the input."""

import gzip
import os
import shutil
from collections.abc import Iterator
from typing import Final

PIECE: Final = 34_500
"""Bytes of a small file, about: as many of them as (a) has makes 10,000."""


def compressed(path: str) -> str:
    """Return the path of the input compressed with gzip, at the level that gzip takes unless told otherwise."""
    target = f"{path}.gz"
    if not os.path.exists(target):
        unfinished = f"{target}.{os.getpid()}"
        with open(path, "rb") as source, gzip.open(unfinished, "wb", compresslevel=6) as file:
            shutil.copyfileobj(source, file, 1 << 20)
        os.replace(unfinished, target)
    return target


def in_pieces(path: str) -> str:
    """Return the path of a directory of small files that hold the lines of the input."""
    target = f"{path}.pieces"
    if not os.path.exists(target):
        unfinished = f"{target}.{os.getpid()}"
        os.mkdir(unfinished)
        number = 0
        with open(path, "rb") as source:
            while piece := source.read(PIECE):
                with open(os.path.join(unfinished, f"{number:06d}.jsonl"), "wb") as file:
                    file.write(piece + source.readline())
                number += 1
        os.replace(unfinished, target)
    return target


def files_of(path: str) -> Iterator[str]:
    """Yield all files that hold an input, in whichever forms it is there."""
    yield path
    if os.path.exists(target := f"{path}.gz"):
        yield target
    if os.path.exists(target := f"{path}.pieces"):
        yield from sorted(entry.path for entry in os.scandir(target))
