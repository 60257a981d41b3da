"""Both bodies of the fold on the same blocks, and where they differ. Used by properties and by the fuzz target."""

from collections.abc import Sequence
from typing import Final

from eventcli.folding.fold import Fold, Mark
from eventcli.folding.kernel import KernelFold
from eventcli.folding.reference import ReferenceFold
from eventcli.lines.query import MAX_TYPE_BYTES, MAX_TYPES, Fields, Form, Query, Timing
from eventcli.summary.aggregates.registry import OPTIONAL
from eventcli.summary.summary import Summary

_FIELDS: Final = (
    Fields(),
    Fields("t", "v"),
    Fields("value", "type"),
    Fields("caf\u00e9", '"'),
    Fields("data.type", "data.value", "data.at"),
    Fields("/data/0", "/data/1/value", "/data/1/at"),
    Fields("type", "data.value", "data.at"),
    Fields("/data/type", "data..x", "/"),
    Fields("type", None),
    Fields("data.type", None, "data.at"),
    Fields("type", "value", "value"),
    Fields("type", "type", "type"),
)
_TYPES: Final = (None, None, None, ("a", "page_view"), ("",), ())
_DEFAULTS: Final = (None, None, None, "7", "-0.50", "1e2", "123456789012345678901234567890")
_LIMITS: Final = (MAX_TYPES, MAX_TYPES, 1, 2, 20)
_BYTE_LIMITS: Final = (MAX_TYPE_BYTES, MAX_TYPE_BYTES, MAX_TYPE_BYTES, 1, 9)
_TIMINGS: Final = (
    None,
    None,
    None,
    Timing(),
    Timing(by="hour"),
    Timing(by="minute", optional=True),
    Timing(by="5m", since=1_601_978_525_500_000_000),
    Timing(since=1_601_978_525_000_000_000, until=1_603_591_200_000_000_001),
    Timing(by="hour", zone="Australia/Lord_Howe", input_zone="Europe/Berlin"),
    Timing(by="day", zone="America/Sao_Paulo"),
    Timing(by="week", zone="Europe/Berlin", until=1_604_000_000_000_000_000),
    Timing(by="month", zone="Asia/Kathmandu", input_zone="America/New_York"),
    Timing(optional=True, until=1_601_978_525_000_000_000),
    Timing(by="15m", zone="-03:30", input_zone="+05:45"),
    Timing(by="6h", zone="America/New_York"),
    Timing(by="hour", time_format="%d/%m/%Y %H:%M:%S.%f"),
    Timing(by="10s", time_format="%F %T%z", input_zone="Europe/Berlin"),
    Timing(by="day", time_format="%Y%m%d"),
    Timing(by="minute", time_format="%s"),
)
_FORMS: Final = (
    Form(),
    Form(),
    Form(),
    Form(scalar_types=True),
    Form(missing_type="a"),
    Form(missing_values=("null",)),
    Form(scalar_types=True, missing_type="", missing_values=('""', '"-"', "-1", "0.0", "false")),
)

_NAMES: Final = ("templates", "frames", "outlines", "tree")
CACHES: Final[tuple[Sequence[str] | None, ...]] = (
    None,
    (),
    *((name,) for name in _NAMES),
    *(tuple(other for other in _NAMES if other != name) for name in _NAMES),
)
"""All caches of the kernel, none, each alone, and all but each."""


def query(fields: int, options: int, timing: int) -> Query:
    """Return the query that three numbers choose."""
    return Query(
        _FIELDS[fields % len(_FIELDS)],
        _TYPES[options % len(_TYPES)],
        _DEFAULTS[options // 7 % len(_DEFAULTS)],
        numeric_strings=fields % 5 == 0,
        salvage=timing % 7 == 0,
        timing=_TIMINGS[timing % len(_TIMINGS)],
        max_types=_LIMITS[timing // 3 % len(_LIMITS)],
        max_type_bytes=_BYTE_LIMITS[options // 5 % len(_BYTE_LIMITS)],
        aggregates=OPTIONAL if options % 3 == 0 else (),
        form=_FORMS[(fields // 40 + options // 36) % len(_FORMS)],
    )


def difference(blocks: Sequence[bytes], query: Query, caches: Sequence[str] | None = None) -> str | None:
    """Fold the blocks with each body, the kernel with these caches; return what is different, or None."""
    outcomes = [_outcome(fold, blocks) for fold in (ReferenceFold(query), KernelFold(query, caches))]
    (python, python_marks), (rust, rust_marks) = outcomes
    if python_marks != rust_marks:
        return f"rejects: python {python_marks}, rust {rust_marks}"
    if python != rust:
        return f"summaries: python {python}, rust {rust}"
    rust.account.check()
    counting = KernelFold(query, caches)
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
    """Return the difference for the bytes of a fuzzer: four of them choose query and cuts, the rest is the log."""
    if len(data) < 4:
        return None
    fields, options, timing, seed = data[:4]
    caches = CACHES[fields // len(_FIELDS) % len(CACHES)]
    return difference(cut(data[4:], seed), query(fields, options, timing), caches)


def _outcome(fold: Fold, blocks: Sequence[bytes]) -> tuple[Summary, list[list[Mark]]]:
    marks = [fold.add(block)[1] for block in blocks]
    return fold.summary(), marks


def _lines(log: bytes) -> list[bytes]:
    return [line + b"\n" for line in log.split(b"\n")[:-1]] + [log.rpartition(b"\n")[2]]
