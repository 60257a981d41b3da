"""The file of a ledger: an SQLite database with its schema, lock and transactions."""

from typing import TYPE_CHECKING

from eventcli.door import door

if TYPE_CHECKING:
    from eventcli.ledger.store import hold, streams_table

__all__ = ["hold", "streams_table"]

if not TYPE_CHECKING:
    __getattr__ = door(__name__, __all__)
