"""How many cores may be used: the affinity and the quota of the control group."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from eventcli.pipeline import cores


@pytest.fixture
def control_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put files of the test in the place of the control group's; returns what writes the quota."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(cores, "_QUOTA", str(tmp_path / "cpu.max"))
    monkeypatch.setattr(cores, "_QUOTA_V1", (str(tmp_path / "quota"), str(tmp_path / "period")))

    def write(quota: str) -> None:
        (tmp_path / "cpu.max").write_text(quota)

    return write


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        ("max 100000\n", 8),
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),
        ("10000 100000\n", 1),
        ("1600000 100000\n", 8),
        ("", 8),
        ("200000 0\n", 8),
        ("nonsense", 8),
    ],
)
def test_the_quota_bounds_the_cores(control_group: Callable[[str], None], quota: str, expected: int) -> None:
    """A quota gives its whole cores, rounded up and at least one, and never more than the affinity allows."""
    control_group(quota)
    assert cores.usable() == expected


@pytest.mark.parametrize(("quota", "expected"), [("-1", 8), ("300000", 3)])
@pytest.mark.usefixtures("control_group")
def test_the_older_control_group_bounds_the_cores(tmp_path: Path, quota: str, expected: int) -> None:
    """The files of the first version of control groups say the same; a quota of -1 is none."""
    (tmp_path / "quota").write_text(f"{quota}\n")
    (tmp_path / "period").write_text("100000\n")
    assert cores.usable() == expected


@pytest.mark.usefixtures("control_group")
def test_without_a_control_group_the_affinity_counts() -> None:
    """Where there is no quota at all, the cores of the affinity are used."""
    assert cores.usable() == len(os.sched_getaffinity(0)) == 8
