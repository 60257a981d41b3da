"""The names of logs and of their rotated and compressed files: one list for directories and ledgers."""

import re
from typing import Final

DEFAULT_PATTERNS: Final = ("*.jsonl", "*.ndjson", "*.json", "*.log")
"""Patterns of log names; a rotation number or date and the suffix of a compressed file may follow."""

SUFFIXES: Final = tuple(pattern.removeprefix("*") for pattern in DEFAULT_PATTERNS)

_ROTATED: Final = r"(?:[.-][0-9]+(?:[-_.T:][0-9]+)*)?(?:\.(?:gz|zst|bz2|xz|lz4))?\Z"


def default() -> re.Pattern[str]:
    """Return the pattern of the names that count as logs in a directory."""
    begin = "|".join(translate(pattern).removesuffix(r"\Z").removesuffix(r"\z") for pattern in DEFAULT_PATTERNS)
    return re.compile(f"(?:{begin}){_ROTATED}")


def translate(pattern: str) -> str:
    """Return an fnmatch pattern as a regular expression."""
    import fnmatch  # noqa: PLC0415  # keeps start-up fast for runs on named files

    return fnmatch.translate(pattern)
