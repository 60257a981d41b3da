"""Output files are seen whole, keep what belongs to them, and leave nothing behind; stdout is written to its end."""

import errno
import fcntl
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from eventcli.errors import OutputError, ReaderGoneError
from eventcli.reporting import output
from eventcli.reporting.output import OutputFile, write_stdout
from process import GOOD, PATIENCE, Ended, give_up_privileges, open_descriptors, run


def _put(path: Path | str, data: bytes) -> None:
    with OutputFile(str(path)) as file:
        file.write(data)
        file.commit()


def _names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


@contextmanager
def _umask(mask: int) -> Iterator[None]:
    earlier = os.umask(mask)
    yield
    os.umask(earlier)


def _killed_while_writing(path: Path) -> None:
    """Leave behind what a process leaves that is killed while it writes."""
    program = (
        "import os, signal, sys\n"
        "from eventcli.reporting.output import OutputFile\n"
        "file = OutputFile(sys.argv[1])\n"
        "file.write(bytes(100_000))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], timeout=PATIENCE, check=False)
    assert done.returncode < 0


# -------------------------------------------------------------------------------------------- whole or not at all


def test_new_file(tmp_path: Path) -> None:
    """A file that was not there holds what was written, and is the only one."""
    _put(tmp_path / "out", b"new")
    assert (tmp_path / "out").read_bytes() == b"new"
    assert _names(tmp_path) == ["out"]


def test_earlier_file_until_the_commit(tmp_path: Path) -> None:
    """Until the commit whoever reads sees the old file, whole; after it the new one."""
    path = tmp_path / "out"
    path.write_bytes(b"old")
    with OutputFile(str(path)) as file:
        file.write(bytes(1_000_000))
        assert path.read_bytes() == b"old"
        file.commit()
        assert path.read_bytes() == bytes(1_000_000)
    assert _names(tmp_path) == ["out"]


def test_reader_of_the_earlier_file(tmp_path: Path) -> None:
    """A reader that has the old file open reads it to its end: it is replaced, not overwritten."""
    path = tmp_path / "out"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        _put(path, b"new")
        assert reader.read() == b"old"


def test_nothing_without_a_commit(tmp_path: Path) -> None:
    """Without a commit nothing has happened, whether there was a file before or not."""
    (tmp_path / "old").write_bytes(b"old")
    for name in ("old", "new"):
        with OutputFile(str(tmp_path / name)) as file:
            file.write(b"lost")
    assert _names(tmp_path) == ["old"]
    assert (tmp_path / "old").read_bytes() == b"old"


def test_nothing_after_a_failure(tmp_path: Path) -> None:
    """A failure of the caller before the commit leaves the old file and nothing else."""
    (tmp_path / "out").write_bytes(b"old")

    def fail() -> None:
        with OutputFile(str(tmp_path / "out")) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert _names(tmp_path) == ["out"]
    assert (tmp_path / "out").read_bytes() == b"old"


def test_bytes_are_on_disk_before_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes are flushed to the disk before the rename, so that a power cut cannot leave an empty new file."""
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(descriptor: int) -> None:
        calls.append("fsync")
        fsync(descriptor)

    def noted_replace(source: str, target: str) -> None:
        calls.append("replace")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    _put(tmp_path / "out", b"new")
    assert calls == ["fsync", "replace"]


def test_failed_commit(tmp_path: Path) -> None:
    """Where the file cannot take its place any more, OutputError is raised and nothing is left beside it."""
    path = tmp_path / "out"
    with OutputFile(str(path)) as file:
        file.write(b"new")
        path.mkdir()
        (path / "file").touch()
        with pytest.raises(OutputError, match="out: cannot be written: Is a directory"):
            file.commit()
    assert _names(tmp_path) == ["out"]


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    """Neither a commit, nor a run without one, nor a failure leaves a file open."""
    (tmp_path / "folder").mkdir()
    before = open_descriptors()
    _put(tmp_path / "out", b"new")
    with OutputFile(str(tmp_path / "out")):
        pass
    with OutputFile(str(tmp_path / "out")) as file:
        file.remove_target()
    for name in ("folder", "missing/out"):
        with pytest.raises(OutputError):
            OutputFile(str(tmp_path / name))
    assert open_descriptors() == before


# -------------------------------------------------------------------------------------- what belongs to the file


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600), (0o000, 0o666)])
def test_umask_is_honoured(mask: int, mode: int, tmp_path: Path) -> None:
    """A new file has the permissions that any program's new files have under that umask, which stays as it is."""
    with _umask(mask):
        _put(tmp_path / "out", b"new")
        (tmp_path / "other").touch()
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == mode
    assert stat.S_IMODE((tmp_path / "other").stat().st_mode) == mode


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_permissions_are_kept(mode: int, tmp_path: Path) -> None:
    """A file that is replaced keeps its permissions, whatever the umask is."""
    path = tmp_path / "out"
    path.touch()
    path.chmod(mode)
    with _umask(0o077):
        _put(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert path.read_bytes() == b"new"


def test_unfinished_file_is_private(tmp_path: Path) -> None:
    """What is not finished yet can be read by nobody who may not read the result."""
    path = tmp_path / "out"
    path.touch()
    path.chmod(0o600)
    with _umask(0), OutputFile(str(path)):
        modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == {0o600}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_owner_is_kept(tmp_path: Path) -> None:
    """A file that root replaces still belongs to whom it belonged to: a private one stays readable for its owner."""
    path = tmp_path / "out"
    path.touch()
    path.chmod(0o600)
    os.chown(path, 12345, 54321)
    _put(path, b"new")
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 54321)


def test_link_stays_a_link(tmp_path: Path) -> None:
    """Behind symbolic links the file is replaced that they lead to, and the links stay."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(b"old")
    (tmp_path / "second").symlink_to("folder/file")
    (tmp_path / "first").symlink_to("second")
    _put(tmp_path / "first", b"new")
    assert (tmp_path / "first").is_symlink()
    assert (tmp_path / "second").is_symlink()
    assert (tmp_path / "folder" / "file").read_bytes() == b"new"
    assert not (tmp_path / "folder" / "file").is_symlink()
    assert _names(tmp_path) == ["first", "folder", "second"]
    assert _names(tmp_path / "folder") == ["file"]


def test_link_to_nothing(tmp_path: Path) -> None:
    """A link to a file that is not there yet creates that file."""
    (tmp_path / "link").symlink_to("file")
    _put(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"


def test_link_to_itself(tmp_path: Path) -> None:
    """A link that leads nowhere in a circle is an output that cannot be written."""
    (tmp_path / "link").symlink_to("link")
    with pytest.raises(OutputError):
        OutputFile(str(tmp_path / "link"))
    assert (tmp_path / "link").is_symlink()


def test_other_hard_link_keeps_the_old_file(tmp_path: Path) -> None:
    """A second name of the old file keeps the old bytes: the new file is another one."""
    (tmp_path / "out").write_bytes(b"old")
    os.link(tmp_path / "out", tmp_path / "copy")
    _put(tmp_path / "out", b"new")
    assert (tmp_path / "copy").read_bytes() == b"old"


@pytest.mark.parametrize(
    "name", ["x" * 255, "購" * 85, "with space", "two\nlines", "-", ".hidden", "caf\udce9", "a*[b]?"]
)
def test_names(name: str, tmp_path: Path) -> None:
    """Any name that a file can have is fine, the longest ones and those that are no text included."""
    _put(tmp_path / name, b"old")
    _put(tmp_path / name, b"new")
    assert os.listdir(tmp_path) == [name]
    assert (tmp_path / name).read_bytes() == b"new"


def test_relative_path_in_a_folder_that_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path means the folder in which the file was opened."""
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    with OutputFile("out") as file:
        file.write(b"new")
        monkeypatch.chdir(tmp_path / "other")
        file.commit()
    assert _names(tmp_path) == ["other", "out"]


# --------------------------------------------------------------------------------------------- what is no file


def test_directory(tmp_path: Path) -> None:
    """A directory is refused, with a message for people, before anything is written."""
    with pytest.raises(OutputError, match="cannot be written: Is a directory"):
        OutputFile(str(tmp_path))
    assert _names(tmp_path) == []


@pytest.mark.parametrize("name", ["missing/out", "file/out", "x" * 256, ""])
def test_places_that_do_not_exist(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing folder, a file in place of a folder, a name that is too long, and no name are refused."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written: "):
        OutputFile(name)
    assert _names(tmp_path) == ["file"]


def test_device() -> None:
    """A device is written to, not replaced."""
    _put("/dev/null", b"new")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_full_device() -> None:
    """A device that is full is an error, at the latest when the file is to be complete."""
    message = "/dev/full: cannot be written: No space left on device"
    with OutputFile("/dev/full") as file, pytest.raises(OutputError, match=message):
        file.write(bytes(1_000_000))
    with OutputFile("/dev/full") as file:
        file.write(b"little")
        with pytest.raises(OutputError, match=message):
            file.commit()


def test_fifo(tmp_path: Path) -> None:
    """A named pipe is written to, not replaced, and its reader gets everything."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(path.read_bytes()))
    reader.start()
    _put(path, bytes(1_000_000))
    reader.join(PATIENCE)
    assert received == [bytes(1_000_000)]
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_descriptor_by_its_path(tmp_path: Path) -> None:
    """A path that stands for an open pipe, such as /dev/stdout or what a shell gives for `>(...)`, is written to."""
    reading, writing = os.pipe()
    _put(f"/dev/fd/{writing}", b"new")
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == b"new"
    assert _names(tmp_path) == []


@pytest.mark.parametrize("path", ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/thread-self/fd/1", "link"])
@pytest.mark.parametrize("flags", [os.O_TRUNC, os.O_APPEND])
def test_standard_output_by_its_path(path: str, flags: int, tmp_path: Path) -> None:
    """A file that the shell opened is written where the shell left off, and stays the same file."""
    (tmp_path / "link").symlink_to("/dev/stdout")
    (tmp_path / "out").write_bytes(b"old\n")
    before = (tmp_path / "out").stat()
    with open(os.open(tmp_path / "out", os.O_WRONLY | flags), "wb") as out:
        ended = run("-o", path, "-f", "jsonl", stdin=GOOD, stdout=out, cwd=tmp_path)
        out.write(b"next\n")
    assert ended == Ended(0, b"", "")
    earlier = b"old\n" if flags == os.O_APPEND else b""
    assert (tmp_path / "out").read_bytes() == earlier + b'{"type":"a","count":1,"sum":1}\nnext\n'
    assert (tmp_path / "out").stat().st_ino == before.st_ino
    assert _names(tmp_path) == ["link", "out"]


def test_standard_output_takes_no_file_away(tmp_path: Path) -> None:
    """Where no line was rejected, what --rejects shares with the shell is not removed."""
    (tmp_path / "link").symlink_to("/dev/fd/1")
    with (tmp_path / "out").open("wb") as out:
        ended = run("--rejects", "link", "-o", "result", stdin=GOOD, stdout=out, cwd=tmp_path)
    assert ended == Ended(0, b"", "")
    assert _names(tmp_path) == ["link", "out", "result"]


@pytest.mark.parametrize("args", [("-o", "-"), ("-o", "/dev/stdout"), ("--save", "-", "-o", "out")])
def test_reader_of_an_open_descriptor_gone(args: tuple[str, ...], tmp_path: Path) -> None:
    """A reader of standard output that went away is that, by whatever path it was to be written."""
    reading, writing = os.pipe()
    os.close(reading)
    ended = run(*args, stdin=GOOD, stdout=writing, cwd=tmp_path)
    os.close(writing)
    assert (ended.status, ended.stderr) == (141, "")


def test_socket(tmp_path: Path) -> None:
    """A socket is refused, and stays."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
    with pytest.raises(OutputError, match="Is a socket"):
        OutputFile(str(tmp_path / "socket"))
    assert _names(tmp_path) == ["socket"]


def test_what_took_the_place_meanwhile(tmp_path: Path) -> None:
    """A pipe or a link that was put at the target while the run went on is not replaced, nor is what it leads to."""
    (tmp_path / "precious").write_bytes(b"old")
    for make in (os.mkfifo, lambda path: path.symlink_to("precious")):
        path = tmp_path / "out"
        with OutputFile(str(path)) as file:
            file.write(b"new")
            make(path)
            with pytest.raises(OutputError, match="no regular file"):
                file.commit()
        assert not stat.S_ISREG(path.lstat().st_mode)
        path.unlink()
    assert (tmp_path / "precious").read_bytes() == b"old"
    assert _names(tmp_path) == ["precious"]


def test_mount_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be replaced, because it is a mount point, is written in its place, and that can be told."""
    path = tmp_path / "out"
    path.write_bytes(b"old" * 1000)
    inode = path.stat().st_ino

    def refuse(_source: str, _target: str) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    monkeypatch.setattr(os, "replace", refuse)
    with OutputFile(str(path)) as file:
        file.write(b"new")
        file.commit()
        assert file.in_place
    assert path.read_bytes() == b"new"
    assert path.stat().st_ino == inode
    assert _names(tmp_path) == ["out"]


# ------------------------------------------------------------------------------------------------- no leftovers


def _planted(folder: Path, kind: str) -> Path:
    """Put something where a temporary file of `out` might have been left."""
    path = folder / f".out.{'0' * 12}.eventstats-tmp"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        (folder / "precious").touch()
        path.symlink_to("precious")
    elif kind == "folder":
        path.mkdir()
    else:
        path.touch()
        os.chown(path, 12345, 12345)
    return path


@pytest.mark.parametrize("kind", ["pipe", "link", "folder", "of somebody else"])
def test_what_only_looks_like_a_leftover(kind: str, tmp_path: Path) -> None:
    """What others put in a shared folder is neither removed, nor followed, nor waited for."""
    if kind == "of somebody else" and os.geteuid() != 0:
        pytest.skip("only root can give files away")
    planted = _planted(tmp_path, kind)
    before = _names(tmp_path)
    ended = run("-o", "out", stdin=GOOD, cwd=tmp_path)
    assert ended == Ended(0, b"", "")
    assert _names(tmp_path) == sorted([*before, "out"])
    assert os.path.lexists(planted)


def test_leftover_of_a_killed_process_is_removed(tmp_path: Path) -> None:
    """What a killed process left is removed by the next one that writes the same file, committed or not."""
    path = tmp_path / "out"
    path.write_bytes(b"old")
    _killed_while_writing(path)
    assert len(_names(tmp_path)) == 2
    with OutputFile(str(path)):
        pass
    assert _names(tmp_path) == ["out"]
    assert path.read_bytes() == b"old"


def test_leftovers_of_other_files_stay(tmp_path: Path) -> None:
    """Files of other names, similar ones included, are not touched: they may be anybody's."""
    _killed_while_writing(tmp_path / "other")
    for name in (".out", ".out.", ".out.json.tmp", "out.eventstats-tmp", ".outer.abc.eventstats-tmp"):
        (tmp_path / name).touch()
    before = _names(tmp_path)
    _put(tmp_path / "out", b"new")
    assert _names(tmp_path) == sorted([*before, "out"])


def test_two_writers_at_once(tmp_path: Path) -> None:
    """Two writers of one file do not disturb each other; the last commit wins."""
    path = tmp_path / "out"
    with OutputFile(str(path)) as first, OutputFile(str(path)) as second:
        first.write(b"first")
        second.write(b"second")
        assert len(_names(tmp_path)) == 2
        second.commit()
        assert path.read_bytes() == b"second"
        first.commit()
        assert path.read_bytes() == b"first"
    assert _names(tmp_path) == ["out"]


def test_many_writers_at_once(tmp_path: Path) -> None:
    """However many write one file at once, what is seen is always one of them, whole, and no file is left."""
    path = tmp_path / "out"
    _put(path, b"0" * 10_000)
    failures: list[BaseException] = []

    def write(digit: bytes) -> None:
        try:
            for _ in range(20):
                _put(path, digit * 10_000)
        except BaseException as failure:  # noqa: BLE001  # handed to the thread that asserts
            failures.append(failure)

    writers = [threading.Thread(target=write, args=(b"%d" % digit,)) for digit in range(1, 5)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        seen = path.read_bytes()
        assert seen == seen[:1] * 10_000
    for writer in writers:
        writer.join()
    assert not failures
    assert _names(tmp_path) == ["out"]


def test_file_that_was_swept_before_it_was_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A temporary file that another process took for a leftover, because it was not locked yet, is made again."""
    flock = fcntl.flock
    swept: list[str] = []

    def sweep_first(descriptor: int, operation: int) -> None:
        if not swept:
            swept.append(os.readlink(f"/proc/self/fd/{descriptor}"))
            os.unlink(swept[0])
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", sweep_first)
    _put(tmp_path / "out", b"new")
    assert swept
    assert _names(tmp_path) == ["out"]
    assert (tmp_path / "out").read_bytes() == b"new"


def test_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where files cannot be locked output works all the same, and nothing is removed that may be in use."""
    _killed_while_writing(tmp_path / "out")
    leftover = _names(tmp_path)

    def refuse(_descriptor: int, _operation: int) -> None:
        raise OSError("no locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    _put(tmp_path / "out", b"new")
    assert _names(tmp_path) == sorted([*leftover, "out"])


def test_file_system_without_permissions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where permissions cannot be set no temporary file is left, whether that counts as a failure or not."""

    def refuse(_descriptor: int, _mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchmod", refuse)
    with suppress(OutputError):
        _put(tmp_path / "out", b"new")
    assert _names(tmp_path) in ([], ["out"])


# ----------------------------------------------------------------------------------------------- remove_target


def test_remove_target(tmp_path: Path) -> None:
    """An earlier file is removed with what was written; where there was none there is none."""
    (tmp_path / "old").write_bytes(b"old")
    for name in ("old", "new"):
        with OutputFile(str(tmp_path / name)) as file:
            file.write(b"lost")
            file.remove_target()
    assert _names(tmp_path) == []


def test_remove_target_that_is_no_file() -> None:
    """A device is not removed."""
    with OutputFile("/dev/null") as file:
        file.remove_target()
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


# ------------------------------------------------------------------------------------------------- permissions


def test_file_that_may_not_be_written(tmp_path: Path) -> None:
    """A file without write permission stays, though its folder would allow to replace it."""
    (tmp_path / "out").write_bytes(b"old")
    (tmp_path / "out").chmod(0o444)
    ended = run("-o", "out", stdin=GOOD, cwd=tmp_path, before=give_up_privileges)
    assert ended == Ended(4, b"", "eventstats: out: cannot be written: Permission denied\n")
    assert (tmp_path / "out").read_bytes() == b"old"
    assert _names(tmp_path) == ["out"]


def test_folder_that_may_not_be_listed(tmp_path: Path) -> None:
    """A folder that may be written but not listed takes output all the same."""
    folder = tmp_path / "drop"
    folder.mkdir()
    folder.chmod(0o300)
    ended = run("-o", "drop/out", "-f", "jsonl", stdin=GOOD, cwd=tmp_path, before=give_up_privileges)
    folder.chmod(0o700)
    assert ended == Ended(0, b"", "")
    assert _names(folder) == ["out"]


# ---------------------------------------------------------------------------------------------- standard output


@pytest.fixture
def stdout(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """Put a pipe in the place of standard output: both ends of it. A test may close either."""
    ends = os.pipe()
    monkeypatch.setattr(output, "STDOUT", ends[1])
    with ExitStack() as stack:
        for descriptor in ends:
            stack.callback(_close, descriptor)
        yield ends


def _close(descriptor: int) -> None:
    with suppress(OSError):
        os.close(descriptor)


@pytest.mark.parametrize("blocking", [True, False])
def test_stdout_takes_everything(blocking: bool, stdout: tuple[int, int]) -> None:  # noqa: FBT001  # a parameter
    """All bytes arrive, though the pipe takes only some at a time."""
    reading, writing = stdout
    os.set_blocking(writing, blocking)
    data = os.urandom(1_000_000)
    received = bytearray()

    def read() -> None:
        while part := os.read(reading, 1000):
            received.extend(part)

    reader = threading.Thread(target=read)
    reader.start()
    write_stdout(data)
    os.close(writing)
    reader.join(PATIENCE)
    assert received == data


def test_stdout_without_a_reader(stdout: tuple[int, int]) -> None:
    """A reader that went away is told apart from a failure to write."""
    os.close(stdout[0])
    with pytest.raises(ReaderGoneError):
        write_stdout(b"new")


def test_stdout_closed(stdout: tuple[int, int]) -> None:
    """Standard output that is closed is a failure to write."""
    os.close(stdout[1])
    with pytest.raises(OutputError, match="<stdout>: cannot be written: Bad file descriptor"):
        write_stdout(b"new")


def test_nothing_to_write(stdout: tuple[int, int]) -> None:
    """Nothing is written where there is nothing to write, so that an unusable stdout does not matter."""
    os.close(stdout[1])
    write_stdout(b"")
