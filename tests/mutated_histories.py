"""Changes histories that failed once, a few steps at a time, lets them happen, and shortens those that fail.

    python tests/mutated_histories.py --histories 1000 --body rust --seed 1

What fails next is mostly a variation of what failed before, and rarely drawn from nothing. One that fails is printed as
calls that `long_histories.py --replay` takes. A history of which the steps do not fail alone may depend on time.
"""

import argparse
import ast
import os
import random
import sys
import traceback
from collections.abc import Callable, Sequence
from inspect import cleandoc
from typing import Final

from eventcli.body import BODY_VARIABLE
from histories import HISTORIES
from simulation import replay

Step = tuple[str, dict[str, object]]

_LONGEST: Final = 22
"""Steps of a history; longer ones are rarely needed, and slow."""


def _slow_copy(draw: random.Random) -> dict[str, object]:
    length = draw.choice((draw.randint(0, 60), draw.randint(0, 8000)))
    given = {"more": draw.randint(0, 200), "lines": draw.randint(0, 4), "runs": draw.randint(0, 31)}
    return {"length": length, **given, "is_cut": draw.choice((False, True))}


_STEPS: Final[Sequence[Callable[[random.Random], Step]]] = (
    lambda draw: ("append", {"lines": draw.randint(1, 4), "old": False}),
    lambda draw: ("append", {"lines": draw.randint(1, 2), "old": True}),
    lambda _: ("append_much", {}),
    lambda draw: ("tear", {"length": draw.randint(0, 19)}),
    lambda _: ("rename", {}),
    lambda _: ("copytruncate", {}),
    lambda _: ("regrow", {}),
    lambda _: ("copy", {}),
    lambda draw: ("slow_copy", _slow_copy(draw)),
    lambda draw: ("compress", {"encoding": draw.choice((".gz", ".bz2"))}),
    lambda _: ("move", {}),
    lambda draw: ("cut_back", {"reuse_inode": draw.choice((False, True))}),
    lambda draw: ("delete", {"index": draw.randint(0, 3)}),
    lambda draw: ("edit", {"reuse_inode": draw.choice((False, True))}),
    lambda _: ("run", {}),
    lambda _: ("run", {}),
    lambda draw: ("run_blind", {"index": draw.randint(0, 3)}),
    lambda draw: ("run_blind", {"index": draw.randint(0, 3)}),
    lambda draw: ("killed", {"at": draw.randint(1, 60), "torn": False, "commit_bytes": 100}),
)

_SIMPLER: Final[dict[str, object]] = {
    "lines": 1,
    "length": 0,
    "is_glob": False,
    "old": False,
    "encoding": ".gz",
    "more": 0,
}
"""The simplest value of an argument."""


def parse(history: str) -> list[Step]:
    """Return the steps of a history."""
    steps = []
    for each in ast.parse(cleandoc(history)).body:
        assert isinstance(each, ast.Expr)
        call = each.value
        assert isinstance(call, ast.Call)
        assert isinstance(call.func, ast.Name)
        steps.append((call.func.id, {str(one.arg): ast.literal_eval(one.value) for one in call.keywords}))
    return steps


def written(steps: Sequence[Step]) -> str:
    """Return steps as calls."""
    return "; ".join(
        f"{name}({', '.join(f'{key}={value!r}' for key, value in given.items())})" for name, given in steps
    )


def failure(steps: Sequence[Step]) -> str:
    """Let a history happen, and return the line at which it failed; empty if it passed."""
    try:
        replay(written(steps))
    except Exception as error:  # noqa: BLE001  # whatever it is, it is a failure
        return f"{type(error).__name__}: {traceback.extract_tb(error.__traceback__)[-1].line}"
    return ""


def mutated(steps: Sequence[Step], draw: random.Random) -> list[Step]:
    """Return a history with a few steps more, fewer, or in other places; its first step stays."""
    first, *rest = steps
    for _ in range(draw.randint(1, 4)):
        at = draw.randint(0, len(rest))
        kind = draw.random()
        if kind < 0.6 or at == len(rest):
            rest.insert(at, draw.choice(_STEPS)(draw))
        elif kind < 0.8:
            del rest[at]
        else:
            rest.insert(at, rest.pop(draw.randrange(len(rest))))
    return [first, *rest[:_LONGEST], ("run", {})]


def shrunk(steps: Sequence[Step], why: str) -> list[Step]:
    """Return a history that fails in the same way, and of which each step and argument is needed for that."""
    left = list(steps)
    while True:
        shorter = [left[:at] + left[at + 1 :] for at in range(len(left) - 1, 0, -1)]
        simpler = [
            [*left[:at], (name, {**given, key: _SIMPLER[key]}), *left[at + 1 :]]
            for at, (name, given) in enumerate(left)
            for key in given
            if given[key] != _SIMPLER.get(key, given[key])
        ]
        found = next((one for one in (*shorter, *simpler) if failure(one) == why), None)
        if found is None:
            return left
        left = found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and return 1 if a history failed."""
    parser = argparse.ArgumentParser(description="Let variations of histories that failed once happen.")
    parser.add_argument("--histories", type=int, default=1000, help="how many [%(default)s]")
    parser.add_argument("--body", choices=("rust", "python"), default="rust", help="the body of the fold [%(default)s]")
    parser.add_argument("--seed", type=int, default=0, help="other numbers give other histories [%(default)s]")
    options = parser.parse_args(arguments)
    os.environ[BODY_VARIABLE] = options.body
    draw = random.Random(options.seed)
    known = [steps for steps in map(parse, HISTORIES.values()) if len(steps) <= _LONGEST]
    failed = 0
    for number in range(1, options.histories + 1):
        steps = mutated(draw.choice(known), draw)
        why = failure(steps)
        if why:
            failed += 1
            sys.stdout.write(f"{why}\n    {written(shrunk(steps, why))}\n")
        if why or number % 50 == 0:
            sys.stdout.write(f"{number - failed} passed, {failed} failed\n")
            sys.stdout.flush()
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
