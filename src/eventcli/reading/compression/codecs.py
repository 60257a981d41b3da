"""One decompressor per format, all of one shape; each library is loaded when it is needed."""

import sys
from collections.abc import Callable
from typing import BinaryIO, Final, NamedTuple, Protocol, cast

from eventcli.readable import Readable
from eventcli.reading.compression.encodings import Encoding, UnsupportedError

_DIRECT_INPUT: Final = 32 * 1024
"""And where it is not: what comes of this much is still in the cache of the core when its checksum is made."""

_ZSTD_WINDOW_LOG: Final = 26
"""Largest window of a zstd frame: 64 MiB. `--ultra -20` and `--long` can ask for more."""

_XZ_MEMORY: Final = 80 * 1024 * 1024
"""Memory that xz may take: its strongest preset needs 65 MiB."""


class _Decompressor(Protocol):
    """Decompresses one member: what bz2, lzma, lz4, zstd and isal agree on."""

    @property
    def eof(self) -> bool:
        """Whether the end of the member was reached."""

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out before more is put in."""

    @property
    def unused_data(self) -> bytes | None:
        """What was put in and stands behind the end of the member: lz4 says None for nothing."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Put in compressed bytes, and return at most `max_length` decompressed ones."""


class Library(NamedTuple):
    """How members of one format are decompressed: `new` makes a decompressor, `error` is what it raises."""

    new: Callable[[], _Decompressor]
    error: type[Exception]


class _Zlib:
    """The standard library's decompressor of gzip members, in the form of the others."""

    def __init__(self) -> None:
        import zlib  # noqa: PLC0415  # as below

        self._object = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        self._full = False

    @property
    def eof(self) -> bool:
        return self._object.eof

    @property
    def needs_input(self) -> bool:
        # More may be waiting to come out although all input was taken.
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
    """Return what decompresses the gzip members from `base` on straight into a buffer, or None where nothing does.

    Measured: that is a sixth faster than to copy what comes out. But it does not say what is wrong, nor where.
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
"""What a library says where a member needs more memory than it may take, and the command that reads it all the same."""
