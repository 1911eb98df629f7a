"""The settings that a machine takes over Bluetooth."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.bluetooth.settings import (
    SETTINGS,
    STEAM_LEVELS,
    BluetoothChange,
    changes_for,
    check,
    commands,
    is_made_by,
    setting_named,
)
from lmdecode.codec.errors import RegisterError
from lmdecode.codec.v1 import settings as of_v1
from lmdecode.codec.v1.windows import HAZARDS

STANDBY = {"smart_standby_minutes": 42, "smart_standby_after": "PowerOn", "smart_standby_enable": True}


def change(name: str, word: object) -> BluetoothChange:
    setting = SETTINGS[name]
    return changes_for(setting, {setting.parameters[0].name: word})[0]  # type: ignore[dict-item]


def test_what_is_the_same_has_the_names_of_v1() -> None:
    for name in ("power", "coffee_set_temp", "steam_set_temp", "steam_boiler_enable"):
        assert name in of_v1.SETTINGS
        assert SETTINGS[name].formerly == of_v1.SETTINGS[name].formerly


def test_what_heats_is_said_in_the_words_of_v1() -> None:
    assert change("power", "on").hazard == HAZARDS["power", True]
    assert change("power", "off").hazard == ""
    assert change("coffee_set_temp", "90").hazard == HAZARDS["coffee_set_temp", None]
    assert change("steam_level", "1").hazard == HAZARDS["steam_set_temp", None]
    assert change("steam_boiler_enable", "on").hazard == HAZARDS["command", "steam_boiler_on"]


@pytest.mark.parametrize("name", SETTINGS)
def test_each_example_is_understood(name: str) -> None:
    setting = SETTINGS[name]
    words = setting.example.split()
    found = changes_for(setting, dict(zip([each.name for each in setting.parameters], words[::2], strict=False)))
    assert {each.name for each in found} <= set(setting.shown)
    assert commands(found, STANDBY)
    assert setting_named(name.replace("_", "-")) == setting or setting.formerly


@given(st.floats(allow_nan=True, allow_infinity=True) | st.integers() | st.text(max_size=12))
def test_no_temperature_out_of_range_is_taken(word: object) -> None:
    for name, low, high in (("coffee_set_temp", 80, 110), ("steam_set_temp", 20, 134)):
        try:
            found = change(name, word)
        except RegisterError:
            continue
        assert isinstance(found.value, float)
        assert low <= found.value <= high


@given(st.floats(allow_nan=True, allow_infinity=True) | st.integers() | st.text(max_size=12) | st.booleans())
def test_no_other_number_of_minutes_is_taken(word: object) -> None:
    try:
        found = change("standby", word)
    except RegisterError:
        return
    assert isinstance(found.value, bool) or (isinstance(found.value, int) and 1 <= found.value <= 240)


@given(st.floats(20, 134))
def test_a_model_with_levels_takes_these_alone(degrees: float) -> None:
    found = change("steam_set_temp", degrees)
    if found.value in STEAM_LEVELS:
        check(found, "Linea Micra")
    else:
        with pytest.raises(RegisterError, match="126, 128 or 131 °C"):
            check(found, "Linea Micra")
    check(found, "GS3 AV")
    with pytest.raises(RegisterError, match="cannot be set"):
        check(found, "Linea Mini")


def test_what_a_setting_takes_by_model() -> None:
    steam, level = SETTINGS["steam_set_temp"], SETTINGS["steam_level"]
    assert steam.takes("Linea Micra") == (("DEGREES", "126, 128 or 131 °C"),)
    assert level.takes("Linea Micra") == (("LEVEL", "1 to 3"),)
    assert steam.takes() == (("DEGREES", "126, 128 or 131 °C (Linea Micra, Linea Mini R), 20 to 134 °C (GS3)"),)
    for setting, model in ((steam, "Linea Mini"), (level, "Linea Mini"), (level, "GS3 MP")):
        with pytest.raises(RegisterError):
            setting.takes(model)


def test_standby_is_set_as_a_whole() -> None:
    [command] = commands([change("standby", "off")], STANDBY)
    assert json.loads(command.text) == {
        "name": "SettingSmartStandby",
        "parameter": {"minutes": 42, "mode": "PowerOn", "enabled": False},
    }
    with pytest.raises(RegisterError, match="does not tell smart_standby_minutes, smart_standby_after"):
        commands([change("standby", "off")], {})


def test_a_whole_number_of_degrees_is_sent_as_one() -> None:
    [command] = commands([change("coffee_set_temp", "94.0")], {})
    assert command.text.endswith('"value":94}}')


def test_a_command_makes_its_change_alone() -> None:
    coffee, steam, boiler = (
        change("coffee_set_temp", 90),
        change("steam_set_temp", 126),
        change("steam_boiler_enable", "on"),
    )
    for each in (coffee, steam, boiler):
        [command] = commands([each], {})
        assert [is_made_by(other, command) for other in (coffee, steam, boiler)] == [
            other is each for other in (coffee, steam, boiler)
        ]


def test_the_noise_of_floating_point_is_no_other_value() -> None:
    found = change("coffee_set_temp", "93.9")
    assert found.is_made({"coffee_set_temp": 93.9000015258789})
    assert not found.is_made({"coffee_set_temp": 94.0})
    assert not found.is_made({})
    assert not change("power", "on").is_made({"power": False})


@pytest.mark.parametrize("name", ["coffee_set_temp", "steam_set_temp", "smart_standby_minutes"])
def test_no_number_is_too_odd_for_one_clear_line(name: str) -> None:
    setting = setting_named(name)
    assert setting
    for word in (10**30, -(10**50), 10**5000, float("inf"), float("-inf"), float("nan"), True, "nan"):
        with pytest.raises(RegisterError, match=r"must be|is not a") as refused:
            changes_for(setting, {setting.parameters[0].name: word})
        assert len(str(refused.value)) < 120


def test_a_flag_is_no_number() -> None:
    minute = BluetoothChange("smart_standby_minutes", 1)
    assert minute.is_made({"smart_standby_minutes": 1})
    assert not minute.is_made({"smart_standby_minutes": True})
    assert not change("power", "on").is_made({"power": 1})
