"""Lets many histories of a queue happen, and prints those that fail: `long_queues.py --histories 10000 --seed 1`."""

import argparse
import sys
import traceback
from contextlib import closing

from eventcli.consume import receiver
from queue_simulation import History


def main() -> int:
    """Run the histories of a range of seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    vars(receiver)["_PAUSES"] = (0.002,)  # nothing here is worth waiting for
    failed = 0
    for seed in range(options.seed, options.seed + options.histories):
        with closing(History(seed)) as history:
            try:
                history.run()
            except AssertionError:
                failed += 1
                sys.stdout.write(f"seed {seed}: {history}\n{traceback.format_exc(limit=-1)}\n")
    sys.stdout.write(f"{options.histories - failed} of {options.histories} histories passed\n")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
