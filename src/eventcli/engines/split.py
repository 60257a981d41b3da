"""A split: what one worker folds, by the same pipeline as one machine.

Bad data never raises: what became of each source is in the partial. A file that is changed while it is read is left
out, and the others of the split are folded again.
"""

import pickle
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

import eventcli.reading
from eventcli.engines.opening import Opened, open_part
from eventcli.engines.partial import Partial, Piece, to_bytes
from eventcli.engines.sources import Part
from eventcli.pipeline.opened import failed
from eventcli.pipeline.options import Callbacks, Options
from eventcli.pipeline.run import Run
from eventcli.reading.blocks import Buffer
from eventcli.reading.portions import LineRange
from eventcli.shortage import shortage
from eventcli.summary.sources import SourceReport

if TYPE_CHECKING:
    from eventcli.lines.event import Reject


class Split(NamedTuple):
    """The parts of sources that one task folds, its place in the plan, and how many rejects it returns at most."""

    place: int
    parts: Sequence[Part]
    options: Options
    most: int

    def to_bytes(self) -> bytes:
        """Return the split as the payload of a task."""
        return pickle.dumps(tuple(self), pickle.HIGHEST_PROTOCOL)

    @classmethod
    def from_bytes(cls, payload: bytes) -> "Split":
        """Return the split of a payload, which comes from the client, whose code is run here anyway."""
        return cls(*pickle.loads(payload))  # noqa: S301


def fold_split(payload: bytes) -> bytes:
    """Fold the split in a payload, and return its partial."""
    return to_bytes(folded(Split.from_bytes(payload)))


def folded(split: Split) -> Partial:
    """Return the partial of a split."""
    changed: dict[int, SourceReport] = {}
    while True:
        sources = _Sources(split, changed)
        rejects: list[Reject] = []
        callbacks = Callbacks(rejects.append, split.most, lambda _: None)
        run = Run(cast("Any", sources.opened()), split.options, callbacks)
        summary = run.complete_here(_buffer(split.options))
        if not sources.changed:
            break
        # The bytes read of these may be of two versions.
        changed |= sources.changed
    pieces = sources.pieces({int(report.name): report for report in summary.sources})
    return Partial(split.place, split.place + 1, summary.replace(sources=()), pieces, rejects, split.most)


_spare = threading.local()


def _buffer(options: Options) -> Buffer:
    """Return the memory for the blocks of a split: that of the one before it on this thread.

    The kernel took a twentieth of the time of a split of 64 MiB to give fresh pages.
    """
    size = options.block_size, options.max_line
    if getattr(_spare, "size", None) != size:
        _spare.buffer, _spare.size = Buffer(*size), size
    buffer: Buffer = _spare.buffer
    return buffer


class _Sources:
    """The sources of a split, opened one after the other; each has its number for a name."""

    def __init__(self, split: Split, left_out: dict[int, SourceReport]) -> None:
        self._split = split
        self._reports = dict(left_out)
        self._left_out = left_out
        self._marks: dict[int, tuple[str, ...]] = {}
        self._stored: set[int] = set()
        self.changed: dict[int, SourceReport] = {}

    def opened(self) -> Iterator[BinaryIO | LineRange]:
        """Yield the sources that can be read; the next one when that is done."""
        for part in self._split.parts:
            if part.number in self._left_out:
                continue
            name = str(part.number)
            try:
                opened = open_part(part, self._split.options)
            except OSError as error:
                if shortage(error) is not None:
                    raise  # no fault of the source
                self._reports[part.number] = failed(name, error)
                continue
            with opened:
                if opened.stream is not None:
                    self._note(part, opened)
                    yield opened.source(name)
                try:
                    opened.check()
                except OSError as error:
                    self.changed[part.number] = failed(name, error)

    def _note(self, part: Part, opened: Opened) -> None:
        if opened.is_aligned:
            self._stored.add(part.number)
            if self._split.options.stretches and not part.start:
                self._marks[part.number] = eventcli.reading.fingerprints.marks(opened.head)

    def pieces(self, reports: dict[int, SourceReport]) -> list[Piece]:
        """Return what was read of each source, by the reports of the run."""
        reports |= self._reports
        return [self._piece(part, reports.get(part.number)) for part in self._split.parts]

    def _piece(self, part: Part, report: SourceReport | None) -> Piece:
        number = part.number
        if report is None:
            return Piece(number, part.start, part.end)
        marks = self._marks.get(number, report.stretch.head)
        is_stored = number in self._stored
        return Piece(
            number, part.start, part.end, report.bytes, report.lines, report.status, report.message, is_stored, marks
        )
