"""What is said to people on stderr: a message is a line that a terminal shows as it is, and there are few of a kind.

Nothing is written to stderr but by this module: here all that comes from outside is made safe to show.
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
"""Messages of a kind that are said for the same reason, before the others are only counted."""

MOST: Final = 20
"""Messages of a kind that are said, for whatever reasons."""

_LONGEST: Final = 5000
"""Characters of a message: more than a path can have."""


class Watch(Protocol):
    """What draws on standard error while a run is on."""

    def hidden(self) -> AbstractContextManager[None]:
        """Make room while something else is written."""


class Stderr:
    """What has to make room on standard error before a message is written there."""

    watch: Watch | None = None


_seen: Counter[str] = Counter()

_said: Counter[str] = Counter()

_said_for: Counter[tuple[str, str]] = Counter()


def say(message: str) -> None:
    """Write a line for people, whatever is in the message."""
    text = printable(message[:_LONGEST])
    _write(f"{PROGRAM}: {text if len(message) <= _LONGEST else text + '…'}\n")


def say_one_of(kind: str, message: str, reason: str = "") -> None:
    """Say one of perhaps very many messages: the first few are examples. `kind` ends `say_rest`'s "and N more"."""
    _seen[kind] += 1
    if _said[kind] < MOST and _said_for[kind, reason] < EXAMPLES:
        _said[kind] += 1
        _said_for[kind, reason] += 1
        say(message)


def say_rest() -> None:
    """Say how many more messages there were of each kind than were said, and begin anew."""
    left = _seen - _said
    for counts in (_seen, _said, _said_for):
        counts.clear()
    for kind, count in left.items():
        say(f"… and {count:,} more {kind}")


def say_repeat(name: str, other: str) -> None:
    """Say that a file counts already under another name, or for the second time under the same."""
    say_one_of("that are the same file as another, counted once", f"{name}: the same file as {other}, counted once")


def say_source(source: SourceReport) -> None:
    """Say why a source was not read to its end."""
    say_one_of(str(source.status), diagnostics.of_source(source), source.message)


def without_secrets(text: str) -> str:
    """Return a text that may repeat what was given, without the secrets of the URLs in it."""
    if "://" not in text:
        return text
    from eventcli.redaction import redacted_text  # noqa: PLC0415  # keeps start-up fast for runs on local files

    return redacted_text(text)


def write_stderr(text: str) -> None:
    """Write lines that are no messages, such as a table, to stderr."""
    _write("".join(f"{printable(line)}\n" for line in text.removesuffix("\n").split("\n")))


def _write(text: str) -> None:
    # Nobody is left to be told that stderr cannot be written.
    with suppress(OSError, ValueError, AttributeError), Stderr.watch.hidden() if Stderr.watch else nullcontext():
        sys.stderr.write(text)
        sys.stderr.flush()
