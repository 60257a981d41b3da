"""The bodies of messages as lines: a body is one line or several, and the last one need not end with a newline."""

import io
from collections.abc import Sequence
from typing import Final

from eventcli.ledger.cursor import Read, Step
from eventcli.ledger.streams.stream import Stream

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def lines_of(bodies: Sequence[bytes]) -> bytes:
    r"""Return bodies as whole lines. A byte-order mark may begin each, as it may begin a file.

    >>> lines_of([b"one", b"two\nthree\n", b""])
    b'one\ntwo\nthree\n\n'
    """
    content = b"\n".join([body[:-1] if body[-1:] == b"\n" else body for body in bodies]) + b"\n" if bodies else b""
    if _BYTE_ORDER_MARK in content:
        content = lines_of([body.removeprefix(_BYTE_ORDER_MARK) for body in bodies]) if _is_marked(bodies) else content
    return content


def _is_marked(bodies: Sequence[bytes]) -> bool:
    return any(body.startswith(_BYTE_ORDER_MARK) for body in bodies)


class Bodies:
    """Bodies of messages as a cursor of the ledger: one step, and the position after it."""

    is_growing = True

    def __init__(self, stream: Stream, bodies: Sequence[bytes], position: str, repeats: int = 0) -> None:
        """`repeats` is how many lines are blank because they were repeated."""
        self.stream = stream
        self.name = stream.label
        self._content: bytes | None = lines_of(bodies)
        self._position = position
        self._repeats = repeats

    def read_on(self, size: int, seconds: float) -> Step | None:  # noqa: ARG002  # the messages are here already
        """Return all lines at once."""
        content, self._content = self._content, None
        if not content:
            self.stream.position = self._position
            return None
        return Step(io.BytesIO(content), len(content), self._repeats)

    def is_proved(self, read: Read) -> bool:
        """Whether all lines are whole: what was received needs no other proof."""
        return not read.pending

    def advance(self, read: Read) -> None:
        """Move past the last message."""
        self.stream.offset, self.stream.lines = read.end, self.stream.lines + read.lines
        self.stream.position = self._position
