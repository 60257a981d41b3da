"""A ledger that a process writes to for as long as it lives, in turns with other programs.

`ingest` locks a ledger from its start to its end. What lasts must not: it takes the lock for each transaction. What it
knows of the ledger stays true if nobody else has written meanwhile. Then a turn costs a transaction and nothing else;
otherwise the ledger is opened and checked again, as at the start of any run.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from eventcli.ledger.meaning import Meaning
from eventcli.ledger.recorder import Options, Recorder
from eventcli.ledger.store import schema
from eventcli.ledger.store.database import Database
from eventcli.ledger.store.hold import Hold, LedgerError
from eventcli.ledger.store.watch import Version, Watch
from eventcli.text import name_of


class LentDatabase(Database):
    """A ledger whose lock can be given back and taken again."""

    def release(self) -> None:
        """Give the lock back: others may write from now on."""
        if self._hold is not None:
            self._hold.release()
            self._hold = None

    def retake(self, hold: Hold) -> None:
        """Go on with a new lock."""
        self._hold = hold

    def messages_from(self, key: str, beginning: str) -> list[str]:
        """Return the keys of counted messages of a queue that begin so; LedgerError if one is not as written."""
        number = None if self.is_new else self.id_of(key)
        found = []
        query = (
            f"SELECT message, proof = {schema.proof('messages')} FROM messages"  # noqa: S608  # constants
            " WHERE stream = ? AND message >= ? AND message < ?"
        )
        for message, is_right in self._rows(query, number, beginning, beginning + chr(sys.maxunicode)):
            if not is_right:
                raise LedgerError(f"{name_of(self.path)}: damaged: a row of messages is not what was written")
            found.append(message)
        return found


class SharedLedger:
    """Gives out a recorder, one turn at a time. Only one thread may use it."""

    def __init__(self, path: str, meaning_in: Callable[[Database], Meaning], options: Options) -> None:
        """`meaning_in` returns what the numbers of the opened ledger mean. MeaningError if they mean something else."""
        self.path = path
        self._meaning_in = meaning_in
        self._options = options
        self._watch = Watch(path)
        self._database: LentDatabase | None = None
        self._recorder: Recorder | None = None
        self._version: Version | None = None
        """The version that this process left in the file."""

    @contextmanager
    def turn(self, *, create: bool = False, wait: float = 0) -> Iterator[tuple[LentDatabase, Recorder]]:
        """Lock the ledger, and give out a recorder that knows its state; the block reads, and commits.

        If the block fails, nothing of it counts. Raises FileNotFoundError, BusyError, LedgerError, MeaningError or
        OutputError.
        """
        database, recorder = self._begin(create=create, wait=wait)
        try:
            yield database, recorder
            # Before the lock is given back: nobody else has written yet.
            self._version = self._watch.version()
        except BaseException:
            self.close()
            raise
        database.release()

    def _begin(self, *, create: bool, wait: float) -> tuple[LentDatabase, Recorder]:
        if self._database is not None and self._recorder is not None:
            hold = Hold(self.path, create=False, wait=wait)
            try:
                is_same = self._watch.version() == self._version
            except BaseException:
                hold.release()
                raise
            if is_same:
                self._database.retake(hold)
                return self._database, self._recorder
            hold.release()
            self.close()
        database = LentDatabase.open_to_write(self.path, create=create, wait=wait)
        try:
            recorder = Recorder(database, self._meaning_in(database), self._options)
        except BaseException:
            database.__exit__()
            raise
        self._database, self._recorder = database, recorder
        return database, recorder

    def close(self) -> None:
        """Close the ledger; the next turn opens it again."""
        database, self._database = self._database, None
        self._recorder = self._version = None
        if database is not None:
            database.__exit__()
        self._watch.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
