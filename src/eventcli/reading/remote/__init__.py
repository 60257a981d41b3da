"""URLs become streams of bytes. Loaded only when a URL is given; the only user of fsspec."""

from typing import TYPE_CHECKING

from eventcli.door import door

if TYPE_CHECKING:
    from eventcli.reading.remote import listing, parts, urls

__all__ = ["listing", "parts", "urls"]

if not TYPE_CHECKING:
    __getattr__ = door(__name__, __all__)
