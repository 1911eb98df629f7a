"""Times as users write them."""

from __future__ import annotations

import pytest

from lmdecode.analysis.times import DAY, SECOND, TimeError, moment, named_time
from lmdecode.codec.printable import printable

MINUTE = 60 * SECOND
FIRST = 20_778 * DAY + (2 * 60 + 55) * MINUTE + 55 * SECOND  # 2026-11-21T02:55:55Z
LAST = FIRST + 10 * SECOND + 17


@pytest.mark.parametrize(
    ("text", "after", "length"),
    [
        ("+0", 0, 1),
        ("+3s", 3 * SECOND, 1),
        ("+2.5s", 5 * SECOND // 2, 1),
        ("+0m5s", 5 * SECOND, 1),
        ("+0h", 0, 1),
        ("02:55:57", 2 * SECOND, SECOND),
        ("02:55:57.25", 9 * SECOND // 4, SECOND // 100),
        ("02:55", -55 * SECOND, MINUTE),
        ("2026-11-21", -(FIRST % DAY), DAY),
        ("2026-11-21T02:56Z", 5 * SECOND, MINUTE),
        ("2026-11-21 03:56+01:00", 5 * SECOND, MINUTE),
        ("21:56:01-05:00", 6 * SECOND, SECOND),  # the day before, there
    ],
)
def test_a_time_in_a_capture(text, after, length):
    assert moment(text, FIRST, LAST) == (FIRST + after, FIRST + after + length, True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("03:00", "is not in it: it is from 2026-11-21T02:55:55.000000Z to 2026-11-21T02:56:05.000000017Z"),
        ("+11s", "is not in it"),
        ("2026-11-20", "is not in it"),
        ("soon", "is written 02:55"),
        ("", "+12.5s"),
        ("+", "+12.5s"),
        ("-5s", "+12.5s"),
        ("2026-02-30", "is not a date"),
        ("25:00", "is written"),
    ],
)
def test_a_time_that_is_none_or_not_there(text, reason):
    with pytest.raises(TimeError) as error:
        moment(text, FIRST, LAST)
    assert reason in str(error.value)


def test_a_time_of_day_that_comes_more_than_once():
    with pytest.raises(TimeError, match=r"comes 2 times between .*: give the date too"):
        moment("02:56", FIRST, FIRST + DAY + MINUTE)
    assert moment("02:50", FIRST, FIRST + DAY).start == FIRST + DAY - 355 * SECOND
    assert moment("00:30", FIRST, FIRST + DAY).dated


def test_a_time_of_day_around_midnight_with_an_offset():
    # 00:30+01:00 is 23:30 in UTC, on the day before.
    assert moment("00:30+01:00", DAY, 2 * DAY - 1).start == 2 * DAY - 30 * MINUTE


def test_what_it_quotes_is_harmless():
    with pytest.raises(TimeError) as error:
        moment("\x1b[31m", FIRST, LAST)
    assert printable(str(error.value)) == str(error.value)


def test_a_time_without_a_date_is_of_any_day():
    assert named_time("02:55") == ((2 * 60 + 55) * MINUTE, (2 * 60 + 56) * MINUTE, False)
