"""The process, its start and its end: the entry point of the command `eventstats`, and of `python -m eventcli`."""

import gc
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import NoReturn

from eventcli import interruption
from eventcli.shortage import STATUS, shortage


def script(early: Iterable[int] = ()) -> NoReturn:
    """Run the command line as its own process; `early` are the signals that stay ignored until it can handle them.

    Modules loaded at start-up stay: garbage collection in them would take a tenth of the start-up time. So does nearly
    everything created later: a collection after every 700 objects would take a fiftieth of a run, and after every
    20,000 a thirtieth of one over ten thousand files. Finally, everything is written and closed, so the shutdown of the
    interpreter is skipped: on a small file, it takes longer than reading it.
    """
    # First of all: loading modules is most of the start-up, and an interruption may come during that, too.
    interruption.begin(early)
    gc.disable()
    try:
        from eventcli.cli.process import main  # noqa: PLC0415  # as above

        gc.freeze()
        gc.set_threshold(100_000)
        gc.enable()
        main()
    except SystemExit as ended:
        with suppress(OSError, AttributeError):
            sys.stderr.flush()
        os._exit(int(ended.code or 0))
    except (MemoryError, ImportError, OSError, SystemError) as error:
        # Without memory, the interpreter may even lose the original error: that is a SystemError.
        if shortage(error) is None and not isinstance(error, SystemError):
            raise
        with suppress(OSError):
            os.write(2, b"eventstats: no result: out of memory\n")
        os._exit(STATUS)


if __name__ == "__main__":
    script()
