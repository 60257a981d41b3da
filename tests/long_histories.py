"""Lets many histories of logs happen, as long as somebody wants to wait, and says how many passed.

    python tests/long_histories.py --histories 10000 --body rust --seed 1
    python tests/long_histories.py --replay "begin(lines=1); rename(); run()"

One that fails is printed as calls that `--replay` and a test take.
"""

import argparse
import os
import sys
import time
import traceback
from collections.abc import Sequence
from typing import Final

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from eventcli.body import BODY_VARIABLE
from simulation import Simulation, replay

_BATCH: Final = 50
"""Histories after which the count is printed, and hypothesis begins anew with another seed."""

_STEPS: Final = 25

_SETTINGS: Final = settings(
    database=None,
    deadline=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    stateful_step_count=_STEPS,
    suppress_health_check=list(HealthCheck),
)


class _Counted(Simulation):
    """A history that counts how many passed before the first one of a batch that failed."""

    passed = 0
    has_failed = False

    def teardown(self) -> None:
        """Count, and remove all files."""
        kind, *_ = sys.exc_info()
        if kind is None:
            _Counted.passed += not _Counted.has_failed
        elif not kind.__module__.startswith("hypothesis"):  # those end a history that is not one
            _Counted.has_failed = True
        super().teardown()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and return 1 if a history failed."""
    parser = argparse.ArgumentParser(description="Let many histories of logs happen.")
    parser.add_argument("--histories", type=int, default=10_000, help="how many [%(default)s]")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no further batch after so long")
    parser.add_argument("--body", choices=("rust", "python"), default="rust", help="the body of the fold [%(default)s]")
    parser.add_argument("--seed", type=int, default=0, help="other numbers give other histories [%(default)s]")
    parser.add_argument("--replay", metavar="CALLS", help="let this one history happen")
    options = parser.parse_args(arguments)
    os.environ[BODY_VARIABLE] = options.body
    if options.replay:
        replay(options.replay)
        return 0
    return _run_many(options.histories, options.seconds, options.seed)


def _run_many(histories: int, seconds: float, first_seed: int) -> int:
    begun = time.monotonic()
    batches = failed = 0
    while _Counted.passed + failed < histories and time.monotonic() - begun < seconds:
        number = min(_BATCH, histories - _Counted.passed - failed)
        _Counted.has_failed = False
        machine = seed(first_seed * 1_000_003 + batches)(_Counted)
        batches += 1
        try:
            run_state_machine_as_test(machine, settings=settings(_SETTINGS, max_examples=number))
        except KeyboardInterrupt:
            histories = 0  # what passed until now is said
        except Exception:  # noqa: BLE001  # whatever it is, it is printed
            failed += 1  # and the batch is ended
            traceback.print_exc()
        spent = time.monotonic() - begun
        sys.stdout.write(f"{_Counted.passed} passed, {failed} failed ({spent:.0f} s)\n")
        sys.stdout.flush()
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
