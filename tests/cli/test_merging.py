"""`eventcli.cli.merging`: many files add up to one Summary, in memory that depends on what they add up to."""

import io
from pathlib import Path

import process
from eventcli import SourceReport, Summary, dump, load, summarize
from eventcli.cli.merging import Merge


def merge(*paths: Path) -> Summary:
    """Return what files add up to."""
    reports: list[SourceReport] = []
    merged = Merge(allow_overlap=False, allow_mixed=False, on_source=reports.append).run(map(str, paths))
    assert not reports
    return merged.summary


def test_many_summaries_add_up(tmp_path: Path) -> None:
    """Thousands of summaries, in one file and in many, add up to what one union of them gives."""
    parts = [
        summarize(io.BytesIO(b'{"type":"t%d","value":%d}\n' % (number % 50, number)), stretches=True)
        for number in range(1500)
    ]
    (tmp_path / "all").write_bytes(b"".join(map(dump, parts)))
    assert merge(tmp_path / "all") == Summary.union(parts)
    for number, part in enumerate(parts):
        (tmp_path / str(number)).write_bytes(dump(part))
    assert merge(*(tmp_path / str(number) for number in range(len(parts)))) == Summary.union(parts)


def test_a_long_result_is_not_held(tmp_path: Path) -> None:
    """Memory does not grow with the rows of a printed result that add up, nor with a text that is no result."""
    small, large, other = tmp_path / "small", tmp_path / "large", tmp_path / "other"
    row = b'{"type":"a","count":1,"sum":0.5}\n'
    small.write_bytes(row)
    large.write_bytes(row * 300_000)
    other.write_bytes(b"\0" * 50_000_000)
    least = process.measure("merge", str(small), cwd=tmp_path)
    most = process.measure("merge", str(large), "-f", "jsonl", cwd=tmp_path)
    assert most.stdout == b'{"type":"a","count":300000,"sum":150000.0}\n'
    assert most.peak < least.peak + 8
    refused = process.measure("merge", str(other), cwd=tmp_path)
    assert refused.status == 3
    assert refused.peak < least.peak + 8


def test_what_was_asked_for_is_kept(tmp_path: Path) -> None:
    """A merge of summaries with one question keeps the question, so that the next merge knows it."""
    (tmp_path / "log").write_bytes(process.GOOD)
    (tmp_path / "other").write_bytes(b'{"type":"b","value":1}\n' * 2)
    for name in ("log", "other"):
        process.run(name, "--count-only", "--save", f"{name}.sum", cwd=tmp_path)
    process.run("merge", "log.sum", "other.sum", "--save", "both.sum", cwd=tmp_path)
    assert b'"query":{"value_field":null}' in (tmp_path / "both.sum").read_bytes()
    assert load((tmp_path / "both.sum").read_bytes()).account.accepted == 3
    process.run("log", "--default-value", "1", "--save", "third.sum", cwd=tmp_path)
    assert process.run("merge", "both.sum", "third.sum", "--allow-overlap", cwd=tmp_path).status == 2
