"""Calls of SQS that are made without boto3 are the calls that boto3 makes, and whatever is no success is boto3's."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("boto3", reason="built without the extra queue")

import botocore.auth
import botocore.session
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from brokers import ENVIRONMENT
from eventcli.consume.sqs import calls_of
from eventcli.consume.sqs_calls import Calls, Keys, Pattern
from servers import in_background

SIGNED = "AWS4-HMAC-SHA256 Credential=AKIA/20201006/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=0"

HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Target": "AmazonSQS.ReceiveMessage",
    "x-amzn-query-mode": "true",
    "User-Agent": "eventstats",
    "amz-sdk-request": "attempt=1",
    "Authorization": SIGNED,
}

TEXTS = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="/"), min_size=1)


@given(
    st.binary(max_size=100),
    st.builds(Keys, TEXTS, TEXTS, st.none() | st.just("a  token")),
    st.integers(0, 4_000_000_000),
    st.sampled_from(("https://sqs.eu-west-1.amazonaws.com/", "http://localhost:9324/000000000000/a-queue_1.fifo")),
)
def test_a_signature_is_that_of_boto3(body: bytes, keys: Keys, moment: int, url: str) -> None:
    """The headers are signed as botocore signs the same headers at the same time."""
    pattern = Pattern.of(url, HEADERS)
    assert pattern is not None
    headers = pattern.signed(body, keys, datetime.fromtimestamp(moment, UTC))
    given = {name: value for name, value in headers.items() if name not in ("authorization", "x-amz-security-token")}
    request = AWSRequest("POST", url, given, body)
    request.context["timestamp"] = headers["x-amz-date"]
    signer = botocore.auth.SigV4Auth(Credentials(*keys), "sqs", "eu-west-1")
    if keys.token is not None:
        request.headers["X-Amz-Security-Token"] = keys.token
    canonical = signer.canonical_request(request)
    expected = signer.signature(signer.string_to_sign(request, canonical), request)
    assert headers["authorization"].endswith(f", Signature={expected}")
    assert f"SignedHeaders={signer.signed_headers(signer.headers_to_sign(request))}," in headers["authorization"]


@pytest.mark.parametrize(
    ("url", "changed"),
    [
        ("http://localhost/?Action=ReceiveMessage", {}),
        ("http://localhost/a%20queue", {}),
        ("http://localhost/", {"Authorization": "Bearer token"}),
        ("http://localhost/", {"Authorization": SIGNED.replace("AWS4-HMAC", "AWS4-ECDSA-P256")}),
        ("http://localhost/", {"Authorization": ""}),
        ("http://localhost/", {"Content-Type": "application/x-www-form-urlencoded"}),
    ],
)
def test_what_is_made_in_another_way_is_left_to_boto3(url: str, changed: dict[str, str]) -> None:
    """There is no pattern of a request whose address, body or signature is written differently."""
    assert Pattern.of("http://localhost/", HEADERS) is not None
    assert Pattern.of(url, HEADERS | changed) is None


Answer = tuple[int, bytes]

FINE: Answer = 200, b'{"Messages": []}'

REFUSED: Answer = 403, b'{"__type": "AccessDenied", "message": "no"}'

FAILED: Answer = 503, b'{"__type": "ServiceUnavailable", "message": "no"}'

CUT: Answer = 0, b""


@contextmanager
def calls(answer: Callable[[bool, int], Answer]) -> Iterator[tuple[Calls, list[bool]]]:
    """Yield calls of a server, and whether each of its requests came from boto3; `answer` gets that and its number."""
    seen: list[bool] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            """Answer a request."""
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert request["QueueUrl"].endswith("/0/queue")
            seen.append("amz-sdk-invocation-id" in self.headers)
            status, body = answer(seen[-1], len(seen))
            if not status:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, in_background(server):
        server.daemon_threads = True
        session: Any = botocore.session.get_session()
        session.set_credentials("test", "test")
        place = f"http://127.0.0.1:{server.server_port}"
        config = botocore.config.Config(retries={"max_attempts": 1, "mode": "standard"})
        client = session.create_client("sqs", "us-east-1", endpoint_url=place, config=config)
        made = calls_of(client, session)
        try:
            yield made, seen
        finally:
            made.close()
            client.close()


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing of this machine say who signs."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def ask(made: Calls) -> dict[str, Any]:
    """Receive messages, and return the answer without what boto3 says about it."""
    answer = made.call("ReceiveMessage", QueueUrl="http://queues/0/queue", MaxNumberOfMessages=10)
    answer.pop("ResponseMetadata", None)
    return answer


def _same(answer: Answer, _is_boto3: bool, _number: int) -> Answer:  # noqa: FBT001  # called by position
    return answer


def test_only_the_first_call_is_made_by_boto3() -> None:
    """The answers are those of boto3, whatever text is in them, and boto3 makes only the first call."""
    bodies = [FINE[1], b'{"Messages": [{"Body": "caf\\u00e9 \\ud800"}]}', b"{}"]
    for body in bodies:
        fine: Answer = 200, body
        with calls(partial(_same, fine)) as (made, seen):
            answers = [ask(made) for _ in range(4)]
            assert answers == [answers[0]] * 4
            assert seen == [True, False, False, False]


def test_a_proxy_is_left_to_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 makes all calls where a proxy is in use."""
    with calls(lambda *_: FINE) as (made, seen):
        # Of HTTPS, so that the server itself is still asked.
        monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
        assert [ask(made) for _ in range(3)] == [{"Messages": []}] * 3
        assert seen == [True] * 3


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (REFUSED, [True, False, True, True, True]),
        ((200, b"[]"), [True, False, True, True, True]),
        (FAILED, [True, False, True, False, True, False, True]),
        (CUT, [True, False, True, False, True, False, True]),
    ],
)
def test_what_is_no_success_is_asked_of_boto3(answer: Answer, expected: list[bool]) -> None:
    """boto3 makes the same call again; where only it succeeds, it makes all others, unless the server failed."""
    with calls(lambda is_boto3, _: FINE if is_boto3 else answer) as (made, seen):
        assert [ask(made) for _ in range(4)] == [{"Messages": []}] * 4
        assert seen == expected


def test_an_error_is_that_of_boto3() -> None:
    """A call that is refused raises what boto3 raises, and once it is not, all is as before."""
    with calls(lambda _, number: FINE if number in (1, 4) else REFUSED) as (made, seen):
        ask(made)
        with pytest.raises(ClientError, match="AccessDenied"):
            ask(made)
        assert seen == [True, False, True]
        assert ask(made) == {"Messages": []}
        assert seen == [True, False, True, False]
