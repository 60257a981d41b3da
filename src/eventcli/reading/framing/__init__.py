"""From a stream to blocks of lines where the stream has other framings: JSON texts, records inside them, prefixes."""

from typing import TYPE_CHECKING

from eventcli.door import door

if TYPE_CHECKING:
    from eventcli.reading.framing import framed

__all__ = ["framed"]

if not TYPE_CHECKING:
    __getattr__ = door(__name__, __all__)
