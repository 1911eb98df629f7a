"""When the machine will switch itself on or off."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta

from lmdecode.codec.v1.memory_map import DAYS
from lmdecode.codec.v1.values import Value

__all__ = ["next_switch"]


def next_switch(fields: Mapping[str, Value]) -> tuple[datetime, bool] | None:
    """When the schedule next switches the machine, by the machine's own clock, and whether on.

    Args:
        fields: What the machine holds: `clock`, `auto_bitfield`, and the times of the days, `mon_on_time` and so on.

    Returns:
        None if the schedule is off, or not known.

    >>> tuesday = {"tue_on_time": "06:30", "tue_off_time": "17:00", "auto_bitfield": ["global_auto", "tue_auto"]}
    >>> next_switch(tuesday | {"clock": "2026-11-21T09:30:00"})
    (datetime.datetime(2026, 11, 24, 6, 30), True)
    """
    try:
        now = datetime.fromisoformat(str(fields.get("clock")))
    except ValueError:
        return None
    enabled = fields.get("auto_bitfield")
    if not isinstance(enabled, list) or "global_auto" not in enabled:
        return None
    for ahead in range(len(DAYS) + 1):
        date = now.date() + timedelta(ahead)
        day = DAYS[date.weekday()]
        if f"{day}_auto" not in enabled:
            continue
        on, off = _time(fields.get(f"{day}_on_time")), _time(fields.get(f"{day}_off_time"))
        if on == off:
            continue  # which of them would win nobody knows
        times = [(datetime.combine(date, at), way) for at, way in ((on, True), (off, False)) if at is not None]
        later = [each for each in times if each[0] > now]
        if later:
            return min(later)
    return None


def _time(text: Value | None) -> time | None:
    try:
        return time.fromisoformat(str(text))
    except ValueError:
        return None
