"""The commands of the ledger, as users and cron call them."""

import gzip
import json
import os
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

import click
import pytest

from eventcli import ExitCode, dump, load, summarize
from eventcli.cli.families import ledger_commands as commands
from process import TOOL, Ended, end, give_up_privileges, run, start

LINE: Final = b'{"type":"a","value":1,"occurred_at":"2020-10-06 10:02:05"}\n'
BAD: Final = b'{"type":"a","value":"x"}\n'

OPTIONS: Final = [
    (name, option)
    for name, command in commands().items()
    for option in command.params
    if isinstance(option, click.Option) and option.name != "help"
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return a log of three lines."""
    path = tmp_path / "app.log"
    path.write_bytes(LINE * 3)
    return path


@pytest.fixture
def go(tmp_path: Path) -> Callable[..., Ended]:
    """Return what runs a command with the ledger `shop.db`."""

    def go(command: str, *args: str, **options: object) -> Ended:
        return run(command, "--ledger", "shop.db", *args, cwd=tmp_path, **options)  # type: ignore[arg-type]

    return go


def _rows(ended: Ended) -> list[object]:
    return [json.loads(line) for line in ended.stdout.splitlines()]


def _add(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


@pytest.mark.parametrize(("name", "option"), OPTIONS, ids=lambda part: part if isinstance(part, str) else part.opts[-1])
def test_every_option_has_a_variable_and_help(name: str, option: click.Option) -> None:
    """Each option of each command can be set as EVENTSTATS_ and its name, and says what it is for."""
    long_name = max((one for one in option.opts if one.startswith("--")), key=len)
    assert option.envvar == "EVENTSTATS_" + long_name.removeprefix("--").replace("-", "_").upper()
    assert option.help
    assert long_name.encode() in _help_of(name)


@cache
def _help_of(name: str) -> bytes:
    return run(name, "--help").stdout


def test_a_second_run_adds_nothing(log: Path, go: Callable[..., Ended], body: str) -> None:
    """What was read once is not read again, and a clean run writes nothing to stderr."""
    assert body
    assert go("ingest", "app.log", "-f", "jsonl") == Ended(0, b'{"type":"a","count":3,"sum":3}\n', "")
    assert go("ingest", "app.log") == Ended(0, b"[]\n", "")
    _add(log, LINE)
    assert go("ingest", "app.log", "-f", "jsonl") == Ended(0, b'{"type":"a","count":1,"sum":1}\n', "")
    assert go("ingest", "app.log", "-f", "jsonl", "--totals") == Ended(0, b'{"type":"a","count":4,"sum":4}\n', "")
    assert go("totals", "-f", "jsonl") == Ended(0, b'{"type":"a","count":4,"sum":4}\n', "")


def test_a_last_line_without_its_newline_is_pending(log: Path, go: Callable[..., Ended], tmp_path: Path) -> None:
    """A line that is not ended is not read, counts as pending, and is read whole the next time."""
    _add(log, LINE[:20])
    assert go("ingest", "app.log", "-f", "jsonl", "--save", "saved") == Ended(
        0, b'{"type":"a","count":3,"sum":3}\n', ""
    )
    assert json.loads((tmp_path / "saved").read_bytes())["sources"][0]["pending"] == 20
    assert b"pending_lines 1\n" in go("ingest", "app.log", "-f", "prometheus", "--label", "ledger=").stdout
    _add(log, LINE[20:] + BAD + b"x")
    ended = go("ingest", "app.log", "-f", "jsonl", "--show-rejects", "0")
    assert ended.stdout == b'{"type":"a","count":1,"sum":1}\n'
    account = "2 lines = 1 accepted + 1 rejected + 0 filtered + 0 blank (bad_value 1); 1 pending"
    assert ended.stderr == f"eventstats: {account}\n"


@pytest.mark.usefixtures("log")
def test_a_lost_rest_is_said(go: Callable[..., Ended], tmp_path: Path) -> None:
    """A rest that is found nowhere is a discontinuity: printed, recorded, exit status 3, until it is taken note of."""
    go("ingest", "app.log")
    (tmp_path / "new").write_bytes(LINE.replace(b"1", b"2", 1))
    (tmp_path / "new").replace(tmp_path / "app.log")
    refused = go("ingest", "app.log", "--require-continuity")
    assert (refused.status, refused.stdout) == (3, b"")
    assert "nothing was added" in refused.stderr
    assert go("totals").status == 0
    ended = go("ingest", "app.log", "-f", "jsonl")
    assert (ended.status, ended.stdout) == (3, b'{"type":"a","count":1,"sum":2}\n')
    assert f"discontinuity: what followed byte {3 * len(LINE)} may be lost" in ended.stderr
    assert go("ingest", "app.log").status == 0
    shown = go("totals", "-f", "jsonl")
    assert (shown.status, shown.stdout) == (3, b'{"type":"a","count":4,"sum":5}\n')
    assert "discontinuity" in shown.stderr
    assert go("verify", "--acknowledge").status == 3  # the old log is gone
    assert go("totals").status == 0


@pytest.mark.usefixtures("log")
def test_other_settings_are_refused(go: Callable[..., Ended]) -> None:
    """Settings that give numbers their meaning are kept; other ones are wrong usage, and say what the ledger has."""
    assert go("ingest", "app.log", "--type-field", "type", "--granularity", "day").status == 0
    assert go("ingest", "app.log").status == 0
    for option in (["--type-field", "kind"], ["--count-only"], ["--salvage"], ["--input-tz", "Europe/Berlin"]):
        ended = go("ingest", "app.log", *option)
        assert (ended.status, ended.stdout) == (2, b"")
        assert f"{option[0] if option[0] != '--count-only' else '--value-field'}" in ended.stderr
        assert "the ledger was begun with" in ended.stderr
    assert go("ingest", "app.log", "--granularity", "hour").status == 2
    assert go("totals", "--by", "hour").status == 2


def test_settings_are_used_by_later_runs(log: Path, go: Callable[..., Ended]) -> None:
    """What the first run was told, later runs know."""
    log.write_bytes(b'{"kind":"a","n":{"x":"5"}}\n')
    go("ingest", "app.log", "--type-field", "kind", "--value-field", "n.x", "--numeric-strings")
    _add(log, b'{"kind":"a","n":{"x":"7"}}\n')
    assert go("ingest", "app.log", "-f", "jsonl") == Ended(0, b'{"type":"a","count":1,"sum":7}\n', "")


def test_totals_in_buckets_of_time(log: Path, go: Callable[..., Ended]) -> None:
    """Hours are kept in UTC; buckets that are made of whole hours can be asked for, also in other zones; no others."""
    log.write_bytes(
        b'{"type":"a","value":1,"occurred_at":"2020-10-06 22:30:00"}\n'
        b'{"type":"a","value":2,"occurred_at":"2020-10-06 23:30:00"}\n'
        b'{"type":"b","value":4}\n'
    )
    go("ingest", "app.log")
    by_day = b"start,type,count,sum\n,b,1,4\n2020-10-06T00:00:00+00:00,a,2,3\n"
    assert go("totals", "--by", "day", "-f", "csv").stdout == by_day
    berlin = b"start,type,count,sum\n,b,1,4\n2020-10-07T00:00:00+02:00,a,2,3\n"
    assert go("totals", "--by", "day", "--tz", "Europe/Berlin", "-f", "csv").stdout == berlin
    kolkata = go("totals", "--by", "hour", "--tz", "Asia/Kolkata")
    assert kolkata.status == 2
    assert "keeps whole hours" in kolkata.stderr
    since = ["--since", "2020-10-06 23:00", "-f", "jsonl"]
    assert go("totals", *since).stdout == b'{"type":"a","count":1,"sum":2}\n'
    assert go("totals", "--until", "2020-10-06 23:00", "-f", "jsonl").stdout == b'{"type":"a","count":1,"sum":1}\n'
    assert "--since lies within a bucket" in go("totals", "--since", "2020-10-06 23:15").stderr
    saved = go("totals", *since, "--save", "saved", "--type", "a", "--type", "never")
    assert saved.stdout == b'{"type":"a","count":1,"sum":2}\n{"type":"never","count":0,"sum":0}\n'


@pytest.mark.usefixtures("log")
def test_totals_without_times(go: Callable[..., Ended]) -> None:
    """A ledger without granularity keeps no times, and says so."""
    go("ingest", "app.log", "--granularity", "none")
    assert go("totals", "-f", "jsonl").stdout == b'{"type":"a","count":3,"sum":3}\n'
    for option in (["--by", "day"], ["--since", "2020-10-06"]):
        assert "keeps no times" in go("totals", *option).stderr


def test_rejects_are_repaired_once(log: Path, go: Callable[..., Ended], tmp_path: Path) -> None:
    """Rejects are written out, repaired and replayed; each counts once, and moves from rejected to accepted."""
    log.write_bytes(LINE + BAD + b"\xff\n" + LINE)
    assert go("ingest", "app.log", "--rejects", "first").status == 0
    written = go("rejects")
    assert [row["offset"] for row in map(json.loads, written.stdout.splitlines())] == [len(LINE), len(LINE + BAD)]
    assert [json.loads(line)["stream"] for line in (tmp_path / "first").read_text().splitlines()]
    repaired = written.stdout.replace(rb"\"x\"", b"7")
    (tmp_path / "repaired").write_bytes(repaired + repaired)
    ended = go("replay", "repaired", "-f", "jsonl")
    assert (ended.status, ended.stdout) == (0, b'{"type":"a","count":1,"sum":7}\n')
    assert "invalid_utf8" in ended.stderr
    assert go("replay", "repaired", "-f", "jsonl").stdout == b""
    assert go("totals", "-f", "jsonl").stdout == b'{"type":"a","count":3,"sum":9}\n'
    assert "4 lines = 3 accepted + 1 rejected + 0 filtered + 0 blank (invalid_utf8 1)" in go("totals").stderr
    assert len(go("rejects").stdout.splitlines()) == 1
    assert go("verify").status == 0


def test_what_is_no_reject_is_not_replayed(log: Path, go: Callable[..., Ended], tmp_path: Path) -> None:
    """Accepted lines, unknown streams and other files are told with their place, and add nothing."""
    log.write_bytes(LINE + BAD)
    go("ingest", "app.log")
    reject = json.loads(go("rejects").stdout)
    fine = {"raw": LINE.decode().strip()}
    records = [
        reject | fine | {"offset": 0, "reason": "invalid_json"},
        reject | fine | {"stream": "other"},
        {"raw": "x"},
        reject | {"raw": 5},
        reject | fine | {"offset": -1},
        [],
    ]
    (tmp_path / "records").write_text("\n".join(map(json.dumps, records)) + "\nnot JSON\n")
    ended = go("replay", "records")
    assert (ended.status, ended.stdout) == (1, b"[]\n")
    assert [line.split(":")[2] for line in ended.stderr.splitlines()] == ["3", "4", "5", "6", "7", "1", "2"]
    several = reject | {"raw": f"{LINE.decode()}{LINE.decode()}"}
    (tmp_path / "records").write_text(json.dumps(several))
    assert "its repair has several" in go("replay", "records").stderr
    assert go("totals", "-f", "jsonl").stdout == b'{"type":"a","count":1,"sum":1}\n'


def test_rejects_are_kept_up_to_a_size(log: Path, go: Callable[..., Ended]) -> None:
    """All rejects are counted, and as many kept as fit; one that was not kept can be replayed from --rejects."""
    log.write_bytes(BAD * 100 + LINE)
    go("ingest", "app.log", "--keep-rejects", "1K", "--rejects", "all")
    kept = go("rejects").stdout.splitlines()
    assert 5 < len(kept) < 20
    everything = (log.parent / "all").read_bytes()
    (log.parent / "repaired").write_bytes(everything.replace(rb"\"x\"", b"1"))
    assert go("replay", "repaired", "-f", "jsonl").stdout == b'{"type":"a","count":100,"sum":100}\n'
    assert go("replay", "repaired").stdout == b"[]\n"
    assert go("totals", "-f", "jsonl").stdout == b'{"type":"a","count":101,"sum":101}\n'


def test_verify_tells_what_is_proved(log: Path, go: Callable[..., Ended], tmp_path: Path) -> None:
    """Streams that are on disk are proved, also compressed; what is gone, and what was changed, is told."""
    go("ingest", "app.log")
    log.rename(tmp_path / "app.log.1")
    log.write_bytes(LINE.replace(b"1", b"2", 1) * 300)
    go("ingest", "app.log")
    (tmp_path / "app.log.1.gz").write_bytes(gzip.compress((tmp_path / "app.log.1").read_bytes()))
    (tmp_path / "app.log.1").unlink()
    ended = go("verify")
    assert (ended.status, [row["verdict"] for row in map(json.loads, ended.stdout.splitlines())]) == (0, ["proved"] * 2)
    (tmp_path / "app.log.1.gz").rename(tmp_path / "elsewhere")
    gone = go("verify")
    assert (gone.status, [row["verdict"] for row in map(json.loads, gone.stdout.splitlines())]) == (
        3,
        ["gone", "proved"],
    )
    assert "app.log.1: gone" in gone.stderr
    assert go("verify", "elsewhere").status == 0
    data = bytearray(log.read_bytes())
    data[9000:9200] = data[9000:9200].replace(b"2,", b"3,")
    log.write_bytes(data)
    changed = go("verify", "elsewhere")
    assert (changed.status, [row["verdict"] for row in map(json.loads, changed.stdout.splitlines())]) == (
        1,
        ["proved", "different"],
    )


@pytest.mark.usefixtures("log")
def test_verify_finds_a_changed_number(go: Callable[..., Ended], tmp_path: Path) -> None:
    """A total that was changed behind the back of the ledger is found, even if no stream is on disk any more."""
    go("ingest", "app.log")
    (tmp_path / "app.log").unlink()
    connection = sqlite3.connect(tmp_path / "shop.db")
    connection.execute("UPDATE totals SET sum = '4'")
    connection.commit()
    connection.close()
    ended = go("verify")
    assert ended.status == ExitCode.LEDGER
    assert "the totals are not what the streams added" in ended.stderr


@pytest.mark.usefixtures("log")
def test_pruning_forgets_streams_and_keeps_totals(go: Callable[..., Ended], tmp_path: Path) -> None:
    """Streams that are gone for long enough are forgotten; what they added stays, and can be proved to add up."""
    go("ingest", "app.log")
    assert go("verify", "--prune", "0").stderr == ""
    (tmp_path / "app.log").unlink()
    assert "forgotten" not in go("verify", "--prune", "1").stderr
    assert "1 streams were forgotten" in go("verify", "--prune", "0").stderr
    assert go("totals", "-f", "jsonl") == Ended(0, b'{"type":"a","count":3,"sum":3}\n', "")
    assert go("verify") == Ended(0, b"", "")


@pytest.mark.usefixtures("log")
def test_a_clock_that_jumps_back(go: Callable[..., Ended], tmp_path: Path) -> None:
    """A ledger that was last written in the future goes on; nothing is pruned by a clock that stands before that."""
    go("ingest", "app.log")
    connection = sqlite3.connect(tmp_path / "shop.db")
    connection.execute(
        "UPDATE streams SET first_seen = '2999-01-01T00:00:00+00:00', last_seen = first_seen WHERE id > 0"
    )
    connection.execute("UPDATE streams SET last_seen = '2999-01-01T00:00:00+00:00' WHERE id > 0")
    connection.execute("UPDATE runs SET started_at = '2999-01-01T00:00:00+00:00'")
    connection.commit()
    connection.close()
    assert go("ingest", "app.log") == Ended(0, b"[]\n", "")
    _add(tmp_path / "app.log", LINE)
    assert go("ingest", "app.log", "-f", "jsonl").stdout == b'{"type":"a","count":1,"sum":1}\n'
    connection = sqlite3.connect(tmp_path / "shop.db")
    connection.execute("UPDATE streams SET last_seen = '2999-01-01T00:00:00+00:00' WHERE id > 0")
    connection.commit()
    connection.close()
    (tmp_path / "app.log").unlink()
    assert "forgotten" not in go("verify", "--prune", "0").stderr


def test_strict_adds_nothing(log: Path, go: Callable[..., Ended]) -> None:
    """With --strict or --max-rejects, a run with too many bad lines adds nothing, and the next one reads them again."""
    _add(log, BAD)
    for option in (["--strict"], ["--max-rejects", "0"]):
        ended = go("ingest", "app.log", *option)
        assert (ended.status, ended.stdout) == (1, b"")
        assert "nothing was added to the ledger" in ended.stderr
        assert not (log.parent / "shop.db").exists()
    assert go("ingest", "app.log", "--max-rejects", "1", "-f", "jsonl").stdout == b'{"type":"a","count":3,"sum":3}\n'


def test_every_line_rejected(log: Path, go: Callable[..., Ended]) -> None:
    """A ledger in which nothing was ever accepted asks for a look; a single bad line later does not."""
    log.write_bytes(BAD)
    assert go("ingest", "app.log").status == 1
    _add(log, LINE)
    assert go("ingest", "app.log").status == 0
    _add(log, BAD)
    assert go("ingest", "app.log").status == 0


def test_a_missing_log(log: Path, go: Callable[..., Ended]) -> None:
    """A log that is not there is said, and the others count."""
    ended = go("ingest", "none.log", "app.log", "-f", "jsonl")
    assert (ended.status, ended.stdout) == (3, b'{"type":"a","count":3,"sum":3}\n')
    assert ended.stderr.startswith("eventstats: none.log: missing: ")
    log.rename(log.parent / "app.log.1")
    assert go("ingest", "app.log") == Ended(0, b"[]\n", "")  # it is just being rotated


@pytest.mark.usefixtures("log")
def test_two_runs_at_once(go: Callable[..., Ended], tmp_path: Path) -> None:
    """A second run ends with status 75 at once, or waits; the first one is not disturbed."""
    os.mkfifo(tmp_path / "fifo")
    with start("ingest", "--ledger", "shop.db", "fifo", "-f", "jsonl", cwd=tmp_path) as first:
        with (tmp_path / "fifo").open("wb") as writer:
            writer.write(LINE)
            writer.flush()
            second = go("ingest", "app.log")
            assert (second.status, second.stdout) == (75, b"")
            assert second.stderr == "eventstats: shop.db: another run holds the ledger\n"
            waiting = subprocess.Popen(
                [TOOL, "ingest", "--ledger", "shop.db", "--wait", "50", "app.log", "-f", "jsonl"],
                cwd=tmp_path,
                stdout=subprocess.PIPE,
            )
        assert end(first).stdout == b'{"type":"a","count":1,"sum":1}\n'
    with waiting:
        assert waiting.communicate()[0] == b'{"type":"a","count":2,"sum":2}\n'


def test_standard_input_is_known_by_content(log: Path, go: Callable[..., Ended]) -> None:
    """The same bytes on a pipe are the same stream, whether they came from there or from a file before."""
    assert go("ingest", "-", "-f", "jsonl", stdin=LINE).stdout == b'{"type":"a","count":1,"sum":1}\n'
    assert go("ingest", "-", "-f", "jsonl", stdin=LINE).stdout == b""
    assert go("ingest", "app.log", "-f", "jsonl").stdout == b'{"type":"a","count":2,"sum":2}\n'
    assert go("ingest", "-", "-f", "jsonl", stdin=gzip.compress(log.read_bytes())).stdout == b""
    assert go("totals").status == 0


@pytest.mark.usefixtures("log")
def test_a_read_only_ledger(go: Callable[..., Ended], tmp_path: Path) -> None:
    """A ledger that may not be written is exit status 4, and can be read."""
    go("ingest", "app.log")
    _add(tmp_path / "app.log", LINE)
    (tmp_path / "shop.db").chmod(0o400)
    tmp_path.chmod(0o500)
    before = (tmp_path / "shop.db").read_bytes()
    try:
        ended = go("ingest", "app.log", before=give_up_privileges)
        assert (ended.status, ended.stdout) == (4, b"")
        shown = go("totals", "-f", "jsonl", before=give_up_privileges)
        assert shown == Ended(0, b'{"type":"a","count":3,"sum":3}\n', "")
    finally:
        tmp_path.chmod(0o700)
    assert (tmp_path / "shop.db").read_bytes() == before


@pytest.mark.usefixtures("log")
def test_a_limit_on_the_size_of_files(go: Callable[..., Ended], tmp_path: Path) -> None:
    """Where the ledger cannot grow, as on a full disk, the exit status is 4, and it is as before."""
    go("ingest", "app.log")
    before = (tmp_path / "shop.db").read_bytes()
    _add(tmp_path / "app.log", b"".join(LINE.replace(b"a", b"type%d" % n, 1) for n in range(2000)))

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before), len(before)))

    ended = go("ingest", "app.log", before=limit)
    assert (ended.status, ended.stdout) == (4, b"")
    assert (tmp_path / "shop.db").read_bytes() == before
    assert go("ingest", "app.log", "-o", "out").status == 0


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
@pytest.mark.parametrize("call", ["pwrite64", "fsync", "fdatasync", "unlink", "openat", "ftruncate"])
def test_killed_at_any_system_call(call: str, log: Path, go: Callable[..., Ended], tmp_path: Path) -> None:
    """Killed at any call that writes or syncs, the whole process leaves the totals of before or after the run."""
    go("ingest", "app.log")
    _add(log, LINE.replace(b"a", b"b", 1))
    shutil.copyfile(tmp_path / "shop.db", tmp_path / "kept")
    states = [b'{"type":"a","count":3,"sum":3}\n', b'{"type":"a","count":3,"sum":3}\n{"type":"b","count":1,"sum":1}\n']
    times = 1
    while times < 12:
        shutil.copyfile(tmp_path / "kept", tmp_path / "shop.db")
        inject = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", "shop.db", "-P", str(tmp_path / "shop.db")]
        inject += ["-P", str(tmp_path / "shop.db-journal"), "-e", f"inject={call}:signal=KILL:when={times}"]
        done = subprocess.run(
            [*inject, TOOL, "ingest", "--ledger", "shop.db", "app.log"], cwd=tmp_path, capture_output=True, check=False
        )
        if b"PTRACE" in done.stderr or b"ptrace" in done.stderr:
            pytest.skip("processes may not be traced here")
        assert go("totals", "-f", "jsonl").stdout in states
        assert go("ingest", "app.log").status == 0
        assert go("totals", "-f", "jsonl").stdout == states[1]
        if done.returncode == 0:
            break
        times += 1


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_a_commit_is_on_disk(log: Path, go: Callable[..., Ended], tmp_path: Path) -> None:
    """The deletion of the journal, which is the commit, is synced with its folder before a run goes on."""
    go("ingest", "app.log")
    _add(log, LINE)
    trace = tmp_path / "trace"
    inject = ["strace", "-f", "-y", "-qq", "-o", str(trace), "-e", "trace=unlink,fsync,fdatasync"]
    done = subprocess.run(
        [*inject, TOOL, "ingest", "--ledger", "shop.db", "app.log"], cwd=tmp_path, capture_output=True, check=False
    )
    if b"PTRACE" in done.stderr or b"ptrace" in done.stderr:
        pytest.skip("processes may not be traced here")
    calls = trace.read_text().splitlines()
    deleted = max(number for number, call in enumerate(calls) if "unlink(" in call and "shop.db-journal" in call)
    assert any("sync(" in call and f"<{tmp_path}>" in call for call in calls[deleted + 1 :]), calls


@pytest.mark.usefixtures("log")
def test_metrics_take_their_place_at_once(go: Callable[..., Ended], tmp_path: Path) -> None:
    """`--format prometheus -o` writes the totals and the figures of the run, and tells success from failure."""
    where = f'ledger="{tmp_path}/shop.db"'
    assert go("ingest", "app.log", "-f", "prometheus", "-o", "shop.prom") == Ended(0, b"", "")
    text = (tmp_path / "shop.prom").read_text()
    assert f'eventstats_events_total{{type="a",{where}}} 3\n' in text
    assert f"eventstats_last_run_success{{{where}}} 1\n" in text
    assert f'eventstats_last_run_lines{{outcome="accepted",{where}}} 3\n' in text
    assert go("ingest", "app.log", "none", "-f", "prometheus", "-o", "shop.prom").status == 3
    text = (tmp_path / "shop.prom").read_text()
    assert f"eventstats_last_run_success{{{where}}} 0\n" in text
    assert f'eventstats_events_total{{type="a",{where}}} 3\n' in text
    assert go("totals", "-f", "prometheus").stdout.decode().startswith("# HELP eventstats_events_total ")
    assert sorted(os.listdir(tmp_path)) == ["app.log", "shop.db", "shop.prom"]


def test_ledgers_and_summaries_are_merged_once(log: Path, go: Callable[..., Ended], tmp_path: Path) -> None:
    """Ledgers, their exports and saved summaries add up, unless two cover the same lines of the same stream."""
    go("ingest", "app.log", "--save", "run1", "-o", "out")
    _add(log, LINE)
    go("ingest", "app.log", "--save", "run2", "-o", "out")
    (tmp_path / "other.log").write_bytes(LINE.replace(b"a", b"b", 1))
    run("summarize", "other.log", "--save", "other", "-o", "out", cwd=tmp_path)
    run("summarize", "app.log", "--save", "whole", "-o", "out", cwd=tmp_path)
    merged = b'{"type":"a","count":4,"sum":4}\n{"type":"b","count":1,"sum":1}\n'
    for names in (["shop.db", "other"], ["other", "run2", "run1"], ["whole", "other"]):
        assert run("merge", *names, "-f", "jsonl", cwd=tmp_path) == Ended(0, merged, "")
    for names in (["shop.db", "run1"], ["run1", "whole"], ["whole", "shop.db"], ["run2", "run2"]):
        ended = run("merge", *names, cwd=tmp_path)
        assert (ended.status, ended.stdout) == (2, b"")
        assert f"{names[0]} and {names[1]} cover the same lines" in ended.stderr
    assert (
        run("merge", "run2", "run2", "--allow-overlap", "-f", "jsonl", cwd=tmp_path).stdout
        == b'{"type":"a","count":2,"sum":2}\n'
    )


def test_the_library_tells_stretches_when_asked(log: Path) -> None:
    """`summarize(..., stretches=True)` says what was read, and it survives saving."""
    summary = summarize(log, stretches=True)
    assert summary.sources[0].stretch.end == log.stat().st_size
    assert load(dump(summary)) == summary
    assert summarize(log).sources[0].stretch.head == ()


def test_a_path_that_is_no_text(go: Callable[..., Ended], tmp_path: Path) -> None:
    """A log whose name is not UTF-8 is known again."""
    name = b"app-\xff.log"
    (tmp_path / os.fsdecode(name)).write_bytes(LINE)
    first = run("ingest", "--ledger", "shop.db", name, "-f", "jsonl", cwd=tmp_path)
    assert (first.status, first.stdout) == (0, b'{"type":"a","count":1,"sum":1}\n')
    assert run("ingest", "--ledger", "shop.db", name, cwd=tmp_path).stdout == b"[]\n"
    assert go("totals").status == 0


@pytest.mark.usefixtures("log")
def test_globs_and_directories(go: Callable[..., Ended], tmp_path: Path) -> None:
    """A directory and a quoted glob stand for the logs in them, with their rotated files, each once."""
    (tmp_path / "logs").mkdir()
    for number in range(1, 4):
        (tmp_path / "logs" / f"{number}.jsonl").write_bytes(LINE.replace(b"1", b"%d" % number, 1))
    (tmp_path / "logs" / "3.jsonl.1.gz").write_bytes(gzip.compress(LINE.replace(b"1", b"10", 1)))
    assert go("ingest", "logs", "-f", "jsonl") == Ended(0, b'{"type":"a","count":4,"sum":16}\n', "")
    assert go("ingest", "logs/*", "logs", "app.log", "-f", "jsonl") == Ended(0, b'{"type":"a","count":3,"sum":3}\n', "")
    (tmp_path / "logs" / "1.jsonl").unlink()
    assert go("ingest", "logs") == Ended(0, b"[]\n", "")
    assert go("ingest", "none/*").status == 3
    names = go("ingest", "--files-from", "-", "--exclude", "x", stdin=b"app.log\n")
    assert names == Ended(0, b"[]\n", "")
    assert go("ingest").status == 2
    shutil.copyfile(tmp_path / "app.log", tmp_path / "shop.log")
    assert go("ingest", ".", "--include", "*", "-f", "jsonl", "--save", "saved.json").status == 0


def test_a_named_pipe_is_no_log_that_goes_on(go: Callable[..., Ended], tmp_path: Path) -> None:
    """What comes from a pipe at a path is known by content; that something else comes the next time is no loss."""
    os.mkfifo(tmp_path / "fifo")
    for number in (1, 2, 2):
        with start("ingest", "--ledger", "shop.db", "fifo", cwd=tmp_path) as process:
            (tmp_path / "fifo").write_bytes(LINE.replace(b"1", b"%d" % number, 1))
            ended = end(process)
        assert (ended.status, ended.stderr) == (0, "")
    assert go("totals", "-f", "jsonl").stdout == b'{"type":"a","count":2,"sum":3}\n'


WRONG: Final = b'{"kind":"a","amount":1,"occurred_at":"2020-10-06 10:02:05"}\n'
RIGHT: Final = ("--type-field", "kind", "--value-field", "amount")


def test_settings_can_be_changed_while_nothing_was_added(log: Path, go: Callable[..., Ended], body: str) -> None:
    """A run that finds no event where there should be some adds nothing and fixes nothing; the next one reads anew."""
    assert body
    log.write_bytes(WRONG)
    for _ in range(2):
        ended = go("ingest", "app.log", "--show-rejects", "0")
        assert (ended.status, ended.stdout) == (1, b"[]\n")
        assert "nothing was added to the ledger: the next run reads the same lines again" in ended.stderr
        assert not (log.parent / "shop.db").exists()
    ended = go("ingest", "none.log", "--granularity", "day")
    assert ended.status == 3
    assert "nothing was added to the ledger" in ended.stderr
    (log.parent / "shop.db").touch()  # a ledger to which nothing was added, too
    assert go("ingest", "app.log").status == 1
    assert (log.parent / "shop.db").stat().st_size == 0
    assert go("ingest", "app.log", *RIGHT, "-f", "jsonl") == Ended(0, b'{"type":"a","count":1,"sum":1}\n', "")
    refused = go("ingest", "app.log", "--granularity", "day")
    assert refused.status == 2
    assert "eventstats forget" in refused.stderr
    assert go("ingest", "app.log") == Ended(0, b"[]\n", "")


def test_settings_of_a_ledger_without_events(log: Path, go: Callable[..., Ended]) -> None:
    """A ledger that holds blank or rejected lines, and no event, takes other settings, and reads those lines anew."""
    log.write_bytes(b"\n")
    assert go("ingest", "app.log").status == 0
    _add(log, WRONG)
    assert go("ingest", "app.log", "--show-rejects", "0").status == 1
    log.rename(log.parent / "app.log.1")
    log.write_bytes(WRONG)
    assert go("ingest", "app.log", *RIGHT, "-f", "jsonl").stdout == b'{"type":"a","count":2,"sum":2}\n'
    ended = go("totals", "-f", "jsonl", "--save", "saved")
    assert ended == Ended(0, b'{"type":"a","count":2,"sum":2}\n', "")
    assert json.loads((log.parent / "saved").read_bytes())["account"]["lines"] == 3
    assert go("verify").status == 0


def test_an_empty_ledger_is_a_new_one(log: Path, go: Callable[..., Ended]) -> None:
    """An empty file, as a run that was killed leaves it, holds nothing yet: that is an answer, and no damage."""
    (log.parent / "shop.db").touch()
    for command in ("totals", "rejects", "verify"):
        ended = go(command)
        assert (ended.status, ended.stdout) == (0, b"[]\n" if command == "totals" else b"")
        assert ended.stderr == "eventstats: shop.db: nothing was added to this ledger yet\n"
    assert (log.parent / "shop.db").stat().st_size == 0
    assert go("ingest", "app.log", "-f", "jsonl").stdout == b'{"type":"a","count":3,"sum":3}\n'


@pytest.mark.parametrize("command", ["ingest", "totals", "rejects", "verify", "replay", "forget"])
def test_a_pipe_is_no_ledger(command: str, log: Path, go: Callable[..., Ended]) -> None:
    """No command waits for a pipe that is named as a ledger."""
    os.mkfifo(log.parent / "shop.db")
    ended = go(command, *([] if command in ("totals", "rejects", "verify") else ["app.log"]))
    assert (ended.status, ended.stdout) == (5, b"")
    assert "shop.db: a pipe is not a ledger" in ended.stderr


def test_a_ledger_keeps_the_form_of_its_times(body: str, go: Callable[..., Ended], log: Path) -> None:
    """A form of times and the zone of this machine are kept when a ledger is begun, the zone by its name."""
    log.write_bytes(LINE.replace(b"2020-10-06", b"06/10/2020"))
    options = ("--time-format", "%d/%m/%Y %H:%M:%S", "--input-tz", "local")
    assert go("ingest", *options, str(log), env={"TZ": "Europe/Berlin"}).status == ExitCode.OK, body
    _add(log, LINE.replace(b"2020-10-06", b"06/10/2020"))
    assert go("ingest", str(log), env={"TZ": "UTC"}).status == ExitCode.OK
    ended = go("totals", "--by", "hour", "-f", "csv")
    assert ended.stdout.splitlines()[1:] == [b"2020-10-06T08:00:00+00:00,a,2,2"]
    refused = go("ingest", "--time-format", "%F", str(log))
    assert refused.status == ExitCode.USAGE
    assert "--time-format %F: the ledger was begun with --time-format %d/%m/%Y %H:%M:%S" in refused.stderr


def test_totals_since_a_time_ago_take_whole_buckets(go: Callable[..., Ended], log: Path) -> None:
    """A time ago is moved to the bounds of what the ledger keeps, and one that is meant to the second is not."""
    now = datetime.now(UTC)
    log.write_bytes(LINE.replace(b"2020-10-06 10:02:05", f"{now:%Y-%m-%d %H:%M:%S}".encode()) + LINE)
    assert go("ingest", str(log)).status == ExitCode.OK
    for bounds in (("--since", "2h"), ("--since", "120m", "--until", "tomorrow"), ("--since", "2h", "--until", "now")):
        ended = go("totals", *bounds, "-f", "csv")
        assert (ended.status, ended.stdout) == (ExitCode.OK, b"type,count,sum\na,1,1\n"), bounds
    ended = go("totals", "--since", "2020-10-06T10:00:01Z")
    assert ended.status == ExitCode.USAGE
    assert "--since lies within a bucket" in ended.stderr


def test_totals_by_sizes_that_the_ledger_can_give(go: Callable[..., Ended], log: Path) -> None:
    """Any size that is made of the buckets of a ledger can be asked for, in zones that are offsets, too."""
    assert go("ingest", str(log)).status == ExitCode.OK
    ended = go("totals", "--by", "6h", "--tz", "-0300", "-f", "csv")
    assert ended.stdout.splitlines()[1:] == [b"2020-10-06T06:00:00-03:00,a,3,3"]
    assert go("totals", "--by", "60m", "-f", "csv").stdout == go("totals", "--by", "hour", "-f", "csv").stdout
    for by, tz in (("15m", "UTC"), ("hour", "+05:45")):
        assert go("totals", "--by", by, "--tz", tz).status == ExitCode.USAGE


def test_a_suffix_chooses_the_format(log: Path, go: Callable[..., Ended], tmp_path: Path) -> None:
    """The suffix of --output chooses the format of every command on a ledger; metrics have one, too."""
    assert log
    assert go("ingest", "app.log", "-o", "added.csv") == Ended(0, b"", "")
    assert (tmp_path / "added.csv").read_text() == "type,count,sum\na,3,3\n"
    assert go("totals", "-o", "shop.prom") == Ended(0, b"", "")
    assert (tmp_path / "shop.prom").read_text().startswith("# HELP eventstats_")
    assert go("forget", "app.log", "-o", "gone.jsonl") == Ended(0, b"", "")
    assert (tmp_path / "gone.jsonl").read_bytes() == b'{"type":"a","count":3,"sum":3}\n'


def test_names_that_lead_to_nothing(tmp_path: Path, body: str) -> None:
    """Of many missing names five are shown and the others counted; a directory or glob without logs is missing."""
    assert body
    many = run("ingest", "--ledger", "l.db", *(f"{number:02}.log" for number in range(40)), cwd=tmp_path)
    shown = "".join(f"eventstats: {number:02}.log: missing: No such file or directory\n" for number in range(5))
    assert many.status == 3
    assert many.stderr.startswith(f"{shown}eventstats: … and 35 more missing\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "app.log").write_bytes(LINE)
    for name, why in (
        ("empty", "no file in this directory looks like a log (see --include)"),
        ("*.jsonl", "no file matches"),
    ):
        ended = run("ingest", "--ledger", f"{name[0]}.db", "app.log", name, "-f", "csv", cwd=tmp_path)
        assert (ended.status, ended.stdout) == (3, b"type,count,sum\na,1,1\n")
        assert f"eventstats: {name}: missing: {why}\n" in ended.stderr
        summarized = run("app.log", name, cwd=tmp_path)
        assert f"eventstats: {name}: missing: {why}\n" in summarized.stderr
