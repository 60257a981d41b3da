"""The state: a commutative monoid of statistics, account and sources."""

from typing import TYPE_CHECKING

from eventcli.door import door

if TYPE_CHECKING:
    from eventcli.summary import asked, elements, gaps, kinship, saved

__all__ = ["asked", "elements", "gaps", "kinship", "saved"]

if not TYPE_CHECKING:
    __getattr__ = door(__name__, __all__)
