"""Finds the present files of a ledger's streams: each file proves one stream, and no other."""

import os
from collections.abc import Iterable, Iterator, Sequence

from eventcli.ledger.streams.content import File
from eventcli.ledger.streams.stream import Stream
from eventcli.reading import deep
from eventcli.reading.rotations import by_base


def candidates(streams: Sequence[Stream], paths: Iterable[str]) -> Iterator[tuple[Stream, File | None]]:
    """Yield each stream with the file that holds it, or None: its last file, a sibling of that, or one of `paths`.

    Two streams with the same content need two files. No file holds a queue.
    """
    search = _Search(paths)
    found: dict[str, File] = {}
    in_files = [stream for stream in streams if stream.position is None]
    for stream in in_files:
        if (file := search.at_its_place(stream)) is not None:
            found[stream.key] = file
    # The more was seen of a stream, the fewer files can hold it.
    for stream in sorted(in_files, key=lambda one: -one.seen):
        if stream.key not in found and (file := search.elsewhere(stream)) is not None:
            found[stream.key] = file
    for stream in streams:
        yield stream, found.get(stream.key)


class _Search:
    """Files, each of which can be found once."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._given = list(dict.fromkeys(os.path.abspath(path) for path in paths))
        self._taken: set[object] = set()
        self._folders: dict[str, dict[str, list[str]]] = {}

    def at_its_place(self, stream: Stream) -> File | None:
        """Return the file in which a stream was last seen, if it is still there and holds the stream."""
        return self._take(stream, [stream.path], is_known=True) if stream.is_placed else None

    def elsewhere(self, stream: Stream) -> File | None:
        """Return another file that holds a stream."""
        paths = [stream.path, stream.name]
        for folder in dict.fromkeys(os.path.dirname(path) for path in paths):
            names = self._rotated(folder).get(os.path.basename(stream.name), ())
            paths += [os.path.join(folder, name) for name in names]
        return self._take(stream, dict.fromkeys((*paths, *self._given)), is_known=False)

    def _take(self, stream: Stream, paths: Iterable[str], *, is_known: bool) -> File | None:
        for path in paths:
            try:
                file = File(path)
            except OSError:
                continue
            try:
                is_wanted = file.key not in self._taken and (not is_known or file.is_place_of(stream))
                if is_wanted and file.proves(stream):
                    self._taken.add(file.key)
                    return file
            except OSError:
                continue
            finally:
                file.close(forget=True)
        return None

    def _rotated(self, folder: str) -> dict[str, list[str]]:
        if folder not in self._folders:
            try:
                self._folders[folder] = by_base(deep.names_in(folder))
            except OSError:
                self._folders[folder] = {}
        return self._folders[folder]
