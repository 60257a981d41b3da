"""Marks tell of two contents whether one is the beginning of the other."""

from hypothesis import given
from hypothesis import strategies as st

from eventcli.reading.fingerprints import WINDOW, marks, proof

LOGS = st.lists(st.binary(max_size=6).map(lambda line: line.replace(b"\n", b"")), min_size=1, max_size=6)


def _ended(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


@given(LOGS, LOGS)
def test_a_beginning_has_its_last_mark_among_those_of_the_whole(lines: list[bytes], more: list[bytes]) -> None:
    """The last mark of whole lines is a mark of everything that begins with them, also of a longer last line."""
    whole = _ended(lines + more)
    assert marks(_ended(lines))[-1] in marks(whole)
    if lines[-1]:
        assert marks(_ended(lines)[:-1])[-1] == marks(_ended(lines))[-1]


@given(LOGS, LOGS)
def test_what_is_no_beginning_has_another_mark(lines: list[bytes], others: list[bytes]) -> None:
    """The last mark of whole lines is a mark of no content that does not begin with them."""
    short, other = _ended(lines), _ended(others)
    if not other.startswith(short[:-1]):
        assert marks(short)[-1] not in marks(other)


def test_nothing_has_no_marks() -> None:
    """An empty beginning proves nothing."""
    assert marks(b"") == ()


def test_a_full_window_has_a_mark_of_its_own() -> None:
    """The first 4 KiB have a mark even if no line ends there."""
    assert marks(b"x" * WINDOW)[-1].startswith(f"{WINDOW}:")


def test_proofs_differ() -> None:
    """Other bytes have another proof."""
    assert proof(b"a") != proof(b"b")
