"""Times as users write them and as tables show them."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Final, NamedTuple

from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.record import iso_time


class TimeError(LmdecodeError, ValueError):
    """A time that cannot be understood, or that is not in the capture: one line that says what would be right."""


class NamedTime(NamedTuple):
    """What a time names: a whole day, minute, second or fraction; nanoseconds since 1970, or since midnight."""

    start: int
    end: int
    """The nanosecond after the last."""
    dated: bool
    """Whether it has a date; else it is a time of any day."""


SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
DAY: Final = 24 * 60 * MINUTE

_TIME: Final = re.compile(
    r"(?:(\d{4})-(\d\d)-(\d\d)(?:[T ](?=\d)|(?=Z|[+-]|\Z)))?"
    r"(?:(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?(Z|[+-]\d\d:\d\d)?\Z",
    re.ASCII,
).match
_OFFSET: Final = re.compile(r"\+(?=\d)(?:(\d{1,6})h)?(?:(\d{1,8})m)?(?:(\d{1,9})(?:\.(\d{1,9}))?s?)?\Z", re.ASCII).match
_HOW: Final = "a time (UTC) is written 02:55, 02:55:12.5, 2026-11-21 or 2026-11-21T02:55Z"


def named_time(text: str) -> NamedTime:
    """What a time names. Without `Z` or an offset it is UTC.

    Raises:
        TimeError: It is none.

    >>> named_time("1970-01-01T01:00+01:00")
    NamedTime(start=0, end=60000000000, dated=True)
    """
    parts = _TIME(text.strip())
    if parts is None or not (parts[1] or parts[4]):
        raise TimeError(_HOW)
    year, month, day, hour, minute, second, fraction, zone = parts.groups()
    if int(hour or 0) > 23 or int(minute or 0) > 59 or int(second or 0) > 59:
        raise TimeError(_HOW)
    start = int(hour or 0) * 60 * MINUTE + int(minute or 0) * MINUTE + int(second or 0) * SECOND
    start += int((fraction or "").ljust(9, "0"))
    length = DAY if hour is None else MINUTE if second is None else SECOND // 10 ** len(fraction or "")
    if zone and zone != "Z":
        if int(zone[1:3]) > 23 or int(zone[4:6]) > 59:
            raise TimeError(_HOW)
        sign = -1 if zone[0] == "+" else 1
        start += sign * (int(zone[1:3]) * 60 + int(zone[4:6])) * MINUTE
    if year is None:
        start %= DAY
        return NamedTime(start, start + length, dated=False)
    try:
        days = date(int(year), int(month), int(day)).toordinal() - date(1970, 1, 1).toordinal()
    except ValueError:
        raise TimeError(f"{year}-{month}-{day} is not a date") from None
    return NamedTime(days * DAY + start, days * DAY + start + length, dated=True)


def moment(text: str, first_ns: int, last_ns: int) -> NamedTime:
    """A time within a capture: as `named_time`, or +12.5s, +1m, +1h30m after its first message.

    Args:
        text: What the user wrote. A time of day is that of the day on which the capture has it.
        first_ns: When the capture begins; nanoseconds since 1970.
        last_ns: When it ends.

    Raises:
        TimeError: It is none, it is not in the capture, or the capture has that time of day more than once.

    >>> moment("+1.5s", 0, 2_000_000_000)
    NamedTime(start=1500000000, end=1500000001, dated=True)
    """
    offset = _OFFSET(text.strip())
    if offset:
        hours, minutes, seconds, fraction = offset.groups()
        start = first_ns + (int(hours or 0) * 60 + int(minutes or 0)) * MINUTE + int(seconds or 0) * SECOND
        start += int((fraction or "").ljust(9, "0"))
        found = [NamedTime(start, start + 1, dated=True)]
    else:
        try:
            named = named_time(text)
        except TimeError as error:
            more = "" if "date" in str(error) else ", after the beginning +12.5s, +1m or +1h30m"
            raise TimeError(f"{text!r}: {error}{more}") from None
        days = [0] if named.dated else range(first_ns // DAY - 1, last_ns // DAY + 1)
        found = [NamedTime(day * DAY + named.start, day * DAY + named.end, dated=True) for day in days]
    within = [each for each in found if each.start <= last_ns and first_ns < each.end]
    if not within:
        raise TimeError(f"{text!r} is not in it: it is from {iso_time(first_ns)} to {iso_time(last_ns)}")
    if len(within) > 1:
        between = f"between {iso_time(first_ns)} and {iso_time(last_ns)}"
        raise TimeError(f"{text!r} comes {len(within)} times {between}: give the date too")
    return within[0]


def local_time(time_ns: int) -> datetime:
    """A time in the zone of this computer, in which tables show times."""
    try:
        return datetime.fromtimestamp(time_ns // SECOND).astimezone()
    except (ValueError, OverflowError, OSError):  # a capture can claim any number
        return datetime.fromtimestamp(0).astimezone()


def clock_text(time_ns: int) -> str:
    """A time of day as tables show it, with milliseconds."""
    return f"{local_time(time_ns):%H:%M:%S}.{time_ns // 1_000_000 % 1000:03}"


def span_text(span_ns: int) -> str:
    """How long something took.

    >>> [span_text(seconds * 10**9) for seconds in (0, 3, 75, 7200)]
    ['0.0 s', '3.0 s', '75 s', '2.0 h']
    """
    seconds = span_ns / SECOND
    if seconds >= 3600:
        return f"{seconds / 3600:.1f} h"
    if seconds >= 600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
