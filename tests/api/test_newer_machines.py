"""`Machine` with gateway v3 and over Bluetooth: what each can do, and the one error that says that it cannot."""

from __future__ import annotations

import asyncio

import pytest

import lmdecode
from lmdecode.analysis.columns import FieldNameError
from lmdecode.codec.errors import KeyFormatError
from lmdecode.config.machines import TargetError

SHOT = {"flow_seconds", "brew_stopped_seconds"}


@pytest.fixture(scope="module", params=["v3", "bluetooth"])
def simulated(request):
    with lmdecode.simulate("Linea Micra", generation=request.param, speed=8) as simulated:
        yield simulated


@pytest.fixture(scope="module")
def machine(simulated):
    with simulated.connect() as machine:
        yield machine


@pytest.fixture(scope="module")
def over_bluetooth():
    with lmdecode.simulate("Linea Micra", generation="bluetooth", speed=8) as simulated, simulated.connect() as machine:
        yield machine


def test_status_and_single_values(machine):
    status = machine.status()
    assert (status["coffee_set_temp"], status["model"], status["smart_standby_minutes"]) == (94, "Linea Micra", 10)
    assert (status.silent, status.problems, status.unit("smart_standby_minutes")) == ({}, [], "min")
    assert machine.get("coffee-set-temp") == 94
    assert machine.get("power") is True


def test_what_it_is_called(machine):
    if machine.generation == "v3":
        assert (machine.host, machine.name) == ("127.0.0.1", f"127.0.0.1:{machine.port}")
    else:
        assert (machine.host, machine.port, machine.generation) == ("", 0, "bluetooth")
    assert repr(machine) == f"<Machine {machine.name}>"


def test_what_no_generation_tells_and_what_another_one_does(machine):
    with pytest.raises(FieldNameError, match="did you mean coffee_temp"):
        machine.get("cofee_temp")
    with pytest.raises(lmdecode.UnsupportedError, match="does not tell pump_on: v1 tells it"):
        machine.get("pump_on")
    with pytest.raises(lmdecode.UnsupportedError, match="only"):
        machine.get("flow_seconds")


@pytest.mark.parametrize(
    ("what", "arguments"), [("read", (0, 2)), ("write", (0, b"\0")), ("memory", ())], ids=["read", "write", "memory"]
)
def test_only_v1_has_a_memory(machine, what, arguments):
    with pytest.raises(lmdecode.UnsupportedError, match="which only machines of v1 have") as caught:
        getattr(machine, what)(*arguments)
    assert caught.value.exit_code == 2


def test_only_some_things_can_be_set(machine):
    with pytest.raises(lmdecode.UnsupportedError, match="dose"):
        machine.set("dose", 2, 121)
    if machine.generation == "v3":
        with pytest.raises(lmdecode.UnsupportedError, match="takes no command"):
            machine.set("power", False, yes=True)
        assert machine.get("power") is True


def test_it_is_told_what_happens_and_lets_go_of_the_stream(simulated, machine):
    seen, subjects = set(), []
    for record in machine.records(seconds=10):
        subjects.append(record.subject)
        if record.subject and record.subject.startswith(("101", "0e0b subscribe")):
            simulated.do("shot 1 5")
        seen |= SHOT & record.fields.keys()
        if seen == SHOT:
            break
    assert seen == SHOT, subjects
    assert any("GET" in each or "0a0b" in each for each in _asked_while_listening(machine))
    with simulated.connect() as other:  # nobody else could connect, or listen, while the first one listens
        assert next(iter(other.records(seconds=2))) is not None


def _asked_while_listening(machine):
    return {record.subject for record in machine.records(seconds=0.7, every=0.1) if record.sender == "app"}


def test_settings_over_bluetooth(over_bluetooth):
    with pytest.raises(lmdecode.HazardError, match="yes=True"):
        over_bluetooth.set("coffee_set_temp", 93.5)
    assert over_bluetooth.get("coffee_set_temp") == 94
    outcome = over_bluetooth.set("coffee_set_temp", 93.5, yes=True)
    assert outcome.done
    assert [each.split(" ")[0] for each in outcome.texts] == ["0b0b"]
    assert over_bluetooth.get("coffee_set_temp") == 93.5
    assert over_bluetooth.set("coffee_set_temp", 93.5, yes=True).texts == ()
    with pytest.raises(lmdecode.RegisterError, match="126, 128 or 131"):
        over_bluetooth.set("steam_set_temp", 127, yes=True)
    assert over_bluetooth.set("standby", 45, after="power-on").done
    assert over_bluetooth.get("smart_standby_minutes") == 45


def test_changes_that_are_asked_for_at_once_are_made_one_after_the_other():
    async def both():
        async with lmdecode.simulate(generation="bluetooth") as simulated, simulated.connect_async() as machine:
            made = await asyncio.gather(
                machine.set("smart_standby_minutes", 42),  # each is sent together with the others' values
                machine.set("smart_standby_after", "power-on"),
                machine.set("coffee_set_temp", 95, yes=True),
                machine.set("coffee_set_temp", 95, yes=True),
            )
            return [len(each.sent) for each in made], (await machine.status())["smart_standby_minutes"]

    assert asyncio.run(both()) == ([1, 1, 1, 0], 42)  # and without a second write of the same


def test_a_setting_of_bluetooth_on_a_machine_of_v1():
    with (
        lmdecode.simulate("GS3 AV") as simulated,
        simulated.connect() as machine,
        pytest.raises(lmdecode.UnsupportedError, match="steam_level is set over Bluetooth"),
    ):
        machine.set("steam_level", 2)


def test_arguments_that_contradict_each_other():
    with pytest.raises(TargetError, match="bluetooth= and host= are two ways"):
        lmdecode.Machine("10.0.0.1", bluetooth=True)
    with pytest.raises(TargetError, match="give v1 or v3; machines with gateway v5 take"):
        lmdecode.Machine("10.0.0.1", key="1" * 32, generation="v7")
    with pytest.raises(KeyFormatError, match="token"):
        lmdecode.Machine(bluetooth="MR012345", key=b"1" * 32)
    machine = lmdecode.Machine(bluetooth="MR012345", key="a-token")
    assert "a-token" not in repr(machine)
    assert lmdecode.Machine("10.0.0.1", 8081, key="1" * 32).generation == "v3"
