"""A ledger that a long run shares with others: it is locked for one commit at a time, and stays open in between.

A run that lasts for months must not keep cron's `ingest` out. Opening a ledger checks all of it, which takes 20 ms at
5 MB: so the connection stays, and what it knows is checked and read again only if somebody else wrote.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from eventcli.ledger.meaning import Meaning, meaning_of
from eventcli.ledger.recorder import Options, Recorder
from eventcli.ledger.store.database import Database
from eventcli.ledger.store.watch import AbsentError, Version, Watch


class Turns:
    """Gives the recorder of a ledger to one commit after the other. Use it as a context."""

    def __init__(self, path: str, given: Mapping[str, Any], options: Options = Options()) -> None:  # noqa: B008  # immutable
        """Take where the ledger is, the settings that were given for it, and how to read."""
        self.path = path
        self._given = given
        self._options = options
        self._database: Database | None = None
        self._recorder: Recorder | None = None
        self._watch = Watch(path)
        self._version: Version | None = None
        """The version that this process left in the file."""
        self._before: Version | None = None
        self.creates = True
        """Whether a ledger that is not there is created."""
        self.meaning: Meaning | None = None
        """What the numbers of the ledger mean, since the first turn."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._close()
        self._watch.close()

    @property
    def last(self) -> Recorder | None:
        """The recorder of the last turn: what the run has come to."""
        return self._recorder

    @property
    def versions(self) -> tuple[Version | None, Version | None]:
        """The version of the ledger that the last turn found, and the one that it left; None if there was none."""
        return self._before, self._version

    @contextmanager
    def turn(self, wait: float) -> Iterator[Recorder]:
        """Lock the ledger, waiting at most `wait` seconds for other runs, and let it go at the end.

        Raises what `Database.open_to_write` and `meaning_of` do. What was not committed is undone, also in the tally.
        """
        database = self._taken(wait)
        recorder = self._current(database)
        before = recorder.tally.copy()
        try:
            yield recorder
        except BaseException:
            recorder.tally = before
            self._close()
            raise
        recorder.tally.condense()
        if database.is_new:
            self._close()  # which removes it
        else:
            self._version = self._watch.version()
            database.let_go()

    def _taken(self, wait: float) -> Database:
        """Return the locked ledger, opened and checked again if it is not what this process left there."""
        if self._database is not None:
            try:
                if self._database.take(wait) and self._watch.version() == self._version:
                    self._before = self._version
                    return self._database
            except (FileNotFoundError, AbsentError):
                pass
            self._close()
        self._database = Database.open_to_write(self.path, create=self.creates, wait=wait)
        self._before = None if self._database.is_new else self._watch.version()
        return self._database

    def _current(self, database: Database) -> Recorder:
        """Return a recorder that knows what is in the ledger now, and what the run has come to."""
        before = self._recorder
        if before is not None and before.database is database:
            return before
        try:
            self.meaning = meaning_of(database, self._given)
            recorder = Recorder(database, self.meaning, self._options)
        except BaseException:
            self._close()
            raise
        if before is not None:
            recorder.tally, recorder.committed = before.tally, before.committed
        self._recorder = recorder
        return recorder

    def _close(self) -> None:
        if self._database is not None:
            with self._database:
                pass
        self._database = None
