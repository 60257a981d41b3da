"""Where a JSON value ends, across any number of pieces of text: the Python body; `scan.rs` is the other one."""

import re
from typing import Final

WHITE: Final = b" \t\n\r"

SEPARATOR: Final = 0x1E
"""The byte before each text of a sequence (RFC 7464)."""

_QUOTE, _BACKSLASH, _COMMA, _ARRAY = b'"\\,['

# Patterns, not compiled yet: re does that once, for the first stream that needs them.
STRING = rb'(?:[^"\\\n\x1e]|\\[^\n\x1e])*+'
"""The text of a string, up to its quote, to what shows that it was torn, or to the end of the data."""

_UP_TO_BRACKET = rb'(?:[^"\\{}\[\]\x1e]|"' + STRING + rb'")*+'
"""Everything up to a bracket, to a string that is torn or continues beyond the data, or to what shows damage."""


class Scan:
    """A value that is being followed."""

    def __init__(self, most_depth: int) -> None:
        """Begin without a value; one that nests deeper than `most_depth` counts as torn: that bounds memory."""
        self._most_depth = most_depth
        self.reset()

    def reset(self) -> None:
        """Forget the value; the next one begins with a bracket or a quote."""
        self._stack = bytearray()
        self._in_string = self._is_escaped = False
        self._last = 0

    def go(self, data: bytes, start: int) -> tuple[str, int]:
        """Follow the value from `start` on: its "end", where it shows "damage", or "more"."""
        at, stack = start, self._stack
        string, up_to_bracket = re.compile(STRING).match, re.compile(_UP_TO_BRACKET).match
        if not stack and not self._in_string and data[at : at + 1] == b'"':
            self._in_string = True
            at += 1
        while True:
            if self._in_string:
                if self._is_escaped and at < len(data):
                    if data[at] in b"\n\x1e":
                        return "damage", at
                    self._is_escaped = False
                    at += 1
                if not self._is_escaped:
                    at = end_of(string(data, at))
                if at == len(data):
                    return self._more(data, start)
                if data[at] == _BACKSLASH:
                    if at + 1 < len(data):
                        return "damage", at + 1
                    self._is_escaped = True
                    return self._more(data, start)
                if data[at] != _QUOTE:
                    return "damage", at
                self._in_string = False
                at += 1
                if not stack:
                    return "end", at
            at = end_of(up_to_bracket(data, at))
            if at == len(data):
                return self._more(data, start)
            byte = data[at]
            if byte == _QUOTE:
                self._in_string = True
            elif byte in b"[{":
                if stack and not self._may_open(data, start, at):
                    return "damage", at
                stack.append(byte)
                if len(stack) > self._most_depth:
                    return "damage", at
            elif byte in b"]}":
                # Each comes two after the bracket that it closes.
                if not stack or stack[-1] != byte - 2:
                    return "damage", at
                stack.pop()
                if not stack:
                    return "end", at + 1
            else:
                return "damage", at
            at += 1

    def _more(self, data: bytes, start: int) -> tuple[str, int]:
        seen = data[start:].rstrip(WHITE)
        if seen:
            self._last = seen[-1]
        return "more", len(data)

    def _may_open(self, data: bytes, start: int, at: int) -> bool:
        """Whether a value may begin within the value."""
        while at > start and data[at - 1] in WHITE:
            at -= 1
        last = data[at - 1] if at > start else self._last
        return last in b"[:" or (last == _COMMA and self._stack[-1] == _ARRAY)


def end_of(match: re.Match[bytes] | None) -> int:
    """Return the end of the match of a pattern that matches anything."""
    assert match is not None
    return match.end()
