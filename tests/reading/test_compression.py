"""`reading.compression.decompressed`: one content in every encoding, whole and broken, means the same lines."""

import bz2
import gzip
import io
import itertools
import lzma
import os
import subprocess
import sys
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, cast

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import process
from eventcli import SourceReport, Status, Summary, summarize, testing
from eventcli.readable import DamagedError, TruncatedError, readable
from eventcli.reading.compression import members as members_module
from eventcli.reading.compression.decompressed import Decompressed
from eventcli.reading.compression.encodings import HEAD, Encoding, UnsupportedError, identify

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LINES: Final = 60
CONTENT: Final = b"".join(
    b'{"type":"%s","value":%d.%02d,"note":"%d"}\n' % (name, number, number % 100, number**7)
    for number, name in zip(range(LINES), itertools.cycle([b"sale", b"view"]), strict=False)
)
"""What all fixtures hold, not too even, so that there is much to be damaged."""

LIBRARIES: Final = ("gzip", "gzip, standard library", "zstd", "bzip2", "xz", "lz4")
"""The encodings, and gzip once more without isal."""

ENCODED: Final = [Encoding.GZIP, Encoding.ZSTD, Encoding.BZIP2, Encoding.XZ, Encoding.LZ4]


def _zstd(data: bytes) -> bytes:
    return zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1})


def _lz4(data: bytes) -> bytes:
    frame = pytest.importorskip("lz4.frame", reason="the extra eventcli[lz4] is not installed")
    return bytes(frame.compress(data, content_checksum=True))


COMPRESS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "plain": bytes,
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "zstd": _zstd,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lz4": _lz4,
}


class Codec(NamedTuple):
    """An encoding that the current test is about."""

    encoding: Encoding
    compress: Callable[[bytes], bytes]


@pytest.fixture(params=LIBRARIES)
def codec(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Codec:
    """Return each encoding in turn; gzip also as it is read where isal has no wheel."""
    name, _, library = request.param.partition(", ")
    if library:
        monkeypatch.setitem(sys.modules, "isal", None)
    elif name == "gzip":
        pytest.importorskip("isal", reason="there is no isal for this machine")
    COMPRESS[name](b"")  # skips where its library is missing
    return Codec(Encoding(name), COMPRESS[name])


class OneByte(io.RawIOBase):
    """A stream that hands over one byte at a time, and in which one cannot go back."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        """Say that this is a stream to read from."""
        return True

    def readinto(self, buffer: object) -> int:
        """Give one byte."""
        return self._data.readinto(memoryview(cast("bytearray", buffer))[:1])


def stream_of(data: bytes) -> BinaryIO:
    """Return a stream that hands over one byte at a time."""
    return cast("BinaryIO", OneByte(data))


def read(stream: BinaryIO, *, ahead: bool = False, size: int = 1 << 20) -> tuple[bytes, OSError | None]:
    """Return all that can be read of a stream, and how it ended if not well."""
    found = b""
    with Decompressed(readable(stream), ahead=ahead) as decompressed:
        buffer = memoryview(bytearray(size))
        try:
            while got := decompressed.readinto(buffer):
                found += buffer[:got]
        except OSError as error:
            with pytest.raises(type(error)):
                decompressed.readinto(buffer)  # not the end of the stream, however often one asks
            return found, error
        assert not decompressed.readinto(buffer)
    return found, None


# --------------------------------------------------------------------------------------------- whole streams

SKIPPABLE: Final = b"\x5a\x2a\x4d\x18\x05\x00\x00\x00hello"

Form = Callable[[Codec], bytes]

GOOD: Final[dict[str, Form]] = {
    "whole": lambda codec: codec.compress(CONTENT),
    "two members": lambda codec: codec.compress(CONTENT[:1000]) + codec.compress(CONTENT[1000:]),
    "a member for each byte": lambda codec: b"".join(codec.compress(CONTENT[i : i + 1]) for i in range(len(CONTENT))),
    "empty members": lambda codec: codec.compress(b"") * 2 + codec.compress(CONTENT) + codec.compress(b""),
    "byte-order mark": lambda codec: codec.compress(b"\xef\xbb\xbf" + CONTENT),
    "no newline at the end": lambda codec: codec.compress(CONTENT[:-1]),
}
"""One content in every form that is right."""


@pytest.mark.parametrize("form", GOOD)
@pytest.mark.parametrize("jobs", [1, 3])
def test_one_content_means_the_same_in_every_encoding(
    body: str, codec: Codec, form: str, jobs: int, tmp_path: Path
) -> None:
    """A file, a stream and one that hands over single bytes mean what the plain content does, under whatever name."""
    data = GOOD[form](codec)
    expected = summarize(io.BytesIO(CONTENT))
    path = tmp_path / "events.zip"
    path.write_bytes(data)
    for source in (path, io.BytesIO(data), stream_of(data)):
        summary = summarize(source, jobs=jobs, block_size=300)
        assert (summary.types, summary.account) == (expected.types, expected.account), body
        length = len(CONTENT) + 3 * (form == "byte-order mark") - (form == "no newline at the end")
        assert [(report.bytes, report.lines) for report in summary.sources] == [(length, LINES)]
        assert summary.complete


@pytest.mark.parametrize("encoding", ENCODED)
def test_compressed_standard_input_is_read(body: str, encoding: Encoding) -> None:
    """Standard input is decompressed, too, and nothing is said of it."""
    plain = process.run(stdin=CONTENT)
    ended = process.run(stdin=COMPRESS[encoding](CONTENT))
    assert ended == plain, body
    assert ended.status == 0
    assert ended.stderr == ""


@given(data=st.data(), ahead=st.booleans(), size=st.integers(1, 2000))
def test_the_sizes_of_reads_do_not_matter(codec: Codec, data: st.DataObject, ahead: bool, size: int) -> None:  # noqa: FBT001  # drawn
    """Whatever the sizes of pieces, chunks and buffers, with or without a thread, the same bytes are read."""
    content = data.draw(testing.logs())
    members = codec.compress(content) + codec.compress(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(members_module, "CHUNK", data.draw(st.integers(1, 50)))
        patch.setattr(members_module, "_INPUT", data.draw(st.integers(1, 50)))
        patch.setattr(members_module, "_KEPT", data.draw(st.integers(0, 50)))
        for stream in (io.BytesIO(members), stream_of(members)):
            assert read(stream, ahead=ahead, size=size) == (content * 2, None)


def test_an_empty_stream_is_empty(body: str, codec: Codec) -> None:
    """Nothing, and a member of nothing, have no lines and are complete."""
    for data in (b"", codec.compress(b"")):
        summary = summarize(io.BytesIO(data))
        assert summary.account.lines == 0, body
        assert summary.complete


def test_the_encoding_is_told(codec: Codec) -> None:
    """Which encoding a stream has is told before and after it is read, and asking loses nothing."""
    for data, encoding in ((codec.compress(CONTENT), codec.encoding), (CONTENT, Encoding.PLAIN), (b"", Encoding.PLAIN)):
        stream = Decompressed(io.BytesIO(data))
        buffer = memoryview(bytearray(10_000))
        found = b""
        assert stream.encoding is encoding
        while got := stream.readinto(buffer):
            found += buffer[:got]
        assert found == (CONTENT if data else b"")
        assert stream.encoding is encoding


@pytest.mark.parametrize("encodings", list(itertools.permutations(["gzip", "zstd", "xz"], 2)))
def test_members_of_different_encodings_are_read(encodings: tuple[str, str]) -> None:
    """Files of different encodings that were put together are read to their end."""
    parts = [COMPRESS[encoding](CONTENT) for encoding in encodings]
    assert read(io.BytesIO(b"".join(parts))) == (CONTENT * 2, None)


@pytest.mark.parametrize("encoding", ["zstd", "lz4"])
def test_skippable_frames_are_skipped(encoding: str) -> None:
    """Frames that hold something for other programs are skipped, wherever they stand; cut ones are truncated."""
    frame = COMPRESS[encoding](CONTENT)
    assert read(io.BytesIO(SKIPPABLE + frame + SKIPPABLE * 2 + frame + SKIPPABLE)) == (CONTENT * 2, None)
    assert read(io.BytesIO(SKIPPABLE)) == (b"", None)
    for length in range(len(SKIPPABLE) - 1, 3, -1):
        found, error = read(io.BytesIO(frame + SKIPPABLE[:length]))
        assert found == CONTENT
        assert isinstance(error, TruncatedError)


def test_gzip_in_a_file_goes_straight_into_the_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that comes out of gzip members is copied, unless they may hold an archive or something else follows."""
    pytest.importorskip("isal", reason="there is no isal for this machine")
    monkeypatch.setattr(members_module, "all_members", lambda _: iter([b"copied"]))
    member = COMPRESS["gzip"](CONTENT)
    for ahead in (False, True):
        assert read(io.BytesIO(member + bytes(100) + member), ahead=ahead) == (CONTENT * 2, None)
    assert read(io.BytesIO(COMPRESS["gzip"](b"no JSON"))) == (b"copied", None)
    assert read(io.BytesIO(member + COMPRESS["zstd"](CONTENT)), size=HEAD) != (CONTENT * 2, None)
    assert read(stream_of(member)) == (b"copied", None)


def test_padding_of_zeros_is_no_garbage() -> None:
    """Behind gzip members zeros are left out, as gzip does; behind xz streams multiples of four, as its format says."""
    for encoding, zeros in (("gzip", 1), ("gzip", 2000), ("xz", 4), ("xz", 2000)):
        data = COMPRESS[encoding](CONTENT)
        assert read(io.BytesIO(data + bytes(zeros) + data + bytes(zeros))) == (CONTENT * 2, None)
    for encoding, zeros in (("xz", 3), ("zstd", 4), ("bzip2", 4)):
        data = COMPRESS[encoding](CONTENT)
        found, error = read(io.BytesIO(data + bytes(zeros)))
        assert found == CONTENT
        assert isinstance(error, DamagedError)


# --------------------------------------------------------------------------------------------- broken streams


def lines_in(codec: Codec, data: bytes) -> int:
    """Return how many lines a library finds in the beginning of a compressed stream."""
    decompressors: dict[Encoding, Callable[[], Any]] = {
        Encoding.GZIP: lambda: zlib.decompressobj(31),
        Encoding.ZSTD: zstd.ZstdDecompressor,
        Encoding.BZIP2: bz2.BZ2Decompressor,
        Encoding.XZ: lzma.LZMADecompressor,
        Encoding.LZ4: lambda: pytest.importorskip("lz4.frame").LZ4FrameDecompressor(),
    }
    found: bytes = decompressors[codec.encoding]().decompress(data, 1 << 20)
    return found.count(b"\n")


def test_what_a_truncated_stream_holds_is_counted(body: str, codec: Codec) -> None:
    """Cut after any byte, all lines before the cut count, and the source is truncated at the end of what there is."""
    data = codec.compress(CONTENT)
    shortest = 4 if codec.encoding is Encoding.BZIP2 else 2
    for length in range(shortest, len(data), 1 if body == "python" else 7):
        summary, problems = outcome(io.BytesIO(data[:length]))
        lines = summary.account.lines
        assert summary.account.accepted == lines == lines_in(codec, data[:length])
        [problem] = problems
        assert (problem.status, problem.lines) == (Status.TRUNCATED, lines)
        assert problem.message.startswith(f"the compressed data ({codec.encoding}) break off, at byte {length}")
        assert problem.bytes == sum(map(len, CONTENT.splitlines(keepends=True)[:lines]))


@given(length=st.integers(10, 500), chunk=st.integers(1, 500), size=st.integers(1, 100))
def test_the_sizes_of_reads_do_not_matter_before_a_cut(codec: Codec, length: int, chunk: int, size: int) -> None:
    """Whatever the sizes of pieces and chunks, what stands before a cut is read to the same byte."""
    data = codec.compress(CONTENT)[:length]
    expected, _ = read(io.BytesIO(data))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(members_module, "CHUNK", chunk)
        patch.setattr(members_module, "_INPUT", size)
        found, error = read(io.BytesIO(data))
    assert found == expected
    assert isinstance(error, TruncatedError)


@pytest.mark.parametrize("ahead", [False, True])
def test_a_truncated_member_behind_a_whole_one(codec: Codec, ahead: bool) -> None:  # noqa: FBT001  # parametrised
    """Cut anywhere in its second member, a stream still has all of its first, and is not complete."""
    data = codec.compress(CONTENT)
    for length in range(1, len(data)):
        found, error = read(io.BytesIO(data + data[:length]), ahead=ahead)
        assert found[: len(CONTENT)] == CONTENT
        assert CONTENT.startswith(found[len(CONTENT) :])
        assert isinstance(error, TruncatedError)


@pytest.mark.parametrize("in_memory", [True, False])
def test_no_damaged_byte_goes_unnoticed(
    codec: Codec,
    in_memory: bool,  # noqa: FBT001  # parametrised
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whichever byte is damaged, what is read is what stands before the damage, or the whole; else an error says so."""
    if not in_memory:
        monkeypatch.setattr(members_module, "_KEPT", 0)
        monkeypatch.setattr(members_module, "_INPUT", 700)
    data = codec.compress(CONTENT)
    magic = 10 if codec.encoding is Encoding.BZIP2 else 6
    noticed = 0
    for place in range(magic, len(data), 3):
        broken = data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :]
        found, error = read(io.BytesIO(broken))
        if error is None:
            assert found == CONTENT  # a time stamp or the like
            continue
        noticed += 1
        assert isinstance(error, TruncatedError)
        if isinstance(error, DamagedError):
            assert error.offset <= len(data)
        # What was decompressed before the damage showed may be wrong in the end, but none of it is missing.
        assert found.count(b"\n") == read(io.BytesIO(broken), size=1)[0].count(b"\n")
    assert noticed > 0.3 * (len(data) - magic)


def test_all_lines_before_a_wrong_checksum_count(body: str, codec: Codec) -> None:
    """A member that is whole but for its checksum is damaged, at its end, and its lines count."""
    data = codec.compress(CONTENT)
    # The last byte that belongs to a checksum of the content, and not to the frame around it.
    place = {Encoding.GZIP: len(data) - 5, Encoding.BZIP2: len(data) - 2}.get(codec.encoding, len(data) - 1)
    broken = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
    summary, [problem] = outcome(io.BytesIO(broken))
    assert problem.status is Status.DAMAGED, body
    assert problem.message.startswith(f"the compressed data ({codec.encoding}) are damaged: ")
    assert summary.account.accepted == problem.lines == LINES
    assert not summary.complete


@pytest.mark.parametrize("garbage", [b"x", b"\n", CONTENT, b"PK\x03\x04", b"\xff" * 2000])
def test_garbage_behind_the_last_member_is_said(body: str, codec: Codec, garbage: bytes) -> None:
    """Whatever stands behind the last member is not read, and not swallowed either."""
    data = codec.compress(CONTENT)
    summary, [problem] = outcome(io.BytesIO(data + garbage))
    message = f"something else follows the compressed data ({codec.encoding}) and was not read, at byte {len(data)}"
    assert problem == SourceReport("<BytesIO>", len(CONTENT), LINES, Status.DAMAGED, message), body
    assert summary.account.accepted == LINES


def test_an_unfinished_line_before_damage_is_said(body: str) -> None:
    """The part of a line that stands before damage is no line; how long it is is said."""
    data = gzip.compress(b'{"type":"a","value":1}\n{"type":"a"', mtime=0)
    summary, [problem] = outcome(io.BytesIO(data[:-1]))
    assert summary.account.lines == 1, body
    message = f"the compressed data (gzip) break off, at byte {len(data) - 1}"
    assert problem.message == f"{message}; 11 bytes of an unfinished line before that do not count"


def test_damage_in_a_stream_that_cannot_be_read_again(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a member is longer than what is kept of it, only the last bytes before damage are lost, and it is said."""
    monkeypatch.setattr(members_module, "_KEPT", 0)
    monkeypatch.setattr(members_module, "_INPUT", 100)
    data = codec.compress(CONTENT)
    found, error = read(stream_of(data[:-5] + bytes([data[-5] ^ 1]) + data[-4:]))
    assert CONTENT.startswith(found)
    assert isinstance(error, DamagedError)


def test_the_command_line_says_what_is_broken(body: str, tmp_path: Path) -> None:
    """Of a truncated file among good ones the lines are counted; a message names file and offset, exit status 3."""
    whole = gzip.compress(CONTENT, mtime=0)
    (tmp_path / "cut.log").write_bytes(whole[:-3])
    (tmp_path / "good.log").write_bytes(whole)
    ended = process.run("cut.log", "good.log", "-f", "csv", cwd=tmp_path)
    assert ended.status == 3, body
    assert (
        ended.stdout
        == process.run(stdin=CONTENT * 2, cwd=tmp_path, env=process.environment(EVENTSTATS_FORMAT="csv")).stdout
    )
    assert ended.stderr == (
        f"eventstats: cut.log: truncated: the compressed data (gzip) break off, at byte {len(whole) - 3}"
        " (after 60 lines)\n"
        "eventstats: 120 lines = 120 accepted + 0 rejected + 0 filtered + 0 blank; incomplete\n"
    )


def outcome(stream: BinaryIO) -> tuple[Summary, list[SourceReport]]:
    """Summarise a stream; return the problems, too."""
    problems: list[SourceReport] = []
    return summarize(stream, on_problem=problems.append), problems


# ------------------------------------------------------------------------------------- what a stream holds


@given(st.binary(max_size=300), st.integers(0, 300))
@example(b"BZh91AY&SY", 3)
@example(b"\x1f\x8b", 1)
@example(b"a" * 257 + b"ustar", 260)
def test_more_bytes_do_not_change_what_is_certain(data: bytes, length: int) -> None:
    """What is said of the beginning of a stream is said of the whole, too; so the sizes of reads do not matter."""
    assert told(data[:length], ended=False) in {None, told(data, ended=False)}
    assert told(data, ended=True) is not None
    assert told(data + bytes(HEAD), ended=False) is not None


@given(testing.good_lines(), st.sampled_from([b"", b"\xef\xbb\xbf", b" ", b"\r\n"]))
def test_a_log_of_json_is_plain_at_its_first_byte(line: bytes, start: bytes) -> None:
    """A log that begins with JSON is known as plain from its first byte on."""
    assume(line.strip())
    assert identify((start + line)[:1], ended=False) is Encoding.PLAIN


@given(st.text(max_size=20).map(str.encode))
@example(b"BZh9")
@example(b"BZ\n")
@example(b"PK")
def test_no_line_of_text_is_taken_for_compressed(text: bytes) -> None:
    """A text that only begins like a magic number is plain, unless it is nothing but the beginning of one."""
    assume(not text.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08", b"BZh")))
    assert identify(text, ended=True) is Encoding.PLAIN
    assert identify(b"BZh9 is no log\n" + text, ended=True) is Encoding.PLAIN


def told(head: bytes, *, ended: bool) -> str | None:
    """Return what `identify` says, as text."""
    try:
        return identify(head, ended=ended)
    except UnsupportedError as error:
        return str(error)


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("events.jsonl", CONTENT)
    return file.getvalue()


def _tar(mode: str = "w:") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]  # the mode is one of three
        archive.addfile(tarfile.TarInfo("events.jsonl"), io.BytesIO())
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (_zip(), "a zip archive: `unzip -p FILE | eventstats`"),
        (_tar(), "a tar archive: `tar -xOf FILE | eventstats`"),
        (_tar("w:gz"), "a tar archive: `tar -xOf FILE | eventstats`"),
        (_tar("w:xz"), "a tar archive: `tar -xOf FILE | eventstats`"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "a 7z archive"),
        (b"\x1f\x9d\x90", "compressed with compress"),
        (b"\x02\x21\x4c\x18rest", "compressed in the legacy format of lz4"),
    ],
)
def test_archives_are_refused(body: str, data: bytes, message: str) -> None:
    """What holds files, or is compressed in another way, is unreadable, and what to run instead is said."""
    for stream in (io.BytesIO(data), stream_of(data)):
        summary, [problem] = outcome(stream)
        assert problem.status is Status.UNREADABLE, body
        assert problem.message.startswith(message)
        assert (problem.lines, summary.account.lines) == (0, 0)


def test_compressed_twice_is_not_read_twice(body: str) -> None:
    """What was compressed twice is decompressed once: the lines are bad, and no crash."""
    summary = summarize(io.BytesIO(gzip.compress(gzip.compress(CONTENT))))
    assert summary.account.rejects == summary.account.lines > 0, body


# ------------------------------------------------------------------------------------ libraries and memory


@pytest.mark.parametrize(
    ("encoding", "library", "command"),
    [
        ("lz4", "lz4", "pip install 'eventcli[lz4]'"),
        ("zstd", "compression" if sys.version_info >= (3, 14) else "backports", "pip install backports.zstd"),
    ],
)
def test_a_missing_library_is_said(
    body: str, encoding: str, library: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the library of an encoding is not installed, its files are unreadable, and what to install is said."""
    data = {"lz4": b"\x04\x22\x4d\x18", "zstd": b"\x28\xb5\x2f\xfd"}[encoding]
    for name in [name for name in sys.modules if name.split(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    _, [problem] = outcome(io.BytesIO(data + bytes(20)))
    assert problem.status is Status.UNREADABLE, body
    assert problem.message == f"compressed with {encoding}: `{command}` lets it be read"


def test_members_that_need_much_memory_are_refused(body: str) -> None:
    """Windows beyond the bounds are refused before memory is taken, with the command that reads them all the same."""
    large: dict[int, int] = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.checksum_flag: 1}
    compressor = zstd.ZstdCompressor(options=large)
    window = compressor.compress(CONTENT) + compressor.flush()
    dictionary = lzma.compress(CONTENT, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 128 << 20}])
    for data, command in ((window, "zstd --long=31 -dc FILE | eventstats"), (dictionary, "xz -dc FILE | eventstats")):
        summary, [problem] = outcome(io.BytesIO(data))
        assert problem.status is Status.UNREADABLE, body
        assert command in problem.message
        assert not summary.account.lines


@pytest.mark.parametrize("encoding", ENCODED)
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_decompression_bomb_is_only_a_long_stream(body: str, encoding: Encoding, jobs: str, tmp_path: Path) -> None:
    """A small file that holds 200 MB is read in less memory than that."""
    lines = (b'{"type":"a","value":1,"pad":"%b"}\n' % (b"x" * 10_000)) * 1000
    (tmp_path / "bomb").write_bytes(COMPRESS[encoding](lines) * 20)
    measured = process.measure("bomb", "--jobs", jobs, "-f", "csv", cwd=tmp_path)
    assert measured.stdout.endswith(b"a,20000,20000\n"), body
    assert measured.peak < 80


def test_the_thread_ends_with_the_stream() -> None:
    """The thread that decompresses ahead is gone when the stream is closed, read to its end or not."""
    data = gzip.compress(os.urandom(1 << 16) * 64, compresslevel=1)
    buffer = memoryview(bytearray(1 << 20))
    for reads in (0, 1, 3, 10):
        before = set(threading.enumerate())
        with Decompressed(io.BytesIO(data), ahead=True) as stream:
            for _ in range(reads):
                stream.readinto(buffer)
            assert len(set(threading.enumerate()) - before) <= 1
        assert set(threading.enumerate()) <= before


def test_a_small_input_starts_no_thread() -> None:
    """What is one chunk is decompressed by whoever reads it."""
    before = set(threading.enumerate())
    with Decompressed(io.BytesIO(gzip.compress(CONTENT)), ahead=True) as stream:
        assert stream.readinto(memoryview(bytearray(1000))) == 1000
        assert set(threading.enumerate()) == before


def test_libraries_are_imported_where_they_are_used() -> None:
    """A run on plain input loads none of the libraries, and one on compressed input only its own."""
    libraries = {"bz2", "lzma", "lz4", "isal", "backports"}
    for name, own in (("plain", set[str]()), ("bzip2", {"bz2"}), ("xz", {"lzma"})):
        program = (
            "import sys\nfrom eventcli import summarize\nassert summarize(sys.stdin.buffer).complete\n"
            "print(*sorted({name.split('.')[0] for name in sys.modules}))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], input=COMPRESS[name](CONTENT), capture_output=True, check=True
        )
        assert libraries & set(done.stdout.decode().split()) == own
