"""Many small pieces of a source, folded into one state, mean what a file of the same lines means."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli import Account, summarize
from eventcli.ledger.meaning import meaning_of
from eventcli.ledger.pieces import Piece, Pieces
from eventcli.ledger.recorder import KEEP_REJECTS, Options, Recorder
from eventcli.ledger.store.database import Database
from eventcli.lines.event import Reason, Reject
from logbook import LINES, Logbook

pytestmark = pytest.mark.usefixtures("body")

GIVEN: tuple[dict[str, Any], ...] = ({}, {"salvage": True}, {"max_types": 2}, {"numeric_strings": True})

ODD = (b"\xff\n", b"\0\0\n", b'{"type":"a","value":1}\r\n', b'{"type":"a","value":1}{"type":"b","value":2}\n', b"\r\n")


def add(
    book: Logbook, given: Mapping[str, object], commits: Sequence[Sequence[bytes]], keep: int = KEEP_REJECTS
) -> list[Piece]:
    """Add pieces in several commits; return what became of each."""
    found: list[Piece] = []
    with Database.open_to_write(str(book.ledger), create=True) as database:
        recorder = Recorder(database, meaning_of(database, given), Options(1, reject_limit=2, keep_rejects=keep))
        for pieces in commits:
            with recorder.pieces(recorder.queue("posts")) as adding:
                found += map(adding.add, pieces)
            recorder.commit(is_last=False)
    return found


@given(
    st.sampled_from(GIVEN),
    st.lists(
        st.lists(st.lists(st.one_of(LINES, LINES, st.sampled_from(ODD)), max_size=5).map(b"".join), max_size=4),
        min_size=1,
        max_size=3,
    ),
)
def test_pieces_are_the_lines_of_a_file(given: Mapping[str, Any], commits: list[list[bytes]]) -> None:
    """Totals, account and kept rejects are those of a file, and the account of each piece is that of a file of it."""
    with Logbook(**given) as one, Logbook(**given) as other:
        found = add(one, given, commits)
        pieces = [piece for commit in commits for piece in commit]
        other.append(pieces)
        other.ingest()
        assert one.held() == other.held()
        for piece, (account, rejects) in zip(pieces, found, strict=True):
            said: list[Reject] = []
            alone = summarize(io.BytesIO(piece), on_reject=said.append, **given)
            assert account == alone.account
            assert [one[:5] for one in rejects] == [one[:5] for one in said[:2]]


def fail(adding: Pieces) -> None:
    """Fail after a piece."""
    adding.add(b"bad\n")
    raise RuntimeError


def test_nothing_of_pieces_counts_after_a_failure() -> None:
    """An exception between two pieces leaves the ledger and the room for rejects as they were."""
    with Logbook() as book, Database.open_to_write(str(book.ledger), create=True) as database:
        recorder = Recorder(database, meaning_of(database, {}), Options(1, keep_rejects=100))
        stream = recorder.queue("posts")
        for _ in range(3):
            with pytest.raises(RuntimeError), recorder.pieces(stream) as adding:
                fail(adding)
        with recorder.pieces(stream) as adding:
            assert adding.add(b"bad\n").account == Account(1, 0, {Reason.INVALID_JSON: 1})
        recorder.commit(is_last=True)
        assert database.account().lines == 1
        assert len(list(database.rejects())) == 1
        assert (stream.offset, stream.lines) == (4, 1)


def test_rejects_beyond_the_room_are_counted_and_not_kept() -> None:
    """However many lines are bad, no more of them are held than there is room for."""
    with Logbook() as book:
        add(book, {}, [[b"bad\n" * 10_000, b"bad\n"], [b"bad\n"]], keep=1000)
        held = book.held()
        assert held.account == Account(10_002, 0, {Reason.INVALID_JSON: 10_002})
        assert [offset for offset, _ in held.rejects] == list(range(0, 4 * (1000 // 67), 4))


def test_pieces_are_lines_of_bounded_length() -> None:
    """What has other framings, or may hold a line that is too long, is not added in pieces."""
    with Logbook() as book, Database.open_to_write(str(book.ledger), create=True) as database:
        for given, longest, fits in (
            ({}, 1000, True),
            ({"max_line": 999}, 1000, False),
            ({"framing": "json"}, 1, False),
        ):
            recorder = Recorder(database, meaning_of(database, given))
            assert recorder.fits(longest) is fits
