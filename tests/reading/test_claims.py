"""`eventcli.reading.claims`: of the sources that lead to the same file, the first one counts."""

from hypothesis import given
from hypothesis import strategies as st

from eventcli.reading.claims import Claims

FILES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5), st.integers(0, 2)), max_size=20)
"""Device, inode and argument of each of some files."""


@given(FILES, st.integers(1, 5))
def test_the_first_source_of_a_file_counts(files: list[tuple[int, int, int]], size: int) -> None:
    """However many sources are found together, each file counts under its first name, which is told of the others."""
    claims = Claims()
    names = [f"{number}" for number in range(len(files))]
    own: dict[int, int] = {}
    for start in range(0, len(files), size):
        some = files[start : start + size]
        places = claims.places(names[start : start + size], [origin for _, _, origin in some])
        assert list(places) == list(range(start, start + len(some)))
        for device in (0, 1):
            mine = [(place, inode) for place, (other, inode, _) in zip(places, some, strict=True) if other == device]
            first = claims.claim_all(device, [inode for _, inode in mine], [place for place, _ in mine])
            own |= {place: holder for (place, _), holder in zip(mine, first, strict=True)}
    for place, (device, inode, origin) in enumerate(files):
        one = [(other, number) for other, number, _ in files].index((device, inode))
        assert own[place] == one == claims.holder((device, inode)) == claims.claim((device, inode), 99)
        assert claims.path(place) == names[place]
        assert claims.name_instead(place, one) == ("" if files[one][2] == origin else names[one])


def test_a_claim_is_given_up_by_whoever_has_it() -> None:
    """A file may count under another name when the source that has it gives it up, or it is passed on."""
    claims = Claims()
    key = (1, 2)
    assert list(claims.places(["a", "b"], [0, 1])) == [0, 1]
    assert claims.holder(key) is None
    claims.give_up(key, 0)
    assert claims.claim(key, 0) == claims.claim(key, 1) == 0
    claims.give_up(key, 1)
    assert claims.holder(key) == 0
    claims.give_up(key, 0)
    assert claims.claim(key, 1) == 1
    assert claims.pass_on(key, 0) == claims.holder(key) == 0
    assert claims.holder((None, "https://example.org/")) is None
