"""Times as users type them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.analysis.times import DAY, SECOND, between_text, in_zone, time_text
from lmdecode.analysis.typed_times import TimeError, check_time, in_range, moment, named_time, time_range
from lmdecode.codec.printable import printable
from tests.analysis.zones import computer_in

MINUTE = 60 * SECOND
FIRST = 20_778 * DAY + (2 * 60 + 55) * MINUTE + 55 * SECOND  # 2026-11-21T02:55:55Z
LAST = FIRST + 10 * SECOND + 17
ROME, ST_JOHNS = ZoneInfo("Europe/Rome"), ZoneInfo("America/St_Johns")


def ns(text):
    """A time that is written out, in nanoseconds since 1970."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("text", "after", "length"),
    [
        ("+0", 0, 1),
        ("+3s", 3 * SECOND, 1),
        ("+2.5s", 5 * SECOND // 2, 1),
        ("+0m5s", 5 * SECOND, 1),
        ("+0h", 0, 1),
        ("02:55:57", 2 * SECOND, SECOND),
        ("2:55:57", 2 * SECOND, SECOND),
        ("02:55:57.25", 9 * SECOND // 4, SECOND // 100),
        ("02:55", -55 * SECOND, MINUTE),
        ("2026-11-21", -(FIRST % DAY), DAY),
        ("2026-11-21Z", -(FIRST % DAY), DAY),
        ("2026-11-21T02:56Z", 5 * SECOND, MINUTE),
        ("2026-11-21 02:56 UTC", 5 * SECOND, MINUTE),
        ("2026-11-21 03:56+01:00", 5 * SECOND, MINUTE),
        ("2026-11-21 03:56 +0100", 5 * SECOND, MINUTE),
        ("2026-11-21 16:56 UTC+14", 5 * SECOND, MINUTE),
        ("21:56:01-05:00", 6 * SECOND, SECOND),  # the day before, there
    ],
)
def test_a_time_in_a_capture(text, after, length):
    assert moment(text, FIRST, LAST, UTC) == (FIRST + after, FIRST + after + length)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("03:00", "is not in the capture, which is from 2026-11-21 02:55:55 to 02:56:05 UTC"),
        ("04:00+01:00", "is not in the capture, which is from 2026-11-21 03:55:55 to 03:56:05 UTC+01:00"),
        ("+11s", "is not in the capture, which is from 2026-11-21 02:55:55 to 02:56:05 UTC"),
        ("2026-11-20", "is not in the capture"),
        ("soon", "is written 02:55"),
        ("", "+12.5s"),
        ("+", "+12.5s"),
        ("-5s", "+12.5s"),
        ("2026-02-30", "is not a date"),
        ("25:00", "is written"),
        ("02:55+25:00", "is written"),
        ("02:55 CET", "CET is not a zone here: give UTC, or an offset as in +01:00"),
    ],
)
def test_a_time_that_is_none_or_not_there(text, reason):
    with pytest.raises(TimeError) as error:
        moment(text, FIRST, LAST, UTC)
    assert reason in str(error.value)


def test_a_time_of_day_that_comes_more_than_once():
    with pytest.raises(TimeError, match=r"comes 2 times from .*: give the date too"):
        moment("02:56", FIRST, FIRST + DAY + MINUTE, UTC)
    assert moment("02:50", FIRST, FIRST + DAY, UTC).start == FIRST + DAY - 355 * SECOND


def test_a_time_of_day_around_midnight_with_an_offset():
    # 00:30+01:00 is 23:30 in UTC, on the day before.
    assert moment("00:30+01:00", DAY, 2 * DAY - 1, UTC).start == 2 * DAY - 30 * MINUTE


def test_what_it_quotes_is_harmless():
    with pytest.raises(TimeError) as error:
        moment("\x1b[31m", FIRST, LAST)
    assert printable(str(error.value)) == str(error.value)


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("UTC", "02:55:57"),
        ("Europe/Rome", "3:55:57"),
        ("America/St_Johns", "23:25:57"),
        ("Pacific/Kiritimati", "16:55:57"),
    ],
)
def test_a_time_without_a_zone_is_one_of_this_computer_s_unless_another_zone_is_in_force(zone, text):
    expected = (FIRST + 2 * SECOND, FIRST + 3 * SECOND)
    with computer_in(zone):
        assert moment(text, FIRST, LAST) == expected
        assert moment("02:55:57Z", FIRST, LAST) == expected
        with in_zone(UTC):
            assert moment("02:55:57", FIRST, LAST) == expected
        assert moment("02:55:57", FIRST, LAST, UTC) == expected


@given(
    st.integers(366 * DAY // SECOND, 67 * 365 * DAY // SECOND),
    st.sampled_from(["Europe/Rome", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe", "America/Santiago"]),
)
def test_what_is_shown_can_be_typed(seconds, zone):
    zone = ZoneInfo(zone)
    time_ns = seconds * SECOND
    shown = datetime.fromtimestamp(seconds, zone)
    spans = named_time(f"{shown:%Y-%m-%d %H:%M:%S}", zone).spans()
    assert (time_ns, time_ns + SECOND) in spans
    first, _, rest = between_text(time_ns, time_ns, zone).partition(" to ")
    assert (time_ns, time_ns + SECOND) in named_time(f"{first} {rest.split()[1]}", zone).spans()


@given(st.integers(31 * 365 * DAY // SECOND, 67 * 365 * DAY // SECOND), st.sampled_from(sorted(available_timezones())))
def test_a_title_of_any_zone_can_be_typed(seconds, name):
    zone = ZoneInfo(name)
    with in_zone(zone):
        shown = time_text(seconds * SECOND)
        assert seconds * SECOND in [each.start for each in named_time(shown).spans()], shown


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        ("UTC-2", "UTC+02:00"),
        ("GMT+3:30", "UTC-03:30"),
        ("FOOBAR-2", "UTC+02:00"),
        ("<UTC+3>-3", "UTC+03:00"),
        (":nowhere", "UTC"),
        ("", "UTC"),
        ("Pacific/Guam", "ChST"),
        ("Asia/Kathmandu", "UTC+0545"),
    ],
)
def test_what_a_computer_calls_its_zone_is_shown_only_if_it_can_be_typed(zone, name):
    with computer_in(zone):
        shown = time_text(FIRST)
        assert shown.partition(" ")[2].partition(" ")[2] == name
        assert moment(shown, FIRST, LAST).start == FIRST


# The hour that is skipped, and the hour that comes twice.


@pytest.mark.parametrize(
    ("zone", "text", "why"),
    [
        (ROME, "2026-03-29T02:30", "there was no such time: the clocks went from 02:00 to 03:00"),
        (ROME, "2026-03-29 02:00:00.5", "there was no such time: the clocks went from 02:00 to 03:00"),
        (
            ZoneInfo("Pacific/Apia"),
            "2011-12-30",
            "there was no such time: the clocks went from 2011-12-30 00:00 to 2011-12-31 00:00",
        ),
        (
            ZoneInfo("Australia/Lord_Howe"),
            "2026-10-04 02:15",
            "there was no such time: the clocks went from 02:00 to 02:30",
        ),
    ],
)
def test_a_time_that_the_clock_skips_is_told(zone, text, why):
    for use in (
        check_time,
        lambda *args: time_range(args[0], None, args[1]),
        lambda *args: moment(args[0], 0, 1, args[1]),
    ):
        with pytest.raises(TimeError) as error:
            use(text, zone)
        assert why in str(error.value)


def test_the_computer_s_own_clock_skips_and_repeats_as_a_named_zone_does():
    with computer_in("Europe/Rome"):
        with pytest.raises(TimeError, match="there was no such time: the clocks went from 02:00 to 03:00"):
            check_time("2026-03-29T02:30")
        spans = named_time("2026-10-25T02:30").spans()
    assert [each.start for each in spans] == [ns("2026-10-25T00:30"), ns("2026-10-25T01:30")]


def test_a_time_that_comes_twice_is_told_apart_by_the_zone_s_name():
    first, last = ns("2026-10-25T00:10"), ns("2026-10-25T02:10")
    with pytest.raises(TimeError) as error:
        moment("02:30", first, last, ROME)
    assert str(error.value) == (
        "'02:30' comes 2 times from 2026-10-25 02:10:00 CEST to 03:10:00 CET: give the zone too, CEST or CET"
    )
    assert moment("02:30 CEST", first, last, ROME).start == ns("2026-10-25T00:30")
    assert moment("2026-10-25 02:30 cet", first, last, ROME).start == ns("2026-10-25T01:30")
    with pytest.raises(TimeError, match="PST is not a zone here: give CET or CEST or UTC, or an offset"):
        moment("2026-10-25 02:30 PST", first, last, ROME)


def test_a_day_is_as_long_as_it_was():
    def hours(text, zone=ROME):
        (span,) = named_time(text, zone).spans()
        return (span.end - span.start) / 3600 / SECOND

    assert [hours(text) for text in ("2026-03-29", "2026-10-25", "2026-11-21")] == [23, 25, 24]
    assert hours("2026-09-06", ZoneInfo("America/Santiago")) == 23  # it begins at 01:00


@pytest.mark.parametrize(
    ("start", "end", "inside", "outside"),
    [
        ("2026-10-25T02:30", "2026-10-25T02:30", ["00:30", "01:30"], ["00:31", "01:00", "01:29", "01:31"]),
        ("2026-10-25T02:30", "2026-10-25T02:40", ["00:30", "00:40", "01:30", "01:40"], ["00:41", "01:29", "01:41"]),
        ("2026-10-25T02:30", None, ["00:30", "01:00", "20:00"], ["00:29"]),
        (None, "2026-10-25T02:30", ["00:00", "00:45", "01:30"], ["01:31"]),
        ("2026-10-25T01:30", "2026-10-25T02:30", ["00:45", "01:30"], ["01:31"]),
        ("2026-10-25T02:30", "2026-10-25T03:30", ["00:30", "00:45", "02:30"], ["00:29", "02:31"]),
        ("02:30", "02:40", ["00:30", "00:40", "01:30", "01:40"], ["00:29", "00:41", "01:29", "01:41"]),
        ("2026-10-25", "2026-10-25", ["00:00", "22:59"], ["23:00"]),
        ("02:30 CEST", "02:30 CEST", ["00:30"], ["01:30"]),
        ("02:30Z", "03:40 CET", ["02:30", "02:40"], ["01:30", "02:29", "02:41"]),
        ("22:00", "01:00", ["21:30", "23:00"], ["00:01", "20:30"]),
    ],
)
def test_a_range_when_the_clock_goes_back(start, end, inside, outside):
    passes = in_range(*(None if each is None else named_time(each, ROME) for each in (start, end)))
    assert [each for each in (*inside, *outside) if passes(ns(f"2026-10-25T{each}"))] == inside


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        ("2026-11-21", "2026-11-20", "ends before it begins"),
        ("2026-10-25T02:40", "2026-10-25T02:30", "ends before it begins"),
        ("2026-11-21", "02:57", "on both sides or on none"),
        ("2026-03-29T02:30", "2026-03-29T04:00", "no such time"),
    ],
)
def test_a_range_that_is_none(start, end, reason):
    with pytest.raises(TimeError, match=reason):
        in_range(named_time(start, ROME), named_time(end, ROME))


@given(st.integers(0, DAY - 1), st.integers(0, DAY - 1), st.integers(0, 2**61), st.sampled_from([ROME, ST_JOHNS, UTC]))
def test_a_range_on_the_clock_is_what_the_clock_shows(start, end, time_ns, zone):
    def text(clock):
        return str((datetime(2000, 1, 1) + timedelta(seconds=clock // SECOND)).time())  # noqa: DTZ001 -- on a clock

    start, end, time_ns = start // SECOND * SECOND, end // SECOND * SECOND, time_ns // SECOND * SECOND
    shown = str(datetime.fromtimestamp(time_ns // SECOND, zone).time())
    low, high = text(start), text(end)
    expected = low <= shown <= high if low <= high else shown >= low or shown <= high
    assert in_range(named_time(low, zone), named_time(high, zone))(time_ns) is expected


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_an_error(text):
    for use in (named_time, check_time, lambda each: moment(each, FIRST, LAST), lambda each: time_range(each, each)):
        try:
            use(text)
        except TimeError as error:
            assert "\n" not in str(error)  # noqa: PT017


@given(st.from_regex(r"\A(\d{4}-\d\d-\d\d)?T?(\d\d:\d\d(:\d\d(\.\d{1,9})?)?)?(Z|[+-]\d\d:\d\d| [A-Z]{1,5})?\Z"))
def test_what_is_nearly_a_time_is_one_or_an_error(text):
    for zone in (None, ST_JOHNS):
        try:
            passes = time_range(text, text, zone)
        except TimeError:
            continue
        assert passes is not None
        passes(FIRST)


# --from and --to.


def passed(from_, to, *times, zone=ROME):
    """Those of some times in UTC that are in a range; the first is that of the first message."""
    passes = time_range(from_, to, zone)
    return [each for each in times if passes(ns(each))]


EVENING = ("2026-11-29T20:50", "2026-11-29T22:40", "2026-11-29T23:10", "2026-11-30T01:00")  # 21:50 to 02:00 in Rome


@pytest.mark.parametrize(
    ("from_", "to", "count"),
    [
        ("23:30", None, slice(1, None)),  # goes on after midnight
        ("21:00", None, slice(None)),  # before it begins
        ("00:30", None, slice(3, None)),  # on the next day
        (None, "00:10", slice(3)),
        (None, "23:00", slice(1)),
        (None, "21:00", slice(0)),
        ("23:30", "00:30", slice(1, 3)),
        ("00:05", "00:30", slice(2, 3)),
        ("+1m", "00:30", slice(1, 3)),
        ("+1h50m", None, slice(1, None)),
        (None, "+1h50m", slice(2)),
        ("+1m", "+1h50m", slice(1, 2)),
        ("2026-11-29T23:30", "00:30", slice(1, 3)),
        ("23:30", "2026-11-30", slice(1, None)),
        ("2026-11-30", None, slice(2, None)),
        ("22:40Z", "23:10Z", slice(1, 3)),
        ("22:40Z", "00:10", slice(1, 3)),
        ("2026-11-29 22:40Z", "2026-11-30 00:10", slice(1, 3)),
    ],
)
def test_from_and_to_over_midnight(from_, to, count):
    assert passed(from_, to, *EVENING) == list(EVENING[count])


def test_from_and_to_on_the_clock_are_on_each_day():
    days = [f"2026-11-{day}T{clock}" for day in (20, 21, 22) for clock in ("04:00", "06:30", "09:00")]
    assert passed("07:00", "08:00", *days) == [each for each in days if "06:30" in each]


def test_there_is_no_range_without_times():
    assert time_range(None, None) is None


@pytest.mark.parametrize(
    ("from_", "to", "reason"),
    [
        ("soon", None, "--from 'soon': a time is written"),
        (None, "2026-02-30", "--to '2026-02-30': 2026-02-30 is not a date"),
        ("2026-11-21", "2026-11-20", "--to 2026-11-20 is before --from 2026-11-21"),
        ("+2m", "+1m", r"--to \+1m is before --from \+2m"),
    ],
)
def test_from_and_to_that_cannot_be_meant(from_, to, reason):
    with pytest.raises(TimeError, match=reason):
        time_range(from_, to)
