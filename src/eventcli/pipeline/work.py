"""The work on tasks: blocks and small files are folded, and rejects get their messages."""

from typing import Final

ENOUGH: Final = 512 * 1024
"""Bytes of small files that are folded at a time. Measured: they stay in the cache of the core that read them."""
