"""Streams with other framings are summarised alike, whatever the size of blocks and the number of threads."""

import io
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli import Reject, summarize
from eventcli.reading.portions import ByteRange

TEXTS = st.lists(
    st.sampled_from(
        [
            '{"type":"a","value":1}',
            '{\n  "type": "b",\n  "value": 2.5\n}',
            '{"type":"a","value":"x"}',
            '[{"type":"a","value":4},\n{"type":"b"}]',
            '{"type":"a","va\n',
            "7",
        ]
    ),
    max_size=8,
)


@given(TEXTS, st.sampled_from(["", "\n", "\x1e", ", "]), st.integers(1, 100), st.integers(1, 3))
@pytest.mark.usefixtures("body")
def test_blocks_and_threads_make_no_difference(texts: list[str], between: str, block_size: int, jobs: int) -> None:
    """The summary is the same, and so are the rejects, each where it stands in the stream."""
    stream = between.join(texts).encode()
    results = []
    for size, number in ((1 << 20, 1), (block_size, jobs)):
        rejects: list[Reject] = []
        summary = summarize(io.BytesIO(stream), framing="json", block_size=size, jobs=number, on_reject=rejects.append)
        results.append((summary.account, dict(summary.types), rejects))
        for reject in rejects:
            assert stream[reject.offset : reject.offset + reject.length] == (reject.raw or stream[reject.offset :])
            assert reject.line == stream[: reject.offset].count(b"\n") + 1

    assert results[0] == results[1]


@pytest.mark.usefixtures("body")
def test_small_files_are_framed_each(tmp_path: Path) -> None:
    """Many small files in a directory are read with the framing, each from its beginning."""
    for number in range(20):
        (tmp_path / f"{number}.json").write_bytes(b'[{"type":"a","value":1},\n{"type":"a","value":2}]')

    summary = summarize(str(tmp_path), framing="json", jobs=2)

    assert (summary["a"].count, summary["a"].sum, summary.account.rejects) == (40, Decimal(60), 0)


@pytest.mark.usefixtures("body")
def test_byte_ranges_have_no_texts(tmp_path: Path) -> None:
    """A byte range consists of lines: with texts it is refused, and nothing is counted twice or lost."""
    path = tmp_path / "in.json"
    path.write_bytes(b'{"type":"a",\n"value":1}')

    with pytest.raises(OSError, match="has none"):
        summarize(ByteRange(str(path), 0, 5), framing="json")
