"""Commands over Bluetooth: what a simulated machine takes, and that it does nothing of what it refuses."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.simulator.bluetooth.commands import CommandError, Confirmation, prepared
from lmdecode.simulator.families import FAMILIES
from lmdecode.simulator.json_machine import JsonMachine


def machine(model="Linea Micra"):
    return JsonMachine(FAMILIES[model], "bluetooth")


def command(name, **parameter):
    return json.dumps({"name": name, "parameter": parameter}).encode() + b"\0"


def test_it_is_switched_to_standby_and_on_again():
    micra = machine()
    prepared(micra, command("MachineChangeMode", mode="StandBy"))()
    assert not micra.physics.on
    prepared(micra, command("MachineChangeMode", mode="BrewingMode"))()
    assert micra.physics.on


def test_nothing_is_done_before_it_is_asked_for():
    micra = machine()
    prepared(micra, command("MachineChangeMode", mode="StandBy"))
    assert micra.physics.on


def test_smart_standby_is_set_as_a_whole():
    micra = machine()
    prepared(micra, command("SettingSmartStandby", minutes=42, mode="PowerOn", enabled=True))()
    assert (micra.standby.enabled, micra.standby.minutes, micra.standby.after) == (True, 42, "PowerOn")


def test_the_steam_boiler_is_switched_off():
    micra = machine()
    prepared(micra, command("SettingBoilerEnable", identifier="SteamBoiler", state=False))()
    assert micra.registers.get("steam_boiler_enable") is False


@pytest.mark.parametrize(
    ("model", "boiler", "degrees"),
    [
        ("Linea Micra", "CoffeeBoiler1", 80),
        ("Linea Micra", "CoffeeBoiler1", 92.5),
        ("Linea Micra", "CoffeeBoiler1", 110),
        ("Linea Micra", "SteamBoiler", 128),
        ("GS3 AV", "SteamBoiler", 20),
        ("GS3 MP", "SteamBoiler", 134),
    ],
)
def test_a_temperature_in_range_is_taken(model, boiler, degrees):
    simulated = machine(model)
    prepared(simulated, command("SettingBoilerTarget", identifier=boiler, value=degrees))()
    name = "coffee_set_temp" if boiler == "CoffeeBoiler1" else "steam_set_temp"
    assert simulated.registers.get(name) == degrees


@pytest.mark.parametrize(
    ("model", "boiler", "degrees", "why"),
    [
        ("Linea Micra", "CoffeeBoiler1", 79.9, "80 to 110, not 79.9"),
        ("Linea Micra", "CoffeeBoiler1", 110.1, "80 to 110, not 110.1"),
        ("Linea Micra", "SteamBoiler", 127, "126, 128, 131, not 127"),
        ("Linea Mini", "SteamBoiler", 126, "has no target"),
        ("GS3 AV", "SteamBoiler", 134.5, "20 to 134, not 134.5"),
        ("GS3 AV", "SteamBoiler", float("nan"), "20 to 134, not nan"),
    ],
)
def test_a_temperature_out_of_range_is_refused(model, boiler, degrees, why):
    simulated = machine(model)
    before = simulated.memory.read(0, 0x20)
    with pytest.raises(CommandError, match=why):
        prepared(simulated, command("SettingBoilerTarget", identifier=boiler, value=degrees))
    assert simulated.memory.read(0, 0x20) == before


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b'{"name":"MachineChangeMode","parameter":{"mode":"StandBy"}}', "no NUL"),
        (b"\0", "is no JSON"),
        (b"[[[\0", "is no JSON"),
        (b"[" * 100_000 + b"\0", "is no JSON"),
        (b"\xff\0", "is no JSON"),
        (b"7\0", "no command null"),
        (b'{"name":["MachineChangeMode"]}\0', "no command"),
        (command("SelfDestruct"), 'no command "SelfDestruct"'),
        (b'{"name":"MachineChangeMode"}\0', "has no parameter"),
        (command("MachineChangeMode", mode="EcoMode"), "not BrewingMode or StandBy"),
        (command("MachineChangeMode", mode=True), "mode true"),
        (command("SettingBoilerTarget", identifier="CoffeeBoiler2", value=93), "CoffeeBoiler2"),
        (command("SettingBoilerTarget", identifier="CoffeeBoiler1", value="93"), "not a number"),
        (command("SettingBoilerTarget", identifier="CoffeeBoiler1", value=True), "not a number"),
        (command("SettingBoilerEnable", identifier="CoffeeBoiler1", state=False), "CoffeeBoiler1"),
        (command("SettingBoilerEnable", identifier="SteamBoiler", state="false"), "neither true nor false"),
        (command("SettingSmartStandby", minutes=0, mode="PowerOn", enabled=True), "minutes 0"),
        (command("SettingSmartStandby", minutes=241, mode="PowerOn", enabled=True), "minutes 241"),
        (command("SettingSmartStandby", minutes=True, mode="PowerOn", enabled=True), "minutes true"),
        (command("SettingSmartStandby", minutes=10, mode="Never", enabled=True), "mode"),
    ],
)
def test_what_is_no_command_is_refused_with_a_reason(value, why):
    with pytest.raises(CommandError, match=why):
        prepared(machine(), value)


_JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5)
_PARAMETERS = st.dictionaries(st.sampled_from(["identifier", "value", "mode", "minutes", "enabled", "state"]), _JSON)
_NAMES = st.sampled_from(["MachineChangeMode", "SettingBoilerTarget", "SettingBoilerEnable", "SettingSmartStandby"])


@given(st.binary(max_size=200) | st.builds(lambda name, all_: command(name, **all_), _NAMES, _PARAMETERS))
def test_whatever_is_written_is_done_or_refused_in_one_line(value):
    why = ""
    try:
        prepared(machine(), value)()
    except CommandError as error:
        why = str(error)
    assert len(why.splitlines()) <= 1


def test_a_confirmation_reads_as_the_clients_expect():
    assert json.loads(Confirmation(True, "Success").text(1)) == {
        "id": "00000001",
        "message": "Success",
        "status": "success",
    }
    assert json.loads(Confirmation(False, "no").text(255))["status"] == "error"
