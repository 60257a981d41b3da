"""The body of a request, decompressed, within a limit."""

import zlib
from typing import Any, Final

from eventcli.serve.problems import RefusedError

CODINGS: Final = ("gzip", "zstd")
"""What a body may be compressed with, besides not at all."""

_GZIP: Final = 31
"""What zlib calls a gzip member."""

_KINDS: Final = frozenset(
    (
        "",
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonlines",
        "application/json",
        "application/octet-stream",
        "text/plain",
    )
)


def check_kind(kind: str) -> None:
    """Refuse a body that is no lines of JSON, by its Content-Type."""
    if kind.partition(";")[0].strip().lower() not in _KINDS:
        raise RefusedError(415, "events are lines of JSON: Content-Type: application/x-ndjson")


def coding_of(text: str) -> str:
    """Return what a body is compressed with, by its Content-Encoding; empty if it is not."""
    coding = text.strip().lower().removeprefix("x-")
    if coding in ("", "identity"):
        return ""
    if coding not in CODINGS:
        raise RefusedError(415, f"a body is compressed with {' or '.join(CODINGS)}, or not at all")
    return coding


def decompressed(body: bytes, coding: str, limit: int) -> bytes:
    """Return a whole body, decompressed; it is refused if it is damaged, or longer than the limit."""
    if not coding:
        return body
    parts: list[bytes] = []
    left = limit
    while body:
        decompressor = _decompressor(coding)
        try:
            part = decompressor.decompress(body, left + 1)
        except _errors() as error:
            raise RefusedError(400, f"the body is no whole {coding}: {error}") from None
        left -= len(part)
        if left < 0:
            raise too_long(limit)
        if not decompressor.eof:
            raise RefusedError(400, f"the body is no whole {coding}: it ends too early")
        parts.append(part)
        body = decompressor.unused_data
    return b"".join(parts)


def too_long(limit: int) -> RefusedError:
    """Return the refusal of a body that is too long."""
    return RefusedError(413, f"a body has at most {limit} bytes, decompressed (--max-body)")


def _decompressor(coding: str) -> Any:
    return zlib.decompressobj(_GZIP) if coding == "gzip" else _zstd().ZstdDecompressor()


def _errors() -> tuple[type[Exception], ...]:
    return zlib.error, _zstd().ZstdError


def _zstd() -> Any:
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415  # from 3.14 on
    except ImportError:
        from backports import zstd  # noqa: PLC0415  # before
    return zstd
