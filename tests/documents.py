"""The links of the documents, and their code blocks: run, and (as a script) written again with what commands print."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parent.parent
PAGES: Final = tuple(sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")))
"""The documents for users beside the README."""

DOCUMENTS: Final = (
    "README.md",
    *PAGES,
    "CONTRIBUTING.md",
    "ARCHITECTURE.md",
    "sample_data/README.md",
    "benchmarks/README.md",
)

_ANY_BLOCK = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
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


def prose(document: str) -> str:
    """Return a document without its blocks."""
    return _ANY_BLOCK.sub("", document)


def links(document: str) -> list[str]:
    """Return the targets of a document's links, without those of other hosts."""
    targets = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", prose(document)))
    return [target for target in targets if not re.match(r"https?://", target)]


def anchors(document: str) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a document; equal ones are numbered."""
    met: Counter[str] = Counter()
    found = set()
    for heading in re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE):
        text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        found.add(f"{slug}-{met[slug]}" if met[slug] else slug)
        met[slug] += 1
    return found


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
