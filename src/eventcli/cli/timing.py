"""The help texts of the time options."""

from typing import Final

BY_HELP: Final = "minute, 5m, hour, day, week, month, or a size such as 15m, 6h or 30s"

ZONE_HELP: Final = "a name, +02:00 or local.  [default: UTC]"

BOUND_HELP: Final = "a time, a date, 24h, 7d (ago), today, yesterday, now or an epoch"
