"""The guide for Spark in docs/clusters.md holds: its commands start a cluster, and print the answer of one machine."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("pyspark", reason="no pyspark: eventcli[spark] is not installed")

import spark_cluster
from documents import ROOT, blocks, environment, workplace
from process import run


def test_the_commands_of_the_guide_work(tmp_path: Path) -> None:
    """All commands but the installation run as they are printed, and both answers are those of one machine."""
    guide = (ROOT / "docs" / "clusters.md").read_text(encoding="utf-8").split("\n## Spark\n")[1]
    java, install, text = next(blocks(guide, "sh")).text.split("\n", 2)
    assert java.startswith("apt-get install ")
    assert install == "pip install 'eventcli[spark]'"
    port = spark_cluster.free_port()
    text = text.replace("7077", str(port))
    # On a busy machine, a JVM may start for longer than the tool tries to reach it.
    waiting = f"until (: > /dev/tcp/127.0.0.1/{port}) 2> /dev/null; do sleep 0.2; done\n"
    text = text.replace("eventstats ", f"{waiting}eventstats ", 1)
    alone = run("sample_data/events.jsonl", cwd=workplace(tmp_path))
    with (tmp_path / "log").open("wb") as log, (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen(
            ("bash", "-euo", "pipefail", "-c", text),
            cwd=tmp_path,
            env=environment(),
            stdout=out,
            stderr=log,
            process_group=0,
        )
    try:
        assert process.wait(spark_cluster.PATIENCE) == 0, "".join(
            (tmp_path / name).read_text() for name in ("spark.log", "log")
        )
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    account = b"1000 lines = 1000 accepted + 0 rejected + 0 filtered + 0 blank\n"
    assert (tmp_path / "out").read_bytes() == alone.stdout + account
