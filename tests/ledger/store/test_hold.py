"""The file of a ledger is a regular file, is made for its owner, and nothing that another one made is removed."""

import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from eventcli.ledger.store.hold import BusyError, Hold, LedgerError, read_head


def _device(path: Path) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes devices")


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        here = Path.cwd()
        os.chdir(path.parent)  # the path of a socket is short
        try:
            one.bind(path.name)
        finally:
            os.chdir(here)


def _link(path: Path) -> None:
    path.symlink_to(os.devnull)


@pytest.mark.parametrize("make", [_device, os.mkfifo, Path.mkdir, _socket, _link])
@pytest.mark.parametrize("writes", [True, False])
def test_what_is_no_regular_file_is_refused(make: object, writes: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """A device, a pipe, a directory, a socket and a link to one are no ledgers; they are not opened, and stay."""
    path = tmp_path / "ledger"
    make(path)  # type: ignore[operator]
    before = os.lstat(path)
    with pytest.raises(LedgerError, match="a ledger is a regular file"):
        _ = Hold(str(path), create=True, wait=0) if writes else read_head(str(path))
    after = os.lstat(path)
    assert (after.st_ino, after.st_mode, after.st_mtime_ns) == (before.st_ino, before.st_mode, before.st_mtime_ns)


def test_only_what_this_run_made_is_removed(tmp_path: Path) -> None:
    """A new file that stays empty is removed again; an empty file that was there is not, nor what a link leads to."""
    path, there, link = tmp_path / "new", tmp_path / "there", tmp_path / "link"
    there.touch(0o640)
    link.symlink_to(there)
    for one in (path, there, link):
        Hold(str(one), create=True, wait=0).release()
    assert sorted(os.listdir(tmp_path)) == ["link", "there"]
    assert stat.S_IMODE(there.stat().st_mode) == 0o640


def test_what_took_its_place_is_not_removed(tmp_path: Path) -> None:
    """A file that another program put in the place of the one that was made stays, and so does one with content."""
    for content in (b"", b"x"):
        path = tmp_path / "ledger"
        hold = Hold(str(path), create=True, wait=0)
        if content:
            path.write_bytes(content)
        else:
            (tmp_path / "other").touch()
            (tmp_path / "other").replace(path)
        hold.release()
        assert path.read_bytes() == content
        path.unlink()


def test_a_file_that_another_run_holds_is_not_removed(tmp_path: Path) -> None:
    """A run that does not get the lock removes nothing."""
    path = tmp_path / "ledger"
    first = Hold(str(path), create=True, wait=0)
    with pytest.raises(BusyError):
        Hold(str(path), create=True, wait=0)
    assert path.exists()
    first.release()
    assert not path.exists()


def test_a_link_to_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A link that leads nowhere yet is a new ledger where it leads to."""
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "target")
    hold = Hold(str(link), create=True, wait=0)
    assert stat.S_IMODE((tmp_path / "target").stat().st_mode) == 0o600
    hold.release()
    assert sorted(os.listdir(tmp_path)) == ["link"]
    assert link.is_symlink()


def test_waiting_for_the_lock(tmp_path: Path) -> None:
    """Who waits gets the lock when it is let go, of the file that is there then."""
    path = tmp_path / "ledger"
    first = Hold(str(path), create=True, wait=0)
    timer = threading.Timer(0.2, first.release)
    timer.start()
    second = Hold(str(path), create=True, wait=30)
    timer.join()
    assert path.exists()
    second.release()
    assert not path.exists()
