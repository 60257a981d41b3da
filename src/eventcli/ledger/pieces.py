"""Many pieces of one source, folded into one state: a few hundred small bodies take no longer than one large one.

A run and rows for each would cost 0.9 ms of a processor besides its lines, measured on a busy machine; this way it is
0.07. What the state gains by a piece is the account of that piece, to the line.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from eventcli.folding.bodies import new_fold
from eventcli.ledger.meaning import Meaning
from eventcli.ledger.streams.stream import Stream
from eventcli.lines.event import Reject
from eventcli.lines.parse import explain
from eventcli.summary.account import Account, AccountError
from eventcli.summary.summary import Summary

_NEWLINE: Final = b"\n"


class Piece(NamedTuple):
    """Where the lines of a piece went, and the first of them that were rejected, numbered within the piece."""

    account: Account
    rejects: list[Reject]


class Pieces:
    """Whole lines that follow the position of a stream, one piece after the other, until all are added at once."""

    def __init__(self, stream: Stream, meaning: Meaning, keep: Callable[[Reject], bool], *, examples: int) -> None:
        """`keep` takes a reject of the stream, and returns whether there is room for more.

        The first `examples` rejects of each piece have a message.
        """
        self.stream: Final = stream
        self._query: Final = meaning.query
        self._keep = keep
        self._examples = examples
        self._fold = new_fold(meaning.query)
        self._account = Account()
        self.bytes = 0

    @staticmethod
    def fit(meaning: Meaning, longest: int) -> bool:
        """Whether pieces of at most so many bytes consist of lines that a fold takes, none of which is too long."""
        return not meaning.query.form.is_framed and longest <= meaning.max_line

    def add(self, piece: bytes) -> Piece:
        """Fold whole lines. After an exception, nothing of all pieces may be added."""
        if not piece:
            return Piece(Account(), [])
        stream, before = self.stream, self._account
        found: list[Reject] = []
        is_room = True
        for part in self._fold.add_in_parts(piece):
            for reason, line, start, end in part.marks:
                if not is_room and len(found) >= self._examples:
                    break
                raw = piece[start:end]
                if len(found) < self._examples:
                    found.append(Reject(reason, explain(raw, reason, self._query), raw, len(raw), line + 1))
                if is_room:
                    at = stream.lines + before.lines + line + 1, stream.offset + self.bytes + start
                    is_room = self._keep(Reject(reason, "", raw, len(raw), *at, stream=stream.key))
        self._account = self._fold.account()
        self.bytes += len(piece)
        gained = self._account - before
        if gained.lines != piece.count(_NEWLINE):
            raise AccountError(f"{piece.count(_NEWLINE)} lines were folded, but {gained.lines} are accounted for")
        gained.check()
        return Piece(gained, found)

    def summary(self) -> Summary:
        """Return the Summary of all pieces; AccountError unless it has the account that they had together."""
        summary = self._fold.summary().in_form()
        summary.check()
        if summary.account != self._account:
            raise AccountError(f"the pieces had {self._account}, but all of them {summary.account}")
        return summary
