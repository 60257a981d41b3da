"""What a ledger shows, made again only when the ledger has changed. It knows nothing of HTTP.

The event loop asks for what is there already, and never waits. Only `read` and what calls it use SQLite, on a thread.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from typing import Final, NamedTuple, TypeVar, cast

from eventcli.errors import GapsError
from eventcli.ledger.meaning import MeaningError
from eventcli.ledger.store.database import VERSION, Database
from eventcli.ledger.store.hold import read_head
from eventcli.ledger.store.watch import Version, Watch
from eventcli.lines.bounds import is_moving
from eventcli.serve.fair_lock import FairLock
from eventcli.serve.questions import Question, QuestionError, Rendered, render

_MOST: Final = 256
"""Answers that are kept."""

_MOST_BYTES: Final = 64 * 1024 * 1024

_WHILE: Final = 1.0
"""Seconds for which an answer holds whose bounds are relative to now."""

_SHARE: Final = 10
"""Proving all rows takes at most this part of the time; where it takes milliseconds, that is each time."""

_QUICK: Final = 0.005
"""A ledger that is opened, or proved, in fewer seconds is so after each change. Measured with 67,200 cells on a fast
machine, which takes 17 ms for each: a refresh of the page took 86 ms of CPU with 0.02 here, and takes 24."""

_SCHEMA: Final = slice(60, 64)

_Read = TypeVar("_Read")


class View(NamedTuple):
    """The bytes of an answer, and what they were made from."""

    version: Version
    body: bytes
    tag: str
    """An entity tag: equal bytes have equal ones."""
    missing: tuple[str, ...]
    expires: float


class Views:
    """The answers of one ledger."""

    def __init__(self, path: str, lock: FairLock) -> None:
        """Show the ledger at a path, at which there need not be anything yet."""
        self.path = path
        self._lock = lock
        # One for the event loop and one for the threads, which have the ledger in turns.
        self._seen, self._watch = Watch(path), Watch(path)
        self._database: Database | None = None
        self._opened: Version | None = None
        self._kept: OrderedDict[Question, View] = OrderedDict()
        self._is_copy = False
        self._cost = 0.0
        self._proved_at = self._proof = 0.0

    def version(self) -> Version:
        """Return the version that is in the file, on the event loop."""
        return self._seen.version()

    def current(self, question: Question) -> View | None:
        """Return the answer if it is known, on the event loop."""
        view = self._kept.get(question)
        if view is None or view.version != self._seen.version() or time.monotonic() >= view.expires:
            return None
        return view

    def view(self, question: Question) -> View:
        """Return the answer, on a thread."""

        def made(database: Database, version: Version) -> View:
            view = self._kept.get(question)
            if view is not None and view.version == version and time.monotonic() < view.expires:
                return view  # another request has made it meanwhile
            return _view(render(database, question), version, question)

        view = self.read(made)
        self._keep(question, view)
        return view

    def _keep(self, question: Question, view: View) -> None:
        kept = self._kept
        kept[question] = view
        kept.move_to_end(question)
        while len(kept) > _MOST or (len(kept) > 1 and sum(len(one.body) for one in kept.values()) > _MOST_BYTES):
            kept.popitem(last=False)

    def read(self, function: Callable[[Database, Version], _Read]) -> _Read:
        """Call a function with the ledger and its version, on a thread; all that it reads is one state.

        Raises AbsentError, LedgerError, BusyError or OSError.
        """
        with self._lock:
            try:
                database = self._open()
                with database.snapshot():
                    database.is_new  # noqa: B018  # reads, and so begins the snapshot
                    if not self._is_copy:
                        self._opened = self._watch.version()
                    return function(database, cast("Version", self._opened))
            except (GapsError, MeaningError, QuestionError):
                raise
            except BaseException:
                # Whatever it was, all is checked when it is opened again.
                self._close()
                raise

    def prove(self, database: Database, share: int = _SHARE) -> None:
        """Raise LedgerError if a row is not as written, unless that was proved of nearly the same rows just now."""
        began = time.monotonic()
        if began < self._proved_at + share * self._proof:
            return
        self._proof = 0.0
        database.check_totals()
        now = time.monotonic()
        self._proved_at, self._proof = now, now - began if now - began >= _QUICK else 0.0

    def _open(self) -> Database:
        version, opened = self._watch.version(), self._opened
        if self._database is not None and opened is not None:
            # A change that SQLite did not count was made by something else.
            is_counted = version.counter != opened.counter and version.place == opened.place
            if version == opened or (is_counted and not self._is_copy and self._cost > _QUICK):
                return self._database
        self._close()
        began = time.monotonic()
        head = read_head(self.path)
        self._database = Database.open_to_read(self.path)
        self._cost = time.monotonic() - began
        # A migrated or empty ledger is a copy in memory, which does not change.
        self._is_copy = int.from_bytes(head[_SCHEMA], "big") != VERSION
        self._opened = version
        return self._database

    def _close(self) -> None:
        database, self._database = self._database, None
        self._proof = 0.0
        if database is not None:
            database.__exit__()

    def close(self) -> None:
        """Close the ledger."""
        with self._lock:
            self._close()
            self._watch.close()
        self._seen.close()


def _view(rendered: Rendered, version: Version, question: Question) -> View:
    expires = time.monotonic() + _WHILE if any(map(is_moving, (question.since, question.until))) else float("inf")
    tag = f'"{blake2b(rendered.body, digest_size=16).hexdigest()}"'
    return View(version, rendered.body, tag, rendered.missing, expires)
