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


def for_terminal(data: bytes, form: str) -> bytes:
    r"""Return what is printed in a format as it can be shown on a terminal: JSON keeps its meaning, with escapes.

    >>> for_terminal('{"type":"red\x9b31m"}\n'.encode(), "jsonl")
    b'{"type":"red\\u009b31m"}\n'
    """
    text = data.decode("utf-8", "backslashreplace")
    is_json = form.startswith("json")
    lines = text.split("\n")
    if all(map(str.isprintable, lines)):
        return data
    return "\n".join(_json_printable(line) if is_json else _cells_printable(line) for line in lines).encode()


def _json_printable(text: str) -> str:
    return "".join(c if c.isprintable() else _units(c) for c in text)


def _units(character: str) -> str:
    """Return a character as JSON escapes: two where it has more than 16 bits."""
    code = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{code[at : at + 4]}" for at in range(0, len(code), 4))


def _cells_printable(text: str) -> str:
    # Tabs separate cells.
    return "\t".join(map(printable, text.split("\t")))


def excerpt(raw: bytes) -> str:
    r"""Return the beginning of a line as printable text, at most `EXCERPT` characters long.

    >>> excerpt(b'{"type":"caf\xff"}')
    '{"type":"caf\\xff"}'
    """
    text = printable(raw[: 4 * EXCERPT].decode("utf-8", "backslashreplace"))
    return text if len(text) <= EXCERPT and len(raw) <= 4 * EXCERPT else text[: EXCERPT - 1] + "…"
