"""A folder in memory with logs and a ledger of them, and what a ledger is asked for."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from hypothesis import strategies as st

from eventcli import Account, ExitCode
from eventcli.cli.families import ledger_commands as commands
from eventcli.ledger.ingest import Ingest, Outcome, Policy
from eventcli.ledger.meaning import Meaning, meaning_of
from eventcli.ledger.recorder import Options
from eventcli.ledger.store.database import Database
from eventcli.ledger.totals import totals
from eventcli.ledger.verify import check_sums, verify
from eventcli.lines.query import Calendar
from eventcli.lines.rejected import Repair
from outcome import printed

FAST: Final = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  # mkdtemp makes a folder there
"""Memory, where there is such a folder: syncing to a disk is what a run waits for most."""


def _line(name: str, value: str, time: str | None) -> bytes:
    when = "" if time is None else f',"occurred_at":"{time}"'
    return f'{{"type":"{name}","value":{value}{when}}}\n'.encode()


GOOD_LINES: Final = st.builds(
    _line,
    st.sampled_from("abcd"),
    st.sampled_from(("1", "-2", "0.50", "-0.5", "1E+3", "12345678901234567890.123", "0", "-0.0")),
    st.sampled_from((None, "2020-10-06T10:59:59Z", "2020-10-06T11:00:00Z", "1969-12-31T23:00:00Z")),
)
"""Events of few types and hours."""

BAD: Final = (b"bad\n", b'{"type":"a"}\n', b'{"type":"a","value":"x"}\n')
"""Lines that are rejected, each for another reason."""

LINES: Final = st.one_of(GOOD_LINES, GOOD_LINES, st.sampled_from(BAD), st.just(b"\n"))


class Held(NamedTuple):
    """All that a ledger holds, but for moments: two with the same history hold the same."""

    totals: Mapping[str, bytes]
    hourly: Mapping[str, bytes]
    account: Account
    rejects: list[tuple[int, bytes]]
    replayed: list[tuple[Any, ...]]


def ingest_of(database: Database, meaning: Meaning, **options: Any) -> Ingest:
    """Return a run on one thread with these fields of its options and of its policy."""
    policy = {name: options.pop(name) for name in Policy._fields if name in options}
    return Ingest(database, meaning, Options(**{"jobs": 1, **options}), Policy(**policy))


class Logbook:
    """Logs and a ledger. Use it as a context."""

    def __init__(self, **given: object) -> None:
        """Begin with what gives the numbers their meaning."""
        self._given: Mapping[str, object] = given
        self.folder = Path(mkdtemp(dir=FAST))
        self.ledger = self.folder / "ledger.db"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder)

    def log(self, name: str = "log") -> Path:
        """Return where a log is."""
        return self.folder / name

    def append(self, lines: Sequence[bytes], name: str = "log") -> None:
        """Write lines to a log."""
        with self.log(name).open("ab") as file:
            file.write(b"".join(lines))

    def ingest(self, *names: str, **options: Any) -> Outcome:
        """Run over some logs."""
        with Database.open_to_write(str(self.ledger), create=True) as database:
            run = ingest_of(database, meaning_of(database, self._given), **options)
            outcome = run.run([str(self.log(name)) for name in names or ("log",)])
            outcome.summary.check()
            return outcome

    def key(self) -> str:
        """Return the key of the only stream."""
        with Database.open_to_read(str(self.ledger)) as database:
            (stream,) = database.streams()
            return stream.key

    def repairs(self, repaired: Sequence[bytes]) -> list[Repair]:
        """Return repairs of the rejects that are kept, one with each of these lines."""
        with Database.open_to_read(str(self.ledger)) as database:
            kept = [one for _, one in database.rejects()]
        return [Repair(one.stream, one.offset, one.reason, raw, "") for one, raw in zip(kept, repaired, strict=False)]

    def replay(self, *parts: Sequence[Repair]) -> None:
        """Replay files that hold these repairs."""
        paths = []
        for number, repairs in enumerate(parts):
            paths.append(self.log(f"repaired-{number}"))
            records = ({**one._asdict(), "raw": one.raw.decode()} for one in repairs)
            paths[-1].write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
        if paths:
            arguments = ["--ledger", str(self.ledger), "-o", os.devnull, *map(str, paths)]
            status = commands()["replay"].main(arguments, standalone_mode=False)
            assert status in (ExitCode.OK, ExitCode.DATA)

    def verify(self, *names: str) -> list[tuple[str, str]]:
        """Return the verdict on each stream; LedgerError if the ledger contradicts itself."""
        paths = [str(self.log(name)) for name in names]
        with Database.open_to_read(str(self.ledger)) as database:
            return [(stream.label, verdict) for stream, verdict, _ in verify(database, paths, 1)]

    def held(self) -> Held:
        """Return what the ledger holds, which agrees with itself."""
        with Database.open_to_read(str(self.ledger)) as database:
            check_sums(database)
            return Held(
                printed(totals(database)),
                printed(totals(database, calendar=Calendar("hour", "UTC"))),
                database.account(),
                sorted((one.offset, one.raw) for _, one in database.rejects()),
                sorted((one.offset, *one[2:]) for one in database.replays()),
            )
