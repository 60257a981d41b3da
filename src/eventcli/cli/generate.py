"""Logs of a small shop, of any size: the same bytes for the same seed, on every machine and Python version."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Final

_START: Final = datetime(2020, 10, 6, 8, 0, 0)  # noqa: DTZ001  # the logs carry local times without an offset

_PAGE_VIEWS: Final = 0.6

_BASKETS: Final = 0.3

_HOUR: Final = timedelta(hours=1)

_BLANK: Final = ("", " ", "\t")

_WORDS: Final = ('"n/a"', '"free"', "null", '"12,50"')

_OTHER_DATES: Final = ("%d.%m.%Y %H:%M", "%m/%d/%Y %H:%M")


def generate(events: int, *, seed: int = 0, bad_rate: float = 0.0) -> Iterator[bytes]:
    r"""Yield `events` lines, of which about a share of `bad_rate` (0 to 1) is bad in the way of a flaky producer.

    Bad lines lack a key, have a word in place of a number, are torn, or blank; or they are good ones that look odd: a
    date in another format, an event an hour late.

    >>> print(next(generate(1, seed=7)).decode(), end="")
    {"type":"page_view","value":1,"occurred_at":"2020-10-06 08:00:01"}
    """
    # Of all methods of Random, only random() is guaranteed to return the same numbers in later versions of Python.
    draw = Random(seed).random  # noqa: S311  # sample data, not a secret
    now = _START
    for _ in range(events):
        now += timedelta(seconds=int(draw() * 5))
        kind, value = _event(draw())
        if bad_rate and draw() < bad_rate:
            line = _bad(kind, value, now, draw(), draw())
        else:
            line = _line(kind, value, now.isoformat(" "))
        yield line.encode("ascii") + b"\n"


def _event(drawn: float) -> tuple[str, str]:
    """Return a type and a value: six page views to three filled baskets to one purchase with cents."""
    if drawn < _PAGE_VIEWS:
        return "page_view", "1"
    if drawn < _PAGE_VIEWS + _BASKETS:
        return "added_to_basket", str(1 + int((drawn - _PAGE_VIEWS) * 10))
    cents = 99 + int((drawn - _PAGE_VIEWS - _BASKETS) * 10 * 20_000)
    return "purchase", f"{cents // 100}.{cents % 100:02}"


def _line(kind: str, value: str, occurred_at: str) -> str:
    return f'{{"type":"{kind}","value":{value},"occurred_at":"{occurred_at}"}}'


def _bad(kind: str, value: str, now: datetime, how: float, which: float) -> str:
    good = _line(kind, value, now.isoformat(" "))
    choice, style = int(how * 7), int(which * 12)
    match choice:
        case 0:
            return good.replace(f'"value":{value},', "")
        case 1:
            return good.replace(f'"type":"{kind}",', "")
        case 2:
            return _line(kind, _WORDS[style % len(_WORDS)], now.isoformat(" "))
        case 3:
            return good[: 1 + int(which * (len(good) - 1))]
        case 4:
            return _BLANK[style % len(_BLANK)]
        case 5:
            return _line(kind, value, now.strftime(_OTHER_DATES[style % len(_OTHER_DATES)]))
    return _line(kind, value, (now - _HOUR).isoformat(" "))
