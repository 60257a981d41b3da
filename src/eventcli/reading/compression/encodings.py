"""Determines the encoding of a stream from the magic numbers of formats, of archives and of tar."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

HEAD: Final = 512
"""Enough bytes to be sure what a stream holds."""


class Encoding(StrEnum):
    """How the bytes of a stream are stored."""

    PLAIN = "plain"
    GZIP = "gzip"
    ZSTD = "zstd"
    BZIP2 = "bzip2"
    XZ = "xz"
    LZ4 = "lz4"


class UnsupportedError(OSError):
    """The stream has a format that is not supported; the message names it and says what to do about it."""


_MAGICS: Final = (
    (b"\x1f\x8b\x08", Encoding.GZIP),
    (b"\x28\xb5\x2f\xfd", Encoding.ZSTD),
    *((b"BZh%d%b" % (level, kind), Encoding.BZIP2) for level in range(1, 10) for kind in (b"1AY&SY", b"\x17rE8P\x90")),
    (b"\xfd7zXZ\0", Encoding.XZ),
    (b"\x04\x22\x4d\x18", Encoding.LZ4),
)
"""The first bytes of each format. No JSON text begins with one."""

SKIPPABLE: Final = tuple(bytes((0x50 + number, 0x2A, 0x4D, 0x18)) for number in range(16))
"""The first bytes of a skippable frame, which zstd and lz4 share (RFC 8878, section 3.1.2)."""

_FOREIGN: Final = (
    (b"PK\x03\x04", "a zip archive: `unzip -p FILE | eventstats` reads what is in it"),
    (b"PK\x05\x06", "a zip archive without files"),
    (b"PK\x07\x08", "a part of a zip archive: `zip -s 0 FILE --out WHOLE` joins the parts"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: `7z x -so FILE | eventstats` reads what is in it"),
    (b"\x1f\x9d", "compressed with compress: `gzip -dc FILE | eventstats` reads it"),
    (b"\x02\x21\x4c\x18", "compressed in the legacy format of lz4: `lz4 -dc FILE | eventstats` reads it"),
)
"""The first bytes of refused formats, and the messages for them."""

TAR: Final = "a tar archive: `tar -xOf FILE | eventstats` reads what is in it"

TAR_MAGIC: Final = b"ustar"

TAR_PLACE: Final = 257

CERTAIN: Final = frozenset(b"{[ \t\r\n\xef")
"""First bytes that are enough to be certain that a stream is plain."""

_FIRST_BYTES: Final = frozenset(magic[0] for magic in (*SKIPPABLE, *(magic for magic, _ in (*_MAGICS, *_FOREIGN))))


def identify(head: bytes, *, ended: bool) -> Encoding | None:
    r"""Return the encoding of a stream that begins with `head`, or None if more bytes are needed to be sure.

    `ended` says that no more bytes follow. A whole stream that is only the first part of a magic number counts as
    truncated if no text begins like that. Raises UnsupportedError for archives and other unsupported formats.

    >>> print(identify(b'{"type":"sale"', ended=False), identify(b"\x1f\x8b", ended=False))
    plain None
    >>> print(identify(b"\x1f\x8b\x08\x00", ended=False))
    gzip
    """
    if not head:
        return Encoding.PLAIN if ended else None
    if head[0] in CERTAIN:
        return Encoding.PLAIN
    if head[0] in _FIRST_BYTES:
        for magic, message in _FOREIGN:
            if head.startswith(magic):
                raise UnsupportedError(message)
        for magic, encoding in (*_MAGICS, *((magic, Encoding.ZSTD) for magic in SKIPPABLE)):
            if head.startswith(magic) or (ended and _is_torn(head, magic)):
                return encoding
        if not ended and any(magic.startswith(head) for magic in _all_magics()):
            return None
    if head[TAR_PLACE : TAR_PLACE + len(TAR_MAGIC)] == TAR_MAGIC:
        raise UnsupportedError(TAR)
    if not ended and len(head) < TAR_PLACE + len(TAR_MAGIC) and b"\n" not in head[:TAR_PLACE]:
        return None
    return Encoding.PLAIN


def is_plain(data: bytes) -> bool:
    """Whether a whole stream is read as it is: neither compressed nor an archive."""
    try:
        return identify(data[:HEAD], ended=True) is Encoding.PLAIN
    except UnsupportedError:
        return False


def is_certainly_plain(byte: int) -> bool:
    """Whether a stream that begins with this byte is certainly plain."""
    return byte in CERTAIN


def _all_magics() -> Iterator[bytes]:
    yield from SKIPPABLE
    for magic, _ in (*_MAGICS, *_FOREIGN):
        yield magic


def _is_torn(head: bytes, magic: bytes) -> bool:
    """Whether a whole stream is a prefix of a magic number, and too long to be a short text."""
    return len(head) >= (4 if magic.startswith(b"BZh") else 2) and magic.startswith(head)
