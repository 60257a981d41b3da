"""`eventcli.reading.deep`: trees that are deeper than a path may be long are read like any other."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventcli import Status, summarize
from eventcli.reading import deep
from process import GOOD, Ended, open_descriptors, run

DEPTH = 2500


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """Return a directory with logs at its top, in the middle and at the very end."""
    top = tmp_path / "deep"
    top.mkdir()
    directory = os.open(top, os.O_RDONLY)
    for level in range(DEPTH):
        if level in (0, 1200, DEPTH - 1):
            log = os.open("x.log", os.O_WRONLY | os.O_CREAT, dir_fd=directory)
            os.write(log, GOOD)
            os.close(log)
        os.mkdir("d", dir_fd=directory)
        below = os.open("d", os.O_RDONLY, dir_fd=directory)
        os.close(directory)
        directory = below
    os.close(directory)
    yield top
    # Python's own ways to remove a tree call themselves for each level.
    while (top / "d").exists():
        shutil.move(top / "d", tmp_path / "rest")
        shutil.rmtree(top) if not (top / "d").exists() else None
        (tmp_path / "rest").rename(top)
    shutil.rmtree(top)


def test_a_deep_tree_is_read(body: str, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All files count, by the name of the directory and by a glob, from the root and from here; none stays open."""
    before = open_descriptors()
    monkeypatch.chdir(tree.parent)
    for name in (str(tree), "deep", "deep/**/*.log", "deep/" + "*/" * 1200 + "x.log"):
        summary = summarize(name)
        assert summary["a"].count == (1 if name.endswith("*/x.log") else 3), body
        assert summary.complete
    assert open_descriptors() == before


def test_a_deep_file_is_opened(tree: Path) -> None:
    """A file can be named by a path of any length; one that is not there is missing."""
    path = str(tree) + "/d" * (DEPTH - 1)
    assert deep.is_deep(path)
    assert summarize(f"{path}/x.log")["a"].count == 1
    reports = summarize(f"{path}/y", f"{path}/x.log/z", on_problem=lambda _: None).sources
    assert {report.name[-1]: report.status for report in reports} == {"y": Status.MISSING, "z": Status.UNREADABLE}
    with pytest.raises(OSError, match="File name too long"):
        deep.stat("x" * 5000)


def test_a_deep_log_is_kept_in_a_ledger(body: str, tree: Path) -> None:
    """A ledger reads logs by paths of any length, finds them after a rotation, and proves them."""
    assert body

    def go(command: str, *rest: str) -> Ended:
        return run(command, "--ledger", "l.db", *rest, cwd=tree.parent)

    arguments = ("ingest", "deep", "--granularity", "none", "-f", "csv")
    assert go(*arguments) == Ended(0, b"type,count,sum\na,3,3\n", "")
    assert go(*arguments) == Ended(0, b"type,count,sum\n", "")
    directory = deep.open_at(str(tree) + "/d" * (DEPTH - 1), os.O_RDONLY)
    os.rename("x.log", "x.log.1", src_dir_fd=directory, dst_dir_fd=directory)
    for name, event in (("x.log.1", b'{"type":"b","value":2}\n'), ("x.log", b'{"type":"c","value":3}\n')):
        log = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, dir_fd=directory)
        os.write(log, event)
        os.close(log)
    os.close(directory)
    assert go(*arguments) == Ended(0, b"type,count,sum\nb,1,2\nc,1,3\n", "")
    proved = go("verify")
    assert (proved.status, proved.stdout.count(b'"verdict": "proved"')) == (0, 4)
