"""Takes the contribution of one stream out of a ledger, so that the stream can be read again."""

import os
from collections.abc import Callable, Iterable, Sequence

from eventcli.ledger import meaning as meaning_module
from eventcli.ledger import totals
from eventcli.ledger.meaning import MeaningError
from eventcli.ledger.store.database import Database
from eventcli.ledger.store.rows import by_type
from eventcli.ledger.store.schema import PRUNED
from eventcli.ledger.streams.content import File, note_content, note_place
from eventcli.ledger.streams.search import candidates
from eventcli.ledger.streams.stream import UNCOUNTED, State, Stream
from eventcli.summary.account import Account
from eventcli.summary.sources import SourceReport, Status
from eventcli.summary.summary import Summary
from eventcli.text import name_of


def streams_of(database: Database, name: str) -> list[Stream]:
    """Return the stream with a key, or those that were last seen at a path or requested by it."""
    streams = database.streams()
    by_key = [stream for stream in streams if stream.key == name]
    if by_key:
        return by_key
    # A queue has a name that is no path.
    paths = {name, os.path.abspath(name), os.path.realpath(name)}
    at_path = [stream for stream in streams if stream.path in paths]
    named = [stream for stream in streams if stream.name in paths and stream not in at_path]
    return [stream for stream in (*at_path, *named) if stream.state not in UNCOUNTED]


def check(database: Database, streams: Iterable[Stream]) -> None:
    """Raise MeaningError if the ledger does not keep a stream's contribution apart."""
    apart = database.attributed()
    for stream in streams:
        if database.id_of(stream.key) not in apart:
            raise MeaningError(
                f"{stream.label}: an earlier version of eventstats counted this stream and did not record"
                " separately what it added, so it cannot be removed; a new ledger can be begun from the logs that"
                " still exist"
            )


def forget(
    database: Database, streams: Sequence[Stream], inside: Callable[[Summary], object] = lambda _: None
) -> Summary:
    """Take out everything that streams added, in one transaction, and return it; `inside` the transaction, show it.

    If it cannot be shown, nothing is taken out: no later run could show it, since runs show what was added.

    The next run that reads its log counts a stream again if it is still on disk; of any other, nothing remains.
    """
    check(database, streams)
    meaning = meaning_module.meaning_of(database, {})
    with database.transaction():
        database.check_totals()
        numbers = [number for stream in streams if (number := database.id_of(stream.key)) not in {None, PRUNED}]
        account = sum((_account(database, stream) for stream in streams), Account())
        types = by_type(row for _, row in database.rows_of_streams(numbers))
        sources = [
            SourceReport(stream.label, stream.offset - stream.start, stream.account.lines, Status.COMPLETE, "")
            for stream in streams
        ]
        # All of them are located: a file that holds another stream is not one of these.
        files = {stream.key: file for stream, file in candidates(database.streams(), []) if file is not None}
        kept = [stream for stream in streams if _begin_anew(stream, files.get(stream.key))]
        database.forget(streams, kept)
        summary = totals.assemble(types, account, sources, meaning)
        inside(summary)
    return summary


def _account(database: Database, stream: Stream) -> Account:
    """Return the account of a stream, with repaired lines under their new outcome."""
    account = stream.account
    number = database.id_of(stream.key)
    for one in database.replays():
        if one.stream == number:
            account += Account(0, int(one.outcome == "accepted"), {one.reason: -1}, 0, int(one.outcome == "blank"))
    return account


def _begin_anew(stream: Stream, file: File | None) -> bool:
    """Reset a stream to unread if it is still on disk; return whether it is."""
    if file is None:
        return False
    stream.lines -= stream.account.lines
    stream.account = Account()
    stream.checksum = 0
    stream.offset = stream.start
    stream.pending = 0
    note_place(stream, file)
    note_content(stream, file, stream.start)
    # Its size would imply that it was read.
    stream.raw_size, stream.raw_proof, stream.raw_length = 0, "", 0
    stream.state = State.LIVE if stream.path == os.path.realpath(stream.name) else State.ROTATED
    file.close()
    return True


def describe(stream: Stream) -> str:
    """Return a description that distinguishes a stream from others, for people."""
    account = stream.account
    return (
        f"{stream.key}: {name_of(stream.path)} ({stream.state}): {account.lines} lines, {account.accepted} accepted,"
        f" since {stream.first_seen}"
    )
