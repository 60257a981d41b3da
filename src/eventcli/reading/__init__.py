"""From names to blocks of whole lines: discovery, sources, compression, remote objects."""

from typing import TYPE_CHECKING

from eventcli.door import door

if TYPE_CHECKING:
    from eventcli.reading import fingerprints, framing, mapping, ranges, remote, walking

__all__ = ["fingerprints", "framing", "mapping", "ranges", "remote", "walking"]

if not TYPE_CHECKING:
    __getattr__ = door(__name__, __all__)
