"""The zone in which people read and type times, and times as tables show them.

One zone is in force for a whole command, and all that shows a time to people or understands one that was typed asks
here for it. So a time can be typed as it was shown, whichever command showed it. The zone is that of this computer,
or UTC with the option `--utc`. Formats for programs are UTC always, and do not ask.

Why a value of the module, rather than an argument of everything between the command line and a cell of a table: the
zone of a computer is such a value already, which `datetime` takes from the environment without being told, and a
cell that somebody forgets to tell would be wrong by hours and look right. Why not the environment itself: `tzset` is
missing on Windows, and other libraries and processes would see it too. Why not a context variable: threads, such as
the one that draws a screen, do not inherit them. `in_zone` puts the former zone back, so nothing lasts longer than the
command; and what is sent to a worker process has `zone_in_force` with it.

Programs pass a zone with each call instead, and leave the value alone.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Final

SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
DAY: Final = 24 * 60 * MINUTE

_SHORT_OFFSET: Final = re.compile(r"[+-]\d").match
_NAME: Final = re.compile(r"[A-Za-z]{1,5}\Z", re.ASCII).match  # as one can be typed
_NAMES_OF_UTC: Final = frozenset(("UTC", "GMT", "Z"))

_zone: tzinfo | None = None


def zone_in_force() -> tzinfo | None:
    """Returns the zone of times that are shown or typed without one; None for this computer's."""
    return _zone


@contextlib.contextmanager
def in_zone(zone: tzinfo | None) -> Iterator[None]:
    """Puts a zone in force for the length of a block; None for this computer's.

    >>> from datetime import UTC
    >>> with in_zone(UTC):
    ...     clock_text(1_500_000_000)
    '00:00:01.500'
    """
    global _zone  # noqa: PLW0603 -- see above
    before, _zone = _zone, zone
    try:
        yield
    finally:
        _zone = before


def local_time(time_ns: int, zone: tzinfo | None = None) -> datetime:
    """Returns a time in a zone, to the second: in the one that is in force for None."""
    try:
        return _in(zone or _zone, time_ns // SECOND)
    except (ValueError, OverflowError, OSError):  # a capture can claim any number
        return _in(zone or _zone, 0)


def _in(zone: tzinfo | None, seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, zone) if zone is not None else datetime.fromtimestamp(seconds).astimezone()


def zone_name(when: datetime) -> str:
    """Returns what a time's zone is called, so that it can be typed: CET, or by its offset as UTC+14.

    A computer can call its zone what it likes: `TZ=UTC-2` says UTC and is two hours ahead of it, Windows says
    "W. Europe Standard Time". Such a zone is called by its offset.

    >>> from datetime import UTC
    >>> zone_name(datetime(2026, 11, 21, tzinfo=UTC))
    'UTC'
    """
    name, offset = when.tzname() or "", when.utcoffset() or timedelta(0)
    if _SHORT_OFFSET(name):
        return f"UTC{name}"
    if _NAME(name) and not (offset and name.upper() in _NAMES_OF_UTC):
        return name
    return timezone(offset).tzname(None)


def clock_text(time_ns: int) -> str:
    """Returns a time of day as tables show it, with milliseconds."""
    return f"{local_time(time_ns):%H:%M:%S}.{time_ns // 1_000_000 % 1000:03}"


def day_text(time_ns: int) -> str:
    """Returns a day as the headings of tables have it: "2026-11-21, times in CET"."""
    when = local_time(time_ns)
    return f"{when:%Y-%m-%d}, times in {zone_name(when)}"


def time_text(time_ns: int) -> str:
    """Returns a time with its date and zone, as titles show it: "2026-11-21 03:55:57 CET"."""
    when = local_time(time_ns)
    return f"{when:%Y-%m-%d %H:%M:%S} {zone_name(when)}"


def iso_text(text: str) -> str:
    """Returns an ISO 8601 time in the form of `time_text`; any other text is returned unchanged.

    >>> from datetime import UTC
    >>> with in_zone(UTC):
    ...     iso_text("2026-11-21T03:55:57+01:00"), iso_text("this morning")
    ('2026-11-21 02:55:57 UTC', 'this morning')
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if when.tzinfo is None else time_text(int(when.timestamp()) * SECOND)


def beside_text(time_ns: int, other_ns: int) -> str:
    """Returns a time of day beside another time: with its date if that is another, and its zone likewise.

    >>> from datetime import UTC
    >>> with in_zone(UTC):
    ...     beside_text(SECOND, 0), beside_text(SECOND, DAY)
    ('00:00:01', '1970-01-01 00:00:01')
    """
    when, other = local_time(time_ns), local_time(other_ns)
    date = "" if when.date() == other.date() else f"{when:%Y-%m-%d} "
    zone = "" if zone_name(when) == zone_name(other) else f" {zone_name(when)}"
    return f"{date}{when:%H:%M:%S}{zone}"


def between_text(first_ns: int, last_ns: int, zone: tzinfo | None = None) -> str:
    """Returns a stretch of time as one would type its ends, in a zone or in the one that is in force.

    >>> from datetime import UTC
    >>> between_text(0, 75 * SECOND, UTC), between_text(0, DAY, UTC)
    ('1970-01-01 00:00:00 to 00:01:15 UTC', '1970-01-01 00:00:00 to 1970-01-02 00:00:00 UTC')
    """
    first, last = local_time(first_ns, zone), local_time(last_ns, zone)
    name, other = zone_name(first), zone_name(last)
    begin = f"{first:%Y-%m-%d %H:%M:%S}{'' if name == other else f' {name}'}"
    return f"{begin} to {last:{'%H:%M:%S' if first.date() == last.date() else '%Y-%m-%d %H:%M:%S'}} {other}"


def span_text(span_ns: int) -> str:
    """Returns how long something took.

    >>> [span_text(seconds * 10**9) for seconds in (0, 3, 75, 7200)]
    ['0.0 s', '3.0 s', '75 s', '2.0 h']
    """
    seconds = span_ns / SECOND
    if seconds >= 3600:
        return f"{seconds / 3600:.1f} h"
    if seconds >= 600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
