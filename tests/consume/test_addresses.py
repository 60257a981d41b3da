"""The URL of a queue names it, and a missing client is named with the command that installs it."""

import subprocess
import sys
from pathlib import Path

import pytest

from eventcli.consume.addresses import Address, AddressError


@pytest.mark.parametrize(
    ("source", "module", "extra"),
    [
        ("redis://127.0.0.1/0?stream=a", "redis", "queue"),
        ("sqs://a", "boto3", "queue"),
        ("kafka://127.0.0.1/a", "confluent_kafka", "kafka"),
    ],
)
def test_a_missing_client_is_named(tmp_path: Path, source: str, module: str, extra: str) -> None:
    """Without the client of a broker, the message says how to install it, with status 2 and no traceback."""
    arguments = ["consume", "--ledger", str(tmp_path / "ledger.db"), "--drain", source]
    script = f"import sys; sys.modules[{module!r}] = None; sys.argv[1:] = {arguments!r}"
    run = f"{script}; from eventcli.cli.process import main; main()"
    done = subprocess.run((sys.executable, "-c", run), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2, done.stderr
    assert f"pip install 'eventcli[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_names_keep_their_letters() -> None:
    """What stands in the place of a host keeps its case, and secrets are taken apart from it."""
    address = Address.of("redis://user:p%40ss@Host.Example:6380/2?stream=a%26b")
    assert (address.user, address.password, address.host, address.port) == ("user", "p@ss", "host.example", 6380)
    assert (address.named, address.path, dict(address.parameters)) == ("Host.Example:6380", "/2", {"stream": "a&b"})
    assert Address.of("sqs://Orders.fifo").named == "Orders.fifo"


@pytest.mark.parametrize("url", ["redis://h:99999/0", "redis://[::1/0", "redis://h?a=1&a=2"])
def test_what_is_no_url_is_refused(url: str) -> None:
    """A wrong port, a broken address and a repeated parameter are errors of the user."""
    with pytest.raises(AddressError):
        Address.of(url)
