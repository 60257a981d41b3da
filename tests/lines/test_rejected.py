"""`eventcli.lines.rejected`: the record of a rejected line holds what is needed to repair it."""

import base64
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli import Reason, Reject, summarize, testing
from eventcli.lines import rejected
from eventcli.lines.rejected import Repair


@given(testing.logs(), st.integers(1, 100))
def test_a_record_holds_the_line_and_its_place(log: bytes, max_line: int) -> None:
    """Every reject becomes one line of JSON that holds its place, its reason, and its bytes as text or in base64."""
    rejects: list[Reject] = []
    summarize(io.BytesIO(log), max_line=max_line, on_reject=rejects.append)
    for reject in rejects:
        text = rejected.record(reject)
        assert text.endswith(b"}\n")
        assert text.count(b"\n") == 1
        record = json.loads(text)
        assert list(record)[:6] == ["source", "line", "offset", "length", "reason", "message"]
        assert log[record["offset"] : record["offset"] + record["length"]] == log[reject.offset :][: reject.length]
        assert (record["line"], record["reason"]) == (reject.line, reject.reason)
        if reject.reason is Reason.LINE_TOO_LONG:
            assert not {"raw", "raw_base64"} & set(record)
        elif reject.reason is Reason.INVALID_UTF8:
            assert base64.b64decode(record["raw_base64"], validate=True) == reject.raw
            assert "raw" not in record
        else:
            assert record["raw"].encode() == reject.raw
            assert "raw_base64" not in record


@given(st.binary(), st.integers(0, 2**62), st.sampled_from(Reason), st.text(min_size=1))
def test_what_is_written_is_read(raw: bytes, offset: int, reason: Reason, stream: str) -> None:
    """A record gives back stream, offset, reason and bytes."""
    written = rejected.record(Reject(reason, "why", raw, len(raw), 1, offset, "app.log", stream))
    assert rejected.repair(written, "here") == Repair(stream, offset, reason, raw, "here")


@pytest.mark.parametrize("reason", Reason)
def test_a_line_that_was_not_held_cannot_be_repaired(reason: Reason) -> None:
    """A record without the line is no repair, until somebody adds it."""
    written = rejected.record(Reject(reason, "why", b"", 100, 1, 0, "app.log", "key"))
    with pytest.raises(KeyError, match="raw"):
        rejected.repair(written, "here")
    assert rejected.repair(written.replace(b"}", b',"raw":"x"}'), "here").raw == b"x"
