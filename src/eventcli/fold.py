"""The seam between the two bodies of the fold: chooses the one that folds blocks, and nothing else."""

import os
from collections.abc import Collection
from typing import Final, Protocol

from eventcli.event import Fields, Reject
from eventcli.reference import ReferenceFold
from eventcli.summary import Summary

BODY_VARIABLE: Final = "EVENTSTATS_KERNEL"
"""The environment variable that forces a body: `python` or `rust`."""


class Fold(Protocol):
    """State that blocks of whole lines are added to. One thread at a time."""

    def add(self, block: bytes | bytearray | memoryview, /) -> tuple[int, list[Reject]]:
        """Fold whole lines; return their number, and the rejects with positions from the start of the block."""

    def summary(self) -> Summary:
        """Return what was folded so far."""


class BodyError(Exception):
    """The body that was asked for does not exist here."""


def body() -> str:
    """Return the name of the body in use; BodyError if the environment asks for one that is absent."""
    forced = os.environ.get(BODY_VARIABLE) or "python"
    if forced == "rust":
        raise BodyError(f"{BODY_VARIABLE}=rust, but this installation was built without the Rust body")
    if forced != "python":
        raise BodyError(f"{BODY_VARIABLE}={forced}: it takes python or rust")
    return forced


def new_fold(fields: Fields, types: Collection[str] | None) -> Fold:
    """Return an empty fold of the body in use, which counts `types` only (None: all)."""
    body()
    return ReferenceFold(fields, types)
