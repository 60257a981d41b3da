"""`eventcli.redaction`: no password, token or signature of a URL is shown or kept, anywhere."""

import json
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventcli.redaction import HARMLESS, redacted, redacted_text
from process import GOOD, run
from servers import serve

SECRET: Final = "s3cr3t-T0ken"  # noqa: S105  # it is none


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.org/a.log", "https://example.org/a.log"),
        ("https://example.org:8080/a@b", "https://example.org:8080/a@b"),
        ("http://[::1]:80/a@b", "http://[::1]:80/a@b"),
        ("https://u:p@h/x", "https://***@h/x"),
        ("https://token@h/x", "https://***@h/x"),
        ("https://u:p/a@h/x", "https://***@h/x"),
        ("https://u:p@q@h", "https://***@h"),
        ("HTTPS://u:p?a#b@h/x", "HTTPS://***@h/x"),
        ("https://h/x?versionId=a1&sig=b", "https://h/x?versionId=a1&sig=***"),
        ("https://h/x?sig=a=b", "https://h/x?sig=***"),
        ("https://h/x?sig=", "https://h/x?sig="),
        ("https://h/x?token", "https://h/x?***"),
        ("https://h/x?day=2020-10-06;key=a", "https://h/x?day=2020-10-06;key=***"),
        ("https://h/x?date=<s>", "https://h/x?date=***"),
        ("https://h/x#access_token=a", "https://h/x#access_token=***"),
        ("https://h/x#part", "https://h/x#part"),
        ("https://h/x;jsessionid=a/y", "https://h/x;jsessionid=***/y"),
        ("s3://bucket/a?.log", "s3://bucket/a?.log"),
        ("s3://bucket/a*?versionId=1&x=y", "s3://bucket/a*?versionId=1&x=***"),
        ("abfs://container@account/x", "abfs://container@account/x"),
        ("abfs://u:p@account/x", "abfs://***@account/x"),
        ("a.log", "a.log"),
    ],
)
def test_what_is_shown_of_a_url(url: str, shown: str) -> None:
    """Nothing of what says who asks, and of a query only what is known to be harmless; what is shown stays so."""
    assert redacted(url) == shown
    assert redacted(shown) == shown


NAMES: Final = [
    *("X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "X-Goog-Signature", "X-Goog-Credential"),
    *("sig", "se", "token", "access_token", "api_key", "apikey", "key", "password", "secret", "Signature", "auth"),
    *("AWSAccessKeyId", "GoogleAccessId", "Policy", "Key-Pair-Id", "code", "session", "X%2DAmz%2DSignature", "datE%20"),
]


@given(
    st.sampled_from(["http", "https", "HTTP", "ftp"]),
    st.sampled_from(NAMES),
    st.lists(st.sampled_from(sorted(HARMLESS)), max_size=3),
    st.integers(0, 3),
)
def test_no_parameter_with_a_secret_is_shown(scheme: str, name: str, others: list[str], place: int) -> None:
    """Wherever a secret is in a query, and whatever it is called, it is not shown, also within other text."""
    parts = [f"{other}=1" for other in others]
    parts.insert(place, f"{name}={SECRET}")
    url = f"{scheme}://h/x?{'&'.join(parts)}"
    assert SECRET not in redacted(url)
    text = f"cannot get '{url}', or ({url}), or <{url}>: refused"
    assert SECRET not in redacted_text(text)
    assert redacted_text(text).endswith(": refused")


@given(st.text(max_size=50))
def test_any_text(text: str) -> None:
    """Text without a URL stays as it is, and any text is taken."""
    if "://" not in text:
        assert redacted_text(text) == redacted(text) == text
    redacted(f"http://{text}")
    assert SECRET not in redacted(f"http://user:{SECRET}@h/{text}")


def _kept(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def test_secrets_are_nowhere(body: str, tmp_path: Path) -> None:  # noqa: ARG001  # both bodies
    """Whatever is written of a URL, to stderr, to standard output and into files, holds none of its secrets."""
    with serve() as server:
        server.objects["log"] = GOOD + b"bad\n"
        url = f"{server.url}/log?X-Amz-Signature={SECRET}&versionId=1"
        shown = f"{server.url}/log?X-Amz-Signature=***&versionId=1"
        ended = run(url, "--save", "saved", "--rejects", "rejects", cwd=tmp_path)
        assert ended.status == 0
        assert f"eventstats: {shown}:2: invalid_json" in ended.stderr
        assert json.loads((tmp_path / "rejects").read_bytes())["source"] == shown
        assert json.loads((tmp_path / "saved").read_bytes())["sources"][0]["name"] == shown
        assert f"X-Amz-Signature={SECRET}" in server.seen[0].path
        texts = [ended.stderr]
        for args in (
            ("merge", "saved", "saved"),
            ("ingest", "--ledger", "ledger", url, "--save", "saved2", "--rejects", "rejects2"),
            ("ingest", "--ledger", "ledger", url, "-f", "prometheus"),
            ("totals", "--ledger", "ledger", "--save", "saved3"),
            ("rejects", "--ledger", "ledger"),
            ("verify", "--ledger", "ledger"),
            (url, url),
            (url.replace("log", "none"),),
            (url.replace("//", f"//user:{SECRET}@"),),
            (f"s3://user:{SECRET}@bucket/key?x={SECRET}",),
            (f"nothing://user:{SECRET}@bucket/key?x={SECRET}",),
            ("-o", f"http://user:{SECRET}@host/x"),
            ("--ledger", f"http://user:{SECRET}@host/x"),
            ("totals", "--ledger", f"http://user:{SECRET}@host/x"),
            ("--files-from", f"http://user:{SECRET}@127.0.0.1:1/x"),
            ("--by", f"http://user:{SECRET}@host/x"),
        ):
            ended = run(*args, cwd=tmp_path)
            texts += [ended.stderr, ended.stdout.decode()]
    assert not [text for text in texts if SECRET in text]
    assert SECRET.encode() not in _kept(tmp_path)


def test_a_stream_is_known_under_another_signature(body: str, tmp_path: Path) -> None:  # noqa: ARG001  # both bodies
    """The next signature of the same URL is the same stream for a ledger: what was read is not read again."""
    with serve() as server:
        server.objects["log"] = GOOD
        assert run("ingest", "--ledger", "l", f"{server.url}/log?sig={SECRET}1", cwd=tmp_path).status == 0
        server.objects["log"] = 3 * GOOD
        ended = run("ingest", "--ledger", "l", f"{server.url}/log?sig={SECRET}2", "-f", "jsonl", cwd=tmp_path)
    assert (ended.status, ended.stdout, ended.stderr) == (0, b'{"type":"a","count":2,"sum":2}\n', "")


def test_saved_summaries_of_earlier_versions(tmp_path: Path) -> None:
    """A summary that was saved with a secret in the name of a source is merged, shown and saved without it."""
    source = {"name": f"http://u:{SECRET}@h/", "bytes": 0, "lines": 0, "status": "missing"}
    account = {"lines": 0, "accepted": 0, "rejected": {}, "filtered": 0, "blank": 0}
    saved = {"schema": "eventstats.summary", "version": 1, "complete": False, "account": account, "types": []}
    sources = [source | {"message": f"http://h/?sig={SECRET} is gone"}]
    (tmp_path / "saved").write_text(json.dumps(saved | {"sources": sources}))
    ended = run("merge", "saved", "--save", "again", cwd=tmp_path)
    assert ended.status == 3
    assert "http://***@h/: missing: http://h/?sig=*** is gone" in ended.stderr
    assert SECRET.encode() not in (tmp_path / "again").read_bytes()
