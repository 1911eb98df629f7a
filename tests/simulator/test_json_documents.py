"""What a simulated machine says in JSON, read with the vocabulary that reads real machines."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.codec.v1.memory_map import DAYS
from lmdecode.codec.vocabulary import read
from lmdecode.simulator import json_documents as documents
from lmdecode.simulator.families import FAMILIES, buttons_of
from lmdecode.simulator.json_machine import JsonMachine

tenths = st.integers(0, 1300).map(lambda number: number / 10)
wetting = st.integers(0, 59).map(lambda number: number / 10)


@st.composite
def machines(draw):
    machine = JsonMachine(FAMILIES[draw(st.sampled_from([*FAMILIES]))])
    for name in ("coffee_temp", "steam_temp", "coffee_set_temp", "steam_set_temp"):
        machine.set(name, draw(tenths))
    for name in ("power", "water_reservoir_contact", "steam_boiler_enable", "plumbed_in", "backflush_enable"):
        machine.set(name, draw(st.booleans()))
    machine.set("smart_standby_enable", draw(st.booleans()))
    machine.set("smart_standby_minutes", draw(st.integers(1, 240)))
    machine.set("smart_standby_after", draw(st.sampled_from(["PowerOn", "LastBrewing"])))
    machine.set("standby_timer", draw(st.integers(0, 255)))
    machine.set("prebrew_flag", draw(st.sampled_from(["off", "prebrewing", "preinfusion"])))
    for key in range(1, 5):
        machine.set(f"dose_k{key}", draw(st.integers(0, 1000)))
        machine.set(f"drinks_k{key}", draw(st.integers(0, 1 << 31)))
        for name in ("prebrewing_ton", "prebrewing_toff", "preinfusion"):
            machine.set(f"{name}_k{key}", draw(wetting))
    for day in DAYS:
        for event in ("on", "off"):
            machine.set(f"{day}_{event}_hour", draw(st.integers(0, 23)))
            machine.set(f"{day}_{event}_min", draw(st.integers(0, 59)))
    machine.set("auto_bitfield", draw(st.lists(st.sampled_from(["global_auto", "mon_auto", "sun_auto"]), unique=True)))
    return machine


def over_the_wire(value):
    return json.loads(json.dumps(value))


@given(machines())
@settings(max_examples=20)
def test_the_configuration_reads_as_the_registers_are(machine):
    found = read("configuration", over_the_wire(documents.configuration(machine)))
    assert not found.problems
    assert found.fields["model"] == machine.model
    names = {
        *("power", "coffee_temp", "steam_temp", "coffee_set_temp", "steam_set_temp", "water_reservoir_contact"),
        *("steam_boiler_enable", "plumbed_in", "backflush_enable", "standby_timer", "clock", "firmware_ver"),
        *("module_ser_num", "dose_hot_water", "prebrew_flag"),
        *(f"smart_standby_{part}" for part in ("enable", "minutes", "after")),
        *(f"dose_k{key}" for key in buttons_of(machine.family)),
    }
    keys = buttons_of(machine.family) or (1,)
    if machine.get("prebrew_flag") == "prebrewing":
        names |= {f"{name}_k{key}" for name in ("prebrewing_ton", "prebrewing_toff") for key in keys}
    elif machine.get("prebrew_flag") == "preinfusion":
        names |= {f"preinfusion_k{key}" for key in keys}
    assert {name: found.fields.get(name) for name in names} == {name: machine.get(name) for name in names}
    others = {"wakeUpSleepEntries", "settings", "recipes", "recipeAssignment"}
    unknown = {path for path in found.extra if path not in others and not path.startswith("preinfusionSettings")}
    assert not unknown


@given(machines())
@settings(max_examples=20)
def test_the_older_schedule_reads_as_the_registers_are(machine):
    found = read("configuration", over_the_wire(documents.configuration(machine, weekly=True))).fields
    assert found["global_auto"] is ("global_auto" in machine.get("auto_bitfield"))
    for day in DAYS:
        assert found[f"{day}_auto"] is (f"{day}_auto" in machine.get("auto_bitfield"))
        for event in ("on", "off"):
            hour, minute = machine.get(f"{day}_{event}_hour"), machine.get(f"{day}_{event}_min")
            assert found[f"{day}_{event}_time"] == f"{hour:02}:{minute:02}"


@given(machines())
@settings(max_examples=20)
def test_the_entries_of_the_schedule_are_of_all_days(machine):
    entries = documents.configuration(machine)["wakeUpSleepEntries"]
    assert sorted(day for entry in entries for day in entry["days"]) == sorted(
        ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    )
    assert len({entry["id"] for entry in entries}) == len(entries)
    assert {len(entry["id"]) for entry in entries} == {7}
    for entry in entries:
        day = entry["days"][0][:3]
        on, off = ((machine.get(f"{day}_{event}_hour"), machine.get(f"{day}_{event}_min")) for event in ("on", "off"))
        assert entry["timeOn"] == ("24:0" if on == off else f"{on[0]}:{on[1]}")
        assert not entry["enabled"] or {"global_auto", f"{day}_auto"} <= {*machine.get("auto_bitfield")}


@given(machines())
@settings(max_examples=20)
def test_the_reads_of_bluetooth_read_as_the_registers_are(machine):
    found = {}
    for name, value in {
        "machineMode": documents.mode(machine),
        "machineCapabilities": documents.capabilities(machine),
        "boilers": documents.boilers(machine, whole=True),
        "tankStatus": documents.tank_status(machine),
        "smartStandBy": documents.smart_standby(machine),
        "isPlumbedIn": machine.plumbed_in,
    }.items():
        fields, extra, problems = read("read", {name: over_the_wire(value)})
        assert not extra
        assert not problems
        found |= fields
    for name in ("power", "coffee_set_temp", "steam_set_temp", "water_reservoir_contact", "smart_standby_after"):
        assert found[name] == machine.get(name)
    assert found["coffee_temp"] == round(machine.get("coffee_temp"))


@given(machines())
@settings(max_examples=20)
def test_the_counters_read_as_the_registers_are(machine):
    found = read("stream", {"MachineStatistics": json.dumps(documents.statistics(machine))})
    assert not found.problems
    assert not found.extra
    for name in ("drinks_k1", "drinks_k4", "continuous", "total_coffee", "pump_on_seconds", "machine_running_minutes"):
        assert found.fields[name] == machine.get(name)


@pytest.mark.parametrize("family", FAMILIES.values())
def test_what_the_gateway_says_of_itself_is_known(family):
    found = read("stream", {"SystemInfo": json.dumps(documents.system_info(JsonMachine(family)))})
    assert not found.problems
    assert found.fields["gateway_uptime"] == 0
