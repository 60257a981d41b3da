"""A position in a file whose lines are made of what stands in it."""

import json
from pathlib import Path

import pytest

import process


def added(folder: Path, text: str, *options: str) -> dict[str, int]:
    """Append to a log, and return what a run of `ingest` adds: the sum of each type."""
    with (folder / "log").open("a", encoding="utf-8") as log:
        log.write(text)
    ended = process.run(
        "ingest", "--ledger", "l.db", "log", "-f", "jsonl", *options, cwd=folder, env=process.environment()
    )
    assert ended.status == 0, ended.stderr
    return {row["type"]: row["sum"] for row in map(json.loads, ended.stdout.splitlines())}


@pytest.mark.usefixtures("body")
def test_texts_are_counted_once(tmp_path: Path) -> None:
    """A text that goes on waits for its end, wherever lines end; later runs know the framing, and go on in an array."""
    assert added(
        tmp_path, '{\n"type":"a",\n"value":1}{"type":"a","val', "--framing", "json", "--granularity", "none"
    ) == {"a": 1}
    assert added(tmp_path, 'ue":2}[{"type":"a","value":4},') == {"a": 6}
    assert added(tmp_path, '{"type":"b","value":8}]\n{"type":"b"') == {"b": 8}
    assert added(tmp_path, "") == {}
    assert added(tmp_path, ',"value":16}') == {"b": 16}
    ended = process.run("verify", "--ledger", "l.db", cwd=tmp_path, env=process.environment())
    assert (ended.status, json.loads(ended.stdout)["verdict"]) == (0, "proved")
    wrong = process.run(
        "ingest", "--ledger", "l.db", "log", "--framing", "lines", cwd=tmp_path, env=process.environment()
    )
    assert (wrong.status, "--framing lines: the ledger was begun with --framing json" in wrong.stderr) == (2, True)


@pytest.mark.usefixtures("body")
def test_parts_of_an_event_wait_for_each_other(tmp_path: Path) -> None:
    """An event that Docker has cut into lines is counted once it is whole, and lines of the other stream with it."""
    part = '{"log":"{\\"type\\":","stream":"stdout"}\n'
    other = '{"log":"{\\"type\\":\\"b\\",\\"value\\":2}\\n","stream":"stderr"}\n'
    rest = '{"log":"\\"a\\",\\"value\\":1}\\n","stream":"stdout"}\n'

    assert added(tmp_path, other + part, "--unwrap", "log", "--granularity", "none") == {"b": 2}
    assert added(tmp_path, other) == {}
    assert added(tmp_path, rest) == {"a": 1, "b": 2}
