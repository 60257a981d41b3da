"""The process that forks the members of clusters of Dask: see `dask_cluster`.

It imports Dask once, which takes seconds; so a member is there in a fraction of one. It ends them all when its standard
input ends, so also when the tests are killed. It imports nothing of the package, which some members must lack.
"""

import asyncio
import json
import os
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

import dask
from distributed import Scheduler, Worker


def main() -> None:
    """Fork a member for each line of standard input, write its pid and address, and end all when the lines end."""
    # Members that are gone leave no zombies, so a test sees that they are gone.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    members = []
    for line in sys.stdin.buffer:
        ours, theirs = os.pipe()
        if not (pid := os.fork()):
            os.close(ours)
            _run(json.loads(line), theirs)
        os.close(theirs)
        members.append(pid)
        with open(ours, "rb") as pipe:
            address = pipe.readline().decode().strip()
        sys.stdout.write(json.dumps([pid, address]) + "\n")
        sys.stdout.flush()
    for pid in members:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _run(order: dict[str, Any], told: int) -> None:
    """Be a member: write its address once it is there, and end with it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDWR)
    log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for descriptor, standard in ((null, 0), (null, 1), (log, 2)):
        os.dup2(descriptor, standard)
    status = 1
    try:
        asyncio.run(_member(order, told))
        status = 0
    except BaseException:  # noqa: BLE001  # the child of a fork must not go on in its parent's frames
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


async def _member(order: dict[str, Any], told: int) -> None:
    dask.config.set(order["settings"])
    sys.path[:0] = order["before"]
    if order["lacks_package"]:
        _hide_package()
    if order["role"] == "scheduler":
        server: Scheduler | Worker = Scheduler(host="127.0.0.1", port=order["port"], dashboard_address="127.0.0.1:0")
    else:
        server = Worker(
            order["scheduler"],
            nthreads=order["threads"],
            host="127.0.0.1",
            local_directory=order["scratch"],
            dashboard_address="127.0.0.1:0",
        )
    async with server:
        os.write(told, f"{server.address}\n".encode())
        os.close(told)
        await server.finished()  # type: ignore[no-untyped-call]


def _hide_package() -> None:
    """Have the package, which is installed, not found."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in getattr(finder, "__module__", "")]
    sys.path[:] = [path for path in sys.path if not Path(path, "eventcli").is_dir()]
    sys.path_importer_cache.clear()
    assert not [name for name in sys.modules if name.startswith("eventcli")]


if __name__ == "__main__":
    main()
