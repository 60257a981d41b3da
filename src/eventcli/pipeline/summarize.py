"""`summarize`, the library's front door: sources in, one Summary out."""

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import cast

from eventcli.lines.query import MAX_TYPE_BYTES, MAX_TYPES, Fields, Form, Query, Timing, json_text
from eventcli.pipeline.options import BLOCK_SIZE, Callbacks, Machinery, OnProblem, OnReject, OnRepeat, Options
from eventcli.pipeline.run import Run
from eventcli.posix import require
from eventcli.reading.blocks import MAX_LINE
from eventcli.reading.discovery import Choice
from eventcli.reading.portions import ByteRange
from eventcli.summary.aggregates.registry import Stat, optional
from eventcli.summary.summary import Summary
from eventcli.text import Source


def summarize(
    *sources: Source | ByteRange | Iterable[Source | ByteRange],
    fields: Fields = Fields(),  # noqa: B008  # immutable
    types: Collection[str] | None = None,
    default_value: str | None = None,
    numeric_strings: bool = False,
    salvage: bool = False,
    timing: Timing | None = None,
    stats: Collection[str] = (),
    max_types: int = MAX_TYPES,
    max_type_bytes: int = MAX_TYPE_BYTES,
    max_line: int = MAX_LINE,
    block_size: int = BLOCK_SIZE,
    jobs: int | None = None,
    on_reject: OnReject | None = None,
    reject_limit: int | None = None,
    on_problem: OnProblem | None = None,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    on_repeat: OnRepeat | None = None,
    stretches: bool = False,
    mmap: bool = True,
    timeout: float | None = None,
    framing: str | None = None,
    records: str | None = None,
    skip_prefix: bool = False,
    unwrap: str | None = None,
    scalar_types: bool = False,
    missing_type: str | None = None,
    missing_values: Collection[str | float | None] = (),
    engine: Machinery | None = None,
) -> Summary:
    r"""Read paths (`-` is standard input), byte ranges or binary streams, and return the Summary of their events.

    A path may also be a URL, a glob or a directory, see `discovery`; `include` and `exclude` are glob patterns that
    select files in directories. A file that occurs more than once, even through links, counts once; `on_repeat` is
    called with its name, and with the name under which it counts. With `stretches`, the sources of the result record
    which part of which stream was read, so that saved summaries that cover the same lines can be recognised. Without
    `mmap`, large files are always read, never mapped, see `mapping`. A URL fails if it has not been read after
    `timeout` seconds; without `timeout`, if nothing arrives for a minute.

    `types` keeps only these types, and each is in the result even if it never occurs. `stats` names statistics of the
    result that are kept only on demand (see `Stat`). `default_value`,
    `numeric_strings`, `salvage`, `timing`, `max_types` and `max_type_bytes` are those of `Query`. `on_reject` is called
    with every rejected line, or with the first `reject_limit` ones, one at a time and in input order. `on_problem` is
    called with every source that could not be read to its end, and reading goes on with the next; without it, the
    OSError is raised. `max_line` and `block_size` are in bytes. `jobs` is the number of threads (None: the cores this
    process may use with the Rust body, one with the Python body, which is bound to one core). Neither `block_size` nor
    `jobs` changes the result.

    `framing`, `records`, `skip_prefix`, `unwrap`, `scalar_types` and `missing_type` are those of `Form`;
    `missing_values` are the strings, numbers, booleans and None that count as missing. `engine` has other processes or
    machines do the work, with the same result: see `eventcli.engines`. Its workers read files and URLs only.

    >>> import io
    >>> log = io.BytesIO(b'{"type":"sale","value":0.1}\n' * 10)
    >>> summary = summarize(log)
    >>> summary["sale"].sum, summary.account.accepted, summary.complete
    (Decimal('1.0'), 10, True)
    """
    if types is not None:
        types = (types,) if isinstance(types, str) else tuple(types)
    kept = optional([Stat(name) for name in ((stats,) if isinstance(stats, str) else stats)])
    form = Form(
        framing or ("lines" if records is None else "json"),
        records,
        skip_prefix,
        unwrap,
        scalar_types,
        missing_type,
        tuple(map(json_text, missing_values)),
    )
    options = Options(
        Query(fields, types, default_value, numeric_strings, salvage, timing, max_types, max_type_bytes, kept, form),
        max_line,
        block_size,
        jobs,
        Choice(include, exclude),
        stretches=stretches,
        mmap=mmap,
        timeout=timeout,
    )
    callbacks = Callbacks(on_reject, reject_limit, on_problem, on_repeat)
    if engine is not None:
        return engine.summarize(_flat(sources), options, callbacks)
    return Run(_flat(sources), options, callbacks).complete()


def _flat(sources: Iterable[Source | ByteRange | Iterable[Source | ByteRange]]) -> Iterator[Source | ByteRange]:
    for source in sources:
        if isinstance(source, (str, os.PathLike, ByteRange)) or hasattr(source, "read"):
            yield _readable(cast("Source | ByteRange", source))
        else:
            yield from map(_readable, source)


def _readable(source: Source | ByteRange) -> Source | ByteRange:
    """Return a source; PosixError for a file where it cannot be read."""
    if not hasattr(os, "O_CLOEXEC") and not hasattr(source, "read"):
        require("reading files")
    return source
