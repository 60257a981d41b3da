"""A portion of a source: the bytes from an offset on that form whole lines."""

from eventcli.readable import Readable


class Portion:
    """A part of a longer stream, from `start` on, as a source. A last line without a newline is left unread.

    After the run, `end` is the offset up to which lines were read, and `pending` is how many bytes were left.
    """

    def __init__(self, name: str, stream: Readable, start: int) -> None:
        """Take a stream that begins at `start` of the longer one."""
        self.name = name
        self.start = self.end = start
        self.pending = 0
        self.readinto = stream.readinto

    def close(self) -> None:
        """Leave closing the stream to whoever opened it."""
