"""Export the rejected lines of a ledger for repair, and add each repaired line once."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import eventcli.pipeline
from eventcli.folding.bodies import new_fold
from eventcli.ledger.meaning import meaning_of
from eventcli.ledger.repairs import Problems
from eventcli.ledger.store.database import Database
from eventcli.ledger.store.records import Replayed, now
from eventcli.ledger.store.rows import Gathered, by_type, event_in, rows_of
from eventcli.ledger.totals import Types, assemble
from eventcli.lines.event import Reason, Reject
from eventcli.lines.parse import explain
from eventcli.lines.query import Query
from eventcli.lines.rejected import Repair
from eventcli.summary.account import Account
from eventcli.summary.stats import add_all
from eventcli.summary.summary import Summary


def rejects(database: Database) -> Iterator[Reject]:
    """Yield the rejected lines that are kept for repair."""
    meaning = meaning_of(database, {})
    for name, one in database.rejects():
        if one.reason is Reason.LINE_TOO_LONG:
            message = f"{one.length} bytes, more than {meaning.max_line}"
        else:
            line = _line(one.raw, meaning.query)
            message = explain(line, one.reason, meaning.query) if line else "the text is not whole"
        yield Reject(one.reason, message, one.raw, one.length, one.line, one.offset, name, one.stream)


class Replay(NamedTuple):
    """The result of a replay: what it added, how many lines had been replayed before, and problems with the others."""

    summary: Summary
    repeated: int
    problems: Problems


def replay(
    database: Database,
    repairs: Iterable[Repair],
    on_reject: Callable[[Reject], object],
    inside: Callable[[Replay], object] = lambda _: None,
) -> Replay:
    """Turn repaired rejects into events, each at most once, in one transaction; `inside` it, show the result."""
    meaning = meaning_of(database, {})
    query = meaning.query
    added: dict[int, Gathered] = {}
    account = Account()
    repeated, problems = 0, Problems()
    moment = now()
    with database.transaction():
        for repair in repairs:
            number = database.id_of(repair.stream)
            if number is None:
                problems.add(f"{repair.place}: the ledger knows no stream {repair.stream!r}")
                continue
            if database.is_replayed(number, repair.offset):
                repeated += 1
                continue
            reason = database.reject_at(number, repair.offset)
            if reason is None and database.unkept(number, repair.reason) > 0:
                reason = repair.reason
            if reason is None:
                problems.add(f"{repair.place}: no line at byte {repair.offset} of this stream was rejected")
                continue
            raw = repair.raw.removesuffix(b"\n")
            fold = new_fold(query)
            line = _line(raw, query)
            part = fold.add(line + b"\n") if b"\n" not in line else None
            if part is None or part.marks:
                why = part.marks[0].reason if part else Reason.INVALID_JSON
                message = explain(line, why, query) if part else "one line was rejected, but its repair has several"
                on_reject(Reject(why, message, raw, len(raw), 0, repair.offset, repair.place, repair.stream))
                account += Account(1, 0, {why: 1})
                continue
            summary = fold.summary()
            account += summary.account
            rows = rows_of(summary)
            added.setdefault(number, Gathered()).add(rows)
            if not rows:
                database.put_replayed(Replayed(number, repair.offset, reason, "blank", None, None, None, None), moment)
            for row in rows:
                value, integral = event_in(row)
                database.put_replayed(
                    Replayed(number, repair.offset, reason, "accepted", row[0], row[1], value, integral), moment
                )
        database.add_totals_of((number, gathered.rows()) for number, gathered in added.items())
        types: Types = {}
        for gathered in added.values():
            add_all(types, by_type(gathered.rows()))
        result = Replay(assemble(types, account, [], meaning), repeated, problems)
        inside(result)
    return result


def _line(raw: bytes, query: Query) -> bytes:
    """Return the line that is made of what a stream holds."""
    return eventcli.pipeline.framing.unwrapped(raw, query) if query.form.is_framed else raw
