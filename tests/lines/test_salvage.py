"""`eventcli.lines.salvage`: of a damaged line only what is certain is taken."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli import Query, testing
from eventcli.lines.parse import parse
from eventcli.lines.salvage import salvage
from process import measure

EVENT = b'{"type":"b","value":2}'

CERTAIN = [
    b"\0\0\0",
    b" \0 \0",
    b"{",
    b"[",
    b' {"a',
    b'{"a":"x',
    b'{"a":"x\\',
    b'{"a":"x\\u00',
    b'{"a":"caf\xc3',
    b'{"a":tr',
    b'{"a":-1.',
    b'{"a":12',
    b'{"a":{"b":1}',
    b'{"a":"quoted: {\\"type\\":\\"b\\",\\"value\\":2}',
    b'["a", "b',
    b'{"a":"x\0\0',
    b'{"a":\0',
    b"[1,\0",
    b"[1\0",
    b"[" * 100_000 + b"1",
]
"""What can stand before an event so that it is certain to begin there; a bracket alone is followed by NUL bytes."""

UNCERTAIN = [
    b"x",
    b"WARN could not store event ",
    b"WARN could not store event: ",
    b"[2024-05-01] could not store ",
    b"[ERROR] ",
    b"[12] ",
    b"{} ",
    b'{"type":"a","value":1}',
    b'{"type":"a","value":1}\0',
    b'{"a":',
    b'{"a":[1,',
    b"[",
    b"[ ",
    b'{"a":nul ',
    b"{0} could not store ",
    b'ype":"a","value":1}',
    b"text\0\0",
    b'{"a":"{"b":"',
    b'{"a":"x" "',
    b"\0x",
    b"\xff",
    b'"',
    b'"text ',
]
"""What can stand before an event so that it may be a part of something else."""


@pytest.mark.parametrize("before", CERTAIN, ids=range(len(CERTAIN)))
def test_what_is_certain(before: bytes) -> None:
    """An event behind NUL bytes, behind the head of a torn record, or behind both is certain."""
    before = before.replace(b"[", b"[\0", 1) if before == b"[" else before
    found = salvage(before + EVENT, Query())
    assert found == parse(EVENT)
    assert salvage(before + EVENT + EVENT, Query()) is None
    assert salvage(before + EVENT + b" x", Query()) is None
    assert salvage(before + EVENT[:-1], Query()) is None
    assert salvage(before + b'{"type":"b"}', Query()) is None


@pytest.mark.parametrize("before", UNCERTAIN, ids=range(len(UNCERTAIN)))
def test_what_is_not_certain(before: bytes) -> None:
    """Behind text, behind a whole record, and where an object may belong to the torn record, nothing is certain."""
    assert salvage(before + EVENT, Query()) is None


@given(testing.good_lines(), testing.good_lines(), st.integers(0, 10_000), st.integers(0, 3))
def test_a_torn_record_never_adds_its_own(torn: bytes, whole: bytes, cut: int, nuls: int) -> None:
    """Wherever a record was torn, what is found behind its head is the whole record that follows, or nothing."""
    head = torn[: cut % len(torn)]
    found = salvage(head + b"\0" * nuls + whole, Query())
    assert found in (None, parse(whole))
    assert salvage(head, Query()) is None


@pytest.mark.parametrize("head", [b"", b'{"type":"a","va'], ids=["hole", "torn"])
@pytest.mark.parametrize("is_ended", [True, False])
def test_a_hole_of_any_length(body: str, head: bytes, is_ended: bool, tmp_path: Path) -> None:  # noqa: FBT001  # a parameter
    """A hole that a crash left before a line, far longer than a line may be, is skipped in bounded memory."""
    log = tmp_path / "app.log"
    with log.open("wb") as file:
        file.write(b'{"type":"a","value":1}\n' + head)
        file.seek(1 << 27, os.SEEK_CUR)
        file.write(EVENT + (b"\n" + EVENT + b"\n\0\n" if is_ended else b""))
    few = ["--show-rejects", "5", "-f", "jsonl"]
    ended = measure("app.log", "--salvage", *few, cwd=tmp_path)
    count = 1 + is_ended
    expected = b'{"type":"a","count":1,"sum":1}\n{"type":"b","count":%d,"sum":%d}\n' % (count, 2 * count)
    assert (ended.stdout, ended.status) == (expected, 0), (body, ended.stderr)
    assert f"{count + 1} accepted + {int(is_ended)} rejected" in ended.stderr
    assert "1 salvaged" in ended.stderr
    if is_ended:
        assert "app.log:4: invalid_json" in ended.stderr
    assert ended.peak < 150
    without = measure("app.log", *few, cwd=tmp_path)
    assert "app.log:2: line_too_long: 1342" in without.stderr
    assert without.peak < 150
