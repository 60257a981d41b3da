"""One decompressor per format, all with the same interface; each library is loaded when needed."""

import sys
from collections.abc import Callable
from typing import BinaryIO, Final, NamedTuple, Protocol, cast

from eventcli.readable import Readable
from eventcli.reading.compression.encodings import Encoding, UnsupportedError

_DIRECT_INPUT: Final = 32 * 1024
"""Compressed bytes read at a time without a copy: their output is still in the core's cache for the checksum."""

_ZSTD_WINDOW_LOG: Final = 26
"""Largest window of a zstd frame: 64 MiB. `--ultra -20` and `--long` can ask for more."""

_XZ_MEMORY: Final = 80 * 1024 * 1024
"""Memory limit for xz: its strongest preset needs 65 MiB."""


class _Decompressor(Protocol):
    """Decompresses one member: the common interface of bz2, lzma, lz4, zstd and isal."""

    @property
    def eof(self) -> bool:
        """Whether the end of the member was reached."""

    @property
    def needs_input(self) -> bool:
        """Whether more input is needed before more output can come."""

    @property
    def unused_data(self) -> bytes | None:
        """Input that follows the end of the member: lz4 returns None for nothing."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Feed compressed bytes, and return at most `max_length` decompressed ones."""


class Library(NamedTuple):
    """How to decompress members of one format: `new` creates a decompressor, `error` is what it raises."""

    new: Callable[[], _Decompressor]
    error: type[Exception]


class _Zlib:
    """The standard library's decompressor of gzip members, with the common interface."""

    def __init__(self) -> None:
        import zlib  # noqa: PLC0415  # as below

        self._object = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        self._full = False

    @property
    def eof(self) -> bool:
        return self._object.eof

    @property
    def needs_input(self) -> bool:
        # More output may be pending although all input was consumed.
        return not self._object.eof and not self._object.unconsumed_tail and not self._full

    @property
    def unused_data(self) -> bytes:
        return self._object.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        out = self._object.decompress(self._object.unconsumed_tail + data, max_length)
        self._full = len(out) == max_length
        return out


def _gzip() -> Library:
    try:
        from isal import igzip_lib  # noqa: PLC0415  # keeps start-up fast for runs on other formats
    except ImportError:
        import zlib  # noqa: PLC0415  # as above

        return Library(_Zlib, zlib.error)
    return Library(
        lambda: igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP), cast("type[Exception]", igzip_lib.IsalError)
    )


def gzip_reader(stream: Readable, base: int) -> Readable | None:
    """Return a reader that decompresses gzip members from `base` on straight into a buffer, or None if there is none.

    Measured: that takes a quarter less time than copying the output, and a tenth less than isal's public reader, see
    benchmarks/README.md. But it does not report what is wrong, nor where.
    """
    try:
        from isal.isal_zlib import _GzipReader  # noqa: PLC0415  # as above
    except ImportError:
        return None
    cast("BinaryIO", stream).seek(base)
    return cast("Readable", _GzipReader(cast("BinaryIO", stream), _DIRECT_INPUT))


def _zstd() -> Library:
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd  # noqa: PLC0415  # as above
        else:
            from backports import zstd  # noqa: PLC0415  # as above
    except ImportError:
        raise UnsupportedError("compressed with zstd: `pip install backports.zstd` lets it be read") from None
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
    return Library(lambda: zstd.ZstdDecompressor(options=options), zstd.ZstdError)


def _bzip2() -> Library:
    import bz2  # noqa: PLC0415  # as above

    return Library(bz2.BZ2Decompressor, OSError)


def _xz() -> Library:
    import lzma  # noqa: PLC0415  # as above

    return Library(lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY), lzma.LZMAError)


def _lz4() -> Library:
    try:
        import lz4.frame  # noqa: PLC0415  # as above
    except ImportError:
        raise UnsupportedError("compressed with lz4: `pip install 'eventcli[lz4]'` lets it be read") from None
    return Library(lz4.frame.LZ4FrameDecompressor, RuntimeError)


LIBRARIES: Final[dict[Encoding, Callable[[], Library]]] = {
    Encoding.GZIP: _gzip,
    Encoding.ZSTD: _zstd,
    Encoding.BZIP2: _bzip2,
    Encoding.XZ: _xz,
    Encoding.LZ4: _lz4,
}

TOO_LARGE: Final = {
    Encoding.ZSTD: ("requires too much memory", "zstd --long=31 -dc FILE | eventstats"),
    Encoding.XZ: ("Memory usage limit exceeded", "xz -dc FILE | eventstats"),
}
"""The library's message if a member exceeds the memory limit, and the command that reads it anyway."""
