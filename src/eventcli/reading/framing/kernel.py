"""Adapts the Rust bodies of what makes lines of other streams to the protocol."""

from typing import TYPE_CHECKING, Final

from eventcli.body import forced_level, kernel
from eventcli.reading.framing.cuts import Cut, Kind, Misfit
from eventcli.reading.framing.wrapped import Wrapping

if TYPE_CHECKING:
    from eventcli import _kernel

_FARTHEST: Final = 1 << 60
"""Serves as "no limit"."""


class KernelCutter:
    """Cuts JSON texts in Rust, without the GIL."""

    def __init__(self, path: tuple[str, ...], most: int, *, atomic: bool = False, resumed: bool = False) -> None:
        """See `TextCutter`."""
        self._kernel = kernel.Cutter(list(path), min(most, _FARTHEST), atomic, resumed, forced_level())

    def cut(self, data: memoryview, *, at_end: bool, is_full: bool) -> Cut:
        """Cut a piece; see `Cutter`."""
        return _cut(self._kernel.cut(data, at_end, is_full))


class KernelUnwrapper:
    """Makes lines of lines with an event inside in Rust, without the GIL."""

    def __init__(self, wrapping: Wrapping, most: int) -> None:
        """See `LineUnwrapper`."""
        skip_prefix, bulk, ways, in_place = wrapping
        self._kernel = kernel.Unwrapper(
            skip_prefix, bulk, list(map(list, ways)), in_place, min(most, _FARTHEST), forced_level()
        )
        self.unwrap = self._kernel.unwrap

    def cut(self, data: memoryview, *, at_end: bool, is_full: bool) -> Cut:
        """Make lines of a piece of a stream; see `Cutter`."""
        return _cut(self._kernel.cut(data, at_end, is_full))


def _cut(found: "_kernel._Cuts") -> Cut:
    lines, places, consumed, newlines, misfit = found
    return Cut(lines, places, consumed, newlines, misfit and Misfit(Kind(misfit[0]), *misfit[1:]))
