"""What is asked of the cells of a ledger is what a look at each of them tells."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given
from hypothesis import strategies as st

from eventcli.consume.bodies import Bodies
from eventcli.ledger.recorder import Options
from eventcli.ledger.turns import Turns
from logbook import FAST, GOOD_LINES


@given(lines=st.lists(GOOD_LINES, max_size=20), max_types=st.integers(1, 5))
@example(lines=[], max_types=1)
def test_starts_are_those_of_the_cells(lines: list[bytes], max_types: int) -> None:
    """The starts of all buckets, the last of them and those of some types are in the cells, and no others."""
    with (
        TemporaryDirectory(dir=FAST) as folder,
        Turns(str(Path(folder, "ledger")), {"max_types": max_types}, Options(jobs=1)) as turns,
        turns.turn(1) as recorder,
    ):
        recorder.read(Bodies(recorder.queue("redis://memory"), lines, "1"))
        recorder.commit(is_last=True)
        database = recorder.database
        cells = [(row[0], row[1]) for row in database.rows()]
        assert sorted(database.starts()) == sorted({start for _, start in cells})
        assert database.last_start() == max((start for _, start in cells), default="")
        for names in ((), ("a",), ("c", "b", "c"), ("nothing", "d")):
            assert sorted(database.starts(names)) == sorted({start for name, start in cells if name in names})
