"""Totals across many runs: every line of a stream counts once.

The path of a run, with the code open:

1. `cli/families.py` loads the module of the command, here `cli/ingest.py`. `ledger/store/hold.py` locks the ledger
   for the lifetime of the process, and `ledger/ingest.py` reads the records of all streams.
2. `ledger/streams/planner.py` applies its rules, one after the other, to find which stream each file holds. Each rule
   is a function in `ledger/streams/rules/`; what they find out is kept in a `Survey` (`ledger/streams/survey.py`).
   They try device and inode first, which hashes must then prove; otherwise they search all streams by content. If a
   log began again, they examine the siblings, too. The plan (`ledger/streams/plan.py`) lists what to read, from which
   offset, and what is lost.
3. A `FileCursor` (`ledger/streams/cursor.py`) reads each stream in steps that end with a line, and
   `ledger/recorder.py` puts each step through the pipeline as a `Portion` (`reading/portions.py`). Before a result is
   taken, the file is checked again. If it was truncated in the meantime, nothing is taken and a new plan is made.
4. Totals, positions, proofs, rejects and discontinuities are written in one transaction (`ledger/batch.py`,
   `ledger/store/database.py`), at the end or whenever enough has been read. Each row has a checksum, and the
   checksums of a stream add up, so `ledger/verify.py` can prove the totals long afterwards.

The seam for other sources:

A source is a `Cursor` (`ledger/cursor.py`): it has a name, a stream with its position, a way to read on from there, a
proof that it is still the same thing, and it knows whether it can still grow. `Recorder` (`ledger/recorder.py`) is
the one way into a ledger: `read(cursor)` folds the steps of a cursor, and `commit` writes their rows, rejects and
positions in one transaction, or nothing. A queue is such a source. `Recorder.queue(name)` returns its stream, whose
`position` is text in the words of its broker, such as the id of an entry or an offset with its epoch. If a broker has
no positions, `counted` and `note_messages` keep the keys of the messages that count. The stream also has an offset,
the number of bytes read so far, by which its rejects are numbered. So totals, rejects, replay, forget and the reports
of sources treat a queue like a file; only `verify` cannot read it again, and `--prune` keeps its position.

What arrives in many small pieces, such as bodies that are posted, is folded into one state for all of them
(`Recorder.pieces`, `ledger/pieces.py`): each piece has its account, and their rows are made once.
"""

from typing import TYPE_CHECKING

from eventcli.door import door

if TYPE_CHECKING:
    from eventcli.ledger import forget, store, totals

__all__ = ["forget", "store", "totals"]

if not TYPE_CHECKING:
    __getattr__ = door(__name__, __all__)
