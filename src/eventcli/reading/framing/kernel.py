"""Adapts the Rust body of the cutter to the protocol."""

from typing import Final

from eventcli.body import kernel
from eventcli.reading.framing.cuts import Cut, Kind, Misfit

_FARTHEST: Final = 1 << 60
"""Serves as "no limit"."""


class KernelCutter:
    """Cuts JSON texts in Rust, without the GIL."""

    def __init__(self, path: tuple[str, ...], most: int, *, atomic: bool = False, resumed: bool = False) -> None:
        """See `TextCutter`."""
        self._kernel = kernel.Cutter(list(path), min(most, _FARTHEST), atomic, resumed)

    def cut(self, data: memoryview, *, at_end: bool, is_full: bool) -> Cut:
        """Cut a piece; see `Cutter`."""
        lines, places, consumed, newlines, found = self._kernel.cut(data, at_end, is_full)
        return Cut(lines, places, consumed, newlines, found and Misfit(Kind(found[0]), *found[1:]))
