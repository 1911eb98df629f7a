"""Settings against the simulated machine: done, not taken or not known, and never written twice."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.codec.record import Kind
from lmdecode.codec.v1.memory import Answer, Region
from lmdecode.codec.v1.message import Message, build
from lmdecode.codec.v1.setting_change import change
from lmdecode.codec.v1.setting_words import values_for
from lmdecode.codec.v1.settings import SETTINGS
from lmdecode.device.changing import State, making, previewing
from lmdecode.device.errors import MachineError, NoAnswerError
from lmdecode.device.session import take_snapshot
from lmdecode.device.v1.driver import MemoryDriver, plan_of
from lmdecode.device.v1.session import MemorySession
from lmdecode.device.v1.settings import RawOutcome, find_model, writing_raw
from lmdecode.simulator.faults import FAULTS, Fault, Faults, On, parse_fault
from lmdecode.simulator.machine import Machine
from tests.simulator.client import KEY, server

SCHEDULES = 1000
TOGETHER = 25  # schedules that run at once: they wait most of the time
QUICK = (0.0, 0.01)


def session(to, *, timeout=0.2):
    return MemorySession(MemoryDriver(host=to.host, port=to.port, key=KEY, timeout=timeout).connection, pause=0.01)


def look(talk, changes):
    return talk.run(previewing(plan_of(changes, model=None)))


def make(talk, found):
    return talk.run(making(found, looks=QUICK))


def write_raw(talk, request):
    return talk.run(writing_raw(request))


def snapshot_of(talk):
    return take_snapshot(talk, MemoryDriver(host="", key=KEY).snapshot())


def changes_of(values):
    return [change(name, value) for name, value in values.items()]


def run(values, *faults, after_look=(), prepare=None, model="GS3 AV"):
    """Set some values; what came of it, the writes that the machine heard, the machine."""

    async def go():
        records = []
        async with server(*faults, model=model, on_record=records.append) as machine:
            if prepare:
                prepare(machine.machine)
            async with session(machine) as talk:
                asked = changes_of(values)
                before = await look(talk, asked)
                for fault in after_look:
                    machine.faults.add(parse_fault(fault))
                outcome = await make(talk, before)
        writes = [each.plaintext for each in records if each.role == "request" and each.kind is Kind.WRITE]
        assert writes == [build(message).decode() for message in outcome.sent]
        return outcome, writes, machine.machine

    return asyncio.run(go())


@pytest.mark.parametrize(
    "values",
    [
        {"power": False},
        {"coffee_set_temp": 93.5},
        {"steam_set_temp": 120.0},
        {"command": "steam_boiler_off"},
        {"dose_k2": 121},
        {"dose_hot_water": 9},
        {"prebrew_flag": "preinfusion"},
        {"prebrewing_ton_k1": 2.5, "prebrewing_toff_k1": 3.1},
        {"preinfusion_k3": 4.4},
        {"tue_on_time": "06:31", "tue_off_time": "17:30"},
        {"tue_auto": False},
        {"clock": "2026-11-21T09:30:00"},
    ],
)
def test_each_setting_is_made(values):
    outcome, _, machine = run(values)
    assert outcome.done, outcome
    assert outcome.complaint == ""
    for result in outcome.results:
        assert result.state is State.DONE
        assert result.old != result.found or result.change.name == "clock"
        assert result.change.is_made(machine.memory)


def test_what_is_so_already_is_not_sent():
    outcome, writes, _ = run({"power": True, "tue_auto": True})
    assert [result.state for result in outcome.results] == [State.UNCHANGED] * 2
    assert outcome.done
    assert writes == []


def test_a_backflush_is_done_when_the_machine_says_ok():
    outcome, writes, _ = run({"command": "start_backflush"})
    assert outcome.done
    assert outcome.results[0].found is None
    assert writes == ["W00E1000182" + writes[0][-2:]]


def test_a_refusal_is_not_taken_and_what_follows_is_not_sent():
    outcome, writes, _ = run({"prebrewing_ton_k1": 2.5, "prebrewing_toff_k1": 3.1}, after_look=["no-ok"])
    assert [result.state for result in outcome.results] == [State.NOT_TAKEN, State.NOT_SENT]
    assert "answered 'NO', not 'OK'" in outcome.complaint
    assert len(writes) == 1
    assert not outcome.done


@pytest.mark.parametrize("fault", ["drop", "garbage", "half", "reset", "close", "wrong-check", "wrong-preamble"])
def test_an_answer_that_is_lost_does_not_hide_what_the_machine_did(fault):
    outcome, writes, machine = run({"dose_k2": 121}, after_look=[f"{fault}:1"])
    assert outcome.done
    assert outcome.results[0].found == 121
    assert "but the machine holds the new value" in outcome.complaint
    assert len(writes) == 1
    assert machine.registers.get("dose_k2") == 121


def test_an_answer_that_is_lost_and_a_machine_that_then_is_silent():
    outcome, writes, _ = run({"dose_k2": 121}, after_look=["drop"])
    assert [result.state for result in outcome.results] == [State.UNKNOWN]
    assert "what came of it cannot be read" in outcome.complaint
    assert len(writes) == 1


def test_a_lost_answer_to_what_shows_nowhere_is_not_known():
    outcome, _, _ = run({"command": "start_backflush"}, after_look=["drop"])
    assert outcome.results[0].state is State.UNKNOWN


def test_a_machine_that_says_ok_and_does_nothing(monkeypatch):
    monkeypatch.setattr(Machine, "_take", lambda *_: None)
    outcome, writes, _ = run({"dose_k2": 121, "power": False})
    assert [result.state for result in outcome.results] == [State.NOT_TAKEN] * 2
    assert outcome.complaint == "the machine said OK, but did not take it: dose_k2, power"
    assert len(writes) == 2


def test_without_the_machines_word_nothing_is_said_not_to_be_taken(monkeypatch):
    monkeypatch.setattr(Machine, "_take", lambda *_: None)  # as if the write were still on its way
    outcome, writes, _ = run({"dose_k2": 121}, after_look=["drop:1"])
    assert [result.state for result in outcome.results] == [State.UNKNOWN]
    assert outcome.results[0].found == 118
    assert len(writes) == 1


def test_raw_bytes():
    async def go(request, *faults):
        async with server(*faults) as machine, session(machine) as talk:
            return await write_raw(talk, request)

    request = Message(Kind.WRITE, 0x001E, 1, b"\x09")
    assert asyncio.run(go(request)) == RawOutcome(request, b"\x09", State.DONE)
    refused = asyncio.run(go(request, "no-ok"))
    assert (refused.found, refused.state) == (b"\x08", State.NOT_TAKEN)
    assert "did not take" in refused.complaint


@pytest.mark.parametrize("model", ["GS3 AV", "GS3 MP", "Linea Mini"])
def test_the_model_is_found(model):
    async def go():
        async with server(model=model) as machine, session(machine) as talk:
            return await talk.run(find_model())

    assert asyncio.run(go()) == model


def test_a_machine_that_does_not_say_what_it_is():
    async def go():
        async with server(speed=20) as machine, session(machine, timeout=0.3) as talk:
            await talk.read(0x0000, 1)
            machine.machine.memory.mark(Region(0x0100, 0x11, Answer.SILENT))
            machine.machine.memory.mark(Region(0x0020, 0x2C, Answer.SILENT))
            return await talk.run(find_model())

    with pytest.raises(NoAnswerError):
        asyncio.run(go())


# Random schedules of faults.

NOW = datetime.fromisoformat("2026-11-21T09:30:00")
COMMANDS = [
    *(values_for(SETTINGS[name], words, now=NOW) for name, words in [
        ("power", {"state": "off"}),
        ("coffee_set_temp", {"degrees": "93.5"}),
        ("dose", {"button": "2", "amount": "121"}),
        ("steam_boiler_enable", {"state": "off"}),
        ("prebrew", {"button": "1", "on": "2.5", "off": "3.1"}),
        ("schedule", {"day": "tue", "on": "06:31", "off": "17:30"}),
        ("auto_on_off", {"day": "tue", "state": "off"}),
        ("clock", {"time": "now"}),
        ("backflush", {}),
    ]),
    "status",
    "read",
    "write",
]  # fmt: skip
ANSWERS = sorted(name for name, (on, _) in FAULTS.items() if on is not On.CONNECTION)
CONNECTIONS = sorted(name for name, (on, _) in FAULTS.items() if on is On.CONNECTION)
schedules = st.tuples(
    st.sampled_from(COMMANDS),
    st.lists(st.none() | st.sampled_from(ANSWERS), max_size=12),
    st.sampled_from([[], [], [], [], *([name] for name in CONNECTIONS)]),
    st.integers(0, 99),
)


async def one(command, answers, connections, seed):
    """Do a command on a machine with some faults: it ends, in a way that is true, and writes nothing twice."""
    in_turn = [None if name is None else Fault(name, 1, 0.02 if name == "delay" else 0.0) for name in answers]
    faults = Faults([Fault(name, 1) for name in connections], seed=seed, in_turn=in_turn)
    records = []
    async with server(faults=faults, on_record=records.append, speed=5) as machine:
        talk = session(machine, timeout=0.1)
        try:
            async with asyncio.timeout(30):
                ended = await do(talk, command)
        except MachineError as error:
            ended = error
        finally:
            await talk.close()
        assert "\n" not in str(ended if isinstance(ended, MachineError) else "")
        writes = [each.plaintext for each in records if each.role == "request" and each.kind is Kind.WRITE]
        assert len(writes) == len(set(writes)), "a write was sent twice"
        if isinstance(command, str) or isinstance(ended, MachineError):
            assert command == "write" or not writes, "nothing was to be written yet"
            return
        for result in ended.results:
            made = result.change.is_made(machine.machine.memory)
            if result.change.shown and result.state in {State.DONE, State.UNCHANGED}:
                assert made
            if result.change.shown and result.state in {State.NOT_TAKEN, State.NOT_SENT}:
                assert not made
        assert ended.done or ended.complaint


async def do(talk, command):
    if command == "status":
        return await snapshot_of(talk)
    if command == "read":
        return await talk.read(0x4000, 32)
    if command == "write":
        await look(talk, [])
        return await write_raw(talk, Message(Kind.WRITE, 0x001E, 1, b"\x09"))
    asked = changes_of(command)
    return await make(talk, await look(talk, asked))


@settings(max_examples=SCHEDULES // TOGETHER)
@given(st.lists(schedules, min_size=TOGETHER, max_size=TOGETHER))
def test_whatever_goes_wrong_a_command_ends_and_tells_the_truth(batch):
    async def go():
        async with asyncio.TaskGroup() as group:
            for schedule in batch:
                group.create_task(one(*schedule))

    asyncio.run(go())
