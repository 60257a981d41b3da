"""Threads: intake, work, delivery, and the run that owns them."""

from typing import TYPE_CHECKING

from eventcli.door import door

if TYPE_CHECKING:
    from eventcli.pipeline import framing

__all__ = ["framing"]

if not TYPE_CHECKING:
    __getattr__ = door(__name__, __all__)
