"""From blocks to state: two bodies with one interface, and the choice between them."""

from typing import TYPE_CHECKING

from eventcli.door import door

if TYPE_CHECKING:
    from eventcli.folding import reference

__all__ = ["reference"]

if not TYPE_CHECKING:
    __getattr__ = door(__name__, __all__)
