"""A Redis server that speaks TLS only and asks for a password, as one that is not on the same host does."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from brokers import Server
from consumption import event
from process import TOOL, environment

trustme = pytest.importorskip("trustme")
redis = pytest.importorskip("redis", reason="no redis-py: eventcli[queue] is not installed")

SECRET = "not-to-be-seen"  # noqa: S105  # of a server that ends with the tests


class Locked(NamedTuple):
    """A server, and the file with the certificate of the authority that signed for it."""

    port: int
    authority: Path


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    """Run a server with TLS, and with a user who has a password."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server")
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))

    settings = f"""
        port 0
        bind 127.0.0.1
        tls-cert-file {folder}/server.pem
        tls-key-file {folder}/server.pem
        tls-auth-clients no
        save ""
        dir {folder}
        user shop on >{SECRET} ~* +@all
        user default off
    """
    (folder / "redis.conf").write_text("\n".join(line.strip() for line in settings.splitlines()))

    def command(port: int) -> list[str]:
        return [program, str(folder / "redis.conf"), "--tls-port", str(port)]

    server = Server(command)
    try:
        server.start()
        yield Locked(server.port, folder / "authority.pem")
    finally:
        server.stop()


def tool(locked: Locked, *args: str, is_trusted: bool = True, password: str = SECRET) -> tuple[int, str, str]:
    """Run the tool; return its status, its output and what it wrote on standard error."""
    variables = {"REDISCLI_AUTH": password} | ({"SSL_CERT_FILE": str(locked.authority)} if is_trusted else {})
    done = subprocess.run([TOOL, *args], capture_output=True, text=True, env=environment() | variables, check=False)
    return done.returncode, done.stdout, done.stderr


def fill(locked: Locked, stream: str, number: int) -> str:
    """Add entries to a stream, and return its URL."""
    context = {"ssl": True, "ssl_ca_certs": str(locked.authority), "username": "shop", "password": SECRET}
    with closing(redis.Redis(port=locked.port, host="127.0.0.1", **context)) as client:
        for one in range(number):
            client.xadd(stream, {"body": event(one)})
    return f"rediss://shop@127.0.0.1:{locked.port}/0?stream={stream}"


@pytest.mark.parametrize("group", ["", "&group=readers"])
def test_a_stream_is_consumed_by_tls(locked: Locked, tmp_path: Path, group: str) -> None:
    """A server that a trusted authority signed for must be read as any other, once."""
    source = fill(locked, f"good{len(group)}", 30) + group
    ledger = str(tmp_path / "ledger.db")
    for _ in range(2):
        assert tool(locked, "consume", "--drain", "--ledger", ledger, source)[::2] == (0, "")
    status, out, _ = tool(locked, "totals", "--ledger", ledger, "--type", "a", "--format", "csv")
    assert (status, out.splitlines()[1].split(",")[:2]) == (0, ["a", "10"])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"is_trusted": False}, "certificate verify failed"),
        ({"password": "another-secret"}, "invalid username-password pair"),
    ],
)
def test_a_server_that_is_not_trusted_or_refuses_is_one_sentence(
    locked: Locked, tmp_path: Path, given: dict[str, object], words: str
) -> None:
    """Neither a stranger's certificate nor a wrong password may be waited for, and no secret is shown."""
    source = fill(locked, "refused", 1)
    ledger = str(tmp_path / "ledger.db")
    status, out, err = tool(locked, "consume", "--drain", "--ledger", ledger, source, **given)  # type: ignore[arg-type]
    assert (status, out) == (3, "[]\n")
    assert words in err
    assert "secret" not in err
    assert SECRET not in err
    assert "Traceback" not in err
    assert "trying again" not in err


def test_events_are_produced_by_tls(locked: Locked, tmp_path: Path) -> None:
    """What is sent by TLS must arrive."""
    target = f"rediss://shop@127.0.0.1:{locked.port}/0?stream=produced"
    assert tool(locked, "produce", target, "--events", "25", "--seed", "1")[0] == 0
    ledger = str(tmp_path / "ledger.db")
    status, out, _ = tool(locked, "consume", "--drain", "--ledger", ledger, target)
    assert (status, sum(row["count"] for row in json.loads(out))) == (0, 25)
