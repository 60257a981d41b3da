"""Both bodies of the fold on the same blocks, and where they differ. Used by properties and by the fuzz target."""

from collections.abc import Sequence
from typing import Final

from eventcli.event import Fields, Mark, Query
from eventcli.fold import Fold, KernelFold
from eventcli.reference import ReferenceFold
from eventcli.summary import Summary

_FIELDS: Final = (Fields(), Fields("t", "v"), Fields("value", "type"), Fields("caf\u00e9", '"'))
_TYPES: Final = (None, ("a", "page_view"), ("",), ())


def difference(blocks: Sequence[bytes], query: Query) -> str | None:
    """Fold the blocks with each body; return what is different, or None."""
    outcomes = [_outcome(fold, blocks) for fold in (ReferenceFold(query), KernelFold(query))]
    (python, python_marks), (rust, rust_marks) = outcomes
    if python_marks != rust_marks:
        return f"rejects: python {python_marks}, rust {rust_marks}"
    if python != rust:
        return f"summaries: python {python}, rust {rust}"
    rust.account.check()
    counting = KernelFold(query)
    for block in blocks:
        for part in counting.add_in_parts(block, marks=False):
            if not set(part.marks) <= {mark for marks in python_marks for mark in marks}:
                return f"rejects: python {python_marks}, rust without marks {part.marks}"
    if python != counting.summary():
        return f"summaries: python {python}, rust without marks {counting.summary()}"
    return None


def cut(log: bytes, seed: int) -> list[bytes]:
    """Cut a log into blocks of whole lines; the same seed cuts the same way, 0 not at all."""
    blocks: list[bytes] = []
    block = b""
    for line in _lines(log):
        block += line
        seed = (seed * 1103515245) % 2**31 if seed else 0
        if seed & 0x10000:
            blocks.append(block)
            block = b""
    return [*blocks, block] if block else blocks


def difference_of_input(data: bytes) -> str | None:
    """Return the difference for the bytes of a fuzzer: two of them choose settings and cuts, the rest is the log."""
    if len(data) < 2:
        return None
    choice = data[0]
    return difference(
        cut(data[2:], data[1]), Query(_FIELDS[choice % 4], _TYPES[choice // 4 % 4], salvage=choice // 16 % 2 == 1)
    )


def _outcome(fold: Fold, blocks: Sequence[bytes]) -> tuple[Summary, list[list[Mark]]]:
    marks = [fold.add(block)[1] for block in blocks]
    return fold.summary(), marks


def _lines(log: bytes) -> list[bytes]:
    return [line + b"\n" for line in log.split(b"\n")[:-1]] + [log.rpartition(b"\n")[2]]
