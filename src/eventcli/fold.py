"""The seam between the two bodies of the fold: chooses the one that folds blocks, and nothing else.

The Rust body takes the lines of whose meaning it is certain, and hands all others back by position. Those go to the
Python body, the authority, which accepts them or rejects them with a reason. Where nobody asks which lines are
rejected, the Rust body also counts those of whose reason it is certain: bad lines take no longer than good ones.
"""

import os
from collections.abc import Iterator
from typing import Final, Protocol, Self

from eventcli import paths
from eventcli.event import Part, Query, Reason
from eventcli.reference import ReferenceFold
from eventcli.summary import Account, LazyTypes, Summary

try:
    import eventcli._kernel as _kernel  # noqa: PLR0402  # the other form hides which module is missing
except ModuleNotFoundError as error:
    # Built without a Rust toolchain. Any other failure to import it is a broken build, and must be seen.
    if error.name != "eventcli._kernel":
        raise
    _kernel = None  # type: ignore[assignment]

BODY_VARIABLE: Final = "EVENTSTATS_KERNEL"
"""The environment variable that forces a body: `python` or `rust`."""


MOST_MARKS: Final = 4096
"""Rejects in one part, about: what they take is to be small beside a block."""


class Fold(Protocol):
    """State that blocks of whole lines are added to. One thread at a time."""

    def add(self, block: bytes | bytearray | memoryview, /) -> Part:
        """Fold whole lines; return their number, and where the rejected ones are."""

    def add_in_parts(self, block: bytes | bytearray | memoryview, /, *, marks: bool = True) -> Iterator[Part]:
        """Fold whole lines; yield what came of them in parts that hold few rejects, even if all lines are bad.

        Without `marks` the rejected lines are counted, but where they are need not be told.
        """

    def merge(self, other: Self, /) -> None:
        """Take over all that another fold of the same body holds; the other is not to be used any more."""

    def account(self) -> Account:
        """Return the account of what was folded so far; cheap, unlike the summary."""

    def summary(self) -> Summary:
        """Return what was folded so far."""


class BodyError(Exception):
    """The body that was asked for does not exist here."""


def body() -> str:
    """Return the name of the body in use; BodyError if the environment asks for one that is absent."""
    forced = os.environ.get(BODY_VARIABLE)
    if not forced:
        return "python" if _kernel is None else "rust"
    if forced not in ("python", "rust"):
        raise BodyError(f"{BODY_VARIABLE}={forced}: it takes python or rust")
    if forced == "rust" and _kernel is None:
        raise BodyError(f"{BODY_VARIABLE}=rust, but this installation was built without the Rust body")
    return forced


def new_fold(query: Query) -> Fold:
    """Return an empty fold of the body in use, which counts the events that the query keeps."""
    return KernelFold(query) if body() == "rust" and _is_known(query) else ReferenceFold(query)


def _is_known(query: Query) -> bool:
    """Whether the Rust body can answer the query."""
    fields = query.fields
    are_keys = fields.value is not None and paths.is_key(fields.type) and paths.is_key(fields.value)
    return are_keys and query.default_value is None and not query.numeric_strings and query.timing is None


class KernelFold:
    """Folds blocks in Rust, without the GIL; keeps its state across blocks in Rust, too."""

    def __init__(self, query: Query) -> None:
        """Count the events that the query keeps; other valid ones are counted as filtered."""
        fields, types = query.fields, query.types
        self._kernel = _kernel.Fold(fields.type, fields.value or "", None if types is None else list(types))
        self._max_types = query.max_types
        # What is no event may hold one.
        self._is_final = not query.salvage
        self._authority = ReferenceFold(query)
        self._lines = 0

    def add(self, block: bytes | bytearray | memoryview) -> Part:
        """Fold whole lines; return their number, and where the rejected ones are."""
        return Part.join(self.add_in_parts(block))

    def add_in_parts(self, block: bytes | bytearray | memoryview, *, marks: bool = True) -> Iterator[Part]:
        """Fold whole lines; yield what came of them in parts that hold few rejects, even if all lines are bad.

        Without `marks` only those are told where they are of whose reason the Rust body is not certain.
        """
        view = memoryview(block)
        line = start = 0
        while start < len(view):
            lines, start, handed_back = self._kernel.fold(view, start, MOST_MARKS, self._is_final and not marks)
            self._lines += lines - len(handed_back)
            places = [(line + index, first, end) for index, first, end in handed_back]
            yield Part(lines, self._authority.add_lines(view, places))
            line += lines

    def merge(self, other: Self) -> None:
        """Take over all that another fold holds."""
        self._kernel.merge(other._kernel)
        self._authority.merge(other._authority)
        self._lines += other._lines

    def account(self) -> Account:
        """Return the account of what was folded so far."""
        return self._certain().merge(self._authority.account())

    def summary(self) -> Summary:
        """Return what was folded so far."""
        certain = Summary(LazyTypes(self._kernel.types()), self._certain(), max_types=self._max_types)
        return certain.merge(self._authority.summary())

    def _certain(self) -> Account:
        accepted, rejected, filtered, blank = self._kernel.account()
        return Account(
            self._lines, accepted, {Reason(reason): count for reason, count in rejected.items()}, filtered, blank
        )
