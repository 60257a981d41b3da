"""The guide leads from an empty machine to a page that lives, by the two commands that it shows."""

import json
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

import process
from documents import blocks
from served import Served, ended_well, run

pytest.importorskip("fastapi", reason="built without the extra serve")

README = (Path(__file__).parent.parent.parent / "README.md").read_text(encoding="utf-8")


def test_two_commands_lead_to_the_live_page(tmp_path: Path) -> None:
    """The server creates the ledger and shows it, the producer fills it until it is stopped, and nothing is lost."""
    section = README.split("Without containers")[1]
    first, second = next(blocks(section, "sh")).text.splitlines()
    serve = first.partition(" eventstats serve ")[2].split()
    produce = second.partition(" eventstats produce ")[2].split()
    assert serve == ["--ledger", "live.db"]
    ledger = tmp_path / "live.db"
    with ended_well(Served(ledger)) as server:
        assert server.ask("/").status == 200
        words = [re.sub(r"http://localhost:\d+/", server.url, word) for word in produce]
        with subprocess.Popen([process.TOOL, "produce", *words], stdout=subprocess.PIPE) as producer:
            deadline = time.monotonic() + process.PATIENCE
            while server.ask("/account").json["accepted"] < 50 and time.monotonic() < deadline:
                time.sleep(0.1)
            producer.send_signal(signal.SIGTERM)
            out, _ = producer.communicate(timeout=process.PATIENCE)
            assert producer.returncode == -signal.SIGTERM
        account = server.ask("/account").json
        assert account["accepted"] >= 50
        assert json.loads(out)["lines"] == account["lines"]
    assert run("totals", "--ledger", ledger)
