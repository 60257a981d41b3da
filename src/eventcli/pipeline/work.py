"""Tasks are worked on: blocks and small files are folded, their rejects put into words."""

from typing import Final

ENOUGH: Final = 512 * 1024
"""Bytes of small files that are folded at a time. Measured: they stay in the cache of the core that has read them."""
