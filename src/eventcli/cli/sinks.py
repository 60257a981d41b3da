"""The destinations of a run's result: standard output or a file, a saved summary, rejects, stderr."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final, Protocol, Self, TextIO

import eventcli.lines
import eventcli.reporting
import eventcli.summary
from eventcli import interruption
from eventcli.cli import messages, targets
from eventcli.cli.messages import say, say_rest
from eventcli.cli.progress import Watch, Watched
from eventcli.cli.settings import Settings
from eventcli.errors import ExitCode
from eventcli.lines.event import Reason, Reject
from eventcli.reading.discovery import Choice, discover
from eventcli.reading.source import size_of
from eventcli.reporting import diagnostics
from eventcli.reporting.formats import FORMATS
from eventcli.reporting.output import PRIVATE, STDOUT, STDOUT_PATH, OutputFile, prove_stdout, write_stdout
from eventcli.summary.account import Account
from eventcli.summary.summary import Summary
from eventcli.text import STDIN, for_terminal, name_of, printable

if TYPE_CHECKING:
    from eventcli.reporting.mistakes import Mistake


EXAMPLES: Final = 8
"""Rejected lines that are kept, shown or not: enough to recognise a mistake with the whole file."""


class Running(Watched, Protocol):
    """A run of threads or of an engine."""

    def complete(self, on_heartbeat: Callable[[], object]) -> Summary:
        """Read all sources to their end."""

    def interrupt(self) -> None:
        """Make `complete` raise KeyboardInterrupt."""


def is_watched(inputs: Sequence[str], settings: Settings) -> bool:
    """Whether the progress of a run is shown."""
    if settings.progress is not None:
        return settings.progress
    is_typed = STDIN in inputs and _is_terminal(sys.stdin)
    return _is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb" and not is_typed


def complete(run: Running, inputs: Sequence[str], choice: Choice, settings: Settings) -> Summary:
    """Complete a run; meanwhile show its progress, and report the account when a signal requests it."""
    started = time.monotonic()
    sizes: Callable[[], list[int | None]] | None = None
    if is_watched(inputs, settings):
        # An engine knows the sizes as soon as it has a plan.
        is_elsewhere = run.workers() is not None
        sizes = lambda: [None] if is_elsewhere else [size_of(str(each.source)) for each in discover(inputs, choice)]  # noqa: E731
    # From the very start: the signal kills a process that does not handle it.
    with Watch(run, started=started, say=say, sizes=sizes) as watch:
        messages.Stderr.watch = watch
        try:
            with interruption.calling(run.interrupt):
                return run.complete(watch.tick)
        finally:
            messages.Stderr.watch = None


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False  # it is closed


class Sinks:
    """The destinations of a run's result: standard output or a file, a saved summary, rejects, stderr."""

    def __init__(self, settings: Settings) -> None:
        """Open all files, so that an unwritable one is detected before any work is done."""
        self._settings = settings
        self.asked = settings.asked
        """The question that the summary answers, which a saved one records; None if unknown."""
        self._shown = 0
        self._examples: list[Reject] = []
        self._is_written = False
        self._result = self._saved = b""
        with ExitStack() as stack:
            # Files with input lines, or with the names of inputs, are for their owner only.
            self._output, self._save, self._rejects = (
                stack.enter_context(open_output(path, mode=mode)) if path else None
                for path, mode in ((settings.output, 0o666), (settings.save, PRIVATE), (settings.rejects, PRIVATE))
            )
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def identities(self) -> list[tuple[int, int]]:
        """Return (device, inode) of the run's own outputs, so that a directory scan skips them."""
        outputs = [output for output in (self._output, self._save, self._rejects) if output]
        own = [identity for output in outputs for identity in output.identities()]
        return own + targets.identities(self._settings.output, self._settings.save, self._settings.rejects)

    def reject(self, reject: Reject) -> None:
        """Keep a rejected line, and show the first ones."""
        if self._rejects:
            self._rejects.write(eventcli.lines.rejected.record(reject))
        if len(self._examples) < EXAMPLES:
            self._examples.append(reject)
        if self._shown < self._settings.show_rejects:
            self._shown += 1
            say(diagnostics.of_reject(reject))

    def prepare(self, shown: Summary, *, render: Callable[[Summary], bytes] | None = None) -> None:
        """Render the output, and write all that stays invisible until `finish`, so that write errors show now."""
        self._result = (render or self._render)(shown)
        if self._rejects:
            self._rejects.prepare()
        if self._save:
            self._saved = eventcli.summary.saved.dump(shown, self.asked)
        for output, data in ((self._save, self._saved), (self._output, self._result)):
            if output:
                if output.is_replaced:
                    output.write(data)
                output.prepare()
        self._is_written = True
        if not self._output:
            prove_stdout()

    def finish(
        self,
        summary: Summary,
        *,
        shown: Summary | None = None,
        render: Callable[[Summary], bytes] | None = None,
        has_result: bool = True,
        all_rejected: bool | None = None,
    ) -> ExitCode:
        """Write everything that is due at the end of a run, and return its exit status.

        `shown` is printed in place of the summary, by `render` in place of the format. `all_rejected` says whether a
        run with only rejected lines counts as having the wrong input; if it is given, one that misread its input does
        not count as having the wrong one either.
        """
        account = summary.account
        shown = summary if shown is None else shown
        budget = self._settings.budget
        failed = budget is not None and budget.is_passed_by(account)
        has_result = has_result and not failed
        may_misread = all_rejected is None
        if all_rejected is None:
            all_rejected = summary.is_all_rejected
        mistake = self._mistake(account)
        if has_result and not self._is_written:
            self._result = (render or self._render)(shown)
        if failed:
            say(f"no result: {account.rejects} lines were rejected, more than {budget} allows")
        if all_rejected and not failed:
            say(f"every line was rejected: {_cure(account) if mistake is None else mistake.message}")
        elif mistake is not None:
            say(mistake.message)
        if shown.other:
            label = printable(self._settings.other_label)
            why, _, option = shown.crowd.rpartition(" ")
            say(f"{why}: the others add up in {label!r} {option}")
        closing = diagnostics.closing(summary)
        say_rest()
        if closing:
            say(closing)
        if self._rejects:
            self._rejects.commit() if account.rejects else self._rejects.remove_target()
        if has_result:
            if self._save:
                self._write(self._save, self._saved or eventcli.summary.saved.dump(shown, self.asked))
            if self._output:
                self._write(self._output, self._result)
            else:
                form, data = self._settings.format, self._result
                write_stdout(for_terminal(data, form) if _is_terminal(sys.stdout) else data)
        if failed:
            return ExitCode.DATA
        if not summary.complete:
            return ExitCode.INCOMPLETE
        is_misread = may_misread and mistake is not None and mistake.is_misread
        return ExitCode.DATA if all_rejected or is_misread else ExitCode.OK

    def _mistake(self, account: Account) -> "Mistake | None":
        """Return what the rejected lines say about the whole file."""
        if not self._examples:
            return None
        return eventcli.reporting.mistakes.mistake_in(self._examples, account)

    def _write(self, output: OutputFile, data: bytes) -> None:
        if not (self._is_written and output.is_replaced):
            output.write(data)
        output.commit()

    def _render(self, summary: Summary) -> bytes:
        settings = self._settings
        timing = settings.query.timing
        if settings.gaps and timing is not None:
            summary = eventcli.summary.gaps.fill(summary, timing, settings.query.types)
        if settings.format == "table" and not settings.output and os.isatty(STDOUT):
            # A terminal that does not know its size reports 0.
            width = os.get_terminal_size(STDOUT).columns or None
            return eventcli.reporting.table.table(summary, settings.stats, settings.other_label, width)
        return FORMATS[settings.format](summary, settings.stats, settings.other_label)


def _cure(account: Account) -> str:
    """Return the most likely cause if every line was rejected."""
    if account.rejected.keys() <= {Reason.BAD_TIME}:
        return "are these the right times, with the right --time-field? --time-format describes others"
    if account.rejected.keys() <= {Reason.BAD_TIME, Reason.MISSING_TIME}:
        return "is this the right file, with the right --time-field?"
    return "is this the right file, with the right --type-field and --value-field?"


@contextmanager
def open_output(path: str, *, mode: int = 0o666) -> Iterator[OutputFile]:
    """Open a file for output. While it is open, a signal triggers a cleanup."""
    with interruption.cleaning(), OutputFile(path, mode=mode) as file:
        yield file
        if file.in_place:
            say(f"{name_of(path)}: is a mount point and was written in place: a reader may have seen part of it")


@contextmanager
def written_to(output: str | None, *, mode: int = 0o666) -> Iterator[Callable[[bytes], object]]:
    """Provide a function that writes JSON lines to standard output, or to a file that finally takes its place."""
    if output is None or output == STDOUT_PATH:
        is_shown = _is_terminal(sys.stdout)
        yield lambda data: write_stdout(for_terminal(data, "jsonl") if is_shown else data)
        return
    with open_output(output, mode=mode) as file:
        yield file.write
        file.commit()
