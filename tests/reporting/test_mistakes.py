"""A mistake with a whole file is recognised by a few of its rejected lines."""

import pytest

from eventcli.lines.event import Reason, Reject
from eventcli.reporting.mistakes import mistake_in
from eventcli.summary.account import Account


def rejects_of(*lines: bytes, reason: Reason = Reason.INVALID_JSON) -> list[Reject]:
    """Return rejected lines of a file."""
    return [Reject(reason, "", line, len(line), number, 0, "in") for number, line in enumerate(lines, 1)]


@pytest.mark.parametrize(
    ("lines", "reason", "words"),
    [
        ([b"[", b'{"a":1},', b'{"a":2},'], Reason.INVALID_JSON, "--framing json reads its elements"),
        ([b'[{"a":1},', b'{"a":2},'], Reason.INVALID_JSON, "--framing json reads its elements"),
        ([b'[{"a":1}]'], Reason.NOT_AN_OBJECT, "--framing json reads its elements"),
        ([b"{", b' "a": 1,', b' "b": {', b"  }", b"}"], Reason.INVALID_JSON, "--framing json reads it"),
        ([b'{"a":1}{"a":2}', b'{"a":1} {"a":2}'], Reason.INVALID_JSON, "--framing json reads them"),
        ([b'\x1e{"a":1}'], Reason.INVALID_JSON, "RFC 7464"),
        (["{}{}".encode("utf-16")], Reason.INVALID_UTF8, "iconv -f UTF-16 -t UTF-8 in | eventstats"),
        (['{"a":1}'.encode("utf-16-le")], Reason.INVALID_JSON, "iconv -f UTF-16LE"),
        (['{"a":1}'.encode("utf-16-be")], Reason.INVALID_JSON, "iconv -f UTF-16BE"),
        ([b'web_1  | {"a":1}'], Reason.INVALID_JSON, "docker compose writes it"),
        ([b'[pod/web/app] {"a":1}'], Reason.INVALID_JSON, "kubectl --prefix"),
        ([b'2020-10-06T10:02:05.1Z {"a":1}'], Reason.INVALID_JSON, "kubectl --timestamps"),
        ([b'2020-10-06T10:02:05.1Z stdout P {"a":'], Reason.INVALID_JSON, "CRI"),
        ([b'{"index":{}}'], Reason.MISSING_TYPE, "--framing bulk"),
        ([b'{"log":"{\\"a\\":1}"}'], Reason.MISSING_TYPE, "--unwrap log"),
        ([b'{"a":[{"b":[{"c":1}]}]}'], Reason.MISSING_TYPE, "--records a.b"),
    ],
)
def test_mistakes_are_recognised(lines: list[bytes], reason: Reason, words: str) -> None:
    """The message names the file and the cure."""
    mistake = mistake_in(rejects_of(*lines, reason=reason), Account(len(lines), 0, {reason: len(lines)}))
    assert mistake is not None
    assert mistake.message.startswith("in: ")
    assert words in mistake.message


@pytest.mark.parametrize(
    "lines",
    [[b'{"a":1'], [b"text"], [b"could not open {"], [b"\0\0\0\0\0"], [b'{"type":"a","va{"type":"b","value":2}']],
)
def test_other_lines_are_no_mistake(lines: list[bytes]) -> None:
    """Torn lines and text are bad lines, not another kind of file."""
    assert mistake_in(rejects_of(*lines), Account(1, 0, {Reason.INVALID_JSON: 1})) is None


def test_a_few_lines_are_no_mistake() -> None:
    """What only a few lines of many show is no mistake with the whole file."""
    rejects = rejects_of(b"[", b'{"a":1},')
    assert mistake_in(rejects, Account(100, 98, {Reason.INVALID_JSON: 2})) is None
