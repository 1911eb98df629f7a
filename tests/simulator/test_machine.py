"""The machine's answers, its reports, and what goes on inside, with time made up."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.codec.record import Kind
from lmdecode.codec.v1.memory import Answer, Memory, Region
from lmdecode.codec.v1.memory_map import REGISTERS
from lmdecode.codec.v1.message import Message, build, parse
from lmdecode.codec.v1.register import MODELS
from lmdecode.codec.v1.window import decode_message, encode
from lmdecode.codec.v1.windows import LARGEST_READ, WINDOWS
from lmdecode.simulator.machine import Machine, default_memory
from lmdecode.simulator.physics import NotNowError


@pytest.fixture
def machine():
    return Machine("GS3 AV")


def read(machine, address, length):
    return machine.receive(Message(Kind.READ, address, length))


def write(machine, name, value):
    return machine.receive(encode(name, value)).status


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("window", WINDOWS)
def test_each_known_window_is_answered_with_values(model, window):
    answer = read(Machine(model), window.address, window.length)
    assert decode_message(parse(build(answer)))[1] == ()


def test_the_samples_from_real_machines_come_back():
    assert build(read(Machine("GS3 AV"), 0x0000, 0x1F)).startswith(b"R0000001F010000026E313903C204D7000B16212C")
    assert build(read(Machine("GS3 MP"), 0x0310, 0x1D)).startswith(b"R0310001DFE080C080C")


def test_reads_without_an_answer(machine):
    assert read(machine, 0x0000, LARGEST_READ + 1) is None
    assert read(machine, 0x0000, 0) is None
    assert read(machine, 0x8000, 1) is None
    assert read(machine, 0xFFFF, 2) is None
    assert machine.receive(Message(Kind.STREAM, 0x6000, 1, b"\0")) is None
    assert machine.receive(Message(Kind.READ, 0x0000, 1, b"\0")) is None


def test_regions_that_echo_or_are_silent(machine):
    machine.memory.mark(Region(0x0300, 7, Answer.SILENT))
    assert read(machine, 0x0300, 7) is None
    assert build(read(machine, 0x0210, 16)) == b"R02100010D6"
    machine.advance(5)  # its clock runs on, and what it cannot report it does not
    assert read(machine, 0x0306, 1) is None


@pytest.mark.parametrize("row", [row for row in REGISTERS if row.writable and row.minimum is not None])
@pytest.mark.parametrize("model", MODELS)
def test_a_number_is_taken_in_its_range_only_and_only_by_its_models(row, model):
    machine = Machine(model)
    for value, inside in ((row.minimum, True), (row.maximum, True), (row.maximum + row.type.step, False)):
        request = Message(Kind.WRITE, row.address, row.size, row.type.encode(round(value, 1)))
        taken = inside and model in row.models
        before = machine.memory.read(row.address, row.size)
        assert machine.receive(request).ok is taken
        assert machine.memory.read(row.address, row.size) == (request.data if taken else before)


def test_writes_that_are_no_whole_registers_are_refused(machine):
    for address, data in (
        (0x0008, b"\x01"),
        (0x0007, b"\x03"),
        (0x0001, b"\x01"),
        (0x401C, b"\0\0"),
        (0x0300, b"\0"),
        (0x032C, b"\0\0"),  # lmdirect's Sunday, a byte too far
        (0x00E1, b"\x55"),
        (0x0000, b"\x02"),
    ):
        assert machine.receive(Message(Kind.WRITE, address, len(data), data)).status == "NO"
    assert len([note for note in machine.take_notes() if note.startswith("refused")]) == 8


def test_several_registers_in_one_write(machine):
    assert machine.receive(Message(Kind.WRITE, 0x0311, 2, bytes([7, 20]))).ok
    assert machine.registers.get("mon_on_hour") == 7
    assert machine.registers.get("mon_off_hour") == 20
    assert not machine.receive(Message(Kind.WRITE, 0x0311, 2, bytes([8, 24]))).ok
    assert machine.registers.get("mon_on_hour") == 7  # all of a write or nothing


def test_copies_agree(machine):
    assert write(machine, "power", False) == "OK"
    assert read(machine, 0x4017, 1).data == read(machine, 0x0000, 1).data == b"\0"
    machine.advance(60)
    assert read(machine, 0x401C, 4).data == read(machine, 0x6012, 4).data
    machine.physics.set("coffee_temp", 33.3)
    assert read(machine, 0x401C, 2).data == read(machine, 0x6012, 2).data == b"\x01\x4d"


def test_commands(machine):
    others = read(machine, 0x4022, 1).data[0] & 0xFE
    assert write(machine, "command", "steam_boiler_off") == "OK"
    assert read(machine, 0x4022, 1).data[0] == others
    assert write(machine, "command", "steam_boiler_on") == "OK"
    assert read(machine, 0x4022, 1).data[0] == others | 1
    assert read(machine, 0x00E1, 1).data == b"\0"  # it holds nothing
    assert write(machine, "command", "start_backflush") == "OK"
    assert write(machine, "command", "start_backflush") == "NO"
    machine.advance(60)
    assert machine.physics.pour is None


def test_the_reports_come_in_turn_about_one_a_second(machine):
    said = [message for _ in range(12) for message in machine.advance(0.5)]
    assert [message.preamble for message in said] == ["401C0004", "40220001", "03000007"] * 2
    assert len(machine.advance(100)) == 1


def test_the_clock_runs_and_is_set():
    machine = Machine("GS3 AV", now=datetime(2023, 12, 31, 23, 59, 58))  # noqa: DTZ001
    machine.advance(3)
    assert machine.registers.get("clock") == "2024-01-01T00:00:01"
    assert write(machine, "clock", "2020-12-13T21:15:11") == "OK"
    machine.advance(0.25)
    machine.advance(0.75)
    assert machine.registers.get("clock") == "2020-12-13T21:15:12"
    machine.physics.set("clock", "2099-12-31T23:59:59")
    machine.advance(2)
    assert machine.physics.now.year == 2000


def test_the_schedule_switches_it():
    machine = Machine("GS3 MP", now=datetime(2026, 11, 17, 6, 29, 58))  # noqa: DTZ001 -- a Tuesday
    for name, value in (("tue_on_hour", 6), ("tue_on_min", 30), ("tue_off_hour", 6), ("tue_off_min", 32)):
        assert write(machine, name, value) == "OK"
    machine.physics.set("clock", "2026-11-17T06:29:58")
    machine.advance(5)
    assert not machine.physics.on  # global_auto is off
    machine.physics.set("global_auto", True)
    machine.physics.set("clock", "2026-11-17T06:29:58")
    machine.advance(5)
    assert machine.physics.on
    machine.advance(120)
    assert not machine.physics.on
    machine.physics.set("clock", "2026-11-18T06:29:58")
    machine.advance(5)
    assert not machine.physics.on  # Wednesday's is another


def test_it_heats_keeps_its_temperature_and_cools():
    machine = Machine("GS3 MP")
    number = machine.registers.number
    machine.physics.switch(on=True)
    machine.advance(30)
    assert "coffee_heater_on" in machine.registers.get("heating_state")
    machine.advance(900)
    kept = []
    for _ in range(60):
        machine.advance(5)
        kept.append((number("coffee_temp", 0), number("steam_temp", 0)))
    assert all(abs(coffee - 92.0) < 1 and abs(steam - 119.0) < 2 for coffee, steam in kept)
    machine.physics.switch(on=False)
    assert machine.registers.get("heating_state") == []
    machine.advance(3600)
    assert 22 < number("coffee_temp", 0) < 75


def test_a_shot_of_a_dose(machine):
    before = {name: machine.registers.get(name) for name in ("drinks_k2", "total_coffee", "total_coffee_activations")}
    machine.physics.pull_shot(2)
    assert set(machine.registers.get("heating_state")) >= {"pump_on", "brew_solenoid_on"}
    said = [message for _ in range(40) for message in machine.advance(1)]
    flow = [decode_message(message)[0] for message in said if message.kind is Kind.STREAM]
    pulses = [fields["flow_pulses"] for fields in flow]
    assert pulses == sorted(pulses)
    assert pulses[-1] == machine.registers.get("dose_k2") == 118
    assert {fields["flow_key"] for fields in flow} == {2}
    assert flow[-1]["flow_seconds"] == pytest.approx(118 / 4.8, abs=0.1)
    assert machine.physics.pour is None
    assert machine.registers.get("key_active") == 0
    assert {name: machine.registers.get(name) for name in before} == {name: n + 1 for name, n in before.items()}


@pytest.mark.parametrize(
    ("mode", "longer"), [("off", 0), ("prebrewing", 2.2 + 2.2 * 0.75), ("preinfusion", 4.0 * 0.75)]
)
def test_wetting_the_puck_lengthens_the_shot(machine, mode, longer):
    assert write(machine, "prebrew_flag", mode) == "OK"
    machine.physics.pull_shot(2)
    pour = machine.physics.pour
    machine.advance(60)
    assert pour.elapsed == pytest.approx(118 / 4.8 + longer)


def test_water_stops(machine):
    machine.physics.pull_shot(1, 2)
    machine.advance(5)
    flushed = machine.registers.get("total_coffee_activations") - machine.registers.get("total_coffee")
    assert flushed == 0xAEE - 0x923 + 1  # two seconds are no coffee
    machine.physics.pull_shot(5)
    machine.advance(10)
    with pytest.raises(NotNowError, match="is running"):
        machine.physics.pour_hot_water()
    machine.physics.stop()
    machine.physics.pour_hot_water()
    pour = machine.physics.pour
    machine.advance(20)
    assert pour.elapsed == pytest.approx(8)
    machine.physics.pull_shot(5)
    machine.physics.set("water_reservoir_contact", False)
    machine.advance(1)
    assert machine.physics.pour is None
    with pytest.raises(NotNowError, match="no water"):
        machine.physics.pull_shot(1)
    machine.physics.switch(on=False)
    with pytest.raises(NotNowError, match="standby"):
        machine.physics.pull_shot(1)
    with pytest.raises(NotNowError, match="has no button 6"):
        machine.physics.pull_shot(6)


def test_a_machine_of_which_nothing_is_known_runs():
    machine = Machine("GS3 AV", Memory())
    assert machine.advance(100) == []
    assert read(machine, 0x0000, 1) is None
    assert write(machine, "power", True) == "NO"


requests = (
    st.builds(
        Message,
        st.sampled_from(Kind),
        st.one_of(st.sampled_from([row.address for row in REGISTERS]), st.integers(0, 0xFFFF)),
        st.integers(0, 0xFFFF),
        st.none() | st.binary(max_size=40),
        st.none(),  # hypothesis would make up a status, which no request has
    )
    | st.builds(
        lambda row, data: Message(Kind.WRITE, row.address, row.size, data[: row.size]),
        st.sampled_from([row for row in REGISTERS if row.writable]),
        st.binary(min_size=64, max_size=64),
    )
)
actions = st.one_of(
    requests,
    st.floats(0, 200),
    st.sampled_from(["shot", "hot water", "stop"]),
    st.booleans(),
    st.tuples(st.sampled_from(["coffee_temp", "steam_temp"]), st.integers(0, 6553)),
)


@given(st.sampled_from([*MODELS]), st.lists(actions, max_size=12))
@settings(max_examples=60)
def test_whatever_happens_it_answers_right_and_stays_within_bounds(model, steps):
    machine = Machine(model)
    for step in steps:
        if isinstance(step, Message):
            answer = machine.receive(step)
            assert answer is None or parse(build(answer))[:3] == step[:3]
        elif isinstance(step, bool):
            machine.physics.switch(on=step)
        elif isinstance(step, float):
            for message in machine.advance(step):
                assert parse(build(message)) == message
                assert not decode_message(message)[1]
        elif isinstance(step, tuple):
            machine.physics.set(*step)
            machine.physics.set(step[0], 50)
        else:
            try:
                {"shot": lambda: machine.physics.pull_shot(1), "hot water": machine.physics.pour_hot_water}.get(
                    step, machine.physics.stop
                )()
            except NotNowError:
                continue
        assert 15 < machine.registers.number("coffee_temp", 0) < 105
        assert 15 < machine.registers.number("steam_temp", 0) < 135


@given(st.integers(0, 0xFFFF), st.integers(0, 64))
def test_what_is_read_is_the_memory(address, length):
    machine = Machine("GS3 AV", default_memory("GS3 AV"))
    answer = read(machine, address, length)
    if answer is not None and answer.data is not None:
        assert answer.data == machine.memory.read(address, length)
