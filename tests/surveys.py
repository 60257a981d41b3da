"""Logs and streams in a folder, and the state that the rules of a plan share."""

import gzip
import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from eventcli.ledger.streams.candidate import Candidate, Family
from eventcli.ledger.streams.content import File, note_content, note_place
from eventcli.ledger.streams.registry import Registry
from eventcli.ledger.streams.rules.named import look_at
from eventcli.ledger.streams.stored import Descriptors
from eventcli.ledger.streams.stream import State, Stream
from eventcli.ledger.streams.survey import Looking, Survey


def lines(first: int, last: int) -> bytes:
    """Return lines that differ."""
    return b"".join(b'{"type":"a","value":%d}\n' % number for number in range(first, last))


def tick() -> None:
    """Let so much time pass that two files have not the same time."""
    time.sleep(0.012)


BEATS = b'{"type":"beat","value":1}\n' * 10
"""Lines that are all the same."""


def refuse(monkeypatch: pytest.MonkeyPatch, refused: set[str], error: OSError) -> None:
    """Let files not be opened, as if their rights said so."""
    original = File._open  # noqa: SLF001  # where every file is opened

    def open_(file: File) -> int:
        if os.path.basename(file.path) in refused:
            with file._failing():  # noqa: SLF001  # as its own errors
                raise error
        return original(file)

    monkeypatch.setattr(File, "_open", open_)


class Field:
    """A folder with a log `app.log` and its rotated files."""

    def __init__(self, folder: Path) -> None:
        """Begin with nothing."""
        self.folder = folder
        self.log = folder / "app.log"
        self._keys = iter(f"new{number}" for number in range(100))

    def write(self, name: str, content: bytes) -> Path:
        """Write a file, compressed if its name says so."""
        path = self.folder / name
        path.write_bytes(gzip.compress(content, mtime=0) if name.endswith(".gz") else content)
        return path

    def seen(self, key: str, name: str = "app.log", end: int | None = None, state: State = State.LIVE) -> Stream:
        """Return a stream of the log of which everything, or so many bytes, was read in a file."""
        stream = Stream(key, str(self.log))
        file = File(str(self.folder / name))
        note_place(stream, file)
        stream.offset = file.length if end is None else end
        note_content(stream, file, stream.offset)
        stream.state, stream.is_new = state, False
        file.close()
        return stream

    def survey(self, streams: Sequence[Stream] = (), names: Sequence[str] = ("app.log",)) -> Survey:
        """Return a survey that has looked at these files."""
        survey = Survey(Registry(streams), self._keys.__next__, Looking(Descriptors()))
        look_at(survey, [str(self.folder / name) for name in names])
        return survey


def family_of(survey: Survey) -> Family:
    """Return the only family."""
    (family,) = survey.families.values()
    return family


def file_of(survey: Survey, name: str = "app.log") -> Candidate:
    """Return a file of the only family by its name."""
    (file,) = (one for one in family_of(survey).files if Path(one.path).name == name)
    return file


def held(survey: Survey) -> dict[str, str]:
    """Return the name of the file that holds each stream, by key."""
    return {key: Path(file.path).name for key, file in survey.claims.items()}
