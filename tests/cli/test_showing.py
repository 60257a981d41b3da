"""What a run adds is shown once: made before the commit, or kept for the next run; and metrics tell of each failure."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from process import TOOL, Ended, run

LINE = b'{"type":"%s","value":%d,"occurred_at":"2020-10-06 10:02:05"}\n'
PROMTOOL = shutil.which("promtool")


def _write(path: Path, *names: str) -> None:
    with path.open("ab") as file:
        file.writelines(LINE % (name.encode(), number) for number, name in enumerate(names, 1))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return a log that was ingested, and that has one line more since."""
    path = tmp_path / "app.log"
    _write(path, "a")
    assert _ingest(tmp_path).status == 0
    _write(path, "b")
    return path


def _ingest(folder: Path, *options: str, **more: object) -> Ended:
    form = () if "-f" in options else ("-f", "jsonl")
    return run("ingest", "--ledger", "l.db", "app.log", *form, *options, cwd=folder, **more)  # type: ignore[arg-type]


def _totals(folder: Path) -> bytes:
    return run("totals", "--ledger", "l.db", "-f", "jsonl", cwd=folder).stdout


def _shell(folder: Path, rest: str, *options: str) -> Ended:
    """Run ingest with its output led somewhere by a shell; app.log need not be there."""
    (folder / "app.log").touch()
    words = [TOOL, "ingest", "--ledger", "l.db", "app.log", "-f", "jsonl", *options]
    done = subprocess.run(["sh", "-c", f'"$@" {rest}', "sh", *words], cwd=folder, capture_output=True, check=False)
    return Ended(done.returncode, done.stdout, done.stderr.decode())


A = b'{"type":"a","count":1,"sum":1}\n'
B = b'{"type":"b","count":1,"sum":1}\n'
C = b'{"type":"c","count":1,"sum":1}\n'


@pytest.mark.parametrize("rest", [">/dev/full", ">&-", "-o /dev/full", "-o link", "--save /dev/full", "--rejects link"])
@pytest.mark.usefixtures("log")
def test_what_cannot_be_written_is_not_added(rest: str, tmp_path: Path) -> None:
    """Where the output proves before the commit that it cannot be written, nothing is added; the next run shows it."""
    (tmp_path / "link").symlink_to("/dev/full")
    if rest.startswith("--rejects"):
        _write(tmp_path / "app.log")
        with (tmp_path / "app.log").open("ab") as file:
            file.write(b"bad\n")
    ended = _shell(tmp_path, rest)
    assert (ended.status, ended.stdout) == (4, b"")
    assert "cannot be written" in ended.stderr
    again = _ingest(tmp_path, "--show-rejects", "0")
    assert again.stdout == B
    assert _totals(tmp_path) == A + B


def _limited(folder: Path, command: str = "ingest", *names: str) -> Ended:
    """Run where standard output is a file that may not grow: only writing tells."""
    # dash counts blocks of 512 bytes; the ledger is smaller than the limit and the output begins at it.
    words = " ".join((command, "--ledger l.db", *(names or ("app.log",))))
    command = f'ulimit -f 512; exec "{TOOL}" {words} -f jsonl >> out'
    with (folder / "out").open("wb") as file:
        file.truncate(512 * 512)
    done = subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, check=False)
    return Ended(done.returncode, done.stdout, done.stderr.decode())


@pytest.mark.usefixtures("log")
def test_what_was_added_and_not_shown_is_shown_by_the_next_run(tmp_path: Path) -> None:
    """Output that fails only after the commit is kept: the status and the message say so, and the next run shows it."""
    ended = _limited(tmp_path)
    assert ended.status == 4
    assert "what was read is in the ledger, but could not be shown: the next run shows it" in ended.stderr
    assert _totals(tmp_path) == A + B
    assert (tmp_path / "out").stat().st_size == 512 * 512
    _write(tmp_path / "app.log", "c")
    again = _limited(tmp_path)  # still not
    assert again.status == 4
    shown = _ingest(tmp_path)
    assert (shown.status, shown.stdout) == (0, B + C)
    assert "also shows what an earlier run added" in shown.stderr
    assert _ingest(tmp_path) == Ended(0, b"", "")
    assert _totals(tmp_path) == A + B + C
    connection = sqlite3.connect(tmp_path / "l.db")
    statuses = [status for (status,) in connection.execute("SELECT status FROM runs ORDER BY id")]
    connection.close()
    assert statuses == [0, 4, 4, 0, 0]


@pytest.fixture
def repaired(log: Path) -> Path:
    """Return a ledger's repaired line, which would become an event of the type c."""
    with log.open("ab") as file:
        file.write((LINE % (b"c", 1)).replace(b":1,", b':"1",'))
    assert _ingest(log.parent).status == 0
    record = run("rejects", "--ledger", "l.db", cwd=log.parent).stdout
    path = log.parent / "repaired.jsonl"
    path.write_bytes(record.replace(rb":\"1\",", b":1,"))
    return path


def test_what_was_replayed_and_not_shown_is_shown_by_the_next_run(repaired: Path) -> None:
    """A replay whose output fails after the commit is shown by the next run; before it, nothing is added."""
    folder = repaired.parent
    before = _totals(folder)
    full = subprocess.run(
        ["sh", "-c", f'exec "{TOOL}" replay --ledger l.db repaired.jsonl > /dev/full'],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    assert full.returncode == 4
    assert b"nothing was added to the ledger" in full.stderr
    assert _totals(folder) == before
    ended = _limited(folder, "replay", "repaired.jsonl")
    assert ended.status == 4
    assert "could not be shown: the next run shows it" in ended.stderr
    assert _totals(folder) == before + C
    _write(folder / "app.log", "d")
    shown = _ingest(folder)
    assert (shown.status, shown.stdout) == (0, C + C.replace(b'"c"', b'"d"'))
    assert _ingest(folder) == Ended(0, b"", "")


def test_a_replay_shows_what_an_earlier_run_could_not(repaired: Path) -> None:
    """What could not be shown is shown by the next run that adds, whether it ingests or replays."""
    folder = repaired.parent
    _write(folder / "app.log", "d")
    assert _limited(folder).status == 4
    shown = run("replay", "--ledger", "l.db", "repaired.jsonl", "-f", "jsonl", cwd=folder)
    assert (shown.status, shown.stdout) == (0, C + C.replace(b'"c"', b'"d"'))
    assert "also shows what an earlier run added" in shown.stderr
    assert _ingest(folder) == Ended(0, b"", "")


@pytest.mark.usefixtures("log")
def test_what_cannot_be_shown_is_not_forgotten(tmp_path: Path) -> None:
    """Runs show what is added, never what is taken out: if that cannot be shown, it is not taken out."""
    assert _ingest(tmp_path).status == 0
    before = _totals(tmp_path)
    ended = _limited(tmp_path, "forget")
    assert ended.status == 4
    assert "nothing was taken out of the ledger" in ended.stderr
    assert _totals(tmp_path) == before
    assert run("forget", "--ledger", "l.db", "app.log", "-f", "jsonl", cwd=tmp_path) == Ended(0, before, "")
    assert _totals(tmp_path) == b""


@pytest.mark.usefixtures("log")
def test_a_reader_that_went_away(tmp_path: Path) -> None:
    """Where the reader of the output is gone before the commit, nothing is added."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [TOOL, "ingest", "--ledger", "l.db", "app.log"],
        cwd=tmp_path,
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")
    assert _ingest(tmp_path).stdout == B


def test_a_run_that_fails_after_it_committed_a_part(tmp_path: Path) -> None:
    """What a run committed before it failed, the next one shows with the rest."""
    for name in ("a", "b", "c"):
        _write(tmp_path / f"{name}.log", name)
    ended = _shell(tmp_path, "a.log b.log c.log >/dev/full", "--commit-every", "1")
    assert ended.status == 4
    assert "a part was added to the ledger before that: the next run shows it, and reads the rest" in ended.stderr
    assert A + B in _totals(tmp_path)
    shown = _ingest(tmp_path, "a.log", "b.log", "c.log")
    assert (shown.status, shown.stdout) == (0, A + B + C)
    assert _totals(tmp_path) == A + B + C


@pytest.mark.usefixtures("log")
def test_readers_do_not_make_a_run_fail(tmp_path: Path) -> None:
    """A run waits for who reads the ledger, and reads nothing in vain."""
    connection = sqlite3.connect(tmp_path / "l.db")
    cursor = connection.execute("SELECT * FROM settings")
    cursor.fetchone()
    with subprocess.Popen(
        [TOOL, "ingest", "--ledger", "l.db", "app.log", "-f", "jsonl"], cwd=tmp_path, stdout=subprocess.PIPE
    ) as process:
        time.sleep(1)
        assert process.poll() is None
        cursor.close()
        connection.close()
        assert process.communicate()[0] == B
        assert process.returncode == 0


# ---- metrics


def _success(folder: Path) -> tuple[str, float]:
    text = (folder / "l.prom").read_bytes().decode()
    if PROMTOOL:
        done = subprocess.run([PROMTOOL, "check", "metrics"], input=text.encode(), capture_output=True, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, b"")
    (success,) = re.findall(r"^eventstats_last_run_success\{.*\} ([01])$", text, re.MULTILINE)
    (moment,) = re.findall(r"^eventstats_last_run_timestamp_seconds\{.*\} ([0-9]+)$", text, re.MULTILINE)
    assert text.count("# HELP eventstats_last_run_success Whether the last run ended with exit status 0.\n") == 1
    return success, float(moment)


METRICS = ("-f", "prometheus", "-o", "l.prom")


def _damage(folder: Path) -> None:
    data = bytearray((folder / "l.db").read_bytes())
    data[-60:] = bytes(60)
    (folder / "l.db").write_bytes(b"SQLite format 3\0" + bytes(200))


def _fill(folder: Path) -> None:
    with (folder / "app.log").open("ab") as file:
        file.write(b"bad\n" * 3)


@pytest.mark.parametrize(
    ("prepare", "options", "status"),
    [
        (_fill, ("--strict",), 1),
        (_fill, ("--max-rejects", "1"), 1),
        (lambda _: None, ("--type-field", "other"), 2),
        (lambda folder: (folder / "app.log").unlink(), (), 3),
        (lambda _: None, ("--save", "/dev/full"), 4),
        (_damage, (), 5),
    ],
)
@pytest.mark.usefixtures("log")
def test_metrics_say_that_a_run_failed(
    prepare: Callable[[Path], object], options: tuple[str, ...], status: int, tmp_path: Path
) -> None:
    """Whatever a run failed for, its metrics have its time, and no success."""
    assert _ingest(tmp_path, *METRICS).status == 0
    assert _success(tmp_path)[0] == "1"
    prepare(tmp_path)
    _write(tmp_path / "app.log", "c") if (tmp_path / "app.log").exists() else None
    before = time.time()
    ended = _ingest(tmp_path, *METRICS, *options, "none.log" if status == 3 else "app.log")
    assert ended.status == status
    success, moment = _success(tmp_path)
    assert (success, moment >= int(before)) == ("0", True)
    text = (tmp_path / "l.prom").read_text()
    assert ("eventstats_events_total{" in text) == (status != 5)


@pytest.mark.usefixtures("log")
def test_metrics_of_a_run_that_was_kept_out(tmp_path: Path) -> None:
    """A run that another one kept out for too long, or that a signal ended, is a failed one, too."""
    assert _ingest(tmp_path, *METRICS).status == 0
    os.mkfifo(tmp_path / "slow.log")
    words = [TOOL, "ingest", "--ledger", "l.db", "slow.log", *METRICS]
    with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE) as process:
        descriptor = os.open(tmp_path / "slow.log", os.O_WRONLY)
        time.sleep(0.3)
        (tmp_path / "l.prom").unlink()
        assert _ingest(tmp_path, *METRICS).status == 75
        assert _success(tmp_path)[0] == "0"
        (tmp_path / "l.prom").unlink()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == -signal.SIGTERM
        os.close(descriptor)
    assert _success(tmp_path)[0] == "0"


def test_every_number_is_one_for_prometheus(tmp_path: Path) -> None:
    """Sums that no double holds are infinite, names of any kind are escaped, and the checker has nothing to say."""
    lines = (
        b'{"type":"big","value":1e308}\n{"type":"big","value":1e308}\n{"type":"low","value":-1e308}\n'
        b'{"type":"low","value":-1e308}\n{"type":"small","value":1e-300}\n{"type":"a\\"\\\\\\n\\r\\u0000","value":5}\n'
    )
    (tmp_path / "app.log").write_bytes(lines)
    labels = ("--label", 'site=a"\\b\nc', "--label", "shop=1")
    assert _ingest(tmp_path, *METRICS, *labels).status == 0
    assert _success(tmp_path)[0] == "1"
    text = (tmp_path / "l.prom").read_bytes().decode()
    rest = f'ledger="{tmp_path}/l.db",site="a\\"\\\\b\\nc",shop="1"'
    assert f'eventstats_event_values{{type="big",{rest}}} +Inf\n' in text
    assert f'eventstats_event_values{{type="low",{rest}}} -Inf\n' in text
    assert all(rest in line for line in text.split("\n") if line and not line.startswith("#"))


@pytest.mark.parametrize("label", ["type=x", "outcome=x", "1a=x", "a-b=x", "__a=x", "é=x", "a", "=x", "le=1"])
def test_labels_that_are_none(label: str, tmp_path: Path) -> None:
    """A label that Prometheus does not take, or that the metrics have, is wrong usage."""
    (tmp_path / "app.log").write_bytes(LINE % (b"a", 1))
    ended = _ingest(tmp_path, *METRICS, "--label", label)
    assert (ended.status, ended.stdout) == (2, b"")
    assert "--label" in ended.stderr
    assert not (tmp_path / "l.db").exists()


def test_two_ledgers_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    """By default the label says where the ledger is; an empty value leaves it out, and another one takes its place."""
    texts = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "app.log").write_bytes(LINE % (b"a", 1))
        assert _ingest(tmp_path / name, *METRICS).status == 0
        texts |= set(re.findall(r'ledger="[^"]*"', (tmp_path / name / "l.prom").read_text()))
    assert texts == {f'ledger="{tmp_path}/one/l.db"', f'ledger="{tmp_path}/two/l.db"'}
    assert b"ledger" not in _ingest(tmp_path / "one", "-f", "prometheus", "--label", "ledger=").stdout
    assert b'{ledger="shop"}' in _ingest(tmp_path / "one", "-f", "prometheus", "--label", "ledger=shop").stdout
