"""The process, its start and its end: what the command `eventstats` runs, and `python -m eventcli`."""

import gc
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import NoReturn

from eventcli import interruption
from eventcli.shortage import shortage


def script(early: Iterable[int] = ()) -> NoReturn:
    """Run the command line as a process of its own; `early` are the signals that are ignored already until it can.

    What is loaded at the start stays: looking for garbage in it would take a tenth of the start-up. So does nearly all
    that is made behind it: looking after every 700 objects would take a fiftieth of a run, and after every 20,000 a
    thirtieth of one over ten thousand files. And everything is written and closed in the end, so the shutdown of the
    interpreter is left out: on a small file it takes longer than reading it.
    """
    # First of all: much of the start is the loading of modules, and an interruption may come there, too.
    interruption.begin(early)
    gc.disable()
    try:
        from eventcli.cli.process import main  # noqa: PLC0415  # as said

        gc.freeze()
        gc.set_threshold(100_000)
        gc.enable()
        main()
    except SystemExit as ended:
        with suppress(OSError, AttributeError):
            sys.stderr.flush()
        os._exit(int(ended.code or 0))
    except (MemoryError, ImportError, OSError, SystemError) as error:
        # Without memory, the interpreter may even forget what went wrong: that is a SystemError.
        if shortage(error) is None and not isinstance(error, SystemError):
            raise
        with suppress(OSError):
            os.write(2, b"eventstats: no result: out of memory\n")
        os._exit(3)


if __name__ == "__main__":
    script()
