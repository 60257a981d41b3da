"""`eventcli.text`: nothing from outside reaches a terminal as a command."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eventcli.text import EXCERPT, excerpt, printable

ANY_TEXT = st.text(st.characters(), max_size=100)  # lone surrogates included

LONG = st.builds(bytes.__mul__, st.binary(min_size=1, max_size=8), st.integers(1, 200))


@given(ANY_TEXT)
@example("\x1b[31m\u202e\x9b\ud800\u200b\u2028")
def test_text_becomes_printable(text: str) -> None:
    """What is shown has no control, bidirectional, invisible or unpaired characters, and is encodable."""
    shown = printable(text)
    assert shown.isprintable()
    assert all(unicodedata.category(character)[0] != "C" for character in shown)
    shown.encode("utf-8")


@given(st.text(max_size=50).filter(str.isprintable))
def test_printable_text_stays_as_it_is(text: str) -> None:
    """Text that is safe to show is shown as it is."""
    assert printable(text) == text


@given(ANY_TEXT.filter(lambda text: "\\" not in text))
def test_what_is_escaped_can_be_read_back(text: str) -> None:
    """Escapes are those of Python, so the original can be told from what is shown."""
    shown = printable(text)
    kept = "".join(character for character in text if character.isprintable())
    read_back = ""
    while shown:
        length = {"\\x": 4, "\\u": 6, "\\U": 10}.get(shown[:2], 2) if shown[0] == "\\" else 1
        token, shown = shown[:length], shown[length:]
        read_back += token.encode("ascii").decode("unicode_escape") if length > 1 else token
    assert read_back == text
    assert len(kept) <= len(text)


@given(st.one_of(st.binary(), LONG, ANY_TEXT.map(lambda text: text.encode("utf-8", "surrogatepass"))))
@example("😀".encode() * 80)
@example(b"a" + "😀".encode() * 80)
@example(b"x" * 80)
@example(b"x" * 81)
@example(b"\x1b" * 80)
def test_an_excerpt_is_short_and_printable(raw: bytes) -> None:
    """An excerpt has at most 80 characters, all of them printable; it ends with an ellipsis where something was cut."""
    shown = excerpt(raw)
    assert len(shown) <= EXCERPT == 80
    assert shown.isprintable()
    whole = printable(raw.decode("utf-8", "backslashreplace"))
    if len(whole) <= 80 and len(raw) <= 80:
        assert shown == whole
    else:
        assert shown == whole[: len(shown) - 1] + "…" or shown == whole


@pytest.mark.parametrize(("length", "cut"), [(0, False), (80, False), (81, True), (100_000, True)])
def test_where_an_excerpt_is_cut(length: int, cut: bool) -> None:  # noqa: FBT001  # a parameter of the table
    """80 characters are shown whole, 81 are cut."""
    assert excerpt(b"x" * length).endswith("…") == cut
