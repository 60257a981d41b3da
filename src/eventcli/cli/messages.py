"""Messages for people on stderr: each is a line that is safe to show on a terminal, and there are few of each kind.

Only this module writes to stderr: it makes all text from outside safe to show.
"""

import sys
from collections import Counter
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Final, Protocol

from eventcli.reporting import diagnostics
from eventcli.summary.sources import SourceReport
from eventcli.text import printable

PROGRAM: Final = "eventstats"

EXAMPLES: Final = 5
"""Messages of a kind that are shown for the same reason, before the others are only counted."""

MOST: Final = 20
"""Messages of a kind that are shown, for any reasons."""

_LONGEST: Final = 5000
"""Maximum characters of a message: more than a path can have."""


class Watch(Protocol):
    """Something that draws on standard error during a run."""

    def hidden(self) -> AbstractContextManager[None]:
        """Make room while something else is written."""


class Stderr:
    """Holds the watch that has to make room on standard error before a message is written there."""

    watch: Watch | None = None


_seen: Counter[str] = Counter()

_said: Counter[str] = Counter()

_said_for: Counter[tuple[str, str]] = Counter()


def say(message: str) -> None:
    """Write a line for people, whatever the message contains."""
    text = printable(message[:_LONGEST])
    _write(f"{PROGRAM}: {text if len(message) <= _LONGEST else text + '…'}\n")


def say_one_of(kind: str, message: str, reason: str = "") -> None:
    """Show one of possibly very many messages: the first few are examples. `kind` ends `say_rest`'s "and N more"."""
    _seen[kind] += 1
    if _said[kind] < MOST and _said_for[kind, reason] < EXAMPLES:
        _said[kind] += 1
        _said_for[kind, reason] += 1
        say(message)


def say_rest() -> None:
    """Report how many further messages there were of each kind, and reset the counts."""
    left = _seen - _said
    for counts in (_seen, _said, _said_for):
        counts.clear()
    for kind, count in left.items():
        say(f"… and {count:,} more {kind}")


def say_repeat(name: str, other: str) -> None:
    """Report that a file already counts under another name, or is given twice under the same one."""
    say_one_of("that are the same file as another, counted once", f"{name}: the same file as {other}, counted once")


def say_source(source: SourceReport) -> None:
    """Report why a source was not read to its end."""
    say_one_of(str(source.status), diagnostics.of_source(source), source.message)


def without_secrets(text: str) -> str:
    """Return a text that may repeat user input, without the secrets of the URLs in it."""
    if "://" not in text:
        return text
    from eventcli.redaction import redacted_text  # noqa: PLC0415  # keeps start-up fast for runs on local files

    return redacted_text(text)


def write_stderr(text: str) -> None:
    """Write lines that are not messages, such as a table, to stderr."""
    _write("".join(f"{printable(line)}\n" for line in text.removesuffix("\n").split("\n")))


def _write(text: str) -> None:
    # If stderr cannot be written, there is nobody left to tell.
    with suppress(OSError, ValueError, AttributeError), Stderr.watch.hidden() if Stderr.watch else nullcontext():
        sys.stderr.write(text)
        sys.stderr.flush()
