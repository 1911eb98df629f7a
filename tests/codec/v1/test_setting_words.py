"""The words that settings are set with."""

from __future__ import annotations

import contextlib
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.v1.memory_map import DAYS
from lmdecode.codec.v1.setting_change import change
from lmdecode.codec.v1.setting_words import conversions, values_for
from lmdecode.codec.v1.settings import SETTINGS, setting_named

NOW = datetime.fromisoformat("2026-11-21T09:30:15.250")


def values(name, *texts, **options):
    setting = setting_named(name)
    places = [parameter.name for parameter in setting.parameters if not parameter.option]
    return values_for(setting, dict(zip(places, texts, strict=True)) | options, now=NOW)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("power", "on"), {"power": True}),
        (("power", "OFF"), {"power": False}),
        (("coffee_set_temp", "93.5"), {"coffee_set_temp": 93.5}),
        (("coffee_set_temp", "93.5°C"), {"coffee_set_temp": 93.5}),
        (("coffee_set_temp", "93.5 c"), {"coffee_set_temp": 93.5}),
        (("coffee_set_temp", "202.9°F"), {"coffee_set_temp": 94.9}),
        (("coffee_set_temp", "200F"), {"coffee_set_temp": 93.3}),
        (("power", "yes"), {"power": True}),
        (("dose_k3", "99"), {"dose_k3": 99}),
        (("tue_on_time", "06:30"), {"tue_on_time": "06:30"}),
        (("tue_auto", "off"), {"tue_auto": False}),
        (("auto_bitfield", "mon_auto,tue_auto"), {"auto_bitfield": ["mon_auto", "tue_auto"]}),
        (("auto_bitfield", "none"), {"auto_bitfield": []}),
        (("command", "steam_boiler_off"), {"command": "steam_boiler_off"}),
        (("auto_on_off", "mon-wed", "off"), {"mon_auto": False, "tue_auto": False, "wed_auto": False}),
        (("auto_on_off", "sat-mon", "on"), {"sat_auto": True, "sun_auto": True, "mon_auto": True}),
        (("auto_on_off", "wed,friday", "on"), {"wed_auto": True, "fri_auto": True}),
        (("auto_on_off", "all", "on"), {f"{day}_auto": True for day in DAYS}),
        (
            ("schedule", "weekend", "8:00", "18:00"),
            {"sat_on_time": "8:00", "sat_off_time": "18:00", "sun_on_time": "8:00", "sun_off_time": "18:00"},
        ),
        (("steam_set_temp", "124"), {"steam_set_temp": 124.0}),
        (("steam_boiler_enable", "on"), {"command": "steam_boiler_on"}),
        (("steam_boiler_enable", "off"), {"command": "steam_boiler_off"}),
        (("dose", "2", "121"), {"dose_k2": 121}),
        (("dose", "5", "1000 pulses"), {"dose_k5": 1000}),
        (("dose_hot_water", "8"), {"dose_hot_water": 8}),
        (("prebrew_flag", "preinfusion"), {"prebrew_flag": "preinfusion"}),
        (("prebrewing", "on"), {"prebrew_flag": "prebrewing"}),
        (("prebrewing", "off"), {"prebrew_flag": "off"}),
        (("preinfusion", "on"), {"prebrew_flag": "preinfusion"}),
        (("preinfusion_time", "3", "4.4"), {"preinfusion_k3": 4.4}),
        (("schedule", "tue", "06:30", "17:00"), {"tue_on_time": "06:30", "tue_off_time": "17:00"}),
        (("schedule", "Sunday", "6:30", "17:00"), {"sun_on_time": "6:30", "sun_off_time": "17:00"}),
        (("auto_on_off", "tue", "off"), {"tue_auto": False}),
        (("auto_on_off", "global", "on"), {"global_auto": True}),
        (("clock", "now"), {"clock": "2026-11-21T09:30:15"}),
        (("clock", "2020-12-13T21:15:11"), {"clock": "2020-12-13T21:15:11"}),
        (("backflush",), {"command": "start_backflush"}),
    ],
)
def test_words_become_values(words, expected):
    found = values(*words)
    assert found == expected
    for name, value in found.items():
        change(name, value, model="GS3 AV")


def test_options_may_be_left_out_but_not_all():
    assert values("prebrew", "1", on="2.5", off="3.1") == {"prebrewing_ton_k1": 2.5, "prebrewing_toff_k1": 3.1}
    assert values("prebrew", "4", on=None, off="3.1") == {"prebrewing_toff_k4": 3.1}
    with pytest.raises(RegisterError, match="give --on or --off"):
        values("prebrew", "1", on=None, off=None)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("power", "maybe"), "state 'maybe' is not one of on, off"),
        (("dose", "6", "121"), "there is no button '6': give 1 to 5"),
        (("dose", "2", "121.5"), "not a whole number of pulses"),
        (("coffee_set_temp", "warm"), "not a number of °C"),
        (("schedule", "someday", "06:30", "17:00"), "day 'someday' is not one of mon"),
        (("schedule", "global", "06:30", "17:00"), "day 'global' is not one of mon"),
        (("schedule", "mon-", "06:30", "17:00"), "day 'mon-' is not one of mon"),
        (("schedule", "mon-global", "06:30", "17:00"), "day 'mon-global' is not one of mon"),
        (("schedule", "", "06:30", "17:00"), "day '' is not one of mon"),
        (("coffee_set_temp", "F"), "not a number of °C"),
        (("dose", "2", "121F"), "not a whole number of pulses"),
        (("dose", "2", "30ml"), "not a whole number of pulses"),
        (("clock", "noon"), "neither now nor a time"),
        (("clock", "2026-11-21"), "neither now nor a time"),
        (("coffee_set_temp", "1e2"), "not a number of °C"),
        (("coffee_set_temp", "nan"), "not a number of °C"),
        (("coffee_set_temp", "٩٣"), "not a number of °C"),
        (("dose", "2", "9_5"), "not a whole number of pulses"),
        (("dose", "2", "9" * 5000), "not a whole number of pulses"),
    ],
)
def test_words_that_mean_nothing(words, why):
    with pytest.raises(RegisterError, match=why):
        values(*words)


@given(st.sampled_from(sorted(SETTINGS)), st.lists(st.text(max_size=9), min_size=3, max_size=3))
def test_no_words_make_it_crash(name, texts):
    setting = SETTINGS[name]
    words = dict(zip((parameter.name for parameter in setting.parameters), texts, strict=False))
    with contextlib.suppress(RegisterError):
        for each, value in values_for(setting, words, now=NOW).items():
            change(each, value)


def test_what_was_typed_in_fahrenheit_is_said_in_celsius():
    assert conversions(["202.9°F", 93, None, "121", "warm", " 200 f "]) == [
        "202.9 °F is 94.9 °C",
        "200 °F is 93.3 °C",
    ]


def test_days_are_set_in_the_order_of_the_week():
    found = values("schedule", "sun,mon", "06:30", "17:00")
    assert list(found) == ["mon_on_time", "mon_off_time", "sun_on_time", "sun_off_time"]


def test_what_is_no_text_is_taken_as_it_is():
    assert values("coffee_set_temp", 3 * 31.1) == {"coffee_set_temp": 3 * 31.1}
