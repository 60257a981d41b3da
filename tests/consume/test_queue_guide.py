"""The guide of docs/queues.md holds: its commands run against a server of Redis."""

import subprocess
from pathlib import Path

from brokers import Server
from documents import ROOT, blocks, environment


def test_the_commands_of_the_guide_work(redis: Server, tmp_path: Path) -> None:
    """The first block of the guide fills a queue, consumes it, and prints totals of all that was sent."""
    guide = (ROOT / "docs" / "queues.md").read_text()
    text = next(blocks(guide, "sh")).text.replace("localhost:6379", f"127.0.0.1:{redis.port}")
    done = subprocess.run(
        ("bash", "-euo", "pipefail", "-c", text),
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert '{"lines": 1000, "messages": 1000, "repeats": 0}' in done.stdout
    assert '"type":"purchase"' in done.stdout
