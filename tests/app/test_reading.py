from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.app.errors import UsageError
from lmdecode.app.reading import check_names, chosen, chosen_names
from lmdecode.codec.speakers import dialects
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v1.memory_map import by_name
from lmdecode.codec.v1.windows import LARGEST_READ
from lmdecode.device.errors import UnsupportedError
from lmdecode.device.v1.driver import is_readable, window_of, windows_of
from lmdecode.device.v3.driver import WebDriver

V1 = dialects()["v1"].fields()


@pytest.mark.parametrize("name", [name for name in V1 if not by_name(name) or by_name(name)[0].readable])
def test_every_value_can_be_had_with_one_read(name):
    address, length = window_of(name)
    assert 0 < length <= LARGEST_READ
    assert 0 <= address <= 0xFFFF


@given(st.lists(st.sampled_from([name for name in V1 if is_readable(name)]), min_size=1, unique=True))
def test_values_are_read_together_in_windows_that_hold_them(names):
    windows = windows_of(names)
    assert sorted(name for each in windows.values() for name in each) == sorted(names)
    for (address, length), held in windows.items():
        assert length <= LARGEST_READ
        for name in held:
            start, size = window_of(name)
            assert address <= start
            assert start + size <= address + length


def test_names_settings_and_patterns():
    assert chosen_names(["coffee-temp, dose_k1", "dose_k[12]"]) == ("coffee_temp", "dose_k1", "dose_k2")
    assert chosen_names(["hot-water-dose", "prebrewing"]) == ("dose_hot_water", "enable_prebrewing")
    assert chosen_names(["Coffee-Temp", "POWER", "Coffee_Set_Temp"]) == ("coffee_temp", "power", "coffee_set_temp")
    assert chosen_names(["schedule"])[:3] == ("mon_on_time", "mon_off_time", "tue_on_time")
    assert len(chosen_names(["schedule"])) == 14
    assert chosen_names(["Dose-k[1-2]"]) == ("dose_k1", "dose_k2")
    found = chosen(["power", "t_*"])
    assert not found.lacks({"power"})
    assert found.lacks({"t_unit"})
    assert chosen(["t_*"]).lacks({})


@pytest.mark.parametrize("text", ["", ",", "cofee", "command", "x*", "-", "[", "dose_k9"])
def test_what_is_no_name_is_wrong_usage(text):
    with pytest.raises(UsageError) as caught:
        chosen_names([text])
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "has"),
    [
        ("machine_status", "only captures have it"),
        ("coffee_boiler_enable", "gateway v3 and Bluetooth tell it"),
        ("has_water_probe", "gateway v3 and Bluetooth tell it"),
    ],
)
def test_a_value_of_another_generation_says_which_has_it(name, has):
    with pytest.raises(UnsupportedError, match=f"v1 does not tell {name}: {has}"):
        chosen_names([name])
    assert name not in chosen_names(["*"])


def test_what_gateway_v3_tells():
    driver = WebDriver(host="10.0.0.1", key=Key.parse("1" * 32))
    assert chosen_names(["coffee-temp", "smart_standby_*"], driver)[0] == "coffee_temp"
    assert "flow_seconds" not in chosen_names(["*"], driver)
    assert "flow_seconds" in chosen_names(["*"], driver, asking=False)
    with pytest.raises(UnsupportedError, match="gateway v3 does not tell pump_on: v1 tells it"):
        chosen_names(["pump_on"], driver)
    assert set(chosen_names(["schedule"], driver)) >= {"mon_on_time"}


def test_a_name_of_no_generation_is_known_before_a_machine_is():
    check_names(["coffee_temp,machine_status", "schedule", "dose_*"])
    with pytest.raises(UsageError, match="did you mean coffee_temp"):
        check_names(["cofee_temp"])


def test_a_word_after_bluetooth_may_be_meant_as_a_machine():
    with pytest.raises(UsageError, match=r"no field 'kitchen'.*; if it is a machine: --bluetooth=kitchen$"):
        check_names(["kitchen"], bluetooth=True)
    with pytest.raises(UsageError) as error:
        check_names(["kitchen"])
    assert "--bluetooth" not in str(error.value)


@given(st.lists(st.text(max_size=9), max_size=3))
def test_whatever_is_typed_is_names_or_one_line(texts):
    with contextlib.suppress(UsageError, UnsupportedError):
        assert set(chosen_names(texts)) <= set(V1)
