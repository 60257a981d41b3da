"""The location of a field in an event: a key, a dotted path or a JSON Pointer, looked up in a document.

A text that begins with a slash is a JSON Pointer (RFC 6901). Any other text is a key of the event; if the event has no
such key and the text has dots, it is a path: the keys between the dots, from the outside in. In an array, a part is an
index.
"""

from functools import lru_cache
from typing import Any, Final

MISSING: Final = object()
"""The result if a document has no such field."""

_ESCAPES: Final = {"~0": "~", "~1": "/"}


class PathError(ValueError):
    """The text is not a JSON Pointer."""


def is_key(field: str) -> bool:
    """Whether a field can only be a key of the event itself."""
    return "." not in field and not field.startswith("/")


@lru_cache
def parts(field: str) -> tuple[str, ...]:
    """Return the keys and indexes from the event down to the field; PathError for a wrong JSON Pointer.

    >>> parts("commit.collection"), parts("/payload/a~1b"), parts("type")
    (('commit', 'collection'), ('payload', 'a/b'), ('type',))
    """
    if not field.startswith("/"):
        return tuple(field.split("."))
    return tuple(_unescaped(part) for part in field[1:].split("/"))


def find(document: dict[str, Any], field: str) -> Any:
    """Return the value of the field, or `MISSING`.

    >>> find({"a": {"b": [10, 20]}}, "a.b.1"), find({"a.b": 1, "a": {"b": 2}}, "a.b")
    (20, 1)
    """
    if field in document and not field.startswith("/"):
        return document[field]
    return walk(document, parts(field))


def walk(document: Any, keys: tuple[str, ...]) -> Any:
    """Return the value at a path of keys and indexes, or `MISSING`."""
    for key in keys:
        if type(document) is dict:
            document = document.get(key, MISSING)
        elif type(document) is list and is_index(key) and int(key) < len(document):
            document = document[int(key)]
        else:
            return MISSING
    return document


def is_index(key: str) -> bool:
    """Whether a part can be an index of an array: digits without leading zeros (RFC 6901, section 4)."""
    # No array in a line has a number of elements with more than 18 digits.
    return key.isascii() and key.isdigit() and (key == "0" or key[0] != "0") and len(key) <= 18  # noqa: PLR2004


def _unescaped(part: str) -> str:
    head, *escaped = part.split("~")
    text = head
    for piece in escaped:
        character = _ESCAPES.get(f"~{piece[:1]}")
        if character is None:
            raise PathError("in a JSON Pointer, ~ is followed by 0 or 1")
        text += character + piece[1:]
    return text
