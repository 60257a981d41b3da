"""The code blocks of the documents: found, run, and (as a script) written again with what the commands print now."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parent.parent
DOCUMENTS: Final = ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "sample_data/README.md", "benchmarks/README.md")

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """One fenced block: its language, its text, and where the text stands in the document."""

    language: str
    text: str
    start: int
    end: int


def blocks(document: str, language: str) -> Iterator[Block]:
    """Yield the blocks of a document that are in one language."""
    for match in _BLOCK.finditer(document):
        if match[1] == language:
            yield Block(match[1], match[2], match.start(2), match.end(2))


def commands(block: Block) -> list[str]:
    """Return the commands of a console block: the lines behind `$ `."""
    return [line.removeprefix("$ ") for line in block.text.splitlines() if line.startswith("$ ")]


def play(block: Block, folder: Path) -> str:
    """Run the commands of a console block in a folder, and return the block as it would have to read."""
    played = ""
    for command in commands(block):
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        played += f"$ {command}\n{done.stdout}"
    return played


def workplace(folder: Path) -> Path:
    """Put what the documents' commands read into a folder of their own, so that they leave nothing behind."""
    shutil.copytree(ROOT / "sample_data", folder / "sample_data")
    return folder


def environment() -> dict[str, str]:
    """Return an environment in which the tool is found, and looks the same everywhere."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("EVENTSTATS_")}
    return own | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "80", "LC_ALL": "C.UTF-8"}


def main() -> None:
    """Write the outputs of all console blocks again."""
    for name in DOCUMENTS:
        path = ROOT / name
        text = path.read_text() if path.exists() else ""
        with tempfile.TemporaryDirectory() as folder:
            place = workplace(Path(folder))
            played = [(block, play(block, place)) for block in blocks(text, "console")]
        for block, new in reversed(played):
            text = text[: block.start] + new + text[block.end :]
        if played:
            path.write_text(text)


if __name__ == "__main__":
    main()
