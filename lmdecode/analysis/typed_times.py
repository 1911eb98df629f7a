"""Times as people type them: `02:55`, `2026-11-21T02:55Z`, `+12.5s`, and ranges of them.

A time without a zone is one of the zone in force (see `times`), on a clock that skips an hour once a year and shows one
twice. So a time on the clock names no, one or two stretches of the time that captures have.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final, NamedTuple

from lmdecode.analysis.times import DAY, MINUTE, SECOND, between_text, local_time, zone_in_force, zone_name
from lmdecode.codec.errors import LmdecodeError


class TimeError(LmdecodeError, ValueError):
    """A time that cannot be understood, or that is not in the capture: one line that says what would be right."""

    exit_code = 2


class Span(NamedTuple):
    """A stretch of time, in nanoseconds since 1970, UTC."""

    start: int
    end: int
    """The nanosecond after the last."""


Test = Callable[[int], bool]
"""Whether a time, in nanoseconds since 1970, is one of those that were asked for."""

_ZONE: Final = r"(?:UTC|GMT)?[+-]\d\d(?::?\d\d)?|[A-Za-z]{1,5}"
_TIME: Final = re.compile(
    rf"(?:(\d{{4}})-(\d\d)-(\d\d)(?:(?:[Tt]| +)(?=\d)|(?=\s*(?:{_ZONE})?\Z)))?"
    rf"(?:(\d\d?):(\d\d)(?::(\d\d)(?:\.(\d{{1,9}}))?)?)?\s*({_ZONE})?\Z",
    re.ASCII,
).match
_OFFSET: Final = re.compile(r"(?:UTC|GMT)?([+-])(\d\d):?(\d\d)?\Z").match
_AFTER: Final = re.compile(r"\+(?=\d)(?:(\d{1,6})h)?(?:(\d{1,8})m)?(?:(\d{1,9})(?:\.(\d{1,9}))?s?)?\Z", re.ASCII).match
_HOW: Final = "a time is written 02:55, 02:55:12.5, 2026-11-21 or 2026-11-21T02:55, with a zone 02:55Z or 02:55+01:00"
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 -- on the clock of any zone


@dataclass(frozen=True, slots=True)
class NamedTime:
    """What a time names on a clock: a whole day, minute, second or fraction of one."""

    start: int
    """Nanoseconds on the clock: since 1970-01-01 00:00 there, or since midnight without a date."""
    length: int
    """Nanoseconds."""
    dated: bool
    """Whether it has a date; else it is a time of any day."""
    zone: tzinfo | None
    """Whose clock; None for this computer's."""

    def on(self, day: int) -> NamedTime:
        """Returns a time without a date on a day, which is counted from 1970-01-01 on."""
        return NamedTime(day * DAY + self.start, self.length, True, self.zone)

    def spans(self) -> tuple[Span, ...]:
        """Returns when the clock shows the time: twice in an hour that is repeated.

        Raises:
            TimeError: It never does, as the clock skips that hour, or the calendar that day.
        """
        starts = _times_of(self.start, self.zone)
        if self.length == DAY:
            ends = _times_of(self.start + DAY, self.zone)
            found = Span(starts[0], max(ends))  # the first of a skipped midnight is when the clock skips it
            if found.start < found.end:
                return (found,)
        elif starts[0] <= starts[1]:
            return tuple(Span(start, start + self.length) for start in dict.fromkeys(starts))
        raise TimeError(f"there was no such time: {_skip(starts[1], starts[0], self.zone)}")


def _times_of(clock_ns: int, zone: tzinfo | None) -> tuple[int, int]:
    """Returns when a clock shows a time, for the first and for the second time; before each other if it is skipped."""
    seconds, rest = divmod(clock_ns, SECOND)
    try:
        when = _EPOCH + timedelta(seconds=seconds)
        first, second = (int(when.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1))
    except (ValueError, OverflowError, OSError):  # beyond the years that the computer's clock can show
        first = second = seconds
    return first * SECOND + rest, second * SECOND + rest


def _skip(before_ns: int, after_ns: int, zone: tzinfo | None) -> str:
    """Returns what a clock skipped between two times: "the clocks went from 02:00 to 03:00"."""
    low, high = before_ns // SECOND, after_ns // SECOND
    offset = local_time(before_ns, zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if local_time(middle * SECOND, zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    last, first = local_time(low * SECOND, zone) + timedelta(seconds=1), local_time(high * SECOND, zone)
    shown = "%H:%M" if last.date() == first.date() else "%Y-%m-%d %H:%M"
    return f"the clocks went from {last:{shown}} to {first:{shown}}"


def named_time(text: str, zone: tzinfo | None = None) -> NamedTime:
    """Returns what a time names.

    Args:
        text: The time.
        zone: Its zone, if the text has none; None for the one in force.

    Raises:
        TimeError: It is not a time.

    >>> named_time("1970-01-02T01:00+01:00").spans()
    (Span(start=86400000000000, end=86460000000000),)
    """
    parts = _TIME(text.strip())
    if parts is None or not (parts[1] or parts[4]):
        raise TimeError(_HOW)
    year, month, day, hour, minute, second, fraction, typed = parts.groups()
    if int(hour or 0) > 23 or int(minute or 0) > 59 or int(second or 0) > 59:
        raise TimeError(_HOW)
    start = int(hour or 0) * 60 * MINUTE + int(minute or 0) * MINUTE + int(second or 0) * SECOND
    start += int((fraction or "").ljust(9, "0"))
    length = DAY if hour is None else MINUTE if second is None else SECOND // 10 ** len(fraction or "")
    zone = zone or zone_in_force()
    if year is None:
        return NamedTime(start, length, dated=False, zone=_typed_zone(typed, zone, date.today().year))  # noqa: DTZ011
    try:
        start += (date(int(year), int(month), int(day)).toordinal() - _EPOCH.toordinal()) * DAY
    except ValueError:
        raise TimeError(f"{year}-{month}-{day} is not a date") from None
    return NamedTime(start, length, dated=True, zone=_typed_zone(typed, zone, int(year)))


def _typed_zone(text: str | None, zone: tzinfo | None, year: int) -> tzinfo | None:
    """Returns the zone that a text names: by its offset, or by a name that the times in `zone` have in that year."""
    if text is None:
        return zone
    if text.upper() in {"Z", "UTC", "GMT"}:
        return UTC
    if offset := _OFFSET(text.upper()):
        hours, minutes = int(offset[2]), int(offset[3] or 0)
        if hours > 23 or minutes > 59:
            raise TimeError(_HOW)
        return timezone((1 if offset[1] == "+" else -1) * timedelta(hours=hours, minutes=minutes))
    known: dict[str, tzinfo] = {}
    for when in _through(year, zone):
        known.setdefault(zone_name(when), timezone(when.utcoffset() or timedelta(0), when.tzname() or ""))
    for name, named in known.items():
        if name.upper() == text.upper():  # Guam's is ChST
            return named
    names = [*(name for name in known if name.isalpha()), "UTC"]
    raise TimeError(f"{text} is not a zone here: give {' or '.join(dict.fromkeys(names))}, or an offset as in +01:00")


def _through(year: int, zone: tzinfo | None) -> Iterator[datetime]:
    """Yields a time in each month of a year."""
    for month in range(1, 13):
        try:
            yield local_time(int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * SECOND, zone)
        except ValueError:
            return


# Ranges.


def in_range(start: NamedTime | None, end: NamedTime | None) -> Test:
    """Returns the test of a range from the beginning of one time to the end of another; None for an open side.

    Without dates it is a range on the clock of each day, over midnight if it ends before it begins. Of a time that the
    clock shows twice both count.

    Raises:
        TimeError: The range is empty, one side has a date and the other none, or the clock skips one of its times.
    """
    dated = {each.dated for each in (start, end) if each}
    if len(dated) > 1:
        raise TimeError("give a date on both sides or on none")
    if dated == {False}:
        return _on_the_clock(start, end)
    starts = start.spans() if start else ()
    ends = end.spans() if end else ()
    if not starts or not ends:
        return _within(starts[0].start if starts else None, ends[-1].end if ends else None)
    pairs = {(starts[0].start, ends[0].end), (starts[-1].start, ends[-1].end)}
    found = [_within(*pair) for pair in pairs if pair[0] < pair[1]]
    if not found:
        raise TimeError("the range ends before it begins")
    return found[0] if len(found) == 1 else lambda ns: any(test(ns) for test in found)


def _within(start: int | None, end: int | None) -> Test:
    return lambda ns: (start is None or start <= ns) and (end is None or ns < end)


def _on_the_clock(start: NamedTime | None, end: NamedTime | None) -> Test:
    begin = start.start if start else 0
    stop = end.start + end.length if end else DAY
    zones = [each.zone for each in (start, end) if each]
    before, after = (_offsets(zone) for zone in (zones[0], zones[-1]))
    if zones[0] == zones[-1]:
        length = (stop - begin) % DAY or DAY
        return lambda ns: (ns + before(ns) - begin) % DAY < length

    def passes(ns: int) -> bool:
        length = (stop - after(ns) - begin + before(ns)) % DAY or DAY
        return (ns + before(ns) - begin) % DAY < length

    return passes


def _offsets(zone: tzinfo | None) -> Callable[[int], int]:
    """Returns the function that says how much the clock of a zone is ahead of UTC at a time, in nanoseconds."""
    if zone is not None and (fixed := zone.utcoffset(None)) is not None:
        always = int(fixed.total_seconds()) * SECOND
        return lambda _ns: always

    @lru_cache(maxsize=4096)  # clocks change at whole minutes, and captures have many messages in one
    def of_minute(minute: int) -> int:
        offset = local_time(minute * MINUTE, zone).utcoffset()
        return int(offset.total_seconds()) * SECOND if offset else 0

    return lambda ns: of_minute(ns // MINUTE)


# Times of a capture.


def moment(text: str, first_ns: int, last_ns: int, zone: tzinfo | None = None) -> Span:
    """Returns a time within a capture: as `named_time`, or +12.5s, +1m, +1h30m after its first message.

    Args:
        text: What the user wrote. A time of day is that of the day on which the capture has it.
        first_ns: When the capture begins; nanoseconds since 1970.
        last_ns: When it ends.
        zone: As for `named_time`.

    Raises:
        TimeError: It is not a time, it is not in the capture, or the capture has it more than once.

    >>> moment("+1.5s", 0, 2_000_000_000)
    Span(start=1500000000, end=1500000001)
    """
    typed = _checked(text, zone)
    clock = (zone or zone_in_force()) if isinstance(typed, int) else typed.zone
    if isinstance(typed, int):
        found = [Span(first_ns + typed, first_ns + typed + 1)]
    elif typed.dated:
        found = list(typed.spans())
    else:
        possible = range(_day(first_ns, clock) - 1, _day(last_ns, clock) + 2)
        found = [span for day in possible for span in _if_it_is(typed.on(day))]
    within = [each for each in found if each.start <= last_ns and first_ns < each.end]
    if not within:
        raise TimeError(f"{text!r} is not in the capture, which is from {between_text(first_ns, last_ns, clock)}")
    if len(within) > 1:
        days = {_day(each.start, clock) for each in within}
        names = " or ".join(zone_name(local_time(each.start, clock)) for each in within)
        which = "the date too" if len(days) > 1 else f"the zone too, {names}"
        raise TimeError(
            f"{text!r} comes {len(within)} times from {between_text(first_ns, last_ns, clock)}: give {which}"
        )
    return within[0]


def check_time(text: str, zone: tzinfo | None = None) -> None:
    """Does nothing if a text is a time as `moment` takes it.

    Raises:
        TimeError: It is not a time, or the clock skips it.
    """
    _checked(text, zone)


def clock_of(text: str) -> tzinfo | None:
    """Returns the zone of a time as `moment` takes it; None for this computer's, or if it is not on a clock.

    >>> clock_of("02:55Z"), clock_of("+12.5s")
    (datetime.timezone.utc, None)
    """
    typed = _typed(text, None)
    return None if isinstance(typed, int) else typed.zone


def _checked(text: str, zone: tzinfo | None) -> NamedTime | int:
    typed = _typed(text, zone)
    if isinstance(typed, NamedTime) and typed.dated:
        try:
            typed.spans()
        except TimeError as error:
            raise TimeError(f"{text!r}: {error}") from None
    return typed


def _typed(text: str, zone: tzinfo | None) -> NamedTime | int:
    """Returns what a time names, or for +12.5s its nanoseconds."""
    if after := _AFTER(text.strip()):
        hours, minutes, seconds, fraction = after.groups()
        whole = (int(hours or 0) * 60 + int(minutes or 0)) * MINUTE + int(seconds or 0) * SECOND
        return whole + int((fraction or "").ljust(9, "0"))
    try:
        return named_time(text, zone)
    except TimeError as error:
        more = ", after the first message +12.5s, +1m or +1h30m" if str(error) == _HOW else ""
        raise TimeError(f"{text!r}: {error}{more}") from None


def _day(time_ns: int, zone: tzinfo | None) -> int:
    return local_time(time_ns, zone).toordinal() - _EPOCH.toordinal()


def _if_it_is(named: NamedTime) -> tuple[Span, ...]:
    try:
        return named.spans()
    except TimeError:
        return ()


def time_range(from_: str | None, to: str | None, zone: tzinfo | None = None) -> Test | None:
    """Returns a test whether a time lies between two typed times; None if no time was typed.

    Each time stands for the whole day, minute, second or fraction that it names, and the range has all of both. If
    neither time has a date, the range is one on the clock of each day, as with `time=`. Beside a date or alone, a time
    of day is one moment: `from_` is on the day of the first message, or on the next if it is more than twelve hours
    before that message; `to` likewise, or the first such time after `from_`.

    Args:
        from_: As for `moment`.
        to: As for `moment`.
        zone: As for `named_time`.

    Returns:
        A function of a time in nanoseconds since 1970. The first time that it is called with is taken for that of the
        first message; so each reading of a capture needs a test of its own.

    Raises:
        TimeError: One of them is not a time, or the range ends before it begins; it names the option.

    >>> passes = time_range("+1s", "+2s")
    >>> [passes(seconds * SECOND) for seconds in (70, 71, 72, 73)]
    [False, True, True, False]
    """
    start = _bound(from_, "--from", zone)
    end = _bound(to, "--to", zone)
    if start is None and end is None:
        return None
    if isinstance(start, int) and isinstance(end, int) and end < start:
        raise TimeError(f"--to {to} is before --from {from_}")
    named = [each for each in (start, end) if isinstance(each, NamedTime)]
    as_typed = len(named) == (from_ is not None) + (to is not None) and all(each.dated for each in named)
    on_each_day = len(named) == 2 and not any(each.dated for each in named)
    if as_typed or on_each_day:
        try:
            return in_range(*(each if isinstance(each, NamedTime) else None for each in (start, end)))
        except TimeError:
            raise TimeError(f"--to {to} is before --from {from_}") from None
    return _FromTheFirst(start, end)


class _FromTheFirst:
    """The test of a range that depends on when the first message was."""

    def __init__(self, start: NamedTime | int | None, end: NamedTime | int | None) -> None:
        self._start, self._end = start, end
        self._test: Test | None = None

    def __call__(self, time_ns: int) -> bool:
        if self._test is None:
            self._test = self._of(time_ns)
        return self._test(time_ns)

    def _of(self, first_ns: int) -> Test:
        low = None if self._start is None else _resolved(self._start, first_ns)[0].start
        if low is None or not isinstance(self._end, NamedTime) or self._end.dated:
            return _within(low, None if self._end is None else _resolved(self._end, first_ns)[-1].end)
        day = _day(low, self._end.zone)
        ends = (spans[-1].end for each in range(day, day + 3) if (spans := _if_it_is(self._end.on(each))))
        return _within(low, next((end for end in ends if end > low), None))


def _resolved(typed: NamedTime | int, first_ns: int) -> tuple[Span, ...]:
    """Returns when a time is in a capture that begins with a message at `first_ns`."""
    if isinstance(typed, int):
        return (Span(first_ns + typed, first_ns + typed + 1),)
    if typed.dated:
        return typed.spans()
    day = _day(first_ns, typed.zone)
    today, tomorrow = _if_it_is(typed.on(day)), _if_it_is(typed.on(day + 1))
    return today if today and (not tomorrow or first_ns - today[-1].end <= DAY // 2) else tomorrow


def _bound(text: str | None, option: str, zone: tzinfo | None) -> NamedTime | int | None:
    try:
        return None if text is None else _checked(text, zone)
    except TimeError as error:
        raise TimeError(f"{option} {error}") from None
