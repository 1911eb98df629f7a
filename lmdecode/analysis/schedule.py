"""When a machine switches itself on or off next, by the schedules of all generations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

from lmdecode.codec.record import Value
from lmdecode.codec.v1.memory_map import DAYS

_NAMES: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_AHEAD: Final = len(DAYS) + 1  # days to look ahead: today's weekday once more, for what has passed today
_OLDEST: Final = 2000  # years before this are of a clock that nobody has set
_UNSET: Final = "24"  # the hour of a time that is not set


def next_switch(
    fields: Mapping[str, Value], entries: Sequence[object] = (), *, now: datetime | None = None
) -> tuple[datetime, bool] | None:
    """Return when the schedule next switches the machine, by the machine's own clock, and whether it switches it on.

    Args:
        fields: The machine's values: `clock`; `auto_bitfield`, or `global_auto`, `mon_auto` and so on; and the times of
            the days, `mon_on_time` and so on.
        entries: The schedule of gateways since 2024, as the machine says it: objects with `days`, `timeOn`, `timeOff`.
        now: The time on the machine's clock; None: as in `clock`.

    Returns:
        None if the schedule is off, or not known, or if the machine's clock is not.

    >>> tuesday = {"tue_on_time": "06:30", "tue_off_time": "17:00", "auto_bitfield": ["global_auto", "tue_auto"]}
    >>> next_switch(tuesday | {"clock": "2026-11-21T09:30:00"})
    (datetime.datetime(2026, 11, 24, 6, 30), True)
    >>> entry = {"days": ["sunday"], "enabled": True, "timeOn": "7:5", "timeOff": "24:0"}
    >>> next_switch({"clock": "2026-11-21T09:30:00"}, [entry])
    (datetime.datetime(2026, 11, 22, 7, 5), True)
    """
    if now is None:
        now = clock_of(fields)
    if now is None:
        return None
    for ahead in range(_AHEAD):
        day = now.date() + timedelta(ahead)
        found = [each for each in (*_weekly(fields, day), *_entered(entries, day)) if each[0] > now]
        if found:
            return min(found)
    return None


def clock_of(fields: Mapping[str, Value]) -> datetime | None:
    """Return the time that the machine's clock showed when it was last read; None if nobody read it or set it."""
    try:
        now = datetime.fromisoformat(str(fields.get("clock"))).replace(tzinfo=None)
    except ValueError:
        return None
    return now if now.year >= _OLDEST else None


def has_schedule(fields: Mapping[str, Value], entries: Sequence[object] = ()) -> bool | None:
    """Return whether a schedule is on; None if no value tells."""
    enabled = fields.get("auto_bitfield")
    if isinstance(enabled, list):
        return "global_auto" in enabled
    if any(_is_on(each) for each in entries):
        return True
    on = fields.get("global_auto")
    return on if isinstance(on, bool) else None


def _weekly(fields: Mapping[str, Value], day: date) -> Iterator[tuple[datetime, bool]]:
    """Yield what the schedule with one pair of times a day switches on a day."""
    enabled, name = fields.get("auto_bitfield"), DAYS[day.weekday()]
    if isinstance(enabled, list):
        is_on = {"global_auto", f"{name}_auto"} <= set(enabled)
    else:
        is_on = fields.get("global_auto") is fields.get(f"{name}_auto") is True
    if is_on:
        yield from _pair(day, fields.get(f"{name}_on_time"), fields.get(f"{name}_off_time"))


def _entered(entries: Iterable[object], day: date) -> Iterator[tuple[datetime, bool]]:
    """Yield what entries with days of their own switch on a day."""
    name = _NAMES[day.weekday()]
    for each in entries:
        if isinstance(each, Mapping) and _is_on(each) and name in _days(each.get("days")):
            yield from _pair(day, each.get("timeOn"), each.get("timeOff"))


def _is_on(entry: object) -> bool:
    return isinstance(entry, Mapping) and entry.get("enabled") is True


def _days(value: object) -> set[str]:
    return {each.lower() for each in value if isinstance(each, str)} if isinstance(value, list) else set()


def _pair(day: date, on: object, off: object) -> Iterator[tuple[datetime, bool]]:
    first, second = _time(on), _time(off)
    if first == second:
        return  # nobody knows which of them would win
    for at, way in ((first, True), (second, False)):
        if at is not None:
            yield datetime.combine(day, at), way


def _time(text: object) -> time | None:
    """Return a time of the day: "06:30", or "6:5" as the gateways have it."""
    hour, _, minute = str(text).partition(":")
    if hour == _UNSET or not (hour.isascii() and hour.isdigit() and minute.isascii() and minute.isdigit()):
        return None
    try:
        return time(int(hour), int(minute))
    except ValueError:
        return None
