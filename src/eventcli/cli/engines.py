"""Runs on an engine: the options that choose it, and the command `plan`."""

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from eventcli.cli.messages import say, say_repeat, say_source
from eventcli.cli.sinks import written_to
from eventcli.errors import ExitCode
from eventcli.lines.query import Form, Query
from eventcli.pipeline.options import Callbacks, Options
from eventcli.reading.discovery import Choice

_SECRETS: Final = ("key", "secret", "token", "password", "passwd", "credential", "signature", "sas", "account")
"""Parts of the names of options that hold secrets."""

_SHOWN: Final = 20
"""Sources that cannot be divided that the text of a plan names."""


if TYPE_CHECKING:
    from eventcli.engines.engine import Engine
    from eventcli.engines.plan import Plan
    from eventcli.engines.run import EngineRun, Ways


class Elsewhere(NamedTuple):
    """An engine, and how a run uses it."""

    engine: "Engine"
    ways: "Ways"
    storage: str

    def announce(self) -> None:
        """Tell people who watch where they can watch the engine, too."""
        if self.engine.dashboard:
            say(f"{self.engine.name}: {self.engine.dashboard}")

    def run(self, inputs: Iterable[str], options: Options, callbacks: Callbacks) -> "EngineRun":
        """Return a run on the engine, which has not begun."""
        from eventcli.engines.run import EngineRun  # noqa: PLC0415  # only for runs on a cluster

        return EngineRun(self.engine, inputs, options._replace(storage=self.storage), callbacks, self.ways)


@contextmanager
def engine_of(given: Mapping[str, Any], jobs: int | None) -> Iterator[Elsewhere]:
    """Connect to the engine that the options choose."""
    from eventcli.engines import choice, plan, run, shipping  # noqa: PLC0415  # as above

    if jobs is not None:
        raise click.UsageError("--jobs is for the threads of this machine: a cluster has its workers (or processes:N)")
    storage = storage_of(given["storage_options"])
    with ExitStack() as stack:
        archive = None
        if given["ship"]:
            archive = shipping.archive_in(stack.enter_context(tempfile.TemporaryDirectory(prefix="eventstats-")))
        timeout = given["no_worker_timeout"]
        engine = stack.enter_context(closing(choice.engine_of(given["engine"])))
        ways = run.Ways(given["split_size"] or plan.SPLIT_SIZE, timeout, archive, say)
        yield Elsewhere(engine, ways, storage)


def storage_of(text: str | None) -> str:
    """Return the options of object stores, checked; UsageError for what must not travel to workers."""
    if text is None:
        return "{}"
    try:
        options = json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"--storage-options: not JSON: {error}") from None
    if not isinstance(options, dict):
        raise click.UsageError("--storage-options: a JSON object is needed")
    for name in _names_in(options):
        if any(part in name.lower() for part in _SECRETS):
            raise click.UsageError(
                f"--storage-options: {name!r} may be a secret, which would be seen on the cluster: workers have"
                " credentials of their own, from their environment or their role"
            )
    return json.dumps(options)


def _names_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _names_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names_in(inner)


def print_plan(inputs: Iterable[str], choice: Choice, options: dict[str, Any]) -> ExitCode:
    """List the inputs, and print the plan."""
    from eventcli.engines.listing import Repeat, listed  # noqa: PLC0415  # as above
    from eventcli.engines.plan import SPLIT_SIZE, Plan  # noqa: PLC0415  # as above

    split_size, form, output = (options.pop(name) for name in ("split_size", "format", "output"))
    storage = storage_of(options.pop("storage_options"))
    max_line = options.pop("max_line")
    # What a line means does not matter, but whether there are lines.
    how = Options(Query(form=Form.of(options)), max_line, choice=choice, storage=storage)
    plan = Plan.of(listed(inputs, how), split_size or SPLIT_SIZE)
    with written_to(output) as write:
        write({"text": _text, "json": _json, "jsonl": _lines}[form](plan))
    problems = 0
    for _, said in plan.listed.said:
        if isinstance(said, Repeat):
            say_repeat(said.name, said.other)
        else:
            say_source(said)
            problems += 1
    return ExitCode.INCOMPLETE if problems else ExitCode.OK


def _undivided(plan: "Plan") -> list[tuple[str, int | None, str]]:
    """Return the sources that are longer than a split and cannot be divided: name, size and why."""
    listed = plan.listed
    return [
        (name, source.size, source.whole)
        for name, source in zip(listed.names, listed.sources, strict=True)
        if source.whole and (source.size is None or source.size > plan.split_size)
    ]


def _text(plan: "Plan") -> bytes:
    undivided = _undivided(plan)
    lines = [
        f"sources  {len(plan.listed.sources):,}",
        f"bytes    {plan.size:,}",
        f"splits   {len(plan.cuts):,} of up to {plan.split_size:,} bytes",
    ]
    for name, size, why in undivided[:_SHOWN]:
        lines.append(f"whole    {name}: {'size unknown' if size is None else f'{size:,} bytes'}, {why}")
    if len(undivided) > _SHOWN:
        lines.append(f"whole    … and {len(undivided) - _SHOWN:,} more")
    return "".join(f"{line}\n" for line in lines).encode()


def _json(plan: "Plan") -> bytes:
    about = {
        "sources": len(plan.listed.sources),
        "bytes": plan.size,
        "splits": len(plan.cuts),
        "split_size": plan.split_size,
        "whole": [{"source": name, "bytes": size, "why": why} for name, size, why in _undivided(plan)],
    }
    return json.dumps(about, ensure_ascii=False).encode() + b"\n"


def _lines(plan: "Plan") -> bytes:
    rows = (
        {"split": place, "what": plan.label(cut), "bytes": plan.size_of(cut)} for place, cut in enumerate(plan.cuts)
    )
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
