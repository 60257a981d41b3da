"""What Spark says when something fails, in one line: pages of stack traces hold it."""

import re
from typing import Final, NamedTuple

from eventcli.engines.engine import EngineError, EngineLostError, PreflightError, TaskLostError
from eventcli.engines.spark_tasks import FAILED

_LOST: Final = re.compile(
    r"Task (?P<place>\d+)(?:\.\d+)? in stage (?P<stage>\d+)\.\d+ failed (?P<tries>\d+) times?"
    r", most recent failure: Lost task \S+ in stage \S+ \(TID \d+\) \((?P<host>\S+) executor (?P<executor>[^)]+)\): "
    r"(?P<reason>.*?)(?=\n*Driver stacktrace|\n\s*(?:at |JVM stacktrace)|\Z)",
    re.DOTALL,
)

_FAILED: Final = re.compile(rf"RuntimeError: {re.escape(FAILED)} (\d+) on (\S+): (.*)")
"""What a fold of Python says that failed."""

_PYTHON: Final = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception|Interrupt|Exit)\b(?:: .*)?$")
"""The last line of a traceback of Python."""

_GRPC: Final = re.compile(r'^\s*details = "(.*)"$', re.MULTILINE)
"""The message for a call of Spark Connect that fails."""

_JAVA: Final = re.compile(r"^(?:Caused by: )?(?:\w+\.)+\w*(?:Exception|Error)?\w*: ")

_GONE: Final = (
    "SparkContext was shut down",
    "stopped SparkContext",
    "Connection refused",
    "Socket closed",
    "failed to connect",
    "Answer from Java side is empty",
    "error while obtaining a new communication channel",
    "INVALID_HANDLE.SESSION",
    "INVALID_HANDLE.OPERATION",
    "StatusCode.UNAVAILABLE",
    "RETRIES_EXCEEDED",
    "Master removed our application",
    "All masters are unresponsive",
)
"""The message for a driver that is gone, or the connection to it."""

_UNANSWERED: Final = re.compile(r"An error occurred while calling (?!.*\. Trace:)|.* does not exist in the JVM$")
"""What Py4J says when a call got no answer. Where Java refuses, there is a trace, or an error of another kind."""

_PYTHONS: Final = re.compile(r"Python in worker has different version: (\S+) than that in driver: (\S+?),?\s")

_NO_PYTHON: Final = re.compile(r'Cannot run program "([^"]+)"')

_NO_MODULE: Final = re.compile(r"No module named '?([\w.]+)'?")

_WORKER_MODULES: Final = ("pyarrow", "pandas", "pyspark")
"""What the workers need besides this package."""

_LONGEST: Final = 300
"""Characters of a reason that is shown."""


class Failure(NamedTuple):
    """Why a job failed: the number of the task where that is known, else its place in a stage of Spark."""

    task: int | None
    place: int
    stage: int
    where: str
    reason: str


def text_of(error: BaseException) -> str:
    """Return what an exception says. One of Java asks the driver for its words, which may be gone."""
    try:
        return str(error)
    except Exception as failure:  # noqa: BLE001  # of any kind
        return f"{type(error).__name__}: {failure}"


def failure_of(error: BaseException) -> Failure | None:
    """Return which task failed too often, if that is why the job failed."""
    text = text_of(error)
    if folds := _FAILED.findall(text):
        task, where, reason = folds[-1]
        return Failure(int(task), -1, -1, where, _cut(reason))
    found = _LOST.search(text)
    if found is None:
        return None
    where = f"{found['host']}, executor {found['executor']}"
    return Failure(None, int(found["place"]), int(found["stage"]), where, _shortened(found["reason"]))


def reason_of(error: BaseException) -> str:
    """Return why something failed, in one line."""
    return _shortened(text_of(error)) or type(error).__name__


def is_lost(error: BaseException) -> bool:
    """Whether the driver, the server or the connection to it is gone."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & {"Py4JNetworkError", "ConnectionError", "EOFError"}:
        return True
    text = text_of(error)
    if type(error).__name__ == "Py4JError" and _UNANSWERED.match(text):
        return True
    return any(mark in text for mark in _GONE)


def environment_of(error: BaseException) -> str | None:
    """Return what the Python of the workers lacks, if that is why the job failed; no retry helps."""
    text = text_of(error)
    if found := _PYTHONS.search(text):
        return f"the workers have Python {found[1]}, the client {found[2]}: PYSPARK_PYTHON names the right one"
    if found := _NO_PYTHON.search(text):
        return f"the workers have no {found[1]}: PYSPARK_PYTHON names the Python to use there"
    if (found := _NO_MODULE.search(text)) and (module := found[1].partition(".")[0]) in (*_WORKER_MODULES, "eventcli"):
        return f"{module} is not installed there"
    return None


def error_of(error: BaseException, name: str, label: str | None) -> EngineError:
    """Return the error for a job that failed. The label is that of the task that failed, if one did."""
    if (lacking := environment_of(error)) is not None:
        return PreflightError(f"{name}: {lacking}")
    failure = failure_of(error)
    if failure is not None and label is not None:
        return TaskLostError(label, f"{failure.reason} (on {failure.where}, as often as Spark tries)")
    if is_lost(error):
        return EngineLostError(f"{name}: the driver of Spark is gone, or the connection to it ({reason_of(error)})")
    return EngineError(f"{name}: {reason_of(error)}")


def _shortened(text: str) -> str:
    """Return the line of a message of Spark that says most: the end of a traceback, else the first one."""
    lines = [line.strip() for line in text.splitlines()]
    if any(line.startswith("Traceback (most recent call last)") for line in lines):
        ends = [line for line in lines if _PYTHON.match(line)]
        line = ends[-1] if ends else lines[0]
    else:
        # The first one names a call of Java, unless it comes from Python.
        if found := _GRPC.search(text):
            return _cut(found[1])
        said = [line.removeprefix(": ") for line in lines if line and not line.startswith("An error occurred while")]
        line = said[0] if said else ""
    return _cut(_JAVA.sub("", line))


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
