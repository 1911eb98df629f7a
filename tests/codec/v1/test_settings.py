"""The settings and the words that they are set with."""

from __future__ import annotations

import contextlib
import shlex
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.v1.memory_map import REGISTERS
from lmdecode.codec.v1.setting_change import change
from lmdecode.codec.v1.settings import SETTINGS, values_for

NOW = datetime.fromisoformat("2026-11-21T09:30:15.250")


def values(name, *texts, **options):
    setting = SETTINGS[name]
    places = [parameter.name for parameter in setting.parameters if not parameter.option]
    return values_for(setting, dict(zip(places, texts, strict=True)) | options, now=NOW)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("power", "on"), {"power": True}),
        (("power", "OFF"), {"power": False}),
        (("coffee-temp", "93.5"), {"coffee_set_temp": 93.5}),
        (("coffee-temp", "93.5°C"), {"coffee_set_temp": 93.5}),
        (("steam-temp", "124"), {"steam_set_temp": 124.0}),
        (("steam-boiler", "on"), {"command": "steam_boiler_on"}),
        (("steam-boiler", "off"), {"command": "steam_boiler_off"}),
        (("dose", "2", "121"), {"dose_k2": 121}),
        (("dose", "5", "1000 pulses"), {"dose_k5": 1000}),
        (("hot-water-dose", "8"), {"dose_hot_water": 8}),
        (("prebrew-mode", "preinfusion"), {"prebrew_flag": "preinfusion"}),
        (("prebrewing", "on"), {"prebrew_flag": "prebrewing"}),
        (("prebrewing", "off"), {"prebrew_flag": "off"}),
        (("preinfusion", "on"), {"prebrew_flag": "preinfusion"}),
        (("preinfusion-time", "3", "4.4"), {"preinfusion_k3": 4.4}),
        (("schedule", "tue", "06:30", "17:00"), {"tue_on_time": "06:30", "tue_off_time": "17:00"}),
        (("schedule", "Sunday", "6:30", "17:00"), {"sun_on_time": "6:30", "sun_off_time": "17:00"}),
        (("auto-on-off", "tue", "off"), {"tue_auto": False}),
        (("auto-on-off", "global", "on"), {"global_auto": True}),
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
        (("dose", "6", "121"), "key '6' is not one of 1, 2, 3, 4, 5"),
        (("dose", "2", "121.5"), "not a whole number of pulses"),
        (("coffee-temp", "warm"), "not a number of °C"),
        (("schedule", "someday", "06:30", "17:00"), "day 'someday' is not one of mon"),
        (("schedule", "global", "06:30", "17:00"), "day 'global' is not one of mon"),
        (("clock", "noon"), "neither now nor a time"),
        (("clock", "2026-11-21"), "neither now nor a time"),
        (("coffee-temp", "1e2"), "not a number of °C"),
        (("coffee-temp", "nan"), "not a number of °C"),
        (("coffee-temp", "٩٣"), "not a number of °C"),
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


def test_each_register_that_an_owner_may_write_has_a_setting():
    reached = set()
    for setting in SETTINGS.values():
        for target in setting.targets:
            stem = target.replace("{key}", "").replace("{day}", "")
            reached |= {row.name for row in REGISTERS if row.writable and stem and row.name.startswith(stem)}
    rest = {row.name for row in REGISTERS if row.writable} - reached
    assert {name for name in rest if not name.endswith(("_hour", "_min"))} == {"auto_bitfield"}  # bit by bit


def test_the_examples_are_right():
    for setting in SETTINGS.values():
        chosen = SETTINGS[setting.alternative] if setting.alternative else setting
        words, options = [], {}
        rest = shlex.split(setting.example)
        while rest:
            word = rest.pop(0)
            if word.startswith("--"):
                options[word[2:]] = rest.pop(0)
            else:
                words.append(word)
        if words or not setting.parameters:
            assert values(chosen.name, *words, **options)
