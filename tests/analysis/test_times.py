"""The zone in force, and times as tables show them."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.analysis.times import between_text, clock_text, day_text, in_zone, local_time, zone_in_force
from tests.analysis.zones import computer_in

MORNING = 1_795_229_755_174_158_000  # 2026-11-21T02:55:55.174158Z


@pytest.mark.parametrize(
    ("zone", "clock", "day"),
    [
        ("UTC", "02:55:55.174", "2026-11-21, times in UTC"),
        ("Europe/Rome", "03:55:55.174", "2026-11-21, times in CET"),
        ("America/St_Johns", "23:25:55.174", "2026-11-20, times in NST"),
        ("Pacific/Kiritimati", "16:55:55.174", "2026-11-21, times in UTC+14"),
    ],
)
def test_a_time_in_the_zone_of_this_computer_and_in_one_that_was_asked_for(zone, clock, day):
    with computer_in(zone):
        assert (clock_text(MORNING), day_text(MORNING)) == (clock, day)
        with in_zone(UTC):
            assert (clock_text(MORNING), day_text(MORNING)) == ("02:55:55.174", "2026-11-21, times in UTC")
        assert clock_text(MORNING) == clock
    with computer_in("UTC"), in_zone(ZoneInfo(zone)):
        assert (clock_text(MORNING), day_text(MORNING)) == (clock, day)


def test_the_zone_in_force_is_that_of_all_threads_and_ends_with_its_block():
    found = []

    def fail():
        with in_zone(UTC):
            thread = threading.Thread(target=lambda: found.append(zone_in_force()))
            thread.start()
            thread.join()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert found == [UTC]
    assert zone_in_force() is None


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        ("2026-11-29T19:26:15Z", "2026-11-29T19:28:01.9Z", "2026-11-29 20:26:15 to 20:28:01 CET"),
        ("2026-11-29T22:50:00Z", "2026-11-29T23:10:00Z", "2026-11-29 23:50:00 to 2026-11-30 00:10:00 CET"),
        ("2026-10-25T00:10:00Z", "2026-10-25T01:10:00Z", "2026-10-25 02:10:00 CEST to 02:10:00 CET"),
    ],
)
def test_a_stretch_of_time_is_shown_as_one_would_type_it(first, last, text):
    with computer_in("Europe/Rome"):
        assert between_text(*(int(datetime.fromisoformat(each).timestamp() * 1e9) for each in (first, last))) == text


@given(st.integers())
def test_any_time_that_a_capture_claims_can_be_shown(time_ns):
    for zone in (None, UTC, ZoneInfo("America/St_Johns")):
        assert isinstance(local_time(time_ns, zone), datetime)
        assert " to " in between_text(time_ns, time_ns, zone)
