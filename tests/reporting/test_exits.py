"""`eventcli.errors`: the exit statuses are a promise to scripts."""

from eventcli import ExitCode


def test_the_exit_statuses_are_the_documented_ones() -> None:
    """The numbers that scripts test for are these and no others."""
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0,
        "DATA": 1,
        "USAGE": 2,
        "INCOMPLETE": 3,
        "OUTPUT": 4,
        "LEDGER": 5,
        "BUG": 70,
        "BUSY": 75,
        "INTERRUPTED": 130,
        "READER_GONE": 141,
        "TERMINATED": 143,
    }


def test_every_exit_status_has_a_meaning_of_its_own() -> None:
    """Each exit status is explained in words, and no two in the same ones."""
    meanings = [code.meaning for code in ExitCode]
    assert all(meanings)
    assert len(set(meanings)) == len(meanings)


def test_an_exit_status_fits_the_operating_system() -> None:
    """A status is a number of one byte, and no two outcomes share it."""
    assert all(isinstance(code, int) and 0 <= code < 256 for code in ExitCode)
    assert len({int(code) for code in ExitCode}) == len(ExitCode.__members__)
