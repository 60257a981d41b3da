"""Totals across many runs: every line of a stream counts once."""

from typing import TYPE_CHECKING

from eventcli.door import door

if TYPE_CHECKING:
    from eventcli.ledger import forget, store, totals

__all__ = ["forget", "store", "totals"]

if not TYPE_CHECKING:
    __getattr__ = door(__name__, __all__)
