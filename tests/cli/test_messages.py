"""`eventcli.cli.messages`: what is said is a line that a terminal shows as it is, and there are few of a kind."""

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from eventcli.cli import commands, messages
from eventcli.summary.sources import SourceReport, Status
from process import GOOD, Ended, environment, run

HOSTILE: Final = "\x1b[31m\r\n\x07\x9b2J\u202egpj\u2028\u200b\x7feventstats: all is well"
"""What clears a screen, forges a line, turns text around; a terminal obeys some of it."""

NAME: Final = HOSTILE.encode() + b"\xff"
"""The same as the name of a file, with a byte that is no text."""

WAYS: Final[dict[str, list[str | bytes]]] = {
    "missing file": [NAME],
    "bad lines": [b"bad/" + NAME],
    "no log in a folder": [b"empty/" + NAME],
    "no match of a glob": [NAME + b"*"],
    "damaged file": [b"gz/" + NAME],
    "the same file twice": [b"bad/" + NAME, b"bad/../bad/" + NAME],
    "list that is missing": ["--files-from", NAME],
    "list of missing files": ["--files-from", "list"],
    "list with zero bytes": ["--files-from", b"nul/" + NAME],
    "unknown option": [b"--" + NAME],
    "option without value": [NAME, "--save"],
    "unknown option of a command": ["merge", b"--x" + NAME],
    "format": ["-f", NAME],
    "statistics": ["--stats", NAME],
    "budget": ["--max-rejects", NAME],
    "size": ["--max-line", NAME],
    "jobs": ["-j", NAME],
    "bucket": ["--by", NAME],
    "zone": ["--by", "day", "--tz", NAME],
    "zone of text": ["--by", "day", "--input-tz", HOSTILE],
    "time": ["--since", HOSTILE],
    "default value": ["--default-value", HOSTILE],
    "pointer": ["--type-field", "/~" + HOSTILE],
    "type that is no text": ["-t", NAME],
    "field": ["--value-field", HOSTILE, "bad.log"],
    "name of the other row": ["--max-types", "1", "--other-label", HOSTILE, "types.log"],
    "output in a missing folder": ["-o", b"none/" + NAME],
    "output that is a folder": ["-o", b"empty/" + NAME],
    "output that is an input": [b"bad/" + NAME, "-o", b"bad/" + NAME],
    "saved in a missing folder": ["--save", b"none/" + NAME],
    "rejects in a missing folder": ["--rejects", b"none/" + NAME],
    "URL": [b"http://127.0.0.1:1/" + NAME],
    "URL of a host": [b"http://" + NAME.replace(b"\n", b"") + b"/x"],
    "URL of a host in other letters": ["http://bücher.invalid" + 70 * "ü" + "/x"],
    "URL that is none": [b"http://[" + NAME],
    "unknown scheme": [b"nothing://" + NAME],
    "saved summary": ["merge", "saved"],
    "merge of what is missing": ["merge", NAME],
    "merge of what is none": ["merge", b"bad/" + NAME],
    "merge of another schema": ["merge", "schema"],
    "merge of a key": ["merge", "key"],
    "merge of the same lines": ["merge", b"part/" + NAME, "part/copy"],
    "number": ["generate", "--events", NAME],
    "ingest what is missing": ["ingest", "--ledger", "l1", NAME],
    "ingest bad lines": ["ingest", "--ledger", "l2", b"bad/" + NAME],
    "ingest a copy": ["ingest", "--ledger", "l3", b"bad/" + NAME, "bad/copy"],
    "ingest into what is none": ["ingest", "--ledger", b"bad/" + NAME, "bad.log"],
    "ingest into a missing folder": ["ingest", "--ledger", b"none/" + NAME, "bad.log"],
    "ingest from a URL": ["ingest", "--ledger", "l4", b"http://127.0.0.1:1/" + NAME],
    "ledger that is missing": ["totals", "--ledger", NAME],
    "verify what is gone": ["verify", "--ledger", "gone"],
    "rejects of a missing ledger": ["rejects", "--ledger", NAME],
    "replay of what is missing": ["replay", "--ledger", "gone", NAME],
    "replay of what is none": ["replay", "--ledger", "gone", b"bad/" + NAME],
    "replay of an unknown stream": ["replay", "--ledger", "gone", "rejects"],
    "replay of an unknown reason": ["replay", "--ledger", "gone", "reason"],
}


def _source(name: str, message: str) -> dict[str, object]:
    return {"name": name, "bytes": 0, "lines": 0, "status": "unreadable", "message": message}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which all that is named has a hostile name, or hostile content."""
    folder = tmp_path_factory.mktemp("hostile")

    def put(name: str | bytes, data: bytes) -> None:
        path = os.path.join(os.fsencode(folder), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)

    bad = GOOD + NAME + b"\n" + json.dumps({"type": HOSTILE, "value": HOSTILE}, ensure_ascii=False).encode() + b"\n"
    put("bad.log", bad)
    put(b"bad/" + NAME, bad)
    put("bad/copy", bad)
    put("types.log", GOOD + GOOD.replace(b'"a"', b'"b"'))
    put(b"gz/" + NAME, gzip.compress(os.urandom(1000) + GOOD * 1000)[:-100])
    put("list", b"\n".join([NAME.replace(b"\n", b"")] * 3 + [b"other" + NAME.replace(b"\n", b"")] * 9))
    put(b"nul/" + NAME, b"a\0b\n")
    os.makedirs(os.path.join(os.fsencode(folder), b"empty", NAME))
    account = {"lines": 0, "accepted": 0, "rejected": {}, "filtered": 0, "blank": 0}
    saved = {"schema": "eventstats.summary", "version": 1, "complete": False, "account": account, "types": []}
    put("saved", json.dumps(saved | {"sources": [_source(HOSTILE, HOSTILE)]}).encode())
    put("schema", json.dumps({"schema": HOSTILE}).encode())
    put("key", json.dumps(saved | {"sources": [{HOSTILE: 1}], "types": [{"type": "a", HOSTILE: 1}]}).encode())
    part = run("bad.log", "--save", "-", "-o", "part.json", cwd=folder).stdout
    put(b"part/" + NAME, part.replace(b"bad.log", b"x\\u001b[31m"))
    put("part/copy", part)
    put("gone.log/" + HOSTILE.replace("/", ""), GOOD)
    run("ingest", "--ledger", "gone", os.fsencode("gone.log/" + HOSTILE), cwd=folder)
    os.unlink(os.path.join(folder, "gone.log", HOSTILE))
    reject = {"stream": HOSTILE, "offset": 0, "reason": "invalid_json", "raw": "x"}
    put("rejects", json.dumps(reject).encode())
    put("reason", json.dumps(reject | {"reason": HOSTILE}).encode())
    return folder


def _is_safe(ended: Ended) -> None:
    lines = ended.stderr.split("\n")
    assert lines.pop() == ""
    for line in lines:
        assert line.startswith("eventstats: "), ended.stderr
        assert line.isprintable(), ended.stderr
        assert not line.startswith("eventstats: all is well")


@pytest.mark.parametrize("way", WAYS)
def test_nothing_from_outside_reaches_a_terminal(way: str, folder: Path) -> None:
    """Whatever the message and whatever is in it, it is one line of printable characters with the program's name."""
    ended = run(*WAYS[way], cwd=folder)
    assert ended.stderr, "this way leads to no message any more"
    assert ended.status not in {70, -6, -11}, ended.stderr
    _is_safe(ended)


def test_a_variable_of_the_environment(folder: Path) -> None:
    """A variable is text from outside, too."""
    for name in ("EVENTSTATS_KERNEL", "EVENTSTATS_FORMAT", "EVENTSTATS_MAX_LINE"):
        ended = run("bad.log", cwd=folder, env=environment(**{name: HOSTILE}))
        assert ended.status == 2
        _is_safe(ended)


class _BrokenRun:
    """Stands for a bug in the pipeline."""

    def __init__(self, *_: object, **__: object) -> None:
        raise RuntimeError(HOSTILE)


def test_a_bug_is_shown_safely(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The message of a failure that nobody expects may hold text from outside, and so may its traceback."""
    monkeypatch.setattr(commands, "Run", _BrokenRun)
    assert commands.commands.main(["summarize", "--debug"], standalone_mode=False) == 70
    lines = capsys.readouterr().err.split("\n")
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-2].startswith("eventstats: internal error: RuntimeError: ")
    assert all(line.isprintable() for line in lines)


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    messages.say_rest()
    yield
    messages.say_rest()


def test_a_long_message_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    """A message is no longer than any path could make it, whatever is in it."""
    messages.say("x" * 1_000_000)
    text = capsys.readouterr().err
    assert len(text) < 6000
    assert text.endswith("…\n")


@pytest.mark.parametrize(("count", "last"), [(0, None), (5, None), (6, "1"), (1_000_004, "999,999")])
def test_five_examples_of_a_kind(count: int, last: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    """Of each kind five messages are said, and then how many more there are."""
    for number in range(count):
        messages.say_source(SourceReport(f"f{number}", 0, 0, Status.MISSING, "No such file or directory"))
    messages.say_source(SourceReport("other", 0, 0, Status.UNREADABLE, "Permission denied"))
    messages.say_rest()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == min(count, 5) + 1 + (last is not None)
    if last is not None:
        assert lines[-1] == f"eventstats: … and {last} more missing"
    messages.say_rest()
    assert not capsys.readouterr().err


def test_twenty_of_a_kind_for_whatever_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    """Messages that give different reasons are examples of their own, but only so many are said of a kind."""
    for number in range(100):
        messages.say_source(SourceReport("f", 0, 0, Status.UNREADABLE, f"reason {number // 2}"))
    messages.say_rest()
    lines = capsys.readouterr().err.splitlines()
    assert lines[19:] == ["eventstats: f: unreadable: reason 9", "eventstats: … and 80 more unreadable"]


def test_very_many_missing_files(tmp_path: Path) -> None:
    """A list of very many missing names says five of them, how many more, and the account; so do repetitions."""
    (tmp_path / "list").write_text("".join(f"missing{number}\n" for number in range(1000)))
    ended = run("--files-from", "list", cwd=tmp_path)
    assert ended.status == 3
    lines = ended.stderr.splitlines()
    assert [line.partition(": missing: ")[0] for line in lines[:5]] == [f"eventstats: missing{n}" for n in range(5)]
    assert lines[5] == "eventstats: … and 995 more missing"
    assert len(lines) == 7
    (tmp_path / "a").write_bytes(GOOD)
    ended = run(*["a"] * 100, cwd=tmp_path)
    assert ended.status == 0
    assert len(ended.stderr.splitlines()) == 6
    assert ended.stderr.endswith("… and 94 more that are the same file as another, counted once\n")
