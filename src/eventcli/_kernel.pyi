# The Rust body of the fold, compiled from `kernel/`; absent where no Rust toolchain was at hand.

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypedDict

# What came of a part of a block, see `fold`.
_Folded: TypeAlias = tuple[int, int, list[tuple[int, int, int]], tuple[bool, int] | None]

# The keys and indexes from the event down to a field, for each of its readings; the first that leads somewhere counts.
_Ways: TypeAlias = Sequence[Sequence[str]]
# Seconds of the epoch and nanoseconds.
_Moment: TypeAlias = tuple[int, int]

# Lists a directory: the names in the order of their bytes, and one letter each for the kind (f, d, l and o: regular,
# directory, link, other), and the inodes, as far as the directory knows. None where that fails. `decode` makes a name
# of bytes that are not ASCII.
def list_directory(path: str, decode: Callable[[bytes], str]) -> tuple[list[str], str, list[int]] | None: ...

# The levels that this processor has, the fastest last: portable, ssse3, avx2, avx512.
def levels() -> list[str]: ...

# What is cut from a piece of a stream, see `reading/framing`: the lines, their places, how many bytes and newlines are
# done with, and what follows: its kind, its start, its length, its line.
_Cuts: TypeAlias = tuple[bytes, bytes, int, int, tuple[str, int, int, int] | None]

# Cuts a stream of JSON texts into lines.
class Cutter:
    def __init__(
        self, path: Sequence[str], most: int, atomic: bool, resumed: bool, level: str | None = None
    ) -> None: ...
    def cut(self, data: memoryview, at_end: bool, is_full: bool) -> _Cuts: ...

# Makes lines of lines with an event inside.
class Unwrapper:
    def __init__(
        self,
        skip_prefix: bool,
        bulk: bool,
        ways: Sequence[Sequence[str]],
        in_place: bool,
        most: int,
        level: str | None = None,
    ) -> None: ...
    def cut(self, data: memoryview, at_end: bool, is_full: bool) -> _Cuts: ...
    def unwrap(self, lines: bytes) -> bytes: ...

# A query. `absent` is the literal of the value of an event that has none. `time` is None where it is not looked at;
# else the ways to it, the window, whether stats are kept by bucket, whether times without an offset are in UTC, whether
# an event without a time is one, and the form of all times in the words of strptime. `shape` is whether scalars are
# types, whether an event without a type has one, and the JSON texts that count as missing. `aggregates` are the
# optional ones that are kept.
class _Asked(TypedDict):
    type_ways: _Ways
    value_ways: _Ways
    absent: str | None
    numeric_strings: bool
    salvage: bool
    types: Sequence[str] | None
    max_types: int
    max_type_bytes: int
    time: tuple[_Ways, _Moment | None, _Moment | None, bool, bool, bool, str | None] | None
    shape: tuple[bool, bool, Sequence[str]]
    aggregates: Sequence[str]

class Fold:
    # Without a level, it is the fastest one; without `caches`, all are used.
    def __init__(self, query: _Asked, level: str | None = None, caches: Sequence[str] | None = None) -> None: ...

    # Folds lines from `start` on until about `most` are handed back, or something must be known. Returns the number of
    # lines, where it stopped, and of the lines handed back: the index from `start`, the first byte and the end without
    # the newline. With `rejects`, lines of which it is certain why they are no events are counted and not handed back.
    # Last, what it must know to go on: whether a second is one of local time, and the second.
    def fold(self, block: bytes | bytearray | memoryview, start: int, most: int, rejects: bool) -> _Folded: ...

    # Reads files of a device, each with an inode, into the buffer, as many as have `enough` bytes, and folds them, and
    # so on until there is more to be done with some, or with the next one. Returns the lines of each that was folded
    # whole and its bytes; of those in the buffer, where the lines of each begin and end, the length of its byte-order
    # mark, the lines and its bytes; and what came of these, as `fold` does. `known` are paths, the device, the inodes
    # and the flags of `open`; `how` are `most` and `rejects` of `fold`, and whether the first ones are left in the
    # buffer in any case.
    def fold_files(
        self,
        known: tuple[Sequence[str], int, Sequence[int], int],
        buffer: memoryview,
        enough: int,
        how: tuple[int, bool, bool],
    ) -> tuple[list[int], list[int], tuple[list[int], list[int], list[int], list[int], list[int]], _Folded | None]: ...

    # A stretch of time in which buckets have `size` seconds; that of its first second begins at `first`.
    def add_region(self, start: int, end: int, size: int, first: int, /) -> None: ...

    # A stretch of local time that is `offset` seconds ahead of UTC.
    def add_span(self, start: int, end: int, offset: int, /) -> None: ...

    # Adds the state of `other`, which is left empty.
    def merge(self, other: Fold) -> None: ...

    # Lines that were accepted, rejected by reason, filtered and blank.
    def account(self) -> tuple[int, dict[str, int], int, int]: ...

    # For each bucket, in the order of time, its first second (None: what is in no bucket), its types that have values,
    # and a single row without a name if there are more types than `max_types`
    # and `max_type_bytes` allow.
    def tables(self) -> list[tuple[int | None, Types, Types]]: ...

# Stats by type, in code-point order; numbers in plain decimal notation, as they are printed. A column is "type" or the
# name of an aggregate.
class Types:
    def __len__(self) -> int: ...
    # Type, `start`, and the columns.
    def rows(self, start: str, columns: Sequence[str]) -> list[tuple[Any, ...]]: ...
    # All rows in JSON, from the first to the last of `around`: the literals, between them the columns, and between two
    # types what is in the middle of `around`.
    def text(self, literals: Sequence[str], columns: Sequence[str], around: tuple[str, str, str]) -> bytes: ...
    def name_bytes(self) -> tuple[int, int]: ...
    def names(self) -> list[str]: ...
    def column(self, name: str) -> list[Any]: ...
