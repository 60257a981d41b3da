"""Inputs in other forms: the same lines compressed, in many small files, or framed. Made once, beside the input."""

import gzip
import os
import shutil
from collections.abc import Callable
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


def in_array(path: str) -> str:
    """Return the path of one array with the lines of the input as its elements, on one line."""
    return _rewritten(path, "array", b"[", b",", b"]", lambda line: line)


def behind_prefix(path: str) -> str:
    """Return the path of the lines of the input behind what docker compose writes before each."""
    return _rewritten(path, "prefixed", b"", b"\n", b"\n", lambda line: b"web-1  | " + line)


def in_strings(path: str) -> str:
    """Return the path of the lines of the input as Docker's json-file has them, each in a string."""

    def wrapped(line: bytes) -> bytes:
        text = line.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        return b'{"log":"' + text + b'\\n","stream":"stdout","time":"2020-10-06T10:02:05.123456789Z"}'

    return _rewritten(path, "docker", b"", b"\n", b"\n", wrapped)


def _rewritten(
    path: str, suffix: str, start: bytes, between: bytes, end: bytes, change: Callable[[bytes], bytes]
) -> str:
    target = f"{path}.{suffix}"
    if not os.path.exists(target):
        unfinished = f"{target}.{os.getpid()}"
        with open(path, "rb") as source, open(unfinished, "wb") as file:
            file.write(start)
            file.writelines(
                (between if number else b"") + change(line.rstrip(b"\n")) for number, line in enumerate(source)
            )
            file.write(end)
        os.replace(unfinished, target)
    return target


def remove_pieces(path: str) -> None:
    """Remove the small files of an input, so that they are recreated.

    What has just been written lies in the page cache in larger parts than what was read from the disk. Measured: it is
    read a sixth faster.
    """
    shutil.rmtree(f"{path}.pieces", ignore_errors=True)
