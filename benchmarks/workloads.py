"""The inputs of the benchmarks: made from seeds, written once into a folder, with the exact answer beside each.

The answer comes from a loop over the standard library's json with Decimal, which shares nothing with eventstats.
A workload's file says in its name from which version of these generators it is, and at what scale.
"""

import argparse
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Context, Decimal, Inexact
from enum import StrEnum
from itertools import chain
from random import Random
from typing import Any, Final, NamedTuple, NoReturn

from eventcli.cli.generate import generate

VERSION: Final = 1
"""Part of the files' names: to be raised with every change of what is generated."""

DEFAULT_FOLDER: Final = os.path.join(tempfile.gettempdir(), "eventstats-benchmarks")

Answer = dict[str, tuple[int, Decimal]]
"""Count and sum by type."""

_EXACT: Final = Context(prec=200, traps=[Inexact])

_ESCAPING: Final = 0.1
"""The share of lines of which the type is written with escapes, where types are not ASCII."""

_WHOLE: Final = 0.6
"""The share of whole numbers among the values of many digits."""


class Number(StrEnum):
    """What the values are, so that typed tools can be given the column type that suits them best."""

    CENTS = "cents"
    """At most 2 places after the point, sums far below 10**15."""
    INTEGER = "integer"
    """Integers of 64 bits, whose sum may need more."""
    LONG = "long"
    """Integers of up to 20 digits, and decimals of up to 20 digits with 9 places."""


class Workload(NamedTuple):
    """One input of `length` lines; `lines` yields any number of them, the same every time.

    `type_field` and `value_field` are keys, or keys of nested objects with dots between them.
    """

    key: str
    title: str
    length: int
    lines: Callable[[int], Iterator[bytes]]
    number: Number = Number.CENTS
    type_field: str = "type"
    value_field: str = "value"
    has_bad_lines: bool = False
    only_ours: bool = False
    """Whether it asks what something costs in eventstats, rather than how the peers compare."""

    def length_at(self, scale: float) -> int:
        """Return the number of lines at a scale; ten lines stay ten lines."""
        return max(10, round(self.length * scale))


class Input(NamedTuple):
    """A workload that is on the disk: its file, how large it is, and the exact answer."""

    path: str
    size: int
    lines: int
    sha256: str
    answer: Answer


def _shop(count: int) -> Iterator[bytes]:
    return generate(count, seed=3)


def _shop_with_bad_lines(count: int) -> Iterator[bytes]:
    # Two of the seven kinds of odd lines that the generator makes are good ones that look odd: 5 % are not.
    return generate(count, seed=3, bad_rate=0.07)


def _ten_times_shop(count: int) -> Iterator[bytes]:
    return chain.from_iterable(_shop(count // 10) for _ in range(10))


def _nested_shop(count: int) -> Iterator[bytes]:
    return (b'{"data":%s}\n' % line.rstrip(b"\n") for line in _shop(count))


def _many_types(count: int) -> Iterator[bytes]:
    draw = Random(5).random
    areas = (b"checkout", b"search", b"catalogue", b"account", b"support", b"delivery")
    names = [b"%s.step_%05d" % (areas[number % len(areas)], number) for number in range(100_000)]
    for _ in range(count):
        cents = int(draw() * 100_000)
        yield b'{"type":"%s","value":%d.%02d,"occurred_at":"2020-10-06 %02d:%02d:%02d"}\n' % (
            names[int(draw() * len(names))],
            cents // 100,
            cents % 100,
            cents % 24,
            cents % 60,
            cents % 59,
        )


def _other_scripts(count: int) -> Iterator[bytes]:
    """Yield shop events; one producer in ten writes its types with escapes, as many JSON libraries do."""
    draw = Random(8).random
    names = ("ページ閲覧", "добавлено_в_корзину", "compra_terminée", "खरीद", "支付完成", "🛒 gefüllt")
    spellings = [json.dumps(name, ensure_ascii=False).encode() for name in names]
    escaped = [json.dumps(name).encode() for name in names]
    for _ in range(count):
        cents = int(draw() * 100_000)
        spelling = (escaped if draw() < _ESCAPING else spellings)[int(draw() * len(names))]
        yield b'{"type":%s,"value":%d.%02d,"occurred_at":"2020-10-06 10:02:%02d"}\n' % (
            spelling,
            cents // 100,
            cents % 100,
            cents % 60,
        )


def _long_values(count: int) -> Iterator[bytes]:
    """Yield amounts in the smallest unit of a currency, and rates with nine places: 17 to 20 digits each."""
    draw = Random(9).random
    for _ in range(count):
        first, rest = 1 + int(draw() * 9), (int(draw() * 10**9), int(draw() * 10**9), int(draw() * 10**9))
        digits = (b"%d%09d%09d%09d" % (first, *rest))[: 17 + int(draw() * 4)]
        if draw() < _WHOLE:
            yield b'{"type":"transfer_wei","value":%s,"occurred_at":"2020-10-06 10:02:05"}\n' % digits
        else:
            yield b'{"type":"rate","value":%s.%s,"occurred_at":"2020-10-06 10:02:05"}\n' % (digits[:-9], digits[-9:])


_TRACES: Final = 0.02
"""How many events of a container's log are followed by a stack trace, a line of its own for each call."""


def _container_logs(count: int) -> Iterator[bytes]:
    """Yield lines as a container runtime writes them: a message of a service, or a line of a stack trace."""
    text = _Text(12)
    left = 0
    for number in range(count):
        if left:
            left -= 1
            call = f"{text.pick(_WORDS[:20])}.{text.pick(_WORDS[:20])}"
            log, stream = f"\tat org.example.shop.{call}.Handler{text.below(90)}({call}:{text.below(900)})", "stderr"
        elif text.random.random() < _TRACES:
            left = 10 + text.below(30)
            log, stream = f'ERROR {text.pick(_WORDS[:20])}Exception: order "{text.hexadecimal(8)}" is closed', "stderr"
        else:
            log, stream = f"INFO [worker-{text.below(16)}] {text.words(3, 9)} id={text.below(100_000)}", "stdout"
        second, cents = number // 50, text.below(100_000)
        yield b'{"log":%s,"stream":"%s","ms":%d.%02d,"time":"2024-11-21T%02d:%02d:%02d.%09dZ"}\n' % (
            json.dumps(f"{log}\n", ensure_ascii=False).encode(),
            stream.encode(),
            cents // 100,
            cents % 100,
            second // 3_600 % 24,
            second // 60 % 60,
            second % 60,
            text.below(10**9),
        )


_PROSE: Final = (
    "fix add remove update the a of in for parser test build release merge branch main cache memory index error "
    "handle typo docs version bump null pointer thread lock timeout retry request response header body stream "
    "größe naïve façade 修复 更新 测试 文档 ошибка проверка сборка исправить テスト 修正 追加 café señal 🚀 ✨ 🐛"
)
_WORDS: Final = _PROSE.split()

_QUIRKS: Final = ('say "hello"', "C:\\temp\\new", "tab\there", "line one\nline two", "<a href='x'>y</a>", "\u2028")


class _Text:
    """Draws made-up text of several scripts, with quotes, backslashes and line breaks here and there."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def below(self, limit: int) -> int:
        return int(self.random.random() * limit)

    def pick(self, choices: tuple[str, ...] | list[str]) -> str:
        return choices[self.below(len(choices))]

    def words(self, least: int, most: int) -> str:
        words = [self.pick(_WORDS) for _ in range(least + self.below(most - least + 1))]
        if self.below(3) == 0:
            words.insert(self.below(len(words)), self.pick(_QUIRKS))
        return " ".join(words)

    def hexadecimal(self, digits: int) -> str:
        return "".join(self.pick(list("0123456789abcdef")) for _ in range(digits))

    def name(self) -> str:
        return "".join(self.pick(list("abcdefghijklmnopqrstuvwxyz")) for _ in range(5 + self.below(9)))


_TEMPLATES: Final = 4096

_GITHUB_TYPES: Final = (
    *("PushEvent",) * 10,
    *("CreateEvent",) * 3,
    *("PullRequestEvent",) * 3,
    *("IssueCommentEvent",) * 2,
    *("WatchEvent",) * 2,
    "IssuesEvent",
    "ForkEvent",
)


def _github(count: int) -> Iterator[bytes]:
    """Yield lines like those of GH Archive, 1 to 3 kB, with the size of the payload as a number at the top level."""
    templates = [_github_template(_Text(1000 + number)) for number in range(min(_TEMPLATES, count))]
    draw = Random(6).random
    identity = 2_489_651_045
    for second in range(count):
        identity += 1 + int(draw() * 9)
        actor, size = int(draw() * 9_000_000), int(draw() * 100_000)
        time = b"2015-01-01T%02d:%02d:%02dZ" % (second // 3600 % 24, second // 60 % 60, second % 60)
        yield templates[int(draw() * len(templates))] % (identity, actor, actor, size, time)


def _github_template(text: _Text) -> bytes:
    """Return a line with places for its id, the actor's id (twice), the size, and the time."""
    login, repository = text.name(), f"{text.name()}/{text.name()}-{text.name()}"
    kind = text.pick(_GITHUB_TYPES)
    address = f"https://api.github.com/repos/{repository}"
    payload: dict[str, Any] = {"action": text.pick(["opened", "closed", "started", "created"])}
    if kind == "PushEvent":
        payload |= {
            "push_id": text.below(10**9),
            "ref": "refs/heads/" + text.name(),
            "head": text.hexadecimal(40),
            "before": text.hexadecimal(40),
            "commits": [
                {
                    "sha": text.hexadecimal(40),
                    "author": {"email": text.hexadecimal(40) + "@example.com", "name": text.words(1, 2)},
                    "message": text.words(4, 20),
                    "distinct": text.below(2) == 0,
                    "url": f"{address}/commits/{text.hexadecimal(40)}",
                }
                for _ in range(2 + text.below(4))
            ],
        }
    else:
        payload |= {
            "issue": {
                "url": f"{address}/issues/{text.below(9000)}",
                "title": text.words(3, 9),
                "user": {
                    "login": text.name(),
                    "id": text.below(10**7),
                    "gravatar_id": "",
                    "type": "User",
                    "site_admin": False,
                },
                "labels": [
                    {"name": text.words(1, 2), "color": text.hexadecimal(6), "default": False}
                    for _ in range(text.below(4))
                ],
                "state": "open",
                "assignee": None,
                "milestone": None,
                "score": text.below(10**6) / 1000,
                "body": text.words(40, 110),
                "reactions": {"+1": text.below(9), "-1": 0, "nested": {"empty": [], "deep": [[[{"x": [1, 2.5e-3]}]]]}},
            },
        }
    event = {
        "id": "@ID@",
        "type": kind,
        "actor": {
            "id": "@NUMBER@",
            "login": login,
            "gravatar_id": "",
            "url": f"https://api.github.com/users/{login}",
            "avatar_url": "https://avatars.githubusercontent.com/u/@AVATAR@?",
        },
        "repo": {"id": text.below(10**8), "name": repository, "url": address},
        "payload": payload,
        "public": True,
        "size": "@SIZE@",
        "created_at": "@TIME@",
    }
    line = json.dumps(event, ensure_ascii=text.below(4) == 0, separators=(",", ":")).replace("%", "%%")
    line = line.replace("@ID@", "%d").replace('"@NUMBER@"', "%d").replace("@AVATAR@", "%d")
    return line.replace('"@SIZE@"', "%d").replace("@TIME@", "%s").encode() + b"\n"


_BLUESKY_RECORDS: Final = ("post", "post", "like", "like", "like", "repost", "follow")


def _bluesky(count: int) -> Iterator[bytes]:
    """Yield lines like those of the Bluesky data of JSONBench, 400 to 550 bytes; the value is the time in µs."""
    templates = [_bluesky_template(_Text(9000 + number)) for number in range(min(_TEMPLATES, count))]
    draw = Random(7).random
    time = 1_732_206_349_000_167
    letters = b"234567abcdefghijklmnopqrstuvwxyz"
    tails = [bytes(letters[int(draw() * 32)] for _ in range(12)) for _ in range(4096)]
    for _ in range(count):
        time += int(draw() * 900)
        author, key, other = (tails[int(draw() * len(tails))] for _ in range(3))
        yield templates[int(draw() * len(templates))] % (author, other, time, key, author)


def _bluesky_template(text: _Text) -> bytes:
    """Return a line with places for the two halves of the author, the time, a record key, and a content id."""

    def base32(length: int) -> str:
        return "".join(text.pick(list("234567abcdefghijklmnopqrstuvwxyz")) for _ in range(length))

    record = text.pick(_BLUESKY_RECORDS)
    subject = {"cid": "bafyrei" + base32(52), "uri": f"at://did:plc:{base32(24)}/app.bsky.feed.post/{base32(13)}"}
    body: dict[str, Any] = {
        "$type": f"app.bsky.feed.{record}",
        "createdAt": f"2024-11-21T16:25:46.{text.below(900):03}Z",
    }
    if record == "post":
        said = text.words(9, 12).encode()[:50].decode(errors="ignore")
        body |= {"langs": [text.pick(["en", "ja", "pt", "de"])], "text": said, "reply": {"root": subject}}
    elif record == "follow":
        body |= {"subject": f"did:plc:{base32(24)}", "note": text.words(4, 8)}
    else:
        body["subject"] = subject
    kind = text.pick(["commit"] * 30 + ["identity", "account"])
    event: dict[str, Any] = {"did": "did:plc:@AUTHOR@@OTHER@", "time_us": "@TIME@", "kind": kind}
    event["commit"] = {
        "rev": base32(13),
        "operation": "create",
        "collection": f"app.bsky.feed.{record}",
        "rkey": "@KEY@",
        "record": body,
        "cid": "bafyrei" + base32(40) + "@CONTENT@",
    }
    line = json.dumps(event, ensure_ascii=False, separators=(",", ":")).replace("%", "%%")
    line = line.replace("@AUTHOR@", "%s").replace("@OTHER@", "%s").replace('"@TIME@"', "%d")
    return line.replace("@KEY@", "%s").replace("@CONTENT@", "%s").encode() + b"\n"


_SHOP_LINES: Final = 5_000_000

WORKLOADS: Final = {
    workload.key: workload
    for workload in (
        Workload("a", "shop events, 5 million", _SHOP_LINES, _shop),
        Workload("b", "shop events, 1.4 GB", 20_250_000, _shop),
        Workload(
            "c",
            "lines like GH Archive's, 1 to 3 kB, 1.2 GB",
            690_000,
            _github,
            number=Number.INTEGER,
            value_field="size",
        ),
        Workload(
            "d",
            "lines like Bluesky's, 400 to 550 bytes, 1.2 GB",
            2_350_000,
            _bluesky,
            number=Number.INTEGER,
            type_field="kind",
            value_field="time_us",
        ),
        Workload("e", "100,000 distinct types, 5 million", _SHOP_LINES, _many_types),
        Workload("f", "5 % bad lines, 5 million", _SHOP_LINES, _shop_with_bad_lines, has_bad_lines=True),
        Workload("g", "ten lines", 10, _shop),
        Workload("h", "type names that are not ASCII, 5 million", _SHOP_LINES, _other_scripts),
        Workload("i", "values of 17 to 20 digits, 5 million", _SHOP_LINES, _long_values, number=Number.LONG),
        Workload("j", "(a) ten times over", 10 * _SHOP_LINES, _ten_times_shop, only_ours=True),
        Workload(
            "k",
            "(a), each event nested in another object",
            _SHOP_LINES,
            _nested_shop,
            type_field="data.type",
            value_field="data.value",
            only_ours=True,
        ),
        Workload(
            "l",
            "a container's log, 2 % of the events with a stack trace, 4 million lines",
            4_000_000,
            _container_logs,
            type_field="stream",
            value_field="ms",
        ),
    )
}


def prepare(workload: Workload, folder: str, scale: float) -> Input:
    """Return the input of a workload, made now if it is not in the folder yet."""
    os.makedirs(folder, exist_ok=True)
    name = f"{workload.key}-{workload.length_at(scale)}-v{VERSION}"
    path, beside = os.path.join(folder, f"{name}.jsonl"), os.path.join(folder, f"{name}.answer.json")
    if not os.path.exists(beside):
        unfinished = f"{path}.{os.getpid()}"
        try:
            with open(unfinished, "wb", buffering=1 << 20) as file:
                file.writelines(workload.lines(workload.length_at(scale)))
            _write_answer(workload, unfinished, f"{beside}.{os.getpid()}")
            os.replace(unfinished, path)
            os.replace(f"{beside}.{os.getpid()}", beside)
        finally:
            for left in (unfinished, f"{beside}.{os.getpid()}"):
                with suppress(FileNotFoundError):
                    os.unlink(left)
    with open(beside, "rb") as file:
        known = json.load(file)
    answer = {name: (count, Decimal(total)) for name, count, total in known["types"]}
    return Input(path, known["size"], known["lines"], known["sha256"], answer)


def _write_answer(workload: Workload, path: str, beside: str) -> None:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    lines, answer = count_and_add(path, workload)
    known = {
        "size": os.path.getsize(path),
        "lines": lines,
        "sha256": digest.hexdigest(),
        "types": [[name, count, str(total)] for name, (count, total) in sorted(answer.items())],
    }
    with open(beside, "w", encoding="utf-8") as target:
        json.dump(known, target)


def count_and_add(path: str, workload: Workload) -> tuple[int, Answer]:
    """Return the number of lines of a file, and the exact count and sum by type of those that are events."""
    decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse)
    counts: dict[str, int] = {}
    sums: dict[str, Decimal | int] = {}
    number = 0
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):  # noqa: B007  # the last one is the number of lines
            try:
                event = decoder.decode(line.decode())
                name, value = (_field(event, field) for field in (workload.type_field, workload.value_field))
            except (ValueError, KeyError, TypeError):
                continue
            if type(name) is not str or type(value) not in (int, Decimal):
                continue
            counts[name] = counts.get(name, 0) + 1
            total = sums.get(name, 0)
            sums[name] = (
                total + value if type(total) is type(value) is int else _EXACT.add(Decimal(total), Decimal(value))
            )
    return number, {name: (counts[name], Decimal(total)) for name, total in sums.items()}


def _field(event: Any, field: str) -> Any:
    for key in field.split("."):
        event = event[key]
    return event


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def add_options(parser: argparse.ArgumentParser, *, default: str) -> None:
    """Add the options that say which workloads, where, and how large."""
    parser.add_argument(
        "--workloads",
        default=default,
        metavar="KEYS",
        help=f"which of {''.join(WORKLOADS)} (default: %(default)s)",
    )
    parser.add_argument(
        "--data",
        default=DEFAULT_FOLDER,
        metavar="DIR",
        help="folder that keeps the inputs (default: eventstats-benchmarks in the folder for temporary files)",
    )
    parser.add_argument(
        "--scale",
        type=float,
        default=1.0,
        help="make the inputs so much smaller or larger (default: %(default)s)",
    )


def chosen(keys: str) -> list[Workload]:
    """Return the workloads of some keys; end the benchmark where one does not exist."""
    unknown = [key for key in keys if key not in WORKLOADS]
    if unknown:
        sys.exit(f"there is no workload {unknown[0]!r}: there are {''.join(WORKLOADS)}")
    return [WORKLOADS[key] for key in keys]


def main() -> None:
    """Write the chosen workloads."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser, default="abcdefghil")
    options = parser.parse_args()
    for workload in chosen(options.workloads):
        made = prepare(workload, options.data, options.scale)
        print(f"({workload.key}) {workload.title}: {made.lines:,} lines, {made.size:,} bytes, sha256 {made.sha256}")


if __name__ == "__main__":
    main()
