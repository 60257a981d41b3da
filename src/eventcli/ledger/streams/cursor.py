"""A stream in the file that holds it, as a cursor."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from eventcli.ledger.cursor import Read, Step
from eventcli.ledger.steps import Steps
from eventcli.ledger.streams.candidate import Candidate
from eventcli.ledger.streams.content import Content, note_content, note_place
from eventcli.ledger.streams.stream import Stream
from eventcli.lines.query import Form


class FileCursor:
    """A stream at its offset in a file. Use it as a context."""

    def __init__(
        self,
        stream: Stream,
        file: Candidate,
        is_ended: Callable[[Candidate], bool],
        form: Form = Form(),  # noqa: B008  # immutable
    ) -> None:
        """Take a stream and its file; `is_ended` says whether nothing more will be written to a file.

        `form` says whether the position follows a JSON text, wherever that ends, or a line.
        """
        self._has_texts = form.framing == "json"
        # Of a step, lines may be left that make one with those of the next step.
        self._may_leave = form.is_framed
        self._is_left = False
        self.stream = stream
        self.file = file
        self._is_ended = is_ended
        self._content: Content | None = None
        self._steps: Steps | None = None
        self._end: int | None = None
        self._before = b""

    @property
    def name(self) -> str:
        """The name of the file to display."""
        return self.file.name

    @property
    def is_growing(self) -> bool:
        """Whether more may be written to the file."""
        return not self._is_ended(self.file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._content is not None:
            self._content.__exit__(kind, error, trace)
        self.file.close(forget=True)

    def open(self) -> bool:
        """Open the file at the position of the stream; False if the file is shorter. OSError on failure."""
        stream, file = self.stream, self.file
        start = stream.offset
        window = file.window(start)
        if window is None:
            return False
        end = None if file.is_compressed else file.size if self._has_texts else file.whole_lines(start)
        is_ended = end != file.size and not self.is_growing
        if is_ended and end is not None:
            end = file.size
        if end != start and not file.is_read_up(stream):
            self._end = end
            self._content = file.open(start, ahead=True)
            self._steps = Steps(self._content, None if end is None else end - start, window, is_ended=is_ended)
        return True

    def skip_rest(self) -> int:
        """Skip the rest of a line that was counted when it seemed complete; return its length if it is not blank."""
        stream, steps = self.stream, self._steps
        if steps is None or self._has_texts or stream.offset <= stream.start or steps.last.endswith(b"\n"):
            return 0
        length, is_blank = steps.skip_line()
        stream.offset += length
        stream.pending = 0
        return 0 if is_blank else length

    def read_on(self, size: int, seconds: float) -> Step | None:
        """Return the next whole lines, up to the size that the file had when it was looked at."""
        if self._is_left and self._steps is not None and not self._steps.is_at_end:
            # The rest of a step is a text that goes on in the next one.
            self.__exit__(None, None, None)
            self._steps = self._content = None
            self.open()
        if self._steps is None or self._steps.is_at_end:
            self._settle()
            return None
        self._before = self._steps.last
        self._steps.begin(size, seconds)
        return Step(self._steps, None if self._end is None else self._end - self.stream.offset)

    def _settle(self) -> None:
        stream, file = self.stream, self.file
        if self._steps is None:
            self._note(stream.pending if file.is_compressed else file.size - stream.offset, None)
        elif file.is_compressed:
            stream.raw_length = stream.offset + stream.pending
        else:
            stream.pending = file.size - stream.offset

    def is_proved(self, read: Read) -> bool:
        """Whether what was read is the content of one file at one moment: neither truncated nor refilled meanwhile."""
        if self.file.is_compressed:
            return self.file.is_unchanged()
        assert self._steps is not None  # something was read
        end = read.end - self._steps.added
        if read.pending and self._may_leave:
            return self.file.window(read.start) == self._before and self.file.is_head_unchanged(end)
        return not read.pending and (
            self.file.window(read.start) == self._before
            and self.file.window(end) == self._steps.last
            and self.file.is_head_unchanged(end)
        )

    def advance(self, read: Read) -> None:
        """Move the offset, and note the last window as its proof."""
        assert self._steps is not None  # something was read
        if read.lines or self._may_leave:  # not just a byte-order mark
            self.stream.lines += read.lines
            self.stream.offset = max(self.stream.offset, read.end - self._steps.added)
        self._is_left = self._may_leave and read.pending > 0
        self._note(read.pending, None if read.pending else self._steps.last)

    def newlines(self) -> int:
        """Return how many newlines are before the position of the stream, where that is not its number of lines."""
        if not self._may_leave or self.file.is_compressed:
            return self.stream.lines
        return self.file.count_lines(self.stream.offset)

    def _note(self, pending: int, window: bytes | None) -> None:
        """Note the place of the stream and its proof; `window` ends at its offset, if it is available."""
        self.stream.pending = pending
        if self.stream.seen != self.stream.offset:
            note_content(self.stream, self.file, self.stream.offset, window)
        note_place(self.stream, self.file)
