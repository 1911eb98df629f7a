from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from datetime import datetime, time

import pytest

import lmdecode
from lmdecode.analysis.columns import FieldNameError, field_kinds
from lmdecode.codec.v1.settings import SETTINGS, writable_names
from lmdecode.device.changing import State

OTHER = "x" * 32


@pytest.fixture(scope="module")
def simulated():
    with lmdecode.simulate("GS3 AV", now=datetime(2026, 11, 21, 7, 30)) as simulated:  # noqa: DTZ001 -- it has no zone
        yield simulated


@pytest.fixture
def machine(simulated):
    with simulated.connect() as machine:
        yield machine


def test_each_value_can_be_had_alone(machine):
    status = machine.status()
    assert len(status) > 100
    assert (status.silent, status.problems) == ({}, [])
    moving = {"clock", "second", "minute", "coffee_temp", "steam_temp", "hours_since_built", "machine_running_minutes"}
    moving |= {name for name in field_kinds() if name.endswith(("_heater_on", "_seconds")) or name.startswith("flow_")}
    moving |= {"heating_state", "front_panel_display"}
    assert {name: machine.get(name) for name in status if name not in moving} == {
        name: value for name, value in status.items() if name not in moving
    }
    assert machine.get("coffee_temp") == pytest.approx(status["coffee_temp"], abs=1)
    assert status.unit("coffee_temp") == "°C"
    assert machine.get("machine_running_seconds") == pytest.approx(machine.get("machine_running_minutes"), abs=1)


def test_what_cannot_be_had(machine):
    with pytest.raises(FieldNameError, match="did you mean coffee_temp"):
        machine.get("cofee_temp")
    with pytest.raises(lmdecode.RegisterError, match="only be written"):
        machine.get("command")
    with pytest.raises(lmdecode.MachineError, match="holds a secret"):
        machine.read(0x0100, 0x60)
    with pytest.raises(lmdecode.LmdecodeError, match="past the end of memory"):
        machine.read(0xFFFF, 2)


def test_long_reads_are_made_in_pieces(machine):
    assert machine.read(0x0070, 0x40) == b"\xff" * 0x40


@pytest.mark.parametrize(
    ("words", "options", "name", "value"),
    [
        (("coffee_set_temp", 92.5), {}, "coffee_set_temp", 92.5),
        (("coffee_set_temp", 93.1), {}, "coffee_set_temp", 93.1),
        (("dose", 2, 121), {}, "dose_k2", 121),
        (("dose",), {"button": 3, "amount": 99}, "dose_k3", 99),
        (("dose",), {"key": 3, "amount": 98}, "dose_k3", 98),
        (("coffee-temp", 92.7), {}, "coffee-set-temp", 92.7),
        (("dose_hot_water", 9), {}, "dose_hot_water", 9),
        (("prebrew", 1), {"on": 2.5, "off": 3.1}, "prebrewing_toff_k1", 3.1),
        (("prebrewing", True), {}, "prebrew_flag", "prebrewing"),
        (("preinfusion", False), {}, "prebrew_flag", "off"),
        (("preinfusion", 3, 4.4), {}, "preinfusion_k3", 4.4),
        (("schedule", "Tuesday", time(6, 45), "17:15"), {}, "tue_on_time", "06:45"),
        (("tue_off_time", "18:05"), {}, "tue_off_time", "18:05"),
        (("auto_on_off", "wed", False), {}, "wed_auto", False),
        (("wed_auto", True), {}, "wed_auto", True),
        (("steam_boiler_enable", False), {}, "steam_boiler_enable", False),
        (("power", "off"), {}, "power", False),
        (("power", True), {}, "power", True),
    ],
    ids=str,
)
def test_settings(machine, words, options, name, value):
    outcome = machine.set(*words, yes=True, **options)
    assert outcome.done
    assert machine.get(name) == value
    again = machine.set(*words, yes=True, **options)
    assert (again.sent, {result.state for result in again.results}) == ((), {State.UNCHANGED})


def test_the_clock(machine):
    machine.set("clock", datetime(2027, 1, 2, 3, 4, 5))  # noqa: DTZ001 -- it has no zone
    assert machine.get("clock").startswith("2027-01-02T03:04")
    machine.set("clock", "2026-11-21T07:30:00")


@pytest.mark.parametrize(
    ("words", "options", "complaint"),
    [
        (("coffee_set_temp", 101), {}, "must be 87 to 100 °C, not 101"),
        (("coffee_set_temp", 92.55), {}, "not a multiple of 0.1"),
        (("coffee_temp", 93), {}, "did you mean coffee_set_temp"),
        (("cofee-temp", 93), {}, "did you mean coffee_set_temp"),
        (("nothing at all",), {}, "there are power, coffee_set_temp"),
        (("dose", 2), {}, "dose takes button, amount"),
        (("dose", 2, 3, 4), {}, "dose takes button, amount"),
        (("dose", 2, 121), {"key": 3}, "dose takes button, amount"),
        (("dose", 2), {"amuont": 4}, "dose takes button, amount"),
        (("dose_k2", 2, 3), {}, "dose_k2 takes value"),
        (("prebrew", 1), {}, "give on= or off="),
        (("prebrewing",), {}, "prebrewing takes state"),
        (("power", "maybe"), {}, "not one of on, off"),
        (("dose_k2", "many"), {}, "is not a whole number of pulses"),
    ],
)
def test_what_cannot_be_set(machine, simulated, words, options, complaint):
    heard = []
    simulated._simulation.server.on_record = heard.append
    with pytest.raises(lmdecode.RegisterError, match=complaint):
        machine.set(*words, yes=True, **options)
    simulated._simulation.server.on_record = None
    assert not [record for record in heard if str(record.kind) == "write"]


def test_no_setting_is_written_without_its_value(machine, simulated):
    heard = []
    simulated._simulation.server.on_record = heard.append
    for name in {*SETTINGS, *writable_names()} - {"backflush"}:
        with pytest.raises(lmdecode.RegisterError):
            machine.set(name, yes=True)
        for word in (2, "tue"):  # a button or a day alone; where it is a value, it is not one that is taken
            if SETTINGS.get(name) and SETTINGS[name].choosing:
                with pytest.raises(lmdecode.RegisterError):
                    machine.set(name, word, yes=True)
    simulated._simulation.server.on_record = None
    assert not [record for record in heard if str(record.kind) == "write"]


@pytest.mark.parametrize("words", [("power", True), ("coffee_set_temp", 93), ("steam_set_temp", 124), ("backflush",)])
def test_what_heats_or_moves_water_needs_a_yes(words):
    nobody = lmdecode.Machine("127.0.0.1", 1, key=OTHER)  # nothing is there: nothing may be tried
    with pytest.raises(lmdecode.HazardError, match="give yes=True"):
        nobody.set(*words)
    with pytest.raises(lmdecode.HazardError, match=r"a raw write \(nobody knows what is at 0x5000\).*give yes=True"):
        nobody.write(0x5000, b"\0")


def test_raw_writes(machine):
    machine.write(0x001E, b"\x08", yes=True)
    assert machine.read(0x001E, 1) == b"\x08"
    with pytest.raises(lmdecode.RegisterError, match="must be 1 to 30"):
        machine.write(0x001E, b"\x00", yes=True)
    with pytest.raises(lmdecode.RegisterError, match="cloud account"):
        machine.write(0x0111, b"\x00", yes=True)


def test_a_model_that_does_not_have_it():
    with (
        lmdecode.simulate("GS3 MP") as simulated,
        simulated.connect() as machine,
        pytest.raises(lmdecode.RegisterError, match="not on a GS3 MP"),
    ):
        machine.set("dose", 2, 121)
    with pytest.raises(lmdecode.RegisterError, match="no model 'GS4'"):
        lmdecode.simulate("GS4")


def test_a_write_that_is_not_taken():
    with lmdecode.simulate(faults=["no-ok:1"]) as simulated, simulated.connect() as machine:
        with pytest.raises(lmdecode.NotTakenError, match="did not take") as caught:
            machine.set("dose", 2, 121)
        assert caught.value.outcome.results[0].state is State.NOT_TAKEN
        machine.set("dose", 2, 121)


def test_errors_of_the_connection():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(lmdecode.NoConnectionError, match="refuses the connection"):
        lmdecode.Machine("127.0.0.1", port, key=OTHER).get("power")
    with (
        lmdecode.simulate(faults=["busy"]) as simulated,
        simulated.connect() as machine,
        pytest.raises(lmdecode.BusyError),
    ):
        machine.get("power")
    with lmdecode.simulate() as simulated:
        with (
            lmdecode.Machine(simulated.host, simulated.port, key=OTHER, timeout=1.5) as machine,
            pytest.raises(lmdecode.WrongKeyError, match="key is not this machine's") as caught,
        ):
            machine.get("power")
        assert OTHER not in str(caught.value)


def test_reads_are_made_again():
    with lmdecode.simulate() as simulated, simulated.connect() as machine:
        machine.get("power")
        simulated.do("fault reset:2")
        assert machine.get("power") is True


def test_records_as_they_come(machine):
    seen = []
    for record in machine.records():
        seen.append(record)
        if len(seen) == 2:
            break
    assert {(record.sender, record.role) for record in seen} == {("machine", "report")}
    polled = list(machine.records(seconds=0.5, every=0.1))
    answers = [record for record in polled if record.role == "response"]
    assert 2 <= len(answers) <= 6
    assert "heating_state" in answers[0].fields
    assert machine.get("power") is True


def test_records_end_when_the_machine_is_gone(monkeypatch):
    monkeypatch.setattr("lmdecode.api.live._SILENCE", 0.1)
    with lmdecode.simulate() as simulated:
        machine = simulated.connect()
        records = machine.records(every=0.05)
        assert next(records)
    with pytest.raises(lmdecode.MachineError):
        list(records)
    machine.close()


def python(program, **options):
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=30, check=True, encoding="utf-8", **options
    ).stdout


def test_a_program_ends_though_it_closes_nothing():
    program = """
import lmdecode
machine = lmdecode.simulate().connect()
records = machine.records(every=0.1)
print(next(records).role)
class Keeps: pass
keeps = Keeps()
keeps.records, keeps.itself = records, keeps
"""
    assert python(program) == "request\n"


def test_what_is_dropped_in_the_threads_own_loop_is_not_waited_for():
    with lmdecode.simulate() as simulated, simulated.connect() as machine:
        dropped = [machine.records(every=0.1)]
        next(dropped[0])
        machine._background.call(dropped.clear)
        assert machine.get("power") is True


def test_an_interruption_tells_of_the_write_that_was_sent():
    program = """
import os, signal, lmdecode
def interrupt(record):
    if record.kind == "write":
        os.kill(os.getpid(), signal.SIGINT)
with lmdecode.simulate(faults=["delay=0.2"]) as simulated:
    simulated._simulation.server.on_record = interrupt
    machine = simulated.connect()
    try:
        machine.set("dose", 2, 121)
    except KeyboardInterrupt as error:
        print(*error.__notes__)
"""
    assert (
        python(program)
        == "interrupted after W001600020079B0 (dose_k2) was sent: whether the machine took it is not known\n"
    )


def test_memory_of_a_machine(machine, tmp_path):
    image = machine.memory()
    assert (image.model, image.get("machine_ser_num")) == ("GS3 AV", "GS000000")
    image.save(tmp_path / "image.json")
    loaded = lmdecode.MemoryImage.load(tmp_path / "image.json")
    assert loaded == image
    assert loaded.known == image.known
    machine.set("dose", 4, 33)
    before, after = set(image.known.items()), set(machine.memory().known.items())
    assert 0x001B in {address for address, _ in before ^ after}
    with lmdecode.simulate(image=loaded) as again:
        assert again.model == "GS3 AV"
        assert again.get("dose_k4") == image.get("dose_k4")
    with pytest.raises(lmdecode.LmdecodeError, match="there is no file"):
        lmdecode.MemoryImage.load(tmp_path / "nope.json")
    assert [path.name for path in tmp_path.iterdir()] == ["image.json"]


def test_asyncio(simulated):
    async def main():
        async with simulated.connect_async() as machine:
            values = await asyncio.gather(*(machine.get(name) for name in ("power", "dose_k1", "machine_ser_num")))
            heard = [record async for record in machine.records(seconds=1.2)]
            return values, heard

    values, heard = asyncio.run(main())
    assert (values[0], values[2]) == (True, "GS000000")
    assert 1 <= len(heard) <= 3


def test_many_first_requests_make_one_connection():
    async def main():
        async with lmdecode.simulate() as simulated:
            machine = simulated.connect_async()
            await asyncio.gather(*(machine.get("power") for _ in range(5)))
            await machine.close()
            return simulated._simulation.server.connections

    assert asyncio.run(main()) == 1


def test_it_works_where_a_loop_runs_already(simulated):
    async def cell():
        with simulated.connect() as machine:
            return machine.get("power")

    assert asyncio.run(cell()) is True


def test_which_machine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LMDECODE_KEY", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(lmdecode.LmdecodeError, match="give key= or config="):
        lmdecode.Machine("127.0.0.1")
    with pytest.raises(lmdecode.LmdecodeError, match="no address: give host="):
        lmdecode.Machine(key=OTHER)
    kitchen = {"machine_name": "kitchen", "host": "10.0.0.1", "key": OTHER}
    office = {"machine_name": "office", "host": "10.0.0.2", "port": 1775, "key": "y" * 32}
    (tmp_path / "config.json").write_text(json.dumps({"machines": [kitchen, office]}))
    with pytest.raises(lmdecode.LmdecodeError, match="choose with machine="):
        lmdecode.Machine()
    machine = lmdecode.Machine(machine="office")
    assert (machine.host, machine.port, repr(machine)) == ("10.0.0.2", 1775, "<Machine 10.0.0.2:1775>")
    assert lmdecode.Machine("127.0.0.1", key=OTHER).port == 1774
