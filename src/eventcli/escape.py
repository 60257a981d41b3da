"""Text from outside becomes safe to show on a terminal."""

from typing import Final

EXCERPT: Final = 80
"""Characters of data that a diagnostic shows at most."""


def printable(text: str) -> str:
    r"""Return the text with control, bidirectional and other invisible characters escaped as in Python.

    >>> print(printable("red\x1b[31m \u202egpj.exe"))
    red\x1b[31m \u202egpj.exe
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def excerpt(raw: bytes) -> str:
    r"""Return the beginning of a line as printable text, at most `EXCERPT` characters long.

    >>> excerpt(b'{"type":"caf\xff"}')
    '{"type":"caf\\xff"}'
    """
    text = printable(raw[: 4 * EXCERPT].decode("utf-8", "backslashreplace"))
    return text if len(text) <= EXCERPT and len(raw) <= 4 * EXCERPT else text[: EXCERPT - 1] + "…"
