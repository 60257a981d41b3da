"""`eventcli.reporting.diagnostics`: what people and programs are told about bad lines and sources."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli import Account, Reason, Reject, SourceReport, Status, Summary, summarize, testing
from eventcli.reporting import diagnostics
from eventcli.text import EXCERPT


@given(testing.logs(), st.text(max_size=5))
def test_a_diagnostic_is_one_printable_line(log: bytes, source: str) -> None:
    """A diagnostic names file, line, code and message, on one line that a terminal shows as it is."""
    rejects: list[Reject] = []
    summarize(io.BytesIO(log), max_line=500, on_reject=rejects.append)
    for reject in rejects:
        text = diagnostics.of_reject(reject._replace(source=source))
        assert text.isprintable()
        assert f":{reject.line}: {reject.reason}: {reject.message}" in text
        assert len(text) <= len(diagnostics.of_reject(reject._replace(source=source, raw=b""))) + EXCERPT + 2


def test_the_form_of_a_diagnostic() -> None:
    """A diagnostic reads FILE:LINE: code: message, with the beginning of the line."""
    reject = Reject(Reason.MISSING_VALUE, 'no key "value"', b'{"type":"a\x1b"}', 13, 7, 100, "lo\ng.jsonl")
    assert diagnostics.of_reject(reject) == (r'lo\ng.jsonl:7: missing_value: no key "value": {"type":"a\x1b"}')


@pytest.mark.parametrize(
    ("report", "text"),
    [
        (SourceReport("a", 0, 0, Status.MISSING, "No such file"), "a: missing: No such file"),
        (SourceReport("a\n", 0, 0, Status.UNREADABLE, "Is a directory"), r"a\n: unreadable: Is a directory"),
        (
            SourceReport("a", 9, 3, Status.UNREADABLE, "Input/output error"),
            "a: unreadable: Input/output error (after 3 lines)",
        ),
        (SourceReport("a", 9, 3, Status.TRUNCATED, "ends early"), "a: truncated: ends early (after 3 lines)"),
    ],
)
def test_a_source_that_failed(report: SourceReport, text: str) -> None:
    """What is said of a source names it, how it failed, why, and how many lines came before."""
    assert diagnostics.of_source(report) == text


def test_the_closing_line() -> None:
    """A clean run has no closing line; one with rejects ends with the account, and an incomplete one says so."""
    account = Account(3, 1, {Reason.BAD_TYPE: 1}, 0, 1)
    lost = (SourceReport("lost", 0, 0, Status.MISSING, "No such file"),)
    assert diagnostics.closing(Summary()) is None
    assert diagnostics.closing(Summary(account=Account(2, 1, {}, 1))) is None
    assert diagnostics.closing(Summary(account=account)) == str(account)
    assert diagnostics.closing(Summary(account=account, sources=lost)) == f"{account}; incomplete"
    assert diagnostics.closing(Summary(sources=lost)) == f"{Account()}; incomplete"
