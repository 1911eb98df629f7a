"""What happens in a machine of the newer generations, told as it happens, with time made up."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.vocabulary import read
from lmdecode.simulator.families import FAMILIES, family_named
from lmdecode.simulator.json_documents import configuration
from lmdecode.simulator.json_machine import JsonMachine
from lmdecode.simulator.physics import NotNowError

MICRA, AV = FAMILIES["Linea Micra"], FAMILIES["GS3 AV"]


def said(machine, seconds, tick=0.1):
    return [items for _ in range(round(seconds / tick)) for items in machine.advance(tick)]


def about(items, beginning):
    return [each for each in items if next(iter(each)).startswith(beginning)]


def test_a_shot_by_paddle_runs_until_it_is_stopped():
    machine = JsonMachine(MICRA, "bluetooth")
    machine.physics.pull_shot(1)
    shot = said(machine, 20)
    machine.physics.stop()
    shot += said(machine, 1)
    assert [*shot[0].items()] == [("BrewingStartedGroup1DoseIndex", "ContinuousDose")]
    updates = about(shot, "BrewingUpdate")
    assert [*updates[0]] == [f"BrewingUpdateGroup1{part}" for part in ("Time", "Ev", "Backflush")]
    assert times_of(updates)[0] == 0.1
    assert about(shot, "BrewingStopped") == [
        {
            "BrewingStoppedGroup1StopType": "Continuous",
            "BrewingStoppedGroup1StopReason": "Manual",
            "BrewingStoppedGroup1DoseIndex": "ContinuousDose",
            "BrewingStoppedGroup1Time": 20.0,
        }
    ]


def times_of(updates):
    return [each["BrewingUpdateGroup1Time"] for each in updates]


@pytest.mark.parametrize("tick", [0.03, 0.1, 0.25, 1.0])
def test_a_shot_is_told_of_in_the_machines_own_steps_and_not_in_ours(tick):
    machine = JsonMachine(MICRA, "bluetooth")
    machine.physics.pull_shot(1)
    times = times_of(about(said(machine, 20, tick), "BrewingUpdate"))
    assert len(times) >= 18
    steps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert all(step == pytest.approx(1.07) for step in steps)


def test_over_bluetooth_no_machine_says_how_much_has_flowed():
    machine = JsonMachine(AV, "bluetooth")
    machine.physics.pull_shot(2)
    shot = said(machine, 40)
    assert about(shot, "BrewingStopped")[0]["BrewingStoppedGroup1DoseIndex"] == "DoseB"
    assert not [name for each in shot for name in each if "Volume" in name]


def test_a_shot_of_a_dose_says_how_much():
    machine = JsonMachine(AV, "v3")
    machine.physics.pull_shot(2)
    shot = said(machine, 40)
    assert shot[0] == {
        "BrewingStartedGroup1StopType": "Volume",
        "BrewingStartedGroup1DoseIndex": "DoseB",
        "BrewingStartedGroup1VolumeTarget": 118,
    }
    (stopped,) = about(shot, "BrewingStopped")
    assert stopped["BrewingStoppedGroup1Volume"] == 118
    fields = read("stream", stopped).fields
    assert fields["brew_stopped_key"] == 2
    assert fields["brew_stopped_seconds"] == pytest.approx(118 / 4.8, abs=0.01)
    counts = read("stream", about(shot, "MachineStatistics")[0]).fields
    assert counts["drinks_k2"] == machine.get("drinks_k2")


@pytest.mark.parametrize("family", FAMILIES.values())
def test_a_flush_is_one_and_counts_as_none(family):
    machine = JsonMachine(family)
    machine.physics.switch(on=True)
    coffees = machine.get("total_coffee")
    machine.physics.flush(9.3)
    items = said(machine, 12)
    assert not about(items, "BrewingStopped")
    assert about(items, "FlushStopped")[0]["FlushStoppedGroup1Time"] == 9.3
    assert machine.get("total_coffee") == coffees


def test_what_begins_and_ends_between_two_moments_is_told():
    machine = JsonMachine(MICRA)
    machine.physics.pull_shot(1)
    machine.physics.stop()
    machine.physics.pull_shot(1)
    items = machine.advance(0.1)
    assert [next(iter(each)) for each in items] == [
        "BrewingStartedGroup1StopType",
        "FlushStoppedGroup1DoseIndex",
        "BrewingStartedGroup1StopType",
        "BrewingUpdateGroup1Time",
    ]


def test_what_is_set_is_told():
    machine = JsonMachine(AV)
    machine.advance(0.1)
    machine.set_target("CoffeeBoiler1", 93.5)
    machine.enable("SteamBoiler", on=False)
    machine.set("water_reservoir_contact", False)
    machine.set("dose_k3", 150)
    machine.set("prebrew_flag", "prebrewing")
    machine.physics.switch(on=False)
    items = machine.advance(0.1)
    names = [name for each in items for name in each]
    assert names[:8] == [
        *("MachineMode", "Sleep", "TankStatus", "CoffeeBoiler1UpdateSetPoint", "SteamBoilerEnabled"),
        *("BoilersTargetTemperature", "Boilers", "GroupCapabilities"),
    ]
    found = {}
    for each in items:
        found |= read("stream", each).fields
    assert found["power"] is False
    assert found["coffee_set_temp"] == 93.5
    assert found["dose_k3"] == 150
    assert found["prebrew_flag"] == "prebrewing"
    assert not machine.advance(0.1)


def test_a_boiler_that_gets_warm_is_told_of_in_steps():
    machine = JsonMachine(MICRA, "bluetooth")
    machine.set("steam_temp", 40.0)
    machine.advance(0.1)
    items = said(machine, 900, 1)
    steam = [each["SteamBoilerUpdateTemperature"] for each in about(items, "SteamBoilerUpdateT")]
    assert {later - earlier for earlier, later in itertools.pairwise(steam)} <= {3, -3}
    assert all(isinstance(each, int) for each in steam)
    assert abs(steam[-1] - machine.get("steam_temp")) < 3.5
    (learned,) = about(items, "SteamBoilerHeatingCoeff")
    assert {*json.loads(learned["SteamBoilerHeatingCoeff"])[0]} == {"temperature", "coefficent"}


@pytest.mark.parametrize(("after", "goes"), [("PowerOn", True), ("LastBrewing", False)])
def test_smart_standby(after, goes):
    machine = JsonMachine(MICRA)
    machine.set_smart_standby(enabled=True, minutes=2, after=after)
    machine.advance(80)
    machine.physics.pull_shot(1, 20)
    machine.advance(80)
    assert machine.physics.on is not goes
    machine.advance(120)
    assert not machine.physics.on
    assert "smart standby after 2 minutes" in machine.take_notes()
    machine.physics.switch(on=True)
    machine.set("smart_standby_enable", False)
    machine.advance(400)
    assert machine.physics.on


def test_what_it_does_not_take():
    machine = JsonMachine(MICRA)
    for name, value in (
        *(("smart_standby_minutes", 0), ("smart_standby_minutes", 241), ("smart_standby_minutes", True)),
        *(("smart_standby_after", "Sunset"), ("plumbed_in", "yes"), ("nothing", 1)),
    ):
        with pytest.raises(RegisterError):
            machine.set(name, value)
    with pytest.raises(RegisterError):
        machine.set_smart_standby(enabled=True, minutes=20, after="never")
    assert machine.get("smart_standby_minutes") == 10  # all of it or nothing
    with pytest.raises(RegisterError, match="no boiler 'CoffeeBoiler2'"):
        machine.set_target("CoffeeBoiler2", 93)
    with pytest.raises(RegisterError, match="give Linea Micra"):
        family_named("Strada")
    with pytest.raises(NotNowError, match="no button 2"):
        machine.physics.pull_shot(2)


actions = st.one_of(
    st.floats(0, 60),
    st.sampled_from(["shot", "flush", "hot water", "stop"]),
    st.booleans(),
    st.integers(80, 130),
)


@given(st.sampled_from([*FAMILIES]), st.sampled_from(["v3", "bluetooth"]), st.lists(actions, max_size=12))
@settings(max_examples=25)
def test_whatever_happens_all_that_is_said_is_known(model, generation, steps):
    machine = JsonMachine(FAMILIES[model], generation)
    shots = {"shot": lambda: machine.physics.pull_shot(1), "hot water": machine.physics.pour_hot_water}
    shots |= {"flush": machine.physics.flush, "stop": machine.physics.stop}
    for step in steps:
        if isinstance(step, bool):
            machine.physics.switch(on=step)
        elif isinstance(step, float):
            items = machine.advance(step)
            assert len(items) < 40
            for each in items:
                found = read("stream", json.loads(json.dumps(each)))
                assert not found.problems
                extra = {path.partition(".")[0] for path in found.extra}
                assert extra <= {"SteamBoilerHeatingCoeff", "CoffeeBoiler1HeatingCoeff", "PreinfusionSettings"}
        elif isinstance(step, int):
            machine.set_target("CoffeeBoiler1", step)
        else:
            try:
                shots[step]()
            except NotNowError:
                continue


TOLD = ("power", "water_reservoir_contact", "coffee_set_temp", "steam_set_temp", "steam_boiler_enable", "prebrew_flag")
changes = st.one_of(
    st.tuples(st.just("power"), st.booleans()),
    st.tuples(st.just("water_reservoir_contact"), st.booleans()),
    st.tuples(st.just("steam_boiler_enable"), st.booleans()),
    st.tuples(st.just("coffee_set_temp"), st.integers(800, 1100).map(lambda tenths: tenths / 10)),
    st.tuples(st.just("steam_set_temp"), st.integers(200, 1340).map(lambda tenths: tenths / 10)),
    st.tuples(st.just("prebrew_flag"), st.sampled_from(["off", "prebrewing", "preinfusion"])),
    st.tuples(st.sampled_from(["dose_k1", "dose_k4"]), st.integers(1, 1000)),
    st.floats(0.1, 40),
)


@given(st.sampled_from([*FAMILIES]), st.lists(changes, max_size=10))
@settings(max_examples=25)
def test_who_follows_the_stream_knows_what_the_configuration_says(model, steps):
    machine = JsonMachine(FAMILIES[model])
    known = read("configuration", configuration(machine)).fields
    for step in [*steps, 0.1]:
        if isinstance(step, float):
            for items in machine.advance(step):
                known |= read("stream", json.loads(json.dumps(items))).fields
        else:
            machine.set(*step)
    now = read("configuration", configuration(machine)).fields
    names = {*TOLD, *(name for name in now if name.startswith(("dose_k", "prebrewing_", "preinfusion_")))}
    assert {name: known.get(name) for name in names} == {name: now.get(name) for name in names}
    for name in ("coffee_temp", "steam_temp"):
        assert abs(known[name] - now[name]) <= 0.5
