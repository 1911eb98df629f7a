"""A simulated machine's characteristics, without a radio."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.codec.bluetooth.messages import Messages
from lmdecode.codec.dialect import Place, Tally
from lmdecode.simulator.bluetooth.faults import FAULTS, FLOOD
from lmdecode.simulator.bluetooth.gatt import Gatt, Property, Then
from lmdecode.simulator.families import FAMILIES
from lmdecode.simulator.faults import Faults, On, parse_fault
from lmdecode.simulator.json_machine import JsonMachine

TOKEN = "0123456789abcdef" * 4
POWER_OFF = b'{"name":"MachineChangeMode","parameter":{"mode":"StandBy"}}\0'


def gatt(*faults, model="Linea Micra", seed=0, token=TOKEN):
    """A machine with an app that has given its token."""
    made = Gatt(
        JsonMachine(FAMILIES[model], "bluetooth"),
        TOKEN,
        Faults([parse_fault(each, FAULTS) for each in faults], seed=seed, table=FAULTS),
    )
    if made.connect():
        made.write("0d0b", token.encode())
    return made


def ask(machine, name):
    machine.write("0a0b", name.encode() + b"\0")
    return machine.read("0a0b")


def tell(machine, command):
    machine.write("0b0b", command)
    return machine.read("0b0b")


def pulled(machine, seconds):
    """What is notified while a shot runs."""
    machine.machine.physics.pull_shot(1)
    return [value for _ in range(int(seconds * 10)) for value in machine.advance(0.1, machine.machine.advance(0.1))]


@pytest.mark.parametrize("model", FAMILIES)
def test_every_name_that_is_known_is_answered_with_json_and_a_nul(model):
    machine = gatt(model=model)
    for name in ("machineMode", "machineCapabilities", "boilers", "tankStatus", "smartStandBy", "isPlumbedIn"):
        value = ask(machine, name).value
        assert value.endswith(b"\0")
        json.loads(value[:-1])
    assert len(ask(machine, "machineCapabilities").value) > 180  # longer than a small MTU


def test_the_answers_say_what_the_physics_say():
    machine = gatt()
    machine.machine.physics.set("coffee_temp", 71.4)
    machine.machine.physics.set("water_reservoir_contact", False)
    boilers = {each["id"]: each for each in json.loads(ask(machine, "boilers").value[:-1])}
    assert boilers["CoffeeBoiler1"]["current"] == 71
    assert ask(machine, "tankStatus").value == b"false\0"
    assert ask(machine, "machineMode").value == b'"BrewingMode"\0'


def test_nothing_is_answered_before_the_token():
    machine = gatt(token="wrong")
    assert machine.read("0d0b").value == b"\0"
    assert ask(machine, "machineMode").value == b""
    assert tell(machine, POWER_OFF).value == b""
    assert machine.machine.physics.on
    assert machine.subscribe(on=True) == []
    assert pulled(machine, 2) == []
    machine.write("0d0b", TOKEN.encode())
    assert machine.read("0d0b").value == b"\1"
    assert ask(machine, "machineMode").value == b'"BrewingMode"\0'


def test_a_second_wrong_token_takes_the_trust_away():
    machine = gatt()
    machine.write("0d0b", b"wrong")
    assert ask(machine, "machineMode").value == b""


def test_the_token_is_told_in_pairing_mode_only():
    machine = gatt(token="")
    assert machine.read("0c0b").value == b""
    machine.pairing = True
    assert machine.read("0c0b").value == TOKEN.encode()


def test_the_next_app_has_to_give_the_token_again():
    machine = gatt()
    machine.disconnect()
    assert machine.connect()
    assert machine.read("0d0b").value == b"\0"
    assert ask(machine, "machineMode").value == b""


def test_a_command_is_done_and_confirmed():
    machine = gatt()
    assert json.loads(tell(machine, POWER_OFF).value[:-1])["status"] == "success"
    assert not machine.machine.physics.on
    assert ask(machine, "machineMode").value == b'"StandBy"\0'


def test_a_command_that_is_refused_says_so_and_changes_nothing():
    machine = gatt()
    refused = tell(machine, b'{"name":"SettingBoilerTarget","parameter":{"identifier":"SteamBoiler","value":90}}\0')
    assert json.loads(refused.value[:-1])["status"] == "error"
    assert machine.machine.registers.get("steam_set_temp") == 131
    assert any("126, 128, 131" in each for each in machine.notes)


def test_a_name_without_a_nul_is_not_answered():
    machine = gatt()
    machine.write("0a0b", b"boilers")
    assert machine.read("0a0b").value == b"boilers"


def test_a_subscription_begins_with_the_last_notification():
    machine = gatt()
    (first,) = machine.subscribe(on=True)
    assert b"CoffeeBoiler1UpdateTemperature" in first
    said = pulled(machine, 3)
    machine.disconnect()
    machine.connect()
    machine.write("0d0b", TOKEN.encode())
    assert machine.subscribe(on=True) == [said[-1]]


def test_a_shot_is_told_of_about_once_a_second():
    machine = gatt()
    machine.subscribe(on=True)
    said = [json.loads(value) for value in pulled(machine, 10)]
    updates = [each for each in said if "BrewingUpdateGroup1Time" in each]
    assert said[0] == {"BrewingStartedGroup1DoseIndex": "ContinuousDose"}
    assert 9 <= len(updates) <= 11


def test_what_is_notified_becomes_fields():
    machine = gatt()
    messages = Messages(Place(), Tally())
    (replay,) = machine.subscribe(on=True)
    assert messages.notified(0, "0e0b", replay).extra["replay"] is True
    found = [messages.notified(0, "0e0b", value) for value in pulled(machine, 12)]
    assert not [each.problems for each in found if each.problems]
    assert found[-1].fields["flow_seconds"] > 9


def test_nothing_is_notified_to_who_does_not_listen():
    machine = gatt()
    assert pulled(machine, 2) == []
    machine.subscribe(on=True)
    machine.subscribe(on=False)
    assert machine.advance(1, machine.machine.advance(1)) == []


def test_a_value_is_the_same_while_it_is_read_in_pieces():
    machine = gatt("half:1")
    whole = ask(machine, "machineCapabilities").value
    machine.machine.physics.switch(on=False)
    assert machine.read("0a0b", goes_on=True).value == whole
    assert len(whole) == 20


def test_an_older_gateway_has_no_notifications_and_no_nul():
    machine = gatt("no-events")
    assert "0e0b" not in machine.characteristics
    assert ask(machine, "tankStatus").value == b'"true"'
    assert json.loads(ask(machine, "smartStandBy").value)["enabled"] == "false"
    assert isinstance(json.loads(ask(machine, "boilers").value)[0]["isEnabled"], bool)


def test_a_gateway_v3_has_the_characteristics_of_its_time():
    machine = gatt("old-gateway")
    assert set(machine.characteristics) == {"050b", "090b"}
    machine.write("090b", b"x@y")
    assert "090b" in machine.notes[-1]


def test_the_newest_has_all_characteristics():
    allowed = gatt().characteristics
    assert allowed["0e0b"] == Property.NOTIFY
    assert allowed["0c0b"] == Property.READ
    assert {"0a0b", "0b0b", "0c0b", "0d0b", "0e0b"} == set(allowed)


@pytest.mark.parametrize(
    ("fault", "name", "then"),
    [("drop", "0a0b", Then.SILENCE), ("close", "0a0b", Then.END), ("never", "0a0b", Then.SILENCE)],
)
def test_faults_that_leave_no_answer(fault, name, then):
    machine = gatt(fault)
    machine.write("0a0b", b"boilers\0")
    assert machine.read(name).then is then


def test_faults_of_an_answer_change_the_value():
    plain = ask(gatt(), "boilers").value
    assert ask(gatt("empty"), "boilers").value == b""
    assert ask(gatt("half"), "boilers").value == plain[:20]
    assert ask(gatt("rest"), "boilers").value.startswith(plain)
    assert len(ask(gatt("rest"), "boilers").value) > len(plain)
    assert ask(gatt("text"), "tankStatus").value == b'"true"\0'
    assert ask(gatt("error"), "boilers").error == 0x0E
    assert ask(gatt("delay=2"), "boilers").delay == 2


def test_the_rest_of_the_answer_before_is_behind_the_nul():
    machine = gatt()
    longer = ask(machine, "machineCapabilities").value
    machine.faults.add(parse_fault("rest", FAULTS))
    shorter = ask(machine, "machineMode").value
    assert shorter == b'"BrewingMode"\0' + longer[len(b'"BrewingMode"\0') :]


@pytest.mark.parametrize("seed", range(20))
def test_garbage_is_no_json(seed):
    value = ask(gatt("garbage", seed=seed), "boilers").value
    with pytest.raises(ValueError, match=r"."):
        json.loads(value.partition(b"\0")[0].decode("utf-8", "strict"))


@pytest.mark.parametrize(
    ("fault", "on", "status"),
    [("no-ok", True, "error"), ("lie", True, "success"), ("unconfirmed", False, None)],
)
def test_faults_of_a_confirmation(fault, on, status):
    machine = gatt(fault)
    value = tell(machine, POWER_OFF).value
    assert machine.machine.physics.on is on
    assert (json.loads(value[:-1])["status"] if value else None) == status


def test_a_late_confirmation_is_empty_first():
    machine = gatt("late=1")
    assert tell(machine, POWER_OFF).value == b""
    machine.advance(0.9, [])
    assert machine.read("0b0b").value == b""
    machine.advance(0.2, [])
    assert b'"success"' in machine.read("0b0b").value
    assert not machine.machine.physics.on


def test_a_link_that_is_lost_before_or_after_a_command_is_taken():
    before, after = gatt("lost-before"), gatt("lost-after")
    assert before.write("0b0b", POWER_OFF).then is Then.END
    assert after.write("0b0b", POWER_OFF).then is Then.END
    assert before.machine.physics.on
    assert not after.machine.physics.on


def test_a_command_that_ends_with_an_error_of_att_is_not_done():
    machine = gatt("write-error")
    assert machine.write("0b0b", POWER_OFF).error == 0x0E
    assert machine.machine.physics.on


def test_a_token_that_is_refused_or_late():
    refused, late = gatt("no-token"), gatt("late-token=0.3")
    refused.advance(10, [])
    assert refused.read("0d0b").value == b"\0"
    assert late.read("0d0b").value == b"\0"
    late.advance(0.35, [])
    assert late.read("0d0b").value == b"\1"


def test_what_comes_late_does_not_reach_the_next_app():
    machine = gatt("late-token=0.3")
    machine.faults.clear()
    machine.disconnect()
    machine.connect()
    machine.advance(1, [])
    assert machine.read("0d0b").value == b"\0"


@pytest.mark.parametrize(
    ("fault", "count"), [("mute", 0), ("double", 2), ("half-event", 1), ("garbage-event", 1), ("flood", FLOOD)]
)
def test_faults_of_notifications(fault, count):
    machine = gatt(fault)
    machine.subscribe(on=True)
    found = machine.advance(0.1, [{"MachineMode": "StandBy"}])
    assert len(found) == count
    assert (b'{"MachineMode":"StandBy"}' in found) is (fault in {"double", "flood"})


def test_a_machine_that_is_held_does_not_advertise():
    machine = gatt("held")
    machine.disconnect()
    assert not machine.advertises
    machine.faults.clear()
    assert machine.advertises
    machine.connect()
    assert not machine.advertises  # one app at a time


def test_a_busy_machine_ends_a_link_at_once():
    machine = gatt("busy:1")
    assert not machine.is_connected
    assert machine.connect()


def test_no_note_has_the_token():
    machine = gatt("no-token")
    machine.write("0d0b", b"another secret")
    assert not [each for each in machine.notes if TOKEN in each or "another secret" in each]
    assert TOKEN not in repr(machine)


@pytest.mark.parametrize("name", [name for name, (on, _) in FAULTS.items() if on is not On.STATE])
def test_every_fault_can_be_written_and_befalls_something(name):
    text = f"{name}=0.5" if name in {"delay", "late", "late-token"} else name
    machine = gatt(text)
    machine.subscribe(on=True)
    ask(machine, "boilers")
    tell(machine, POWER_OFF)
    machine.advance(0.1, [{"MachineMode": "StandBy"}])
    assert f"fault {name}" in machine.notes


_NAMES = st.sampled_from(["0a0b", "0b0b", "0c0b", "0d0b", "0e0b", "090b"])
_STEPS = st.one_of(
    st.tuples(st.just("write"), _NAMES, st.binary(max_size=80)),
    st.tuples(st.just("write"), st.just("0d0b"), st.just(TOKEN.encode())),
    st.tuples(st.just("write"), st.just("0b0b"), st.just(POWER_OFF)),
    st.tuples(st.just("read"), _NAMES, st.booleans()),
    st.tuples(st.just("subscribe"), st.booleans(), st.none()),
    st.tuples(st.sampled_from(["connect", "disconnect", "advance"]), st.none(), st.none()),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_STEPS, max_size=30), st.integers(0, 5))
def test_whatever_an_app_does_the_machine_goes_on(steps, seed):
    machine = gatt("random=0.5", seed=seed)
    for what, first, second in steps:
        match what:
            case "write":
                reply = machine.write(first, second)
                assert reply.value == b""
            case "read":
                reply = machine.read(first, goes_on=second)
                assert len(reply.value) < 600
            case "subscribe":
                assert len(machine.subscribe(on=first)) <= 1
            case "connect":
                machine.connect()
            case "disconnect":
                machine.disconnect()
            case "advance":
                for value in machine.advance(0.1, machine.machine.advance(0.1)):
                    assert len(value) < 600
