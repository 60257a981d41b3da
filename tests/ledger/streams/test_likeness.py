"""Logs whose lines repeat are told apart by their files, and what nothing tells apart is said."""

import gzip
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventcli.ledger.store.database import Database
from eventcli.ledger.streams.content import File, note_place
from eventcli.ledger.streams.likeness import Kin, are_related, of_birth
from eventcli.ledger.streams.stream import Stream
from eventcli.ledger.totals import totals
from logbook import Logbook

BEAT = b'{"type":"beat","value":1}\n'


class Book(Logbook):
    """A ledger of heartbeats."""

    def run(self, *names: str) -> bool:
        """Ingest, and return whether nothing was said."""
        return self.ingest(*names or ("app.log",)).summary.complete

    def counted(self) -> int:
        """Return how many heartbeats were counted."""
        with Database.open_to_read(str(self.ledger)) as database:
            return sum(stats.count for stats in totals(database).types.values())

    def doubts(self) -> list[str]:
        """Return what is not certain."""
        with Database.open_to_read(str(self.ledger)) as database:
            return [one.message for one in database.discontinuities() if not one.settled]

    def beat(self, number: int, name: str = "app.log") -> Path:
        """Write heartbeats to a log, later than whatever was written before."""
        _tick()
        self.append([BEAT] * number, name)
        return self.log(name)

    def begin(self, number: int) -> Path:
        """Write a log of heartbeats from its beginning, in the same file if it is there."""
        _tick()
        with self.log("app.log").open("wb") as file:
            file.write(BEAT * number)
        return self.log("app.log")

    def rename(self, most: int = 9) -> None:
        """Rotate by renaming."""
        for number in range(most, 0, -1):
            if self.log(f"app.log.{number}").exists():
                self.log(f"app.log.{number}").replace(self.log(f"app.log.{min(number + 1, most)}"))
        self.log("app.log").replace(self.log("app.log.1"))
        _tick()


def _tick() -> None:
    """Let so much time pass that two files have not the same time."""
    time.sleep(0.012)


@pytest.fixture
def book(body: str) -> Iterator[Book]:
    """Return a ledger without a log."""
    assert body
    with Book() as made:
        yield made


@pytest.mark.parametrize("is_glob", [False, True])
def test_seven_days_of_one_line(is_glob: bool, book: Book) -> None:  # noqa: FBT001  # a parameter
    """A log that is rotated daily and holds one and the same line every day counts seven lines in seven days."""
    for _ in range(7):
        if book.log("app.log").exists():
            book.rename(most=2)
        book.begin(1)
        names = [path.name for path in book.folder.glob("app.log*")] if is_glob else ["app.log"]
        assert book.run(*sorted(names))
    assert book.counted() == 7
    verdicts = [verdict for _, verdict in book.verify()]
    assert sorted(verdicts) == ["gone"] * 4 + ["proved"] * 3  # a file proves one of them, and no other


def test_seven_days_at_once(book: Book) -> None:
    """Seven generations of one line that are named together count, as they were made one after the other."""
    for _ in range(7):
        if book.log("app.log").exists():
            book.rename()
        book.begin(1)
    assert book.run("app.log", *(f"app.log.{number}" for number in range(1, 7)))
    assert book.counted() == 7


@pytest.mark.parametrize(("before", "after"), [(1000, 2000), (2000, 1000), (3, 3), (1, 1)])
@pytest.mark.parametrize("is_compressed", [False, True])
def test_a_log_that_is_renamed_is_another_one(before: int, after: int, is_compressed: bool, book: Book) -> None:  # noqa: FBT001
    """Heartbeats before and after a rotation all count, also where the old log is compressed at once."""
    book.beat(before)
    assert book.run()
    book.rename()
    book.begin(after)
    if is_compressed:
        _compress(book.log("app.log.1"))
    assert book.run()
    assert book.counted() == before + after
    book.beat(5)
    assert book.run()
    assert book.counted() == before + after + 5
    assert {verdict for _, verdict in book.verify()} == {"proved"}


def _compress(path: Path, *, keep: bool = False) -> None:
    """Compress a file as gzip does, which keeps its time."""
    target = Path(f"{path}.gz")
    target.write_bytes(gzip.compress(path.read_bytes()))
    status = path.stat()
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    if not keep:
        path.unlink()


def test_rotations_between_two_runs(book: Book) -> None:
    """Of several rotations between two runs, every heartbeat counts."""
    book.beat(5)
    assert book.run()
    for number in (3, 7, 2):
        book.rename()
        book.begin(number)
    assert book.run()
    assert book.counted() == 17


def test_a_copied_log_that_became_shorter_began_anew(book: Book) -> None:
    """What is shorter than its copy was cut back: all that is there counts, and what is written later."""
    book.beat(10)
    assert book.run()
    shutil.copyfile(book.log("app.log"), book.log("app.log.1"))
    book.begin(4)
    assert book.run()
    assert book.counted() == 14
    book.beat(20)
    assert book.run()
    assert book.counted() == 34


@pytest.mark.parametrize("after", [5, 8])
def test_a_copied_log_that_may_have_begun_anew(after: int, book: Book) -> None:
    """A log that was copied, and holds as much as before or more, may have begun anew: that is said, once."""
    book.beat(5)
    assert book.run()
    shutil.copyfile(book.log("app.log"), book.log("app.log.1"))
    book.begin(after)
    assert not book.run()
    assert book.counted() == after
    assert len(book.doubts()) == 1
    assert book.run()  # what was said stays in the totals
    assert len(book.doubts()) == 1
    with Database.open_to_read(str(book.ledger)) as database:
        assert not totals(database).complete
    book.beat(1)
    assert book.run()
    assert book.counted() == after + 1


def test_a_log_that_was_written_anew_with_the_same_lines(book: Book) -> None:
    """A log without a copy that holds what it held, and was written to since, may have begun anew: that is said."""
    book.beat(3)
    assert book.run()
    book.begin(3)
    assert not book.run()
    assert len(book.doubts()) == 1
    assert book.run()


def test_another_file_with_the_same_lines_in_place_of_the_log(book: Book) -> None:
    """Where the log is another file, and the old one is nowhere, nothing tells whether it is a copy: that is said."""
    book.beat(3)
    assert book.run()
    (book.folder / "new").write_bytes(BEAT * 4)
    (book.folder / "new").replace(book.log("app.log"))
    assert not book.run()
    assert len(book.doubts()) == 1
    assert book.counted() == 4


@pytest.mark.parametrize("is_glob", [False, True])
def test_a_copy_beside_a_log_that_is_as_it_was(is_glob: bool, book: Book) -> None:  # noqa: FBT001  # a parameter
    """A copy of a log to which nothing was written since is a copy, whatever is in it."""
    book.beat(3)
    _tick()
    _tick()
    assert book.run()
    shutil.copyfile(book.log("app.log"), book.log("app.log.1"))
    assert book.run("app.log", *(["app.log.1"] if is_glob else []))
    assert book.counted() == 3
    assert book.doubts() == []


def test_a_compressed_file_beside_its_original(book: Book) -> None:
    """`gzip -k` leaves two files of one generation, which count once."""
    book.beat(3)
    assert book.run()
    book.rename()
    book.begin(4)
    _compress(book.log("app.log.1"), keep=True)
    assert book.run()
    assert book.run("app.log", "app.log.1", "app.log.1.gz")
    assert book.counted() == 7


def test_links_to_a_log(book: Book) -> None:
    """Hard links are one file, also where their names say that they are generations."""
    book.beat(3)
    assert book.run()
    book.log("app.log.1").hardlink_to(book.log("app.log"))
    book.beat(1)
    assert book.run("app.log", "app.log.1")
    assert book.counted() == 4


def test_a_copy_by_its_name(book: Book) -> None:
    """Of a log and what its name says is a copy of it, nothing proves which it is: it counts once, and is said."""
    book.beat(3)
    shutil.copyfile(book.log("app.log"), book.log("app.log.bak"))
    assert not book.run("app.log", "app.log.bak")
    assert book.counted() == 3
    assert book.run("app.log", "app.log.bak")
    assert book.counted() == 3


@pytest.mark.parametrize("at_once", [False, True])
def test_logs_of_other_names_are_others(at_once: bool, book: Book) -> None:  # noqa: FBT001  # a parameter
    """Two logs with nothing in common but their lines are two, named together or one after the other."""
    book.beat(3, "one.log")
    book.beat(5, "other.log")
    for names in [("one.log", "other.log")] if at_once else [("one.log",), ("other.log",)]:
        assert book.run(*names)
    assert book.counted() == 8


def test_a_job_that_begins_where_another_one_is_gone(book: Book) -> None:
    """A log of another name that holds what a log held that is gone is another one."""
    book.beat(3, "job-1.log")
    assert book.run("job-1.log")
    book.log("job-1.log").unlink()
    book.beat(3, "job-2.log")
    assert book.run("job-2.log")
    assert book.counted() == 6


@pytest.mark.parametrize("lines", [1, 3])
def test_a_header_in_every_generation(lines: int, book: Book) -> None:
    """A log that begins with the same lines in each generation is another one when there is nothing else in it yet."""
    header = [b'{"type":"header-%d","value":1}\n' % number for number in range(lines)]
    book.append([*header, BEAT], "app.log")
    assert book.run()
    book.rename()
    book.append(header, "app.log")
    assert book.run()
    assert book.counted() == 2 * lines + 1
    book.append([b'{"type":"other","value":1}\n'], "app.log")
    assert book.run()
    assert book.counted() == 2 * lines + 2


def test_an_inode_that_is_used_again(book: Book) -> None:
    """A file that was made later is another one, though it has the inode of one that was known."""
    file = File(str(book.beat(1)))
    stream = Stream("key", file.path)
    note_place(stream, file)
    assert file.is_place_of(stream)
    stream.born -= 1
    assert not file.is_place_of(stream)
    stream.born = 0  # not known
    assert file.is_place_of(stream)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("/a/app.log", "/a/app.log.bak", True),
        ("/a/app.log~", "/a/app.log", True),
        ("/a/app.log", "/b/app.log", False),
        ("/a/app.log", "/a/application.log", False),
        ("/a/web-1.log", "/a/web-2.log", False),
    ],
)
def test_names_that_say_that_one_is_a_copy(one: str, other: str, expected: bool) -> None:  # noqa: FBT001  # a parameter
    """One name is that of a copy of the other if it only adds to it."""
    assert are_related(one, other) is expected


def test_a_copy_is_younger_than_the_log_and_a_renamed_log_older_than_its_successor(tmp_path: Path) -> None:
    """Creation times tell a copy from a log that was renamed, and tell nothing of what was copied with its times."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(BEAT)
    _tick()
    second.write_bytes(BEAT)
    if not File(str(first)).born:
        pytest.skip("creation times are not recorded here")
    assert of_birth(File(str(first)), File(str(second))) is Kin.OTHER
    assert of_birth(File(str(second)), File(str(first))) is Kin.SAME
    os.utime(second, (1, 1))
    assert of_birth(File(str(second)), File(str(first))) is Kin.UNSURE
