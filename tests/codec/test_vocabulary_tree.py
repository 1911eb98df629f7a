"""What a document says: the first group, the strictest row, and nothing lost."""

from __future__ import annotations

import pytest

from lmdecode.codec.vocabulary import read


def test_float_noise_is_rounded_and_text_within_text_is_read():
    frame = [{"Boilers": '[{"id":"SteamBoiler","isEnabled":true,"target":123.9000015258789,"current":118.5}]'}]
    assert read("stream", frame).fields == {"steam_boiler_enable": True, "steam_set_temp": 123.9, "steam_temp": 118.5}


def test_the_oldest_items_have_a_name_and_a_value():
    frame = [{"name": "CoffeeBoiler1UpdateTemperature", "value": 91.5}, {"name": "TankStatus", "value": "empty"}]
    assert read("stream", frame) == ({"coffee_temp": 91.5, "water_reservoir_contact": False}, {}, ())


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("false", False), (True, True), (False, False)])
def test_text_false_is_not_true(value, expected):
    assert read("read", {"tankStatus": value}).fields == {"water_reservoir_contact": expected}


def test_a_second_boiler_is_kept_and_not_taken_for_the_first():
    boilers = [{"id": "CoffeeBoiler1", "target": 93}, {"id": "CoffeeBoiler2", "target": 95}]
    found = read("configuration", {"boilers": boilers})
    assert found == ({"coffee_set_temp": 93.0}, {"boilers[id=CoffeeBoiler2]": boilers[1]}, ())


def test_a_second_group_is_kept_whole():
    groups = [
        {"capabilities": {"groupNumber": f"Group{number}"}, "doseMode": {"brewingType": "X"}} for number in (1, 2)
    ]
    found = read("configuration", {"groupCapabilities": groups})
    assert found.fields == {"dose_mode": "X"}
    assert found.extra == {"groupCapabilities[capabilities.groupNumber=Group2]": groups[1]}
    assert read("stream", {"BrewingUpdateGroup2Time": 3}).extra == {"BrewingUpdateGroup2Time": 3}


def test_of_two_items_alike_the_first_decides_and_the_other_is_kept():
    boilers = [{"id": "SteamBoiler", "target": 120}, {"id": "SteamBoiler", "target": 130}]
    found = read("configuration", {"boilers": boilers})
    assert found == ({"steam_set_temp": 120.0}, {"boilers[id=SteamBoiler].target": 130}, ())


def test_what_is_kept_thrice_has_three_names():
    found = read("stream", [{"New": 1}, {"New": 2}, {"New": 3}])
    assert found.extra == {"New": 1, "New#2": 2, "New#3": 3}


@pytest.mark.parametrize(
    ("mode", "fields", "extra"),
    [
        ("Enabled", {"prebrew_flag": "prebrewing", "prebrewing_ton_k2": 1.5, "prebrewing_toff_k2": 2.5}, []),
        ("TypeA", {"prebrew_flag": "prebrewing", "prebrewing_ton_k2": 1.5, "prebrewing_toff_k2": 2.5}, []),
        ("TypeB", {"prebrew_flag": "preinfusion", "preinfusion_k2": 2.5}, ["preWetTime"]),
        ("Disabled", {"prebrew_flag": "off"}, ["preWetTime", "preWetHoldTime"]),
        ("TypeC", {"prebrew_flag": "TypeC"}, ["preWetTime", "preWetHoldTime"]),
    ],
)
def test_times_before_gateway_v5_belong_to_the_mode_that_is_on(mode, fields, extra):
    pair = {"doseType": "DoseB", "preWetTime": 1.5, "preWetHoldTime": 2.5}
    found = read("configuration", {"preinfusionSettings": {"mode": mode, "Group1": [pair]}})
    assert found.fields == fields
    assert found.problems == ()
    if mode == "TypeC":
        assert found.extra == {"preinfusionSettings.Group1[doseType=DoseB]": pair}
    else:
        assert [path.rpartition(".")[2] for path in found.extra] == extra


def test_times_since_gateway_v5_say_their_mode_themselves():
    group = [
        {"mode": "TypeA", "groupNumber": "Group1", "doseType": "Continuous", "preWetTime": 2, "preWetHoldTime": 3},
        {"mode": "TypeB", "groupNumber": "Group1", "doseType": "Continuous", "preWetTime": 0, "preWetHoldTime": 4},
    ]
    found = read("configuration", {"preinfusionSettings": {"mode": "TypeB", "Group1": group}})
    assert found.extra == {}
    times = {"prebrewing_ton_k1": 2.0, "prebrewing_toff_k1": 3.0, "preinfusion_k1": 4.0}
    assert found.fields == {"prebrew_flag": "preinfusion", **times}


def test_the_members_may_come_in_any_order():
    pair = {"preWetHoldTime": 2.5, "preWetTime": 0, "doseType": "DoseA"}
    found = read("stream", {"preinfusionSettings": {"Group1": [pair], "mode": "TypeB"}})
    assert found.fields == {"preinfusion_k1": 2.5, "prebrew_flag": "preinfusion"}


def test_a_command_without_wet_time_sets_preinfusion():
    body = {"button": "DoseA", "group": "Group1", "wetTimeMs": 0, "holdTimeMs": 4500}
    assert read("command", {"setting-preinfusion": [body]}) == ({"preinfusion_k1": 4.5}, {}, ())


@pytest.mark.parametrize("nothing", [0, 0.0])
def test_times_without_an_on_time_are_those_of_preinfusion(nothing):
    body = {"groupIndex": 1, "doseIndex": "ByGroup", "times": {"In": nothing, "Out": 4.0}}
    found = read("lion command", {"CoffeeMachinePreBrewingSettingTimes": [body]})
    assert found == ({"preinfusion_k1": 4.0}, {}, ())


def test_the_week_has_times_and_a_time_that_is_not_set_has_none():
    week = {"enabled": True, "monday": {"enabled": True, "h_on": 6, "m_on": 5, "h_off": 24, "m_off": 0}}
    found = read("configuration", {"weeklySchedulingConfig": week})
    assert found.fields["mon_on_time"] == "06:05"
    assert "mon_off_time" not in found.fields
    assert found.fields["mon_off_hour"] == 24
    assert found.problems == ()


def test_an_unknown_word_stays_and_one_that_has_no_value_is_a_problem():
    assert read("widget", {"CMMachineStatus": {"status": "Descaling"}}).fields == {"machine_status": "Descaling"}
    found = read("stream", {"MachineMode": "NightMode", "BrewingStoppedGroup1DoseIndex": "DoseZ"})
    assert found.extra == {"MachineMode": "NightMode", "BrewingStoppedGroup1DoseIndex": "DoseZ"}
    assert found.problems == (
        "MachineMode is neither true nor false, so it is no power",
        "BrewingStoppedGroup1DoseIndex is no known word, so it is no brew_stopped_key",
    )


def test_a_row_that_was_only_claimed_makes_no_problem():
    found = read("stream", {"SteamBoilerEnabled": "maybe"})
    assert found == ({}, {"SteamBoilerEnabled": "maybe"}, ())


def test_a_value_of_another_form_is_kept_without_a_problem():
    found = read("widget", {"CMHotWaterDose": {"doses": [{"doseIndex": "DoseA", "dose": 8.33}]}})
    assert found == ({}, {"CMHotWaterDose.doses[doseIndex=DoseA].dose": 8.33}, ())


def test_a_null_says_nothing_where_a_row_is_and_is_kept_elsewhere():
    assert read("widget", {"CMMachineStatus": {"lastCoffee": None, "new": None}, "CMNew": None}) == (
        {},
        {"CMMachineStatus.new": None, "CMNew": None},
        (),
    )


def test_a_masked_value_is_no_damage():
    assert read("stream", {"CoffeeBoiler1UpdateTemperature": "**"}).problems == ()


def test_text_within_text_that_is_cut_off_gives_what_stands_before_the_cut():
    text = '[{"id":"SteamBoiler","target":131},{"id":"CoffeeBoiler1","target":94,"curr'
    found = read("stream", {"Boilers": text})
    assert found.fields == {"steam_set_temp": 131.0, "coffee_set_temp": 94.0}
    assert found.extra == {"Boilers": text}
    assert found.problems == ("Boilers: the JSON is cut off in the text that it holds",)


def test_a_thousand_bad_values_do_not_make_a_thousand_problems():
    found = read("stream", [{"CoffeeBoiler1UpdateTemperature": "x"}] * 1000)
    assert len(found.problems) == 21
    assert found.problems[-1] == "980 more values that cannot be"
    assert len(found.extra) == 1000


def test_values_that_would_break_a_path_are_not_in_it():
    items = [{"id": "a]b", "x": 1}, {"id": "\x1b[31m"}, {"id": "y" * 100}, {"id": 7}]
    found = read("configuration", {"boilers": items})
    assert list(found.extra) == ["boilers[0]", "boilers[1]", "boilers[2]", "boilers[id=7]"]
