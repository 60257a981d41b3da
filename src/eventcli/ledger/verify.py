"""Verify a ledger against its own checksums and against the files that are still on disk."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from eventcli.ledger.meaning import Meaning, meaning_of
from eventcli.ledger.steps import Steps
from eventcli.ledger.store.database import Database
from eventcli.ledger.store.hold import LedgerError
from eventcli.ledger.store.records import Replayed, now
from eventcli.ledger.store.rows import CHECKSUM_PRIME, Row, checksum, checksums, row_of_event, rows_of
from eventcli.ledger.store.schema import PRUNED
from eventcli.ledger.streams.content import File
from eventcli.ledger.streams.search import candidates
from eventcli.ledger.streams.stream import UNCOUNTED, Stream
from eventcli.pipeline.options import Callbacks, Options
from eventcli.pipeline.run import Run
from eventcli.reading import deep
from eventcli.reading.portions import Portion
from eventcli.summary.aggregates import registry
from eventcli.text import name_of


class Verdict(NamedTuple):
    """The verdict on a stream: `proved`, `gone` (no longer on disk), `different`, or `unproved`.

    An unproved stream came from a queue, which is not read again, or it has more types than may have a row of their
    own. Which of them share one row depends on what each run saw, so only the account can be compared.
    """

    stream: Stream
    verdict: str
    message: str


def verify(database: Database, paths: Iterable[str], jobs: int | None = None) -> Iterator[Verdict]:
    """Reread what is still on disk and yield the verdicts; LedgerError if the ledger contradicts itself."""
    database.check_integrity()
    with database.snapshot():
        check_sums(database)
    meaning = meaning_of(database, {})
    for stream, file in candidates(database.streams(), paths):
        if stream.state not in UNCOUNTED and (stream.account.lines or stream.pending):
            yield _verify(stream, file, meaning, jobs)


def check_sums(database: Database) -> None:
    """Raise LedgerError unless the totals equal the sum of all streams and repaired lines."""
    database.check_totals()
    wanted: dict[int, int] = {PRUNED: database.pruned_checksum()}
    apart = database.attributed()

    def place(stream: int | None) -> int:
        return stream if stream is not None and stream in apart else PRUNED

    for stream in database.streams():
        number = place(database.id_of(stream.key))
        wanted[number] = wanted.get(number, 0) + stream.checksum
    kept = registry.kept(database.kept_aggregates)

    def row(one: Replayed) -> Row:
        integral = bool(one.integral)
        return row_of_event(one.type, one.start or "", one.value or "0", integral=integral, kept=kept)

    repaired = ((place(one.stream), row(one)) for one in database.replays() if one.outcome == "accepted")
    try:
        for number, added in checksums(repaired).items():
            wanted[number] = wanted.get(number, 0) + added
        held = checksums((place(number), row) for number, row in database.rows_of_streams())
    except ValueError as error:
        raise LedgerError(f"{name_of(database.path)}: damaged: {error}") from None
    if any((held.get(one, 0) - wanted.get(one, 0)) % CHECKSUM_PRIME for one in {*held, *wanted}):
        raise LedgerError(f"{name_of(database.path)}: damaged: the totals are not what the streams added")


def _verify(stream: Stream, file: File | None, meaning: Meaning, jobs: int | None) -> Verdict:
    if stream.position is not None:
        return Verdict(stream, "unproved", "a queue is not read again: only the ledger itself was checked")
    if file is None:
        if not stream.account.lines and deep.exists(stream.path):
            return Verdict(stream, "proved", stream.path)  # nothing of it has been counted yet
        return Verdict(stream, "gone", "no file has it any longer")
    try:
        with file.open(stream.start) as content:
            steps = Steps(content, stream.offset - stream.start, b"", is_ended=True)
            steps.begin(stream.offset + 1, float("inf"))
            run = Run(
                [Portion(stream.label, steps, stream.start)],
                Options(meaning.query, meaning.max_line, jobs=jobs),
                Callbacks(on_problem=lambda _: None),
            )
            summary = run.complete()
    except OSError as error:
        return Verdict(stream, "gone", f"{file.path} cannot be read: {error.strerror or error}")
    finally:
        file.close(forget=True)
    if summary.account != stream.account:
        return Verdict(stream, "different", f"{file.path} has {summary.account}; the ledger counted {stream.account}")
    if summary.other:
        why = f"{file.path}: {summary.crowd}: only its account could be compared"
        return Verdict(stream, "unproved", why)
    if (checksum(rows_of(summary)) - stream.checksum) % CHECKSUM_PRIME:
        return Verdict(stream, "different", f"the events in {file.path} differ from those that were counted")
    return Verdict(stream, "proved", file.path)


def prune(database: Database, verdicts: Iterable[Verdict], days: float) -> int:
    """Forget streams that are gone or were never counted and have not been seen for `days`; return how many.

    Their lines stay in the totals. If one of them comes back, it counts as a new stream. A queue is never forgotten,
    since all of it would count again.
    """
    gone = {stream.key for stream, verdict, _ in verdicts if verdict == "gone"}
    streams = [
        stream
        for stream in database.streams()
        if stream.position is None
        and (stream.key in gone or (not stream.account.lines and not deep.exists(stream.path)))
    ]
    old = gone_for(streams, days)
    if old:
        with database.transaction():
            database.prune(old, now())
    return len(old)


def acknowledge(database: Database) -> None:
    """Acknowledge all discontinuities."""
    with database.transaction():
        database.settle_discontinuities(now())


def gone_for(streams: Iterable[Stream], days: float) -> list[Stream]:
    """Return the streams that have not been seen for `days` days; none if the clock is behind their last sighting."""
    return [one for one in streams if _age(one.last_seen) >= days * 86_400]


def _age(moment: str) -> float:
    try:
        return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    except (ValueError, TypeError):  # no proof covers this column: an invalid time never causes a deletion
        return 0.0
