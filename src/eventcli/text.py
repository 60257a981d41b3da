"""Makes text from outside safe to show on a terminal."""

import os
from typing import BinaryIO, Final

EXCERPT: Final = 80
"""Maximum characters of data that a diagnostic shows."""


def printable(text: str) -> str:
    r"""Return the text with control, bidirectional and other invisible characters escaped as in Python.

    >>> print(printable("red\x1b[31m \u202egpj.exe"))
    red\x1b[31m \u202egpj.exe
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def for_terminal(data: bytes, form: str) -> bytes:
    r"""Return output of a format in a form that is safe on a terminal: JSON keeps its meaning, with escapes.

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
    """Return a character as JSON escapes: two if it has more than 16 bits."""
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


STDIN: Final = "-"
"""The path that means standard input."""

STDIN_NAME: Final = "<stdin>"

Source = str | os.PathLike[str] | BinaryIO
"""A readable source: a path (`-` is standard input) or a binary stream, which stays open."""


def name_of(source: Source) -> str:
    """Return the name of a source for people and reports: valid text, without the secrets of a URL."""
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        return STDIN_NAME if path == STDIN else _text(path)
    name = getattr(source, "name", None)
    return _text(name) if isinstance(name, str) else f"<{type(source).__name__}>"


def names_of(paths: list[str]) -> list[str]:
    """Return the names of files."""
    return paths if "".join(paths).isascii() else list(map(_text, paths))


def _text(name: str) -> str:
    if "://" in name and is_url(name):
        from eventcli.redaction import redacted  # noqa: PLC0415  # keeps start-up fast for runs on local files

        name = redacted(name)
    if name.isascii():
        return name
    try:
        # The bytes of the name are UTF-8, as far as they are text, however the locale decodes them.
        return os.fsencode(name).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return name.encode("utf-8", "backslashreplace").decode("utf-8")


def is_url(path: str) -> bool:
    """Whether a path is a URL: a scheme and `://`. A file with such a name is written as `./s3://...`."""
    scheme, mark, _ = path.partition("://")
    return bool(mark) and scheme.isascii() and scheme.isalnum()
