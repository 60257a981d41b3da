"""How many cores this process may use, according to its CPU affinity and its cgroup quota."""

import os
from typing import Final

_QUOTA: Final = "/sys/fs/cgroup/cpu.max"

_QUOTA_V1: Final = ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us")


def usable() -> int:
    """Return the number of cores this process may use: at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota()
    return cores if quota is None else max(1, min(cores, quota))


def _quota() -> int | None:
    """Return the cgroup quota in whole cores, rounded up; None if there is none (Linux only)."""
    try:
        limit, period = _read(_QUOTA).split()
    except (OSError, ValueError):
        try:
            limit, period = (_read(path) for path in _QUOTA_V1)
        except OSError:
            return None
    if not (limit.isdigit() and period.isdigit() and int(period)):
        return None
    return -(-int(limit) // int(period))


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read().strip()
