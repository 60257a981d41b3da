"""The guide for Dask in docs/clusters.md holds: its commands start a cluster, and print the answer of one machine."""

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from clusters import PATIENCE
from documents import ROOT, blocks, environment, workplace
from process import run

pytest.importorskip("distributed", reason="no distributed: eventcli[dask] is not installed")


def test_the_commands_of_the_guide_work(tmp_path: Path) -> None:
    """All commands but the installation run as they are printed, and both answers are those of one machine."""
    guide = (ROOT / "docs" / "clusters.md").read_text().split("\n## Dask\n")[1]
    install, _, text = next(blocks(guide, "sh")).text.partition("\n")
    assert install == "pip install 'eventcli[dask]'"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        text = text.replace("8786", str(free.getsockname()[1])).replace("--nworkers -1", "--nworkers 2")
    # Another user of the machine may have the port of the page.
    text = text.replace("dask scheduler", "dask scheduler --dashboard-address 127.0.0.1:0")
    alone = run("sample_data/events.jsonl", cwd=workplace(tmp_path))
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            ("bash", "-euo", "pipefail", "-c", text),
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=log,
            process_group=0,
        )
    assert process.stdout is not None
    try:
        assert process.wait(PATIENCE) == 0, (tmp_path / "log").read_text()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
    with process.stdout as printed:
        assert printed.read() == alone.stdout + b"1000 lines = 1000 accepted + 0 rejected + 0 filtered + 0 blank\n"
