"""The jobs of docs/scheduling.md, run as printed: by the rules of cron, and by the real cron, logrotate and systemd."""

import grp
import os
import pwd
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from documents import ROOT, blocks
from jobs import Job, crontab, moved, run_job, shop, units
from process import environment, run
from shells import program

PAGE: Final = (ROOT / "docs" / "scheduling.md").read_text(encoding="utf-8")
PROGRAMS: Final = Path(sys.executable).parent


def _block(language: str) -> str:
    (block,) = blocks(PAGE, language)
    return block.text


def _log(lines: int, bad: int = 0, *, first: int = 0) -> bytes:
    """Return lines of which no two are alike; some at their end are bad."""
    good = (
        b'{"type":"sale","value":0.1,"occurred_at":%d}\n' % (1_600_000_000 + number)
        for number in range(first, first + lines - bad)
    )
    return b"".join(good) + b'{"type":"sale","value":\n' * bad


def _mine(text: str) -> str:
    """Return a configuration in which this user and group are in place of the shop's."""
    user, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
    return re.sub(r"^( *create \d+) shop adm$", rf"\1 {user} {group}", text, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("line", "job"),
    [
        ("* * * * *  echo 1% of", ("* * * * *", "echo 1", " of", {})),
        (r"*/5 1,2 * 1-3 7 echo 1\% %a\%%b", ("*/5 1,2 * 1-3 7", "echo 1% ", "a%\nb", {})),
        ("A = b c\nPATH=/bin\n# x%\n0 0 1 1 0 a", ("0 0 1 1 0", "a", "", {"A": "b c", "PATH": "/bin"})),
    ],
)
def test_crontabs_are_read_by_the_rules_of_cron(line: str, job: tuple[str, str, str, dict[str, str]]) -> None:
    """An unescaped % ends a command, the rest is what it reads, and nothing but the crontab's lines sets PATH."""
    when, command, stdin, variables = job
    defaults = {"SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    assert list(crontab(line)) == [Job(when, command, stdin, defaults | variables)]


def test_jobs_of_the_crontab_work_with_no_more_than_cron_gives(tmp_path: Path) -> None:
    """Run by cron's rules, the page's lines find the tool, do what the page says of them, and mail nothing."""
    logs = shop(tmp_path)
    first, second = crontab(moved(_block("crontab"), tmp_path, PROGRAMS))
    for lines in (100, 150):
        (logs / "events.jsonl").write_bytes(_log(lines))
        done = run_job(first, tmp_path)
        assert (done.returncode, done.stdout) == (0, "")
    metrics = (tmp_path / "var/lib/node_exporter/textfile/shop.prom").read_text()
    assert re.search(r'^eventstats_events_total\{.*type="sale".*\} 150$', metrics, re.MULTILINE)
    # One per cent, and not one line.
    (logs / "events.jsonl.1").write_bytes(_log(1000, first=1000, bad=10))
    done = run_job(second, tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "var/lib/shop/totals.json").read_text() == '[\n  {"type":"sale","count":990,"sum":99.0}\n]\n'
    assert (tmp_path / "var/lib/shop/rejects.jsonl").read_text().count("\n") == 10
    (logs / "events.jsonl.1").write_bytes(_log(1000, first=1000, bad=11))
    assert run_job(second, tmp_path).returncode == 1


def test_the_real_crontab_takes_the_crontab(tmp_path: Path) -> None:
    """Debian's crontab finds nothing wrong with it."""
    crontab_program = program("crontab")
    (tmp_path / "crontab").write_text(_block("crontab"))
    done = subprocess.run([crontab_program, "-n", "crontab"], cwd=tmp_path, capture_output=True, text=True, check=False)
    if "invalid option" in done.stderr or "usage" in done.stderr:
        pytest.skip("this crontab cannot check a file without installing it")
    assert done.returncode == 0, done.stderr


def test_the_real_cron_runs_the_jobs(tmp_path: Path) -> None:
    """A cron of our own, with folders of its own, runs both lines at its start, and has nothing to mail."""
    cron, unshare = program("cron"), program("unshare")
    logs = shop(tmp_path)
    (logs / "events.jsonl").write_bytes(_log(100))
    (logs / "events.jsonl.1").write_bytes(_log(1000, first=1000))
    table = moved(_block("crontab"), tmp_path, PROGRAMS)
    # Its start is at once; the next minute would be half a minute away, on average.
    table = re.sub(r"^(?:[-0-9*/,]+ ){5}", "@reboot ", table, flags=re.MULTILINE)
    (tmp_path / "crontab").write_text(table)
    # Cron hands what a job wrote to sendmail.
    (tmp_path / "sbin").mkdir()
    (tmp_path / "sbin" / "sendmail").write_text(f"#!/bin/sh\ncat >> {tmp_path}/mail\n")
    (tmp_path / "sbin" / "sendmail").chmod(0o755)
    script = f"""
        set -e
        cp {cron} {tmp_path}/cron
        mount -t tmpfs tmpfs /var/spool/cron && mkdir /var/spool/cron/crontabs
        mount -t tmpfs tmpfs /etc/cron.d
        mount --bind /dev/null /etc/crontab
        mount -t tmpfs tmpfs /run
        mount --bind {tmp_path}/sbin /usr/sbin
        cp {tmp_path}/crontab /var/spool/cron/crontabs/root && chmod 600 /var/spool/cron/crontabs/root
        exec {tmp_path}/cron -f
    """
    allowed = subprocess.run([unshare, "--mount", "true"], capture_output=True, check=False)
    if allowed.returncode or not Path("/etc/crontab").exists():
        pytest.skip("a cron with folders of its own needs root, and Debian's cron")
    with subprocess.Popen([unshare, "--mount", "--kill-child", "sh", "-c", script]) as daemon:
        try:
            wanted = [tmp_path / "var/lib/shop/totals.json", tmp_path / "var/lib/node_exporter/textfile/shop.prom"]
            end = time.monotonic() + 90
            while not all(path.exists() for path in wanted) and daemon.poll() is None and time.monotonic() < end:
                time.sleep(0.05)
            time.sleep(1)
        finally:
            daemon.kill()
    mail = (tmp_path / "mail").read_text() if (tmp_path / "mail").exists() else ""
    assert all(path.exists() for path in wanted), mail
    assert not mail
    assert re.search(r'^eventstats_events_total\{.*type="sale".*\} 100$', wanted[1].read_text(), re.MULTILINE)
    assert wanted[0].read_text() == '[\n  {"type":"sale","count":1000,"sum":100.0}\n]\n'


def test_units_are_what_systemd_takes(tmp_path: Path) -> None:
    """The real systemd has nothing to say about the units, and calls the service one that may do little."""
    analyze = program("systemd-analyze")
    named = units(moved(_block("ini"), Path(), PROGRAMS))
    assert sorted(named) == ["shop-events.service", "shop-events.timer"]
    for name, unit in named.items():
        (tmp_path / name).write_text(unit)
    done = subprocess.run([analyze, "verify", *named], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    security = [analyze, "security", "--no-pager", "--offline=true", "--threshold=20", "shop-events.service"]
    done = subprocess.run(security, cwd=tmp_path, capture_output=True, text=True, check=False)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot judge a file")
    assert done.returncode == 0, done.stdout


def test_command_of_the_unit_works(tmp_path: Path) -> None:
    """The service's command does what it is for."""
    logs = shop(tmp_path)
    (logs / "events.jsonl").write_bytes(_log(10))
    service = units(moved(_block("ini"), tmp_path, PROGRAMS))["shop-events.service"]
    (command,) = re.findall(r"^ExecStart=(.*)$", service, re.MULTILINE)
    done = subprocess.run(command.split(), env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "var/lib/shop/added.json").read_text() == '[\n  {"type":"sale","count":10,"sum":1.0}\n]\n'


def test_logs_that_logrotate_turns_as_printed_are_counted_once(body: str, tmp_path: Path) -> None:
    """The real logrotate takes the page's block without a word, and every line counts once through all of it."""
    logrotate = program("logrotate")
    logs = shop(tmp_path)
    config = tmp_path / "logrotate.conf"
    config.write_text(_mine(moved(_block("logrotate"), tmp_path, PROGRAMS)))
    config.chmod(0o644)
    log, ledger = logs / "events.jsonl", str(tmp_path / "ledger.db")
    written = 0
    for lines in (10, 20, 30, 40):
        with log.open("ab") as file:
            file.write(_log(lines, first=written))
        written += lines
        if lines != 20:  # one generation is first seen after it was rotated
            assert run("ingest", "--ledger", ledger, str(log)).status == 0
        command = [logrotate, "--force", "--state", str(tmp_path / "state"), str(config)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")
        ended = run("ingest", "--ledger", ledger, str(log), "--totals", "-f", "jsonl")
        assert (ended.status, ended.stderr) == (0, "")
        assert f'"count":{written},'.encode() in ended.stdout
    assert sorted(path.name for path in logs.iterdir()) == [
        "events.jsonl",
        "events.jsonl.1",
        *(f"events.jsonl.{number}.gz" for number in (2, 3, 4)),
    ]
    assert run("verify", "--ledger", ledger, str(log)).status == 0
    assert body
