# The Rust body of the fold, compiled from `kernel/`; absent where no Rust toolchain was at hand.

from collections.abc import Sequence

class Fold:
    def __init__(self, type_key: str, value_key: str, types: Sequence[str] | None) -> None: ...

    # Folds lines from `start` on until about `most` are handed back. Returns the number of lines, where it stopped, and
    # of the lines handed back: the index from `start`, the first byte and the end without the newline.
    def fold(
        self, block: bytes | bytearray | memoryview, start: int, most: int
    ) -> tuple[int, int, list[tuple[int, int, int]]]: ...

    # Adds the state of `other`, which is left empty.
    def merge(self, other: Fold) -> None: ...

    # Lines that were accepted, filtered and blank.
    def account(self) -> tuple[int, int, int]: ...

    # Type, count, integral, sum, min and max of all types, in code-point order.
    def types(self) -> list[tuple[str, int, bool, str, str, str]]: ...
