"""From a Summary to bytes and people: columns, one module per format, diagnostics, output."""

from typing import TYPE_CHECKING

from eventcli.door import door

if TYPE_CHECKING:
    from eventcli.reporting import mistakes, prometheus, separated, table

__all__ = ["mistakes", "prometheus", "separated", "table"]

if not TYPE_CHECKING:
    __getattr__ = door(__name__, __all__)
