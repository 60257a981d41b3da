"""The work of one thread: blocks and small files are folded, and rejects get their messages."""

import threading
from bisect import bisect
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import accumulate, groupby
from typing import TYPE_CHECKING, Final

import eventcli.lines
import eventcli.pipeline
import eventcli.reading
from eventcli.folding.fold import MOST_MARKS, Fold, Mark, Part
from eventcli.lines.event import Reason, Reject
from eventcli.pipeline.delivery import Delivery
from eventcli.pipeline.intake import Intake
from eventcli.pipeline.opened import Reading, stretch_of
from eventcli.pipeline.opening import Opening
from eventcli.pipeline.options import Options
from eventcli.pipeline.tasks import Piece, Small, Task, TaskSlot, tasks_begun, tasks_left
from eventcli.reading.blocks import BYTE_ORDER_MARK, Block, Buffer, LongLine
from eventcli.reading.small_files import Read
from eventcli.summary.account import Account
from eventcli.summary.sources import SourceReport, WholeFiles
from eventcli.text import name_of, names_of

if TYPE_CHECKING:
    from eventcli.reading.framing.cuts import Misfit

ENOUGH: Final = 512 * 1024
"""Bytes of small files that are folded at a time. Measured: they stay in the cache of the core that read them."""


class Work:
    """Tasks in, results out: a thread's own fold, and all that it needs of the others."""

    def __init__(self, fold: Fold, options: Options, opening: Opening, intake: Intake, delivery: Delivery) -> None:
        """Take an empty fold."""
        self.fold = fold
        # It is locked while it folds, so that its account can be read between two blocks.
        self.folding = threading.Lock()
        self._options = options
        self._opening = opening
        self._intake = intake
        self._delivery = delivery

    def account(self) -> Account:
        """Return the account of what was folded so far, from any thread."""
        with self.folding:
            return self.fold.account()

    def do(self, slot: TaskSlot, task: Task, buffer: Buffer) -> None:
        """Fold a task, and deliver its result. The caller holds the lock of the fold."""
        held: list[Piece] = []
        rejects = 0
        for piece in self._pieces(slot, task, buffer):
            if piece.rejects:
                if rejects + len(piece.rejects) > MOST_MARKS and rejects:
                    self._delivery.deliver_early(slot, held)
                    held, rejects = [], 0
                rejects += len(piece.rejects)
            held.append(piece)
        buffer.release()
        self._delivery.deliver(slot, held)

    def _pieces(self, slot: TaskSlot, task: Task, buffer: Buffer) -> Iterator[Piece]:
        if task.block is not None:
            yield from self._block(task.name, task.block)
        elif task.files is not None:
            yield from self._small_files(slot, task.files, buffer)
        else:
            yield Piece(task.name, report=task.report, repeats=task.repeats, unread=task.unread)

    def _block(self, name: str, block: "Block | LongLine | Misfit") -> Iterator[Piece]:
        if not isinstance(block, Block):
            yield self._unfolded(name, block)
            return
        before = None if block.texts is None else 0
        lines = 0
        marks = self._delivery.rejects_wanted > 0
        for part, wanted in self._parts(self.fold.add_in_parts(block.data, marks=marks)):
            rejects = [self._reject(mark, block, lines) for mark in wanted] if wanted else ()
            yield Piece(name, block.offset, part.lines, rejects, before=before)
            lines += part.lines

    def _unfolded(self, name: str, block: "LongLine | Misfit") -> Piece:
        """Return the result for what no fold is given."""
        if isinstance(block, LongLine):
            message = f"{block.length} bytes, more than {self._options.max_line}"
            reject = Reject(Reason.LINE_TOO_LONG, message, b"", block.length)
            return Piece(name, block.offset, 1, [reject])
        reason, message = eventcli.pipeline.framing.reject_of(block, self._options.query.form, self._options.max_line)
        reject = Reject(reason, message, b"", block.length)
        return Piece(name, block.offset, 1, [reject], before=block.line)

    def _parts(self, parts: Iterator[Part]) -> Iterator[tuple[Part, Sequence[Mark]]]:
        """Yield the parts of a block, and the positions of the wanted rejects."""
        left = self._delivery.rejects_wanted
        for part in parts:
            # Most runs show only a few rejects; the others need no message.
            left = min(left, self._delivery.rejects_wanted)
            yield part, part.marks[:left]
            left -= min(left, len(part.marks))

    def _reject(self, mark: Mark, block: Block, lines: int) -> Reject:
        """Return the reject: its offset is relative to the block, its line to the part that follows `lines`."""
        raw = bytes(block.data[mark.start : mark.end])
        message = eventcli.lines.parse.explain(raw, mark.reason, self._options.query)
        if block.texts is not None:
            start, end, line = block.texts.at(mark.line)
            raw = bytes(block.texts.raw[start:end])
            return Reject(mark.reason, message, raw, len(raw), line, start)
        return Reject(mark.reason, message, raw, len(raw) + block.closed, mark.line - lines, mark.start)

    def _small_files(self, slot: TaskSlot, some: Small, buffer: Buffer) -> Iterator[Piece]:
        """Read and fold files up to the first that is not small after all."""
        enough = min(self._options.block_size, ENOUGH)
        # There is room for any small file, but no more, so that large ones are not read here.
        memory = buffer.view[: enough + self._options.small + 1]
        paths = some.files.paths
        at, span = 0, len(paths)
        while at < len(paths):
            marks = self._delivery.rejects_wanted > 0
            files = some.files.part(at, at + span)
            if self._options.query.form.is_framed:
                files = files.part(0, 0)
            folded = self.fold.add_files(files, memory, enough, marks=marks, once=self._options.stretches)
            whole, done = len(folded.lines), len(folded.lines) + len(folded.read.ends)
            names = names_of(list(paths[at : at + done]))
            if whole:
                read_files = WholeFiles(names[:whole], folded.sizes, folded.lines)
                yield Piece("", whole=read_files, ended=whole, stored=sum(folded.sizes))
            if done > whole:
                yield from self._together(memory, names[whole:], folded.read, folded.parts)
            if not done:
                mine = some.places[at]
                if mine in some.repeats:
                    name = name_of(self._opening.claims.path(mine))
                    yield Piece(name, repeats=some.repeats[mine], ended=1)
                elif (yield from self._by_itself(slot, some, at, buffer)):
                    return
            at += max(1, done)
            # After one that is read by itself, the next one may be, too.
            span = 2 * span if done else 1

    def _together(self, memory: memoryview, names: list[str], read: Read, parts: Iterator[Part]) -> Iterator[Piece]:
        """Fold the small files in the buffer, in order."""
        starts, ends, skipped, lines, sizes = read
        before = list(accumulate(lines, initial=0))
        block = Block(memory[: ends[-1]], 0)
        for _, wanted in self._parts(parts):
            for at, group in groupby(wanted, lambda mark: bisect(starts, mark.start) - 1):
                rejects = [self._reject(mark, block, before[at]) for mark in group]
                yield Piece(names[at], skipped[at] - starts[at], 0, rejects)
        whole, ended, stored = WholeFiles(names, sizes, lines), len(names), sum(sizes)
        if not self._options.stretches:
            yield Piece("", whole=whole, ended=ended, stored=stored)
            return
        reports = SourceReport.of_whole(*whole)
        window = eventcli.reading.fingerprints.WINDOW
        for at, report in enumerate(reports):
            head = BYTE_ORDER_MARK[: skipped[at]] + block.data[starts[at] : min(starts[at] + window, ends[at])]
            stretch = stretch_of(head[: min(window, report.bytes)], report.bytes)
            reports[at] = report._replace(stretch=stretch)
        yield Piece("", reports=reports, ended=ended, stored=stored)

    def _by_itself(self, slot: TaskSlot, some: Small, at: int, buffer: Buffer) -> Generator[Piece, None, bool]:
        """Read and fold a file that is empty, compressed, replaced since its key was read, or not small.

        Return whether the files after it are left to other threads: those after a file that is not small. A large file
        is itself left to all threads.
        """
        opened = self._opening.small(some, at, lambda: self._delivery.wait_for_turn(slot))
        if not isinstance(opened, Reading):
            name = name_of(self._opening.claims.path(some.places[at]))
            if isinstance(opened, SourceReport):
                yield Piece(name, report=opened, ended=1)
            else:
                yield Piece(name, repeats=opened, ended=1)
            return False
        with ExitStack() as stack:
            stack.enter_context(closing(opened.stream))
            is_small = opened.size <= self._options.small
            order = self._intake.order
            if not is_small and (others := some.after(at)).places:
                order.split(slot, tasks_begun(tasks_left(others)))
            if opened.size > self._options.most_alone:
                stack.pop_all()
                order.split(slot, tasks_begun(self._intake.shared(opened)))
                return True
            while not isinstance(block := opened.next(buffer), SourceReport):
                yield from self._block(opened.name, block)
        yield Piece(opened.name, report=block, ended=1, stored=opened.size)
        return not is_small
