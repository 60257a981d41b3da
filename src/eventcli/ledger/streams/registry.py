"""All known streams, indexed by what is known about them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from eventcli.ledger.streams.content import File
from eventcli.ledger.streams.stream import Stream, raw_key

_Key = TypeVar("_Key")


class Registry:
    """All known streams, indexed by what is known about them."""

    def __init__(self, streams: Iterable[Stream]) -> None:
        """Index the streams."""
        self._streams: dict[str, Stream] = {}
        self._by_name: dict[str, list[Stream]] = {}
        self._by_inode: dict[int, list[Stream]] = {}
        self._by_raw: dict[tuple[int, str], list[Stream]] = {}
        self._by_last_mark: dict[str, list[Stream]] = {}
        self._by_mark: dict[str, list[Stream]] = {}
        self._indexed: dict[str, str] = {}
        self._changed: dict[str, Stream] = {}
        for stream in streams:
            self.add(stream)

    def __iter__(self) -> Iterator[Stream]:
        return iter(self._streams.values())

    def add(self, stream: Stream) -> None:
        """Add a stream."""
        self._streams[stream.key] = stream
        self._by_name.setdefault(stream.name, []).append(stream)
        self.locate(stream)

    def remove(self, stream: Stream) -> None:
        """Remove a stream that was added and that no run has recorded."""
        del self._streams[stream.key]
        self._by_name[stream.name].remove(stream)
        self._changed.pop(stream.key, None)
        # Without these keys, the other tables can no longer find it.
        stream.device = stream.inode = stream.born = stream.raw_size = stream.seen = 0
        stream.head = ()

    def rename(self, name: str, other: str) -> None:
        """Move the streams of a family to another one, since its files were copied to another place."""
        for stream in self._by_name.pop(name):
            stream.name = other
            stream.is_renamed = True
            if not stream.seen:
                stream.device = stream.inode = stream.born = 0  # nothing else was known of it
            self._by_name.setdefault(other, []).append(stream)

    def locate(self, stream: Stream) -> None:
        """Index a stream by its current place and content."""
        if stream.is_placed:
            _index(self._by_inode, stream.inode, stream)
        if stream.raw_size:
            _index(self._by_raw, raw_key(stream), stream)
        self._changed[stream.key] = stream

    def of_name(self, name: str) -> Sequence[Stream]:
        """Return the streams of a family."""
        return self._by_name.get(name, ())

    def of_place(self, file: File) -> list[Stream]:
        """Return the streams that were last seen in this very file, as far as can be told without its content."""
        return [one for one in self._by_inode.get(file.inode, ()) if file.is_place_of(one)]

    def of_raw(self, file: File) -> list[Stream]:
        """Return the streams that were last seen in a compressed file with these bytes."""
        if not self._by_raw or not file.is_compressed:
            return []
        key = (file.size, file.raw_proof)
        return [stream for stream in self._by_raw.get(key, ()) if raw_key(stream) == key]

    def held_by(self, file: File) -> list[Stream]:
        """Return the streams that a file may hold, judging by its beginning, in descending order of bytes seen."""
        return self._alike(self._by_last_mark, file.marks if self._has_marks() else ())

    def beginning_with(self, file: File) -> list[Stream]:
        """Return the streams that may begin with the whole file, in descending order of bytes seen."""
        # The stream may hold the rest of a torn line.
        return self._alike(self._by_mark, file.marks[-2:] if self._has_marks() else ())

    def with_mark(self, mark: str, name: str) -> list[Stream]:
        """Return the streams of a family that have a mark."""
        return [one for one in self._by_mark.get(mark, ()) if one.name == name] if self._has_marks() else []

    def _has_marks(self) -> bool:
        for stream in self._changed.values():
            was, head = self._indexed.get(stream.key), stream.head
            if not head or was == head[-1]:
                continue
            self._indexed[stream.key] = head[-1]
            _index(self._by_last_mark, head[-1], stream)
            for mark in head:
                _index(self._by_mark, mark, stream)
        self._changed.clear()
        return bool(self._by_mark)

    def _alike(self, index: dict[str, list[Stream]], marks: Iterable[str]) -> list[Stream]:
        found = {stream.key: stream for mark in marks for stream in index.get(mark, ())}
        return sorted(found.values(), key=lambda stream: -stream.seen)


def _index(index: dict[_Key, list[Stream]], key: _Key, stream: Stream) -> None:
    streams = index.setdefault(key, [])
    if not streams or streams[-1] is not stream:
        streams.append(stream)
