"""Recognises what a user has mistaken a whole file for, from the lines of it that were rejected.

It looks only at the few rejected lines that are kept as examples, so a good line costs nothing. It guesses: what it
says is advice, and never changes what counts.
"""

import json
import re
import shlex
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from eventcli.lines.event import Reason, Reject
from eventcli.summary.account import Account
from eventcli.text import STDIN, name_of, printable

_MARKS: Final = ((b"\xff\xfe\0\0", "UTF-32"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"))

_SAMPLE: Final = 4096
"""Bytes of a line that are looked at for its encoding."""

_STDIN: Final = name_of(STDIN)

_SHORTEST: Final = 4

_LEAST_NULS: Final = 0.3
"""The least share of NULs in UTF-16: JSON in any language has much ASCII."""

_ACTIONS: Final = ("create", "delete", "index", "update")

_CRI: Final = re.compile(rb"\S+ (?:stdout|stderr) [PF](?::\S*)? ")

_OPENED: Final = re.compile(rb"\[\s*(?:\{.*)?", re.DOTALL)

_BRACKETS: Final = re.compile(rb"\s*[\[\]{}]+\s*,?\s*")

_MEMBER: Final = re.compile(rb'\s*"(?:[^"\\]|\\.)*"\s*:\s*(?:[\[{]|.*,|"(?:[^"\\]|\\.)*"|[\w.+-]+)\s*')
"""A line of a pretty-printed object: one member."""


class Mistake(NamedTuple):
    """A mistake with a file: what to say about it, and whether the file was misread as a whole.

    A file that was misread has no right answer, whatever was accepted from it.
    """

    message: str
    is_misread: bool


_HALF: Final = 0.5

_MOST: Final = 0.9
"""The share of lines that must be rejected for a mistake that may also be a few bad lines among good ones."""


def mistake_in(rejects: Sequence[Reject], account: Account) -> Mistake | None:
    """Return the mistake that at least half of some rejected lines show, or None; of several, the first below.

    `account` is that of all lines, of which a large part must have been rejected.
    """
    lines = account.lines - account.blank
    for find, share in _FINDERS:
        if account.rejects < share * lines:
            continue
        found = [(reject, sign) for reject in rejects if (sign := find(reject)) is not None]
        if found and 2 * len(found) >= len(rejects):
            reject, (what, is_misread) = found[0]
            return Mistake(f"{printable(reject.source)}: {what}", is_misread)
    return None


_Sign = tuple[str, bool]


def _encoding(reject: Reject) -> _Sign | None:
    if reject.reason not in (Reason.INVALID_UTF8, Reason.INVALID_JSON):
        return None
    head = reject.raw[:_SAMPLE]
    name = next((name for mark, name in _MARKS if head.startswith(mark)), None) or _by_nuls(head, reject.line)
    if name is None:
        return None
    convert = f"iconv -f {name} -t UTF-8"
    command = f"... | {convert}" if reject.source == _STDIN else f"{convert} {shlex.quote(reject.source)}"
    return f"the text is {name}, not UTF-8: {printable(command)} | eventstats", True


def _by_nuls(head: bytes, line: int) -> str | None:
    """Return the encoding in which every other byte of ASCII text is NUL."""
    nuls = [head[parity::2].count(0) for parity in (0, 1)]
    if len(head) < _SHORTEST or min(nuls) or max(nuls) < len(head) * _LEAST_NULS:
        return None
    # Lines are cut at the byte of "\n". What follows a first line begins with a NUL in both encodings.
    return "UTF-16BE" if head.startswith(b"\0") and line == 1 else "UTF-16LE"


def _sequence(reject: Reject) -> _Sign | None:
    if not reject.raw.startswith(b"\x1e"):
        return None
    return "a JSON text sequence (RFC 7464), with the byte 0x1E before each text: --framing json reads it", True


def _prefix(reject: Reject) -> _Sign | None:
    if reject.reason is not Reason.INVALID_JSON:
        return None
    raw = reject.raw
    at = raw.find(b"{")
    is_cri = _CRI.match(raw) is not None
    if raw.lstrip()[:1] in (b"{", b'"') or (not is_cri and (at <= 0 or not isinstance(_json(raw[at:]), dict))):
        return None
    before = raw[:at] if at > 0 else raw
    if is_cri:
        kind = " (as container runtimes write it: CRI)"
    elif re.fullmatch(rb"[\w.-]+ +\| *", before):
        kind = " (as docker compose writes it)"
    elif before.startswith(b"[pod/"):
        kind = " (as kubectl --prefix writes it)"
    elif re.fullmatch(rb"\d{4}-\d\d-\d\dT[\d:.]+\S* ", before):
        kind = " (as kubectl --timestamps and docker logs -t write it)"
    else:
        kind = ""
    where = f"an object begins at column {at + 1}: " if at > 0 else ""
    return f"text stands before the JSON of each line{kind}; {where}--skip-prefix skips it", True


def _array(reject: Reject) -> _Sign | None:
    raw = reject.raw.strip()
    if reject.reason is Reason.NOT_AN_OBJECT:
        elements = _json(raw)
        if isinstance(elements, list) and elements and all(isinstance(element, dict) for element in elements):
            return "a JSON array of objects, not one object a line: --framing json reads its elements", True
        return None
    is_opened = reject.line == 1 and reject.reason is Reason.INVALID_JSON and _OPENED.fullmatch(raw) is not None
    is_element = raw.endswith(b",") and isinstance(_json(raw[:-1]), dict)
    if not is_opened and not is_element:
        return None
    return "a JSON array, not one object a line: --framing json reads its elements", True


def _pretty(reject: Reject) -> _Sign | None:
    raw = reject.raw
    if reject.reason not in (Reason.INVALID_JSON, Reason.NOT_AN_OBJECT):
        return None
    if not (_BRACKETS.fullmatch(raw) or _MEMBER.fullmatch(raw) or raw[:1] in (b" ", b"\t")):
        return None
    return "JSON that is printed over several lines, not one object a line: --framing json reads it", True


def _concatenated(reject: Reject) -> _Sign | None:
    raw = reject.raw.lstrip()
    if reject.reason is Reason.LINE_TOO_LONG and reject.line == 1:
        return "the first line is very long: if it is many objects or an array, --framing json reads them", True
    if reject.reason is not Reason.INVALID_JSON or not raw.startswith(b"{"):
        return None
    try:
        text = raw.decode("utf-8")
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return None
    if not text[end:].lstrip(" \t\r,\x1e").startswith("{"):
        return None
    return "several objects on one line: --framing json reads them", True


def _bulk(reject: Reject) -> _Sign | None:
    action = _json(reject.raw) if reject.reason in (Reason.MISSING_TYPE, Reason.BAD_TYPE) else None
    if not isinstance(action, dict) or len(action) != 1:
        return None
    ((name, about),) = action.items()
    if name not in _ACTIONS or not isinstance(about, dict):
        return None
    return "the bulk format of Elasticsearch, with lines that say what to do: --framing bulk leaves them out", False


def _embedded(reject: Reject) -> _Sign | None:
    event = _json(reject.raw) if reject.reason is Reason.MISSING_TYPE else None
    if not isinstance(event, dict):
        return None
    for key, value in event.items():
        if isinstance(value, str) and value.lstrip().startswith("{") and isinstance(_json(value.encode()), dict):
            return f"{json.dumps(key)} is a string that holds JSON: --unwrap {shlex.quote(key)} reads it", False
    return None


def _batch(reject: Reject) -> _Sign | None:
    event = _json(reject.raw) if reject.reason is Reason.MISSING_TYPE else None
    path = None if not isinstance(event, dict) else _path_to_objects(event)
    return None if path is None else (f"an array of objects is inside: --records {shlex.quote(path)} reads them", False)


def _path_to_objects(event: dict[str, Any]) -> str | None:
    """Return the path to the only array of objects, through arrays of one member each, or None."""
    arrays = [(key, value) for key, value in event.items() if isinstance(value, list) and value and _are_objects(value)]
    if len(arrays) != 1 or "." in arrays[0][0]:
        return None
    ((key, value),) = arrays
    inner = _path_to_objects(value[0])
    return key if inner is None else f"{key}.{inner}"


def _are_objects(elements: list[Any]) -> bool:
    return all(isinstance(element, dict) for element in elements)


def _scalar(reject: Reject) -> _Sign | None:
    if reject.reason is not Reason.BAD_TYPE or not re.search(r" is (a number|true or false|null), ", reject.message):
        return None
    return f"{reject.message.partition(', ')[0]}: --scalar-types takes it for a type", False


def _json(text: bytes) -> Any:
    """Return the value of a JSON text, or None."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


_FINDERS: Final[tuple[tuple[Callable[[Reject], _Sign | None], float], ...]] = (
    (_encoding, _HALF),
    (_sequence, _HALF),
    (_prefix, _HALF),
    (_array, _HALF),
    (_pretty, _MOST),
    (_concatenated, _MOST),
    (_bulk, _HALF),
    (_embedded, _MOST),
    (_batch, _MOST),
    (_scalar, _MOST),
)
