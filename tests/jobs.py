"""Crontabs by the rules of cron, and units by those of systemd: what the documents print becomes what would run."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

_VARIABLE: Final = re.compile(r"\s*(\w+)\s*=\s*(.*?)\s*")
_ENTRY: Final = re.compile(r"\s*((?:[-0-9*/,]+\s+){5})(.*)")


class Job(NamedTuple):
    """One entry of a crontab: when, the command, what it reads, and its environment."""

    when: str
    command: str
    stdin: str
    environment: Mapping[str, str]


def crontab(text: str) -> Iterator[Job]:
    """Yield the entries of a user's crontab; the rules are those of the manual page of section 5."""
    variables = {"SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if variable := _VARIABLE.fullmatch(line):
            variables[variable[1]] = variable[2].strip("'\"")
            continue
        entry = _ENTRY.fullmatch(line)
        assert entry is not None, line
        # The first % that is not escaped ends the command; the others are ends of lines of what it reads.
        command, *lines = re.split(r"(?<!\\)%", entry[2])
        stdin = "\n".join(lines).replace(r"\%", "%")
        yield Job(entry[1].strip(), command.replace(r"\%", "%"), stdin, dict(variables))


def run_job(job: Job, home: Path) -> subprocess.CompletedProcess[str]:
    """Run an entry as cron does: by the shell, with next to no environment. What it writes would be mailed."""
    return subprocess.run(
        [job.environment["SHELL"], "-c", job.command],
        env={**job.environment, "HOME": str(home), "LOGNAME": "shop"},
        cwd=home,
        input=job.stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def units(text: str) -> dict[str, str]:
    """Return the units of a block, each below a comment with its path, by their names."""
    parts = re.split(r"^# (/etc/systemd/system/\S+)\n", text, flags=re.MULTILINE)
    return {Path(path).name: unit for path, unit in zip(parts[1::2], parts[2::2], strict=True)}


def moved(text: str, root: Path, programs: Path) -> str:
    """Return a configuration in which `/var` lies below a folder, and programs in another."""
    return text.replace("/usr/local/bin", str(programs)).replace("/var/", f"{root}/var/")


def shop(root: Path) -> Path:
    """Make the folders that the documents' jobs use below one folder; return that of the log."""
    for name in ("lib/shop", "lib/node_exporter/textfile", "log/shop"):
        (root / "var" / name).mkdir(parents=True)
    return root / "var" / "log" / "shop"
