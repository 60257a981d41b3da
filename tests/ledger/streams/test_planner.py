"""What is to be read is found whatever happens to files meanwhile, and what cannot be read is said."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eventcli.ledger.store.database import Database
from eventcli.ledger.streams.content import File
from eventcli.ledger.streams.planner import Planner
from eventcli.ledger.streams.registry import Registry
from eventcli.ledger.totals import totals
from eventcli.summary.sources import SourceReport, Status
from logbook import Logbook
from surveys import refuse


def _line(number: int) -> bytes:
    return b'{"type":"a","value":%d}\n' % number


class Book(Logbook):
    """A ledger of numbered lines."""

    def write(self, first: int, last: int, name: str = "app.log") -> Path:
        """Write lines to a log."""
        self.append([_line(number) for number in range(first, last)], name)
        return self.log(name)

    def run(self, *names: str, **options: object) -> list[tuple[Status, str]]:
        """Ingest, and return what was said."""
        said: list[SourceReport] = []
        self.ingest(*names or ("app.log",), on_problem=said.append, **options)
        return [(one.status, one.message) for one in said]

    def counted(self) -> int:
        """Return how many lines were counted."""
        with Database.open_to_read(str(self.ledger)) as database:
            return totals(database).account.lines

    def is_complete(self) -> bool:
        """Return whether nothing is missing in the totals."""
        with Database.open_to_read(str(self.ledger)) as database:
            return totals(database).complete


@pytest.fixture
def book() -> Iterator[Book]:
    """Return a ledger without a log."""
    with Book() as made:
        yield made


ERRORS = [
    PermissionError(13, "Permission denied"),
    OSError(24, "Too many open files"),
    OSError(5, "Input/output error"),
]


@pytest.mark.parametrize("error", ERRORS, ids=["rights", "descriptors", "disk"])
def test_a_sibling_that_cannot_be_read(error: OSError, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rotated log that cannot be read is said as what it is in every run, and read as soon as it can be."""
    book.write(0, 10)
    assert book.run() == []
    book.write(10, 15).rename(book.log("app.log.1"))
    book.write(20, 23)
    refused = {"app.log.1"}
    refuse(monkeypatch, refused, error)
    for number in range(3):
        assert book.run() == [(Status.UNREADABLE, error.strerror)]
        assert book.counted() == 13 + number
        book.write(23 + number, 24 + number)
    refused.clear()
    assert book.run() == []
    assert book.counted() == 21
    assert book.is_complete()


def test_a_generation_between_that_cannot_be_read(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """A generation that nobody has read is said until it can be, also after further rotations."""
    book.write(0, 10)
    assert book.run() == []
    book.log("app.log").rename(book.log("app.log.2"))
    book.write(10, 15, "app.log.1")
    book.write(20, 23)
    refused = {"app.log.1"}
    refuse(monkeypatch, refused, ERRORS[0])
    assert book.run() == [(Status.UNREADABLE, "Permission denied")]
    assert book.run() == [(Status.UNREADABLE, "Permission denied")]
    for number in (3, 2):
        book.log(f"app.log.{number - 1}").rename(book.log(f"app.log.{number}"))
    book.log("app.log").rename(book.log("app.log.1"))
    book.write(30, 31)
    refused.clear()
    refused.add("app.log.2")
    assert book.run() == [(Status.UNREADABLE, "Permission denied")]
    refused.clear()
    assert book.run() == []
    assert book.counted() == 19
    assert book.is_complete()


def test_a_sibling_of_before_that_cannot_be_read(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was rotated before a log was first asked for does not count, so nobody is told that it cannot be read."""
    book.write(0, 10, "app.log.1")
    book.write(10, 12)
    refused = {"app.log.1"}
    refuse(monkeypatch, refused, ERRORS[0])
    assert book.run() == []
    book.log("app.log.1").rename(book.log("app.log.2"))
    book.log("app.log").rename(book.log("app.log.1"))
    book.write(12, 13)
    refused.clear()
    refused.add("app.log.2")
    assert book.run() == []
    assert book.counted() == 3


def _move(book: Book, source: str, target: str) -> None:
    shutil.copytree(book.log(source), book.log(target))
    shutil.rmtree(book.log(source))


@pytest.mark.parametrize("runs", [1, 3])
@pytest.mark.parametrize("name", ["app.log.2", "app.log.1"])
@pytest.mark.parametrize("lines", [0, 3])
def test_a_log_that_moved_cannot_be_read_there(
    lines: int, name: str, runs: int, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where what identifies a log that moved cannot be read, that is said, and nothing is missing once it can be."""
    book.log("old").mkdir()
    book.write(100, 150, "old/app.log.1")
    book.write(0, 10, "old/app.log")
    assert book.run("old/app.log") == []
    book.log("old/app.log.1").rename(book.log("old/app.log.3"))
    book.write(10, 15, "old/app.log").rename(book.log("old/app.log.2"))
    is_late = not lines  # the writer goes on in a rotated file
    book.write(15, 15 if is_late else 20, "old/app.log.1")
    book.write(20, 20 + lines, "old/app.log")
    if name == "app.log.1":  # nothing but the file that is read last says which log it is
        book.log("old/app.log.1").unlink()
        book.log("old/app.log.3").unlink()
        book.log("old/app.log.2").rename(book.log("old/app.log.1"))
    expected = 15 + lines + 5 * (name == "app.log.2")
    _move(book, "old", "new")
    refused = {name, "app.log.3"}
    refuse(monkeypatch, refused, ERRORS[0])
    for _ in range(runs):
        said = book.run("new/app.log")
        assert said
        assert set(said) == {(Status.UNREADABLE, "Permission denied")}
        assert book.counted() == 10 + lines
    if is_late and name == "app.log.2":
        book.write(15, 20, "new/app.log.1")
    if runs > 1:  # rotated meanwhile
        for number in (3, 2, 1):
            if book.log(f"new/app.log.{number}").exists():
                book.log(f"new/app.log.{number}").rename(book.log(f"new/app.log.{number + 1}"))
        book.log("new/app.log").rename(book.log("new/app.log.1"))
        book.write(30, 31, "new/app.log")
        expected += 1
    refused.clear()
    for _ in range(2):
        assert book.run("new/app.log") == []
        assert book.counted() == expected
    assert book.is_complete()


def test_a_log_that_moved_whose_own_file_cannot_be_read(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rotated log that could never be read counts as soon as it can be, also where the log could not be read, too."""
    book.log("old").mkdir()
    book.write(0, 10, "old/app.log")
    assert book.run("old/app.log") == []
    book.log("old/app.log").unlink()
    book.write(10, 15, "old/app.log.1")
    book.write(20, 25, "old/app.log")
    refused = {"app.log.1"}
    refuse(monkeypatch, refused, ERRORS[0])
    assert book.run("old/app.log") == [(Status.UNREADABLE, "Permission denied")]
    assert book.counted() == 15
    _move(book, "old", "new")
    refused.clear()
    refused.add("app.log")
    assert book.run("new/app.log") == [(Status.UNREADABLE, "Permission denied")]
    refused.clear()
    book.run("new/app.log")
    assert book.counted() == 20


def test_a_log_of_the_same_name_that_is_gone(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was rotated before a log was asked for does not count, also where it might have been another log first."""
    book.log("old").mkdir()
    book.log("new").mkdir()
    book.write(0, 10, "old/app.log")
    assert book.run("old/app.log") == []
    shutil.rmtree(book.log("old"))
    book.write(100, 110, "new/app.log.2")
    book.write(110, 120, "new/app.log.1")
    book.write(120, 130, "new/app.log")
    refused = {"app.log.1"}
    refuse(monkeypatch, refused, ERRORS[0])
    for _ in range(2):
        assert book.run("new/app.log") == [(Status.UNREADABLE, "Permission denied")]
        assert book.counted() == 20
    refused.clear()
    assert book.run("new/app.log") == []
    refused.add("app.log.1")
    book.write(130, 131, "new/app.log")
    assert book.run("new/app.log") == []
    assert book.counted() == 21
    assert book.is_complete()


def test_a_named_file_that_cannot_be_read(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rotated log that is named and cannot be read is not lost."""
    book.write(0, 10)
    assert book.run() == []
    book.write(10, 12).rename(book.log("app.log.1"))
    book.write(12, 13)
    refused = {"app.log.1"}
    refuse(monkeypatch, refused, ERRORS[0])
    assert book.run("app.log", "app.log.1") == [(Status.UNREADABLE, "Permission denied")]
    refused.clear()
    assert book.run("app.log", "app.log.1") == []
    assert book.counted() == 13
    assert book.is_complete()


def test_a_folder_that_cannot_be_listed(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where siblings cannot be listed, the folder is said, and what is sought is not lost."""
    book.write(0, 10)
    assert book.run() == []
    book.write(10, 12).rename(book.log("app.log.1"))
    book.write(12, 13)

    def refuse(_: object) -> list[str]:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", refuse)
        assert book.run() == [(Status.UNREADABLE, "Permission denied")]
    assert book.run() == []
    assert book.counted() == 13


@pytest.mark.parametrize("is_read", [False, True])
def test_a_sibling_that_was_away(is_read: bool, book: Book) -> None:  # noqa: FBT001  # a parameter
    """A rotated log that was moved away is read in the first run that finds it again."""
    book.write(0, 10)
    assert book.run() == []
    if is_read:
        book.log("app.log").rename(book.log("app.log.1"))
        book.write(100, 101)
        assert book.run() == []
        book.log("app.log.1").rename(book.folder / "away")
        assert book.run() == []  # it was read to its end
        book.write(10, 15, "away")
    else:
        book.write(10, 15).rename(book.folder / "away")
        book.write(100, 101)
        assert [status for status, _ in book.run()] == [Status.DISCONTINUITY]
        assert not book.is_complete()
    (book.folder / "away").rename(book.log("app.log.1"))
    assert book.run() == []
    assert book.counted() == 16
    assert book.is_complete()


def _between(monkeypatch: pytest.MonkeyPatch, name: str, change: Callable[[], object], *, times: int = 1) -> None:
    """Let something happen whenever a method of a file is called, so often at most."""
    original = getattr(File, name)
    done: list[bool] = []

    def method(file: File, *arguments: object) -> object:
        if len(done) < times:
            done.append(True)
            change()
        return original(file, *arguments)

    monkeypatch.setattr(File, name, method)


METHODS = ["descriptor", "_open", "_pread", "whole_lines", "window", "proves", "peek", "is_head_unchanged", "read_into"]


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("is_compressed", [False, True])
def test_a_rotation_while_files_are_looked_at(
    name: str,
    is_compressed: bool,  # noqa: FBT001  # a parameter
    book: Book,
    body: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A log that is renamed and compressed at any moment of a run is looked at anew, and counts once in two runs."""
    assert body
    book.write(0, 10)
    assert book.run() == []
    book.write(10, 15).rename(book.log("app.log.1"))
    book.write(20, 23)

    def rotate() -> None:
        import gzip  # noqa: PLC0415

        old, new = book.log("app.log.1"), book.log("app.log.2")
        if is_compressed:
            book.log("app.log.2.gz").write_bytes(gzip.compress(old.read_bytes()))
            old.unlink()
        else:
            old.rename(new)
        book.log("app.log").rename(old)
        book.write(30, 32)

    _between(monkeypatch, name, rotate)
    assert book.run() == []
    monkeypatch.undo()
    assert book.run() == []
    assert book.counted() == 20
    assert book.is_complete()


@pytest.mark.parametrize("name", METHODS)
def test_a_log_that_vanishes_while_it_is_looked_at(name: str, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is removed at any moment of a run is missing in it, and the others are read."""
    book.write(0, 10, "one.log")
    book.write(10, 15)
    _between(monkeypatch, name, book.log("app.log").unlink, times=1)
    assert {status for status, _ in book.run("app.log", "one.log")} <= {Status.MISSING}
    monkeypatch.undo()
    book.run("app.log", "one.log")
    assert book.counted() in (10, 15)


def test_a_file_that_fails_whenever_it_is_looked_at(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be read in the middle is said, and the others are read."""
    book.write(0, 10, "one.log")
    book.write(10, 15)
    original = File.window

    def window(file: File, end: int) -> bytes | None:
        if os.path.basename(file.path) == "app.log":
            with file._failing():  # noqa: SLF001  # as its own errors
                raise OSError(5, "Input/output error")
        return original(file, end)

    monkeypatch.setattr(File, "window", window)
    assert book.run("app.log", "one.log") == [(Status.UNREADABLE, "Input/output error")]
    assert book.run("app.log", "one.log") == [(Status.UNREADABLE, "Input/output error")]
    assert book.counted() == 10
    monkeypatch.undo()
    assert book.run("app.log", "one.log") == []
    assert book.counted() == 15


def test_few_files_are_open_at_any_moment(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of however many files, hardly any is open, in the first run and in later ones."""
    names = [f"{number}.log" for number in range(300)]
    for number, name in enumerate(names):
        book.write(number, number + 1, name)
    most = 0
    original = File._open  # noqa: SLF001  # where every file is opened

    def open_(file: File) -> int:
        nonlocal most
        descriptor = original(file)
        most = max(most, len(os.listdir("/proc/self/fd")))
        return descriptor

    monkeypatch.setattr(File, "_open", open_)
    before = len(os.listdir("/proc/self/fd"))
    assert book.run(*names) == []
    book.write(1000, 1001, names[-1])
    assert book.run(*names) == []
    assert book.counted() == 301
    assert most < before + 20


def test_what_was_not_written_to_is_not_opened(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later run opens the files only that were written to since."""
    import time  # noqa: PLC0415

    names = [f"{number}.log" for number in range(5)]
    for number, name in enumerate(names):
        book.write(number, number + 1, name)
    time.sleep(0.06)  # so that what was written is certainly seen
    assert book.run(*names) == []
    book.write(10, 11, "3.log")
    opened = set()
    original = File._open  # noqa: SLF001  # where every file is opened

    def open_(file: File) -> int:
        opened.add(os.path.basename(file.path))
        return original(file)

    monkeypatch.setattr(File, "_open", open_)
    assert book.run(*names) == []
    assert opened == {"3.log"}
    assert book.counted() == 6


def test_rotated_files_in_another_folder(book: Book) -> None:
    """Rotated files are found in a folder that is named for them, in that run and in later ones; it may be empty."""
    old = book.folder / "old"
    old.mkdir()
    book.write(0, 10)
    assert book.run(olddirs=[str(old)]) == []
    for number in range(2):
        for generation in (2, 1):
            if (old / f"app.log.{generation}").exists():
                (old / f"app.log.{generation}").rename(old / f"app.log.{generation + 1}")
        book.write(10 + 10 * number, 15 + 10 * number).rename(old / "app.log.1")
        book.write(100 + number, 101 + number)
        assert book.run() == []
        assert book.counted() == 10 + 6 * (number + 1)
    assert book.is_complete()


def test_the_message_of_a_loss_names_what_may_cure_it(book: Book) -> None:
    """Who keeps rotated files elsewhere is told how to say so."""
    old = book.folder / "old"
    old.mkdir()
    book.write(0, 10)
    assert book.run() == []
    book.write(10, 12).rename(old / "app.log.1")
    book.write(100, 101)
    ((status, message),) = book.run()
    assert status is Status.DISCONTINUITY
    assert "--olddir" in message
    assert book.run(olddirs=[str(old)]) == []
    assert book.counted() == 13
    assert book.is_complete()


@pytest.mark.parametrize("is_in_place", [False, True])
def test_a_log_that_was_edited(is_in_place: bool, book: Book) -> None:  # noqa: FBT001  # a parameter
    """A log from which a line was taken out was edited, and not lost: how many lines count again is said."""
    log = book.write(0, 10)
    assert book.run() == []
    lines = log.read_bytes().splitlines(keepends=True)
    edited = log if is_in_place else book.folder / "edited"
    edited.write_bytes(b"".join([*lines[:4], *lines[5:], _line(10)]))
    edited.replace(log)
    ((status, message),) = book.run()
    assert status is Status.DISCONTINUITY
    assert "was edited" in message
    assert "9 lines" in message
    assert "eventstats forget" in message
    assert book.counted() == 20


def test_a_log_that_was_edited_beside_a_copy(book: Book) -> None:
    """A log that was edited, of which a copy of what it was is kept beside it, counts again, and that is said."""
    log = book.write(0, 10)
    assert book.run() == []
    shutil.copyfile(log, book.log("app.log.1"))
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([*lines[:4], *lines[5:]]))
    ((status, message),) = book.run()
    assert status is Status.DISCONTINUITY
    assert "4 lines that had been counted" in message
    assert book.counted() == 19
    assert book.run() == []


def test_streams_of_a_plan_that_failed_are_forgotten(book: Book) -> None:
    """A plan that is made anew knows nothing of what an earlier one had begun."""
    book.write(0, 1)
    registry = Registry([])
    planner = Planner(registry, iter("ab").__next__)
    planner.plan([str(book.log("app.log"))])
    assert len(list(registry)) == 1
    planner.undo()
    assert list(registry) == []
    shutil.rmtree(book.folder)
    book.folder.mkdir()
