"""`reading.rotations`: the documented names of logs are those that a directory reads and that the ledger follows."""

import os
import re
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli.reading.discovery import discover
from eventcli.reading.rotations import by_base, is_log, rotations
from process import run

PAGE: Final = (Path(__file__).parent.parent.parent / "docs" / "sources.md").read_text(encoding="utf-8")

SECTION: Final = PAGE.partition("## Names of logs\n")[2].partition("\n## ")[0]

LISTED: Final = [
    name for row in re.findall(r"^\| (`[^|]*`) \|", SECTION, re.MULTILINE) for name in re.findall(r"`(.+?)`", row)
]

NOT_LISTED: Final = re.findall(r"`(.+?)`", SECTION.partition("not in the list")[2])

COMPRESSED: Final = (".gz", ".zst", ".bz2", ".xz", ".lz4", ".Z")

ENDINGS: Final = (".log", ".jsonl", ".ndjson", ".json", ".LOG", ".Json")

EVENT: Final = b'{"type":"a","value":1}\n'


def test_the_page_lists_names() -> None:
    """The page lists many names, and some that are no names of logs."""
    assert len(LISTED) > 25
    assert len(NOT_LISTED) > 5
    assert len(set(LISTED + NOT_LISTED)) == len(LISTED + NOT_LISTED)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", LISTED)
def test_a_directory_and_the_ledger_take_each_listed_name(name: str, ending: str, tmp_path: Path) -> None:
    """Each listed name is read in a directory, and is a generation of its log for the ledger, with each ending."""
    name, base = name.replace(".log", ending), f"app{ending}"
    assert is_log(name)
    assert base in [rotation.base for rotation in rotations(name)]
    assert name in by_base([name, "other"])[base]
    for each in (base, name):
        (tmp_path / each).write_bytes(EVENT)
    assert {os.path.basename(str(found.source)) for found in discover([str(tmp_path)])} == {base, name}


@pytest.mark.parametrize("name", NOT_LISTED)
def test_neither_takes_another_name(name: str, tmp_path: Path) -> None:
    """What is not listed is left out of a directory, and is no generation for the ledger."""
    assert not is_log(name)
    assert "app.log" not in [rotation.base for rotation in rotations(name)]
    for each in ("app.log", name):
        (tmp_path / each).write_bytes(EVENT)
    assert [str(found.source) for found in discover([str(tmp_path)])] == [str(tmp_path / "app.log")]


@given(st.from_regex(r"app\.(log|json)[.-][0-9]+([-_.T:][0-9]+)*(\.(gz|zst|bz2|xz|lz4))?", fullmatch=True))
def test_any_number_or_date_is_a_rotation(name: str) -> None:
    """Whatever numbers follow the name of a log, with whatever separators, the file is one of its generations."""
    assert is_log(name)


@given(st.text("a.1-_T:gzold2026Z~\n", min_size=1, max_size=30), st.sampled_from(["", *ENDINGS]))
def test_what_is_a_log_is_told_by_its_bases(stem: str, ending: str) -> None:
    """A name is that of a log if it has such an ending, or if it is a rotation of a log."""
    name = stem + ending
    has_ending = name.lower().endswith((".log", ".jsonl", ".ndjson", ".json"))
    assert is_log(name) == (has_ending or any(is_log(rotation.base) for rotation in rotations(name)))


def test_a_name_of_many_parts_takes_no_time() -> None:
    """The longest name that looks rotated again and again is told as fast as any other."""
    assert not is_log("a" + ".1.gz" * 50)
    assert is_log("a.log" + ".1.gz" * 50)


@pytest.mark.parametrize("name", [name for name in LISTED if not name.endswith(COMPRESSED)])
def test_a_log_moved_to_a_listed_name_is_read_to_its_end(body: str, name: str, tmp_path: Path) -> None:
    """A log that grew and was renamed since the last run loses nothing, whatever listed name it has now."""
    log, ledger = tmp_path / "app.log", str(tmp_path / "ledger")
    arguments = ["ingest", "--ledger", ledger, str(log), "-f", "jsonl"]
    log.write_bytes(EVENT * 2)
    assert run(*arguments).status == 0, body
    log.write_bytes(EVENT * 2 + EVENT.replace(b"1", b"2"))
    log.rename(tmp_path / name)
    log.write_bytes(EVENT.replace(b"1", b"4"))
    ended = run(*arguments)
    assert (ended.status, ended.stdout) == (0, b'{"type":"a","count":2,"sum":6}\n'), ended.stderr
