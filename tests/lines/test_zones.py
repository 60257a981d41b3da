"""`eventcli.lines.zones`: names, offsets, the zone of this machine."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from eventcli import Timing
from eventcli.lines import zones
from eventcli.lines.query import unit_of

SUMMER = datetime.fromisoformat("2020-07-01 12:00")
WINTER = datetime.fromisoformat("2020-01-01 12:00")


@pytest.mark.parametrize(
    ("name", "canonical", "hours"),
    [
        ("UTC", "UTC", 0),
        ("utc", "UTC", 0),
        ("Z", "UTC", 0),
        ("+00:00", "UTC", 0),
        ("-0000", "UTC", 0),
        ("+02:00", "+02:00", 2),
        ("+02", "+02:00", 2),
        ("-0330", "-03:30", -3.5),
        ("+23:59", "+23:59", 23 + 59 / 60),
        ("Europe/Berlin", "Europe/Berlin", 2),
    ],
)
def test_zones_have_one_name(name: str, canonical: str, hours: float) -> None:
    """An offset is a zone, and whatever a zone is called, it is written down by one name."""
    assert zones.canonical(name) == canonical
    offset = SUMMER.replace(tzinfo=zones.zone(name)).utcoffset()
    assert offset is not None
    assert offset.total_seconds() == round(hours * 3600)
    assert Timing(name, zone=name)[0::4][:2] == (canonical, canonical)


@pytest.mark.parametrize("name", ["+24:00", "+02:60", "+2", "02:00", "+02:00:00", "Mars/Olympus", "", "+"])
def test_zones_that_are_none(name: str) -> None:
    """What is neither a name nor an offset of less than a day is no zone."""
    with pytest.raises(zones.ZoneError, match=r"no time zone|no offset"):
        zones.zone(name)


@pytest.mark.parametrize(
    ("value", "name", "summer", "winter"),
    [
        ("Europe/Berlin", "Europe/Berlin", 2, 1),
        (":America/New_York", "America/New_York", -4, -5),
        ("", "UTC", 0, 0),
        ("UTC", "UTC", 0, 0),
        ("EST5EDT", "EST5EDT", -4, -5),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "CET-1CEST,M3.5.0,M10.5.0/3", 2, 1),
        ("<+0330>-3:30", "<+0330>-3:30", 3.5, 3.5),
        ("/usr/share/zoneinfo/Asia/Kathmandu", "Asia/Kathmandu", 5.75, 5.75),
    ],
)
def test_the_zone_of_this_machine_is_that_of_tz(
    monkeypatch: pytest.MonkeyPatch, value: str, name: str, summer: float, winter: float
) -> None:
    """TZ says which zone `local` is, by a name, a path or a rule as POSIX has it."""
    monkeypatch.setenv("TZ", value)
    assert zones.canonical("local") == name
    zone = zones.zone("local")
    for moment, hours in ((SUMMER, summer), (WINTER, winter)):
        offset = moment.replace(tzinfo=zone).utcoffset()
        assert offset is not None
        assert offset.total_seconds() == hours * 3600


def test_the_zone_of_this_machine_is_that_of_localtime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without TZ, it is what /etc/localtime leads to; a copy has no name; where there is none, it is UTC."""
    monkeypatch.delenv("TZ", raising=False)
    file = tmp_path / "zoneinfo" / "Europe" / "Berlin"
    link = tmp_path / "localtime"
    monkeypatch.setattr(zones, "_LOCALTIME", str(link))
    assert zones.canonical("local") == "UTC"
    assert zones.zone("local") is UTC
    source = Path("/usr/share/zoneinfo/Europe/Berlin")
    if not source.exists():
        pytest.skip("no zones here")
    file.parent.mkdir(parents=True)
    file.write_bytes(source.read_bytes())
    link.symlink_to(file)
    assert zones.canonical("local") == "Europe/Berlin"
    link.unlink()
    link.write_bytes(source.read_bytes())
    assert zones.canonical("local") in ("local", "Europe/Berlin")
    berlin = ZoneInfo("Europe/Berlin")
    assert SUMMER.replace(tzinfo=zones.zone("local")).utcoffset() == SUMMER.replace(tzinfo=berlin).utcoffset()


@pytest.mark.parametrize(
    ("by", "name"),
    [
        ("minute", "minute"),
        ("5m", "5m"),
        ("05m", "5m"),
        ("15m", "15m"),
        ("30s", "30s"),
        ("60s", "minute"),
        ("1m", "minute"),
        ("60m", "hour"),
        ("1h", "hour"),
        ("12h", "12h"),
        ("24h", "day"),
        ("1d", "day"),
        ("7d", "week"),
    ],
)
def test_sizes_have_one_name(by: str, name: str) -> None:
    """A size is known by one name, so that results of equal buckets merge."""
    assert unit_of(by) == name == Timing(by=by).by


@pytest.mark.parametrize(
    "by", ["", "m", "0m", "7m", "61m", "90m", "5h", "36h", "2d", "30d", "2w", "-5m", "1.5h", "5 m", "\u0665m"]
)
def test_sizes_that_divide_nothing(by: str) -> None:
    """Buckets that would begin at other times every day, or that are none, are refused."""
    with pytest.raises(ValueError, match="is none of minute, 5m, hour, day, week, month, nor of"):
        Timing(by=by)
