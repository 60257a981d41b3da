"""A portion of a source: bytes from an offset on that begin and end with a line."""

from eventcli.readable import Readable


class Portion:
    """A part of a longer stream, from `start` on, as a source. A last line without its newline is left.

    After the run, `end` tells up to where lines were read, and `pending` how many bytes were left.
    """

    def __init__(self, name: str, stream: Readable, start: int) -> None:
        """Take a stream that begins at `start` of the longer one."""
        self.name = name
        self.start = self.end = start
        self.pending = 0
        self.readinto = stream.readinto

    def close(self) -> None:
        """Leave the stream to whoever opened it."""
