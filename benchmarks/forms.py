"""Inputs in other forms: the same bytes compressed, or as many small files. Made once, beside the input."""

import gzip
import os
import shutil
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


def remove_pieces(path: str) -> None:
    """Remove the small files of an input, so that they are made anew.

    What has just been written lies in the page cache in larger parts than what was read from the disk. Measured: it is
    read a sixth faster.
    """
    shutil.rmtree(f"{path}.pieces", ignore_errors=True)
