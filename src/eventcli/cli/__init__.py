"""The command line: options in, status out; one module per family of commands."""

from typing import TYPE_CHECKING

from eventcli.door import door

if TYPE_CHECKING:
    from eventcli.cli import completion, engines, generate, merging

__all__ = ["completion", "engines", "generate", "merging"]

if not TYPE_CHECKING:
    __getattr__ = door(__name__, __all__)
