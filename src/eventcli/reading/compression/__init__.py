"""Compressed streams: recognised by their first bytes, decompressed while they are read."""

from typing import TYPE_CHECKING

from eventcli.door import door

if TYPE_CHECKING:
    from eventcli.reading.compression import codecs, members

__all__ = ["codecs", "members"]

if not TYPE_CHECKING:
    __getattr__ = door(__name__, __all__)
