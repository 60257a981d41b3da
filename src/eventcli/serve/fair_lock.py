"""Whose turn it is to use the ledger: one thread of this process at a time, in the order in which they ask."""

from threading import Condition
from typing import Self


class FairLock:
    """A lock that no thread is kept waiting for by others that came later.

    The locks of SQLite belong to the process: if a thread closes any file that is the ledger, they are all gone (see
    fcntl(2)). So no two threads of a process may use one ledger at the same time. Nothing is lost by that, because a
    commit waits for all readers anyway.
    """

    def __init__(self) -> None:
        self._condition = Condition()
        self._given = 0
        self._served = 0

    def __enter__(self) -> Self:
        with self._condition:
            mine = self._given
            self._given += 1
            self._condition.wait_for(lambda: self._served == mine)
        return self

    def __exit__(self, *exception: object) -> None:
        with self._condition:
            self._served += 1
            self._condition.notify_all()
