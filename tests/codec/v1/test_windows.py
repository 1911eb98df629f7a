"""The windows that have names, and what is known of reading them."""

from __future__ import annotations

import pytest

from lmdecode.codec.v1.setting_change import change
from lmdecode.codec.v1.window import registers_in
from lmdecode.codec.v1.windows import ALIVE, EFFECTS, HAZARDS, LARGEST_READ, REPORTS, SNAPSHOT, WINDOWS, window_name


@pytest.mark.parametrize(
    ("preamble", "name"),
    [
        ("0000001F", "configuration"),
        ("0020002C", "drink counters"),
        ("00500018", "usage"),
        ("01000011", "serial number"),
        ("03000007", "clock"),
        ("0310001D", "schedule"),
        ("40000020", "status"),
        ("40000023", "status"),
        ("401C0004", "temperatures"),
        ("40220001", "steam boiler"),
        ("40600020", "factory"),
        ("60000016", "water flow"),
        ("60EF0010", "front panel"),
    ],
)
def test_the_windows_that_app_and_machine_use_have_names(preamble, name):
    assert window_name(int(preamble[:4], 16), int(preamble[4:], 16)) == name


def test_each_window_stands_once_and_holds_registers():
    assert len({(window.address, window.length) for window in WINDOWS}) == len(WINDOWS)
    assert window_name(0x4000, 0x21) is None
    for window in WINDOWS:
        assert registers_in(window.address, window.length)


def test_what_is_read_is_small_enough_to_be_answered():
    assert all(window.length <= LARGEST_READ for window in (*SNAPSHOT, *REPORTS, ALIVE))


@pytest.mark.parametrize(("name", "value"), HAZARDS)
def test_a_hazard_is_of_a_value_that_can_be_written(name, value):
    if value is not None:
        assert change(name, value).hazard
    else:
        assert "°C" in {row.unit for row in change(name, 95 if "coffee" in name else 120).registers}


def test_an_effect_shows_in_another_register():
    for word in EFFECTS:
        assert [row.name for row in change("command", word).shown] == ["steam_boiler_enable"]
