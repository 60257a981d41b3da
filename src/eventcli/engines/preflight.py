"""The check of every worker before anything is read: it can run this code, and can open what the plan names."""

import json
import platform
from typing import Any

from eventcli import __version__
from eventcli.body import body, why
from eventcli.engines.engine import Engine, PreflightError
from eventcli.engines.opening import open_part
from eventcli.engines.plan import Plan
from eventcli.engines.split import Split
from eventcli.errors import ExpectedError
from eventcli.pipeline.options import Options
from eventcli.text import printable


def probe(argument: bytes) -> bytes:
    """Return what a worker has, and whether it can open the first source of the plan."""
    return json.dumps(here() | {"failure": _failure(argument)}).encode()


def here() -> dict[str, Any]:
    """Return what this process has: the versions, and the body of the fold."""
    about = {"eventcli": __version__, "python": ".".join(platform.python_version_tuple()[:2])}
    try:
        return about | {"body": body(), "why": why()}
    except ExpectedError as error:
        return about | {"body": "", "why": str(error)}


def check(engine: Engine, plan: Plan, options: Options, *, has_shipped: bool) -> None:
    """Raise PreflightError, with the name of a worker and what it lacks, unless all workers can do the work.

    If the package `has_shipped`, workers have the Python body whatever this process has.
    """
    first = Split(0, plan.parts(plan.cuts[0])[:1], options._replace(jobs=1, left_out=frozenset()), 0).to_bytes()
    failures, count = _asked(engine, first, has_shipped=has_shipped)
    if 0 < len(failures) < count and _failure(first):
        # It may have been removed or replaced while they were asked.
        failures, count = _asked(engine, first, has_shipped=has_shipped)
    # What nobody can open is reported as on one machine. This one may lack the rights that the workers have.
    if failures and (len(failures) < count or not _failure(first)):
        worker, failure = next(iter(failures.items()))
        name = plan.listed.names[plan.cuts[0].first]
        raise PreflightError(f"worker {worker} cannot open {name}: {printable(failure)}")


def _asked(engine: Engine, first: bytes, *, has_shipped: bool) -> tuple[dict[str, str], int]:
    """Return why each worker that cannot open a source cannot, and the number of all. PreflightError."""
    answers = [(worker, json.loads(answer)) for worker, answer in engine.check(probe, first)]
    mine = here()
    for worker, about in answers:
        for what, name in (("eventcli", "eventstats"), ("python", "Python")):
            if about[what] != mine[what]:
                raise PreflightError(f"worker {worker} has {name} {about[what]}, this process {mine[what]}")
        if mine["body"] == "rust" != about["body"] and not has_shipped:
            raise PreflightError(
                f"worker {worker} lacks the Rust body of eventstats, which this process has: {printable(about['why'])}"
            )
    return {worker: about["failure"] for worker, about in answers if about["failure"]}, len(answers)


def _failure(argument: bytes) -> str:
    """Return why the source of a split cannot be read here; empty if it can."""
    split = Split.from_bytes(argument)
    part = split.parts[0]
    # Its first byte only: of a whole part, a store would be asked for several ranges ahead, by every worker.
    part = part._replace(end=min(part.start + 1, part.end), is_divided=True)
    try:
        with open_part(part, split.options) as opened:
            if opened.stream is not None and not opened.head:
                opened.stream.readinto(memoryview(bytearray(1)))
            return ""
    except OSError as error:
        return error.strerror or str(error)
